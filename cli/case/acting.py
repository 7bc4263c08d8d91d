"""`tiezheng case act`, and the three conclusions: `decide`, `serve-document`, `close`.

The signed act is sent before its documents: where its gate is shut, the ledger says so before a
byte of them has gone there, and nothing is logged.
"""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.case.refusal import refused
from cli.case.remarks import remarks
from cli.case.timecode import read_timecode
from cli.command import command as new_command
from cli.command import json_option, option, together
from cli.deposit import MAX_DOCUMENTS, Filing
from cli.filing_options import (
    keep_answers_option,
    note_unchecked,
    officers_option,
    sm2_key_option,
)
from cli.language import say
from cli.remote import own_key_option, own_trust_option, server_option
from cli.rules.shipped import shipped
from cli.trust import open_trust
from ledger.encoding import parse_uuid7
from ledger.errors import LedgerError
from ledger.evidence.case_number import parse_case
from ledger.evidence.statement import Stage
from ledger.process.judging.gated import Gated
from ledger.process.rules.rulepack import Conclusion, RulePack
from ledger.report import Bilingual

# Of all four, as their help pages show them; the conclusions know their stage.
_WHICH = together(
    option("--case", metavar="NO", words={"en": "the case number", "zh": "案号"}),
    option(
        "--provisional",
        metavar="ID",
        words={
            "en": "the id of the opening, while the case has no number",
            "zh": "案件尚无案号时：开启陈述的编号",
        },
    ),
    option(
        "--act",
        required=True,
        metavar="NAME",
        words={
            "en": "which act, by its name in the rule pack",
            "zh": "执法行为，写规则包中的标识",
        },
    ),
    option(
        "--procedure",
        required=True,
        metavar="PACK",
        words={
            "en": "of which procedure: ordinary, summary, …",
            "zh": "所属程序：ordinary、summary 等",
        },
    ),
)

_STAGE = option(
    "--stage",
    required=True,
    type=click.Choice([str(stage) for stage in Stage]),
    words={"en": "of the procedure", "zh": "程序阶段"},
)

_WHAT = together(
    option(
        "--occurred",
        required=True,
        metavar="TIME",
        words={
            "en": "when it was done, or began: 2026-11-23T15:00:00+08:00",
            "zh": "办理或开始的时间：2026-11-23T15:00:00+08:00",
        },
    ),
    option(
        "--until",
        metavar="TIME",
        words={"en": "when it ended, if it took time", "zh": "结束时间（如有）"},
    ),
    option(
        "--doc",
        "documents",
        multiple=True,
        metavar="FILE",
        words={"en": "a document of it; up to 8", "zh": "文书；至多 8 份"},
    ),
    option(
        "--about",
        "abouts",
        multiple=True,
        metavar="ID",
        words={
            "en": "an earlier statement that it is about, instead of a document",
            "zh": "所针对的在先陈述（编号），可代替文书",
        },
    ),
    officers_option(),
    option(
        "--auxiliary",
        "auxiliaries",
        multiple=True,
        metavar="NO",
        words={"en": "auxiliary staff who helped; once for each", "zh": "辅助人员；每人写一次"},
    ),
    option(
        "--fact",
        "facts",
        multiple=True,
        metavar="NAME=TEXT",
        words={
            "en": "what the rule pack wants stated; once for each",
            "zh": "规则包要求写明的事实；每项写一次",
        },
    ),
    option(
        "--timecode",
        "timecodes",
        multiple=True,
        metavar="ITEM@MM:SS=WORD[:NOTE]",
        words={
            "en": "where a recording shows something: its file or SHA-256, from when\n"
            "(or from-until), and the rule pack's word, such as show_id;\n"
            "=WORD:NOTE says in words what is seen, as a recording that\n"
            "stands in for a written record needs (medium=recording)",
            "zh": "录像中何处可见何事：文件或 SHA-256，起（或起-止）时刻，规则包用词，\n"
            "如 show_id；以录像代替笔录的（medium=recording），须写作 =用词:说明，\n"
            "用文字说明所见内容",
        },
    ),
    option("--note", metavar="TEXT", words={"en": "anything else", "zh": "备注"}),
)

