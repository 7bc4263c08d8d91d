"""The city's ledger: founded, served over HTTP, and filled day by day as the year goes by.

Every part is the real one, each a process of its own, but for the calendar (`testkit.someday`):
what happens on a day of the play is filed on that day.
"""

import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2

from api.founding import agency_registration, key_registration
from api.ids import new_id
from api.signing import sign_request
from cli import demo
from cli.demo import Stage
from ledger.encoding import format_json, format_time
from ledger.errors import Rejected
from ledger.evidence.chunks import digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Role, Statement
from ledger.tlog.signing_key import SigningKey
from testkit.city import EVENING, WORKING, Case, City, Recording, at_ms
from testkit.city_cases import Step
from testkit.city_papers import OPENING_DAY, act_of, interval, registers
from testkit.keys import key
from testkit.someday import Someday

WAVES = 4
ROWS = 100  # statements a request


@dataclass
class Refused:
    case: str
    act: str
    problem: dict[str, Any]


@dataclass
class CityLedger:
    city: City
    stage: Stage
    calendar: Someday
    registrar: SigningKey
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=120, trust_env=False))
    patrols: dict[tuple[str, int], str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    accepted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    papers: dict[tuple[str, date], FileSubject] = field(default_factory=dict)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)  # (case, act) → statement
    recorded: dict[str, str] = field(default_factory=dict)  # file → statement

    def key_file(self, signer: SigningKey) -> Path:
        path = self.stage.root / "keys" / f"{signer.name}.key"
        path.write_text(f"{signer.to_text()}\n")
        return path

    @classmethod
    def opened(cls, root: Path, city: City, stack: ExitStack, stage: Stage) -> "CityLedger":
        calendar = Someday(root / "ahead")
        calendar.set(at_ms(OPENING_DAY, 8))
        stack.enter_context(calendar.lived())
        stack.enter_context(_under(root / "ahead"))
        stage.found()
        stage.cosign(stack)
        stage.serve(stack)
        text = (root / "keys" / "registrar.key").read_text().strip()
        found = cls(city, stage, calendar, SigningKey.from_text(text))
        stack.callback(found.http.close)
        return found

    def _new_id(self) -> str:
        return new_id(self.calendar.now_ms())

    @staticmethod
    def handler(agency: str, person: int = 1) -> SigningKey:
        return key(f"handler-{person}.{agency}.example")

    @staticmethod
    def station(agency: str) -> SigningKey:
        return key(f"station.{agency}.example")

    # --- registers ---------------------------------------------------------------------------

    def register(self) -> int:
        rows = [*self._keys(), *registers(self.city, self._new_id)]
        for row in self._submit(
            [seal(row.to_bytes(), [self.registrar]).to_bytes() for row in rows]
        ):
            if "index" not in row:
                raise Rejected(f"a register entry was refused: {row}")
        return len(rows)

    def _keys(self) -> Iterator[Statement]:
        now = self.calendar.now_ms()
        for agency in self.city.agencies:
            for signer, role, person in (
                (self.handler(agency.name, 1), Role.HANDLER, "承办一"),
                (self.handler(agency.name, 2), Role.HANDLER, "承办二"),
                (self.station(agency.name), Role.STATION, "采集站"),
            ):
                yield key_registration(
                    agency.name, signer.verifier, person=person, role=role, now_ms=now
                )
            yield agency_registration(agency.name, agency.full_name, agency.templates, now)

    # --- a day -------------------------------------------------------------------------------

    def live(self, day: date) -> int:
        """Files what is to be filed on this day; how many statements were accepted."""
        self.calendar.set(at_ms(day, EVENING))
        before = sum(self.accepted.values())
        self._dock([r for r in self.city.recordings if _day_of(r.end_ms) == day])
        for wave in range(WAVES):
            due = [
                (case, step)
                for case in self.city.cases
                for step in case.steps
                if step.wave == wave and WORKING.after(case.begins, step.filed_day) == day
            ]
            waiting = {each.case for each in self.refused}
            due = [(case, step) for case, step in due if case.number not in waiting]
            if due:
                self.calendar.set(at_ms(day, EVENING, 5 + 5 * wave))
                self._file(due)
        return sum(self.accepted.values()) - before

    def _dock(self, recordings: Sequence[Recording]) -> None:
        envelopes = []
        for recording in recordings:
            place = {"case": recording.case} if recording.case else self._patrol(recording)
            predicate = {
                "agency": recording.agency,
                "device": recording.device,
                "evidence_type": "audiovisual",
                "file": recording.file,
                "id": new_id(self.calendar.now_ms()),
                "note": recording.street,
                "occurred": interval(recording.start_ms, recording.end_ms),
                "officers": list(recording.officers),
                "stage": "investigate",
            } | place
            station = self.station(recording.agency)
            subject = self._upload(recording.file, recording.data, station)
            statement = Statement(Kind.EVIDENCE, (subject,), predicate)
            self.recorded[recording.file] = predicate["id"]
            envelopes.append(seal(statement.to_bytes(), [station]).to_bytes())
        for row in self._submit(envelopes):
            if "index" not in row:
                raise Rejected(f"evidence was refused: {row}")
            self.accepted["evidence"] += 1

    def _patrol(self, recording: Recording) -> dict[str, str]:
        """The provisional case of the agency's patrols of that month, opened once."""
        month = recording.agency, datetime.fromtimestamp(recording.end_ms / 1000).month
        if month not in self.patrols:
            signer = self.handler(recording.agency)
            id_ = new_id(self.calendar.now_ms())
            predicate = {
                "act": "provisional_opening",
                "agency": recording.agency,
                "id": id_,
                "occurred": interval(self.calendar.now_ms(), self.calendar.now_ms()),
                "stage": "start",
            }
            text = f"巡查登记（演示）\n{recording.agency} {month[1]} 月\n".encode()
            subject = self._upload("巡查登记.txt", text, signer)
            statement = Statement(Kind.ACT, (subject,), predicate)
            (row,) = self._submit([seal(statement.to_bytes(), [signer]).to_bytes()])
            if "index" not in row:
                raise Rejected(f"an opening was refused: {row}")
            self.patrols[month] = id_
        return {"provisional": self.patrols[month]}

    def _file(self, due: Sequence[tuple[Case, Step]]) -> None:
        envelopes = []
        for case, step in due:
            signer = self.handler(case.agency)
            predicate = act_of(self.city, case, step, self._new_id())
            subject = self._papers(case, step, signer)
            statement = Statement(Kind.ACT, (subject,), predicate)
            envelopes.append(seal(statement.to_bytes(), [signer]).to_bytes())
            self.ids[case.number, step.act] = predicate["id"]
        rows = self._submit(envelopes)
        for (case, step), row in zip(due, rows, strict=True):
            if "index" in row:
                self.accepted[step.act] += 1
            else:
                self.refused.append(Refused(case.number, step.act, row))

    def file_as_evidence(self, refused: Refused) -> bool:
        """The paper whose conclusion was refused: whether the ledger takes it as evidence."""
        case = next(case for case in self.city.cases if case.number == refused.case)
        step = next(step for step in case.steps if step.act == refused.act)
        signer = self.handler(case.agency)
        predicate = {
            "agency": case.agency,
            "case": case.number,
            "evidence_type": "documentary",
            "id": self._new_id(),
            "occurred": interval(self.calendar.now_ms(), self.calendar.now_ms()),
            "stage": step.stage,
        }
        statement = Statement(Kind.EVIDENCE, (self._papers(case, step, signer),), predicate)
        (row,) = self._submit([seal(statement.to_bytes(), [signer]).to_bytes()])
        return "index" in row

    def _papers(self, case: Case, step: Step, signer: SigningKey) -> FileSubject:
        """What is written in a case on one day is one file: all acts of the day are about it."""
        day = WORKING.after(case.begins, step.filed_day)
        if (case.number, day) not in self.papers:
            acts = [s for s in case.steps if WORKING.after(case.begins, s.filed_day) == day]
            lines = [f"{act.act} {sorted(act.facts.items())}" for act in acts]
            text = "\n".join([f"当日文书（演示） {case.number} {day}", *lines, ""])
            name = f"当日文书 {day}.txt"
            self.papers[case.number, day] = self._upload(name, text.encode(), signer)
        return self.papers[case.number, day]

    # --- the wire ----------------------------------------------------------------------------

    def _upload(self, name: str, data: bytes, signer: SigningKey) -> FileSubject:
        url = f"{self.stage.server}/v1/uploads"
        body = format_json({"sha256": hashlib.sha256(data).hexdigest(), "size": str(len(data))})
        headers = dict(sign_request(signer, "POST", url, body, os.urandom(16).hex()))
        answer = self.http.post(url, content=body, headers=headers)
        if answer.status_code != 201:
            raise Rejected(f"an upload was refused: {answer.text}")
        put = self.http.put(f"{self.stage.server}{answer.headers['Location']}", content=data)
        if put.status_code != 201:
            raise Rejected(f"an item was refused: {put.text}")
        return FileSubject(name, digest_item(data))

    def _submit(self, envelopes: Sequence[bytes]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for start in range(0, len(envelopes), ROWS):
            some = envelopes[start : start + ROWS]
            url = f"{self.stage.server}/v1/statements"
            answer = self.http.post(url, content=b"\n".join(some))
            found = answer.json().get("results")
            if not isinstance(found, list) or len(found) != len(some):
                raise Rejected(f"want {len(some)} results, got {answer.text[:500]}")
            rows += found
        return rows


@contextmanager
def _under(ahead: Path) -> Iterator[None]:
    """Servers that the stage starts live on the play's day as well."""
    someday = [sys.executable, "-m", "testkit.someday", str(ahead)]
    with patch.object(demo, "_tiezheng", lambda: someday):
        yield


def _day_of(ms: int) -> date:
    return date.fromisoformat(format_time(ms)[:10])
