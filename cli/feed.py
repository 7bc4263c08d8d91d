"""`tiezheng feed …`: the feed for the province's platform, told, pulled, checked, set back."""

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.command import Group, argument, json_option, option
from cli.command import command as new_command
from cli.files import check_new, read_secret
from cli.language import say
from cli.output import Exit
from cli.remote import open_client, server_option, token_option
from cli.small_file import read_small
from cli.trust import open_trust
from ledger.encoding import printable
from ledger.errors import Malformed, Rejected, Unknown
from ledger.process.feeds.compared import Compared, Listed, compare
from ledger.process.feeds.feed import (
    Page,
    check_follows,
    check_logged,
    missing_in_runs,
    open_page,
    unheard,
)
from ledger.process.feeds.feed_table import stays
from ledger.report import Bilingual
from ledger.tlog.note import VerifierKey

if TYPE_CHECKING:
    from storage.feed_sqlite import SqliteFeed

WORDS: Bilingual = {
    "en": "The feed for the province's platform: events of the log, in order, signed.\n\n"
    "The server sends it to the setting feed_url, each page until the platform has\n"
    "acknowledged it, and says in the log that it leaves. It can be pulled as well.",
    "zh": "向省平台推送：日志中的事件，按顺序编号并签名。\n\n"
    "服务按设置 feed_url 推送，每页重发至平台确认为止，并将外送记入日志；也可由平台拉取。",
}


command = Group("feed", words=WORDS, example="tiezheng feed status data")

data_argument = argument(
    "data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"}
)


@new_command(
    "status",
    words={
        "en": "How far the feed of the ledger in DATA has come, beside a running server.\n\n"
        "And the public key with which its pages are checked.",
        "zh": "DATA 中账本的推送进度；服务可照常运行。\n\n另显示核对推送页所用的公钥。",
    },
    example="tiezheng feed status data",
)
@data_argument
@json_option()
def status(data: str, as_json: bool) -> None:
    from api.keys import read_key
    from storage.feed_sqlite import FeedState
    from storage.folder import DataFolder

    key = read_key(DataFolder.open(Path(data)).keys / "ledger.key").verifier.to_text()
    with closing(_open(data)) as kept:
        state = kept.state()
    if state is None:
        # Whoever pulls first needs the key before there is a feed.
        state = FeedState(id="", table=b"", scanned=0, announced=0, acknowledged=0, head=0)
    waiting = state.head - state.acknowledged
    if as_json:
        output.result_json(
            {
                "acknowledged": str(state.acknowledged),
                "feed": state.id,
                "head": str(state.head),
                "key": key,
                "sent": str(state.announced),
                "waiting": str(waiting),
            }
        )
        return
    if not state.id:
        output.result(
            say(
                en="no feed has begun here: it begins when it is sent or pulled",
                zh="尚未开始推送：首次推送或拉取时开始",
            )
        )
        output.result(say(en=f"signed with {key}", zh=f"签名公钥 {key}"))
        return
    output.result(
        say(
            en=f"feed {state.id}: {state.head} events, {state.acknowledged} acknowledged, "
            f"{waiting} waiting",
            zh=f"推送流 {state.id}：共 {state.head} 个事件，已确认 {state.acknowledged} 个，"
            f"待推送 {waiting} 个",
        )
    )
    output.result(say(en=f"signed with {key}", zh=f"签名公钥 {key}"))


