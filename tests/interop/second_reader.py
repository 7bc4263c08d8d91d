"""A second reader of the public log, written from the C2SP texts and not from this project.

    python3 tests/interop/second_reader.py log FOLDER POLICY
    python3 tests/interop/second_reader.py receipt FILE.tlog-proof ENTRY POLICY

It needs Python 3.11 and `cryptography` and imports nothing of Tiezheng. Where it and
the project disagree about a byte, one of them has misread a text that both can open:
signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-policy and tlog-proof
at c2sp.org, and RFC 9162. Ends with 0 if everything holds and the quorum is there.
"""

import hashlib
import re
import sys
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

WIDTH = 256
LOG, COSIGNER, COSIGNER_MLDSA = 1, 4, 6
PUBLIC_SIZE = {LOG: 32, COSIGNER: 32, COSIGNER_MLDSA: 1312}
NOTHING = hashlib.sha256(b"").digest()


class Wrong(Exception):
    """Something does not hold; the text says what."""


def need(holds: object, otherwise: str) -> None:
    if not holds:
        raise Wrong(otherwise)


def base64_bytes(text: str) -> bytes:
    """One encoding for each value: decoders let stray bits through."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise Wrong(f"not base64: {text[:60]!r}") from None
    need(b64encode(data).decode() == text, f"not the one base64: {text[:60]!r}")
    return data


def decimal(text: str) -> int:
    need(re.fullmatch("0|[1-9][0-9]{0,18}", text), f"not a number: {text[:30]!r}")
    number = int(text)
    need(number < 2**63, f"too large: {text}")
    return number


def hash_bytes(text: str) -> bytes:
    data = base64_bytes(text)
    need(len(data) == 32, f"not a hash: {text[:60]!r}")
    return data


# --- notes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(
            self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        ).digest()[:4]


def read_key(vkey: str) -> Key:
    parts = vkey.split("+", 2)
    need(len(parts) == 3, "a key has three parts")
    name, key_id, typed = parts[0], parts[1], base64_bytes(parts[2])
    need(name and not re.search(r"\s", name), f"a key without a name: {vkey[:60]!r}")
    need(typed and len(typed) - 1 == PUBLIC_SIZE.get(typed[0]), "a key of another type or size")
    key = Key(name, typed[0], typed[1:])
    need(key.id.hex() == key_id, f"{name} has the key id {key.id.hex()}, not {key_id}")
    return key


@dataclass(frozen=True)
class Note:
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]  # name, key id, signature

    def by(self, key: Key) -> bytes | None:
        found = [s for name, key_id, s in self.signatures if (name, key_id) == (key.name, key.id)]
        need(len(found) < 2, f"two signatures by {key.name}")
        return found[0] if found else None


def read_note(data: bytes) -> Note:
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong("a note is UTF-8") from None
    need(not re.search(r"[\x00-\x09\x0b-\x1f]", whole), "a note has no control characters")
    text, separator, block = whole.rpartition("\n\n")
    need(separator and block.endswith("\n"), "a note has an empty line and signatures")
    signatures = []
    for line in block[:-1].split("\n"):
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014" and parts[1], f"no signature: {line[:60]!r}")
        value = base64_bytes(parts[2])
        need(len(value) > 4, "an empty signature")
        signatures.append((parts[1], value[:4], value[4:]))
    return Note(text + "\n", tuple(signatures))


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes


def read_checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")
    need(len(lines) >= 4 and lines[-1] == "" and all(lines[:-1]), "a checkpoint has three lines")
    checkpoint = Checkpoint(lines[0], decimal(lines[1]), hash_bytes(lines[2]))
    need(checkpoint.size or checkpoint.root == NOTHING, "nothing has another root")
    return checkpoint


def verify(key: Key, message: bytes, signature: bytes) -> None:
    public: Ed25519PublicKey | MLDSA44PublicKey
    if key.kind == COSIGNER_MLDSA:
        public = MLDSA44PublicKey.from_public_bytes(key.public)
    else:
        public = Ed25519PublicKey.from_public_bytes(key.public)
    try:
        public.verify(signature, message)
    except InvalidSignature:
        raise Wrong(f"the signature by {key.name} does not verify") from None


def cosigned_at(note: Note, key: Key) -> int | None:
    """When `key` cosigned, in POSIX seconds; None if it did not."""
    value = note.by(key)
    if value is None:
        return None
    need(len(value) > 8, f"the cosignature by {key.name} has no time")
    at = int.from_bytes(value[:8], "big")
    need(0 < at < 2**63, f"the cosignature by {key.name} has no time")
    if key.kind == COSIGNER:
        verify(key, f"cosignature/v1\ntime {at}\n{note.text}".encode(), value[8:])
        return at
    checkpoint = read_checkpoint(note.text)
    name, origin = key.name.encode(), checkpoint.origin.encode()
    message = b"subtree/v1\n\0" + bytes([len(name)]) + name + value[:8] + bytes([len(origin)])
    message += origin + bytes(8) + checkpoint.size.to_bytes(8, "big") + checkpoint.root
    verify(key, message, value[8:])
    return at


# --- policy ----------------------------------------------------------------------------------


@dataclass
class Policy:
    logs: list[Key] = field(default_factory=list)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str = ""

    def defined(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def satisfied(self, name: str, times: dict[str, int]) -> bool:
        if name not in self.groups:
            return name in times
        wanted, members = self.groups[name]
        return sum(self.satisfied(member, times) for member in members) >= wanted


def read_policy(data: bytes) -> Policy:
    policy = Policy()
    members_so_far: set[str] = set()
    for line in data.decode("utf-8").split("\n"):
        words = re.findall(r"[^ \t]+", line)
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log" and len(words) in (2, 3):
            policy.logs.append(read_key(words[1]))
        elif words[0] == "witness" and len(words) in (3, 4):
            need(words[1] != "none" and not policy.defined(words[1]), f"{words[1]} is taken")
            policy.witnesses[words[1]] = read_key(words[2])
        elif words[0] == "group" and len(words) > 3:
            _, name, threshold, *members = words
            need(name != "none" and not policy.defined(name), f"{name} is taken")
            need(all(map(policy.defined, members)), f"a member of {name} is not defined above it")
            need(len(set(members)) == len(members), f"a member of {name} stands twice")
            need(not members_so_far & set(members), f"a member of {name} is another's already")
            members_so_far |= set(members)
            wanted = {"any": 1, "all": len(members)}.get(threshold) or decimal(threshold)
            need(1 <= wanted <= len(members), f"{threshold} of {len(members)} cannot be")
            policy.groups[name] = wanted, members
        elif words[0] == "quorum" and len(words) == 2:
            need(not policy.quorum, "two quorums")
            need(words[1] == "none" or policy.defined(words[1]), f"{words[1]} is not defined")
            policy.quorum = words[1]
        else:
            raise Wrong(f"no line of a policy: {line[:60]!r}")
    need(policy.logs and policy.quorum, "a policy has a log and a quorum")
    keys = [key.public for key in (*policy.logs, *policy.witnesses.values())]
    need(len(set(keys)) == len(keys), "a key stands twice")
    return policy


def open_checkpoint(data: bytes, policy: Policy) -> tuple[Checkpoint, dict[str, int]]:
    """The checkpoint and who cosigned it when; the log's signature and the quorum hold."""
    note = read_note(data)
    known = [(key, note.by(key)) for key in policy.logs]
    signed = [(key, signature) for key, signature in known if signature is not None]
    need(signed, "not signed by a log of the policy")
    for key, signature in signed:
        verify(key, note.text.encode(), signature)
    checkpoint = read_checkpoint(note.text)
    need(checkpoint.origin in [key.name for key, _ in signed], "signed by another log")
    times = {}
    for name, key in policy.witnesses.items():
        at = cosigned_at(note, key)
        if at is not None:
            times[name] = at
    need(policy.quorum == "none" or policy.satisfied(policy.quorum, times), "no quorum")
    return checkpoint, times


