"""What is due at an agency: counted the first time, asked again, and filed beside meanwhile."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import api.due
from api.casefiles import CaseFiles
from api.complaints_of import ComplaintsOf
from api.due_kept import KeptRows
from api.registers import Registers
from api.services import Services
from api.supervising import Supervising
from api.views import agency_acts
from benchmarks.ground import forget_peak, peak_mb, scratch
from benchmarks.measure import Row, Table, seconds
from benchmarks.workload import AGENCY, Workload, workload
from ledger.encoding import format_uuid7
from ledger.evidence.membership import acts_series, case_series
from ledger.evidence.series import Series
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement, register_subject
from ledger.sequencer import Pending
from storage.clock import SystemClock

KEY = "t"
BATCH = 999  # acts in a transaction: whole cases
ACTS = (
    ("case_filing", "start", "10"),
    ("investigation_report", "review", "15"),
    ("penalty_decision", "decide", "20"),
)


def run(quick: bool) -> Table:
    rows: list[Row] = []
    for count in (2_997,) if quick else (20_000, 200_000):
        with scratch() as folder, workload(folder / "ledger") as load:
            _fill(load, count)
            rows += [Row(f"{count:>7,} acts: {r.what}", r.unit, r.runs) for r in _measure(load)]
    return Table(
        key=KEY,
        title="What is due at an agency",
        rows=tuple(rows),
        notes=(
            "Three acts a case under the shipped pack of the ordinary procedure, each case with "
            "three clocks that run or are overdue. Counted the first time: every act read "
            "strictly, every clock of every case. CPU is that of the process, on one core, and "
            "hardly depends on what else the machine does; asked again reads what was kept.",
            "Filing beside: one statement after the other is accepted while it is counted, its "
            "signature checked, each in its own transaction.",
            "The acts are written straight into the store. The answer as text is no part of it.",
        ),
    )


def _measure(load: Workload) -> Iterator[Row]:
    s = _services(load)
    acts = agency_acts(s, AGENCY)

    def ask() -> None:
        api.due._open(s, AGENCY, acts)

    alone = [1000 * seconds(load.accept, [one]) for one in load.statements(50)]
    yield Row("filing, nothing beside", "ms", tuple(alone))
    forget_peak(os.getpid())
    before_mb, cpu = peak_mb(os.getpid()), time.process_time()
    yield Row("counted the first time", "s", (seconds(ask),))
    yield Row("counted the first time: CPU", "s", (time.process_time() - cpu,))
    yield Row("more memory at the peak", "MB", (peak_mb(os.getpid()) - before_mb,))
    yield Row("asked again", "s", (seconds(ask),))
    s.due_rows.forget()
    beside = _beside(load, Thread(target=ask))
    yield Row("filing, while it is counted", "ms", (median(beside),))
    yield Row("filing, while it is counted: the slowest", "ms", (max(beside),))


def _beside(load: Workload, thread: Thread) -> list[float]:
    ready = load.statements(2_000)
    found: list[float] = []
    thread.start()
    while thread.is_alive() and ready:
        found.append(1000 * seconds(load.accept, [ready.pop()]))
        time.sleep(0.05)
    thread.join()
    return found


def _services(load: Workload) -> Services:
    """What the question asks of a server."""
    registers = Registers(load.store)
    made: Any = SimpleNamespace(
        log=load.log,
        store=load.store,
        registers=registers,
        casefiles=CaseFiles(load.store, load.year, registers),
        complaints=ComplaintsOf(load.log),
        due_rows=KeptRows(),
        supervising=Supervising(load.log, load.store, registers.whole),
        clock=SystemClock(),
        first_year=load.year,
    )
    return cast(Services, made)


def _fill(load: Workload, count: int) -> None:
    pack = Path("ledger/process/packs/ordinary.toml").read_text(encoding="utf-8")
    load.accept([_published(load, "ordinary", pack)])
    run = load.series(acts_series(load.year, AGENCY))
    signature = load.series(case_series(f"苏城管罚〔{load.year}〕1号", load.year)).signature
    for start in range(0, count, BATCH):
        pending = []
        for n in range(start, min(count, start + BATCH)):
            case = f"苏城管罚〔{load.year}〕{1000 + n // len(ACTS)}号"
            # A key for each would take hours, and is asked by nobody here.
            series = Series(case_series(case, load.year), signature)
            statement, envelope = _act(load, n, case)
            pending.append(Pending(statement, envelope, os.urandom(32), (series, run)))
        load.put(pending)
    load.log.recover()


def _act(load: Workload, n: int, case: str) -> tuple[Statement, bytes]:
    act, stage, day = ACTS[n % len(ACTS)]
    at = f"{load.year - 1}-10-{day}T15:00:00+08:00"
    predicate = {
        "act": act,
        "agency": AGENCY,
        "case": case,
        "facts": {"amount": "500", "penalty_kind": "fine"},
        "id": format_uuid7(n, os.urandom(10)),
        "occurred": {"from": at, "to": at},
        "officers": ["320501-0417", "320501-0418"],
        "procedure": "ordinary",
        "stage": stage,
    }
    statement = Statement(Kind.ACT, (FileSubject(f"{act}.pdf", load.items[0]),), predicate)
    return statement, seal(statement.to_bytes(), [load.station]).to_bytes()


def _published(load: Workload, subject: str, content: str) -> bytes:
    predicate = {
        "agency": AGENCY,
        "content": content,
        "id": format_uuid7(0, os.urandom(10)),
        "in_force": {"from": f"{load.year}-01-01"},
        "register": "rule_pack",
        "subject": subject,
        "version": "1",
    }
    statement = Statement(Kind.REGISTER, (register_subject(predicate),), predicate)
    return seal(statement.to_bytes(), [load.registrar]).to_bytes()
