"""Statements: who says what about which bytes. in-toto Statement v1, strict.

    {"_type":"https://in-toto.io/Statement/v1",
     "predicate":{"agency":"agency-01","case":"苏城管罚〔2026〕417号","id":"0198…",…},
     "predicateType":"urn:tiezheng:evidence:v1",
     "subject":[{"annotations":{"size":"600000"},
                 "digest":{"sha256":"56dd…","tiezhengChunks256k":"7f9c…"},
                 "name":"BWC_0088.MP4"}]}

Kinds and fields are closed: an unknown one is refused, and a new one is a new
version. A field that the law wants and the filer left out is not refused here:
evidence is never refused for a defect in law.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from ledger import suite
from ledger.encoding import (
    clip,
    format_base64,
    format_json,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
    parse_time,
    parse_uuid7,
)
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.case_number import parse_case, parse_template
from ledger.evidence.chunks import MAX_ITEM, ItemDigest
from ledger.evidence.derivation import Derived, spans_from_json
from ledger.evidence.notarial import (
    APPLICATION_FORMS,
    CERTIFICATE_FORMS,
    MAX_CERTIFIED,
    Decision,
    Dispute,
    Ground,
    Record,
    check_ground,
    persons_wanted,
    subject_name,
)
from ledger.evidence.procedural import (
    ACT_FORM,
    COMPLAINT_FORMS,
    DISPOSAL_FORMS,
    HOLD_FORMS,
    MAX_NAMED,
    REGISTER_FORMS,
    Hold,
    InForce,
    Registered,
    check_content,
    check_register,
    facts_from_json,
    registered_text,
    timecodes_from_json,
)
from ledger.evidence.renewal import check_final, check_hash, closing_of, rows_of
from ledger.tlog.note import VerifierKey, check_name

TYPE = "https://in-toto.io/Statement/v1"
MAX_PAYLOAD = 720_896  # its base64 fits an envelope
MAX_SUBJECTS = 9  # an item and eight side files; an act's eight documents
MAX_FILE_NAME = 1024  # bytes; file systems stop at 255, archives may not


class Kind(StrEnum):
    EVIDENCE = "evidence"
    ACT = "act"
    APPLICATION = "application"
    CERTIFICATE = "certificate"
    COMPLAINT = "complaint"
    CORRECTION = "correction"
    CUSTODY = "custody"
    DERIVATION = "derivation"
    DISPOSAL = "disposal"
    HOLD = "hold"
    REGISTER = "register"
    RENEWAL = "renewal"
    SESSION = "session"
    STATUS = "status"


class Stage(StrEnum):
    """启动 调查取证 审核 决定 送达 执行."""

    START = "start"
    INVESTIGATE = "investigate"
    REVIEW = "review"
    DECIDE = "decide"
    SERVE = "serve"
    ENFORCE = "enforce"


class EvidenceType(StrEnum):
    """The eight of 行政处罚法 art. 46."""

    DOCUMENTARY = "documentary"
    PHYSICAL = "physical"
    AUDIOVISUAL = "audiovisual"
    ELECTRONIC_DATA = "electronic_data"
    TESTIMONY = "testimony"
    PARTY_STATEMENT = "party_statement"
    APPRAISAL = "appraisal"
    SITE_RECORD = "site_record"


class Role(StrEnum):
    """What a registered key may do. One key, one role."""

    STATION = "station"
    HANDLER = "handler"
    LEDGER = "ledger"
    NOTARY = "notary"
    COURT = "court"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"
    LOG = "log"
    COSIGNER = "cosigner"
    MIRROR = "mirror"
    REGISTRAR = "registrar"


# Whom a verifier knows from his own trust folder. The register tells what became of their keys;
# it makes nobody believed.
TRUSTED_ROLES = frozenset({Role.LOG, Role.COSIGNER, Role.MIRROR, Role.REGISTRAR})

# Who may say what. A session is told by its station, and a gap in it explained by a person
# (`Statement.sayers`); `register` is said by the registrar alone, whom the verifier knows himself.
MAY_SAY: Mapping[Kind, frozenset[Role]] = {
    Kind.EVIDENCE: frozenset({Role.STATION, Role.HANDLER}),
    Kind.ACT: frozenset({Role.HANDLER}),
    Kind.APPLICATION: frozenset({Role.NOTARY}),
    Kind.CERTIFICATE: frozenset({Role.NOTARY}),
    Kind.COMPLAINT: frozenset({Role.HANDLER}),
    Kind.CORRECTION: frozenset({Role.STATION, Role.HANDLER}),
    Kind.DERIVATION: frozenset({Role.STATION, Role.HANDLER}),
    Kind.DISPOSAL: frozenset({Role.HANDLER}),
    Kind.HOLD: frozenset({Role.HANDLER, Role.LEDGER}),
    Kind.SESSION: frozenset({Role.STATION}),
    Kind.CUSTODY: frozenset({Role.LEDGER}),
    Kind.STATUS: frozenset({Role.LEDGER}),
    Kind.RENEWAL: frozenset({Role.LEDGER}),
    Kind.REGISTER: frozenset(),
}


@dataclass(frozen=True, slots=True)
class FileSubject:
    """A file. `name_bytes` are its name's exact bytes where they are not UTF-8 (GBK cards)."""

    name: str
    digest: ItemDigest
    name_bytes: bytes = b""


