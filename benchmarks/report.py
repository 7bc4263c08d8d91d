"""Writes what was measured into docs/performance.md, and draws the curves beside it.

The tables stand between markers, `<!-- bench c -->` and `<!-- /bench c -->`; the words
around them are written by hand. `docs/performance/results.json` holds the same numbers.
"""

import json
import os
import platform
import re
import sqlite3
import ssl
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.measure import Table

PAGE = Path("docs/performance.md")
FOLDER = Path("docs/performance")
RESULTS = FOLDER / "results.json"


def write(tables: Iterable[Table]) -> None:
    """Replaces the results of these tables; the others stay as they were."""
    FOLDER.mkdir(exist_ok=True)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for table in tables:
        results[table.key] = asdict(table) | {"machine": machine()}
        if table.curves:
            _draw(table)
    text = json.dumps(results, ensure_ascii=False, indent=1, sort_keys=True)
    # As it will be read: tuples become lists.
    results = json.loads(text)
    RESULTS.write_text(text + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(page, results), encoding="utf-8")


def filled(page: str, results: dict[str, Any]) -> str:
    """The page with every table as the results have it."""
    for key, result in results.items():
        block = re.compile(rf"(<!-- bench {key} -->\n).*?(<!-- /bench {key} -->)", re.DOTALL)
        if not block.search(page):
            raise ValueError(f"{PAGE} has no place for the results of ({key})")
        page = block.sub(lambda m, r=result: m[1] + _markdown(r) + m[2], page)
    return page


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    file_system = subprocess.run(
        ["stat", "-f", "-c", "%T", "."], capture_output=True, text=True, check=False
    ).stdout.strip()
    return (
        f"{os.cpu_count()} cores of {model[1] if model else platform.processor()}, "
        f"{round(int(memory[1]) / 2**20) if memory else '?'} GiB, {file_system}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"{ssl.OPENSSL_VERSION.rpartition(' ')[0].rsplit(' ', 2)[0]}, "
        f"SQLite {sqlite3.sqlite_version}; {date.today().isoformat()}"
    )


def _markdown(result: dict[str, Any]) -> str:
    lines = [f"Measured on {result['machine']}.", "", "| what | median | runs |", "|---|---:|---|"]
    for row in result["rows"]:
        runs = sorted(row["runs"])
        spread = f"{number(runs[0])} to {number(runs[-1])}" if len(runs) > 1 else "one"
        middle = runs[len(runs) // 2] if len(runs) % 2 else sum(runs[len(runs) // 2 - 1 :][:2]) / 2
        lines.append(f"| {row['what']} | {number(middle)} {row['unit']} | {spread} |")
    if result["ratios"]:
        lines += ["", "| ratio | is | goal |", "|---|---:|---:|"]
        for ratio in result["ratios"]:
            goal = "" if ratio["goal"] is None else f"≥ {ratio['goal']:g} ×"
            lines.append(f"| {ratio['label']} | {ratio['value']:.2f} × | {goal} |")
    if result["curves"]:
        lines += ["", f"![{result['title']}](performance/{result['key']}.svg)"]
    lines += ["", *(f"- {note}" for note in result["notes"]), ""]
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits are as many as a shared machine gives."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _draw(table: Table) -> None:
    import matplotlib

    matplotlib.use("svg")
    # Text as text, and the same bytes for the same numbers.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": table.key})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.5, 4.5), layout="constrained")
    marks = "osD^vPX*"
    for curve, mark in zip(table.curves, marks * 2, strict=False):
        axes.plot(*zip(*curve.points, strict=True), label=curve.label, marker=mark, markersize=5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(table.axes[0])
    axes.set_ylabel(table.axes[1])
    axes.set_title(table.title)
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(fontsize=8)
    figure.savefig(FOLDER / f"{table.key}.svg", metadata={"Date": None})
    pyplot.close(figure)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
