"""`tiezheng case-review compare`: whether the list of a review has every case that it must have."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import output
from cli.command import F, argument, json_option, option, trust_option
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import say
from cli.output import Exit
from cli.own_cases import RegisterCases, register_cases
from cli.public_log import open_log
from cli.remote import open_client, server_option, token_option
from cli.review_folder import Fixed, open_fixed, open_openings
from cli.statistics import finding_line, lines_of
from cli.trust import open_trust
from ledger.encoding import printable
from ledger.errors import Rejected, Unavailable
from ledger.evidence.place import Place
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust
from ledger.process.reports.drawing import ReviewList
from ledger.process.reports.yearly import Yearly
from ledger.recount import recount
from ledger.report import Finding, Outcome, worst

if TYPE_CHECKING:
    from api.clients.ledger import LedgerClient

Numbered = Mapping[str, Place]  # cases, and since where in the log they have their number


def folder_argument(function: F) -> F:
    words = {"en": "the review's folder", "zh": "评查文件夹"}
    return argument("folder", metavar="DIR", words=words)(function)


@new_command(
    "compare",
    words={
        "en": "Compare the list in DIR with the cases of the year.\n\n"
        "A case that had its number in the log before the list and is not in it was\n"
        "left out. For the reviewer, who has the openings. With --server the cases are\n"
        "those that the ledger tells; with --acts and --log those of all acts of the\n"
        "year (tiezheng statistics --acts), each proved and none left out: offline,\n"
        "and nobody's word. A case of another agency, in which this one acted, is not\n"
        "listed. The acts do not show whose a case is: with --server too the ledger\n"
        "says so, and each is named; without, it is told as left out.\n\n"
        "Exit code: 0 the same, 1 a case was left out or is not of the year, 3 the acts\n"
        "do not show it, or a case is named as another agency's: look into its list.",
        "zh": "将 DIR 中的名单与该年度的案件对照。\n\n"
        "案号先于名单入日志、却不在名单之内的案件，即为漏列。由持有 openings 的评查人使用。\n"
        "用 --server 时以账本所答的台账为准；用 --acts 和 --log 时以该年度全部行为为准\n"
        "（tiezheng statistics --acts），逐一核验、无一遗漏，可离线进行，无须听信任何人。\n"
        "本机关曾有行为而属其他机关的案件不列入名单。行为本身不显示案件归属：同时给出\n"
        "--server 时以账本所答为准并逐案列明；未给出时一律报为漏列。\n\n"
        "退出码：0 一致，1 有漏列，或名单所列案件不属该年度，3 所列行为不足以判定，或有案件据称\n"
        "属其他机关（请查其名单）。",
    },
    example="tiezheng case-review compare review --trust trust/ \\\n"
    "    --acts 2026.acts --log copy-of-the-log/",
)
@folder_argument
@trust_option()
@option(
    "--acts",
    metavar="FILE",
    words={"en": "all acts of the year, as a file", "zh": "该年度全部行为的文件"},
)
@option(
    "--log",
    metavar="LOG",
    words={"en": "a copy of the log, or its address", "zh": "日志副本或其网址"},
)
@server_option(required=False)
@token_option(required=False)
@json_option()
def compare(
    folder: str,
    trust: str,
    acts: str | None,
    log: str | None,
    server: str | None,
    token_file: str | None,
    as_json: bool,
) -> Exit:
    path, believed = Path(folder), open_trust(trust)
    # Where the list stands decides which cases may lack in it: checked, and not read from a file.
    fixed = open_fixed(path, believed)
    listed = set(open_openings(path, fixed.listed))
    findings: Sequence[Finding] = ()
    agency, year = fixed.listed.agency, fixed.listed.year
    told = None
    if server and token_file:
        told = review_cases(open_client(server, token=read_secret(token_file)), agency, year)
    if acts is not None and log is not None:
        numbered, findings = _proved(Path(acts), log, believed, fixed)
    elif acts is None and log is None and told is not None:
        numbered = told.own
    else:
        raise click.UsageError(
            say(
                en="want --server and --token-file, or --acts and --log, or all four",
                zh="须给出 --server、--token-file，或 --acts、--log，也可四项同用",
            )
        )
    elsewhere = {} if told is None else dict(told.elsewhere)
    shown = worst(finding.outcome for finding in findings) if findings else None
    before = {case for case, place in numbered.items() if place < fixed.place}
    left_out = sorted(before - listed - elsewhere.keys())
    strange = sorted(listed - (numbered.keys() - elsewhere.keys()))
    if shown is not None and shown is not Outcome.PASSED:
        strange = []  # it may stand in an act that the file lacks
    others = {case: whose for case, whose in sorted(elsewhere.items()) if case not in listed}
    if as_json:
        rows = [{"case": case, "owner": whose} for case, whose in others.items()]
        proved = {} if shown is None else {"acts": str(shown)}
        output.result_json({"elsewhere": rows, "left_out": left_out, "unknown": strange, **proved})
    else:
        output.result("\n".join(_lines(len(listed), left_out, strange, others, findings)))
    if left_out or strange:
        return Exit.FAILED
    if shown in (None, Outcome.PASSED):
        # Who has it spoken of by another agency first could keep a case out of both lists.
        return Exit.UNDECIDED if others else Exit.DONE
    return output.exit_of(shown)


def _lines(
    count: int,
    left_out: list[str],
    strange: list[str],
    others: Mapping[str, str],
    findings: Sequence[Finding],
) -> list[str]:
    lines = [say(en=f"left out: {case}", zh=f"漏列：{case}") for case in left_out]
    lines += [say(en=f"not of the year: {case}", zh=f"不属该年度：{case}") for case in strange]
    odd = [finding_line(one) for one in findings if one.outcome is not Outcome.PASSED]
    if not lines and not odd:
        lines = [say(en=f"{count} cases, none left out", zh=f"{count} 案，无漏列")]
    lines += [
        say(
            en=f"another agency's, as the ledger tells: {printable(case)} ({printable(whose)})",
            zh=f"据账本所答属其他机关：{printable(case)}（{printable(whose)}）",
        )
        for case, whose in others.items()
    ]
    return lines + odd


def review_cases(client: "LedgerClient", agency: str, year: int) -> RegisterCases:
    """The agency's own cases that have a number; what was lost cannot be listed. What two persons
    had destroyed is no case file to review: its disposal stands in the log."""
    found = register_cases(client, agency, str(year))
    if found.lost:
        raise Unavailable(f"{found.lost} acts of that year are lost: the list would lack cases")
    return found


def _proved(
    path: Path, where: str, believed: Trust, fixed: Fixed
) -> tuple[Numbered, Sequence[Finding]]:
    """From the acts of the year, of which none may lack (`ledger.recount`)."""
    yearly = Yearly.from_bytes(next(lines_of(path), b""))
    wanted = _of(fixed.listed)
    if (yearly.agency, yearly.year) != wanted:
        raise Rejected(f"want the acts of {wanted}, got those of {(yearly.agency, yearly.year)}")
    label = fixed.place.log
    if label[:4] == yearly.year and yearly.sizes.get(label, 0) <= fixed.place.index:
        raise Rejected(
            "the acts were taken from the log before the list was fixed",
            hints=("tiezheng statistics --acts …, anew",),
        )
    numbered: dict[str, Place] = {}

    def each(place: Place, statement: Statement) -> None:
        if statement.case is not None:
            numbered.setdefault(statement.case, place)

    found = recount(lambda: lines_of(path), open_log(where), believed, each=each)
    return numbered, found.findings


def _of(listed: ReviewList) -> tuple[str, str]:
    return listed.agency, f"{listed.year:04}"
