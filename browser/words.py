"""The words of the page: those of the terminal's report, read off its own tables.

No sentence of a report is written twice. What a table computes with a function has its
counterpart in `browser/page/wording.js`, under the same pattern; a test runs both over the
same findings.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cli import carried, first_page, wording
from cli.refused import REFUSED
from cli.station.words import GAPS
from ledger.verify import STEPS


def words() -> Mapping[str, Any]:
    return {
        "carried": {
            "actions": carried.ACTIONS,
            "counted": carried.COUNTED,
            "counts": carried.COUNTS,
            "noted": carried.NOTED,
            "procedures": carried.PROCEDURES,
            "registered": carried.REGISTERED,
            "well": carried.WELL,
        },
        "chinese": _patterns(wording._CHINESE),
        "english": _patterns(wording._ENGLISH),
        "first_page": _bilinguals(vars(first_page)),
        "gaps": GAPS,
        "groups": wording.GROUPS,
        "meanings": first_page.MEANINGS,
        "open": first_page.OPEN,
        "order_words": wording._ORDER_WORDS,
        "orders": wording.ORDERS,
        "outcomes": wording.OUTCOMES,
        "particulars": wording.PARTICULARS,
        "parts": wording._PARTS,
        "reasons": wording.REASONS,
        "refusals": wording._REFUSALS,
        "refused": _patterns(REFUSED),
        "roles": wording.ROLES,
        "stages": wording.STAGES,
        "steps": [
            {
                "group": step.group,
                "name": step.name,
                "not_proved": step.not_proved,
                "proves": step.proves,
                "title": step.title,
            }
            for step in STEPS
        ],
        "trusted": wording._TRUSTED,
        "units": wording._UNITS,
    }


def _patterns(table: Iterable[tuple[str, Any]]) -> list[list[str | None]]:
    """A function has no spelling here: `null`, and the page has its own."""
    return [[pattern, words if isinstance(words, str) else None] for pattern, words in table]


def _bilinguals(names: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in names.items()
        if name.isupper() and isinstance(value, dict) and value.keys() == {"en", "zh"}
    }
