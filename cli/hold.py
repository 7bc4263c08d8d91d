"""`tiezheng hold`: nobody deletes the items of a case, whatever the time."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.language import say
from ledger.encoding import format_time, printable

if TYPE_CHECKING:
    from api.holding import Holding
    from storage.places_sqlite import Hold, SqlitePlaces

MAX_REASON = 200


@new_command(
    "hold",
    words={
        "en": "Put the items of a case, or one item, under a legal hold.\n\n"
        "Until it is lifted no copy is deleted, whatever the time: in a bucket by\n"
        "nobody who has not the right to lift holds there, in a folder not by this\n"
        "program. Items that come to the case later are held too. The running server\n"
        "says in the log that it was placed or lifted, and why.",
        "zh": "禁止删除案件的全部原件或某一件原件（保全）。\n\n"
        "解除之前，无论期限如何，任何副本均不删除：在存储桶中，无权解除保全者均不能\n"
        "删除；在文件夹中，本程序不删除。此后归入该案的原件同样保全。运行中的服务会将\n"
        "保全及解除连同理由记入日志。",
    },
    example="tiezheng hold data '苏城管罚〔2026〕417号' --reason '行政复议'",
)
@argument("data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"})
@argument(
    "target",
    required=False,
    default="",
    metavar="TARGET",
    words={"en": "a case number, or the SHA-256 of an item", "zh": "案号，或原件的 SHA-256"},
)
@option(
    "--reason", default="", metavar="TEXT", words={"en": "why; in the log", "zh": "理由；记入日志"}
)
@option("--lift", is_flag=True, words={"en": "lift it", "zh": "解除保全"})
@option("--list", "listed", is_flag=True, words={"en": "list all holds", "zh": "列出全部保全"})
@json_option()
def command(data: str, target: str, reason: str, lift: bool, listed: bool, as_json: bool) -> None:
    if listed != (not target) or (listed and lift):
        raise click.UsageError(
            say(en="want a case or item, or --list", zh="须给出案件或原件，或 --list")
        )
    if not listed and not (reason.isprintable() and 0 < len(reason.strip()) <= MAX_REASON):
        message = say(
            en=f"want one line of 1 to {MAX_REASON} characters",
            zh=f"须为一行，1 至 {MAX_REASON} 字",
        )
        raise click.BadParameter(message, param_hint="--reason")
    with _opened(Path(data)) as (holding, places):
        if listed:
            _tell_all(places.holds(), as_json)
            return
        now_ms = time.time_ns() // 1_000_000
        count = (holding.lift if lift else holding.place)(target, reason.strip(), now_ms)
    if as_json:
        output.result_json(
            {"items": str(count), "lifted": "yes" if lift else "no", "target": target}
        )
    elif lift:
        output.result(say(en=f"lifted from {count} items", zh=f"已解除 {count} 件原件的保全"))
    else:
        output.result(say(en=f"{count} items are held", zh=f"已保全 {count} 件原件"))


@contextmanager
def _opened(path: Path) -> Iterator[tuple["Holding", "SqlitePlaces"]]:
    from api.holding import Holding
    from api.settings import load
    from api.vault import open_vault
    from storage.catalog_sqlite import SqliteCatalog
    from storage.folder import DataFolder
    from storage.ledger_sqlite import SqliteLedgerStore

    folder = DataFolder.open(path)
    with (
        closing(open_vault(folder, load(path), beside=True)) as vault,
        closing(SqliteLedgerStore(folder.ledger_db)) as ledger,
        closing(SqliteCatalog(folder.catalog_db)) as catalog,
    ):
        yield Holding(lambda: vault.items, vault.places, ledger, catalog), vault.places


def _tell_all(holds: list["Hold"], as_json: bool) -> None:
    if as_json:
        output.result_json({"holds": [_json(hold) for hold in holds]})
        return
    for hold in holds:
        since = format_time(hold.placed_ms)
        text = f"{hold.target}  {since}  {printable(hold.reason)}"
        if hold.lifted_ms:
            ended = format_time(hold.lifted_ms)
            text += say(en=f"  lifted {ended}: ", zh=f"  已于 {ended} 解除：")
            text += printable(hold.lift_reason)
        output.result(text)


def _json(hold: "Hold") -> dict[str, Any]:
    said = {"placed": format_time(hold.placed_ms), "reason": hold.reason, "target": hold.target}
    if hold.lifted_ms:
        said |= {"lift_reason": hold.lift_reason, "lifted": format_time(hold.lifted_ms)}
    return said
