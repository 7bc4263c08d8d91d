"""The page is one file, the same bytes each time, and its policy allows nothing from outside."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from browser import build
from browser.build import FOLDER, make_page, make_script, modules

ROOT = Path(__file__).parents[2]
# Without what others wrote, and without the tests' own end.
OWN = [path for path in sorted(FOLDER.rglob("*.js")) if not {"vendor", "node"} & {*path.parts}]


@pytest.fixture(scope="module")
def page() -> str:
    return make_page().decode()


def between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def csp(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_two_builds_give_the_same_bytes_and_the_digest_is_printed(tmp_path: Path) -> None:
    printed = []
    for seed in ("1", "2"):
        target = tmp_path / seed / "verify.html"
        ran = subprocess.run(
            [sys.executable, "-m", "browser.build", str(target)],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
        )
        data = target.read_bytes()
        assert ran.stdout == f"{hashlib.sha256(data).hexdigest()}  {target}\n"
        printed.append(data)
    assert printed[0] == printed[1]


def test_the_policy_names_the_very_script_and_style_and_no_address(page: str) -> None:
    policy = between(page, 'http-equiv="Content-Security-Policy" content="', '"')
    script = between(page, '<script id="program">', "</script>")
    style = between(page, "<style>", "</style>")
    assert policy == (
        f"default-src 'none'; script-src {csp(script)} 'wasm-unsafe-eval'; style-src {csp(style)}; "
        "worker-src blob:; media-src blob:; img-src blob:; base-uri 'none'; form-action 'none'"
    )
    assert page.index("Content-Security-Policy") < page.index("<style>") < page.index("<script")


def test_nothing_in_it_names_another_file(page: str) -> None:
    outside = page.replace(between(page, '<script id="program">', "</script>"), "")
    assert not re.search(r"(?:src|href)=|url\(|@import|https?:", outside)


def test_its_words_are_those_of_the_report(page: str) -> None:
    told = json.loads(between(page, '<script type="application/json" id="words">', "</script>"))
    assert told["first_page"]["CUT"] == {"en": "Was this video cut?", "zh": "这段录像被剪过吗？"}
    assert [step["name"] for step in told["steps"]][:2] == ["container", "checkpoint"]


def test_no_module_makes_markup_or_code_out_of_text_or_asks_a_network() -> None:
    for path in OWN:
        source = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b"
            r"|new Function|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|EventSource"
            r"|importScripts|\bimport\(|localStorage|indexedDB",
            source,
        )
        assert not found, (path, found)


def test_every_module_comes_after_what_it_imports() -> None:
    order = modules()
    assert order[-1] == "page/start.js"
    assert len(order) == len(set(order))
    assert order.index("errors.js") < order.index("encoding.js") < order.index("suite.js")
    assert not any(path.startswith("node/") for path in order)


def tree(folder: Path, **files: str) -> None:
    (folder / "page").mkdir()
    for name, text in files.items():
        (folder / "page" / f"{name}.js").write_text(text, encoding="utf-8")


def joined(monkeypatch: pytest.MonkeyPatch, folder: Path, **files: str) -> str:
    tree(folder, **files)
    monkeypatch.setattr(build, "FOLDER", folder)
    return make_script()


def test_what_it_joins_does_what_the_modules_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = joined(
        monkeypatch,
        tmp_path,
        a="export const one = 1;\nexport async function two() {\n  return 2;\n}\n"
        'const x = "a";\nexport { x as letter };\n',
        b='export {\n  one,\n  letter as b,\n} from "./a.js";\n'
        'const x = await Promise.resolve("b");\nexport class B {\n  x = x;\n}\n',
        start='import { two } from "./a.js";\nimport { B, b } from "./b.js";\n'
        'import * as all from "./b.js";\nconsole.log(await two(), b, new B().x, all.one);\n',
    )
    run = tmp_path / "run.cjs"
    run.write_text(script, encoding="utf-8")
    ran = subprocess.run(["node", str(run)], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("2 a b 1\n", "")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('import x from "./a.js";', "no such import"),
        ('const a = import("./a.js");', "no such import"),
        ("export default 1;", "no such import"),
        ("export let a = 1;", "no such import"),
        ('import { a } from "node:fs";', "want a module of this folder"),
        ('import { b } from "./a.js";', "exports no 'b'"),
        ('import { a } from "./start.js";', "import each other"),
        ('const a = "</SCRIPT>";', "end the script"),
    ],
)
def test_what_cannot_be_joined_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, said: str
) -> None:
    with pytest.raises(SystemExit, match=said):
        joined(monkeypatch, tmp_path, a="export const a = 1;\n", start=source + "\n")
