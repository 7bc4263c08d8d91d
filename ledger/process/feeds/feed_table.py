"""Which events of the log leave for the province's platform, and which of their fields: data.

    [[event]]
    kind = "act"
    stages = ["start", "investigate"]
    queue = "discover"
    assumed = true

    [[field]]
    from = "case"
    to = "AJBH"
    name = "案件编号"
    assumed = true

The first event that fits says in which of the five queues a statement is; one that fits none
stays. A field leaves only by a row with `to`; a row with `why` says that it stays. `assumed` is
what nobody outside the platform knows yet. `from` is a field of a statement, or `kind`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ledger import suite
from ledger.encoding import parse_utf8
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.statement import FORMS, Kind, Stage, Statement
from ledger.process.tables import check_distinct, flag, one_of, read_table, read_toml, rows

KNOWN = {"kind"}.union(*(need | may for forms in FORMS.values() for need, may in forms))
# Those leave by no name: an event has one text for each.
LISTS = frozenset({"auxiliaries", "changes", "devices", "facts", "officers", "timecodes"})
QUEUES = ("发现问题", "研判预警", "指挥调度", "诉求处置", "督查考核")  # 四（四）, in its order
FORM = b"tiezheng/feed/v2\n"  # another form of events is another table


@dataclass(frozen=True, slots=True)
class Queue:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Fitting:
    """No `stages` or no `acts`: whatever they are."""

    kind: str
    queue: str
    stages: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    assumed: bool = False

    def fits(self, statement: Statement) -> bool:
        return (
            statement.kind == self.kind
            and (not self.stages or statement.stage in self.stages)
            and (not self.acts or statement.predicate.get("act") in self.acts)
        )


@dataclass(frozen=True, slots=True)
class Field:
    """Leaves as `to`, or stays because of `why`."""

    source: str
    to: str = ""
    name: str = ""
    why: str = ""
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class FeedTable:
    """`hash` is over its bytes: another table is another feed."""

    version: str
    queues: tuple[Queue, ...]
    events: tuple[Fitting, ...]
    fields: tuple[Field, ...]
    hash: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        found = read_table(
            read_toml(parse_utf8(data)),
            need={
                "version": phrase.line,
                "queue": rows(_queue),
                "event": rows(_event),
                "field": rows(_field),
            },
        )
        queues, events, fields = found["queue"], found["event"], found["field"]
        if tuple(queue.name for queue in queues) != QUEUES:
            raise Malformed(f"want the five queues {'、'.join(QUEUES)}", path="queue")
        check_distinct([queue.id for queue in queues], "queue")
        check_distinct([field.source for field in fields], "field")
        check_distinct([field.to or f"-{field.source}" for field in fields], "field")
        known = {queue.id for queue in queues}
        for n, event in enumerate(events, start=1):
            if event.queue not in known:
                raise Malformed(f"no queue {event.queue!r}", path=f"event[{n}].queue")
        return cls(found["version"], queues, events, fields, suite.digest(FORM + data))

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(event.kind for event in self.events)

    def queue(self, statement: Statement) -> str | None:
        """The name of the queue, as the clause writes it; None if the statement stays."""
        fitting = next((event for event in self.events if event.fits(statement)), None)
        if fitting is None:
            return None
        return next(queue.name for queue in self.queues if queue.id == fitting.queue)

    def leaving(self, statement: Statement) -> dict[str, str]:
        """The fields of a statement that leave, under the platform's names."""
        said = _texts(statement)
        return {f.to: said[f.source] for f in self.fields if f.to and f.source in said}


def _texts(statement: Statement) -> dict[str, str]:
    """What a statement says in one text each; an interval by where it begins."""
    found = {"kind": str(statement.kind)}
    for name, value in statement.predicate.items():
        match value:
            case str():
                found[name] = value
            case {"from": str(start), **more} if set(more) <= {"to"}:
                found[name] = start
    return found


def _queue(value: Any) -> Queue:
    found = read_table(value, need={"id": phrase.word, "name": phrase.line})
    return Queue(found["id"], found["name"])


def _event(value: Any) -> Fitting:
    need = {"kind": one_of(*Kind), "queue": phrase.word}
    may = {"stages": rows(one_of(*Stage)), "acts": rows(phrase.word), "assumed": flag}
    return Fitting(**read_table(value, need, may))


def _field(value: Any) -> Field:
    may = {"to": phrase.line, "name": phrase.line, "why": phrase.text, "assumed": flag}
    found: dict[str, Any] = read_table(value, {"from": phrase.word}, may)
    if ("to" in found) == ("why" in found):
        raise Malformed("want `to`, or `why` it stays")
    if found["from"] not in KNOWN:
        raise Malformed(f"no statement has a field {found['from']!r}", path="from")
    if "to" in found and found["from"] in LISTS:
        raise Malformed(f"{found['from']!r} is no single text: want `why` it stays", path="to")
    return Field(found.pop("from"), **found)


def stays(table: FeedTable) -> Mapping[str, str]:
    """The fields that do not leave, each with the reason."""
    return {field.source: field.why for field in table.fields if not field.to}
