"""Builds the page: `python -m browser.build dist/verify.html`.

One file, which loads nothing: the modules of `browser/` that it needs are joined in the order
of their imports, each in a function of its own, into one inline script; its content security
policy names the digest of that script and of the style. Workers run the same script. The same
sources give the same bytes.
"""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from browser.words import words

FOLDER = Path(__file__).parent
START = "page/start.js"

_NAMES = r"\{(?P<names>[^}]*)\}"
_IMPORT = re.compile(
    rf"^import\s+(?:{_NAMES}|\*\s+as\s+(?P<whole>[\w$]+))\s+from\s*['\"](?P<path>[^'\"]+)['\"];?$",
    re.MULTILINE,
)
_EXPORT = re.compile(
    r"^export\s+(?P<declared>(?:async\s+)?(?:function\s*\*?|class|const)\s+(?P<name>[\w$]+))",
    re.MULTILINE,
)
_LIST = re.compile(
    rf"^export\s*{_NAMES}(?:\s*from\s*['\"](?P<path>[^'\"]+)['\"])?;?$", re.MULTILINE
)
_LEFT = re.compile(
    r"^\s*(?:import\b(?!\.meta)\s*[\w{*'\"]|export\b)|^[^/*\n]*\bimport\(", re.MULTILINE
)

_POLICY = (
    "default-src 'none'; script-src '{script}' 'wasm-unsafe-eval'; style-src '{style}'; "
    "worker-src blob:; media-src blob:; img-src blob:; base-uri 'none'; form-action 'none'"
)


def build(target: Path) -> str:
    """Writes the page; returns its SHA-256."""
    page = make_page()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(page)
    return hashlib.sha256(page).hexdigest()


def make_page() -> bytes:
    style = _read("page/style.css")
    script = make_script()
    policy = _POLICY.format(script=_csp(script), style=_csp(style))
    said = json.dumps(words(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Nothing in the words may end the element that holds them.
    parts = {"POLICY": policy, "STYLE": style, "WORDS": said.replace("<", "\\u003c")}
    page = _read("page/page.html")
    for name, text in {**parts, "SCRIPT": script}.items():
        page = page.replace(f"@{name}@", text, 1)
    return page.encode()


def make_script() -> str:
    joined = "\n".join(_module(path) for path in modules())
    # No module of the browser's: from a file it starts no worker that is one.
    script = f'\n"use strict";\n(async () => {{\nconst $modules = {{}};\n{joined}\n}})();\n'
    if re.search(r"</script|<!--", script, re.IGNORECASE):
        raise SystemExit("want no `</script` and no `<!--` in a module: they end the script")
    return script


def modules() -> list[str]:
    """Those that the page needs, each after all that it imports."""
    order: list[str] = []
    _visit(START, order, ())
    return order


def _visit(path: str, order: list[str], above: tuple[str, ...]) -> None:
    if path in above:
        raise SystemExit(f"modules import each other: {' → '.join((*above, path))}")
    if path in order:
        return
    for other in _imported(path):
        _visit(other, order, (*above, path))
    order.append(path)


def _imported(path: str) -> Iterator[str]:
    source = _read(path)
    for pattern in (_IMPORT, _LIST):
        yield from (_path_of(m["path"], path) for m in pattern.finditer(source) if m["path"])


def _module(path: str) -> str:
    """The module as a function's body, which may wait. What it exports is frozen."""
    exported: list[str] = []

    def imports(match: re.Match[str]) -> str:
        other = _path_of(match["path"], path)
        for name in _listed(match["names"] or ""):
            # A browser would refuse it; as a value that is not there it would come to light late.
            if (wanted := name.partition(" as ")[0]) not in _exported(other):
                raise SystemExit(f"{path}: {other} exports no {wanted!r}")
        return f"const {match['whole'] or _unpacked(match['names'])} = $modules[{other!r}];"

    def declares(match: re.Match[str]) -> str:
        exported.append(match["name"])
        return match["declared"]

    def lists(match: re.Match[str]) -> str:
        of = f"$modules[{_path_of(match['path'], path)!r}]." if match["path"] else ""
        for name in _listed(match["names"]):
            inner, _, outer = name.partition(" as ")
            exported.append(f"{outer or inner}: {of}{inner}")
        return ""

    body = _IMPORT.sub(imports, _read(path))
    body = _LIST.sub(lists, _EXPORT.sub(declares, body))
    if left := _LEFT.search(body):
        line = body[left.start() :].strip().partition("\n")[0]
        raise SystemExit(f"{path}: no such import or export can be joined: {line!r}")
    given = ", ".join(exported)
    return (
        f"$modules[{path!r}] = await (async () => {{\n{body.strip()}\n"
        f"return Object.freeze({{ {given} }});\n}})();"
    )


def _exported(path: str) -> set[str]:
    source = _read(path)
    listed = (name for m in _LIST.finditer(source) for name in _listed(m["names"]))
    return {m["name"] for m in _EXPORT.finditer(source)} | {n.split(" as ")[-1] for n in listed}


def _listed(names: str) -> list[str]:
    return [" ".join(name.split()) for name in names.split(",") if name.strip()]


def _unpacked(names: str) -> str:
    return "{ " + ", ".join(name.replace(" as ", ": ") for name in _listed(names)) + " }"


def _path_of(target: str, importer: str) -> str:
    if not target.startswith("."):
        raise SystemExit(f"{importer}: want a module of this folder, got {target!r}")
    found = (FOLDER / importer).parent.joinpath(target).resolve()
    return found.relative_to(FOLDER).as_posix()


def _read(path: str) -> str:
    return (FOLDER / path).read_text(encoding="utf-8")


def _csp(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


if __name__ == "__main__":
    print(f"{build(Path(sys.argv[1]))}  {sys.argv[1]}")
