"""The publication of decisions, case by case: told in time, taken back in time, ended in time.

A line is made of the clocks of `packs/after.toml` and says nothing of its own: 20 working days to
publish (公示规定 9), three to withdraw what was overturned and say why (处罚法 48), three months
or three years until it ends (公示规定 13).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.process.deadlines.clocks import Running, State

PUBLISH, WITHDRAW = "publication", "withdraw_publication"
END = ("stop_publication_light", "stop_publication")
_OPEN = frozenset({State.RUNNING, State.OVERDUE})


@dataclass(frozen=True, slots=True)
class PublicationLine:
    """Of one decision: each clock that has started, or None."""

    case: str
    publish: Running
    withdraw: Running | None
    end: Running | None

    @property
    def overdue(self) -> bool:
        """Something must be done now and was not."""
        return any(one.state is State.OVERDUE for one in self.clocks)

    @property
    def late(self) -> bool:
        return any(one.state in (State.LATE, State.EARLY) for one in self.clocks)

    @property
    def open(self) -> bool:
        return any(one.state in _OPEN for one in self.clocks)

    @property
    def clocks(self) -> tuple[Running, ...]:
        return tuple(one for one in (self.publish, self.withdraw, self.end) if one)


def publication_line(clocks: Iterable[Running]) -> PublicationLine | None:
    """Of the clocks of one case; None where there is no decision to publish."""
    started = {one.clock.id: one for one in clocks if one.state is not State.NOT_STARTED}
    publish = started.get(PUBLISH)
    if publish is None:
        return None
    end = next((started[name] for name in END if name in started), None)
    return PublicationLine(publish.case, publish, started.get(WITHDRAW), end)
