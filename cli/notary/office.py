"""A notary office's folder: who works there, its applications, and what it has said.

    notary.json                      the office, its server and trust folder, its persons' keys
    applications/<id>/sheet.json     what the applicant wants, as he was heard
    applications/<id>/<record>.json  records of what was done: comparisons, exhibits, machines
    applications/<id>/asked-….json   nonces for reports on stations' machines; said nowhere
    statements/<id>.dsse.json        what the office has said, signed
    statements/<id>.accepted.json    the ledger's answer to it, recomputed
    certificates/<id>.pdf            each certificate, under the id of the statement that issued it

A statement is durable here before it is sent, and its answer is kept once it was recomputed. So a
crash loses nothing and says nothing twice: `tiezheng notary send` sends what has no answer yet,
with the same id, and the ledger gives the same answer. Nothing in it may be read by others.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from api.clients.filing import after_of, read_source
from api.clients.ledger import LedgerClient, check_acceptance, check_receipt, refusal
from api.ids import new_id
from cli.notary.machine_report import NONCE_SIZE
from ledger.encoding import format_json, format_time, parse_json, parse_uuid7
from ledger.errors import Conflict, LedgerError, Malformed, Rejected, Unknown
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Statement, StatementSubject, Subject, TextSubject
from ledger.evidence.trust import Trust
from ledger.suite import digest
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey
from storage.durable import make_folder, refusals, write_file
from storage.regular import open_regular

SETTINGS = "notary.json"
MAX_FILE = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`interests` are names that this office and its persons may not act for (公证法 13, 23)."""

    agency: str
    office: str
    server: str
    trust: str
    keys: tuple[str, ...]
    interests: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "agency": self.agency,
                "interests": list(self.interests),
                "keys": list(self.keys),
                "office": self.office,
                "server": self.server,
                "trust": self.trust,
                "v": 1,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_FILE):
            case {
                "agency": str(agency),
                "interests": list(interests),
                "keys": list(keys),
                "office": str(office),
                "server": str(server),
                "trust": str(trust),
                "v": 1,
                **more,
            } if not more and all(isinstance(one, str) for one in (*keys, *interests)):
                return cls(
                    agency=agency,
                    office=office,
                    server=server,
                    trust=trust,
                    keys=tuple(keys),
                    interests=tuple(interests),
                )
        raise Malformed("want agency, interests, keys, office, server, trust and v = 1")


