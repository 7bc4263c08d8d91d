"""`tiezheng inspect`: what a file is and says, for a person. It verifies nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cli import output
from cli.command import argument, json_option
from cli.command import command as new_command
from cli.explain import Explained, Field, explain
from cli.explain.words import KEPT, KINDS, LABELS, WORDS
from cli.language import pick, say
from cli.wording import when
from ledger.encoding import printable


@new_command(
    "inspect",
    words={
        "en": "Say what a file is, in words.\n\n"
        "Takes packets, trust folders, logs and their files, and what others make\n"
        "by the same standards: signed notes, keys, checkpoints, proofs, policies,\n"
        "tiles and requests of C2SP logs, DSSE envelopes and in-toto statements, BagIt\n"
        "bags (folder or zip), RFC 3161 time stamps (DER or PEM).\n\n"
        "Nothing is verified, no checksum is computed, and a private key is never\n"
        "shown.\n\n"
        "Exit code: 0 explained, 1 not a format that it knows or too damaged to\n"
        "explain, 2 wrong usage, 4 not readable.",
        "zh": "用文字说明一个文件是什么。\n\n"
        "可用于证据包、信任文件夹、日志及其中的文件，也可用于他人按同样标准制作的文件：\n"
        "C2SP 日志的签名文本、密钥、检查点、证明、策略、瓦片和请求，DSSE 信封，\n"
        "in-toto 声明，BagIt 包（文件夹或 zip），RFC 3161 时间戳（DER 或 PEM）。\n\n"
        "不作任何核验，不计算校验和；绝不显示私钥。\n\n"
        "退出码：0 已说明，1 不是所知格式或损坏过重，2 用法不对，4 无法读取。",
    },
    example="tiezheng inspect packet/data/statements/2026-3.dsse.json\n"
    "tiezheng inspect answer.tsr --lang zh",
)
@argument("path", metavar="PATH", words={"en": "a file or folder", "zh": "文件或文件夹"})
@json_option()
def command(path: str, as_json: bool) -> None:
    explained = explain(Path(path))
    if as_json:
        output.result_json(_json(path, explained))
        return
    output.result(_text(path, explained))


def _json(path: str, explained: Explained) -> dict[str, Any]:
    what, not_shown, defined_in = KINDS[explained.kind]
    return {
        "defined_in": defined_in,
        "fields": [_json_field(field) for field in explained.fields],
        "kind": explained.kind,
        "not_shown": pick(not_shown),
        "path": path,
        "v": 1,
        "verified": "nothing",
        "what": pick(what),
    }


def _json_field(field: Field) -> dict[str, Any]:
    value: dict[str, Any] = {"name": field.name, "value": field.value}
    if field.parts:
        value["parts"] = [_json_field(part) for part in field.parts]
    return value


def _text(path: str, explained: Explained) -> str:
    what, not_shown, defined_in = KINDS[explained.kind]
    colon = say(en=": ", zh="：")
    defined = say(en=f"  form defined in: {defined_in}", zh=f"  格式标准：{defined_in}")
    return "\n".join(
        [
            f"{printable(path)}{colon}{pick(what)}",
            *([defined] if defined_in else []),
            *_lines(explained.fields, "  "),
            say(en=f"Does not prove: {pick(not_shown)}.", zh=f"不证明：{pick(not_shown)}。"),
            say(en="Nothing here was verified.", zh="以上内容均未经核验。"),
        ]
    )


def _lines(fields: Sequence[Field], indent: str) -> Iterator[str]:
    colon = say(en=": ", zh="：")
    for field in fields:
        value = _value(field.name, field.value)
        yield f"{indent}{pick(LABELS[field.name])}{colon if value else ''}{value}"
        yield from _lines(field.parts, indent + "  ")


def _value(name: str, value: str) -> str:
    words = WORDS.get(name, {}).get(value)
    if words is None:
        return when(value)
    if name not in KEPT:
        return pick(words)
    return say(en=f"{pick(words)} ({value})", zh=f"{pick(words)}（{value}）")