# --- the tree --------------------------------------------------------------------------------


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def half(size: int) -> int:
    """The largest power of two below `size`."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


class Tree:
    """RFC 9162 section 2.1 as it is defined, over leaf hashes."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, end: int) -> bytes:
        if start == end:
            return NOTHING
        if end - start == 1:
            return self.leaves[start]
        if (start, end) not in self._known:
            k = start + half(end - start)
            self._known[start, end] = node(self.root(start, k), self.root(k, end))
        return self._known[start, end]

    def path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        k = start + half(end - start)
        if index < k:
            return [*self.path(index, start, k), self.root(k, end)]
        return [*self.path(index, k, end), self.root(start, k)]

    def consistency(self, old: int, start: int, end: int, whole: bool = True) -> list[bytes]:
        if old == end:
            return [] if whole else [self.root(start, end)]
        k = start + half(end - start)
        if old <= k:
            return [*self.consistency(old, start, k, whole), self.root(k, end)]
        return [*self.consistency(old, k, end, False), self.root(start, k)]


def check_inclusion(index: int, size: int, entry: bytes, proof: list[bytes], root: bytes) -> None:
    need(0 <= index < size, f"{index} is not in a tree of {size}")
    fn, sn, got = index, size - 1, leaf(entry)
    for sibling in proof:
        need(sn, "the proof is too long")
        if fn % 2 or fn == sn:
            got = node(sibling, got)
            while fn and not fn % 2:
                fn, sn = fn >> 1, sn >> 1
        else:
            got = node(got, sibling)
        fn, sn = fn >> 1, sn >> 1
    need(not sn and got == root, f"entry {index} is not proved")


