"""Entries a second, in process and over HTTP, with and without signatures, beside Tessera."""

import http.client
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.cores import spread
from benchmarks import peers
from benchmarks.ground import scratch
from benchmarks.measure import Curve, Ratio, Row, Table, seconds
from benchmarks.workload import CASES, Workload, workload

KEY = "c"
GOALS = {1: 5.0, 100: 3.0, 1000: 5.0}  # by batch, in process against Tessera
GOALS_HTTP = {100: 1.0, 1000: 1.0}
WRITERS = 4  # over HTTP, at batches over one
CHECKED = "in process, signatures checked"
READY = "in process, without signatures"
HTTP = "over HTTP, signatures checked"
RATE, TIME = "entries/s", "ms"


@dataclass(slots=True)
class Values:
    """What each row has come to, a value a round; in the order of the first round."""

    runs: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, what: str, unit: str, value: float) -> None:
        self.runs.setdefault((what, unit), []).append(value)

    def rows(self) -> tuple[Row, ...]:
        return tuple(Row(what, unit, tuple(runs)) for (what, unit), runs in self.runs.items())


def run(quick: bool) -> Table:
    counts = {1: 100, 100: 1000, 1000: 2000} if quick else {1: 600, 100: 6000, 1000: 12_000}
    program = peers.build()
    values = Values()
    with scratch() as folder:
        for round_ in range(1 if quick else 3):
            path = folder / f"ledger-{round_}"
            with workload(path) as load:
                size = len(load.statement(recording=False))
                for batch, count in counts.items():
                    _in_process(values, load, batch, count)
                _recordings(values, load, counts[100] // 10)
                bodies = {b: _batches(load.statements(c), b) for b, c in counts.items()}
            with _server(path) as port:
                for batch, batches in bodies.items():
                    _over_http(values, port, batch, batches)
            for batch, count in counts.items() if program is not None else ():
                _tessera(values, program, folder / "tessera", batch, count, size)
    return _table(values.rows(), size, program is not None)


def _in_process(values: Values, load: Workload, batch: int, count: int) -> None:
    batches = _batches(load.statements(count), batch)

    def checked(envelopes: Sequence[bytes]) -> None:
        load.accept(list(spread(load.log.open, envelopes)))

    times = [seconds(checked, b) for b in batches]
    _report(values, CHECKED, batch, count, times)
    ready = [[load.log.open(e) for e in b] for b in _batches(load.statements(count), batch)]
    times = [seconds(load.accept, b) for b in ready]
    _report(values, READY, batch, count, times)


def _recordings(values: Values, load: Workload, count: int) -> None:
    batches = _batches(load.statements(count, recording=True), 100)
    took = seconds(lambda: [load.accept(list(spread(load.log.open, b))) for b in batches])
    values.add("in process, recordings, which open a series each, batch 100", RATE, count / took)


def _over_http(values: Values, port: int, batch: int, batches: Sequence[Sequence[bytes]]) -> None:
    writers = 1 if batch == 1 else WRITERS
    shares = [batches[i::writers] for i in range(writers)]
    times: list[float] = []

    def write(share: Sequence[Sequence[bytes]]) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as line:
            times.extend(seconds(_post, line, b) for b in share)

    with ThreadPoolExecutor(writers) as pool:
        took = seconds(lambda: list(pool.map(write, shares)))
    count = sum(map(len, batches))
    _report(values, HTTP, batch, count, times, took)


def _post(line: http.client.HTTPConnection, envelopes: Sequence[bytes]) -> None:
    """Raises unless every one of them was accepted."""
    line.request("POST", "/v1/statements", b"\n".join(envelopes))
    answer = line.getresponse()
    body = answer.read()
    if answer.status != 200 or body.count(b'"index"') != len(envelopes):
        raise RuntimeError(body[:1000].decode("utf-8", "replace"))


def _tessera(
    values: Values, program: Path, folder: Path, batch: int, count: int, size: int
) -> None:
    found = peers.append(program, folder, count, size, batch)
    values.add(f"Tessera, POSIX, batch {batch}", RATE, found["per_second"])
    if batch == 1:
        values.add("Tessera, POSIX, batch 1, p50", TIME, found["p50_ms"])
        values.add("Tessera, POSIX, batch 1, p99", TIME, found["p99_ms"])


def _report(
    values: Values,
    what: str,
    batch: int,
    count: int,
    times: Sequence[float],
    took: float | None = None,
) -> None:
    values.add(f"{what}, batch {batch}", RATE, count / (took or sum(times)))
    if batch == 1:
        cuts = statistics.quantiles(times, n=100)
        values.add(f"{what}, batch 1, p50", TIME, 1000 * cuts[49])
        values.add(f"{what}, batch 1, p99", TIME, 1000 * cuts[98])


def _batches(envelopes: list[bytes], batch: int) -> list[list[bytes]]:
    return [envelopes[i : i + batch] for i in range(0, len(envelopes), batch)]


@contextmanager
def _server(path: Path) -> Iterator[int]:
    """`tiezheng server` in a process of its own; its port."""
    command = [sys.executable, "-c", "from cli.main import main; main()", "server", str(path)]
    with (path.parent / "server.log").open("wb") as log:
        running = subprocess.Popen(
            [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert running.stdout is not None
        yield int(running.stdout.readline().rpartition(":")[2])
    finally:
        running.terminate()
        running.wait(30)


def _table(rows: tuple[Row, ...], size: int, compared: bool) -> Table:
    median = {row.what: row.median for row in rows}
    peer = "Tessera, POSIX"
    goals = {CHECKED: GOALS, READY: GOALS, HTTP: GOALS_HTTP}
    ratios = [
        Ratio(
            f"{what} ÷ Tessera, batch {batch}",
            median[f"{what}, batch {batch}"] / median[f"{peer}, batch {batch}"],
            wanted.get(batch),
        )
        for what, wanted in goals.items()
        for batch in (GOALS if compared else ())
    ]
    drawn = [*goals, *([peer] if compared else [])]
    return Table(
        key=KEY,
        title="Entries a second",
        rows=rows,
        ratios=tuple(ratios),
        curves=tuple(
            Curve(what, tuple((batch, median[f"{what}, batch {batch}"]) for batch in GOALS))
            for what in drawn
        ),
        axes=("statements in a batch", "entries a second"),
        notes=(
            f"Statements of {size} bytes, evidence for {CASES} cases, each with one signature; "
            "accepted means durable, in its series, under a signed checkpoint.",
            "Without signatures: the envelopes were read and their signatures checked before the "
            "clock started; what is left is the work of the one writer.",
            "Tessera gets entries of the same size and checks no signature; it has no series, no "
            f"statements and no items. Over HTTP {WRITERS} writers send batches, one sends lone "
            "statements; their work is on the same cores.",
            *(() if compared else (peers.MISSING,)),
        ),
    )
