"""The report as a file of its own: it acts in nothing, and is the same bytes everywhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cli.language import choose
from cli.verdict_page import verdict_html
from ledger import suite
from ledger.encoding import format_base64
from ledger.report import Facts, Finding, Item, Outcome, Report, conclude
from ledger.verify import STEPS
from testkit.terminal import Run

MAIN = "import sys; from cli.main import main; sys.exit(main(sys.argv[1:]))"
ROOT = Path(__file__).parents[2]
GROUP_OF = {step.name: step.group for step in STEPS}
HOSTILE = "</pre></style><script>alert(1)</script>\"'&\x1b[2J\u202e\n.mp4"
ELEMENTS = "html meta title style h1 h2 p ul li table col tr th td pre"


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def hostile_report() -> Report:
    item = Item(*[HOSTILE] * 12)
    detail = f"3.0 % of {HOSTILE}: 1 runs of its chunks."
    findings = (
        Finding("item", Outcome.FAILED, HOSTILE, HOSTILE),
        Finding("clip", Outcome.PASSED, HOSTILE, detail),
        Finding("complete", Outcome.UNDECIDED, HOSTILE, f"{HOSTILE} is not in the packet"),
    )
    checkpoint = dict.fromkeys(
        ("claimed", "cosigners", "origin", "policy", "quorum_time", "root", "size"), HOSTILE
    )
    facts = Facts(
        case=HOSTILE,
        packet="ab" * 32,
        trust=f'{"cd" * 32}"; }} body {{ display: none',
        checkpoints=({**checkpoint, "overlap": "1"},),
        decisions=({"dated": HOSTILE, "documents": HOSTILE, "place": HOSTILE},),
        items=(item,),
    )
    return conclude(findings, GROUP_OF, frozenset(), facts)


def write(run: Run, worked: Path, to: Path, *more: str | Path) -> str:
    ended = run("verify", worked / "packet", "--trust", worked / "trust", "--html", to, *more)
    assert ended.code == 0, ended.err
    return to.read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_hostile_names_add_no_element_and_no_attribute(lang: str) -> None:
    choose([f"--lang={lang}"], {})
    text = verdict_html(hostile_report(), frozenset()).decode()
    elements = Elements()
    elements.feed(text)
    assert elements.found <= set(ELEMENTS.split())
    assert elements.attributes <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "colspan",
    }
    assert text.count("<style>") == text.count("</style>") == 1
    assert not {"\x1b", "\u202e"} & set(text)
    assert "&lt;script&gt;" in text
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "display: none" not in style


def test_its_policy_allows_its_own_style_and_nothing_else() -> None:
    choose(["--lang=en"], {})
    text = verdict_html(hostile_report(), frozenset()).decode()
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = format_base64(suite.digest(style.encode()))
    assert f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;;" in text
    assert not re.search(r"url\(|@import|https?:|src=|href=", text)


def test_every_printed_page_bears_the_reference_and_the_hashes_of_trust_folder_and_policy(
    run: Run, worked: Path, tmp_path: Path
) -> None:
    text = write(run, worked, tmp_path / "a.html")
    page = text.partition("@page {")[2].partition("\n}\n")[0]
    assert "size: A4" in page
    footer = re.search(r'@bottom-left \{ content: "(.*?)"', page)
    assert footer
    reference, trust, policy = footer[1].split(r"\A ")
    assert reference.startswith("Reference: TZP1.")
    for line in (trust, policy):
        assert re.fullmatch(r"(Trust folder|Policy): [0-9a-f]{64}", line)
        assert line in text.partition("The whole report")[2]


def test_it_holds_the_whole_report_but_not_where_the_packet_was(
    run: Run, worked: Path, tmp_path: Path
) -> None:
    text = write(run, worked, tmp_path / "a.html")
    assert str(worked) not in text
    assert "Renewals: passed" in text
    assert "Was this video cut?" in text
    assert "By article" in text


def test_the_same_packet_gives_the_same_bytes_in_another_place_locale_and_zone(
    worked: Path, tmp_path: Path
) -> None:
    made = []
    for number, (locale, zone) in enumerate([("C", "UTC"), ("zh_CN.UTF-8", "Asia/Shanghai")]):
        place = tmp_path / f"place-{number}"
        place.mkdir()
        (place / "other-name").symlink_to(worked / "packet")
        environ = {**os.environ, "LC_ALL": locale, "TZ": zone, "PYTHONHASHSEED": str(number)}
        command = [sys.executable, "-c", MAIN, "verify", str(place / "other-name")]
        command += ["--trust", str(worked / "trust"), "--log", str(worked / "public")]
        command += ["--at", "2027-01-01T00:00:00+08:00", "--lang", "zh"]
        command += ["--html", str(place / "a.html")]
        subprocess.run(
            command, cwd=place, env={**environ, "PYTHONPATH": str(ROOT)}, check=True,
            capture_output=True,
        )  # fmt: skip
        made.append((place / "a.html").read_bytes())
    assert made[0] == made[1]


def test_a_report_never_takes_the_place_of_what_is_checked(
    run: Run, worked: Path, tmp_path: Path
) -> None:
    trust = ("--trust", worked / "trust")
    for file in (worked / "packet", worked / "packet/bagit.txt", worked / "trust/a.html"):
        before = file.read_bytes() if file.is_file() else b""
        ended = run("verify", worked / "packet", *trust, "--html", file)
        assert (ended.code, ended.out) == (2, "")
        assert (file.read_bytes() if file.is_file() else b"") == before


def test_it_is_of_one_packet(run: Run, worked: Path, tmp_path: Path) -> None:
    packets = (worked / "packet", worked / "packet")
    ended = run("verify", *packets, "--trust", worked / "trust", "--html", tmp_path / "a.html")
    assert ended.code == 2
    assert not (tmp_path / "a.html").exists()


def test_a_failed_packet_has_its_report_too(run: Run, worked: Path, tmp_path: Path) -> None:
    (worked / "packet/data/items/01.mp4").write_bytes(b"other")
    trust = ("--trust", worked / "trust", "--lang", "en")
    ended = run("verify", worked / "packet", *trust, "--html", tmp_path / "a.html")
    assert ended.code == 1
    assert "<h1>Verdict: FAILED</h1>" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_what_lies_beside_the_target_is_not_written_to(
    run: Run, worked: Path, tmp_path: Path
) -> None:
    """A link with the name of what is not written whole yet would lead to the evidence."""
    evidence = worked / "packet/data/packet.json"
    before = evidence.read_bytes()
    (tmp_path / ".a.html.partial").symlink_to(evidence)
    write(run, worked, tmp_path / "a.html")
    assert evidence.read_bytes() == before
    assert not (tmp_path / "a.html").is_symlink()


def test_a_full_disk_leaves_no_half_of_a_report(worked: Path, tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from cli.main import main; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); sys.exit(main(sys.argv[1:]))"
    )
    place = tmp_path / "new"
    place.mkdir()
    command = [sys.executable, "-B", "-c", program, "verify", str(worked / "packet")]
    command += ["--trust", str(worked / "trust"), "--html", str(place / "a.html")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 4, ended.stderr
    assert list(place.iterdir()) == []
