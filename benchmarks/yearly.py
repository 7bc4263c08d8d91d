"""A year's statistics: counted from the acts, and again from a copy of the log, by cases."""

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.ground import scratch
from benchmarks.measure import Ratio, Row, Table, in_turn, seconds
from benchmarks.public_logs import A_MINUTE, LOG_KEY, START_MS, make_log
from ledger.encoding import format_uuid7
from ledger.evidence.chunks import digest_item
from ledger.evidence.entry import MINUTE_MS, SALT_SIZE, Entry, commit
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import acts_series
from ledger.evidence.series import entry_tags
from ledger.evidence.series_private import SeriesSigner, new_series_key
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Stage, Statement
from ledger.evidence.trust import Trust
from ledger.process.reports.statistics import Tally
from ledger.process.reports.yearly import Shown, Yearly
from ledger.recount import recount
from ledger.report import Outcome
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey
from storage.public_copy import DirectoryLog

KEY = "q"
AGENCY, YEAR = "agency-01", "2026"
ACTS = (
    ("case_filing", Stage.START),
    ("penalty_decision", Stage.DECIDE),
    ("service_return", Stage.SERVE),
)
PEER = "json and a Counter, nothing checked"
COUNT = "counted from the acts"
RECOUNT = "counted again from the log"


def run(quick: bool) -> Table:
    sizes = (1_000,) if quick else (10_000, 100_000)
    signer = SeriesSigner(new_series_key())
    rows: list[Row] = []
    ratios = []
    for cases in sizes:
        with scratch() as folder:
            log, trust = _make(folder, cases, signer)
            file = folder / "acts"
            candidates = {
                PEER: partial(seconds, _peer, file),
                COUNT: partial(seconds, _count, file),
                RECOUNT: partial(seconds, _recount, file, log, trust),
            }
            named = {f"{cases:,} cases: {what}": work for what, work in candidates.items()}
            found = in_turn(3 if cases < 100_000 and not quick else 1, "s", named)
        rows += found
        at = {row.what.partition(": ")[2]: row.median for row in found}
        ratios.append(Ratio(f"{cases:,} cases: {PEER} ÷ {RECOUNT}", at[PEER] / at[RECOUNT]))
    return Table(
        key=KEY,
        title="The statistics of a year",
        rows=tuple(rows),
        ratios=tuple(ratios),
        notes=(
            "Three acts a case, each with one file, in a log of nothing else; files in the page "
            "cache, one core. Counted again: every entry read, the root computed anew, all tags of "
            "the series and 65,536 more looked for, each act held against its commitment and its "
            "series. Without cosigners the log's own checkpoint is undecided; all else passes.",
        ),
    )


def _make(folder: Path, cases: int, signer: SeriesSigner) -> tuple[DirectoryLog, Trust]:
    """A log of these acts in `log`, and their yearly file in `acts`."""
    key = SigningKey("handler.example", Algorithm.ED25519, bytes(32))
    run_of_acts = signer.open(acts_series(YEAR, AGENCY))
    tags = run_of_acts.tags(1, len(ACTS) * cases)
    tally = Tally(int(YEAR))
    acts = folder / "shown"

    def entries() -> Iterator[bytes]:
        with acts.open("wb") as file:
            for n, tag in enumerate(tags):
                statement = _act(n)
                tally.add(statement)
                envelope = seal(statement.to_bytes(), [key]).to_bytes()
                salt = os.urandom(SALT_SIZE)
                # That of its case is anything here: a recount of the year does not ask.
                entry = Entry(
                    START_MS + n // A_MINUTE * MINUTE_MS,
                    commit(salt, envelope),
                    entry_tags(salt, [tag, os.urandom(16)]),
                )
                file.write(Shown(envelope, salt).to_bytes() + b"\n")
                yield entry.to_bytes()

    made = make_log(folder / "log", len(ACTS) * cases, entries())
    sizes = {YEAR: made.checkpoint.size}
    first = Yearly(AGENCY, YEAR, tally.numbers(), run_of_acts.signature, sizes)
    with (folder / "acts").open("wb") as file, acts.open("rb") as shown:
        file.write(first.to_bytes() + b"\n")
        while piece := shown.read(1 << 20):
            file.write(piece)
    trust = Trust((made.trusted,), {YEAR: signer.public}, LOG_KEY.verifier, (), "")
    return DirectoryLog(folder / "log"), trust


def _act(n: int) -> Statement:
    case, (act, stage) = n // len(ACTS), ACTS[n % len(ACTS)]
    predicate = {
        "act": act,
        "agency": AGENCY,
        "case": f"苏城管罚〔2026〕{case + 1}号",
        "facts": {"amount": "500", "penalty_kind": "fine"},
        "id": format_uuid7(START_MS + n, os.urandom(10)),
        "occurred": {"from": "2026-11-23T15:00:00+08:00", "to": "2026-11-23T15:20:00+08:00"},
        "officers": ["320501-0417", "320501-0418"],
        "procedure": "ordinary",
        "stage": str(stage),
    }
    subject = FileSubject(f"{act}.pdf", digest_item(n.to_bytes(8, "big")))
    return Statement(Kind.ACT, (subject,), predicate)


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as lines:
        for line in lines:
            yield line.removesuffix(b"\n")


def _peer(file: Path) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for n, line in enumerate(_lines(file)):
        if n:
            envelope = json.loads(base64.b64decode(json.loads(line)["envelope"]))
            said = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
            counts[said["procedure"], said["act"]] += 1


def _count(file: Path) -> None:
    tally = Tally(int(YEAR))
    for n, line in enumerate(_lines(file)):
        if n:
            payload = Envelope.from_bytes(Shown.from_bytes(line).envelope).payload
            tally.add(Statement.from_bytes(payload))
    tally.numbers()


def _recount(file: Path, log: DirectoryLog, trust: Trust) -> None:
    found = recount(partial(_lines, file), log, trust)
    odd = [f for f in found.findings if f.step != "log" and f.outcome is not Outcome.PASSED]
    if odd:
        raise RuntimeError(str(odd))
