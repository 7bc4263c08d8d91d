"""What is known of a packet while it is judged. The steps fill it, and read what held.

A part that failed is dropped: later steps see only what held, and the failure already
stands in the report. Times count only once the register was read, since it says whose keys
no longer do: until then checkpoints and proofs are here as they were signed (`signed`,
`View.signed`), and afterwards with what counts (`checkpoints`, `View.proofs`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Protocol

from ledger.encoding import format_base64, format_time, printable
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.clip import Clip
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.held import Held
from ledger.evidence.packet import MAX_SMALL_FILE, Index, Layout, PacketSource, Place, Tree
from ledger.evidence.register import Register, Registration
from ledger.evidence.series import Series
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.evidence.trust import Trust, TrustedLog
from ledger.process.favourable import favourable
from ledger.process.fence import Decision, Order
from ledger.report import Facts, Finding, Item, Outcome, milliseconds_text, seconds_text
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Cosigned
from ledger.verdict.carried import custody_facts, register_facts, state_facts
from ledger.verdict.mirrored import Heard, hear
from ledger.verdict.stamps import Stamp, stamp_facts
from ledger.verdict.withdrawn import Withdrawal, counted


class PublicLog(Protocol):
    """A copy of the public logs: a folder, or the log's address."""

    def read(self, label: str, path: str) -> bytes:
        """The file, at most 17 MB; raises `Unknown` where there is none."""
        ...


class Rederive(Protocol):
    """Makes the file to play of a clip again, from its chunks alone."""

    def __call__(self, clip: Clip, chunks: Held, played: Held) -> None:
        """Raises `Rejected` if it is another, `Unavailable` where the tool is not at hand."""
        ...


@dataclass(slots=True)
class View:
    """All that a packet says about one entry, bound together by its place."""

    place: Place
    entry: Entry
    signed: tuple[Cosigned, ...]
    proofs: tuple[Cosigned, ...] = ()
    salt: bytes = b""
    envelope: Envelope | None = None
    statement: Statement | None = None
    series: tuple[str, ...] = ()
    signers: tuple[Registration, ...] = ()  # empty as well where they were not checked
    # Signed by a key of which the log says only later that it was stolen before: it counts for
    # nothing, and is shown as what was fixed there.
    disowned: bool = False

    @property
    def signed_by(self) -> str:
        """Person, role and the whole key's digest, as registered when they signed."""
        return ", ".join(
            f"{printable(s.person)} ({s.role}, key {key.fingerprint})"
            for s in self.signers
            for key in s.keys
        )

    @property
    def quorum_time(self) -> int | None:
        """When the quorum had first seen it, POSIX seconds."""
        return _earliest(self.proofs)

    @property
    def claimed_time(self) -> int | None:
        """The same, with the cosignatures of withdrawn keys."""
        return _earliest(self.signed)


@dataclass(frozen=True, slots=True)
class OpenedSeries:
    """A series whose signature and tags held. `numbers` says which statement stands where."""

    opened: Series
    numbers: Mapping[Place, int]


