"""What the registers say of an agency as a whole on a day: its contracts and its reviewers.

No enforcement power may be bought as a service (苏法治办〔2021〕17号 一(四)), so what a contract
says it is about is matched with the list of powers. Reviewers should be no fewer than 5 % of the
officers (三(五), "原则上": a warning), and who reviews for the first time has passed the national
legal examination (处罚法 58).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ledger.evidence.procedural import Registered
from ledger.process.registers.crew import YES
from ledger.process.registers.listed import Seen
from ledger.process.registers.lists import named_powers
from ledger.process.registers.registry import Version

REVIEWERS_PER_HUNDRED = 5


class Scope(StrEnum):
    """What is wrong with a contract."""

    UNCLEAR = "scope_unclear"  # 事项表述不清
    POWER = "power_bought"


@dataclass(frozen=True, slots=True)
class ContractFault:
    contract: str
    fault: Scope
    power: str = ""  # its number in the list of powers
    scope: str = ""  # the words of the contract


def contract_faults(seen: Seen) -> Iterator[ContractFault]:
    """Of each contract in force, a line of its scope at a time."""
    powers = seen.powers()
    for contract in _own(seen, Registered.SERVICE_CONTRACT):
        items = [line.strip() for line in contract.says("scope").splitlines() if line.strip()]
        if not items:
            yield ContractFault(contract.subject, Scope.UNCLEAR)
        for item in items:
            for power in named_powers(item, powers):
                yield ContractFault(contract.subject, Scope.POWER, power.id, item)


@dataclass(frozen=True, slots=True)
class Reviewers:
    """The ratio of an agency, and who reviews without the examination."""

    officers: int
    reviewers: int
    unexamined: tuple[str, ...]

    @property
    def wanted(self) -> int:
        """5 % of the officers, rounded up: 21 want two."""
        return -(-self.officers * REVIEWERS_PER_HUNDRED // 100)

    @property
    def short(self) -> bool:
        return self.reviewers < self.wanted

    @property
    def none(self) -> bool:
        """Nobody at all, which the ratio does not tell of who has no officer either (一(三))."""
        return not self.reviewers


def reviewers(seen: Seen) -> Reviewers:
    """Officers are those certified and in post; each reviewer counts once, by his certificate."""
    officers = [
        officer
        for officer in _own(seen, Registered.OFFICER)
        if all(officer.says(fact) == YES for fact in ("established", "in_post", "certified"))
    ]
    rows = _own(seen, Registered.LEGAL_REVIEWER)
    people = {row.says("officer") or row.subject for row in rows}
    unexamined = sorted(row.subject for row in rows if not examined(row))
    return Reviewers(len(officers), len(people), tuple(unexamined))


def examined(reviewer: Version) -> bool:
    """`qualified` says that he passed; `experienced`, that it is not his first review."""
    return YES in (reviewer.says("qualified"), reviewer.says("experienced"))


def _own(seen: Seen, register: Registered) -> list[Version]:
    return seen.registry.all_at(register, seen.number, seen.day, seen.agency)
