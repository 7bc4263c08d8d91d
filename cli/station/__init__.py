"""`tiezheng station …`: the upload station, where recorders are handed out and docked."""

from collections.abc import Callable
from typing import Any

import click

from cli import output
from cli.command import (
    Command,
    F,
    Group,
    argument,
    json_option,
    option,
    trust_option,
)
from cli.command import command as new_command
from cli.language import say
from cli.remote import server_option, token_option
from ledger.errors import Unavailable, Unknown
from ledger.evidence.session import Cause
from ledger.report import Bilingual

WORDS: Bilingual = {
    "en": "An upload station: recorders are handed out, docked, read and cleared.\n\n"
    "What is on a device is signed before a byte is transferred, read twice, sent,\n"
    "and kept until the log and its cosigners have it. `init` makes the station's\n"
    "folder and `run` does the work; the others may be called meanwhile.",
    "zh": "采集站：领用、归还、读取、清除执法记录仪。\n\n"
    "传输之前先签署设备上全部文件的清单；每个文件读两遍、上传，在日志和联合签名人\n"
    "确认之前一直保留。init 新建采集站文件夹，run 执行工作；其余命令可随时使用。",
}


command = Group("station", words=WORDS, example="tiezheng station run station/")


def folder_argument() -> Callable[[F], F]:
    return argument(
        "folder",
        metavar="FOLDER",
        words={"en": "the station's folder", "zh": "采集站文件夹"},
    )


@new_command(
    "init",
    words={
        "en": "Make the folder of a new station.\n\n"
        "Each --dock is a folder below which devices appear, one folder each, as the\n"
        "system mounts them. Settings may be changed in FOLDER/station.toml.",
        "zh": "新建采集站文件夹。\n\n"
        "每个 --dock 是一个文件夹，设备由系统挂载在其下，每台一个文件夹。\n"
        "设置可在 FOLDER/station.toml 中修改。",
    },
    example="tiezheng station init station --server https://ledger.example \\\n"
    "    --key station-07.key --trust trust/ --agency agency-01 --dock /media/docks",
)
@folder_argument()
@server_option()
@option(
    "--key",
    "key_file",
    required=True,
    metavar="FILE",
    words={"en": "the station's registered private key", "zh": "采集站已登记的私钥文件"},
)
@trust_option()
@option(
    "--agency", required=True, metavar="ID", words={"en": "whose station it is", "zh": "机关标识"}
)
@option(
    "--dock",
    "docks",
    required=True,
    multiple=True,
    metavar="DIR",
    words={"en": "where devices appear; once for each", "zh": "设备出现的文件夹；每个写一次"},
)
@option(
    "--wipe",
    is_flag=True,
    words={
        "en": "delete from devices what is proven; by default nothing is ever deleted",
        "zh": "删除设备上已证实的文件；缺省从不删除任何文件",
    },
)
@option(
    "--sm3",
    is_flag=True,
    words={
        "en": "state the SM3 digest of each file too; reading becomes slower",
        "zh": "另写明每个文件的 SM3 摘要；读取会变慢",
    },
)
@option(
    "--sm2-key",
    "sm2_file",
    default="",
    metavar="FILE",
    words={
        "en": "the station's registered SM2 key, to sign with beside --key",
        "zh": "采集站已登记的 SM2 私钥文件，与 --key 一并签名",
    },
)
@json_option()
def init(
    folder: str,
    server: str,
    key_file: str,
    trust: str,
    agency: str,
    docks: tuple[str, ...],
    wipe: bool,
    sm3: bool,
    sm2_file: str,
    as_json: bool,
) -> None:
    from pathlib import Path

    from cli.files import read_key, read_sm2_key
    from cli.station.folder import Settings, StationFolder
    from cli.trust import open_trust

    read_key(key_file)
    if sm2_file:
        read_sm2_key(sm2_file)
    open_trust(trust)
    for dock in docks:
        if not Path(dock).is_dir():
            raise Unavailable(f"no folder at {dock!r}", hints=("--dock is where devices appear",))
    made = StationFolder(Path(folder))
    made.make(
        Settings(
            server=server,
            key=str(Path(key_file).absolute()),
            trust=str(Path(trust).absolute()),
            agency=agency,
            docks=tuple(str(Path(dock).absolute()) for dock in docks),
            wipe=wipe,
            sm3=sm3,
            sm2_key=str(Path(sm2_file).absolute()) if sm2_file else "",
        )
    )
    if as_json:
        output.result_json({"folder": folder, "settings": str(made.settings)})
        return
    output.result(say(en=f"a station is in {folder!r}", zh=f"采集站已建于 {folder!r}"))
    output.note(
        say(en=f"next: tiezheng station run {folder}", zh=f"下一步：tiezheng station run {folder}")
    )


