"""`tiezheng storage`: what came, by month and agency; how long there is room; what may be freed."""

import csv
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ledger.evidence.chunks import digest_item
from ledger.ports import ItemRecord
from testkit.disposals import (
    LIST,
    act,
    close_case,
    disposal,
    disposed,
    file,
    hold,
    opened,
    publish,
)
from testkit.server import AGENCY, CASE, OTHER_AGENCY, Ledger
from testkit.terminal import Run

CHINA = timezone(timedelta(hours=8))
GB = 10**9


def today() -> date:
    """Asked anew by each test: a month may be over since this module was read."""
    return datetime.now(CHINA).date()


def months_ago(count: int) -> str:
    now = today()
    year, month = divmod(now.year * 12 + now.month - 1 - count, 12)
    return f"{year}-{month + 1:02}"


def came(ledger: Ledger, month: str, size: int, agency: str = AGENCY, day: str = "15T12") -> None:
    """An item that was taken in then, and is of no case."""
    at = datetime.fromisoformat(f"{month}-{day}:00:00+08:00")
    digest = replace(digest_item(f"{month} {size} {agency} {day}".encode()), size=size)
    record = ItemRecord(
        object_id=os.urandom(16).hex(),
        digest=digest,
        keyid="k",
        agency=agency,
        uploaded_ms=int(at.timestamp()) * 1000,
        claimed=True,
    )
    ledger.services.store.add_item(record)


def told(run: Run, folder: Path, *more: str | Path) -> dict[str, Any]:
    ended = run("storage", folder, "--json", *more)
    assert ended.code == 0, ended.err
    return dict(json.loads(ended.out))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with opened(tmp_path / "ledger") as made:
        yield made


def test_what_came_stands_by_month_and_agency(ledger: Ledger, run: Run) -> None:
    came(ledger, months_ago(2), 5, day="01T00")
    came(ledger, months_ago(2), 6, day="28T23")
    came(ledger, months_ago(2), 7, OTHER_AGENCY)
    came(ledger, months_ago(1), 8)
    came(ledger, months_ago(40), 9)
    rows = told(run, ledger.folder, "--quick")["months"]
    names = ("month", "agency", "items", "bytes")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (months_ago(2), AGENCY, "2", "11"),
        (months_ago(2), OTHER_AGENCY, "1", "7"),
        (months_ago(1), AGENCY, "1", "8"),
    ]


def test_the_day_is_a_range_and_follows_from_what_is_free(ledger: Ledger, run: Run) -> None:
    for n in (1, 2, 3):
        came(ledger, months_ago(n), n * 10 * GB)
    (disk,) = told(run, ledger.folder, "--quick")["disks"]
    free = int(disk["free"])
    assert abs(free - shutil.disk_usage(ledger.folder).free) < GB
    assert (disk["copies"], disk["fastest_month"]) == ("1", str(30 * GB))
    for field, month in (("full_earliest", 30 * GB), ("full_latest", 10 * GB)):
        wanted = today() + timedelta(days=free / month * 30.44)
        assert abs(date.fromisoformat(disk[field]) - wanted) <= timedelta(1)


def test_two_copies_on_one_disk_fill_it_twice_as_fast(tmp_path: Path, run: Run) -> None:
    with opened(tmp_path / "ledger", second_store="directory:../second") as ledger:
        for n in (1, 2, 3):
            came(ledger, months_ago(n), GB)
        text = 'second_store = "directory:../second"\n'
        (ledger.folder / "tiezheng.toml").write_text(text)
        (disk,) = told(run, ledger.folder, "--quick")["disks"]
    assert (disk["copies"], disk["slowest_month"]) == ("2", str(2 * GB))


def test_too_few_months_give_no_day(ledger: Ledger, run: Run) -> None:
    came(ledger, months_ago(2), GB)
    (disk,) = told(run, ledger.folder, "--quick")["disks"]
    assert "full_earliest" not in disk
    assert "不作预测" in run("storage", ledger.folder, "--quick", "--lang", "zh").out


def freed(run: Run, folder: Path) -> Counter[tuple[str, str]]:
    rows = told(run, folder)["freed"]
    return Counter({(row["class"], row["when"]): int(row["bytes"]) for row in rows})


