"""`tiezheng statistics`: the numbers of a year from the ledger, or counted again from the log."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cli import output
from cli.case.offline import acts_of
from cli.case.words import act_name, kind_name, procedure_title
from cli.command import command as new_command
from cli.command import json_option, option
from cli.files import read_secret
from cli.language import language, pick, say
from cli.output import Exit
from cli.public_log import open_log
from cli.remote import open_client, server_option, token_option
from cli.table import Table, show_table, write_table
from cli.trust import open_trust
from cli.wording import OUTCOMES
from ledger.encoding import printable
from ledger.errors import Malformed, Unavailable
from ledger.process.reports.statistics import Statistics
from ledger.process.reports.yearly import MAX_NUMBERS, Yearly
from ledger.process.tables import format_yuan
from ledger.recount import Recount, recount
from ledger.report import Finding, Outcome

TITLES = {
    "series": {"en": "The series of these acts", "zh": "该年度行为的序列"},
    "log": {"en": "The public log", "zh": "公开日志"},
    "complete": {"en": "No act is left out", "zh": "无遗漏"},
    "act": {"en": "Each act is the one in the log", "zh": "每一行为与日志一致"},
    "packet": {"en": "What your packets show is counted", "zh": "证据包所示行为均已计入"},
    "numbers": {"en": "Every number, counted again", "zh": "各项数字重新计算"},
}
# What `ledger.recount` says, and how it is said in Chinese.
CHINESE = (
    (r"as of (.*): the series over (\d+) entries", r"截至 \1，已在 \2 条中查找该序列"),
    (r"the checkpoint has no quorum", r"检查点未达法定人数"),
    (r"your copy of the log has a hole: (.*)", r"您的日志副本缺少部分文件（\1）"),
    (
        r"your copy has (\d+) entries, and the file is as of (\d+)",
        r"您的副本仅 \1 条，文件截至 \2 条",
    ),
    (
        r"act (\d+) of the series stands in the log, and not in the file",
        r"序列中第 \1 条行为在日志中，文件中没有",
    ),
    (r"(\d+) acts were logged after the file was made", r"文件作成后又有 \1 条行为入日志"),
    (r"no log of that year was read", r"未读到该年度的日志"),
    (r"no act beyond the (\d+) of the file", r"除文件所列 \1 条外，别无其他"),
    (
        r"act (\d+) of the file is gone \((.*)\), and counted nowhere",
        r"文件中第 \1 条已不存在（\2），未计入",
    ),
    (r"act (\d+) of the file: (.*)", r"文件中第 \1 条不符（\2）"),
    (r"(\d+) acts shown, each the one at its place", r"所列 \1 条均与日志相应位置一致"),
    (r"(\d+) acts in (\d+) cases: every number is the same", r"\2 案 \1 条行为，各项数字一致"),
    (
        r"an act of your packet is none of the year's: it was logged outside their series",
        r"您的证据包所示行为未计入该年度：其入日志时未归入该序列",
    ),
    (
        r"(\d+) acts of your packets stand in another year's log or after the file",
        r"证据包所示行为中有 \1 条在其他年度的日志中，或在文件作成之后",
    ),
    (r"(\d+) acts of your packets are among them", r"证据包所示 \1 条行为均在其中"),
    (
        r"(\d+) differ, first (.*): told (.*), counted (.*)",
        r"\1 项不一致，首项 \2：所报 \3，实计 \4",
    ),
)


@new_command(
    "statistics",
    words={
        "en": "Print what an agency did in a year, or count it again from the log.\n\n"
        "The numbers are counted from the acts in the log and typed by nobody; they are\n"
        "due by 31 January. With --acts the acts come too, as a file.\n\n"
        "With --check such a file is held against a copy of the log, offline: each act\n"
        "is the one at its place, none is left out, and the numbers are the same. With\n"
        "--packet each act that a packet shows must be among them: one that was logged\n"
        "outside the year's series is found by nothing else.\n\n"
        "Exit code of --check: 0 passed, 1 failed, 3 undecided, 4 not readable.",
        "zh": "打印某机关年度行政执法统计，或依日志重新计算。\n\n"
        "数字由日志中的行为算出，不经人工填写；应于 1 月 31 日前公布。\n"
        "加 --acts 时另将全部行为写成一个文件。\n\n"
        "--check 将该文件与日志副本离线比对：每一行为与日志一致，无一遗漏，\n"
        "各项数字相同。加 --packet 时，证据包所示的每一行为须在其中：入日志时\n"
        "未归入该年度序列的行为，只有这样才能发现。\n\n"
        "--check 的退出码：0 通过，1 不通过，3 不能判定，4 无法读取。",
    },
    example="tiezheng statistics --agency agency-01 --year 2026 --acts 2026.acts \\\n"
    "    --server https://ledger.example --token-file token\n"
    "tiezheng statistics --check 2026.acts --log copy-of-the-log/ --trust trust/",
)
@option("--agency", metavar="ID", words={"en": "the agency's id", "zh": "机关代号"})
@option("--year", metavar="YEAR", words={"en": "the year", "zh": "年度"})
@option(
    "--acts",
    metavar="FILE",
    words={"en": "write the acts here, for who counts again", "zh": "将全部行为写入此文件，供复核"},
)
@option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    words={
        "en": "write the table here: .csv, .xlsx or .pdf",
        "zh": "将统计表写入此文件，扩展名为 .csv、.xlsx 或 .pdf",
    },
)
@server_option(required=False)
@token_option(required=False)
@option(
    "--check",
    metavar="FILE",
    words={"en": "count the acts of this file again", "zh": "重新计算此文件所列行为"},
)
@option(
    "--log",
    metavar="LOG",
    words={"en": "a copy of the log, or its address", "zh": "日志副本或其网址"},
)
@option(
    "--trust",
    metavar="DIR",
    words={"en": "your own trust folder", "zh": "您自己的信任文件夹"},
)
@option(
    "--packet",
    "packets",
    multiple=True,
    metavar="PACKET",
    words={
        "en": "with --check: its acts must be counted",
        "zh": "与 --check 同用：其所示行为须已计入",
    },
)
@json_option()
def command(
    agency: str | None,
    year: str | None,
    acts: str | None,
    file: str | None,
    server: str | None,
    token_file: str | None,
    check: str | None,
    log: str | None,
    trust: str | None,
    packets: tuple[str, ...],
    as_json: bool,
) -> Exit:
    if check is not None:
        if log is None or trust is None or agency or year or acts or file:
            raise click.UsageError(
                say(
                    en="want --check with --log and --trust, perhaps --packet, and nothing else",
                    zh="--check 须与 --log、--trust（以及 --packet）同用，不与其他选项同用",
                )
            )
        return _check(Path(check), log, trust, packets, as_json)
    if log or trust or packets or not (agency and year and server and token_file):
        raise click.UsageError(
            say(
                en="want --agency, --year, --server and --token-file, or --check",
                zh="须给出 --agency、--year、--server、--token-file，或 --check",
            )
        )
    _fetch(agency, year, acts, file, server, token_file, as_json)
    return Exit.DONE


def _fetch(
    agency: str,
    year: str,
    acts: str | None,
    file: str | None,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    client = open_client(server, token=read_secret(token_file))
    with TemporaryDirectory() as folder:
        target = Path(acts) if acts is not None else Path(folder) / "acts"
        client.acts(agency, year, target, lambda count: None)
        yearly = Yearly.from_bytes(next(lines_of(target), b""))
    if (yearly.agency, yearly.year) != (agency, year):
        raise Malformed("the ledger answered with another agency or year")
    table = _table(yearly)
    if file is not None:
        write_table(table, Path(file))
    if as_json:
        output.result_json({"agency": agency, "year": year, **yearly.numbers.to_json()})
    elif file is None:
        show_table(table)


def _check(path: Path, where: str, trust: str, packets: tuple[str, ...], as_json: bool) -> Exit:
    believed = open_trust(trust)
    try:
        agency = Yearly.from_bytes(next(lines_of(path), b"")).agency
    except Malformed as error:
        # Not that the numbers are wrong: there are none.
        raise Unavailable(f"{str(path)!r} is no file of a year's acts: {error}") from None
    packed = {place for packet in packets for place in acts_of(packet, believed, agency)}
    found = recount(lambda: lines_of(path), open_log(where), believed, packed)
    if as_json:
        output.result_json(found.to_json() | {"trust": believed.hash})
    else:
        output.result("\n".join(_verdict(found)))
    return output.exit_of(found.outcome)


def lines_of(path: Path) -> Iterator[bytes]:
    """Each without its end, and none without bound."""
    try:
        with path.open("rb") as file:
            while line := file.readline(MAX_NUMBERS + 1):
                yield line.removesuffix(b"\n")
    except OSError as error:
        raise Unavailable(f"cannot read {str(path)!r}: {error.strerror}") from None


def _verdict(found: Recount) -> Iterator[str]:
    outcome = pick(OUTCOMES[found.outcome]).upper()
    yield say(en=f"Verdict: {outcome}", zh=f"结论：{outcome}")
    yield say(
        en=f"Acts of {printable(found.yearly.agency)} in {found.yearly.year}",
        zh=f"{printable(found.yearly.agency)} {found.yearly.year} 年度的行为",
    )
    yield from map(finding_line, found.findings)
    yield say(
        en="does not show: that the acts say the truth, who signed them, or that every act was "
        "logged",
        zh="限度：不证明行为的内容真实、由何人签署，也不证明发生过的行为都已入日志",
    )


def finding_line(finding: Finding) -> str:
    mark, title = pick(OUTCOMES[finding.outcome]), pick(TITLES[finding.step])
    about = "" if finding.outcome is Outcome.PASSED else f" {printable(finding.about)}"
    return say(
        en=f"  {title}: {mark}{about}: {_detail(finding)}",
        zh=f"  {title}：{mark}{about}：{_detail(finding)}",
    )


def _detail(finding: Finding) -> str:
    text = printable(finding.detail)
    if language() == "en":
        return text
    for pattern, chinese in CHINESE:
        if (match := re.fullmatch(pattern, text)) is not None:
            return match.expand(chinese)
    return text


def _table(yearly: Yearly) -> Table:
    numbers = yearly.numbers
    columns = (
        say(en="procedure", zh="程序"),
        say(en="act", zh="行为"),
        say(en="cases", zh="案件数"),
        say(en="acts", zh="件次"),
        say(en="amount (yuan)", zh="金额（元）"),
        say(en="kinds", zh="其中"),
        say(en="amounts not read", zh="金额不能识别"),
    )
    about = (
        (say(en="agency", zh="机关"), yearly.agency),
        (say(en="cases", zh="案件数"), str(numbers.cases)),
        (say(en="acts", zh="行为数"), str(numbers.acts)),
        (
            say(en="of these dated in another year", zh="其中所载日期属其他年度"),
            str(numbers.elsewhen),
        ),
        *_lacking(numbers),
        (say(en="log", zh="日志"), _state(yearly)),
    )
    title = say(en=f"Statistics of enforcement {yearly.year}", zh=f"{yearly.year} 年度行政执法统计")
    return Table(title, columns, tuple(_rows(numbers)), about, time.time_ns() // 1_000_000)


def _lacking(numbers: Statistics) -> Iterator[tuple[str, str]]:
    """Case numbers below the last of which no act is logged."""
    for form, row in sorted(numbers.numbering.items()):
        if row.lacking:
            listed = "、".join(map(str, row.missing[:20]))
            listed += "……" if row.lacking > len(row.missing[:20]) else ""
            yield (
                say(en=f"no act of {printable(form)}", zh=f"{printable(form)} 中无任何行为的案号"),
                say(
                    en=f"{row.lacking} of 1 to {row.last}: {listed}",
                    zh=f"1 至 {row.last} 号中 {row.lacking} 个：{listed}",
                ),
            )


def _rows(numbers: Statistics) -> Iterator[tuple[str, ...]]:
    for procedure, acts in sorted(numbers.procedures.items()):
        cases = str(numbers.cases_of[procedure])
        yield procedure_title(procedure), say(en="all", zh="合计"), cases, "", "", "", ""
        for act, count in sorted(acts.items()):
            kinds = "、".join(
                f"{kind_name(kind, act, procedure)} {n}" for kind, n in sorted(count.kinds.items())
            )
            amount = format_yuan(count.fen) if count.fen else ""
            yield (
                procedure_title(procedure),
                act_name(act, procedure),
                str(count.cases),
                str(count.acts),
                amount,
                kinds,
                str(count.unread) if count.unread else "",
            )


def _state(yearly: Yearly) -> str:
    return "、".join(
        say(en=f"{label}, {size} entries", zh=f"{label}，{size} 条")
        for label, size in sorted(yearly.sizes.items())
    )
