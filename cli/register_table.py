"""A register as a table, for `tiezheng register --entries`: a CSV with a line for each entry.

    subject,from,to,person,established,in_post,certified
    320501-0417,2026-01-01,,王某,yes,yes,yes

The columns `subject`, `from` and `to` are of the entry, all others are facts; an empty cell states
nothing. A file that has one fault registers nothing.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli.registering import REGISTERS, new_registration_id, remark
from cli.small_file import read_small
from ledger.encoding import clip, parse_utf8
from ledger.errors import Malformed
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Kind, Statement, register_subject

MAX_ENTRIES = 4096  # in one request
NEEDED = ("subject", "from")
OWN = frozenset({*NEEDED, "to"})


def read_entries(
    register: str, file: Path, agency: str, note: str | None = None
) -> list[Statement]:
    if register not in REGISTERS:
        raise Malformed(f"want one of {', '.join(REGISTERS)}, got {clip(register)!r}")
    try:
        # Spreadsheets put a mark before UTF-8.
        text = parse_utf8(read_small(file)).removeprefix("\ufeff")
        rows = list(_rows(text))
        common = {"agency": agency, "register": register} | ({"note": note} if note else {})
        statements = [_statement(common, line, row) for line, row in rows]
    except Malformed as error:
        raise error.under(str(file)) from None
    if not 0 < len(statements) <= MAX_ENTRIES:
        raise Malformed(f"want 1 to {MAX_ENTRIES} entries, got {len(statements)}", path=str(file))
    facts = ({fact: row[fact] for fact in row.keys() - OWN} for _, row in rows)
    remark(Registered(register), facts)
    return statements


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each row by its columns, with the number of its line; empty cells are not there."""
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(lines, [])
        if missing := [name for name in NEEDED if name not in head]:
            raise Malformed(f"want a column {missing[0]!r}", path="line 1")
        if len(set(head)) != len(head) or "" in head:
            raise Malformed("want each column named, and once", path="line 1")
        for cells in lines:
            if not any(cells):
                continue
            if len(cells) != len(head):
                raise Malformed(
                    f"want {len(head)} cells, got {len(cells)}", path=f"line {lines.line_num}"
                )
            row = {name: cell.strip() for name, cell in zip(head, cells, strict=True)}
            yield lines.line_num, {name: cell for name, cell in row.items() if cell}
    except csv.Error as error:
        raise Malformed(f"want CSV: {error}", path=f"line {lines.line_num}") from None


def _statement(common: Mapping[str, str], line: int, row: Mapping[str, str]) -> Statement:
    days = {name: row[name] for name in ("from", "to") if name in row}
    predicate = {
        **common,
        "facts": {name: text for name, text in row.items() if name not in OWN},
        "id": new_registration_id(),
        "in_force": days,
        "subject": row.get("subject", ""),
    }
    try:
        return Statement(Kind.REGISTER, (register_subject(predicate),), predicate)
    except Malformed as error:
        raise error.under(f"line {line}") from None
