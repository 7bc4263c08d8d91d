"""Which modules of this project a module runs, read off the sources."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("ledger", "storage", "api", "cli", "portable")


def file_of(module: str) -> Path | None:
    base = ROOT / module.replace(".", "/")
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def imported(path: Path) -> Iterator[str]:
    """Names that may be modules: importing one also runs the packages above it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)


def closure(start: str, without: frozenset[str] = frozenset()) -> dict[str, Path]:
    """`without` are modules that are not followed, nor in the answer."""
    found: dict[str, Path] = {}
    pending = [start]
    while pending:
        module = pending.pop()
        path = file_of(module) if module.split(".")[0] in OURS else None
        if path is None or module in found or module in without:
            continue
        found[module] = path
        pending += [*imported(path), module.rpartition(".")[0]]
    return found
