"""Series: each statement stands in the log under its own series, and under no other."""

from collections.abc import Iterator

from ledger.errors import Malformed, Rejected
from ledger.evidence.membership import is_run_of_acts, series_names, series_year
from ledger.evidence.packet import Place, SeriesFile
from ledger.evidence.series import check_tags
from ledger.evidence.statement import Kind, Statement, is_state
from ledger.report import Finding, Outcome
from ledger.verdict.examination import Examination, OpenedSeries, View, all_good, failed


def series(ex: Examination) -> Iterator[Finding]:
    good = 0
    for path in ex.layout.series:
        try:
            yield from _open_series(ex, path)
        except (Malformed, Rejected) as error:
            yield failed("series", path, error)
    named = {place for found in ex.series.values() for place in found.numbers}
    ids: dict[str, Place] = {}
    for place, view in sorted(ex.views.items()):
        try:
            if view.statement is None:
                if place not in named:
                    raise Rejected("nothing here says what this entry is about")
                continue
            if _is_closing(ex, view) or is_state(view.statement):
                _check_no_other_series(ex, view, view.statement)
            else:
                _check_membership(ex, view, view.statement)
            if (other := ids.setdefault(view.statement.id, place)) != place:
                raise Rejected(f"its id is that of {other.to_text()}")
            good += 1
        except (Malformed, Rejected) as error:
            view.statement = None
            yield failed("series", place.to_text(), error)
    for name, found in sorted(ex.series.items()):
        withheld = any(ex.views[place].statement is None for place in found.numbers)
        if withheld and name[4:].startswith("/register/"):
            detail = "a version is withheld: whether it revokes a key is not shown"
            yield Finding("series", Outcome.UNDECIDED, name, detail)
        if len(found.numbers) > 1 and name[4:].startswith("/recording/"):
            yield Finding("series", Outcome.PASSED, name, _siblings(ex, found))
    yield from all_good("series", good, "statements")


def _siblings(ex: Examination, found: OpenedSeries) -> str:
    """How often one recording was handed in, and whether what is shown of it are the same bytes."""
    shown = [s for place in found.numbers if (s := ex.views[place].statement) is not None]
    versions = {file.digest.sha256 for statement in shown for file in statement.files[:1]}
    return (
        f"{len(found.numbers)} statements speak of this recording, {len(shown)} shown; "
        f"versions of its file: {len(versions)}"
    )


def _open_series(ex: Examination, path: str) -> Iterator[Finding]:
    file = SeriesFile.from_bytes(ex.read(path))
    key = ex.trust.series.get(series_year(file.name))
    if key is None:
        detail = f"your trust folder has no series key of {series_year(file.name)}"
        yield Finding("series", Outcome.UNDECIDED, path, detail)
        return
    opened = key.open(file.name, file.signature)
    if file.name in ex.series:
        raise Rejected(f"{file.name} stands here twice")
    for n, (place, tag) in enumerate(
        zip(file.places, opened.tags(1, len(file.places)), strict=True), 1
    ):
        view = ex.views.get(place)
        if view is None:
            raise Rejected(f"statement {n} of {file.name} has no sound entry at {place.to_text()}")
        if tag not in view.entry.tags:
            raise Rejected(f"{place.to_text()} is not statement {n} of {file.name}")
    positions = [ex.position(place) for place in file.places]
    if positions != sorted(positions):
        raise Rejected(f"{file.name} is not in log order")
    numbers = {place: n for n, place in enumerate(file.places, 1)}
    ex.series[file.name] = OpenedSeries(opened, numbers)


def _is_closing(ex: Examination, view: View) -> bool:
    """Like what tells the ledger's own state it is found by its place, not by a tag: its series
    would open every status of the ledger, and none of them says anything of this case."""
    first = view.place.index == 0 and ex.position(view.place)[0] > 0
    return first and view.statement is not None and view.statement.kind is Kind.RENEWAL


def _check_no_other_series(ex: Examination, view: View, statement: Statement) -> None:
    own = series_names(statement, view.place.log, ex.trust.first_year)
    for name, found in ex.series.items():
        if view.place in found.numbers and name not in own:
            raise Rejected(f"what the ledger says of itself is no statement of {name!r}")


def _check_membership(ex: Examination, view: View, statement: Statement) -> None:
    tags = []
    names = series_names(statement, view.place.log, ex.trust.first_year)
    shown = [name for name in names if not is_run_of_acts(name)]
    for name in shown:
        if name not in ex.series:
            raise Rejected(f"the packet has no sound series {name!r}")
        found = ex.series[name]
        if view.place not in found.numbers:
            raise Rejected(f"not listed in its series {name!r}")
        tags.append(found.opened.tag(found.numbers[view.place]))
    check_tags(view.entry, view.salt, tags, len(names) - len(shown))
    view.series = tuple(shown)
