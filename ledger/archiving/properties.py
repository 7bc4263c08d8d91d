"""The four-property test (四性检测) as a value: lines, each with what was tested and how it ended.

真实性 authenticity, 完整性 completeness, 可用性 usability, 安全性 safety; in the manner of
DA/T 70-2018, whose text we have not seen. What was not tested is a line too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Property(StrEnum):
    AUTHENTIC = "authentic"
    COMPLETE = "complete"
    USABLE = "usable"
    SAFE = "safe"


class Result(StrEnum):
    """`noted`: found, told, and no fault of the package."""

    PASSED = "passed"
    FAILED = "failed"
    NOTED = "noted"
    NOT_TESTED = "not_tested"


# In the order of the report.
TESTS: Mapping[str, Property] = {
    "fingerprint": Property.AUTHENTIC,
    "fixity": Property.AUTHENTIC,
    "trust": Property.AUTHENTIC,
    "verified": Property.AUTHENTIC,
    "metadata": Property.AUTHENTIC,
    "files": Property.COMPLETE,
    "packets": Property.COMPLETE,
    "whole_case": Property.COMPLETE,
    "elements": Property.COMPLETE,
    "known_format": Property.USABLE,
    "structure": Property.USABLE,
    "unlocked": Property.USABLE,
    "decoded": Property.USABLE,
    "reader": Property.USABLE,
    "layout": Property.SAFE,
    "secrets": Property.SAFE,
    "programs": Property.SAFE,
    "malware": Property.SAFE,
    "carrier": Property.SAFE,
}


@dataclass(frozen=True, slots=True)
class Line:
    """`counted` of `total` things tested are as they should be; `names` are those that are not."""

    test: str
    result: Result
    counted: int = 0
    total: int = 0
    names: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def shows(self) -> Property:
        return TESTS[self.test]

    def to_json(self) -> dict[str, Any]:
        return {
            "counted": str(self.counted),
            "facts": dict(self.facts),
            "names": list(self.names),
            "property": str(self.shows),
            "result": str(self.result),
            "test": self.test,
            "total": str(self.total),
        }


@dataclass(frozen=True, slots=True)
class FourProperties:
    """Lines in the order of `TESTS`, each test once. `vouched`: somebody outside the package has
    said which it is, or whom to believe; without that a forger's own package would pass."""

    at: str
    fingerprint: str
    vouched: bool
    lines: tuple[Line, ...]

    def line(self, test: str) -> Line:
        return next(line for line in self.lines if line.test == test)

    def of(self, wanted: Property) -> Result:
        """Failed before untested before passed: what was noted stands in no way."""
        found = {line.result for line in self.lines if line.shows is wanted}
        for result in (Result.FAILED, Result.NOT_TESTED):
            if result in found:
                return result
        return Result.PASSED

    @property
    def failed(self) -> bool:
        return any(line.result is Result.FAILED for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "fingerprint": self.fingerprint,
            "lines": [line.to_json() for line in self.lines],
            "properties": {str(each): str(self.of(each)) for each in Property},
            "v": 1,
            "vouched": "yes" if self.vouched else "no",
        }
