"""A filer's side of the ledger: upload, file, recompute before believing, fetch.

An acceptance is believed only after its entry was recomputed from salt, envelope
and series, and the log's signature over the checkpoint was checked.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from api.clients.address import without_password
from api.clients.http import REFUSED, fetch, new_client, no_answer, pieces, read_limited
from api.signing import sign_request
from ledger.encoding import clip, format_json, parse_base64, parse_decimal, parse_hex, printable
from ledger.errors import Full, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence import phrase
from ledger.evidence.due import Due
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import log_label, series_names, series_year
from ledger.evidence.series import check_tags
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust
from ledger.evidence.withheld import Reason
from ledger.process.handover import Handover, NotApproved, Unapproved
from ledger.process.judging.gated import Closed, Gated
from ledger.process.particulars import WANTED, Lack
from ledger.suite import DIGEST_SIZE, new_digest
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.note import MAX_NOTE, SignedNote
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey
from storage.regular import check_target

MAX_ANSWER = 64 << 20
PIECE = 1 << 20
UPLOAD_TIMEOUT_S = 300.0
SLOWEST = 10_000_000  # bytes a second that a disk reads at least

# What answers must hold as text; `check_texts`.
ACCEPTANCE = ("id", "log", "index", "entry", "salt", "checkpoint")
RECEIPT = ("id", "log", "index", "entry", "proof", "witnessed")
CASE_ROW = ("act", "agency", "id", "index", "kind", "log", "logged", "occurred", "stage")
DELIVERY_SESSION = ("agency", "index", "note", "session", "since", "what")
DELIVERY_FILE = ("agency", "cause", "index", "path", "session", "since", "size", "told")

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Receipted:
    """Where a statement stands, as the ledger said and this client recomputed."""

    id: str
    log: str
    index: int
    entry: Entry
    checkpoint: Checkpoint
    answer: dict[str, Any]


def announcement(size: int, sha256: bytes, *, sm3: bool) -> dict[str, str]:
    """An item before its bytes come; `sm3` asks the ledger to digest it so too."""
    return {"sha256": sha256.hex(), "size": str(size)} | ({"sm3": "yes"} if sm3 else {})


class NotYet(Unavailable):
    """The server asks to try again in a moment."""


class NoDirect(Rejected):
    """Nobody may put items into this ledger's store himself: there are other ways in."""