_HOW = together(
    own_key_option(),
    sm2_key_option(),
    server_option(),
    own_trust_option(),
    keep_answers_option(),
    json_option(),
)


@new_command(
    "act",
    words={
        "en": "File an act of a procedure: its documents, crew, stage, time and facts.\n\n"
        "A defect in law is no reason to refuse it: tiezheng case gaps shows what lacks.\n"
        "Only a conclusion waits for what its rule pack wants before it.\n"
        "A recording that stands in for a written record needs its time-codes.",
        "zh": "登记程序中的一项执法行为：文书、人员、阶段、时间、事实。\n\n"
        "法律上的瑕疵不是拒收的理由，所缺事项由 tiezheng case gaps 列出。\n"
        "只有结论须待规则包要求的在先记录齐备。\n"
        "以音像代替笔录的，须写明时间段索引。",
    },
    example="tiezheng case act --act inspection_record --procedure ordinary \\\n"
    "    --stage investigate --case '苏城管罚〔2026〕417号' \\\n"
    "    --occurred 2026-11-23T15:00:00+08:00 \\\n"
    "    --doc 现场检查笔录.pdf --officer 320501-0417 --officer 320501-0418 \\\n"
    "    --timecode BWC_0088.MP4@01:01-01:15=show_id --key handler-12.key \\\n"
    "    --server https://ledger.example --trust trust/",
)
@together(_WHICH, _STAGE, _WHAT, _HOW)
def act(stage: str, **given: Any) -> int:
    return _file(stage, **given)


def _conclusion(
    name: str, conclusion: Conclusion, stage: Stage, words: Bilingual, example: str
) -> click.Command:
    @new_command(name, words=words, example=example)
    @together(_WHICH, _WHAT, _HOW)
    def conclude(**given: Any) -> int:
        ended = _file(str(stage), conclusion, **given)
        if ended == output.Exit.DONE:
            _tell_of_no_gate(str(given["procedure"]), str(given["act"]))
        return ended

    return conclude


def _tell_of_no_gate(procedure: str, act: str) -> None:
    """Of an agency without rule packs a name that is typed wrong is logged like any other."""
    text = shipped().get(procedure)
    if text is not None and RulePack.from_text(text).conclusion(act) is None:
        output.note(
            say(
                en=f"{act!r} is no conclusion of the rule pack {procedure!r} that comes with this "
                "program: is it spelled as there? tiezheng case gaps tells",
                zh=f"本程序附带的规则包 {procedure!r} 中没有结论 {act!r}，可能未经审查即已登记；"
                "请核对名称，并用 tiezheng case gaps 查看",
            )
        )


def _example(name: str, act_name: str, document: str) -> str:
    return (
        f"tiezheng case {name} --act {act_name} --procedure ordinary \\\n"
        "    --case '苏城管罚〔2026〕417号' --occurred 2026-12-20T10:00:00+08:00 \\\n"
        f"    --doc {document} --officer 320501-0417 --officer 320501-0418 \\\n"
        "    --key handler-12.key --server https://ledger.example --trust trust/"
    )


decide = _conclusion(
    "decide",
    Conclusion.DECIDE,
    Stage.DECIDE,
    {
        "en": "Log a decision, if what must stand before it is in the log.\n\n"
        "The ledger is asked before the document is sent. If the gate is shut, nothing\n"
        "is logged, and a page says what lacks, by which article, and what cures it.",
        "zh": "登记决定：须在先的记录均已入日志的，方予登记。\n\n"
        "先询问账本，再发送文书。不具备条件的，不登记任何内容，并列明所缺事项、\n"
        "法律条款和补正办法。",
    },
    _example("decide", "penalty_decision", "行政处罚决定书.pdf"),
)

serve_document = _conclusion(
    "serve-document",
    Conclusion.SERVE,
    Stage.SERVE,
    {
        "en": "Log that a decision was served, if it may be.\n\n"
        "As tiezheng case decide: asked first, refused with the article, and nothing\n"
        "half done. Proof of service is filed as evidence at any time.",
        "zh": "登记送达：具备条件的，方予登记。\n\n"
        "与 tiezheng case decide 相同：先询问，不具备条件的列明条款，不留半截内容。\n"
        "送达凭证可随时作为证据提交。",
    },
    _example("serve-document", "service_return", "送达回证.pdf"),
)