@new_command(
    "pull",
    words={
        "en": "Fetch the pages after an event into the folder DIR, a file each.\n\n"
        "Each is checked before it is written: signed by the ledger, and going on\n"
        "where the one before ended, also where that one is in DIR. The token is that\n"
        "of a supervisor of everything.",
        "zh": "拉取某一编号之后的事件，每页一个文件，存入文件夹 DIR。\n\n"
        "每页先核对后写盘：须由账本签名，且与前一页首尾相接；DIR 中已有的前一页也计入。\n"
        "令牌须为不限机关、不限案件的监督令牌。",
    },
    example="tiezheng feed pull pages/ --server https://ledger.example \\\n"
    "    --token-file token --key ledger.vkey",
)
@argument("folder", metavar="DIR", words={"en": "an existing folder", "zh": "已有的文件夹"})
@server_option()
@token_option()
@option(
    "--key",
    "key_file",
    required=True,
    metavar="FILE",
    words={"en": "the public key of the ledger's statements", "zh": "账本陈述公钥文件"},
)
@option(
    "--after",
    type=click.IntRange(0),
    metavar="N",
    words={
        "en": "the last event you have; by default that of the last page in DIR",
        "zh": "已有的最后编号；缺省为 DIR 中最后一页的末号",
    },
)
@json_option()
def pull(
    folder: str, server: str, token_file: str, key_file: str, after: int | None, as_json: bool
) -> None:
    from storage.durable import write_file

    key = _key(key_file)
    client = open_client(server, token=read_secret(token_file))
    before = _kept(Path(folder), after, key)
    last, written = after or (before.last if before else 0), 0
    while True:
        data = client.feed(last)
        found = open_page(data, key)
        if found.after != last:
            raise Rejected(f"want the events after {last}, got those after {found.after}")
        if before is not None:
            check_follows(found, before)
        if not found.events:
            break
        path = Path(folder) / f"{found.after + 1:09}-{found.last:09}.json"
        check_new(str(path))
        write_file(path, data)
        before, last, written = found, found.last, written + 1
    if as_json:
        output.result_json({"feed": found.feed, "last": str(last), "pages": str(written)})
    else:
        output.result(
            say(
                en=f"{written} pages, up to event {last} of the feed {found.feed}",
                zh=f"{written} 页，至推送流 {found.feed} 的第 {last} 号事件",
            )
        )


def _kept(folder: Path, after: int | None, key: VerifierKey) -> Page | None:
    """The page in the folder that ends there, or else the last: what comes must go on with it."""
    if not folder.is_dir():
        raise Unknown(f"no folder at {str(folder)!r}")
    ends = {int(found[1]): path for path in sorted(folder.iterdir()) if (found := _name(path))}
    last = max(ends, default=0) if after is None else after
    return _page(str(ends[last]), key) if last in ends else None


def _name(path: Path) -> re.Match[str] | None:
    """Of a page, with the number of its last event."""
    return re.fullmatch(r"[0-9]{9,}-([0-9]{9,})\.json", path.name, re.ASCII)


def _key(file: str) -> VerifierKey:
    text = read_secret(file)
    try:
        return VerifierKey.from_text(text)
    except Malformed as error:
        # Somebody may have named the file with his token: what stands in it is not shown.
        hidden = Malformed("want the public key of the ledger's statements", hints=error.hints)
        raise (hidden if text in str(error) else error).under(printable(file)) from None


@new_command(
    "check",
    words={
        "en": "Check pages of a feed, offline: whole, in order, nothing missing or changed.\n\n"
        "With --trust also that each event's entry is in a tree that a quorum of\n"
        "cosigners has seen, and that each act has its place among all acts of its\n"
        "agency, each complaint, hold and disposal that names no case in those of its\n"
        "kind: one that was left out lacks there. And that each complaint which a hold\n"
        "names is an event; the table says in which field, the shipped one or --table.\n\n"
        "Exit code: 0 passed, 1 failed, 3 some are missing before or between these\n"
        "events: a destroyed one, an earlier feed's or one that was left out; or the\n"
        "bulletin has other complaints.",
        "zh": "离线核对推送页：完整、连续，无缺失，无改动。\n\n"
        "给出 --trust 时，另核对每个事件的条目均在法定人数联合签名的日志中，且每个执法\n"
        "行为在该机关全部行为中的序号、不载案号的投诉、保全、销毁在同类中的序号属实：\n"
        "略去任何一个即显出缺号。保全所载的投诉亦须为事件；所在字段依对照表（随软件提供\n"
        "者，或 --table）。\n\n"
        "退出码：0 通过，1 不通过，3 这些事件之前或之间有缺号：已销毁、属于此前的\n"
        "推送流，或被略去；或者与通报所载投诉不符。",
    },
    example="tiezheng feed check pages/*.json --key ledger.vkey --trust trust/",
)
@argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    words={"en": "pages, in any order", "zh": "推送页，次序不限"},
)
@option(
    "--key",
    "key_file",
    required=True,
    metavar="FILE",
    words={"en": "the public key of the ledger's statements", "zh": "账本陈述公钥文件"},
)
@option(
    "--trust",
    metavar="DIR",
    words={"en": "your own trust folder", "zh": "您自己的信任文件夹"},
)
@option(
    "--table",
    "table_file",
    metavar="FILE",
    words={
        "en": "the table of the feed; by default the shipped one",
        "zh": "该推送流的对照表；缺省为随软件提供的一份",
    },
)
@option(
    "--bulletin",
    "bulletin_file",
    metavar="FILE",
    words={
        "en": "what case complaints --json answered: hold its complaints against the events",
        "zh": "case complaints --json 的输出：与事件中的投诉逐件对照",
    },
)
@json_option()
def check(
    files: tuple[str, ...],
    key_file: str,
    trust: str | None,
    table_file: str | None,
    bulletin_file: str | None,
    as_json: bool,
) -> Exit:
    key = _key(key_file)
    believed = None if trust is None else open_trust(trust)
    pages = sorted((_page(file, key) for file in files), key=lambda one: (one.after, one.last))
    # Those without events say nothing of entries: whether one came twice shows around them.
    told = [one for one in pages if one.events]
    for before, found in (*pairwise(pages), *pairwise(told)):
        check_follows(found, before)
    if believed is not None:
        for one in pages:
            check_logged(one, believed)
    first, last = pages[0].after + 1, pages[-1].last
    missing = missing_in_runs(pages) if believed is not None else {}
    names = _left_as(pages[0], table_file)
    left_out = unheard(pages, names.get("complaint", "")) if believed is not None else ()
    compared = None
    if bulletin_file is not None:
        compared = compare(pages, _bulletin(bulletin_file), names.get("kind", ""))
    if as_json:
        rows = {name: [str(n) for n in numbers] for name, numbers in missing.items()}
        span = {"first": str(first), "last": str(last)}
        rest = {"complaints": list(left_out), **span, "missing": rows}
        output.result_json(rest | _compared_json(compared))
    else:
        _tell(pages[0].feed, (first, last), missing, left_out)
        _tell_compared(compared)
    differs = compared is not None and bool(compared.unfed or compared.unlisted)
    return Exit.UNDECIDED if missing or left_out or differs else Exit.DONE


