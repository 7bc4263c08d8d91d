"""`tiezheng storage`: how much came in which month, how long room lasts, what disposals free."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.language import pick, say
from cli.table import Table, show_table, table_option_words, write_table
from ledger.encoding import in_china
from ledger.errors import LedgerError
from ledger.process.keeping.room import FEWEST, MONTHS, Forecast, forecast, full_months
from ledger.report import Bilingual

if TYPE_CHECKING:
    from api.room import Disk, Freed

GB = 10**9
WHEN: Mapping[str, Bilingual] = {
    "now": {"en": "over", "zh": "已届满"},
    "year": {"en": "within a year", "zh": "一年内届满"},
    "later": {"en": "later", "zh": "一年后届满"},
    "never": {"en": "kept for ever", "zh": "永久保管"},
    "no_list": {"en": "no retention list", "zh": "无保管期限表"},
    "open": {"en": "case open", "zh": "案件未结"},
    "held": {"en": "under a hold", "zh": "保全中"},
    "no_case": {"en": "of no case", "zh": "未归入案件"},
}


@dataclass(frozen=True, slots=True)
class Room:
    """What is told; `came` is month, agency, count and bytes."""

    at_ms: int
    came: Sequence[tuple[str, str, int, int]]
    disks: Sequence["tuple[Disk, Forecast | None]"]
    buckets: int
    freed: "Sequence[Freed] | None"


@new_command(
    "storage",
    words={
        "en": "Say how much came in each month, and when the room for items will be gone.\n\n"
        "Counted from the ledger's database; no store is read. When the disk is full is\n"
        "an extrapolation, and a range: as if each month to come were like the fastest,\n"
        "or like the slowest, of the last twelve that are over. With fewer than three\n"
        "nothing is said. What closed cases hold is told by retention class; no forecast\n"
        "counts on it, since nothing is destroyed by time alone. Items alone are counted:\n"
        "the log and databases come on top, and what was destroyed has no size any more.\n"
        "Of a bucket nobody knows the room.\n\n"
        "-o writes the months.",
        "zh": "列出各月入库数据量，并预测存储空间何时用尽。\n\n"
        "自账本数据库统计，不读取存储处。用尽时间为推算，以区间表示：假定以后各月均如\n"
        "最近十二个完整月份中最多的一月，或者最少的一月。不足三个完整月份的不作预测。\n"
        "已结案件占用的空间按保管期限类别列出，不计入预测，因期限届满本身不销毁任何内容。\n"
        "只计原件，日志和数据库另计；已销毁的不再计字节；对象存储桶的余量无从得知。\n\n"
        "-o 写出各月数据。",
    },
    example="tiezheng storage data",
)
@argument("data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"})
@option(
    "--quick",
    is_flag=True,
    words={
        "en": "leave out what disposals may free, for which every case is read",
        "zh": "不统计销毁可释放的空间（该项须读取全部案件）",
    },
)
@option("-o", "--output", "output_file", metavar="FILE", words=table_option_words())
@json_option()
def command(data: str, quick: bool, output_file: str | None, as_json: bool) -> int:
    try:
        room = _room(Path(data), time.time_ns() // 1_000_000, quick)
        if output_file is not None:
            write_table(_months(room), Path(output_file))
    except LedgerError as error:
        return output.refusal(error)
    if as_json:
        output.result_json(_json(room))
    elif output_file is None:
        _show(room)
    return output.Exit.DONE


def _room(path: Path, now_ms: int, quick: bool) -> Room:
    from api.room import disks, freed
    from api.settings import load
    from storage.catalog_sqlite import SqliteCatalog
    from storage.folder import DataFolder
    from storage.ledger_sqlite import SqliteLedgerStore
    from storage.places_sqlite import SqlitePlaces
    from storage.trust_directory import read_trust

    folder, settings, today = DataFolder.open(path), load(path), in_china(now_ms).date()
    stores = [one for one in (settings.store, settings.second_store) if one is not None]
    with ExitStack() as stack:
        store = stack.enter_context(closing(SqliteLedgerStore(folder.ledger_db)))
        catalog = stack.enter_context(closing(SqliteCatalog(folder.catalog_db)))
        places = stack.enter_context(closing(SqlitePlaces(folder.places_db)))
        came = store.came()
        months = _by_month(came)
        found = [(one, _forecast(months, one, today)) for one in disks(settings, path)]
        buckets = len(stores) - sum(one.copies for one, _ in found)
        waiting = None
        if not quick:
            holds = _holds(store.guarding(), {hold.target for hold in places.holds()})
            first_year = read_trust(folder.trust).first_year
            waiting = freed(store, catalog, holds, first_year, today)
    return Room(now_ms, came, found, buckets, waiting)


def _holds(rows: Iterable[Any], beside: set[str]) -> Callable[[Iterable[str]], bool]:
    """Of the log, and those that were placed beside the server and are not in it yet."""
    from ledger.process.keeping.holds import Holds

    holds = Holds()
    for row in rows:
        if (said := row.said()) is not None:
            holds.add(said)

    def on(names: Iterable[str]) -> bool:
        known = set(names)
        return bool(holds.on(known)) or not beside.isdisjoint(known)

    return on


def _by_month(came: Iterable[tuple[str, str, int, int]]) -> Counter[str]:
    months: Counter[str] = Counter()
    for month, _, _, size in came:
        months[month] += size
    return months


def _forecast(months: Mapping[str, int], disk: "Disk", today: date) -> Forecast | None:
    each = {month: size * disk.copies for month, size in months.items()}
    return forecast(each, disk.free, today)


# --- told ------------------------------------------------------------------------------------


def _shown(room: Room) -> list[tuple[str, str, int, int]]:
    """Of the last months, and of the one that is not over."""
    today = in_china(room.at_ms).date()
    full = full_months(_by_month(room.came), today)
    first = full[0][0] if full else f"{today:%Y-%m}"
    return [row for row in room.came if row[0] >= first]


def _months(room: Room) -> Table:
    columns = (
        say(en="month", zh="月份"),
        say(en="agency", zh="机关"),
        say(en="items", zh="件数"),
        say(en="bytes", zh="字节数"),
        "GB",
    )
    rows = tuple((m, a, str(n), str(size), _gb(size)) for m, a, n, size in _shown(room))
    month = f"{in_china(room.at_ms):%Y-%m}"
    about = ((say(en="not over yet", zh="未满月"), month),)
    title = say(en=f"Items by month, the last {MONTHS}", zh=f"最近 {MONTHS} 个月入库量")
    return Table(title, columns, rows, about, room.at_ms)


def _show(room: Room) -> None:
    show_table(_months(room))
    output.result("")
    for disk, found in room.disks:
        output.result(_disk_text(disk, found))
    if room.buckets:
        output.result(say(en="a bucket: its room is not known", zh="对象存储桶：余量无从得知"))
    if room.freed:
        output.result("")
        show_table(_freed(room))


def _disk_text(disk: "Disk", found: Forecast | None) -> str:
    free, size = _gb(disk.free), _gb(disk.size)
    head = say(
        en=f"{disk.path}: {free} of {size} GB are free, {disk.copies} of each item lie here",
        zh=f"{disk.path}：余 {free} GB，共 {size} GB，每件存 {disk.copies} 份",
    )
    if found is None:
        return head + say(
            en=f"; fewer than {FEWEST} months are over: no forecast",
            zh=f"；不足 {FEWEST} 个完整月份，不作预测",
        )
    slow, fast = _gb(found.slowest), _gb(found.fastest)
    none = say(en="not in sight", zh="暂无用尽之日")
    earliest, latest = (str(day or none) for day in (found.earliest, found.latest))
    return head + say(
        en=f"; at {fast} GB a month full on {earliest}, at {slow} GB on {latest}: extrapolated",
        zh=f"；每月 {fast} GB 则 {earliest} 用尽，每月 {slow} GB 则 {latest}：系推算",
    )


def _freed(room: Room) -> Table:
    columns = (
        say(en="agency", zh="机关"),
        say(en="retention class", zh="保管期限类别"),
        say(en="when", zh="届满"),
        "GB",
    )
    rows = tuple(
        (one.agency, one.retention, pick(WHEN[one.when]), _gb(one.bytes))
        for one in room.freed or ()
    )
    title = say(en="What disposals may free, one copy of each", zh="销毁可释放的空间（每件一份）")
    return Table(title, columns, rows, (), room.at_ms)


def _gb(size: int) -> str:
    """To a thousandth, rounded down."""
    return f"{size // GB}.{size % GB // 10**6:03}"


def _json(room: Room) -> dict[str, Any]:
    names = ("month", "agency", "items", "bytes")
    told: dict[str, Any] = {
        "at": in_china(room.at_ms).isoformat(timespec="seconds"),
        "buckets": str(room.buckets),
        "disks": [_disk_json(disk, found) for disk, found in room.disks],
        "months": [dict(zip(names, map(str, row), strict=True)) for row in _shown(room)],
        "v": 1,
    }
    if room.freed is not None:
        told["freed"] = [
            {
                "agency": one.agency,
                "bytes": str(one.bytes),
                "class": one.retention,
                "when": one.when,
            }
            for one in room.freed
        ]
    return told


def _disk_json(disk: "Disk", found: Forecast | None) -> dict[str, str]:
    row = {
        "copies": str(disk.copies),
        "free": str(disk.free),
        "path": str(disk.path),
        "size": str(disk.size),
    }
    if found is None:
        return row
    return row | {
        "fastest_month": str(found.fastest),
        "full_earliest": found.earliest.isoformat() if found.earliest else "",
        "full_latest": found.latest.isoformat() if found.latest else "",
        "slowest_month": str(found.slowest),
    }
