"""The gaps of a case counted again from its packet, by no word of the ledger.

The packet is verified first. What it shows of the case and of the registers is read as the
server reads its store: the same rules, over statements whose places in the log were proved.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli import output
from cli.language import say
from ledger.encoding import in_china
from ledger.errors import Malformed, Rejected
from ledger.evidence.owner import Spellings
from ledger.evidence.place import Place
from ledger.evidence.statement import Kind, StatementSubject
from ledger.evidence.trust import Trust
from ledger.evidence.withheld import STATEMENT, Reason
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import registered_days
from ledger.process.judging.gaps import gaps
from ledger.process.judging.judged import judged
from ledger.process.keeping.disposals import Destroyed
from ledger.process.registers.crew import LATEST
from ledger.process.registers.registry import Registry
from ledger.report import Outcome
from ledger.verdict.examination import Examination, View
from ledger.verify import examine_packet
from storage.packets import open_packet

_LEDGERS_OWN = (Kind.REGISTER, Kind.CUSTODY, Kind.STATUS, Kind.RENEWAL)


def standing(path: str, trust: Trust, at_ms: int) -> dict[str, Any]:
    """As `GET /v1/cases/{case}/gaps` answers. Raises `Rejected` of a packet that fails."""
    return _count(_examined(path, trust), at_ms)


def acts_of(path: str, trust: Trust, agency: str) -> list[Place]:
    """Where the acts of an agency stand that a packet shows. Raises as `standing`."""
    return [
        view.place
        for view in _examined(path, trust).views.values()
        if view.statement is not None
        and _held(view)
        and "procedure" in view.statement.predicate
        and view.statement.agency == agency
    ]


def _examined(path: str, trust: Trust) -> Examination:
    packet = open_packet(Path(path))
    with output.progress(say(en="reading", zh="读取"), sum(packet.sizes().values())) as on_bytes:
        examination = Examination(packet, trust, None, on_bytes)
        outcome = examine_packet(examination).outcome
    if outcome is Outcome.FAILED:
        raise Rejected(
            f"{path!r} does not verify: of such a packet nothing is counted",
            hints=(f"tiezheng verify {path} says why",),
        )
    if outcome is Outcome.UNDECIDED:
        output.note(
            say(
                en="the packet is undecided: what it does not show, or shows and does not count, "
                "may change what is counted here",
                zh="证据包的结论为不能判定：其未显示的或不予计入的内容可能改变此处的统计",
            )
        )
    return examination


def _count(examination: Examination, at_ms: int) -> dict[str, Any]:
    registry, spellings, filed = Registry(), Spellings(), []
    for one in _filed(examination):
        registry.add(one.number, one.statement, one.at_ms)
        spellings.add(one.statement.agency, one.statement.predicate.get("case_numbers", ()))
        if one.statement.kind not in _LEDGERS_OWN:
            filed.append(one)
    name = examination.index.case
    of_it = (one.statement for one in filed if one.statement.case == name)
    agency = spellings.owner(name, of_it)
    case = CaseFile(name, agency, tuple(filed))
    days = registered_days(registry, agency, LATEST, in_china(at_ms).date())
    try:
        judges = judged(case, registry, days, {})
        found = gaps(case, registry, days, at_ms)
    except Malformed as error:
        raise Rejected(f"a rule pack in force cannot be read: {error}") from None
    packs = [one.to_json() for one in judges]
    destroyed = [one.to_json() for one in _destroyed(examination)]
    found_rows = [gap.to_json() for gap in found]
    return {"case": name, "destroyed": destroyed, "gaps": found_rows, "packs": packs}


def _destroyed(examination: Examination) -> Iterator[Destroyed]:
    """What the packet names as destroyed, by the disposals that it shows: the verdict has held
    the one against the other."""
    rows = examination.index.withheld
    gone = {
        examination.views[row.place].entry.commitment
        for row in rows
        if row.what == STATEMENT and row.reason is Reason.DESTROYED
    }
    for view in sorted(examination.views.values(), key=lambda view: view.entry.at):
        said = view.statement
        if said is None or said.kind is not Kind.DISPOSAL or not view.signers:
            continue
        named = {one.commitment for one in said.subjects if isinstance(one, StatementSubject)}
        if count := len(gone & named):
            persons = [signer.person for signer in view.signers]
            yield Destroyed(said, view.place.to_text(), view.entry.at, persons, count)


def _filed(examination: Examination) -> Iterator[Filed]:
    """In the order of the logs, and numbered across them as the ledger does."""
    start = 0
    for log in examination.trust.logs:
        views = [v for v in examination.views.values() if v.place.log == log.label]
        for view in sorted(views, key=lambda view: view.place.index):
            if view.statement is not None and _held(view):
                yield Filed(start + view.place.index, view.statement, view.entry.at)
        if (cosigned := examination.checkpoints.get(log.label)) is not None:
            start += cosigned.checkpoint.size


def _held(view: View) -> bool:
    """Signed by a key that counts; a register statement by the registrar, whom the step knows."""
    return view.statement is not None and (
        bool(view.signers) or view.statement.kind is Kind.REGISTER
    )