@new_command(
    "check-out",
    words={
        "en": "Hand a device out to its officers.\n\n"
        "Records and signs the card, the last file numbers, what is on the card, the\n"
        "device's clock if --device-time is given, and the newest cosigned checkpoint.\n"
        "Filed by `run` as soon as there is a line.",
        "zh": "把设备交给执法人员领用。\n\n"
        "记录并签署：存储卡、最后的文件编号、卡上现有文件、设备时钟（给出\n"
        "--device-time 时），以及最新的已联合签名检查点。联网后由 run 提交。",
    },
    example="tiezheng station check-out station BWC-310 --officer 3205-0147 \\\n"
    "    --officer 3205-0223 --device-time 2026-11-23T08:00:00+08:00",
)
@folder_argument()
@argument(
    "device",
    metavar="DEVICE",
    words={"en": "its name, or the folder where it stands", "zh": "设备名称或其所在文件夹"},
)
@option(
    "--officer",
    "officers",
    required=True,
    multiple=True,
    metavar="NO",
    words={"en": "an officer's certificate; once for each", "zh": "执法证号；每人写一次"},
)
@option(
    "--case",
    "case",
    default="",
    metavar="NO",
    words={"en": "the case number, if it is known by now", "zh": "案号（如已知）"},
)
@option(
    "--device-time",
    default="",
    metavar="TIME",
    words={
        "en": "what the device's clock shows at this moment",
        "zh": "设备时钟此刻显示的时间",
    },
)
@json_option()
def check_out(
    folder: str,
    device: str,
    officers: tuple[str, ...],
    case: str,
    device_time: str,
    as_json: bool,
) -> None:
    from pathlib import Path

    from cli.station import people
    from cli.station.station import open_station
    from ledger.evidence.case_number import parse_case

    with open_station(Path(folder)) as station:
        _follow(station)
        session = people.check_out(
            station,
            _device_root(station, device),
            officers,
            parse_case(case) if case else "",
            device_time,
        )
        weak = bool(session.given["weak"])
    if as_json:
        output.result_json({"device": session.device, "session": session.id})
        return
    output.result(
        say(
            en=f"{session.device} is handed out: session {session.id}",
            zh=f"{session.device} 已领用：{session.id}",
        )
    )
    if not device_time:
        output.note(say(en="its clock was not measured", zh="未校对设备时钟"))
    if weak:
        output.note(
            say(
                en="its card has no identity but a marker, which can be copied",
                zh="存储卡仅凭标记文件识别，该文件可被复制",
            )
        )


@new_command(
    "run",
    words={
        "en": "Watch the docks: read, send and prove what is on every device.\n\n"
        "Runs unattended and may be stopped at any moment; what was begun is finished\n"
        "by the next run. Without a line to the ledger everything else goes on.",
        "zh": "看守各停靠位：读取、上传并证实每台设备上的内容。\n\n"
        "可无人值守，可随时停止，未完成的由下次运行继续。断网时其余工作照常进行。",
    },
    example="tiezheng station run station",
)
@folder_argument()
@option(
    "--once",
    is_flag=True,
    words={
        "en": "end when nothing is left to do now; exit 3 if something has to wait",
        "zh": "当前无事可做即结束；若有事项须等待，退出码 3",
    },
)
@json_option()
def run(folder: str, once: bool, as_json: bool) -> int:
    from cli.station.running import run_station

    return run_station(folder, once, as_json)


