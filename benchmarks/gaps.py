"""The gaps of a case of 200 statements, against reading the same statements as plain JSON."""

import json
import sys
from dataclasses import replace

from benchmarks.measure import Ratio, Row, Table, in_turn, seconds
from ledger.evidence.chunks import digest_item
from ledger.evidence.due import Calendar
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.gaps import gaps
from ledger.process.rulepack import RulePack

KEY = "r"
SIZES = (20, 200, 2000)
ROUNDS = 5
JSON, READ, GAPS = "json.loads of its statements", "reading them strictly", "its gaps"


def run(quick: bool) -> Table:
    sys.path.append("tests")
    from testkit.proceeding import complete, registers_of
    from testkit.rulepacks import PACKS

    registry = registers_of(("ordinary", PACKS["ordinary"]))
    made = complete(RulePack.from_text(PACKS["ordinary"])).file()
    gaps(made, registry, Calendar())  # reads the pack, as a server has
    rows: list[Row] = []
    for size in SIZES[:2] if quick else SIZES:
        file = _with_evidence(made, size)
        texts = [one.statement.to_bytes() for one in file.filed]
        found = in_turn(
            1 if quick else ROUNDS,
            "ms",
            {
                JSON: lambda t=texts: 1000 * seconds(lambda: [*map(json.loads, t)]),
                READ: lambda t=texts: 1000 * seconds(lambda: [*map(Statement.from_bytes, t)]),
                GAPS: lambda f=file: 1000 * seconds(gaps, _anew(f), registry, Calendar()),
            },
        )
        rows += [replace(row, what=f"{size:>5,} statements: {row.what}") for row in found]
    median = {row.what: row.median for row in rows}
    names = [
        f"{size:>5,} statements: " for size in SIZES if f"{size:>5,} statements: {GAPS}" in median
    ]
    return Table(
        key=KEY,
        title="Gaps of a case",
        rows=tuple(rows),
        ratios=tuple(
            Ratio(f"{name}gaps ÷ json.loads", median[name + GAPS] / median[name + JSON])
            for name in names
        ),
        notes=(
            "The shipped pack of the ordinary procedure, over a complete case without a gap: each "
            "record, check and order is looked at. What exceeds its acts is recordings.",
            "Statements and registers are in memory: a server keeps what it has read of the "
            "registers, and reads the statements of the case for each question.",
            "Weekends alone are off: no list of holidays is read.",
        ),
    )


def _anew(file: CaseFile) -> CaseFile:
    """As a question finds it: nothing of it was worked out before."""
    return CaseFile(file.case, file.agency, tuple(replace(one) for one in file.filed))


def _with_evidence(made: CaseFile, size: int) -> CaseFile:
    """The case with so many statements: recordings between its first act and the second."""
    first, *rest = made.filed
    more = max(0, size - len(made.filed))
    recordings = [
        Filed(first.number + 1 + n, _recording(made, first, n), first.at_ms, first.seen_ms)
        for n in range(more)
    ]
    moved = [replace(one, number=one.number + more) for one in rest]
    return CaseFile(made.case, made.agency, (first, *recordings, *moved))


def _recording(made: CaseFile, first: Filed, n: int) -> Statement:
    subject = FileSubject(f"BWC_{n:04}.MP4", digest_item(f"recording {n}".encode()))
    predicate = {
        "agency": made.agency,
        "case": made.case,
        "device": "BWC-1",
        "evidence_type": "audiovisual",
        "file": f"BWC_{n:04}.MP4",
        "id": f"019cabcd-0000-7000-8000-{n:012x}",
        "occurred": first.statement.predicate["occurred"],
        "stage": "investigate",
    }
    return Statement(Kind.EVIDENCE, (subject,), predicate)
