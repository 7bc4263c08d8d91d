"""Who may lift what a complaint has held: nobody of the crew that it may be about.

By the register of officers, whose entries name persons as the registrations of keys do: a
certificate's number in the complaint, or in the recording that is held, leads to a person.
"""

from collections.abc import Collection

from api.registers import Registers
from ledger.encoding import in_china
from ledger.errors import Rejected
from ledger.evidence.entry import Entry
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Statement
from ledger.process.keeping.holds import STATEMENT, Holds
from ledger.process.registers.crew import LATEST
from ledger.process.registers.registry import Registry
from storage.ledger_sqlite import SqliteLedgerStore


class Lifting:
    def __init__(self, store: SqliteLedgerStore, registers: Registers) -> None:
        self._store = store
        self._registers = registers

    def check(self, statement: Statement, persons: Collection[str], holds: Holds) -> None:
        """Raises `Rejected`; what no complaint holds is for anybody of the agency to lift."""
        lifted = [held for held in holds.lifted_by(statement) if held.complaint]
        if not lifted:
            return
        registry = self._registers.whole()
        about = {held.complaint for held in lifted}
        about |= {held.target.removeprefix(STATEMENT) for held in lifted}
        crew = {person for id_ in about for person in self._crew(id_, registry)}
        if own := sorted(crew & set(persons)):
            raise Rejected(
                f"{own[0]!r} is of the crew that the complaint may be about",
                hints=("another person of the agency lifts it",),
            )

    def _crew(self, id_: str, registry: Registry) -> set[str]:
        row = self._store.find(id_)
        said = None if row is None else row.said()
        if row is None or said is None:
            return set()
        day = in_china(Entry.from_bytes(row.entry).at).date()
        numbers = said.predicate.get("officers", ())
        found = (registry.at(Registered.OFFICER, number, LATEST, day) for number in numbers)
        return {one.says("person") for one in found if one is not None}
