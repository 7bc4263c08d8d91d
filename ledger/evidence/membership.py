"""Which series a statement belongs to: it follows from the statement and its log alone.

A writer who could choose would choose a series that nobody asks for. The year is
that of the case number, of the recording's capture, of a provisional case's id, of a
session's first statement, and for everything else the year of the log it stands in.
Years before the first log count as its year, so that an old case needs no key of a year
without a log.
"""

import re
import unicodedata

from ledger.encoding import clip, in_china
from ledger.errors import Malformed
from ledger.evidence.case_number import case_year
from ledger.evidence.statement import OPENING, Kind, Statement, registered_name
from ledger.tlog.note import VerifierKey

LOG_ENDS = "log_ends"  # the status that the ledger files before it closes a log
_LABEL = re.compile(r"([12]\d{3})(-[1-9]\d{0,3})?", re.ASCII)


def log_label(origin: str) -> str:
    """The last element of an origin: `2026`, or `2026-2` for a second log of that year."""
    label = origin.rpartition("/")[2]
    if not _LABEL.fullmatch(label):
        raise Malformed(f"want an origin that ends in a year, got {clip(origin)!r}")
    return label


def series_names(statement: Statement, label: str, first_year: int) -> tuple[str, ...]:
    """The names, in NFC, of the one to eight series of a statement in the log `label`.

    `first_year` is that of the deployment's first log. Raises `Malformed` for a
    case of a year that has not come.
    """
    year = int(label[:4])
    predicate = statement.predicate
    match statement.kind:
        case Kind.REGISTER:
            names = [f"{year}/register/{_registered(statement)}"]
        case Kind.CUSTODY:
            names = [f"{year}/custody/{predicate['about']}"]
        case Kind.STATUS if predicate["what"] == LOG_ENDS:
            names = [f"{year}/log", log_ends_series(year)]
        case Kind.STATUS | Kind.RENEWAL:
            names = [f"{year}/log"]
        case Kind.SESSION:
            names = [session_series(statement, year, first_year)]
        case Kind.ACT if predicate["act"] == OPENING:
            names = [f"{year}/open/{statement.agency}"]
        case kind:
            names = _case_names(statement, year, first_year)
            names = names or [f"{year}/{kind}/{statement.agency}"]
    if "procedure" in predicate:
        names.append(acts_series(year, statement.agency))
    if "file" in predicate and (occurred := statement.occurred):
        captured = _year_of(occurred.start_ms, year, first_year)
        names.append(f"{captured}/recording/{predicate['device']}/{predicate['file']}")
    return tuple(unicodedata.normalize("NFC", name) for name in names)


def log_ends_series(year: int | str) -> str:
    """Of the statement with which a log ends: a tag alone shows whether a last entry is it, also
    when a lost disk took the statement."""
    return f"{year}/log-ends"


def acts_series(year: int | str, agency: str) -> str:
    """All acts of an agency in a log's year are one run: a case that is hidden lacks there."""
    return f"{year}/acts/{agency}"


def is_run_of_acts(name: str) -> bool:
    """Of whom no packet shows the series: with its key, whoever has the packet of one case would
    see in the public log when that agency acts in others."""
    return name[4:].startswith("/acts/")


def is_of_case(name: str) -> bool:
    """Of one with a number, or of a provisional one."""
    return name[4:].startswith("/case/")


def is_run_of_openings(name: str) -> bool:
    """Of provisional cases, which whoever opens them has."""
    return name[4:].startswith("/open/")


def provisional_series(id_: str, first_year: int) -> str:
    """The series of a provisional case, named by the statement that opened it."""
    return f"{max(in_china(_made_ms(id_)).year, first_year)}/case/{id_}"


def certificate_series(id_: str, first_year: int) -> str:
    """The series of a notarial certificate, named by the statement that issued it: 1 is that."""
    return f"{max(in_china(_made_ms(id_)).year, first_year)}/certificate/{id_}"


def case_series(case: str, first_year: int) -> str:
    return f"{max(int(case_year(case)), first_year)}/case/{case}"


def series_year(name: str) -> str:
    return name[:4]


def session_series(statement: Statement, year: int, first_year: int) -> str:
    """By device and month of the session's first statement, which the others name."""
    began_ms = _made_ms(statement.predicate.get("session", statement.id))
    began = _year_of(began_ms, year, first_year)
    return f"{began}/device/{statement.predicate['device']}/{in_china(began_ms).month:02d}"


def _year_of(at_ms: int, year: int, first_year: int) -> int:
    """A device whose clock runs years ahead is no reason to refuse what it has."""
    claimed = max(in_china(at_ms).year, first_year)
    return claimed if claimed <= year + 1 else year


def _made_ms(id_: str) -> int:
    """When a UUIDv7 says it was made."""
    return int(id_.replace("-", "")[:12], 16)


def _case_names(statement: Statement, year: int, first_year: int) -> list[str]:
    names = []
    if statement.case is not None:
        names.append(case_series(statement.case, first_year))
    if provisional := statement.predicate.get("provisional"):
        names.append(provisional_series(provisional, first_year))
    if statement.kind is Kind.CERTIFICATE:
        # Of its own: that it was revoked shows in the log to whoever holds nothing but itself.
        issued = statement.predicate.get("issued", statement.id)
        names.append(certificate_series(issued, first_year))
    for name in names:
        # The key of the next year exists: its first cases come before its log does.
        if int(series_year(name)) > year + 1:
            raise Malformed(f"a case of {series_year(name)} in a log of {year}")
    return names


def _registered(statement: Statement) -> str:
    predicate = statement.predicate
    if "key" in predicate:
        return f"key/{VerifierKey.from_text(predicate['key']).name}"
    if "register" in predicate:
        return registered_name(predicate)
    if "registrar" in predicate:
        return "ledger"
    if "series" in predicate:
        return "series"
    return f"agency/{statement.agency}"