def _bulletin(file: str) -> Listed:
    from api.clients.ledger import read_object

    try:
        return Listed.from_json(read_object(read_small(Path(file))))
    except Malformed as error:
        raise error.under(printable(file)) from None


def _left_as(page: Page, file: str | None) -> Mapping[str, str]:
    """As what each field leaves; raises `Rejected` if that table is not the feed's."""
    from api.feeding import read_feed_table, shipped_table

    found = shipped_table() if file is None else read_feed_table(Path(file))
    if found.hash == page.table:
        return {field.source: field.to for field in found.fields}
    if file is not None:
        raise Rejected(f"want the table {page.table.hex()}, got {found.hash.hex()}")
    output.note(
        say(
            en="the feed is of another table than the shipped one: give it with --table",
            zh="该推送流所用对照表非随软件提供者：请以 --table 给出",
        )
    )
    return {}


def _compared_json(compared: Compared | None) -> dict[str, Any]:
    if compared is None:
        return {}
    return {
        "elsewhere": str(compared.later),
        "unfed": list(compared.unfed),
        "unlisted": list(compared.unlisted),
    }


def _tell_compared(compared: Compared | None) -> None:
    if compared is None:
        return
    for id_ in compared.unfed[:20]:
        text = say(en=f"in the bulletin, and no event: {id_}", zh=f"通报所载而无事件：{id_}")
        output.result(text)
    for id_ in compared.unlisted[:20]:
        text = say(en=f"an event, and not in the bulletin: {id_}", zh=f"有事件而通报未载：{id_}")
        output.result(text)
    if compared.later:
        output.note(
            say(
                en=f"{compared.later} complaints of the bulletin are before or behind these pages",
                zh=f"通报中有 {compared.later} 件投诉不在这些推送页的范围内",
            )
        )


def _tell(
    feed: str,
    span: tuple[int, int],
    missing: Mapping[str, Sequence[int]],
    left_out: Sequence[str],
) -> None:
    first, last = span
    output.result(
        say(
            en=f"events {first} to {last} of the feed {feed} are whole",
            zh=f"推送流 {feed} 的第 {first} 至 {last} 号事件完整",
        )
    )
    for name, numbers in missing.items():
        text = f"{printable(name)}: {', '.join(map(str, numbers[:20]))}"
        output.result(say(en=f"no event for {text}", zh=f"缺少事件：{text}"))
    for complaint in left_out[:20]:
        shown = printable(complaint)
        output.result(say(en=f"no event for the complaint {shown}", zh=f"缺少投诉事件：{shown}"))


