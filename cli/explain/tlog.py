"""Proofs, policies and requests of C2SP logs: tlog-proof, tlog-policy, -witness and -mirror.

c2sp.org/tlog-proof@v1          old 20852014            subtree 8 13
index 73894                     PlRNCrwHpqhGrupue0L7…   mbsQCg+dEIMGlpqeGgk9…
gSKyXoYZUgZ6jduWYrkDOAR…                                CD82D2LDm0phY0+xKbHy…

<checkpoint>                    <checkpoint>            <checkpoint>
"""

import re

from cli.explain.lenient import base64_of, decimal_of, text_of
from cli.explain.note import key_fields, note_fields
from cli.explain.value import Explained, Field, File, almost, fields, listed
from ledger import suite
from ledger.encoding import clip
from ledger.errors import LedgerError
from ledger.tlog.merkle import MAX_PROOF
from ledger.tlog.policy import Group, Policy
from ledger.tlog.receipt import HEADER
from ledger.tlog.tile import WIDTH

MAX_ORIGIN = 1024
MAX_TREE = 2**48  # larger numbers in add-entries are chance: no log has so many entries


def explain_proof(file: File) -> Explained | None:
    text = text_of(file.data)
    if text is None or not text.startswith((f"{HEADER}\n", "index ")):
        return None
    head, separator, note = text.partition("\n\n")
    rows = head.split("\n")
    # torchwood's older `.spicy` files are the same without the first line.
    bare = rows[0] != HEADER
    rows = rows if bare else rows[1:]
    extra = None
    if rows and rows[0].startswith("extra "):
        extra = base64_of(rows.pop(0).removeprefix("extra "))
        if extra is None:
            raise almost("proof", "its line extra is not base64")
    index = decimal_of(rows[0].removeprefix("index ")) if rows else None
    if bare and (index is None or not separator):
        return None
    if index is None:
        raise almost("proof", "it has no line 'index N'")
    return Explained(
        "proof",
        (
            *fields(("index", index), ("hashes", _hashes(rows[1:], "proof"))),
            *fields(("header", "none" if bare else None)),
            *_extra(extra),
            *(note_fields(note) if separator else fields(("unread", "checkpoint"))),
        ),
    )


def _extra(extra: bytes | None) -> tuple[Field, ...]:
    if extra is None:
        return ()
    text = text_of(extra)
    return fields(
        ("extra_bytes", len(extra)), ("extra", clip(extra.hex() if text is None else text, 200))
    )


def _hashes(rows: list[str], kind: str) -> int:
    for row in rows:
        data = base64_of(row)
        if data is None or len(data) != suite.DIGEST_SIZE:
            raise almost(kind, f"this line is no hash: {clip(row)!r}")
    return len(rows)


def explain_request(file: File) -> Explained | None:
    """What a log or a client sends a cosigner: add-checkpoint and sign-subtree."""
    text = text_of(file.data)
    head, separator, note = (text or "").partition("\n\n")
    first, *rows = head.split("\n")
    match first.split(" "):
        case ["old", size] if separator and (old := decimal_of(size)) is not None:
            count = _hashes(rows, "add_checkpoint")
            found = fields(("old_size", old), ("hashes", count))
            return Explained("add_checkpoint", (*found, *note_fields(note)))
        case ["subtree", start, end] if separator and decimal_of(start) is not None:
            if decimal_of(end) is None or not rows:
                raise almost("sign_subtree", "it has no range or no hash")
            count = _hashes(rows, "sign_subtree") - 1
            found = fields(
                ("subtree", f"{start} … {end}"), ("subtree_hash", rows[0]), ("hashes", count)
            )
            return Explained("sign_subtree", (*found, *note_fields(note)))
        case _:
            return None


# --- add-entries -----------------------------------------------------------------------------


def explain_add_entries(file: File) -> Explained | None:
    """What a mirror is sent. It has no mark of its own: it is known by fitting to the last byte.

    u16 ‖ origin ‖ u64 start ‖ u64 end ‖ u16 ‖ ticket ‖ packages, each the entries of one
    bundle (u16 ‖ bytes) ‖ u8 ‖ that many hashes.
    """
    reader = _Bytes(file.data)
    try:
        origin = text_of(reader.take(reader.number(2)))
        start, end = reader.number(8), reader.number(8)
        ticket = reader.take(reader.number(2))
        if not origin or len(origin) > MAX_ORIGIN or not start <= end <= MAX_TREE:
            return None
        packages, at = 0, start
        while reader.left and at < end:
            stop = min(end, (at // WIDTH + 1) * WIDTH)
            for _ in range(stop - at):
                reader.take(reader.number(2))
            count = reader.number(1)
            reader.take(count * suite.DIGEST_SIZE)
            packages, at = packages + 1, stop
            if count > MAX_PROOF:
                return None
    except EOFError:
        return None
    if reader.left:
        return None
    return Explained(
        "add_entries",
        fields(
            ("log", origin),
            ("upload", f"{start} … {end}"),
            ("ticket_bytes", len(ticket)),
            ("packages", packages),
            ("entries_here", at - start),
            ("next_entry", at if at < end else None),
        ),
    )


class _Bytes:
    """Big-endian numbers and bytes, one behind the other; `EOFError` where they end early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise EOFError
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


# --- policies --------------------------------------------------------------------------------

_POLICY = re.compile(r"(?m)^[ \t]*(?:log|witness|group|quorum)[ \t]+[^ \t\n]")


def explain_policy(file: File) -> Explained | None:
    text = text_of(file.data)
    if text is None or not _POLICY.search(text):
        return None
    rows = [row for line in text.splitlines() if (row := _words(line))]
    known = [row for row in rows if row[0] in ("log", "witness", "group", "quorum")]
    # Prose may have a line that begins with "group "; a policy has no other lines.
    if not known or len(known) < len(rows):
        return None
    if "PRIVATE+KEY+" in text:
        raise almost("policy", "it has a private key in it")
    return Explained("policy", (*(_policy_row(row) for row in rows), *policy_remarks(file.data)))


def policy_remarks(data: bytes) -> tuple[Field, ...]:
    try:
        policy = Policy.from_bytes(data)
    except LedgerError as error:
        return fields(("not_ours", str(error)))
    return fields(("overlap", policy.overlap))


def group_words(group: Group) -> str:
    return f"{group.threshold} / {len(group.members)} ({', '.join(group.members)})"


def _words(line: str) -> list[str]:
    """Comments behind fields, too, which the draft does not know and some readers do."""
    return line.split("#")[0].split() if line.lstrip().startswith("#") else _uncommented(line)


def _uncommented(line: str) -> list[str]:
    words = line.split()
    behind = next((i for i, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:behind]


def _policy_row(row: list[str]) -> Field:
    match row:
        case ["log", key, *url]:
            return _keyed("log", key.split("+")[0], key, url)
        case ["witness", name, key, *url]:
            return _keyed("cosigner", name, key, url)
        case ["group", name, threshold, *members]:
            whole = {"all": len(members), "any": 1}.get(threshold, threshold)
            return Field("group", f"{name}: {whole} / {len(members)} ({', '.join(members)})")
        case ["quorum", name]:
            return Field("quorum", name)
        case _:
            return Field("unread_line", clip(" ".join(row)))


def _keyed(kind: str, name: str, key: str, url: list[str]) -> Field:
    match key.split("+", 2):
        case [owner, _, _]:
            parts = (*fields(("name", owner if owner != name else None)), *key_fields(key))
        case _:
            parts = fields(("unread", "key"))
    return Field(kind, name, (*parts, *listed("url", url)))