@new_command(
    "status",
    words={
        "en": "Say what the station has and what it waits for.",
        "zh": "显示采集站的现状及其所等待的事项。",
    },
    example="tiezheng station status station",
)
@folder_argument()
@json_option()
def status(folder: str, as_json: bool) -> int:
    from pathlib import Path

    from cli.station.screen import Lines
    from cli.station.station import open_station
    from cli.station.view import view

    with open_station(Path(folder)) as station:
        seen = view(station)
    if as_json:
        output.result_json(seen.to_json())
    else:
        Lines().show(seen)
    return output.Exit.DONE if seen.done else output.Exit.UNDECIDED


@new_command(
    "explain",
    words={
        "en": "Close a gap with its cause, signed by the person who knows it.\n\n"
        "GAP is the number that `status` shows. The statement's place in the log shows\n"
        "when the cause was given: a late one cannot look early.",
        "zh": "由知情人签名说明缺口的原因。\n\n"
        "GAP 为 status 所示编号。说明在日志中的位置即其作出的时间，事后补作无法提前。",
    },
    example="tiezheng station explain station 3 --reason battery --key handler-12.key",
)
@folder_argument()
@argument(
    "gap",
    metavar="GAP",
    type=click.IntRange(1),
    words={"en": "the gap's number", "zh": "缺口编号"},
)
@option(
    "--reason",
    "cause",
    required=True,
    type=click.Choice([str(cause) for cause in Cause]),
    words={"en": "the cause", "zh": "原因"},
)
@option(
    "--key",
    "key_file",
    required=True,
    metavar="FILE",
    words={"en": "the person's own registered private key", "zh": "本人已登记的私钥文件"},
)
@option(
    "--sm2-key",
    "sm2_file",
    default="",
    metavar="FILE",
    words={
        "en": "the person's registered SM2 key, to sign with beside --key",
        "zh": "本人已登记的 SM2 私钥文件，与 --key 一并签名",
    },
)
@option("--note", default="", metavar="TEXT", words={"en": "anything else", "zh": "备注"})
@json_option()
def explain(
    folder: str,
    gap: int,
    cause: str,
    key_file: str,
    sm2_file: str,
    note: str,
    as_json: bool,
) -> None:
    from pathlib import Path

    from cli.files import read_key, read_sm2_key
    from cli.station.people import explain_gap
    from cli.station.station import open_station

    keys = [read_key(key_file), *([read_sm2_key(sm2_file)] if sm2_file else [])]
    with open_station(Path(folder)) as station:
        id_ = explain_gap(station, gap, cause, note, *keys)
    if as_json:
        output.result_json({"gap": gap, "id": id_})
        return
    output.result(say(en=f"gap {gap} is explained: {id_}", zh=f"缺口 {gap} 已说明：{id_}"))
    output.note(say(en="the station files it with its next run", zh="由采集站下次运行时提交"))


