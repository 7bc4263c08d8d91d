"""Why a disposal is refused, in the reader's language."""

import re

from cli import output
from cli.language import say
from ledger.errors import LedgerError

REFUSED: tuple[tuple[str, str], ...] = (
    (r"statement (\S+) is under a legal hold: (.*)", r"陈述 \1 已被保全：\2"),
    (r"the case is open: nothing of it is destroyed", "案件未结，不得销毁"),
    (r"the retention class '(\w+)' keeps this until (\S+)", r"保管期限（\1）未满：保管至 \2"),
    (r"the retention class '(\w+)' keeps this for ever", r"保管期限（\1）为永久"),
    (
        r"want the retention class '(\w+)' for this case, got '(\w+)'",
        r"本案应适用的保管期限为 \1，而非 \2",
    ),
    (r"the retention class '(\w+)' is for a case", r"保管期限（\1）只适用于案件"),
    (
        r"the retention class '(\w+)' is for records of which no case was made",
        r"保管期限（\1）只适用于未立案的记录",
    ),
    (r"no class '(.*)' in the retention list of version '(.*)'", r"保管期限表（\2）中没有 \1"),
    (r"no retention list of '(.*)' is in force", r"\1 没有有效的保管期限表，不得销毁"),
    (
        r"a complaint has just come: what it is about is being held",
        "刚收到投诉，正在保全相关内容，请稍后再试",
    ),
    (r"want (\d+) persons, signed by (\d+)", r"须由 \1 人签名，现有 \2 人"),
    (r"(\S+) has signed (?:it already|twice)", r"\1 已经签名，须由另一人签名"),
    (r"statement (\S+) is destroyed already", r"陈述 \1 已经销毁"),
    (
        r"statement (\S+) is not of the case that the disposal names",
        r"陈述 \1 不属于销毁记录所写的案件",
    ),
    (r"statement (\S+) has another commitment in the log", r"陈述 \1 与日志中的承诺值不符"),
    (r"a statement of kind (\w+) is never destroyed", r"此类陈述（\1）一律不得销毁"),
    (
        r"an item of (\d+) bytes is kept in plain, and its store keeps it until (\S+)",
        r"一件 \1 字节的原件以明文保存，存储须保留至 \2，不能销毁",
    ),
    (r"statement (\S+) goes by the disposal (\S+)", r"陈述 \1 已由销毁记录 \2 列明"),
    (
        r"statement (\S+) is a complaint, for which (\d+) statements are held",
        r"陈述 \1 是投诉，据其保全的 \2 份陈述尚未解除",
    ),
    (
        r"statement (\S+) is wanted by (\S+) of (.*), which stays",
        r"\3 的陈述 \2 须用到陈述 \1，且不在销毁之列",
    ),
    (
        r"what says that the case grew from (\S+) goes with the last of that",
        r"说明本案由临时案件 \1 转来的陈述，须与其余内容最后一并销毁",
    ),
    (r"the closing of a case goes with the last of it", "结案记录须与该案其余内容最后一并销毁"),
    (r"the case went on as (.*), at '(.*)'", r"该案已由 \2 以案号 \1 办理"),
    (r"the case has the number (.*) by now: name that", r"该案已有案号 \1，须写明案号"),
)


def refusal(refused: LedgerError) -> output.Exit:
    message = str(refused)
    for pattern, chinese in REFUSED:
        if found := re.fullmatch(pattern, message):
            zh = found.expand(chinese)
            output.error(refused.code, say(en=message, zh=zh), refused.hints)
            return output.exit_after(refused)
    return output.refusal(refused)