close = _conclusion(
    "close",
    Conclusion.CLOSE,
    Stage.ENFORCE,
    {
        "en": "Log that a case is closed, if it may be.\n\n"
        "As tiezheng case decide: asked first, refused with the article, and nothing\n"
        "half done.",
        "zh": "登记结案：具备条件的，方予登记。\n\n"
        "与 tiezheng case decide 相同：先询问，不具备条件的列明条款，不留半截内容。",
    },
    _example("close", "case_closing", "结案审批表.pdf"),
)


def _file(
    stage: str,
    conclusion: str = "",
    *,
    documents: tuple[str, ...],
    abouts: tuple[str, ...],
    key_file: str,
    sm2_file: str | None,
    server: str,
    trust: str | None,
    keep: str | None,
    as_json: bool,
    **said: Any,
) -> int:
    _check_subjects(documents, abouts)
    fields = _fields(stage, **said)
    filing = Filing(server, key_file, open_trust(trust) if trust else None, keep, sm2_file=sm2_file)
    about = [parse_uuid7(id_) for id_ in abouts]
    try:
        row = filing.act([Path(name) for name in documents], about, fields, conclusion)
    except Gated as error:
        return refused(error, as_json=as_json)
    except LedgerError as error:
        return output.refusal(error)
    _tell(row, fields, checked=trust is not None, as_json=as_json)
    return output.Exit.DONE


def _fields(
    stage: str,
    *,
    case: str | None,
    provisional: str | None,
    occurred: str,
    until: str | None,
    facts: tuple[str, ...],
    timecodes: tuple[str, ...],
    **more: Any,
) -> dict[str, Any]:
    """What the act states; nothing of what was not given."""
    fields: dict[str, Any] = {
        **{name: list(v) if isinstance(v, tuple) else v for name, v in more.items() if v},
        **_case_of(case, provisional),
        "stage": stage,
        "occurred": {"from": occurred, "to": until or occurred},
    }
    if facts:
        fields["facts"] = _facts(facts)
    if timecodes:
        fields["timecodes"] = [read_timecode(text).to_json() for text in timecodes]
    return fields


def _tell(row: dict[str, Any], fields: dict[str, Any], *, checked: bool, as_json: bool) -> None:
    if as_json:
        output.result_json({"statements": [row]})
    else:
        files = f"  {', '.join(row['files'])}" if row["files"] else ""
        output.result(f"{row['log']}-{row['index']}  {row['id']}  {fields['act']}{files}")
    if not checked:
        note_unchecked()
    for remark in remarks(str(fields["procedure"]), str(fields["act"]), fields.get("facts", {})):
        output.note(remark)


def _check_subjects(documents: tuple[str, ...], abouts: tuple[str, ...]) -> None:
    count = len(documents) + len(abouts)
    if not 0 < count <= MAX_DOCUMENTS:
        raise click.UsageError(
            say(
                en=f"want 1 to {MAX_DOCUMENTS} of --doc and --about together, got {count}",
                zh=f"--doc 与 --about 合计须有 1 至 {MAX_DOCUMENTS} 个，现有 {count} 个",
            )
        )


def _case_of(case: str | None, provisional: str | None) -> dict[str, str]:
    if case is None and provisional is None:
        raise click.UsageError(
            say(en="want --case or --provisional", zh="须写 --case 或 --provisional")
        )
    fields = {"case": parse_case(case)} if case is not None else {}
    return fields | ({"provisional": parse_uuid7(provisional)} if provisional is not None else {})


def _facts(given: tuple[str, ...]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or name in facts:
            message = say(
                en=f"want each fact once as NAME=TEXT, got {text!r}",
                zh=f"每项事实须写作 名称=内容，且只写一次：{text!r}",
            )
            raise click.BadParameter(message, param_hint="--fact")
        facts[name] = value
    return facts