@dataclass(slots=True)
class Examination:
    packet: PacketSource
    trust: Trust
    log: PublicLog | None
    on_bytes: Callable[[int], None]
    at_ms: int | None = None  # as of when it is judged; None: nothing is asked about ends
    rederive: Rederive | None = None
    unreadable: bool = False
    layout: Layout = field(default_factory=Layout)
    index: Index = field(default_factory=lambda: Index("", (), ()))
    tags_digest: str = ""
    item_digests: dict[str, ItemDigest] = field(default_factory=dict)
    leaves: dict[str, list[bytes]] = field(default_factory=dict)  # of the chunks of each file
    # By path, those of the packet and those presented beside it; `issued` says by what.
    certificates: dict[str, ItemDigest] = field(default_factory=dict)
    issued: dict[str, tuple[View, Statement]] = field(default_factory=dict)
    signed: dict[str, Cosigned] = field(default_factory=dict)
    checkpoints: dict[str, Cosigned] = field(default_factory=dict)
    views: dict[Place, View] = field(default_factory=dict)
    roots: dict[Tree, bytes] = field(default_factory=dict)
    seen: dict[Tree, int] = field(default_factory=dict)  # when a quorum had seen a tree, seconds
    stamped: dict[Tree, list[Stamp]] = field(default_factory=dict)
    series: dict[str, OpenedSeries] = field(default_factory=dict)
    register: Register | None = None
    gone: tuple[Withdrawal, ...] = ()  # keys of the trust folder, once the register was read
    orders: dict[Place, Order] = field(default_factory=dict)
    part_of: dict[FileSubject, str] = field(default_factory=dict)  # the file to play of a clip
    item_of: dict[FileSubject, str] = field(default_factory=dict)
    strong: dict[str, bytes] = field(default_factory=dict)
    _heard: Heard | None = None
    ends: dict[str, int] = field(default_factory=dict)  # sizes with which earlier logs ended

    def read(self, path: str) -> bytes:
        """A small file whole."""
        size = self.packet.sizes()[path]
        if size > MAX_SMALL_FILE:
            raise Malformed(f"want at most {MAX_SMALL_FILE} bytes, got {size}", path=path)
        return b"".join(bytes(piece) for piece in self.packet.stream(path))

    def held(self, path: str) -> Held:
        """A file to be read again, as it was when the container was."""
        leaves = self.leaves.get(path, [])
        return Held(partial(self.packet.read, path), self.packet.sizes()[path], leaves)

    @property
    def stamps(self) -> list[Stamp]:
        return list(chain.from_iterable(self.stamped.values()))

    def log_of(self, label: str) -> TrustedLog:
        """Of a label that the trust folder knows."""
        return next(log for log in self.trust.logs if log.label == label)

    def open_note(self, log: TrustedLog, note: SignedNote) -> Cosigned:
        """A checkpoint of the log, as signed. Under an unfit policy no quorum counts."""
        cosigned = log.policy.open(note)
        return cosigned if log.policy.overlap >= 1 else replace(cosigned, quorum_time=None)

    def hold(self, log: TrustedLog, note: SignedNote) -> Cosigned:
        """One that the packet shows, as signed, held against the others that it shows."""
        cosigned = self.open_note(log, note)
        size, root = cosigned.checkpoint.size, cosigned.checkpoint.root
        if self.roots.setdefault((log.label, size), root) != root:
            raise Rejected(f"two checkpoints of size {size} differ: the log has two histories")
        return cosigned

    def see(self, log: TrustedLog, signed: Cosigned) -> Cosigned:
        """The same with what counts of it; remembers when a quorum saw the tree."""
        found = counted(signed, log, self.gone)
        if (time := found.quorum_time) is not None:
            tree = log.label, found.checkpoint.size
            self.seen[tree] = min(time, self.seen.get(tree, time))
        return found

    def position(self, place: Place) -> tuple[int, int]:
        """Order between logs is their order in the trust folder."""
        labels = [log.label for log in self.trust.logs]
        return labels.index(place.log), place.index

    def shown(self) -> list[tuple[View, Statement]]:
        """The statements that held so far, in log order."""
        views = sorted(self.views.values(), key=lambda v: self.position(v.place))
        return [(v, v.statement) for v in views if v.statement is not None]

    def decisions(self, *, disowned: bool = False) -> list[tuple[Place, Decision]]:
        """Those that count; or else those that count for nothing."""
        found = []
        for view, statement in self.shown():
            heeded = view.disowned if disowned else bool(view.signers)
            if heeded and statement.is_decision and (occurred := statement.occurred):
                log, index = self.position(view.place)
                found.append((view.place, Decision(log, index, occurred.start_ms)))
        return found

    def facts(self) -> Facts:
        rows = [
            (view.place, statement, view.quorum_time, view.disowned)
            for view, statement in self.shown()
        ]
        due = self.index.due
        return Facts(
            case=self.index.case,
            custody=custody_facts(rows),
            due={} if due is None else due.to_json(),
            registers=register_facts(rows, {n: s.numbers for n, s in self.series.items()}),
            state=state_facts(rows),
            withheld=tuple(row.to_json() for row in self.index.withheld),
            packet=self.tags_digest,
            trust=self.trust.hash,
            at=milliseconds_text(self.at_ms),
            checkpoints=tuple(
                self._checkpoint_facts(label, cosigned)
                for label, cosigned in sorted(self.checkpoints.items())
            ),
            decisions=tuple(
                {"dated": d.day, "documents": self._documents(place), "place": place.to_text()}
                for place, d in self.decisions()
            ),
            items=tuple(sorted(self._item_facts(), key=lambda item: not item.favourable)),
            timestamps=tuple(stamp_facts(stamp) for stamp in self.stamps),
        )

    def _documents(self, place: Place) -> str:
        """The digests of a decision's documents: which paper is meant, not only which date."""
        statement = self.views[place].statement
        files = () if statement is None else statement.files
        return ", ".join(f"{printable(f.name)} {f.digest.sha256.hex()}" for f in files)

    def _checkpoint_facts(self, label: str, cosigned: Cosigned) -> Mapping[str, str]:
        log = self.log_of(label)
        claimed = self.signed[label].quorum_time
        return {
            "claimed": seconds_text(claimed) if cosigned.quorum_time is None else "",
            "cosigners": ", ".join(sorted(cosigned.times)),
            "origin": log.origin,
            "overlap": str(log.policy.overlap),
            "policy": log.policy_hash,
            "quorum_time": seconds_text(cosigned.quorum_time),
            "root": format_base64(cosigned.checkpoint.root),
            "size": str(cosigned.checkpoint.size),
        }

    def _item_facts(self) -> Iterator[Item]:
        shown = self.shown()
        # Only a correction of which it is shown who made it can add that word.
        speaks = favourable(s for v, s in shown if s.kind is Kind.EVIDENCE or v.signers)
        for view, statement in shown:
            for subject in statement.items:
                occurred, corrected = statement.occurred, statement.corrected
                yield Item(
                    path=self.item_of.get(subject, ""),
                    part=self.part_of.get(subject, ""),
                    name=printable(subject.name),
                    place=view.place.to_text(),
                    stage=statement.stage or "",
                    claimed=format_time(occurred.start_ms) if occurred else "",
                    corrected=format_time(corrected.start_ms) if corrected else "",
                    not_before=seconds_text(self._not_before(statement)),
                    not_after=self._not_after(view),
                    fixed_by=seconds_text(view.quorum_time),
                    order=str(self.orders.get(view.place, "")),
                    signed_by=view.signed_by,
                    favourable=printable(speaks.get(statement.id, "")),
                )

    def _not_before(self, statement: Statement) -> int | None:
        """When a quorum had seen the checkpoint that the signer says he had checked."""
        if (after := statement.after) is None:
            return None
        label = next((log.label for log in self.trust.logs if log.origin == after.origin), "")
        tree = label, after.size
        return self.seen.get(tree) if self.roots.get(tree) == after.root else None

    def _not_after(self, view: View) -> str:
        """The earliest that is shown: the quorum's time, or an authority's with its accuracy."""
        stamps = [s for s in self.stamps_of(view) if s.counts(self.seen.get(s.tree))]
        times = [stamp.timestamp.latest_ms for stamp in stamps if stamp.timestamp]
        if view.quorum_time is not None:
            times.append(view.quorum_time * 1000)
        return milliseconds_text(min(times, default=None))

    def heard(self) -> Heard:
        """What mirrors say of the series that held; looked for once."""
        if self._heard is None:
            known = {name: (found.opened, found.numbers) for name, found in self.series.items()}
            self._heard = hear(
                self.layout.absences, self.read, self.trust, self.checkpoints, known, self.gone
            )
        return self._heard

    def stamps_of(self, view: View) -> Iterator[Stamp]:
        """The tokens over checkpoints to which this entry is proved."""
        for size in {proof.checkpoint.size for proof in view.proofs}:
            yield from self.stamped.get((view.place.log, size), ())


def failed(step: str, about: str, error: LedgerError) -> Finding:
    return Finding(step, Outcome.FAILED, about, str(error))


def not_checked(step: str, about: str, error: Unavailable) -> Finding:
    return Finding(step, Outcome.UNDECIDED, about, f"not checked: {error}")


def whose(view: View) -> str:
    """Why nothing rests on a statement without signers that count."""
    if view.disowned:
        return "it counts for nothing, see its signatures"
    return "whose signatures are under it was not checked"


def all_good(step: str, good: int, what: str) -> Iterable[Finding]:
    if good:
        yield Finding(step, Outcome.PASSED, "packet", f"{good} {what}")
    else:
        yield Finding(step, Outcome.UNDECIDED, "packet", f"no {what} were shown")


def _earliest(proofs: Iterable[Cosigned]) -> int | None:
    return min((p.quorum_time for p in proofs if p.quorum_time is not None), default=None)
