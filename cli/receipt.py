"""`tiezheng receipt`: the proof that a statement is logged."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output, second_opinion
from cli.chainpoint import chainpoint, checkpoint_uri, steps_of
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.language import say
from cli.remote import open_client, own_trust_option, server_option
from cli.trust import open_trust
from ledger.encoding import format_json, format_time, parse_uuid7
from ledger.evidence.entry import Entry
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import Receipt
from storage.durable import PUBLIC_FILE, make_folder, write_file

if TYPE_CHECKING:
    from api.clients.ledger import LedgerClient
    from api.clients.stamped import Stamped
    from ledger.timestamp import Timestamp


@new_command(
    "receipt",
    words={
        "en": "Fetch the proof that a statement is logged, as a C2SP .tlog-proof file.\n\n"
        "With --trust it is checked, and the time shown at which a quorum had seen it.\n"
        "Until then it is logged and not yet witnessed (exit 3). Later an authority may\n"
        "have stamped it: the ledger does that by itself, and --timestamps keeps it.\n\n"
        "--chainpoint writes the same path as a Chainpoint v3 document, once merkletools\n"
        "has come to the same root; where that is not installed, nothing is fetched\n"
        "(exit 4). The document carries no signatures: keep the .tlog-proof beside it,\n"
        "and compare the root with a cosigned checkpoint.",
        "zh": "取回陈述已入日志的证明（C2SP .tlog-proof 文件）。\n\n"
        "加 --trust 时予以核验，并显示法定人数看到它的时间。\n"
        "在此之前为已入日志、尚未达到法定人数（退出码 3）。其后账本自行取得授时机构的\n"
        "时间戳；--timestamps 将其保存。\n\n"
        "--chainpoint 把同一路径写成 Chainpoint v3 文件，先由 merkletools 复算出同一根；\n"
        "未安装 merkletools 时不取回任何内容（退出码 4）。该文件不含签名：\n"
        "请同时保存 .tlog-proof 文件，并与经联合签名的检查点核对根值。",
    },
    example="tiezheng receipt 019ab0c4-… --server https://ledger.example \\\n"
    "    --trust trust/ -o 1.tlog-proof\n"
    "tiezheng receipt 019ab0c4-… --server https://ledger.example \\\n"
    "    --trust trust/ -o 1.tlog-proof --chainpoint 1.chp.json",
)
@argument(
    "statement",
    metavar="ID",
    words={"en": "the statement's id", "zh": "陈述的标识"},
)
@server_option()
@own_trust_option()
@option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    words={"en": "where to write the proof", "zh": "证明写入的文件"},
)
@option(
    "--chainpoint",
    "chainpoint_file",
    metavar="FILE",
    words={
        "en": "where to write a Chainpoint v3 document of the same path",
        "zh": "同一路径的 Chainpoint v3 文件写入何处",
    },
)
@option(
    "--timestamps",
    "stamps_folder",
    metavar="DIR",
    words={
        "en": "where to write tokens, what they stamp, and the proof to it, named as in a packet",
        "zh": "时间戳、其所加盖的文本及相应证明写入的文件夹，命名与证据包相同",
    },
)
@option(
    "--wait",
    type=click.IntRange(0, 3600),
    default=0,
    metavar="SECONDS",
    words={"en": "for the cosigners; by default 0", "zh": "等候联合签名的秒数；缺省 0"},
)
@json_option()
def command(
    statement: str,
    server: str,
    trust: str | None,
    file: str | None,
    chainpoint_file: str | None,
    stamps_folder: str | None,
    wait: int,
    as_json: bool,
) -> int:
    from api.clients.ledger import check_receipt
    from api.clients.stamped import check_stamped, read_stamped

    if chainpoint_file:
        _check_chainpoint(chainpoint_file, file)
    answer = _await_receipt(open_client(server), statement, wait)
    entry = Entry.from_bytes(answer["entry"].encode())
    believed = open_trust(trust) if trust else None
    seen = check_receipt(answer, entry, believed) if believed else None
    stamped = read_stamped(answer)
    held = check_stamped(stamped, answer, entry, believed) if stamped and believed else {}
    document = _chainpoint(answer, entry, server) if chainpoint_file else b""
    if file:
        write_file(Path(file), answer["proof"].encode(), mode=PUBLIC_FILE)
    if chainpoint_file:
        write_file(Path(chainpoint_file), document, mode=PUBLIC_FILE)
    if stamps_folder and stamped:
        _write_stamped(Path(stamps_folder), answer, stamped)
    witnessed = seen is not None if believed else answer["witnessed"] == "yes"
    by = parse_uuid7(answer["destroyed_by"]) if "destroyed_by" in answer else ""
    if by:
        _tell_destroyed(by)
    place = f"{answer['log']}-{answer['index']}"
    when = format_time(seen * 1000) if seen is not None else ""
    if as_json:
        row = {
            "place": place,
            "quorum_time": when,
            "timestamps": {name: format_time(t.latest_ms) for name, t in held.items()},
            "witnessed": str(witnessed).lower(),
        }
        output.result_json(row | ({"destroyed_by": by} if by else {}))
    else:
        _tell_witnessed(place, when, witnessed)
        _tell_stamped(stamped, held, checked=believed is not None)
    return output.Exit.DONE if witnessed else output.Exit.UNDECIDED


def _await_receipt(client: "LedgerClient", statement: str, wait: int) -> dict[str, Any]:
    """What there is once it is witnessed, or `wait` seconds are over."""
    from api.clients.ledger import NotYet

    ends = time.monotonic() + wait
    while True:
        try:
            answer = client.receipt(statement)
            if answer["witnessed"] == "yes" or time.monotonic() >= ends:
                return answer
        except NotYet:
            if time.monotonic() >= ends:
                raise
        time.sleep(0.2)


def _tell_destroyed(by: str) -> None:
    output.note(
        say(
            en=f"the ledger says that the disposal {by} has destroyed the statement",
            zh=f"账本称该陈述已由销毁记录 {by} 销毁",
        )
    )


def _tell_witnessed(place: str, when: str, witnessed: bool) -> None:
    if when:
        text = say(en=f"{place}: seen by the quorum at {when}", zh=f"{place}：{when} 达到法定人数")
    elif witnessed:
        text = say(
            en=f"{place}: the ledger says it is witnessed; --trust would check it",
            zh=f"{place}：账本称已达法定人数；加 --trust 可核验",
        )
    else:
        text = say(en=f"{place}: not yet witnessed", zh=f"{place}：尚未达到法定人数")
    output.result(text)


def _tell_stamped(
    stamped: "Stamped | None", held: "Mapping[str, Timestamp]", *, checked: bool
) -> None:
    if stamped is None:
        return
    for name, timestamp in sorted(held.items()):
        when = format_time(timestamp.latest_ms)
        output.result(
            say(en=f"  stamped by {name}, existed by {when}", zh=f"  {name} 加盖，不晚于 {when}")
        )
    if others := sorted(stamped.tokens.keys() - held.keys()):
        names = ", ".join(others)
        why = (
            say(en="no authority of your trust folder", zh="不是您信任文件夹中的授时机构")
            if checked
            else say(en="--trust would check it", zh="加 --trust 可核验")
        )
        output.result(say(en=f"  stamped by {names}: {why}", zh=f"  {names} 加盖：{why}"))


def _write_stamped(folder: Path, answer: dict[str, Any], stamped: "Stamped") -> None:
    make_folder(folder)
    stem = f"{answer['log']}-{stamped.size}"
    place = f"{answer['log']}-{answer['index']}@{stamped.size}"
    files = {f"{stem}.body": stamped.body, f"{place}.tlog-proof": stamped.proof.encode()}
    files |= {f"{stem}.{name}.tsr": token for name, token in stamped.tokens.items()}
    for name, data in files.items():
        write_file(folder / name, data, mode=PUBLIC_FILE)


def _check_chainpoint(chainpoint_file: str, file: str | None) -> None:
    """What would spoil it later is said before anything is fetched."""
    if file and Path(file).resolve() == Path(chainpoint_file).resolve():
        text = say(en="want another file than that of -o", zh="不得与 -o 为同一文件")
        raise click.BadParameter(text, param_hint="'--chainpoint'")
    second_opinion.check_installed()
    if not file:
        output.note(
            say(
                en="a Chainpoint document carries no signatures; -o keeps the proof that does",
                zh="Chainpoint 文件不含签名；用 -o 另存含签名的证明",
            )
        )


def _chainpoint(answer: dict[str, Any], entry: Entry, server: str) -> bytes:
    """Written only once two programs have come to the root of the checkpoint."""
    receipt = Receipt.from_text(str(answer["proof"]))
    checkpoint = Checkpoint.from_text(SignedNote.from_text(receipt.note).text)
    leaf = entry.leaf_hash()
    steps = steps_of(receipt.index, leaf, receipt.proof, checkpoint)
    second_opinion.check_path(leaf, steps, checkpoint.root)
    uri = checkpoint_uri(server, str(answer["log"]))
    return format_json(chainpoint(leaf, steps, checkpoint, uri)) + b"\n"
