"""The gaps of a case and the gate of its decision, against reading its statements as plain JSON."""

import json
import sys
from dataclasses import replace

from benchmarks.measure import Ratio, Row, Table, in_turn, seconds
from ledger.evidence.chunks import digest_item
from ledger.evidence.due import Calendar
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.door import check_conclusion
from ledger.process.judging.gaps import gaps
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import RulePack

KEY = "r"
SIZES = (20, 200, 2000, 10_000)
MANY = 2000  # acts, and recordings over all of them
ROUNDS = 5
JSON, READ, GAPS = "json.loads of its statements", "reading them strictly", "its gaps"
GATE = "the gate of its decision"


def run(quick: bool) -> Table:
    sys.path.append("tests")
    from testkit.proceeding import complete, registers_of
    from testkit.rulepacks import PACKS

    registry = registers_of(("ordinary", PACKS["ordinary"]))
    whole = complete(RulePack.from_text(PACKS["ordinary"]))
    made = whole.file()
    before, decision = whole.before("penalty_decision")
    gaps(made, registry, Calendar())  # reads the pack, as a server has
    rows: list[Row] = []
    for size in SIZES[:2] if quick else SIZES:
        file, asked = _with_evidence(made, size), _with_evidence(before, size)
        proposed = replace(decision, number=asked.filed[-1].number + 1)
        texts = [one.statement.to_bytes() for one in file.filed]
        found = in_turn(
            1 if quick else ROUNDS,
            "ms",
            {
                JSON: lambda t=texts: 1000 * seconds(lambda: [*map(json.loads, t)]),
                READ: lambda t=texts: 1000 * seconds(lambda: [*map(Statement.from_bytes, t)]),
                GAPS: lambda f=file: 1000 * seconds(gaps, _anew(f), registry, Calendar()),
                GATE: lambda f=asked, p=proposed: 1000 * _gate(_kept(f), p, registry),
            },
        )
        rows += [replace(row, what=f"{size:>5,} statements: {row.what}") for row in found]
    if not quick:
        many = _with_acts(made, MANY)
        found = in_turn(
            3, "ms", {GAPS: lambda: 1000 * seconds(gaps, _anew(many), registry, Calendar())}
        )
        what = f"{MANY:,} acts and {MANY:,} recordings: {GAPS}"
        rows += [replace(row, what=what) for row in found]
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
            "The gate is asked on the writer's thread; by then "
            "the filer's request has read the case.",
            "Weekends alone are off: no list of holidays is read.",
        ),
    )


def _anew(file: CaseFile) -> CaseFile:
    """As a question finds it: nothing of it was worked out before."""
    return CaseFile(file.case, file.agency, tuple(replace(one) for one in file.filed))


def _gate(file: CaseFile, proposed: Filed, registry: Registry) -> float:
    return seconds(check_conclusion, proposed, lambda _: file, registry)


def _kept(file: CaseFile) -> CaseFile:
    """As the gate finds it: its statements were read before, for the filer."""
    for one in file.filed:
        _ = one.span
    return CaseFile(file.case, file.agency, file.filed)


def _with_acts(made: CaseFile, count: int) -> CaseFile:
    """The inspection so many times over, and as many recordings of the time."""
    (inspection,) = made.acts("inspection_record")
    place = made.filed.index(inspection)
    more = [inspection.statement] * count
    more += [_recording(made, inspection, n) for n in range(count)]
    start = inspection.number + 1
    acts = [Filed(start + n, said, inspection.at_ms) for n, said in enumerate(more)]
    rest = [replace(one, number=one.number + len(more)) for one in made.filed[place + 1 :]]
    return CaseFile(made.case, made.agency, (*made.filed[: place + 1], *acts, *rest))


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