@new_command(
    "push",
    words={
        "en": "Send pages that were pulled to a platform by hand, in order.\n\n"
        "Signed with the ledger's key in DATA. The feed's own cursor stays where it is.",
        "zh": "将已拉取的推送页按顺序手工发往某一平台。\n\n"
        "以 DATA 中的账本密钥签名；推送进度不变。",
    },
    example="tiezheng feed push data pages/*.json --to https://platform.example/feed",
)
@data_argument
@argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    words={"en": "pages, in any order", "zh": "推送页，次序不限"},
)
@option("--to", "url", required=True, metavar="URL", words={"en": "the platform", "zh": "平台地址"})
@json_option()
def push(data: str, files: tuple[str, ...], url: str, as_json: bool) -> None:
    from api.clients.feed_http import HttpReceiver
    from api.feeding import fresh_nonce
    from api.keys import read_key
    from storage.folder import DataFolder

    own = read_key(DataFolder.open(Path(data)).keys / "ledger.key")
    read = [(_page(file, own.verifier), read_small(Path(file))) for file in files]
    last = 0
    with closing(HttpReceiver(url, own, fresh_nonce)) as receiver:
        for found, envelope in sorted(read, key=lambda pair: pair[0].after):
            receiver.send(found, envelope)
            last = found.last
    if as_json:
        output.result_json({"last": str(last), "pages": str(len(read))})
    else:
        output.result(
            say(en=f"acknowledged up to event {last}", zh=f"平台已确认至第 {last} 号事件")
        )


@new_command(
    "reset",
    words={
        "en": "Have the running server send all events after N again.\n\n"
        "For a platform that has lost what it had acknowledged. Numbers stay.",
        "zh": "令运行中的服务重新推送 N 之后的全部事件。\n\n"
        "用于平台丢失已确认内容的情形；编号不变。",
    },
    example="tiezheng feed reset data --after 1200",
)
@data_argument
@option(
    "--after",
    type=click.IntRange(0),
    required=True,
    metavar="N",
    words={"en": "the last event that the platform has", "zh": "平台仍有的最后编号"},
)
@json_option()
def reset(data: str, after: int, as_json: bool) -> None:
    with closing(_open(data)) as kept:
        kept.reset(after)
    if as_json:
        output.result_json({"acknowledged": str(after)})
    else:
        output.result(
            say(
                en=f"events after {after} will be sent again",
                zh=f"将重新推送第 {after} 号之后的事件",
            )
        )


@new_command(
    "table",
    words={
        "en": "Check a table of what leaves with the feed, and tell what it says.\n\n"
        "Without FILE the shipped one. With the setting feed_table a server uses another:\n"
        "that is another feed, numbered from 1.",
        "zh": "核对推送对照表，并列出其内容。\n\n"
        "不给出 FILE 时为随软件提供的一份。服务按设置 feed_table 改用另一份，即另起一条\n"
        "推送流，编号从 1 开始。",
    },
    example="tiezheng feed table mine.toml",
)
@argument(
    "file",
    required=False,
    metavar="FILE",
    words={"en": "a table, as TOML", "zh": "对照表（TOML）"},
)
@json_option()
def table(file: str | None, as_json: bool) -> None:
    from api.feeding import read_feed_table, shipped_table

    found = shipped_table() if file is None else read_feed_table(Path(file))
    leaves = {field.source: field.to for field in found.fields if field.to}
    kept = stays(found)
    if as_json:
        output.result_json(
            {
                "leaves": leaves,
                "stays": sorted(kept),
                "table": found.hash.hex(),
                "version": found.version,
            }
        )
        return
    version = printable(found.version)
    output.result(say(en=f"table {version}: it leaves", zh=f"对照表 {version}：外送"))
    for field in found.fields:
        if field.to:
            guess = say(en=" (assumed)", zh="（假定）") if field.assumed else ""
            name = printable(f"{field.source} → {field.to} {field.name}".rstrip())
            output.result(f"  {name}{guess}")
    output.result(say(en="it stays", zh="不外送"))
    for source, why in kept.items():
        output.result(f"  {source}: {printable(why)}")


for member in (status, pull, check, push, reset, table):
    command.add_command(member)


def _open(data: str) -> "SqliteFeed":
    from storage.feed_sqlite import SqliteFeed
    from storage.folder import DataFolder

    return SqliteFeed(DataFolder.open(Path(data)).feed_db)


def _page(file: str, key: VerifierKey) -> Page:
    try:
        return open_page(read_small(Path(file)), key)
    except Malformed as error:
        raise error.under(printable(file)) from None
