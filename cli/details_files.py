"""What is wrong with a file, a folder or a format, in Chinese: for `cli.details`."""

import re

from cli.matching import Words

# What the system says of a path, and what this program says of one that it cannot use.
_BECAUSE = {
    "No such file or directory": "不存在",
    "Permission denied": "没有权限",
    "File exists": "已存在同名文件",
    "Not a directory": "不是文件夹",
    "Is a directory": "是文件夹",
    "Too many levels of symbolic links": "符号链接循环",
    "No space left on device": "磁盘已满",
    "Read-only file system": "文件系统只读",
    "Input/output error": "磁盘读写出错",
    "it is no regular file": "不是普通文件",
    "neither a file nor a folder": "既非文件，也非文件夹",
}
_DOINGS = {
    "read": "无法读取“{}”",
    "read the folder": "无法读取文件夹“{}”",
    "write": "无法写入“{}”",
    "write into": "无法写入文件夹“{}”",
    "copy": "无法复制“{}”",
    "make the folder": "无法建立文件夹“{}”",
}
_SYSTEM = "|".join(map(re.escape, _BECAUSE))


def _cannot(match: re.Match[str]) -> str:
    return f"{_DOINGS[match[1]].format(match[2])}：{_BECAUSE[match[3]]}"


FILES: tuple[tuple[str, Words], ...] = (
    (rf"cannot ({'|'.join(_DOINGS)}) '(.*)': ({_SYSTEM})", _cannot),
    (rf"({_SYSTEM}): (.*)", lambda m: f"“{m[2]}”{_BECAUSE[m[1]]}"),
    (r"'(.*)' is there already and is not overwritten", r"“\1”已存在，不予覆盖"),
    (r"'(.*)' is there already, and not an empty folder", r"“\1”已存在，且不是空文件夹"),
    (
        r"'(.*)' is there with another content under the same version",
        r"“\1”已存在，同一版本号之下内容不同",
    ),
    (r"'(.*)' is there already", r"“\1”已存在"),
    (r"'(.*)' is in use by process (\d+)", r"“\1”正由进程 \2 使用"),
    (r"'(.*)' is no file", r"“\1”不是文件"),
    (r"'(.*)' is no packet: neither a folder nor a zip", r"“\1”不是证据包：既非文件夹，也非 zip"),
    (r"'(.*)' is no packet: it has no bagit\.txt", r"“\1”不是证据包：没有 bagit.txt"),
    (r"'(.*)' is no transfer package: it has no bagit\.txt", r"“\1”不是移交包：没有 bagit.txt"),
    (r"'(.*)' lies in the package, which must stay as it is", r"“\1”在移交包之内，移交包不得改动"),
    (
        r"'(.*)' changed while it was being sent: it had (\d+) bytes",
        r"“\1”在发送过程中有改动：原为 \2 字节",
    ),
    (r"'(.*)' has changed while it was handed in", r"“\1”在提交过程中有改动"),
    (r"'(.*)' holds the list of another review", r"“\1”中是另一次评查的名单"),
    (r"no folder at '(.*)'", r"没有文件夹“\1”"),
    (r"no trust folder at '(.*)'", r"没有信任文件夹“\1”"),
    (r"no ledger in '(.*)'", r"“\1”中没有账本"),
    (r"the public copy shows no log of this ledger: .*", r"公开日志副本中没有本账本的日志"),
    (
        r"beyond (\d+) entries it gives no tree that the log has signed",
        r"自第 \1 个条目之后，与日志签署过的树不符",
    ),
    (r"the log has another entry at (\d+)", r"日志中位置 \1 是另一条目"),
    (
        r"it is of a later log than the backup holds: restore with a newer backup",
        "属于备份中尚无的后一日志：请用较新的备份恢复",
    ),
    (
        r"two trees of (\d+) entries were signed: the log has forked",
        r"日志签署过两棵不同的 \1 个条目的树：日志已分叉",
    ),
    (
        r"the backup's first (\d+) entries are not those that the log has signed",
        r"备份的前 \1 个条目并非日志所签署的",
    ),
    (
        r"the entries (\d+) to (\d+) do not give the tree of (\d+) entries that the log has signed",
        r"条目 \1 至 \2 得不出日志签署的 \3 个条目的树",
    ),
    (r"no copy of the log (\S+) in '(.*)': .*", r"“\2”中没有日志 \1 的副本"),
    (
        r"'(.*)' is a copy of '(.*)', which your trust folder has not",
        r"“\1”是日志 \2 的副本，而您的信任文件夹中没有该日志",
    ),
    (r"the copy of '(\S+)' is damaged: .*", r"日志 \1 的副本已损坏"),
    (r"no item '(.*)' in the packet", r"证据包中没有“\1”"),
    (r"a zip that cannot be read: .*", "zip 文件无法读取"),
    # formats
    (r"want UTF-8, got byte (\S+) at (\d+)", r"须为 UTF-8：第 \2 字节处为 \1"),
    (r"want JSON: .*", "不是 JSON"),
    (
        r"want canonical JSON \(RFC 8785\), got another spelling of the same value",
        "须为规范 JSON（RFC 8785），现为同一内容的另一写法",
    ),
    (r"JSON nested too deeply", "JSON 嵌套过深"),
    (r"want CSV: .*", "不是 CSV"),
    (r"want base64, got '.*'", "不是 base64"),
    (r"want a file of at most (\d+) bytes", r"文件至多 \1 字节"),
    (r"want (\d+) cells, got (\d+)", r"本行应有 \1 格，实有 \2 格"),
    (r"want a column '(.*)'", r"缺少列 \1"),
    (r"want each column named, and once", "每列须有名称，且不得重复"),
    (r"want 1 to (\d+) entries, got (\d+)", r"须有 1 至 \1 个条目，现有 \2 个"),
    (r"want at most (\d+) characters, got (\d+)", r"至多 \1 字，现有 \2 字"),
    (r"want at most (\d+) bytes", r"至多 \1 字节"),
    (
        r"want a bulletin: bulletin, complaints, log, size and span",
        "须为 tiezheng case complaints --json 所输出的通报，"
        "含 bulletin、complaints、log、size、span",
    ),
    (r"want the text '(\w+)' in each row", r"每行须有文字 \1"),
    (r"want a line for each of (\d+) cases, got (\d+)", r"应有 \1 案，每案一行，现有 \2 行"),
    (r"'(.*)' is no verifier that runs by itself", r"“\1”不是可独立运行的核验程序"),
    (r"want one line of text, got '(.*)'", r"须为一行文字，现为“\1”"),
    (
        r"want at most (\d+) characters in NFC without '/', got '(.*)'",
        r"至多 \1 字，不得含“/”，现为“\2”",
    ),
    (r"want a list of at most (\d+) days", r"须为至多 \1 日的列表"),
    (r"want at least one day off or working one", "至少须有一个放假日或上班日"),
    (r"a day stands twice", "同一日写了两次"),
    (r"(\S+) is both a day off and a working one", r"\1 既为放假日，又为上班日"),
    (
        r"it names no day of (\d+): want the list of that year as well",
        r"其中没有 \1 年的日期：另须该年的安排",
    ),
    (r"want a UUIDv7 in lower case, got '(.*)'", r"“\1”不是陈述的编号"),
    (r"want an address such as (\S+), got '(.*)'", r"地址须写作 \1，现为“\2”"),
    (r"setting '(.*)': Extra inputs are not permitted", r"没有设置项 \1"),
)
