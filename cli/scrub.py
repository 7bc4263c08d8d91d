"""`tiezheng scrub`: every copy of every item read again, and mended."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.language import say
from cli.output import Exit
from ledger.encoding import printable

if TYPE_CHECKING:
    from storage.places_sqlite import Odd, Pass
    from storage.scrub import Finding, Scrub

MB = 1_000_000
DAY_MS = 86_400_000
MINUTE_MS = 60_000
LOOK_S = 60.0  # how often a scrub that waits looks at the clock


@new_command(
    "scrub",
    words={
        "en": "Read every copy of every item again, and mend what is damaged.\n\n"
        "What is stored is held against its hashes; no key is needed, and the server\n"
        "may run. A damaged or missing copy is written anew from good blocks of another\n"
        "and read again; so an item gets its second copy, too, where a second store\n"
        "was set up later. What is killed goes on where it stopped. Without --once it\n"
        "stays and begins anew every scrub_days.\n\n"
        "The names in each store are listed at the start and then every list_minutes:\n"
        "what was written over or hidden there, or is not this ledger's, is an alarm.\n\n"
        "Exit code: 0 whole or mended, 1 something could not be mended or is odd,\n"
        "2 wrong usage, 4 a store or the disk would not answer.",
        "zh": "重新读取每件原件的每个副本，并修复损坏。\n\n"
        "将所存内容与其哈希值比对；不需要密钥，服务可照常运行。损坏或缺失的副本\n"
        "用另一副本的完好数据块重写，并再次读取核对；后来才设置第二存储处的，\n"
        "也由此补建副本。中途被终止的，从停下处继续。不加 --once 则持续运行，\n"
        "每隔 scrub_days 天重新开始。\n\n"
        "开始时及此后每隔 list_minutes 分钟列出各存储处的名称：被覆盖、被隐藏或\n"
        "并非本账本所放的，即予告警。\n\n"
        "退出码：0 完好或已修复，1 有未能修复或异常的，2 用法错误，4 存储处或磁盘无应答。",
    },
    example="tiezheng scrub data --once --rate 200",
)
@argument("data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"})
@option(
    "--once",
    is_flag=True,
    words={"en": "end when all was read", "zh": "全部读完即结束"},
)
@option(
    "--rate",
    type=click.IntRange(1, 100_000),
    default=None,
    metavar="MB/S",
    words={
        "en": "read at most so many megabytes a second; by default scrub_rate",
        "zh": "每秒至多读取的兆字节数；缺省取 scrub_rate",
    },
)
@json_option()
def command(data: str, once: bool, rate: int | None, as_json: bool) -> Exit:
    found: list[dict[str, Any]] = []

    def tell(finding: "Finding") -> None:
        found.append(_finding_json(finding))
        if not as_json:
            output.result(finding_text(finding))

    def tell_odd(odd: "Odd") -> None:
        if not as_json:
            output.result(odd_text(odd))

    with opened(Path(data), rate, tell, tell_odd) as (scrub, days, left):
        while True:
            if not once:
                _wait(scrub, scrub.last_ended_ms() + days * DAY_MS)
            done = scrub.run()
            odd = scrub.odd()
            if as_json:
                said = {"findings": found, "oddities": [_odd_json(o) for o in odd], "v": 1}
                output.result_json(_pass_json(done, left()) | said)
            else:
                output.result(pass_text(done))
            if left():
                output.error(
                    "lost" if done.lost else "damaged",
                    _alarm(done.lost, left()),
                    [say(en="restore them from a back-up", zh="请从备份恢复")],
                )
            if odd:
                output.error(
                    "odd",
                    say(
                        en=f"the stores hold {len(odd)} things that this ledger did not put there",
                        zh=f"存储处有 {len(odd)} 项并非本账本所放",
                    ),
                    [say(en="ask who has power over the store", zh="请查问谁掌管该存储处")],
                )
            if once:
                return Exit.FAILED if left() or odd else Exit.DONE
            found.clear()


@contextmanager
def opened(
    folder: Path, rate: int | None, tell: Any, tell_odd: Any
) -> Iterator[tuple["Scrub", int, Any]]:
    """The scrub of a data folder, after how many days it is due, and what is left unmended."""
    from api.settings import load
    from api.vault import open_vault
    from storage.clock import SystemClock
    from storage.folder import DataFolder
    from storage.folder_lock import FolderLock
    from storage.ledger_sqlite import SqliteLedgerStore
    from storage.scrub import Pace, Scrub

    data, clock = DataFolder.open(folder), SystemClock()
    settings = load(folder)
    with FolderLock(data.scrub_lock):
        vault = open_vault(data, settings, beside=True)
        ledger = SqliteLedgerStore(data.ledger_db)
        try:
            pace = Pace((rate or settings.scrub_rate) * MB, clock, time.sleep)
            scrub = Scrub(
                vault.items,
                ledger.items_after,
                clock,
                pace,
                tell,
                tell_odd=tell_odd,
                listing_ms=settings.list_minutes * MINUTE_MS,
            )
            yield (
                scrub,
                settings.scrub_days,
                lambda: vault.lost() + vault.places.damaged_copies(),
            )
        finally:
            ledger.close()
            vault.close()


def _wait(scrub: "Scrub", until_ms: int) -> None:
    while (now := time.time_ns() // 1_000_000) < until_ms:
        scrub.list_when_due()
        time.sleep(min(LOOK_S, (until_ms - now) / 1000))


def finding_text(finding: "Finding") -> str:
    where = finding.copy or say(en="nowhere", zh="各处")
    return f"{finding.item} {where}: {_what(finding)} — {_outcome(finding)}"


def odd_text(odd: "Odd") -> str:
    oddity = odd.oddity
    at = f" ({printable(oddity.version)})" if oddity.version else ""
    match oddity.what:
        case "hidden":
            what = say(en="somebody hid it behind a delete marker", zh="被人以删除标记隐藏")
        case "rewritten":
            what = say(en="somebody wrote over it", zh="被人覆盖写入")
        case "widow":
            what = say(en="a companion without its object", zh="有伴随数据而无对象")
        case _:
            what = say(en="a name that is not ours", zh="并非本账本所用的名称")
    return f"{odd.copy} {printable(oddity.name)}{at}: {what}"


def _odd_json(odd: "Odd") -> dict[str, Any]:
    oddity = odd.oddity
    return {
        "copy": odd.copy,
        "name": oddity.name,
        "version": oddity.version,
        "what": oddity.what,
    }


def _what(finding: "Finding") -> str:
    chunks = [str(number) for number in finding.chunks]
    match finding.what:
        case "missing":
            return say(en="gone", zh="缺失")
        case "damaged":
            return say(
                en=f"damaged in chunk {', '.join(chunks)}", zh=f"第 {'、'.join(chunks)} 块损坏"
            )
        case "longer":
            return say(en="has bytes behind its end", zh="末尾之后多出字节")
        case "companion":
            return say(en="its companion is damaged or gone", zh="伴随数据损坏或缺失")
        case _:
            return say(en="no copy here yet", zh="此处尚无副本")


def _outcome(finding: "Finding") -> str:
    if finding.lost:
        return say(en="LOST: good bytes of it are nowhere", zh="已丢失：任何副本均无完好数据")
    if not finding.mended:
        return say(en="NOT MENDED", zh="未能修复")
    if finding.what == "absent":
        return say(en="copied", zh="已补建")
    return say(en="mended", zh="已修复")


def pass_text(done: "Pass") -> str:
    return say(
        en=f"{done.items} items, {done.copies} copies read: {done.damaged} damaged, "
        f"{done.mended} mended, {done.added} added, {done.lost} items lost",
        zh=f"已读取 {done.items} 件原件、{done.copies} 个副本：损坏 {done.damaged}，"
        f"已修复 {done.mended}，补建 {done.added}，丢失原件 {done.lost} 件",
    )


def _alarm(lost: int, left: int) -> str:
    if lost:
        return say(
            en=f"good bytes of {lost} items are nowhere: they are lost",
            zh=f"有 {lost} 件原件在任何副本中均无完好数据：已丢失",
        )
    return say(
        en=f"{left} copies are damaged and could not be mended",
        zh=f"有 {left} 个副本损坏且未能修复",
    )


def _finding_json(finding: "Finding") -> dict[str, Any]:
    return {
        "chunks": list(finding.chunks),
        "copy": finding.copy,
        "item": finding.item,
        "lost": finding.lost,
        "mended": finding.mended,
        "what": finding.what,
    }


def _pass_json(done: "Pass", left: int) -> dict[str, Any]:
    names = ("items", "copies", "bytes", "damaged", "mended", "added", "lost")
    outcome = "lost" if done.lost else "damaged" if left else "mended" if done.mended else "whole"
    return {name: getattr(done, name) for name in names} | {
        "outcome": outcome,
        "pass": done.number,
    }
