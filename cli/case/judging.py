"""`tiezheng case gaps` and `tiezheng case clocks`: how a case stands under its rule packs."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from cli import output
from cli.case import offline
from cli.case.refusal import in_language, lines
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import language, pick, say
from cli.remote import open_client, server_option, token_option
from cli.trust import open_trust
from cli.wording import STAGES
from ledger.encoding import printable
from ledger.evidence.case_number import parse_case
from ledger.process.deadlines.clocks import State
from ledger.process.rules.rulepack import Level
from ledger.report import Bilingual

DESTROYED_FIELDS = ("at", "basis", "entry", "retention", "statements")

STATES: Mapping[str, Bilingual] = {
    State.OVERDUE: {"en": "overdue", "zh": "逾期"},
    State.RUNNING: {"en": "running", "zh": "进行中"},
    State.LATE: {"en": "done too late", "zh": "逾期完成"},
    State.EARLY: {"en": "ended too early", "zh": "期限未满即终止"},
    State.LAPSED: {"en": "the party's time is over", "zh": "当事人期限已过"},
    State.MET: {"en": "met", "zh": "按期完成"},
    State.NOT_STARTED: {"en": "not started", "zh": "未起算"},
}


@new_command(
    "gaps",
    words={
        "en": "Say what a case lacks, stage by stage, by which article, and what cures it.\n\n"
        "It is judged by the rule packs in force when it was opened, and by registers as\n"
        "they stood at each act. What is logged long after it occurred is a late record.\n"
        "A gap refuses no evidence; a serious one keeps the next conclusion waiting.\n\n"
        "With --packet nobody is asked: the packet is verified, and the gaps are counted\n"
        "again from what it proves. That is how an operator who let a conclusion pass is\n"
        "found out.\n\n"
        "What a disposal has destroyed is told beside the gaps, and excuses none.",
        "zh": "分阶段列出案件的缺项和瑕疵：法律条款、补正办法。\n\n"
        "以立案时施行的规则包、各行为时的名册为准。事后很久才入日志的为补录。\n"
        "缺项不影响证据接收；严重的，下一步结论须等待。\n\n"
        "加 --packet 则不询问任何人：先核验证据包，再由其所证明的内容重新统计。\n"
        "运营方放过的结论由此可见。\n\n"
        "已依法销毁的内容另行注明，缺项不因此免除。",
    },
    example="tiezheng case gaps '苏城管罚〔2026〕417号' \\\n"
    "    --server https://ledger.example --token-file token\n"
    "tiezheng case gaps --packet packet.zip --trust trust/",
)
@argument(
    "case",
    metavar="CASE",
    required=False,
    words={"en": "the case number; none with --packet", "zh": "案号；用 --packet 时不写"},
)
@server_option(required=False)
@token_option(required=False)
@option(
    "--packet",
    "packet",
    metavar="PACKET",
    words={"en": "count from this packet, offline", "zh": "离线，由该证据包统计"},
)
@option(
    "--trust",
    metavar="DIR",
    words={
        "en": "your own folder of whom you believe, to verify the packet with",
        "zh": "您自己的信任文件夹，用于核验证据包",
    },
)
@json_option()
def gaps(
    case: str | None,
    server: str | None,
    token_file: str | None,
    packet: str | None,
    trust: str | None,
    as_json: bool,
) -> None:
    if packet is not None and trust is not None and case is None:
        answer = offline.standing(packet, open_trust(trust), time.time_ns() // 1_000_000)
    elif packet is None and case is not None and server is not None and token_file is not None:
        client = open_client(server, token=read_secret(token_file))
        answer = client.judged(parse_case(case), "gaps")
    else:
        raise click.UsageError(
            say(
                en="want CASE with --server and --token-file, or --packet with --trust",
                zh="须写 CASE 及 --server、--token-file，或者 --packet 及 --trust",
            )
        )
    if as_json:
        output.result_json(answer)
        return
    _show_packs(answer)
    found = answer["gaps"]
    for stage, words in STAGES.items():
        rows = [row for row in found if row.get("stage") == stage]
        if rows:
            output.result(pick(words).capitalize())
            for row in rows:
                output.result("\n".join(lines(row)))
    counts = [sum(row.get("level") == level for row in found) for level in Level]
    output.result(
        say(
            en="{} serious, {} ordinary, {} notice",
            zh="严重 {} 项，一般 {} 项，提示 {} 项",
        ).format(*counts)
    )
    for line in _destroyed(answer):
        output.result(line)


@new_command(
    "clocks",
    words={
        "en": "Say what must be done in a case, and until when.\n\n"
        "Which day counts, and whether days are working days, follows from the statute\n"
        "of each clock. Where no list of days off is registered for a year, weekends\n"
        "alone are counted, and the line says so.",
        "zh": "列出案件的各项期限：何时起算、何时届满、是否已办。\n\n"
        "期间如何计算、是否按工作日，依各期限所依据的法律。某年度没有登记放假安排的，\n"
        "只计周末，并予注明。",
    },
    example="tiezheng case clocks '苏城管罚〔2026〕417号' \\\n"
    "    --server https://ledger.example --token-file token",
)
@argument("case", metavar="CASE", words={"en": "the case number", "zh": "案号"})
@server_option()
@token_option()
@json_option()
def clocks(case: str, server: str, token_file: str, as_json: bool) -> None:
    client = open_client(server, token=read_secret(token_file))
    answer = client.judged(parse_case(case), "clocks")
    if as_json:
        output.result_json(answer)
        return
    _show_packs(answer)
    order = list(STATES)
    known = [row for row in answer["clocks"] if row.get("state") in order]
    for row in sorted(known, key=lambda row: (order.index(row["state"]), str(row.get("due", "")))):
        output.result(_clock(row))
    for line in _destroyed(answer, gaps=False):
        output.result(line)


def _show_packs(answer: dict[str, Any]) -> None:
    for row in answer["packs"]:
        title = in_language(row, "title")
        # Its digest as published: another content may bear the same version.
        name = f"{row.get('pack', '')} {row.get('version', '')}"
        output.result(f"{title}  {name}  SHA-256 {row.get('sha256', '')}")
    if not answer["packs"]:
        output.note(
            say(
                en="no rule pack judges this case: none is in force, or no act names one",
                zh="没有规则包适用于本案：无现行规则包，或没有行为写明所属程序",
            )
        )


def _destroyed(answer: dict[str, Any], *, gaps: bool = True) -> Iterator[str]:
    for row in answer.get("destroyed") or []:
        texts = {field: printable(str(row.get(field, ""))) for field in DESTROYED_FIELDS}
        by = say(en=" and ", zh="、").join(printable(str(one)) for one in row.get("by", []))
        yield say(
            en="Destroyed by the disposal {entry}, logged {at}, by {by}, under the retention class "
            "{retention} ({basis}): {statements} of the statements of this case.",
            zh="本案 {statements} 份陈述已由销毁记录 {entry}（{at} 入日志）经 {by} 按保管期限 "
            "{retention} 销毁（{basis}）。",
        ).format_map(texts | {"by": by})
    if gaps and answer.get("destroyed"):
        yield say(
            en="What is missing may be among them: that excuses no gap.",
            zh="所缺内容可能在其中；缺项不因此免除。",
        )


def _clock(row: dict[str, Any]) -> str:
    law = f"{row.get('statute', '')} {row.get('article', '')}"
    text = f"{STATES[row['state']][language()]}  {in_language(row, 'name')}"
    if number := row.get("measure"):
        text += say(en=f"  measure {number}", zh=f"  措施编号 {number}")
    if "due" in row:
        text += say(en=f"  until {row['due']}", zh=f"  至 {row['due']}")
    if row.get("counted") == "weekends":
        text += say(en=" (weekends alone counted)", zh="（只计周末）")
    if row.get("memory") == "yes":
        law += say(en=", from memory", zh="，凭记忆")
    return f"{text}  [{law}]"