@dataclass(frozen=True, slots=True)
class Said:
    """A statement of the office; `answer` is None until the ledger has it."""

    statement: Statement
    envelope: bytes
    answer: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A nonce that waits for its report."""

    station: VerifierKey
    at_ms: int
    registered: Mapping[str, str]


def check_persons(
    keys: Sequence[VerifierKey], trust: Trust, cosigners: Sequence[SigningKey]
) -> None:
    """A person's key signs what he has decided; a cosigner's signs by itself. Never one key."""
    machines = {key.public for key in (*trust.keys, trust.registrar)}
    machines |= {key.verifier.public for key in cosigners}
    for key in keys:
        if key.algorithm is not Algorithm.ED25519 or key.public in machines:
            raise Rejected(
                f"{key.keyid} is a cosigner's, log's, mirror's or registrar's key",
                hints=("a notary signs with a key of his own: tiezheng keygen",),
            )
    if len({key.public for key in keys}) != len(keys):
        raise Rejected("one key stands twice: one key is one person")


class Office:
    """The folder at `root`, opened."""

    def __init__(self, root: Path, settings: Settings, trust: Trust) -> None:
        self.root, self.settings, self.trust = root, settings, trust

    @staticmethod
    def settings_of(root: Path) -> Settings:
        try:
            return Settings.from_bytes(Office._read(root / SETTINGS))
        except Malformed as error:
            raise error.under(str(root / SETTINGS)) from None

    @staticmethod
    def _read(path: Path) -> bytes:
        with refusals(f"read {str(path)!r}"):
            try:
                with open(open_regular(path), "rb") as file:
                    data = file.read(MAX_FILE + 1)
            except FileNotFoundError:
                raise Unknown(
                    f"there is no {str(path)!r}", hints=("tiezheng notary init makes a folder",)
                ) from None
        if len(data) > MAX_FILE:
            raise Malformed(f"want at most {MAX_FILE} bytes", path=str(path))
        return data

    # --- who signs -------------------------------------------------------------------------

    def check_signers(self, keys: Sequence[SigningKey], persons: int = 1) -> None:
        """Raises unless they are distinct persons of this office, and as many as the norms ask."""
        check_persons([key.verifier for key in keys], self.trust, ())
        for key in keys:
            if key.verifier.to_text() not in self.settings.keys:
                raise Rejected(f"{key.verifier.keyid} is no key of this office")
        if len(keys) < persons:
            raise Rejected(
                f"want {persons} persons, got {len(keys)}", hints=("give --key once for each",)
            )

    def change_keys(self, keys: Sequence[VerifierKey]) -> None:
        """Who signs from now on; what was said stays."""
        self.settings = replace(self.settings, keys=tuple(key.to_text() for key in keys))
        write_file(self.root / SETTINGS, self.settings.to_bytes())

    def check_authority(self, keys: Sequence[SigningKey]) -> tuple[str, ...]:
        """The persons as the ledger's register has them now: notaries, of this office, distinct."""
        persons = []
        for key in keys:
            client = LedgerClient(self.settings.server, key=key)
            try:
                me = client.whoami()
            finally:
                client.close()
            if (me["role"], me["agency"]) != ("notary", self.settings.agency):
                raise Rejected(
                    f"{key.verifier.keyid} is registered as {me['role']} of {me['agency']!r}"
                )
            persons.append(str(me["person"]))
        if len(set(persons)) != len(persons):
            raise Rejected(f"{persons[0]!r} stands twice: two keys of one person are one person")
        return tuple(persons)

    # --- applications ------------------------------------------------------------------------

    def sheet(self, application: str) -> dict[str, Any]:
        path = self.root / "applications" / parse_uuid7(application) / "sheet.json"
        return _object(path, self._read(path))

    def write_record(self, application: str, record: Mapping[str, Any]) -> TextSubject:
        """Durable; the subject by which the log fixes it."""
        data = format_json(dict(record))
        name = "sheet" if "applicant" in record else f"{record['record']}-{record['at_ms']}"
        folder = self.root / "applications" / application
        make_folder(folder)
        path = folder / f"{name}.json"
        if path.exists():
            raise Conflict(f"{str(path)!r} is there already and is not overwritten")
        write_file(path, data)
        return TextSubject("application" if name == "sheet" else "record", digest(data))

    def records(self, application: str, kind: str) -> list[dict[str, Any]]:
        """Those of a kind that the office has said something about, the latest last.

        One that a crash left unsigned is a draft. One that was said and is not here, or is another
        by now, is missed: it may be the one that matters.
        """
        folder = self.root / "applications" / parse_uuid7(application)
        kept = {}
        for path in sorted(folder.glob(f"{kind}-*.json")):
            data = self._read(path)
            kept[digest(data)] = _object(path, data)
        found = []
        for one in self.said():
            predicate = one.statement.predicate
            if (predicate.get("application"), predicate.get("record")) != (application, kind):
                continue
            for subject in one.statement.subjects:
                if not isinstance(subject, TextSubject) or subject.sha256 not in kept:
                    raise Rejected(
                        f"the {kind} of statement {one.statement.id} is not here as it was said",
                        hints=(f"put it back into {str(folder)!r} from a copy",),
                    )
                found.append(kept[subject.sha256])
        return found

    def application_subject(self, application: str) -> TextSubject:
        path = self.root / "applications" / parse_uuid7(application) / "sheet.json"
        return TextSubject("application", digest(self._read(path)))

    def draw_nonce(
        self, application: str, station: VerifierKey, registered: Mapping[str, str]
    ) -> str:
        """For a report on that station's machine; durable before anybody is told it.

        `registered` is what a register says of the key; empty where none was asked.
        """
        self.sheet(application)
        nonce = secrets.token_bytes(NONCE_SIZE).hex()
        record = {
            "application": application,
            "at_ms": time.time_ns() // 1_000_000,
            "nonce": nonce,
            "record": "asked",
            "registered": dict(registered),
            "station": station.to_text(),
            "v": 1,
        }
        self.write_record(application, record)
        return nonce

    def asked(self, application: str, nonce: bytes) -> Asked:
        """Who was given the nonce, and when; raises unless it waits for a report."""
        for record in self.records(application, "cleanliness"):
            if record.get("nonce") == nonce.hex():
                raise Conflict(
                    "this nonce has its report already",
                    hints=(
                        "tiezheng notary ask draws another",
                        "tiezheng notary send files what has no answer yet",
                    ),
                )
        folder = self.root / "applications" / parse_uuid7(application)
        for path in sorted(folder.glob("asked-*.json")):
            match _object(path, self._read(path)):
                case {
                    "at_ms": int(at_ms),
                    "nonce": str(drawn),
                    "registered": dict(registered),
                    "station": str(station),
                }:
                    if drawn == nonce.hex():
                        return Asked(VerifierKey.from_text(station), at_ms, registered)
                case _:
                    raise Malformed("want at_ms, nonce, registered and station", path=str(path))
        raise Rejected(
            "no nonce of this application is in the report: it may be an old one",
            hints=("tiezheng notary ask draws one",),
        )

    def pending_draw(self, application: str) -> tuple[dict[str, Any], bytes, str] | None:
        """The latest list that was fixed and not drawn from: itself, its digest, its statement."""
        records = self.records(application, "spot_check")
        if not records or "list" not in records[-1]:
            return None
        sha256 = digest(format_json(records[-1]))
        subject = TextSubject("record", sha256)
        fixed = [one.statement.id for one in self.said() if one.statement.subjects == (subject,)]
        return records[-1], sha256, fixed[-1]

    def cosigned_note(self, answer: dict[str, Any], statement_id: str) -> str | None:
        """The checkpoint of a receipt, checked to hold that statement; None before its quorum."""
        kept = next(one.answer for one in self.said() if one.statement.id == statement_id)
        if kept is None:
            raise Unknown(f"statement {statement_id} is not sent", hints=("tiezheng notary send",))
        entry = Entry.from_bytes(kept["entry"].encode())
        if check_receipt(answer, entry, self.trust) is None:
            return None
        return Receipt.from_text(answer["proof"]).note

    def statement(self, statement_id: str) -> Statement:
        for one in self.said():
            if one.statement.id == statement_id:
                return one.statement
        raise Unknown(f"this office has made no statement {statement_id}")

    def check_fresh(self, what: str, fits: Callable[[Statement], bool]) -> None:
        """A command that is repeated says nothing twice: what was signed is only sent again."""
        for one in self.said():
            if fits(one.statement):
                raise Conflict(
                    f"{what} by statement {one.statement.id}",
                    hints=("tiezheng notary send files what has no answer yet",),
                )

    def check_number(self, number: str) -> None:
        """One number is one certificate; that of a revoked one may be given to its successor."""
        issued = {}
        for one in self.said():
            predicate = one.statement.predicate
            if predicate.get("number") == number:
                issued[one.statement.id] = number
            issued.pop(str(predicate.get("issued", "")), None)
        if issued:
            raise Conflict(
                f"the number {number!r} was given by statement {min(issued)}",
                hints=("draw it up under another number, or revoke that one first",),
            )

    def check_accepted(self, application: str) -> None:
        decisions = [
            one.statement.predicate["decision"]
            for one in self.said()
            if one.statement.predicate.get("application") == application
            and "decision" in one.statement.predicate
        ]
        if decisions[-1:] != ["accepted"]:
            was = decisions[-1] if decisions else "not decided"
            raise Rejected(f"want an accepted application, this one is {was}")

    # --- statements --------------------------------------------------------------------------

    def statement_of(
        self,
        kind: Kind,
        subjects: Sequence[Subject],
        fields: Mapping[str, Any],
        *,
        id_: str = "",
        after: Mapping[str, str] | None = None,
    ) -> Statement:
        """What `say` would sign; raises where it is out of form."""
        now_ms = time.time_ns() // 1_000_000
        moment = format_time(now_ms)
        predicate = {
            "agency": self.settings.agency,
            "id": id_ or new_id(now_ms),
            "occurred": {"from": moment, "to": moment},
            **({"after": dict(after)} if after else {}),
            **{name: value for name, value in fields.items() if value},
        }
        return Statement(kind, tuple(subjects), predicate)

    def say(
        self,
        kind: Kind,
        subjects: Sequence[Subject],
        fields: Mapping[str, Any],
        keys: Sequence[SigningKey],
        *,
        id_: str = "",
        after: Mapping[str, str] | None = None,
    ) -> Statement:
        """Signed and durable on return; not sent."""
        statement = self.statement_of(kind, subjects, fields, id_=id_, after=after)
        self.check_signers(keys, statement.persons)
        folder = self.root / "statements"
        make_folder(folder)
        data = seal(statement.to_bytes(), keys).to_bytes()
        write_file(folder / f"{statement.id}.dsse.json", data)
        return statement

    def said(self) -> Iterator[Said]:
        """All that the office has said, in the order of its ids, which is that of time."""
        for path in sorted((self.root / "statements").glob("*.dsse.json")):
            data = self._read(path)
            try:
                statement = Statement.from_bytes(Envelope.from_bytes(data).payload)
            except Malformed as error:
                raise error.under(str(path)) from None
            kept = path.with_name(f"{statement.id}.accepted.json")
            answer = _answer(kept, self._read(kept)) if kept.exists() else None
            yield Said(statement, data, answer)

    def subject_of(self, statement_id: str) -> StatementSubject:
        """An own statement by its commitment, which exists once the ledger has it."""
        for one in self.said():
            if one.statement.id == statement_id and one.answer is not None:
                entry = Entry.from_bytes(one.answer["entry"].encode())
                return StatementSubject(statement_id, entry.commitment)
        raise Unknown(
            f"no statement {statement_id} of this office is logged", hints=("tiezheng notary send",)
        )

    def after(self, client: LedgerClient) -> dict[str, str] | None:
        """The cosigned tree that this machine has checked; none is no reason to say nothing."""
        log = self.trust.logs[-1]
        try:
            return after_of(client.checkpoint(log.label), log)
        except LedgerError:
            return None

    def unsent(self) -> list[Said]:
        return [one for one in self.said() if one.answer is None]

    def send(self, client: LedgerClient, one: Said) -> Said:
        """With its answer, recomputed and kept; raises where the ledger refuses it."""
        for subject in one.statement.files:
            path = self.root / "certificates" / f"{one.statement.id}.pdf"
            if not path.is_file() or read_source(path, _unheard).subject.digest != subject.digest:
                raise Rejected(
                    f"{str(path)!r} is not here as it was signed",
                    hints=("put it back from a copy, and send again",),
                )
            client.upload(path, subject.digest.size, subject.digest.sha256, _unheard)
        (answer,) = client.file([one.envelope])
        if "status" in answer:
            raise refusal(answer)
        check_acceptance(answer, one.envelope, self.trust)
        text = json.dumps(answer, ensure_ascii=False, indent=1, sort_keys=True)
        write_file(self.root / "statements" / f"{one.statement.id}.accepted.json", text.encode())
        return Said(one.statement, one.envelope, answer)


def _unheard(count: int) -> None:
    """Of progress."""


def _object(path: Path, data: bytes) -> dict[str, Any]:
    """A file of the office; one that is torn or no longer its own is refused by name."""
    try:
        value = parse_json(data, limit=MAX_FILE)
    except Malformed as error:
        raise error.under(str(path)) from None
    if not isinstance(value, dict):
        raise Malformed("want an object", path=str(path))
    return dict(value)


def _answer(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data.decode("utf-8"))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Malformed(
            "want the ledger's answer, a JSON object",
            path=str(path),
            hints=("remove this file: tiezheng notary send asks for the same answer again",),
        )
    return value


def make_office(root: Path, settings: Settings) -> None:
    if (root / SETTINGS).exists():
        raise Conflict(f"{str(root / SETTINGS)!r} is there already and is not overwritten")
    make_folder(root)
    write_file(root / SETTINGS, settings.to_bytes())