def sizes(ledger: Ledger) -> Counter[str]:
    """Of the files that the statements of each case name, as they say it."""
    found: Counter[str] = Counter()
    for number in range(ledger.services.log.number):
        said = ledger.services.log.row(number).said()
        if said is not None and said.case is not None:
            found[said.case] += sum(one.digest.size for one in said.files)
    return found


def test_what_cases_hold_is_told_by_class_and_by_why_it_stays(ledger: Ledger, run: Run) -> None:
    long, held = "苏城管罚〔2026〕901号", "苏城管罚〔2026〕902号"
    file(ledger, b"a" * 1000)
    assert freed(run, ledger.folder) == {("", "open"): sizes(ledger)[CASE]}
    close_case(ledger)
    ledger.accept(act(ledger, "hearing", case=long), act(ledger, case=long))
    ledger.accept(act(ledger, case=held), hold(held))
    came(ledger, months_ago(1), 77)
    counted = sizes(ledger)
    assert freed(run, ledger.folder) == {
        ("soon", "now"): counted[CASE],
        ("years_10", "later"): counted[long],
        ("", "held"): counted[held],
        ("", "no_case"): 77,
    }


def test_what_is_kept_for_ever_is_never_freed(ledger: Ledger, run: Run) -> None:
    for_ever = LIST.replace("years = 10", "forever = true")
    assert for_ever != LIST
    ledger.accept(publish(for_ever), act(ledger, "hearing"), act(ledger))
    assert set(freed(run, ledger.folder)) == {("years_10", "never")}


def test_what_was_destroyed_takes_no_room_and_has_no_size(ledger: Ledger, run: Run) -> None:
    gone = file(ledger, b"b" * 500)
    close_case(ledger)
    before, (month,) = freed(run, ledger.folder), told(run, ledger.folder)["months"]
    ledger.accept(disposal(gone))
    disposed(ledger)
    assert freed(run, ledger.folder)["soon", "now"] == before["soon", "now"] - 500
    (after,) = told(run, ledger.folder)["months"]
    assert int(month["bytes"]) - int(after["bytes"]) == 500 and after["items"] == month["items"]


def test_an_item_of_two_cases_goes_with_the_later(ledger: Ledger, run: Run) -> None:
    other = "苏城管罚〔2026〕100号"
    file(ledger, b"c" * 3000)
    file(ledger, b"c" * 3000, case=other)
    close_case(ledger)
    assert freed(run, ledger.folder)["", "open"] == 3000


def test_a_hold_beside_the_server_counts(ledger: Ledger, run: Run) -> None:
    close_case(ledger)
    ledger.services.vault.places.add_hold(CASE, "before the log has it", 1)
    assert set(freed(run, ledger.folder)) == {("", "held")}


def test_on_a_screen_and_in_a_file(ledger: Ledger, run: Run, tmp_path: Path) -> None:
    for n in (1, 2, 3):
        came(ledger, months_ago(n), n * GB)
    close_case(ledger)
    ended = run("storage", ledger.folder, "--lang", "zh")
    assert ended.code == 0, ended.err
    assert "系推算" in ended.out and "3.000" in ended.out and "未归入案件" in ended.out
    assert run("storage", ledger.folder, "-o", tmp_path / "r.csv").code == 0
    rows = list(csv.reader(io.StringIO((tmp_path / "r.csv").read_text("utf-8-sig"))))
    assert rows[1][:4] == [months_ago(3), AGENCY, "1", str(3 * GB)]
    ended = run("storage", ledger.folder, "-o", tmp_path / "r.doc")
    assert ended.code != 0 and "want a file that ends in .csv" in ended.err


def test_a_disk_that_is_not_there_is_an_error_and_no_forecast(ledger: Ledger, run: Run) -> None:
    (ledger.folder / "tiezheng.toml").write_text('second_store = "directory:/nowhere/at/all"\n')
    ended = run("storage", ledger.folder, "--lang", "en")
    assert (ended.code, ended.out) != (0, "") and "cannot ask how much room is left" in ended.err
