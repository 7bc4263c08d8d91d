"""What the modules of the verdict may use: no disk, no network, no clock, nothing of others."""

import re
from pathlib import Path

BROWSER = Path(__file__).parents[2] / "browser"
CORE = [
    path
    for path in sorted(BROWSER.rglob("*.js"))
    if not {"node", "page", "vendor"} & set(path.relative_to(BROWSER).parts)
]
# Each would be a way out, or a verdict that is another one tomorrow.
NOT_IN_THE_CORE = (
    *("fetch", "XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "importScripts"),
    *("eval", "Function", "Date.now", "Math.random", "localStorage", "indexedDB", "document"),
    *("require", "process", "Buffer", "navigator"),
)


def _code(path: Path) -> str:
    """Without comments and texts."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r'//.*|"[^"\n]*"|`[^`]*`', "", text)


def test_the_core_is_found() -> None:
    names = {path.relative_to(BROWSER).as_posix() for path in CORE}
    assert {"verify.js", "suite.js", "tlog/merkle.js", "verdict/container.js"} <= names


def test_only_the_harness_imports_from_node() -> None:
    importing = {
        path.relative_to(BROWSER).parts[0]
        for path in BROWSER.rglob("*.js")
        if re.search(r'from "node:|import\("', path.read_text(encoding="utf-8"))
    }
    assert importing == {"node"}


def test_the_core_reaches_for_nothing_outside() -> None:
    pattern = re.compile(
        rf"(?<![\w.#]){'(?:' + '|'.join(map(re.escape, NOT_IN_THE_CORE)) + ')'}\b(?=[\s]*[(.])"
    )
    found = {
        (path.relative_to(BROWSER).as_posix(), match[0])
        for path in CORE
        for match in pattern.finditer(_code(path))
    }
    assert found == set()


def test_the_core_imports_its_own_files_only() -> None:
    for path in CORE:
        for imported in re.findall(r'from "([^"]+)"', path.read_text(encoding="utf-8")):
            assert (path.parent / imported).resolve().is_relative_to(BROWSER), (path, imported)
