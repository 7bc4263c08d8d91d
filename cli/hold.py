"""`tiezheng hold`: nobody deletes the items of a case, whatever the time."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.language import say
from ledger.encoding import printable

if TYPE_CHECKING:
    from api.holding import Holding
    from ledger.process.keeping.holds import Held

MAX_REASON = 200


@new_command(
    "hold",
    words={
        "en": "Put the items of a case, or one item, under a legal hold.\n\n"
        "Until a person lifts it (tiezheng lift) no copy is deleted and no disposal is\n"
        "taken, whatever the time: in a bucket by nobody who has not the right to lift\n"
        "holds there, in a folder not by this program. Items that come to the case\n"
        "later are held too. The running server says in the log that it was placed.",
        "zh": "禁止删除案件的全部原件或某一件原件（保全）。\n\n"
        "由人员解除（tiezheng lift）之前，无论期限如何，任何副本均不删除，任何销毁均不\n"
        "受理：在存储桶中，无权解除保全者均不能删除；在文件夹中，本程序不删除。此后归入\n"
        "该案的原件同样保全。运行中的服务会将保全连同理由记入日志。",
    },
    example="tiezheng hold data '苏城管罚〔2026〕417号' --reason '行政复议'",
)
@argument("data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"})
@argument(
    "target",
    required=False,
    default="",
    metavar="TARGET",
    words={
        "en": "a case number, the id of a provisional case, or the SHA-256 of an item",
        "zh": "案号、临时案件的编号，或原件的 SHA-256",
    },
)
@option(
    "--reason", default="", metavar="TEXT", words={"en": "why; in the log", "zh": "理由；记入日志"}
)
@option("--list", "listed", is_flag=True, words={"en": "list all holds", "zh": "列出全部保全"})
@json_option()
def command(data: str, target: str, reason: str, listed: bool, as_json: bool) -> None:
    if listed != (not target):
        raise click.UsageError(
            say(en="want a case or item, or --list", zh="须给出案件或原件，或 --list")
        )
    if not listed and not (reason.isprintable() and 0 < len(reason.strip()) <= MAX_REASON):
        message = say(
            en=f"want one line of 1 to {MAX_REASON} characters",
            zh=f"须为一行，1 至 {MAX_REASON} 字",
        )
        raise click.BadParameter(message, param_hint="--reason")
    with _opened(Path(data)) as (holding, holds):
        if listed:
            _tell_all(list(holds()), as_json)
            return
        count = holding.place(target, reason.strip(), time.time_ns() // 1_000_000)
    if as_json:
        output.result_json({"items": str(count), "target": target})
    else:
        output.result(say(en=f"{count} items are held", zh=f"已保全 {count} 件原件"))


@contextmanager
def _opened(path: Path) -> Iterator[tuple["Holding", "Callable[[], Iterator[Held]]"]]:
    """And all holds: those that the log says, and those that it does not say yet."""
    from api.holding import Holding
    from api.settings import load
    from api.vault import open_vault
    from ledger.process.keeping.holds import Held, Holds
    from storage.catalog_sqlite import SqliteCatalog
    from storage.folder import DataFolder
    from storage.ledger_sqlite import SqliteLedgerStore

    folder = DataFolder.open(path)
    with (
        closing(open_vault(folder, load(path), beside=True)) as vault,
        closing(SqliteLedgerStore(folder.ledger_db)) as ledger,
        closing(SqliteCatalog(folder.catalog_db)) as catalog,
    ):

        def holds() -> Iterator[Held]:
            log = Holds()
            for row in ledger.guarding():
                if (said := row.said()) is not None:
                    log.add(said)
            yield from log.all()
            for hold in vault.places.holds():
                yield Held("", hold.target, hold.reason)

        yield Holding(lambda: vault.items, vault.places, ledger, catalog), holds


def _tell_all(holds: "list[Held]", as_json: bool) -> None:
    if as_json:
        output.result_json({"holds": [_json(hold) for hold in holds]})
        return
    for hold in holds:
        text = f"{printable(hold.target)}  {printable(hold.reason)}"
        text += (
            f"  {hold.id}" if hold.id else say(en="  (not in the log yet)", zh="（尚未记入日志）")
        )
        output.result(text)


def _json(hold: "Held") -> dict[str, str]:
    return {
        "complaint": hold.complaint,
        "reason": hold.reason,
        "statement": hold.id,
        "target": hold.target,
    }