@dataclass(frozen=True, slots=True)
class StatementSubject:
    """An earlier statement, by its salted commitment: it says nothing once the salt is gone."""

    id: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class TextSubject:
    """A short public text, such as a key or a checkpoint, by its SHA-256."""

    name: str
    sha256: bytes


Subject = FileSubject | StatementSubject | TextSubject


@dataclass(frozen=True, slots=True)
class Interval:
    """As claimed; milliseconds since the epoch, both ends included. `start_text` as written."""

    start_ms: int
    end_ms: int
    start_text: str


@dataclass(frozen=True, slots=True)
class After:
    """The latest cosigned checkpoint that the signer's software had checked: a not-before."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """A checked statement; `predicate` holds only fields of its kind, each in its form."""

    kind: Kind
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, Any]

    def __post_init__(self) -> None:
        _check_predicate(self.kind, self.predicate)
        _check_subjects(self.kind, self.subjects, self.predicate)

    @property
    def id(self) -> str:
        return str(self.predicate["id"])

    @property
    def agency(self) -> str:
        return str(self.predicate["agency"])

    @property
    def sayers(self) -> frozenset[Role]:
        return frozenset({Role.HANDLER}) if "gap" in self.predicate else MAY_SAY[self.kind]

    @property
    def persons(self) -> int:
        """How many registered persons must have signed it."""
        if self.kind is Kind.DISPOSAL:
            return 2
        return persons_wanted(self.predicate) if self.is_notarial else 1

    @property
    def is_notarial(self) -> bool:
        """Said by a notary, who names the cases of other agencies and owns none."""
        return self.kind in (Kind.APPLICATION, Kind.CERTIFICATE)

    @property
    def case(self) -> str | None:
        return self.predicate.get("case")

    @property
    def stage(self) -> Stage | None:
        stage = self.predicate.get("stage")
        return None if stage is None else Stage(stage)

    @property
    def occurred(self) -> Interval | None:
        return self._interval("occurred")

    @property
    def corrected(self) -> Interval | None:
        return self._interval("corrected")

    def _interval(self, field: str) -> Interval | None:
        value = self.predicate.get(field)
        if value is None:
            return None
        return Interval(parse_time(value["from"]), parse_time(value["to"]), value["from"])

    @property
    def after(self) -> After | None:
        value = self.predicate.get("after")
        if value is None:
            return None
        return After(value["origin"], parse_decimal(value["size"]), parse_base64(value["root"]))

    @property
    def files(self) -> tuple[FileSubject, ...]:
        return tuple(s for s in self.subjects if isinstance(s, FileSubject))

    @property
    def items(self) -> tuple[FileSubject, ...]:
        """The files that are evidence or stand beside it; a certificate is neither."""
        return () if self.kind is Kind.CERTIFICATE else self.files

    @property
    def is_decision(self) -> bool:
        """An act of stage 决定 that decides: what evidence must stand before."""
        act = self.predicate.get("act", "")
        return self.stage is Stage.DECIDE and act.endswith("_decision")

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "_type": TYPE,
                "predicate": dict(self.predicate),
                "predicateType": f"urn:tiezheng:{self.kind}:v1",
                "subject": [_subject_to_json(s) for s in self.subjects],
            }
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        match parse_json(payload, limit=MAX_PAYLOAD):
            case {
                "_type": str(kind),
                "predicate": dict(predicate),
                "predicateType": str(name),
                "subject": list(subjects),
                **more,
            }:
                pass
            case _:
                raise Malformed("want a statement with _type, predicate, predicateType, subject")
        if more:
            raise Malformed(f"unknown field {min(map(str, more))!r} in a statement")
        if kind != TYPE:
            raise Malformed(f"want {TYPE!r}, got {clip(kind)!r}", path="_type")
        most = most_subjects(_kind(name))
        if not 0 < len(subjects) <= most:
            raise Malformed(f"want 1 to {most}, got {len(subjects)}", path="subject")
        parsed = []
        for i, value in enumerate(subjects):
            try:
                parsed.append(_subject_from_json(value))
            except Malformed as error:
                raise error.under(f"subject[{i}]") from None
        # The payload is canonical and the predicate kept as it is: only a subject could
        # still have a second spelling.
        if [_subject_to_json(subject) for subject in parsed] != subjects:
            raise Malformed("want the one spelling of this statement")
        return cls(_kind(name), tuple(parsed), predicate)


def is_state(statement: Statement) -> bool:
    return statement.kind is Kind.STATUS and statement.predicate["what"] == STATE


MOST_SUBJECTS = {
    Kind.CERTIFICATE: MAX_CERTIFIED,
    Kind.DISPOSAL: MAX_NAMED,
    Kind.HOLD: MAX_NAMED,
}


def most_subjects(kind: Kind) -> int:
    return MOST_SUBJECTS.get(kind, MAX_SUBJECTS)


def _kind(name: str) -> Kind:
    for kind in Kind:
        if name == f"urn:tiezheng:{kind}:v1":
            return kind
    raise Malformed(f"no kind of statement {clip(name)!r}", path="predicateType")


# --- fields ----------------------------------------------------------------------------------

Check = Callable[[Any], object]


def _one_of(words: type[StrEnum]) -> Check:
    def check(value: Any) -> object:
        try:
            return words(value)
        except ValueError:
            raise Malformed(f"want one of {', '.join(words)}, got {clip(str(value))!r}") from None

    return check


def _interval(value: Any) -> None:
    match value:
        case {"from": str(start), "to": str(end), **more} if not more:
            if parse_time(start) > parse_time(end):
                raise Malformed(f"want from before to, got {start!r} and {end!r}")
        case _:
            raise Malformed("want from and to, nothing else")


def _after(value: Any) -> None:
    match value:
        case {"origin": str(origin), "root": str(root), "size": str(size), **more} if not more:
            check_name(origin)
            parse_base64(root, suite.DIGEST_SIZE)
            parse_decimal(size)
        case _:
            raise Malformed("want origin, root and size, nothing else")


def _about(value: Any) -> None:
    """A series without its year: `case/…`, `register/key/…`."""
    text = phrase.line(value)
    if unicodedata.normalize("NFC", text) != text or not re.match(r"[a-z]+/[^/]", text):
        raise Malformed(f"want a series without its year, got {clip(text)!r}")


def _series_prints(value: Any) -> None:
    if not isinstance(value, dict) or not 0 < len(value) <= 64:
        raise Malformed("want a fingerprint for each year")
    for year, print_ in value.items():
        if not re.fullmatch(r"[12]\d{3}", year, re.ASCII):
            raise Malformed(f"want a year, got {clip(year)!r}")
        parse_hex(phrase.string(print_, 64), suite.DIGEST_SIZE)


def _templates(value: Any) -> None:
    for template in phrase.lines(value):
        parse_template(template)


def _counts(value: Any) -> None:
    if not isinstance(value, dict) or len(value) > 32:
        raise Malformed("want at most 32 counts")
    for name, count in value.items():
        phrase.word(name)
        parse_decimal(phrase.string(count, 19))


def _changes(value: Any) -> None:
    if not isinstance(value, dict) or not 0 < len(value) <= 32:
        raise Malformed("want 1 to 32 fields and what they should say")
    for name, text in value.items():
        phrase.word(name)
        phrase.text(text)


def _clock(value: Any) -> None:
    """How far a device's clock was ahead of the station's, or behind it."""
    match value:
        case {"ahead_ms": str(offset), **more} | {"behind_ms": str(offset), **more} if not more:
            parse_decimal(offset)
        case _:
            raise Malformed("want ahead_ms or behind_ms, nothing else")


def _counters(value: Any) -> None:
    """The last number that a device gave, for each prefix of its file names."""
    if not isinstance(value, dict) or len(value) > 64:
        raise Malformed("want at most 64 counters")
    for prefix, number in value.items():
        phrase.line(prefix)
        parse_decimal(phrase.string(number, 19))


def _gaps(value: Any) -> None:
    """What is missing or does not fit, in the order in which explanations count it."""
    if not isinstance(value, list) or len(value) > 1024:
        raise Malformed("want a list of at most 1024 gaps")
    for gap in value:
        match gap:
            case {"kind": str(kind), "note": str(note), **more} if not more:
                phrase.word(kind)
                phrase.text(note)
            case _:
                raise Malformed("want kind and note of each gap, nothing else")


FIELDS: Mapping[str, Check] = {
    "about": _about,
    "act": phrase.word,
    "action": phrase.word,
    "after": _after,
    "agency": phrase.name,
    "applicant": phrase.line,
    "application": lambda value: parse_uuid7(phrase.string(value, 36)),
    "auxiliaries": phrase.lines,
    "basis": phrase.line,
    "by": phrase.line,
    "card": phrase.line,
    "carrier": phrase.line,
    "case": lambda value: parse_case(phrase.string(value, phrase.MAX_LINE)),
    "case_numbers": _templates,
    "cause": phrase.word,
    "changes": _changes,
    "clock": _clock,
    "complaint": lambda value: parse_uuid7(phrase.string(value, 36)),
    "compromised_since": lambda value: parse_time(phrase.string(value, 40)),
    "content": check_content,
    "corrected": _interval,
    "counters": _counters,
    "counts": _counts,
    "decision": _one_of(Decision),
    "derived": _one_of(Derived),
    "device": phrase.name,
    "devices": phrase.lines,
    "dispute": _one_of(Dispute),
    "evidence_type": _one_of(EvidenceType),
    "facts": facts_from_json,
    "favourable_to_party": phrase.line,
    "file": phrase.line,
    "final": check_final,
    "gap": lambda value: parse_decimal(phrase.string(value, 4)),
    "gaps": _gaps,
    "ground": _one_of(Ground),
    "hash": check_hash,
    "hold": _one_of(Hold),
    "id": lambda value: parse_uuid7(phrase.string(value, 36)),
    "in_force": InForce.from_json,
    "interest": phrase.line,
    "issued": lambda value: parse_uuid7(phrase.string(value, 36)),
    "key": lambda value: VerifierKey.from_text(phrase.string(value, 8192)),
    "log": lambda value: VerifierKey.from_text(phrase.string(value, 8192)),
    "maker": phrase.line,
    "method": phrase.line,
    "name": phrase.line,
    "note": phrase.text,
    "number": phrase.line,
    "occurred": _interval,
    "officers": phrase.lines,
    "origin": lambda value: check_name(phrase.string(value, phrase.MAX_LINE)),
    "original": lambda value: parse_hex(phrase.string(value, 64), suite.DIGEST_SIZE),
    "person": phrase.line,
    "place": phrase.line,
    "procedure": phrase.word,
    "provisional": lambda value: parse_uuid7(phrase.string(value, 36)),
    "purpose": phrase.text,
    "reason": phrase.text,
    "record": _one_of(Record),
    "register": _one_of(Registered),
    "registrar": lambda value: VerifierKey.from_text(phrase.string(value, 8192)),
    "retention": phrase.word,
    "revoked": phrase.text,
    "role": _one_of(Role),
    "root": lambda value: parse_base64(phrase.string(value, 88), suite.STRONG_SIZE),
    "rows": lambda value: parse_decimal(phrase.string(value, 19)),
    "seen": _interval,
    "series": _series_prints,
    "session": lambda value: parse_uuid7(phrase.string(value, 36)),
    "size": lambda value: parse_decimal(phrase.string(value, 19)),
    "spans": spans_from_json,
    "stage": _one_of(Stage),
    "subject": phrase.name,
    "timecodes": timecodes_from_json,
    "tool": phrase.line,
    "tokens": lambda value: parse_decimal(phrase.string(value, 19)),
    "version": phrase.line,
    "what": phrase.word,
}

_COMMON = {"id", "agency"}
_CASE = {"case", "provisional", "stage", "officers", "after", "note"}

# Fields of each kind: those it must have, those it may have. `register` has six forms, `act` two,
# `session` three: a device is docked, it was checked out, a gap is explained.
FORMS: Mapping[Kind, tuple[tuple[set[str], set[str]], ...]] = {
    Kind.EVIDENCE: (
        (
            _COMMON | {"occurred"},
            _CASE
            | {"carrier", "corrected", "device", "evidence_type", "favourable_to_party"}
            | {"file", "maker", "method", "purpose", "session"},
        ),
    ),
    Kind.ACT: ((_COMMON | {"act", "occurred"}, _CASE), ACT_FORM),
    Kind.APPLICATION: APPLICATION_FORMS,
    Kind.CERTIFICATE: CERTIFICATE_FORMS,
    Kind.COMPLAINT: COMPLAINT_FORMS,
    Kind.CORRECTION: ((_COMMON | {"changes", "reason"}, _CASE | {"occurred"}),),
    Kind.CUSTODY: ((_COMMON | {"about", "action", "by", "occurred"}, {"reason", "note", "after"}),),
    Kind.DERIVATION: (
        (_COMMON | {"derived", "occurred", "original", "tool"}, _CASE | {"reason", "spans"}),
    ),
    Kind.DISPOSAL: DISPOSAL_FORMS,
    Kind.HOLD: HOLD_FORMS,
    Kind.REGISTER: (
        (_COMMON | {"log", "registrar", "series"}, {"note"}),
        (_COMMON | {"key", "person", "role"}, {"revoked", "compromised_since", "note"}),
        (_COMMON | {"name", "case_numbers"}, {"note"}),
        (_COMMON | {"series", "revoked"}, {"compromised_since", "note"}),
        *REGISTER_FORMS,
    ),
    Kind.SESSION: (
        (
            _COMMON | {"device", "gaps", "occurred"},
            {"after", "card", "clock", "counters", "note", "officers", "session"},
        ),
        (
            _COMMON | {"device", "occurred", "officers"},
            {"after", "card", "clock", "counters", "note"},
        ),
        (_COMMON | {"cause", "device", "gap", "session"}, {"after", "note", "occurred"}),
    ),
    Kind.STATUS: ((_COMMON | {"what", "occurred"}, {"counts", "note"}),),
    Kind.RENEWAL: (
        (_COMMON | {"final"}, {"note"}),
        (_COMMON | {"hash", "origin", "root", "rows", "size"}, {"note"}),
        (_COMMON | {"hash", "root", "tokens"}, {"note"}),
    ),
}

STATE = "system_state"  # the `what` of a status statement that tells how the ledger stands
OPENING = "provisional_opening"  # the act that opens a case before it has a number


def _check_predicate(kind: Kind, predicate: Mapping[str, Any]) -> None:
    given = set(predicate)
    forms = FORMS[kind]
    fitting = [(need, may) for need, may in forms if need <= given <= need | may]
    if not fitting:
        need, may = max(forms, key=lambda form: len(form[0] & given))
        if unknown := given - need - may:
            raise Malformed(f"unknown field {min(unknown)!r} in {kind}", path="predicate")
        raise Malformed(f"want field {min(need - given)!r} in {kind}", path="predicate")
    for field, value in predicate.items():
        try:
            FIELDS[field](value)
        except Malformed as error:
            raise error.under(f"predicate.{field}") from None
    if kind in (Kind.EVIDENCE, Kind.ACT, Kind.DERIVATION, Kind.DISPOSAL):
        _check_case(predicate)
    if "register" in given:
        check_register(predicate)
    if kind is Kind.APPLICATION:
        check_ground(predicate)
    if kind is Kind.EVIDENCE and ("device" in given) != ("file" in given):
        raise Malformed("want device and file together", path="predicate")


def _check_case(predicate: Mapping[str, Any]) -> None:
    named = "case" in predicate or "provisional" in predicate
    if predicate.get("act") == OPENING:
        if named or "procedure" in predicate:
            raise Malformed("an opening names no case: it is one", path="predicate")
    elif not named:
        raise Malformed("want a case or a provisional case", path="predicate")


# --- subjects --------------------------------------------------------------------------------


def _check_subjects(
    kind: Kind, subjects: tuple[Subject, ...], predicate: Mapping[str, Any]
) -> None:
    most = most_subjects(kind)
    if not 0 < len(subjects) <= most:
        raise Malformed(f"want 1 to {most}, got {len(subjects)}", path="subject")
    if len(set(subjects)) != len(subjects):
        raise Malformed("a subject stands twice", path="subject")
    fits: bool
    match kind:
        case Kind.EVIDENCE:
            fits = all(isinstance(s, FileSubject) for s in subjects)
        case Kind.ACT:
            fits = len(subjects) <= 8 and not any(isinstance(s, TextSubject) for s in subjects)
        case Kind.APPLICATION:
            match subjects:
                case (TextSubject(name=name),):
                    fits = name == subject_name(predicate)
                case _:
                    fits = False
        case Kind.CERTIFICATE:
            match subjects:
                case (FileSubject(), *others):
                    compared = all(isinstance(s, StatementSubject) for s in others)
                    fits = "number" in predicate and compared
                case (StatementSubject(id=issued),):
                    fits = predicate.get("issued") == issued
                case _:
                    fits = False
        case Kind.CORRECTION | Kind.DISPOSAL:
            fits = all(isinstance(s, StatementSubject) for s in subjects)
        case Kind.COMPLAINT:
            fits = len(subjects) == 1 and not isinstance(subjects[0], StatementSubject)
        case Kind.HOLD:
            match subjects:
                case (TextSubject(),):
                    fits = True
                case _:
                    fits = all(isinstance(s, StatementSubject) for s in subjects)
        case Kind.REGISTER:
            fits = subjects == (register_subject(predicate),)
        case Kind.SESSION | Kind.DERIVATION:
            fits = len(subjects) == 1 and isinstance(subjects[0], FileSubject)
        case Kind.RENEWAL:
            fits = subjects == renewal_subjects(predicate)
        case Kind.CUSTODY | Kind.STATUS:
            fits = len(subjects) == 1 and isinstance(subjects[0], TextSubject)
    if not fits:
        raise Malformed(f"no such subject for {kind}", path="subject")


def registered_name(predicate: Mapping[str, Any]) -> str:
    """Of an entry in a register or a list: what its series is named by."""
    return f"{predicate['register']}/{predicate['subject']}"


def register_subject(predicate: Mapping[str, Any]) -> TextSubject:
    """What a register statement is about: the text it registers, named by whose it is."""
    if "key" in predicate:
        text = predicate["key"]
        name = f"key/{VerifierKey.from_text(text).name}"
    elif "register" in predicate:
        text, name = registered_text(predicate), registered_name(predicate)
    elif "registrar" in predicate:
        text, name = predicate["registrar"], "trust/registrar.vkey"
    elif "series" in predicate:
        text, name = "\n".join(predicate["series"].values()), "series"
    else:
        text = "\n".join(predicate["case_numbers"])
        name = f"agency/{predicate['agency']}"
    return TextSubject(name, suite.digest(text.encode()))


def renewal_subjects(predicate: Mapping[str, Any]) -> tuple[TextSubject, ...]:
    """What a renewal is about: the last checkpoint of the log that it closes, or its rows."""
    if closing := closing_of(predicate):
        return (TextSubject(closing.name, closing.sha256),)
    rows = rows_of(predicate)
    return () if rows is None else (TextSubject("rows", rows.sha256),)


def _subject_to_json(subject: Subject) -> dict[str, Any]:
    match subject:
        case FileSubject(name, digest, name_bytes):
            digests = {"sha256": digest.sha256.hex(), "tiezhengChunks256k": digest.chunks.hex()}
            if digest.sm3:
                digests["sm3"] = digest.sm3.hex()
            annotations = {"size": str(digest.size)}
            if name_bytes:
                annotations["nameBytes"] = format_base64(name_bytes)
            return {"annotations": annotations, "digest": digests, "name": name}
        case StatementSubject(id_, commitment):
            return {"digest": {"tiezhengCommitment": commitment.hex()}, "name": f"statement/{id_}"}
        case TextSubject(name, sha256):
            return {"digest": {"sha256": sha256.hex()}, "name": name}


def _subject_from_json(value: Any) -> Subject:
    match value:
        case {
            "annotations": {"size": str(size), **notes},
            "digest": {"sha256": str(sha256), "tiezhengChunks256k": str(chunks), **digests},
            "name": str(name),
            **more,
        } if not more:
            return _file_subject(name, size, sha256, chunks, notes, digests)
        case {
            "digest": {"tiezhengCommitment": str(commitment), **digests},
            "name": str(name),
            **more,
        }:
            if not more and not digests and name.startswith("statement/"):
                id_ = parse_uuid7(name.removeprefix("statement/"))
                return StatementSubject(id_, parse_hex(commitment, suite.DIGEST_SIZE))
        case {"digest": {"sha256": str(sha256), **digests}, "name": str(name), **more}:
            if not more and not digests:
                return TextSubject(phrase.line(name), parse_hex(sha256, suite.DIGEST_SIZE))
    raise Malformed("want a file with size and both digests, a statement, or a text")


def _file_subject(
    name: str, size: str, sha256: str, chunks: str, notes: dict[Any, Any], digests: dict[Any, Any]
) -> FileSubject:
    # Any character may stand in a file's name; reports show it escaped.
    if not name or len(name.encode()) > MAX_FILE_NAME:
        raise Malformed(f"want a name of 1 to {MAX_FILE_NAME} bytes", path="name")
    if set(notes) - {"nameBytes"} or set(digests) - {"sm3"}:
        raise Malformed("unknown annotation or digest")
    count = parse_decimal(size)
    if count > MAX_ITEM:
        raise Malformed(f"want at most {MAX_ITEM} bytes, got {size}", path="annotations.size")
    sm3 = digests.get("sm3")
    raw = notes.get("nameBytes")
    return FileSubject(
        name,
        ItemDigest(
            size=count,
            sha256=parse_hex(sha256, suite.DIGEST_SIZE),
            chunks=parse_hex(chunks, suite.DIGEST_SIZE),
            sm3=b"" if sm3 is None else parse_hex(phrase.string(sm3, 64), suite.DIGEST_SIZE),
        ),
        b"" if raw is None else parse_base64(phrase.string(raw, 2 * MAX_FILE_NAME)),
    )
