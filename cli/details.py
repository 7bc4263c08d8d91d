"""What an error says in its parentheses, in Chinese: the details that people meet most.

Here stand those of handlers, registrars and supervisors; the other `details_*` have the rest.
An error says which check refused and, in English, what was wanted and what came. What is not
here keeps its English.
"""

import re

from cli.details_files import FILES
from cli.details_hints import HINTS
from cli.details_keys import KEYS
from cli.details_offices import OFFICES
from cli.details_packs import PACKS
from cli.matching import Words, matched
from cli.refused import REFUSED

_CONCLUSIONS = {"decide": "决定", "serve": "送达", "close": "结案"}
MOST = 2_000  # characters, and places in front: a server may send anything
MOST_PLACES = 8


def in_chinese(detail: str) -> str:
    if len(detail) > MOST or detail.count(": ") > MOST_PLACES:
        return detail
    return matched((*CATALOGUE, *REFUSED, *_WHERE), detail) or detail


def _gate(match: re.Match[str]) -> str:
    known = "没有" if match[3] == "none" else match[3].replace(", ", "、")
    return f"{match[1]} 不是可以{_CONCLUSIONS[match[2]]}的行为；可用：{known}"


def _listed(words: str) -> str:
    return words.replace("'", "").replace(", ", "、")


_DETAILS: tuple[tuple[str, Words], ...] = (
    # conclusions: docs/process.md, gates
    (r"'(\w+)' has to wait: (\d+) rules? (?:is|are) not met", r"\1：\2 项不符"),
    (r"'(\w+)' is no act of '[^']*' that can (decide|serve|close): no .*; there are (.*)", _gate),
    (
        r"no rule pack '(\w+)' of '([^']*)' was in force when the case was opened",
        r"案件启动时，\2 没有现行的规则包 \1",
    ),
    (r"the rule pack '(\w+)' has no conclusion '(\w+)'", r"规则包 \1 中没有结论 \2"),
    (r"'(\w+)' names no procedure, and '([^']*)' has rule packs", r"\1 未写明所属程序"),
    (
        r"'(\w+)' concludes what was never opened: want one of (.*) before it",
        lambda m: f"{m[1]} 之前须有 {_listed(m[2])}",
    ),
    (
        r"case '(.*)' is of '([^']*)', not of '([^']*)'",
        r"案件 \1 属于 \2，不属于 \3",
    ),
    # cases and agencies
    (
        r"case number '(.*)' is not spelled as any of \[(.*)\]",
        lambda m: f"案号“{m[1]}”不合登记的格式：{_listed(m[2])}",
    ),
    (
        r"want a case number with one year such as 〔2026〕, got '(.*)'",
        r"“\1”不是案号，须含年份，如 〔2026〕",
    ),
    (r"want a case number of at most (\d+) characters in NFC", r"案号为 1 至 \1 字（NFC 形式）"),
    (
        r"want no spaces, slashes or invisible characters, got '(.*)'",
        r"案号不得含空格、斜线、不可见字符，现为“\1”",
    ),
    (r"no statement of case '(.*)' is logged", r"日志中没有案件“\1”的陈述"),
    (r"want an agency's id, got '(.*)'", r"机关标识不得为“\1”"),
    (r"no agency '(.*)' is registered here", r"此处没有登记机关 \1"),
    (r"no act of '(.*)' is logged in (\d+)", r"日志中没有 \1 在 \2 年的行为"),
    # what an act or an entry states
    (r"want a time such as (\S+), got '(.*)'", r"时间须写作 \1，现为“\2”"),
    (
        r"want a time such as (\S+), (\S+) or (\S+), got '(.*)'",
        r"时段须写作 \1、\2 或 \3，现为“\4”",
    ),
    (r"want a day such as (\S+), got '(.*)'", r"日期须写作 \1，现为“\2”"),
    (r"no such time: '(.*)'", r"没有这一时间：\1"),
    (r"no such day: '(.*)'", r"没有这一日：\1"),
    (
        r"([\d,]+) acts are still to be looked through for inspections",
        r"尚有 \1 条行为未查看有无督察",
    ),
    (r"(\S+) has not begun: today is (\S+)", r"\1 尚未开始：今日为 \2"),
    (r"want a year such as (\S+), got '(.*)'", r"年份须写作 \1，现为“\2”"),
    (r"want from before to, got '(.*)' and '(.*)'", r"起始须早于截止，现为 \1 和 \2"),
    (
        r"want lower-case words joined by '_', got '(.*)'",
        r"须用规则包中的标识（小写英文，以 _ 连接），现为“\1”",
    ),
    (r"a name stands twice", "同一名称写了两次"),
    # files and keys
    (r"cannot read '(.*)': No such file or directory", r"没有文件“\1”"),
    (
        r"want a file that ends in (.*), got '(.*)'",
        lambda m: f"文件名须以 {_listed(m[1])} 之一结尾，现为“{m[2]}”",
    ),
    (
        r"(.*): want a private key that begins with PRIVATE\+KEY\+",
        r"“\1”不是私钥文件，私钥以 PRIVATE+KEY+ 开头",
    ),
    (r"want an access token on one line", "访问令牌须为一行"),
    (r"the token is unknown or has ended", "访问令牌不存在或者已失效"),
    (r"the request's signature fails: .*", "请求的签名不能核对"),
    (r"no answer from (\S+): .*", r"\1 没有应答"),
    # rule packs and lists
    (r"no rule pack '(.*)' is shipped", r"没有附带的规则包“\1”"),
    (r"want TOML: (.*)", r"不是 TOML：\1"),
    (r"no '(.*)' in this pack", r"本规则包中没有 \1"),
    (r"no such key", "没有此键"),
    (r"want this key", "缺少此键"),
    (r"want text, got \w+", "须为文字，加引号"),
    (
        r"want one of (.*), got '(.*)'",
        lambda m: f"须为下列之一：{_listed(m[1])}；现为“{m[2]}”",
    ),
    (r"'(.*)' is not one of (.*)", lambda m: f"“{m[1]}”不是下列之一：{_listed(m[2])}"),
    # hints
    (r"there are (.*)", lambda m: f"可用：{_listed(m[1])}"),
    (r"a file's name ends in \.toml", "规则包文件的名称以 .toml 结尾"),
)

CATALOGUE = (*PACKS, *_DETAILS, *FILES, *KEYS, *OFFICES, *HINTS)

# A file and its line, a key in it, what stands there.
_WHERE: tuple[tuple[str, Words], ...] = (
    (r"(\S+), line (\d+): (.*)", lambda m: f"{m[1]} 第 {m[2]} 行：{in_chinese(m[3])}"),
    (
        r"(\S+)\.line (\d+)(?:\.([\w.]+))?: (.*)",
        lambda m: f"{m[1]} 第 {m[2]} 行{f'（{m[3]}）' if m[3] else ''}：{in_chinese(m[4])}",
    ),
    (
        r"'(.*)' is no sound trust folder: (.*)",
        lambda m: f"“{m[1]}”不是合格的信任文件夹：{in_chinese(m[2])}",
    ),
    (
        r"'(.*)' is no file of a year's acts: (.*)",
        lambda m: f"“{m[1]}”不是年度行为文件：{in_chinese(m[2])}",
    ),
    (r"([\w./\[\]-]+): (.*)", lambda m: f"{m[1]}：{in_chinese(m[2])}"),
)
