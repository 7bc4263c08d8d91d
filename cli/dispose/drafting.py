"""`tiezheng dispose due`: closed cases whose time is over, and a draft of the disposal of each."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.language import say
from cli.saying import line_of, payload_of
from ledger.encoding import in_china, printable
from ledger.errors import LedgerError
from ledger.evidence.procedural import MAX_NAMED
from ledger.evidence.statement import Kind

if TYPE_CHECKING:
    from api.expired import Expired

ENDING = ".disposal.json"


@new_command(
    "due",
    words={
        "en": "List closed cases whose time is over, and draft their disposals.\n\n"
        "By the retention list that is in force for the agency. Cases under a legal\n"
        "hold are left out. Nothing is destroyed: two persons sign a draft first.",
        "zh": "列出保管期限届满的已结案件，并起草销毁记录。\n\n"
        "依据对该机关有效的保管期限表。已保全的案件不列。本命令不销毁任何内容：\n"
        "草稿须由二人签名。",
    },
    example="tiezheng dispose due data --out drafts --basis '机关档案管理规定 33' \\\n"
    "    --reason '保管期限届满，经鉴定无继续保存价值'",
)
@argument("data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"})
@option(
    "--class",
    "retention",
    metavar="NAME",
    words={"en": "of one retention class alone", "zh": "仅列某一保管期限类别"},
)
@option(
    "--out",
    metavar="DIR",
    words={"en": "write drafts here, to be signed", "zh": "草稿写到此处，供签名"},
)
@option("--basis", metavar="TEXT", words={"en": "for --out: by which law", "zh": "草稿：法律依据"})
@option("--reason", metavar="TEXT", words={"en": "for --out: why", "zh": "草稿：销毁理由"})
@json_option()
def due(
    data: str,
    retention: str | None,
    out: str | None,
    basis: str | None,
    reason: str | None,
    as_json: bool,
) -> int:
    if out is not None and (basis is None or reason is None):
        raise click.UsageError(
            say(en="--out wants --basis and --reason", zh="--out 须同时给出 --basis 和 --reason")
        )
    try:
        found = [one for one in _expired(Path(data)) if retention in (None, one.retention)]
        drafts = _write(found, Path(out), basis or "", reason or "") if out is not None else {}
    except LedgerError as error:
        return output.refusal(error)
    if as_json:
        output.result_json({"cases": [_json(one) | drafts.get(one.case, {}) for one in found]})
        return output.Exit.DONE
    if not found:
        output.note(
            say(
                en="no closed case is over its time, by the retention lists that are registered",
                zh="没有保管期限届满的已结案件（以已登记的保管期限表为准）",
            )
        )
    for one in found:
        until, count = one.kept_until.isoformat(), len(one.statements)
        output.result(
            f"{printable(one.case)}  {one.agency}  {one.retention}  "
            + say(
                en=f"kept until {until}, {count} statements",
                zh=f"保管至 {until}，{count} 份陈述",
            )
        )
    return output.Exit.DONE


def _expired(path: Path) -> "Iterator[Expired]":
    from api.expired import expired
    from ledger.process.keeping.holds import Holds
    from storage.catalog_sqlite import SqliteCatalog
    from storage.folder import DataFolder
    from storage.ledger_sqlite import SqliteLedgerStore
    from storage.places_sqlite import SqlitePlaces
    from storage.trust_directory import read_trust

    folder = DataFolder.open(path)
    today = in_china(time.time_ns() // 1_000_000).date()
    with (
        closing(SqliteLedgerStore(folder.ledger_db)) as store,
        closing(SqliteCatalog(folder.catalog_db)) as catalog,
        closing(SqlitePlaces(folder.places_db)) as places,
    ):
        holds = Holds()
        for row in store.guarding():
            if (said := row.said()) is not None:
                holds.add(said)
        beside = {hold.target for hold in places.holds()}
        first_year = read_trust(folder.trust).first_year
        for one in expired(store, catalog, holds, first_year, today):
            if one.case not in beside:
                yield one


def _write(found: "list[Expired]", out: Path, basis: str, reason: str) -> dict[str, dict[str, str]]:
    """By case, the files of its drafts: of more statements than fit one, several."""
    from storage.durable import make_folder, write_file

    make_folder(out)
    drafts: dict[str, dict[str, str]] = {}
    law, why = line_of(basis, "--basis"), line_of(reason, "--reason")
    for one in found:
        names = []
        for at in range(0, len(one.statements), MAX_NAMED):
            part = one.statements[at : at + MAX_NAMED]
            fields = {
                "agency": one.agency,
                "basis": law,
                "case": one.case,
                "reason": why,
                "retention": one.retention,
            }
            name = f"{one.agency}-{one.statements[at].id}{ENDING}"
            write_file(out / name, payload_of(Kind.DISPOSAL, part, fields))
            names.append(name)
        drafts[one.case] = {"drafts": ", ".join(names)}
    return drafts


def _json(one: "Expired") -> dict[str, str]:
    return {
        "agency": one.agency,
        "case": one.case,
        "closed": one.closed.isoformat(),
        "kept_until": one.kept_until.isoformat(),
        "retention": one.retention,
        "statements": str(len(one.statements)),
    }
