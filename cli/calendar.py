"""A calendar of days off, as the State Council publishes it each year, in a TOML file."""

from pathlib import Path

from cli.small_file import read_small
from ledger.encoding import parse_utf8
from ledger.errors import Malformed
from ledger.evidence.due import Calendar
from ledger.process.deadlines.calendar import parse_calendar


def read_calendar(file: str) -> Calendar:
    try:
        return parse_calendar(parse_utf8(read_small(Path(file))))
    except Malformed as error:
        raise error.under(file) from None
