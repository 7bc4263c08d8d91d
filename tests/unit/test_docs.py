"""The documents say what the code does."""

import json
import re
import subprocess
import sys
import zlib
from base64 import b64decode
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from starlette.routing import Route

from api.app import create_app
from api.cosigner import CosignerService, create_cosigner_app
from api.mirror import create_mirror_app
from api.problems import TABLE
from api.settings import Settings
from cli.command import Argument, Option
from cli.explain.words import KINDS
from cli.main import COMMANDS
from cli.output import Exit
from ledger.evidence.session import Cause, GapKind, Kept
from ledger.evidence.statement import FIELDS, FORMS, MAY_SAY, EvidenceType, Kind, Role, Stage
from ledger.verify import STEPS
from storage.clock import SystemClock
from storage.folder import DataFolder
from storage.packets import Bytes, zip_pieces

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FORMATS = DOCS / "formats"
DECISIONS = DOCS / "decisions"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
WORKED = ROOT / "tests" / "vectors" / "own" / "worked-packet"

FORBIDDEN = re.compile(
    r"(?<![\w.~$])/(?:work|tmp|home|root|Users)/"  # somebody's machine
    r"|pypi\.|files\.pythonhosted|proxy\.golang|npmjs|docker\.io|ghcr\.io"  # registries
    r"|localhost:\d"
)


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table whose first header cell this is."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {header} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def ticked(cell: str) -> list[str]:
    """The words in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# --- all pages -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        file = page if not path else page.parent / path
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_speaks_of_a_machine_or_a_registry(page: Path) -> None:
    assert FORBIDDEN.findall(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.parent not in (ROOT, DECISIONS)], ids=name_of
)
def test_a_page_begins_with_who_should_read_it(page: Path) -> None:
    title, _, rest = page.read_text(encoding="utf-8").partition("\n")
    assert title.startswith("# ")
    paragraphs = [p for p in rest.strip().split("\n\n") if not p.startswith("[")]
    assert re.match(r"For |本页写给", paragraphs[0])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    for path in re.findall(
        r"`((?:tests|ledger|api|cli|storage)/[\w./-]+)`", page.read_text("utf-8")
    ):
        exists = (ROOT / path).exists() or (ROOT / f"{path}.py").exists()
        assert exists or (ROOT / path).with_suffix(".py").exists(), path


def test_every_page_of_a_folder_is_in_its_list() -> None:
    for folder in (FORMATS, DECISIONS):
        listed = re.findall(r"\]\(([\w.-]+\.md)\)", (folder / "README.md").read_text("utf-8"))
        assert sorted({*listed, "README.md"}) == sorted(p.name for p in folder.glob("*.md"))


def test_both_readmes_tell_the_same_number_of_lines() -> None:
    mark = r"<!-- verify-closure -->([\d,]+) (?:lines|行)<!-- /verify-closure -->"
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")]
    english, chinese = (re.findall(mark, text) for text in texts)
    assert len(english) == 1
    assert chinese == english


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_a_readme_lists_every_command(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    header = "command" if readme == "README.md" else "命令"
    assert {name for row in rows(text, header) for name in ticked(row[0])} == set(COMMANDS)


# --- bytes -----------------------------------------------------------------------------------


def shown() -> Iterator[tuple[str, str, str]]:
    """Page, source and text of every block that claims to be from the worked packet."""
    mark = re.compile(r"<!-- from (.+?) -->\n```\w*\n(.*?)\n```", re.DOTALL)
    for page in sorted(FORMATS.glob("*.md")):
        for source, text in mark.findall(page.read_text(encoding="utf-8")):
            yield page.name, source, text


@pytest.mark.parametrize(("page", "source", "text"), list(shown()))
def test_the_bytes_shown_are_those_of_the_worked_packet(page: str, source: str, text: str) -> None:
    path, _, payload = source.partition(" ")
    found = (WORKED / path).read_text(encoding="utf-8")
    if payload:
        found = b64decode(json.loads(found)["payload"]).decode()
    at = 0
    for part in re.split(r",?…,?", text):
        at = found.index(part, at) + len(part)


def test_there_are_bytes_to_compare() -> None:
    pages = {page for page, _, _ in shown()}
    assert len(pages) >= 8


def test_the_zip_begins_as_the_page_shows() -> None:
    root = WORKED / "packet"
    data = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    packed = b"".join(
        zip_pieces(
            {path: Bytes(content) for path, content in data.items()},
            {path: zlib.crc32(content) for path, content in data.items()},
        )
    )
    page = read("formats/packet.md")
    block = re.search(r"<!-- zip 0 -->\n```text\n(.*?)```", page, re.DOTALL)
    assert block is not None
    assert packed.hex().startswith("".join(block[1].split()))
    assert f"{len(packed):,} bytes" in page


def test_the_eight_roots_are_checked_by_the_code_on_the_page() -> None:
    page = read("formats/series.md")
    block = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert block is not None
    done = subprocess.run(
        [sys.executable, "-I", "-c", block[1]],
        cwd=WORKED,
        capture_output=True,
        text=True,
        check=True,
    )
    enrolled = re.search(r'"2026":"([0-9a-f]{64})"', page)
    assert enrolled is not None
    assert done.stdout.rstrip().endswith(enrolled[1])


# --- statements ------------------------------------------------------------------------------


def sayers(kind: Kind, need: set[str]) -> set[str]:
    if "gap" in need:
        return {str(Role.HANDLER)}
    return set(map(str, MAY_SAY[kind])) or {"registrar"}


def test_the_page_on_sessions_has_every_word_of_its_lists() -> None:
    page = read("formats/session.md")
    kinds = [row[0].strip("`") for row in rows(page, "kind")]
    reasons = [row[0].strip("`") for row in rows(page, "reason to keep it")]
    causes = ticked(page.split("## Causes")[1].split("##")[0])
    assert (kinds, causes, reasons) == (list(GapKind), list(Cause), list(Kept))


def test_the_page_on_statements_has_every_form_of_every_kind() -> None:
    expected = [
        [f"`{kind}`", sayers(kind, need), need, may] for kind in Kind for need, may in FORMS[kind]
    ]
    table = rows(read("formats/statement.md"), "kind")
    found = [
        [kind, set(said.split(", ")), set(ticked(need)), set(ticked(may))]
        for kind, said, need, may, _ in table
    ]
    assert found == expected


def test_the_page_on_statements_has_every_field() -> None:
    names = [ticked(row[0]) for row in rows(read("formats/statement.md"), "field")]
    assert names == [[name] for name in sorted(FIELDS)]


@pytest.mark.parametrize(
    ("field", "words"), [("role", Role), ("stage", Stage), ("evidence_type", EvidenceType)]
)
def test_the_page_on_statements_has_every_word_of_a_list(
    field: str, words: type[Role | Stage | EvidenceType]
) -> None:
    table = {row[0]: row[1] for row in rows(read("formats/statement.md"), "field")}
    assert ticked(table[f"`{field}`"]) == [str(word) for word in words]


# --- verdict ---------------------------------------------------------------------------------


def test_the_page_on_the_verdict_has_the_steps_that_run() -> None:
    expected = [
        [
            str(n),
            f"`{step.name}`",
            str(step.group),
            step.title["en"],
            step.title["zh"],
            step.proves["en"],
            step.not_proved["en"],
        ]
        for n, step in enumerate(STEPS, 1)
    ]
    assert rows(read("formats/verdict.md"), "n") == expected


def test_the_page_on_the_verdict_has_every_exit_code() -> None:
    codes = [int(row[0]) for row in rows(read("formats/verdict.md"), "code")]
    assert codes == sorted(Exit)


# --- HTTP ------------------------------------------------------------------------------------


def routes(app: object) -> set[tuple[str, str]]:
    """Method and path; HEAD goes with GET where there is one, and `{path:path}` is `{path}`."""
    found = {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in flat(app)
        for method in route.methods or ()
    }
    return {
        (method, path) for method, path in found if method != "HEAD" or ("GET", path) not in found
    }


def flat(app: object) -> Iterator[Route]:
    for route in getattr(app, "routes", []):
        if isinstance(route, Route):
            yield route
        else:
            yield from flat(getattr(route, "original_router", route))


def documented_routes(section: str) -> set[tuple[str, str]]:
    text = read("formats/http.md").split(f"## {section}\n")[1]
    return {(ticked(row[0])[0], ticked(row[1])[0]) for row in rows(text, "method")}


def test_the_page_on_http_has_every_route_of_a_ledger() -> None:
    assert documented_routes("Routes of a ledger") == routes(create_app())


def test_the_page_on_http_has_every_route_of_a_cosigner() -> None:
    service = CosignerService({}, (), None, SystemClock())  # type: ignore[arg-type]
    assert documented_routes("Routes of a cosigner") == routes(create_cosigner_app(service))


def test_the_page_on_http_has_every_route_of_a_mirror() -> None:
    assert documented_routes("Routes of a mirror") == routes(create_mirror_app([]))


def test_the_page_on_http_has_every_problem() -> None:
    table = [row[:3] for row in rows(read("formats/http.md"), "code")]
    assert table == [[f"`{code}`", str(status), title] for code, (status, title) in TABLE.items()]


# --- command line ----------------------------------------------------------------------------


def every_command() -> dict[str, click.Command]:
    """By full name; a group stands before its commands."""
    found: dict[str, click.Command] = {}
    for name, listed in COMMANDS.items():
        command = import_module(listed.module).command
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": each for inner, each in command.commands.items()}
    return found


def section(command: str) -> str:
    found = re.search(
        rf"^## tiezheng {command}\n(.*?)(?=^## |\Z)", read("formats/cli.md"), re.M | re.S
    )
    assert found is not None, command
    return found[1]


def test_the_page_on_commands_has_every_command_in_order() -> None:
    assert re.findall(r"^## tiezheng ([\w -]+)$", read("formats/cli.md"), re.M) == list(
        every_command()
    )


def test_the_page_on_commands_has_every_kind_that_inspect_knows() -> None:
    expected = [
        [f"`{kind}`", words.what["en"], words.defined_in or "—"] for kind, words in KINDS.items()
    ]
    assert rows(section("inspect"), "kind") == expected


@pytest.mark.parametrize("command", every_command())
def test_the_page_on_commands_has_every_option(command: str) -> None:
    found = every_command()[command]
    expected = []
    for param in found.params:
        if isinstance(param, Argument):
            expected.append([param.human_readable_name])
        elif isinstance(param, Option) and param.opts != ["--lang"]:
            expected.append(param.opts)
    cells = [ticked(row[0])[0] for row in rows(section(command), "option")] if expected else []
    names = [re.findall(r"--?[a-z][a-z0-9-]*", cell) or [cell] for cell in cells]
    assert names == expected


@pytest.mark.parametrize("command", every_command())
def test_the_page_on_commands_has_every_choice(command: str) -> None:
    found = every_command()[command]
    for param in found.params:
        if isinstance(param.type, click.Choice) and param.opts != ["--lang"]:
            assert ", ".join(f"`{choice}`" for choice in param.type.choices) in section(command)


_TYPED = re.compile(r"(?: {4}|\$ )(?:\.venv/bin/)?tiezheng ([a-z][\w-]*(?: [a-z][a-z-]*)?) ?(.*)")


def typed(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Every command that a page tells to type, with the options it uses."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.split("\n"):
        match = _TYPED.match(line)
        if match:
            yield match[1], re.findall(r"(?<!\S)--?[a-z][a-z0-9-]*", match[2].partition("   # ")[0])


@pytest.mark.parametrize("page", [p for p in PAGES if list(typed(p))], ids=name_of)
def test_every_command_that_a_page_types_takes_its_options(page: Path) -> None:
    commands = every_command()
    for name, options in typed(page):
        found = commands.get(name) or commands[name.partition(" ")[0]]
        known = {opt for param in found.params for opt in param.opts}
        assert set(options) <= known, name


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_session_of_a_readme_is_that_of_the_demo(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    demo = (ROOT / "cli" / "demo.py").read_text(encoding="utf-8")
    session = re.search(r"```console\n\$ make demo\n(.*?)```", text, re.DOTALL)
    assert session is not None
    told = re.findall(r"^\d\. (.{15})", session[1], re.MULTILINE)
    assert len(told) == 4
    assert all(sentence in demo for sentence in told)


# --- folders and settings --------------------------------------------------------------------


def test_the_page_on_the_data_folder_has_every_part() -> None:
    folder = DataFolder(Path("data"))
    parts = {
        value.name
        for name, member in vars(DataFolder).items()
        if isinstance(member, property) and isinstance(value := getattr(folder, name), Path)
    }
    named = [
        name.split("/")[0]
        for row in rows(read("formats/data-folder.md"), "path")
        for name in ticked(row[0])
    ]
    assert parts <= set(named)


def test_the_page_on_the_data_folder_has_every_setting_with_its_default() -> None:
    found = {}
    for row in rows(read("formats/data-folder.md"), "setting"):
        for name in ticked(row[0]):
            found[name] = row[1].strip("`")
    in_toml = {"None": "none", "True": "true", "False": "false"}  # as text: 0 is False
    expected = {
        name: in_toml.get(str(field.default), str(field.default))
        for name, field in Settings.model_fields.items()
    }
    assert found == expected


# --- guarantees ------------------------------------------------------------------------------


def rising(names: list[str], letter: str) -> bool:
    """Each once and in order; a number that is given stays given, so there may be gaps."""
    numbers = [int(name.removeprefix(letter)) for name in names if name.startswith(letter)]
    return len(numbers) == len(names) and numbers == sorted(set(numbers))


def test_guarantees_are_numbered_and_each_names_its_tests() -> None:
    table = rows(read("threat-model.md"), "no.")
    assert rising([row[0] for row in table], "G")
    for number, _, tests in table:
        assert ticked(tests), number
        assert all((ROOT / path).is_file() for path in ticked(tests)), number


def test_what_is_not_guaranteed_is_numbered() -> None:
    text = read("threat-model.md").split("## Not guaranteed")[1]
    table = rows(text, "no.")
    assert rising([row[0] for row in table], "N")


def test_every_decision_says_which_attack_it_was_there_for_and_what_it_costs() -> None:
    for page in sorted(DECISIONS.glob("0*.md")):
        text = page.read_text(encoding="utf-8")
        for part in ("**Context.**", "**Decision.**", "**Attack.**", "**Costs.**"):
            assert part in text, (page.name, part)


def test_every_dependency_is_in_its_decision() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"\ndependencies = \[\n(.*?)\n\]", project, re.DOTALL)
    assert block is not None
    names = re.findall(r'"([\w-]+)[>=]', block[1])
    table = rows(read("decisions/0011-dependencies.md"), "package")
    listed = [name for row in table for name in row[0].partition(" (")[0].split(", ")]
    extras = ["av", "pyhanko", "python-pkcs11", "typst"]
    assert sorted(listed) == sorted([*names, *extras])