class LedgerClient:
    """One ledger at `url`. `token` is for reading, `key` for uploading."""

    def __init__(self, url: str, *, key: SigningKey | None = None, token: str = "") -> None:
        # It becomes a header; whatever else the file holds must not.
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise Malformed("want an access token on one line")
        self._url = url.rstrip("/")
        self._shown = without_password(self._url)
        self._key = key
        self._token = token
        self._client = new_client(UPLOAD_TIMEOUT_S)

    def close(self) -> None:
        self._client.close()

    def upload(
        self, path: Path, size: int, sha256: bytes, progress: Progress, *, sm3: bool = False
    ) -> dict[str, Any]:
        """Sends one file; its digests as the ledger computed them. Safe to repeat."""
        body = format_json(announcement(size, sha256, sm3=sm3))
        headers = self._signed("POST", "/v1/uploads", body)
        answer = self._json("POST", "/v1/uploads", content=body, headers=headers)
        upload = answer.get("upload")
        if not isinstance(upload, str) or not upload.isalnum():
            raise Malformed(f"want the id of an upload from {self._shown}")
        return self._json(
            "PUT",
            f"/v1/uploads/{upload}",
            content=_file_pieces(path, size, progress),
            headers={"Content-Length": str(size)},
        )

    def read_back(self, path: Path, size: int, sha256: bytes) -> None:
        """Has the ledger read the item now, and compares with the file as it is now.

        Raises `Rejected` if either has other bytes, `NotYet` while the ledger is busy.
        """
        nonce = secrets.token_bytes(32)
        answered = self.challenge(nonce, size, sha256)
        hasher = new_digest()
        hasher.update(nonce)
        for piece in _file_pieces(path, size, lambda count: None):
            hasher.update(piece)
        if answered != hasher.digest():
            raise Rejected(
                f"the bytes that {self._shown} has are not those of {printable(str(path))!r}",
                hints=("keep the file, and tell the ledger's operator and the supervisor",),
            )

    def challenge(self, nonce: bytes, size: int, sha256: bytes) -> bytes:
        """Has the ledger read an item now and digest it behind the nonce; not compared yet."""
        body = format_json({"nonce": nonce.hex(), "sha256": sha256.hex(), "size": str(size)})
        answer = self._json(
            "POST",
            "/v1/readbacks",
            content=body,
            headers=self._signed("POST", "/v1/readbacks", body),
            timeout=UPLOAD_TIMEOUT_S + size / SLOWEST,
        )
        return parse_hex(check_texts(answer, "digest")["digest"], DIGEST_SIZE)

    def backup(self) -> dict[str, Any]:
        """How much of which log the newest backup covers; raises `Unknown` if there is none."""
        return check_texts(self._json("GET", "/v1/backup"), "at", "log", "size")

    def whoami(self) -> dict[str, Any]:
        """What the ledger's register says of our key."""
        answer = self._json("GET", "/v1/key", headers=self._signed("GET", "/v1/key", b""))
        return check_texts(answer, "agency", "log", "person", "role")

    def checkpoint(self, label: str) -> bytes:
        """The public checkpoint, unchecked; raises `Unknown` while there is none of that log."""
        status, data = fetch(self._client, "GET", f"{self._url}/log/{label}/checkpoint", MAX_NOTE)
        if status == 404:
            raise Unknown(f"{self._shown} has no checkpoint of {label!r} yet")
        if status != 200:
            raise Unavailable(f"{self._shown} answered {status} for the checkpoint of {label!r}")
        return data

    def file(self, envelopes: Sequence[bytes], conclusion: str = "") -> list[dict[str, Any]]:
        """The result of each envelope: an acceptance, or a problem document. With `conclusion`
        the ledger refuses acts that it knows no gate for, of an agency that has some."""
        asked = {"conclusion": conclusion} if conclusion else {}
        answer = self._json("POST", "/v1/statements", content=b"\n".join(envelopes), params=asked)
        match answer:
            case {"results": list(rows)} if len(rows) == len(envelopes):
                pass
            case _:
                raise Malformed(f"want {len(envelopes)} results from {self._shown}")
        if not all(isinstance(row, dict) for row in rows):
            raise Malformed(f"want an object for each result from {self._shown}")
        return rows

    def receipt(self, statement_id: str) -> dict[str, Any]:
        answer = self._json("GET", f"/v1/statements/{statement_id}/receipt")
        check_place(check_texts(answer, *RECEIPT))
        return answer

    def devices(self, month: str) -> list[str]:
        """The devices that have sessions of a month."""
        answer = self._json("GET", f"/v1/devices/{month}", headers=self._bearer())
        match answer.get("devices"):
            case list(names) if all(isinstance(name, str) for name in names):
                return names
        raise Malformed(f"want a list of devices from {self._shown}")

    def delivery(self, month: str, device: str) -> dict[str, list[dict[str, Any]]]:
        """What the log shows that a device docked and nobody deposited, and missing sessions."""
        path = f"/v1/devices/{month}/{quote(device, safe='')}"
        answer = self._json("GET", path, headers=self._bearer())
        fields = {"sessions": DELIVERY_SESSION, "undelivered": DELIVERY_FILE}
        for field, texts in fields.items():
            if not isinstance(answer.get(field), list):
                raise Malformed(f"want the list {field!r} in the ledger's answer")
            for row in answer[field]:
                check_texts(row if isinstance(row, dict) else {}, *texts)
        return {field: answer[field] for field in fields}

    def view(
        self, agency: str, name: str, asked: Mapping[str, str], rows: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        """A view of an agency: lists, by name, of rows with these fields, all of them texts."""
        path = f"{_agency_path(agency)}/{name}?{urlencode(asked)}"
        answer = self._json("GET", path, headers=self._bearer())
        check_texts(answer, "log", "size")
        for field, texts in rows.items():
            if not isinstance(answer.get(field), list):
                raise Malformed(f"want the list {field!r} in the ledger's answer")
            for row in answer[field]:
                check_texts(row if isinstance(row, dict) else {}, *texts)
        return answer

    def case(self, case: str) -> dict[str, Any]:
        """The statements of a case in log order, as the ledger lists them."""
        answer = self._json("GET", f"/v1/cases/{quote(case, safe='')}", headers=self._bearer())
        check_texts(answer, "case", "log")
        rows = answer.get("statements")
        if not isinstance(rows, list):
            raise Malformed("want the list 'statements' in the ledger's answer")
        for row in rows:
            check_texts(row if isinstance(row, dict) else {}, *CASE_ROW)
            files = row.get("files")
            if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
                raise Malformed("want a list of files in each row of the ledger's answer")
        return answer

    def feed(self, after: int) -> bytes:
        """The page of the feed's events after that number; nothing in it is checked."""
        return format_json(self._json("GET", f"/v1/feed?after={after}", headers=self._bearer()))

    def judged(self, case: str, what: str) -> dict[str, Any]:
        """How a case stands: `gaps` or `clocks`, by the ledger's word."""
        path = f"/v1/cases/{quote(case, safe='')}/{what}"
        answer = self._json("GET", path, headers=self._bearer())
        for field in ("packs", what, "destroyed"):
            rows = answer.get(field, [] if field == "destroyed" else None)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise Malformed(f"want the list {field!r} in the ledger's answer")
        return answer

    def lacking(self, case: str) -> list[Lack]:
        """Which particulars the evidence of a case lacks, by the ledger's word."""
        answer = self._json("GET", f"/v1/cases/{quote(case, safe='')}", headers=self._bearer())
        rows = answer.get("lacking")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Malformed(f"want a list of what lacks from {self._url}")
        return [_lack(row) for row in rows]

    def packet(
        self,
        case: str,
        target: Path,
        progress: Progress,
        *,
        withhold: Mapping[str, Reason] = MappingProxyType({}),
        due: Due | None = None,
        handover: Handover | None = None,
    ) -> None:
        """Writes the packet to `target`; leaves nothing there if it fails."""
        asked = [("withhold", f"{name}={reason}") for name, reason in sorted(withhold.items())]
        if due is not None:
            asked.append(("due", format_json(due.to_json()).decode()))
        if handover is not None:
            asked.append(("handover", format_json(handover.to_json()).decode()))
        query = "?" + urlencode(asked) if asked else ""
        self._fetch(f"/v1/cases/{quote(case, safe='')}/packet{query}", target, progress)

    def acts(self, agency: str, year: str, target: Path, progress: Progress) -> None:
        """Writes the yearly file of an agency to `target`; leaves nothing there if it fails."""
        path = f"{_agency_path(agency)}/acts?{urlencode({'year': year})}"
        self._fetch(path, target, progress)

    def _fetch(self, path: str, target: Path, progress: Progress) -> None:
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
        try:
            check_target(target)
            with partial.open("xb") as file:
                for piece in self._stream(path):
                    file.write(piece)
                    progress(len(piece))
            partial.replace(target)
        except OSError as error:
            raise Unavailable(f"cannot write {str(target)!r}: {error.strerror}") from None
        finally:
            partial.unlink(missing_ok=True)

    def _stream(self, path: str) -> Iterator[bytes]:
        try:
            with self._client.stream("GET", self._url + path, headers=self._bearer()) as response:
                if response.status_code != 200:
                    raise _refusal(response.status_code, read_limited(response, MAX_ANSWER))
                yield from pieces(response)
        except REFUSED as error:
            raise no_answer(self._url, error) from None

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        status, data = fetch(self._client, method, self._url + path, MAX_ANSWER, **options)
        if status == 422 and path == "/v1/statements":
            pass  # a lone statement refused: its result says why
        elif status >= 400 and not (path == "/v1/statements" and b'"results"' in data[:20]):
            raise _refusal(status, data)
        answer = read_object(data)
        if answer is None:
            raise Malformed(f"{self._shown}{path} did not answer with a JSON object")
        return answer

    def _signed(self, method: str, path: str, body: bytes) -> dict[str, str]:
        if self._key is None:
            raise Rejected("want a key to sign the request")
        nonce = secrets.token_urlsafe(24)
        return dict(sign_request(self._key, method, self._url + path, body, nonce))

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


def _lack(row: dict[str, Any]) -> Lack:
    check_texts(row, "id", "name")
    fields = row.get("fields")
    if not isinstance(fields, list) or not fields or not all(f in WANTED for f in fields):
        raise Malformed("want the particulars that lack, by their names")
    return Lack(row["id"], row["name"], tuple(fields))


def check_texts(answer: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The answer; raises `Malformed` unless each of these fields is there and is text."""
    for field in fields:
        if not isinstance(answer.get(field), str):
            raise Malformed(f"want the text {field!r} in the ledger's answer")
    return answer


def check_place(answer: dict[str, Any]) -> None:
    """Log and index are shown and name files before anything vouches for them."""
    try:
        plain = log_label(answer["log"]) == answer["log"]
        parse_decimal(answer["index"])
    except Malformed:
        plain = False
    if not plain:
        place = f"{answer['log']}-{answer['index']}"
        raise Malformed(f"want the log and index of an entry, got {clip(place)!r}")


def check_acceptance(answer: dict[str, Any], envelope: bytes, trust: Trust) -> Receipted:
    """Recomputes an acceptance; raises `Rejected` if the ledger's word does not hold."""
    check_texts(answer, *ACCEPTANCE)
    log = trust.log(answer["log"])
    if log is None:
        raise Rejected(f"the log {answer['log']!r} is not in your trust folder")
    statement = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
    if answer["id"] != statement.id:
        raise Rejected(f"want the answer to statement {statement.id}, got {answer['id']!r}")
    entry = Entry.from_bytes(answer["entry"].encode())
    salt = parse_base64(answer["salt"])
    check_commitment(entry, salt, envelope)
    names = series_names(statement, log.label, trust.first_year)
    given = _series(answer.get("series"))
    tags = []
    for name in names:
        if name not in given:
            raise Rejected(f"the ledger did not say the place in the series {name!r}")
        key = trust.series.get(series_year(name))
        if key is None:
            raise Rejected(f"your trust folder has no series key of {series_year(name)}")
        series = key.open(name, parse_base64(given[name]["signature"]))
        tags.append(series.tag(parse_decimal(given[name]["n"])))
    check_tags(entry, salt, tags)
    checkpoint = open_checkpoint(SignedNote.from_text(answer["checkpoint"]), log.policy.log)
    index = parse_decimal(answer["index"])
    if index >= checkpoint.size:
        raise Rejected(f"index {index} is not under the checkpoint of size {checkpoint.size}")
    return Receipted(statement.id, log.label, index, entry, checkpoint, answer)


def read_flags(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Duplicates and siblings as the ledger sees them: hints, of which none but ours are kept."""
    given = answer.get("flags", [])
    rows = given if isinstance(given, list) else []
    return [
        {"at": row["at"], "kind": row["kind"]}
        for row in rows
        if isinstance(row, dict)
        and row.get("kind") in ("duplicate", "sibling")
        and isinstance(row.get("at"), list)
        and all(isinstance(place, str) for place in row["at"])
    ]


def check_receipt(answer: dict[str, Any], entry: Entry, trust: Trust) -> int | None:
    """The quorum time that a receipt shows for the entry, or None: not yet witnessed."""
    check_texts(answer, *RECEIPT)
    log = trust.log(answer["log"])
    if log is None:
        raise Rejected(f"the log {answer['log']!r} is not in your trust folder")
    receipt = Receipt.from_text(answer["proof"])
    if receipt.index != parse_decimal(answer["index"]):
        raise Rejected("the receipt is for another index")
    return receipt.open(entry.leaf_hash(), log.policy).quorum_time


def refusal(document: dict[str, Any]) -> LedgerError:
    """A problem document as the error it was on the server."""
    kinds: dict[str, type[LedgerError]] = {
        "malformed": Malformed,
        "unknown": Unknown,
        "gone": Unknown,
        "full": Full,
        "quota": Full,
        "unavailable": NotYet,
        "no_direct": NoDirect,
        "damaged": Unavailable,
        "internal": Unavailable,
    }
    kind = kinds.get(str(document.get("code")), Rejected)
    given = document.get("hints")
    hints = tuple(str(hint) for hint in given) if isinstance(given, list) else ()
    if document.get("code") == Gated.code:
        return _gated(document, hints)
    if document.get("code") == NotApproved.code:
        return _not_approved(document, hints)
    return kind(str(document.get("detail", "refused")), hints=hints)


def _gated(document: dict[str, Any], hints: tuple[str, ...]) -> Gated:
    reason, rows = document.get("reason"), document.get("found")
    found = [row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict)]
    known = Closed(reason) if reason in list(Closed) else Closed.RECORDS
    return Gated(str(document.get("detail", "refused")), known, found, hints)


def _not_approved(document: dict[str, Any], hints: tuple[str, ...]) -> NotApproved:
    reason = document.get("reason")
    known = Unapproved(reason) if reason in list(Unapproved) else Unapproved.NOT_HERE
    return NotApproved(known, str(document.get("detail", "refused")), hints)


def _refusal(status: int, data: bytes) -> LedgerError:
    document = read_object(data)
    return Unavailable(f"the server answered {status}") if document is None else refusal(document)


def read_object(data: bytes) -> dict[str, Any] | None:
    """A JSON object from a server, or None: it may be anybody's."""
    try:
        value = json.loads(data)
        # A lone surrogate can be neither written to a file nor shown.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _series(rows: Any) -> dict[str, dict[str, Any]]:
    """The series of an acceptance, by name."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Malformed("want the series in the ledger's answer, an object each")
    return {row["name"]: row for row in rows if check_texts(row, "n", "name", "signature")}


def _file_pieces(path: Path, size: int, progress: Progress) -> Iterator[bytes]:
    """Raises `Rejected` at the end of a file that has changed its size since it was digested."""
    sent = 0
    with path.open("rb") as file:
        while (piece := file.read(PIECE)) and sent + len(piece) <= size:
            sent += len(piece)
            yield piece
            progress(len(piece))
    if sent != size or piece:
        raise Rejected(
            f"{printable(str(path))!r} changed while it was being sent: it had {size} bytes",
            hints=("send it again once nobody writes to it",),
        )


def _agency_path(agency: str) -> str:
    # Steps of a path would ask for something else.
    if phrase.name(agency) in (".", ".."):
        raise Malformed(f"want an agency's id, got {agency!r}")
    return f"/v1/agencies/{quote(agency, safe='')}"