@new_command(
    "receipt",
    words={
        "en": "Print what a party takes home: a code that proves which recordings were found.\n\n"
        "Speaks of the recordings that the station has read from DEVICE in its last\n"
        "docked session, at most sixteen on a paper. Needs no line to the ledger. Asked\n"
        "later with `tiezheng party-receipt`. Party, case and device stand nowhere on it.",
        "zh": "打印当事人回执：以二维码证明采集站发现了哪些录像。\n\n"
        "涉及采集站在最近一次归还中从 DEVICE 读取的录像，每张至多十六段。无需联网。\n"
        "日后用 tiezheng party-receipt 查询。回执上没有当事人、案号和设备号。",
    },
    example="tiezheng station receipt station BWC-310 --case 苏城管罚〔2026〕417号 \\\n"
    "    --from 2026-11-23T14:00:00+08:00 --to 2026-11-23T14:30:00+08:00 -o receipt.svg",
)
@folder_argument()
@argument("device", metavar="DEVICE", words={"en": "the device's name", "zh": "设备名称"})
@option(
    "--case",
    "case",
    default="",
    metavar="NO",
    words={
        "en": "the case under which they stand; by default the one given at check-out",
        "zh": "录像所属案号；缺省取领用时给出的案号",
    },
)
@option(
    "--from",
    "begins",
    default="",
    metavar="TIME",
    words={"en": "recordings that end at or after this", "zh": "不早于此时结束的录像"},
)
@option(
    "--to",
    "ends",
    default="",
    metavar="TIME",
    words={"en": "recordings that begin at or before this", "zh": "不晚于此时开始的录像"},
)
@option(
    "-o",
    "target",
    default="",
    metavar="FILE",
    words={
        "en": ".svg: a page to print; .png: the code alone; .txt: the code's text",
        "zh": ".svg 为可打印页面，.png 仅二维码，.txt 为二维码文字",
    },
)
@json_option()
def receipt(
    folder: str, device: str, case: str, begins: str, ends: str, target: str, as_json: bool
) -> None:
    from pathlib import Path

    from cli.station import paper
    from cli.station.party import party_receipts
    from cli.station.station import open_station
    from ledger.encoding import format_time, parse_time
    from ledger.evidence.case_number import parse_case

    if target:
        paper.check_kind(target)
    with open_station(Path(folder)) as station:
        receipts = party_receipts(
            station,
            device,
            _slot(parse_case, case),
            parse_time(begins) if begins else None,
            parse_time(ends) if ends else None,
        )
        keyid = station.key.verifier.keyid
    files = paper.names(target, len(receipts))
    for made, file in zip(receipts, files, strict=True):
        if file:
            paper.write_paper(Path(file), made, keyid)
    if as_json:
        rows = [
            {
                "file": file,
                "from": format_time(made.begins_s * 1000),
                "recordings": str(len(made.recordings)),
                "text": made.to_text(),
                "to": format_time(made.ends_s * 1000),
            }
            for made, file in zip(receipts, files, strict=True)
        ]
        output.result_json({"receipts": rows, "station": keyid})
        return
    for made, file in zip(receipts, files, strict=True):
        output.result(paper.terminal(made))
        for line in paper.lines(made, keyid):
            output.result(line)
        output.result(file or made.to_text())


@new_command(
    "clean",
    words={
        "en": "Write what state this machine is in (清洁性检查), for a notary who asks.\n\n"
        "Clock, storage, network, hosts, file system, programs that run: what was read\n"
        "and what could not be, signed by the station's key over the notary's nonce, so\n"
        "that it is no old report. It is the machine's own word, and says so; nothing\n"
        "is judged here. The notary takes it up with `tiezheng notary attach`.",
        "zh": "应公证员要求，出具本机状态报告（清洁性检查）。\n\n"
        "时钟、存储、网络、hosts、文件系统、运行中的程序：读到的与未能读到的均列明，\n"
        "连同公证员给出的随机数由采集站密钥签名，以示并非旧报告。报告为本机自述并如此\n"
        "写明，此处不作判断；由公证员用 tiezheng notary attach 收录。",
    },
    example="tiezheng station clean station --nonce 5f2c… --time-source ntp.ntsc.ac.cn \\\n"
    "    -o machine.json",
)
@folder_argument()
@option(
    "--nonce",
    required=True,
    metavar="HEX",
    words={"en": "what tiezheng notary ask printed", "zh": "tiezheng notary ask 所显示的随机数"},
)
@option(
    "--time-source",
    default="",
    metavar="HOST",
    words={"en": "an NTP server to compare the clock with", "zh": "用于对时的 NTP 服务器"},
)
@option(
    "-o",
    "--output",
    "file",
    required=True,
    metavar="FILE",
    words={"en": "where to write the report", "zh": "报告写入的文件"},
)
@json_option()
def clean(folder: str, nonce: str, time_source: str, file: str, as_json: bool) -> None:
    from cli.station.cleanliness import write_report

    write_report(folder, nonce, time_source, file, as_json)


