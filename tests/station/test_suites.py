"""A station that signs with SM2 beside Ed25519 and states SM3 beside SHA-256."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from api.founding import Plan, agency_registration, found
from cli.files import read_sm2_key
from cli.station.people import explain_gap
from ledger import sm2
from ledger.errors import Unavailable
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import Role, Statement
from ledger.evidence.suites import Suites
from ledger.report import Outcome, Report
from ledger.suite import digest
from ledger.tlog.note import Algorithm
from ledger.verify import verify_packet
from storage.database import DatabaseFile
from storage.packets import open_packet
from storage.sm2_libcrypto import Libcrypto
from storage.station_sqlite import MIGRATIONS, SqliteStation
from storage.trust_directory import read_trust
from testkit.keys import key
from testkit.server import (
    AGENCY,
    HANDLER,
    ORIGIN,
    STATION,
    Ledger,
    open_ledger,
    register,
    series_keys,
    serving,
    witnesses,
)
from testkit.station import Desk, Line, desk, expected, open_desk, shift
from testkit.terminal import Run

REGISTRAR = key("registrar.example/sm2", algorithm=Algorithm.SM2)
SECOND = key("station-07.example/sm2", algorithm=Algorithm.SM2)
HANDLER_SECOND = key("handler-12.example/sm2", algorithm=Algorithm.SM2)
BOTH = [STATION.verifier.keyid, SECOND.verifier.keyid]
NUMBERS = count(700)  # a case of its own for each test

SM_ALONE = "require sm3 sm2\ndistrust sha256 ed25519\n"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One whose registrar signs with SM2: without that nobody can do without Ed25519."""
    folder = tmp_path_factory.mktemp("suites") / "ledger"
    plan = Plan(origin=ORIGIN, agency=AGENCY, registrar=REGISTRAR, cosigners=witnesses(), quorum=2)
    with series_keys():
        found(folder, plan, time.time_ns() // 1_000_000)
    agency = agency_registration(AGENCY, "苏州市城市管理局", ["苏城管罚〔{year}〕{number}号"], 0)
    with open_ledger(folder) as ledger:
        ledger.accept(
            register(STATION, Role.STATION, by=REGISTRAR),
            register(SECOND, Role.STATION, by=REGISTRAR, person=STATION.name),
            register(HANDLER, Role.HANDLER, by=REGISTRAR),
            register(HANDLER_SECOND, Role.HANDLER, by=REGISTRAR, person=HANDLER.name),
            seal(agency.to_bytes(), [REGISTRAR]).to_bytes(),
        )
        yield ledger


@pytest.fixture
def sm2_file(tmp_path: Path) -> Path:
    file = tmp_path / "station-sm2.key"
    file.write_text(SECOND.to_text() + "\n")
    return file


@pytest.fixture
def office(tmp_path: Path, ledger: Ledger, sm2_file: Path) -> Iterator[Desk]:
    with desk(tmp_path, ledger, wipe=True, sm3=True, sm2_key=str(sm2_file)) as office:
        yield office


@pytest.fixture
def case() -> str:
    return f"苏城管罚〔2026〕{next(NUMBERS)}号"


def sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()


def signers(office: Desk) -> list[list[str]]:
    rows = office.station.store.statements()
    return [[s.keyid for s in Envelope.from_bytes(row.envelope).signatures] for row in rows]


def day(office: Desk, case: str, *names: str) -> dict[str, bytes]:
    # A recorder of its own, or the recordings of another case would bear the same numbers.
    root = office.card(f"BWC-{digest(case.encode()).hex()[:8]}")
    office.check_out(root, case=case)
    office.engine.step()
    away = office.pull(root)
    office.engine.step()
    office.rest(600)
    said = {}
    for name in names:
        office.rest(60)
        said[name] = f"{name} {case} ".encode() * 50
        office.record(away, f"DCIM/{name}", said[name])
    office.plug(away)
    return said


def verified(ledger: Ledger, case: str, folder: Path, suites: str) -> Report:
    path = folder / "packet.zip"
    ledger.client(token=ledger.token()).packet(case, path, lambda count: None)
    files = folder / "trust"
    files.mkdir()
    for file in (ledger.folder / "trust").rglob("*"):
        if file.is_file():
            target = files / file.relative_to(ledger.folder / "trust")
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    if suites:
        assert Suites.from_text(suites).to_text() == suites
        (files / "suites").write_text(suites)
    return verify_packet(open_packet(path), read_trust(files))


# --- what it says ----------------------------------------------------------------------------


def test_every_statement_has_both_digests_and_both_signatures_and_the_card_is_wiped(
    office: Desk, case: str
) -> None:
    said = day(office, case, "BWC_0001.MP4", "BWC_0001.LOG", "BWC_0002.MP4")
    seen = office.settle()
    assert sorted(office.deposited()) == expected(said)
    stated = {
        subject.name: subject.digest.sm3
        for statement in office.logged()
        if statement.kind == "evidence"
        for subject in statement.files
    }
    assert stated == {name: sm3(data) for name, data in said.items()}
    manifests = [row for row in office.station.store.statements() if row.manifest]
    assert len(manifests) == 2
    for row in manifests:
        statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
        assert statement.items[0].digest.sm3 == sm3(row.manifest)
    assert signers(office) == [BOTH] * 4
    assert [device.state for device in seen.devices] == ["wiped"]


@pytest.mark.parametrize(
    "suites",
    [
        "",
        "require sha256 sm3 ed25519 sm2\n",
        SM_ALONE,
        "require sha256 ed25519\ndistrust sm3 sm2\n",
    ],
    ids=["none", "both", "sm", "international"],
)
def test_a_packet_of_its_recordings_passes_in_either_suite_alone(
    office: Desk, ledger: Ledger, case: str, tmp_path: Path, suites: str
) -> None:
    day(office, case, "BWC_0001.MP4", "BWC_0001.LOG")
    office.settle()
    # The registrar of this ledger signs with SM2 alone, as whoever distrusts the other needs.
    report = verified(ledger, case, tmp_path, suites)
    if suites.endswith("distrust sm3 sm2\n"):
        # The clock of this day was turned by hand, which is another matter.
        undecided = [
            f
            for f in report.findings
            if f.outcome is Outcome.UNDECIDED and f.step in ("signature", "item")
        ]
        assert [f.about for f in undecided] == ["trust/suites"], undecided
        assert "the registrar signs in a suite" in undecided[0].detail
    else:
        assert report.outcome is Outcome.PASSED, report.findings


@pytest.mark.parametrize(
    ("suites", "why"),
    [("require sm3\n", "want a sm3 digest"), ("require sm2\n", "want a sm2 signature")],
)
def test_a_station_in_one_suite_fails_where_the_other_is_required(
    tmp_path: Path, ledger: Ledger, case: str, suites: str, why: str
) -> None:
    with desk(tmp_path, ledger) as office:
        day(office, case, "BWC_0001.MP4")
        office.settle()
        report = verified(ledger, case, tmp_path, suites)
    failed = [f.detail for f in report.findings if f.outcome is Outcome.FAILED]
    assert any(why in detail for detail in failed), failed


def test_a_person_may_explain_a_gap_in_both_suites(office: Desk, case: str) -> None:
    day(office, case, "BWC_0001.MP4", "BWC_0003.MP4")
    office.settle()
    (gap,) = office.gap_rows()
    explain_gap(office.station, gap.id, "test_recording", "", HANDLER, HANDLER_SECOND)
    office.settle()
    explanation = office.logged()[-1]
    assert explanation.predicate["cause"] == "test_recording"
    assert explanation.items[0].digest.sm3
    assert signers(office)[-1] == [HANDLER.verifier.keyid, HANDLER_SECOND.verifier.keyid]


# --- the setting changes ---------------------------------------------------------------------


def test_what_was_signed_with_the_setting_is_sent_without_it(
    tmp_path: Path, ledger: Ledger, case: str, sm2_file: Path
) -> None:
    line = Line(ledger)
    with desk(tmp_path, ledger, line, sm3=True, sm2_key=str(sm2_file)) as office:
        office.settle(1)
        line.cut = True
        said = day(office, case, "BWC_0001.MP4")
        office.settle()
        clock = office.clock
    settings = tmp_path / "station" / "station.toml"
    text = settings.read_text().replace("sm3 = true", "sm3 = false")
    settings.write_text(text.replace(f'"{sm2_file}"', '""'))
    line.cut = False
    with open_desk(tmp_path, line, clock) as office:
        office.settle()
        assert sorted(office.deposited()) == expected(said)
        assert office.logged()[-1].files[0].digest.sm3 == sm3(said["BWC_0001.MP4"])
        later, more = shift(office, "BWC_0002.MP4", root=office.card())
        office.plug(later)
        office.settle()
        assert office.logged()[-1].files[0].digest.sha256 == expected(more)[0][1]
        assert office.logged()[-1].files[0].digest.sm3 == b""


def test_the_state_of_an_older_station_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "station.sqlite"
    with closing(DatabaseFile(path, MIGRATIONS[:1])) as old, old.write() as db:
        db.execute("INSERT INTO device (name) VALUES ('BWC-310')")
        db.execute(
            'INSERT INTO session (id, device, given, officers, "case", began_ms)'
            " VALUES ('s', 'BWC-310', '{}', '[]', '', 0)"
        )
        db.execute(
            "INSERT INTO file (session, device, path, version, size, mtime_ns, ino, sha256)"
            " VALUES ('s', 'BWC-310', x'61', 1, 1, 0, 0, x'aa')"
        )
    with closing(SqliteStation(path)) as store:
        (file,) = store.files()
    assert (file.sha256, file.sm3) == (b"\xaa", b"")


# --- keys and the library --------------------------------------------------------------------


def test_a_second_key_that_nobody_registered_holds_everything_and_loses_nothing(
    tmp_path: Path, ledger: Ledger, case: str
) -> None:
    fresh = key("station-07.example/late", algorithm=Algorithm.SM2)
    file = tmp_path / "late.key"
    file.write_text(fresh.to_text() + "\n")
    with desk(tmp_path, ledger, wipe=True, sm2_key=str(file)) as office:
        said = day(office, case, "BWC_0001.MP4")
        seen = office.settle()
        assert office.logged() == []
        assert seen.devices[0].state != "wiped"
        refused = office.station.store.refusals(9)
        assert fresh.verifier.keyid in refused[0].problem
        ledger.accept(register(fresh, Role.STATION, by=REGISTRAR, person=STATION.name))
        office.settle()
        assert sorted(office.deposited()) == expected(said)


def test_without_a_library_a_station_that_signs_with_sm2_does_not_open(
    tmp_path: Path, ledger: Ledger, sm2_file: Path
) -> None:
    with desk(tmp_path, ledger, sm2_key=str(sm2_file)) as office:
        clock = office.clock
    sm2.use(Libcrypto(("libnone.so.9",)))
    try:
        with (
            pytest.raises(Unavailable, match="SM2 cannot be computed"),
            open_desk(tmp_path, Line(ledger), clock),
        ):
            pass
    finally:
        sm2.use(Libcrypto())
    assert read_sm2_key(str(sm2_file)) == SECOND


# --- by command ------------------------------------------------------------------------------


@pytest.mark.parametrize("resumable", [1 << 30, 1], ids=["at once", "by tus"])
def test_a_day_by_command_in_both_suites(
    tmp_path: Path,
    run: Run,
    ledger: Ledger,
    sm2_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    resumable: int,
) -> None:
    monkeypatch.setattr("cli.station.ledger.RESUMABLE", resumable)
    own, folder = tmp_path / "station.key", tmp_path / "station"
    own.write_text(STATION.to_text() + "\n")
    card = tmp_path / "dock" / "BWC-310"
    card.mkdir(parents=True)
    data = f"by command {resumable} {time.time_ns()}".encode()
    (card / "BWC_0001.MP4").write_bytes(data)
    with serving(ledger.http.app) as address:  # type: ignore[arg-type]
        made = run(
            *("station", "init", folder, "--server", address, "--key", own, "--agency", AGENCY),
            *("--trust", ledger.folder / "trust", "--dock", card.parent, "--sm3"),
            *("--sm2-key", sm2_file),
        )
        assert made.code == 0, made.err
        settings = folder / "station.toml"
        settings.write_text(settings.read_text().replace("quiet_seconds = 3", "quiet_seconds = 0"))
        ended = run("station", "run", folder, "--once")
    assert ended.code == 0, ended.err
    row = ledger.services.log.row(ledger.services.log.size - 1)
    envelope = Envelope.from_bytes(row.envelope)
    assert [s.keyid for s in envelope.signatures] == BOTH
    assert Statement.from_bytes(envelope.payload).files[0].digest.sm3 == sm3(data)


def test_a_key_of_another_algorithm_makes_no_station(
    tmp_path: Path, run: Run, ledger: Ledger
) -> None:
    own = tmp_path / "station.key"
    own.write_text(STATION.to_text() + "\n")
    made = run(
        *("station", "init", tmp_path / "station", "--server", "http://127.0.0.1:1"),
        *("--key", own, "--agency", AGENCY, "--trust", ledger.folder / "trust"),
        *("--dock", tmp_path, "--sm2-key", own),
    )
    assert made.code == 1
    assert "want an SM2 key" in made.err
    assert not (tmp_path / "station").exists()
