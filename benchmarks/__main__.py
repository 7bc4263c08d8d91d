"""Runs the benchmarks and writes what they gave into docs/performance.md.

A module of this folder that has `KEY` and `run(quick: bool) -> Table` is a benchmark.
"""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

import benchmarks
from benchmarks import report


def found() -> Iterator[ModuleType]:
    """The benchmarks of this folder, by key."""
    names = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name != "__main__"]
    modules = [importlib.import_module(f"benchmarks.{name}") for name in names]
    yield from sorted((m for m in modules if hasattr(m, "KEY")), key=lambda m: str(m.KEY))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help="keys, as a or c; none means all")
    parser.add_argument("--quick", action="store_true", help="small sizes; writes nothing")
    options = parser.parse_args()
    tables = []
    for module in found():
        if options.only and module.KEY not in options.only:
            continue
        print(f"({module.KEY}) {module.__doc__.splitlines()[0]}", file=sys.stderr)
        table = module.run(options.quick)
        tables.append(table)
        for row in table.rows:
            print(f"    {row.what:60} {row.median:>14,.4g} {row.unit}")
        for ratio in table.ratios:
            goal = "" if ratio.goal is None else f"   goal {ratio.goal:g}"
            print(f"    = {ratio.label:58} {ratio.value:>14.2f} ×{goal}")
    if not options.quick:
        report.write(tables)


if __name__ == "__main__":
    main()