@new_command(
    "missing",
    words={
        "en": "Ask a ledger what was docked and never deposited, and what sessions lack.\n\n"
        "From the log alone: no station is asked. Every file that a signed manifest\n"
        "names and no evidence of its session answers by name and size, since when,\n"
        "what the station said of it, and the cause that a person signed. Without\n"
        "DEVICE all devices of the month. The ledger's word, without proof.\n\n"
        "Exit code: 0 nothing is missing, 1 something is that nobody has explained.",
        "zh": "向账本查询哪些文件已归还却从未提交，哪些会话不全。\n\n"
        "仅据日志，不询问采集站：已签清单所列、而本次会话没有任何证据（按名称和大小）与之\n"
        "对应的每个文件，自何时起，采集站作何说明，以及有关人员签署的原因。\n"
        "不写 DEVICE 则列出当月全部设备。此为账本的陈述，未附证明。\n\n"
        "退出码：0 无缺失，1 有未说明的缺失。",
    },
    example="tiezheng station missing BWC-310 --month 2026-11 \\\n"
    "    --server https://ledger.example --token-file token",
)
@argument(
    "device",
    metavar="DEVICE",
    required=False,
    default="",
    words={"en": "the device's name", "zh": "设备名称"},
)
@option(
    "--month",
    required=True,
    metavar="MONTH",
    words={
        "en": "in which the sessions began, such as 2026-11",
        "zh": "会话开始的月份，如 2026-11",
    },
)
@server_option()
@token_option()
@json_option()
def missing(device: str, month: str, server: str, token_file: str, as_json: bool) -> int:
    from cli.station.deliveries import show_missing

    return show_missing(device, month, server, token_file, as_json)


for _member in (init, check_out, run, status, explain, receipt, clean, missing):
    assert isinstance(_member, Command)
    command.add_command(_member)


def _device_root(station: Any, device: str) -> Any:
    from pathlib import Path

    if root := station.devices().get(device):
        return root
    docks = [Path(dock) for dock in station.settings.docks]
    for path in (Path(device).absolute(), *(dock / device for dock in docks)):
        if path.parent in docks and path.is_dir():
            return path
    raise Unknown(
        f"no device {device!r} in a dock",
        hints=(f"there are: {', '.join(station.devices()) or 'none'}",),
    )


def _slot(parse_case: Callable[[str], str], case: str) -> str:
    """A case number, or the id of a provisional case as it is."""
    from ledger.encoding import parse_uuid7
    from ledger.errors import Malformed

    if not case:
        return ""
    try:
        return parse_uuid7(case)
    except Malformed:
        return parse_case(case)


def _follow(station: Any) -> None:
    """The newest checkpoint if there is a line; else the last that was checked stands."""
    from api.clients.log_http import HttpLog
    from cli.station.history import check_history
    from ledger.errors import LedgerError
    from storage.public_copy import CHECKPOINT

    log = HttpLog(f"{station.settings.server.rstrip('/')}/log", timeout_s=5.0)
    try:
        note = station.newest_shown(lambda label: log.read(label, CHECKPOINT))
        check_history(station, note, log.read)
        station.follow(note)
    except LedgerError as error:
        output.note(
            say(
                en=f"no new checkpoint to follow: {error}",
                zh=f"没有可跟随的新检查点（{error}）",
            )
        )
    finally:
        log.close()