def check_consistency(old: Checkpoint, new: Checkpoint, proof: list[bytes]) -> None:
    need(0 < old.size <= new.size, "nothing to prove")
    if old.size == new.size:
        need(not proof and old.root == new.root, f"two trees of {old.size}")
        return
    need(proof, "no proof")
    rest = list(proof) if old.size & (old.size - 1) else [old.root, *proof]
    fn, sn = old.size - 1, new.size - 1
    while fn % 2:
        fn, sn = fn >> 1, sn >> 1
    first = second = rest[0]
    for sibling in rest[1:]:
        need(sn, "the proof is too long")
        if fn % 2 or fn == sn:
            first, second = node(sibling, first), node(sibling, second)
            while fn and not fn % 2:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node(second, sibling)
        fn, sn = fn >> 1, sn >> 1
    holds = not sn and first == old.root and second == new.root
    need(holds, f"the tree of {old.size} does not begin that of {new.size}")


# --- tiles -----------------------------------------------------------------------------------


def tile_path(level: str, number: int, width: int) -> str:
    groups = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def read_file(folder: Path, level: str, number: int, width: int) -> bytes:
    """As narrow as asked for, or the full one where that has taken its place."""
    for wide in (width, WIDTH):
        file = folder / tile_path(level, number, wide)
        if file.is_file():
            return file.read_bytes()
    raise Wrong(f"no {tile_path(level, number, width)}")


def read_bundle(folder: Path, number: int, width: int) -> list[bytes]:
    name = tile_path("entries", number, width)
    data = read_file(folder, "entries", number, width)
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        need(at + 2 <= len(data) and end <= len(data), f"{name} ends within an entry")
        entries.append(data[at + 2 : end])
        at = end
    need(len(entries) in (width, WIDTH), f"{name} has {len(entries)} entries")
    return entries[:width]


def read_log(folder: Path, checkpoint: Checkpoint) -> list[bytes]:
    """Every entry; the root and each tile of hashes follow from them."""
    entries: list[bytes] = []
    for start in range(0, checkpoint.size, WIDTH):
        wide = min(WIDTH, checkpoint.size - start)
        entries += read_bundle(folder, start // WIDTH, wide)
    row = [leaf(entry) for entry in entries]
    root = Tree(row).root(0, len(row))
    need(root == checkpoint.root, "the entries give another root")
    level = 0
    while row:
        above = []
        for start in range(0, len(row), WIDTH):
            part = row[start : start + WIDTH]
            data = read_file(folder, str(level), start // WIDTH, len(part))
            name = tile_path(str(level), start // WIDTH, len(part))
            need(len(data) in (32 * len(part), 32 * WIDTH), f"{name} has {len(data)} bytes")
            need(data[: 32 * len(part)] == b"".join(part), f"{name} is not that of the entries")
            if len(part) == WIDTH:
                above.append(Tree(part).root(0, WIDTH))
        row, level = above, level + 1
    return entries


# --- receipts --------------------------------------------------------------------------------


def open_receipt(data: bytes, entry: bytes, policy: Policy) -> tuple[int, Checkpoint]:
    head, separator, note = data.partition(b"\n\n")
    need(separator, "a receipt has an empty line before its checkpoint")
    first, *lines = head.decode("utf-8").split("\n")
    need(first == "c2sp.org/tlog-proof@v1", f"another format: {first[:60]!r}")
    if lines and lines[0].startswith("extra "):
        base64_bytes(lines.pop(0)[6:])
    need(lines and lines[0].startswith("index "), "no index")
    index = decimal(lines.pop(0)[6:])
    need(len(lines) <= 63, "the proof is too long")
    checkpoint, _ = open_checkpoint(note, policy)
    check_inclusion(index, checkpoint.size, entry, list(map(hash_bytes, lines)), checkpoint.root)
    return index, checkpoint


def main(arguments: list[str]) -> str:
    match arguments:
        case ["log", folder, policy]:
            data = (Path(folder) / "checkpoint").read_bytes()
            checkpoint, times = open_checkpoint(data, read_policy(Path(policy).read_bytes()))
            read_log(Path(folder), checkpoint)
            by = ", ".join(sorted(times)) or "nobody"
            return f"{checkpoint.origin}: {checkpoint.size} entries, cosigned by {by}"
        case ["receipt", receipt, entry, policy]:
            index, checkpoint = open_receipt(
                Path(receipt).read_bytes(),
                Path(entry).read_bytes(),
                read_policy(Path(policy).read_bytes()),
            )
            return f"{checkpoint.origin}: entry {index} of {checkpoint.size}"
        case _:
            raise Wrong("want: log FOLDER POLICY, or receipt FILE ENTRY POLICY")


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except (Wrong, OSError, UnicodeDecodeError) as error:
        sys.exit(f"second_reader: {error}")
