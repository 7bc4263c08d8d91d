"""Fails on a skipped test that no line of the allow-list names; silent otherwise.

    .venv/bin/python .ci/skips.py REPORT ALLOWED

REPORT is pytest's JUnit XML. Each line of ALLOWED is `<nodeid> # <reason>`, and
both must fit: `*` stands for any text. Everything else is literal, so that the
brackets of a parametrized test need no escape.
"""

import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree


def nodeid(case: ElementTree.Element) -> str:
    file, classname, name = (case.get(key, "") for key in ("file", "classname", "name"))
    if not classname:
        return file  # A whole module was skipped.
    module = file.removesuffix(".py").replace("/", ".")
    classes = classname.removeprefix(module).strip(".")
    return "::".join([file, *filter(None, classes.split(".")), name])


def reason(skip: ElementTree.Element) -> str:
    if skip.get("type"):
        return skip.get("message", "")
    # A module's skip has a (path, line, "Skipped: reason") for its text.
    return str(ast.literal_eval(skip.text or "")[-1]).removeprefix("Skipped: ")


def skipped(report: Path) -> list[tuple[str, str]]:
    # An expected failure is in the report as a skip of another type.
    return [
        (nodeid(case), reason(skip))
        for case in ElementTree.parse(report).iter("testcase")
        for skip in case.iter("skipped")
        if skip.get("type") != "pytest.xfail"
    ]


def fits(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def allowed_skips(path: Path) -> list[tuple[str, str]]:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    allowed = []
    for line in lines:
        if not line or line.startswith("#"):
            continue
        test, separator, why = line.partition(" # ")
        if not separator:
            sys.exit(f"{path}: no reason given: {line}")
        allowed.append((test.strip(), why.strip()))
    return allowed


def main() -> None:
    report, allow_list = map(Path, sys.argv[1:])
    allowed = allowed_skips(allow_list)
    refused = [
        f"{test} # {why}"
        for test, why in skipped(report)
        if not any(fits(a, test) and fits(b, why) for a, b in allowed)
    ]
    if refused:
        sys.exit("\n".join([f"Skipped, and not in {allow_list}:", *refused]))


if __name__ == "__main__":
    main()
