"""What a station's screen says is wrong, in the language of who reads it.

Problems are kept as the English of the error that was raised, which the JSON shows. Each that
the station or its clients raise has its Chinese here; a test reads their sources and fails where
one has none. What a server, a disk or a library adds in words of its own stays as it is.
"""

from cli.details import CATALOGUE
from cli.language import say
from cli.matching import matched

APART = "; "

_CHINESE: tuple[tuple[str, str], ...] = (
    # devices and cards
    (r"(\d+) files cannot be read: unplug it to try again", r"\1 个文件无法读取，请拔出后重试"),
    (r"two devices in the docks are named (.*)", r"站内有两台设备同名：\1"),
    (r"there is more on it than can be listed", "其中内容过多，无法全部列出"),
    (r"(.*) changes each time it is read", r"\1 每次读取都不相同"),
    (r"the device does not give its bytes: (.*)", r"设备无法读出数据：\1"),
    (r"(.*) is not what it was when it was listed", r"\1 与列入清单时不同"),
    (r"(.*) is not there any more: (.*)", r"\1 已不在：\2"),
    (r"(.*) is gone: (.*)", r"\1 已不在：\2"),
    (r"stopped while reading", "读取时被停止"),
    # the station itself
    (r"a fault of the program: (.*)", r"程序故障：\1"),
    (
        r"(.*) has (\d+) bytes, and the whole spool is for (\d+): raise spool_bytes",
        r"\1 有 \2 字节，而暂存上限为 \3：请调大 spool_bytes",
    ),
    (
        r"no room in the spool: want (\d+) bytes, have (\d+)",
        r"暂存空间不足：需 \1 字节，余 \2 字节",
    ),
    (r"(.*) is missing in the spool", r"暂存中缺少 \1"),
    (r"cannot write to the spool: (.*)", r"无法写入暂存：\1"),
    (r"cannot keep a file in the spool: (.*)", r"无法将文件存入暂存：\1"),
    (r"cannot read a file in the spool: (.*)", r"无法读取暂存中的文件：\1"),
    (r"cannot read ('.*'): (.*)", r"无法读取 \1：\2"),
    (r"cannot write ('.*'): (.*)", r"无法写入 \1：\2"),
    (r"cannot remove ('.*'): (.*)", r"无法删除 \1：\2"),
    (r"cannot sync (the folder |the folder of )?('.*'): (.*)", r"无法将 \2 写入磁盘：\3"),
    (r"cannot make (the folder )?('.*'): (.*)", r"无法新建 \2：\3"),
    (r"no room for more in ('.*')", r"\1 所在磁盘空间不足"),
    (r"cannot use (the certificates that \S+ names|'.*'): (.*)", r"无法使用 \1：\2"),
    (r"(\S+) holds something else already: (.*)", r"\1 已有其他内容：\2"),
    (r"('.*') is closed", r"\1 已关闭"),
    (
        r"('.*') was written by a newer version: want a schema of at most (\d+), got (\d+)",
        r"\1 由更新的版本写成：本版本至多识别结构 \2，实为 \3",
    ),
    (
        r"the log has signed two histories: nothing is sent to it, the proof is in (.*)",
        r"日志签署了两份历史：不再向其发送任何内容，证明存于 \1",
    ),
    (r"the log is not shown as it was before: (.*)", r"所示日志与以前所见不符：\1"),
    # the line, and what the ledger answers
    (r"no answer from (.*?): (.*)", r"\1 没有应答：\2"),
    (
        r"want an answer in good time, got (\d+) bytes of (.*)",
        r"应答过慢：限时内只收到 \2 的 \1 字节",
    ),
    (r"the server answered (.*)", r"账本应答 \1"),
    (r"nothing more could be sent: (.*)", r"无法继续上传：\1"),
    (r"stopped while sending", "上传时被停止"),
    (
        r"the ledger has (\d+) bytes after (\d+) and (\d+) more",
        r"账本在已有 \2 字节、又收 \3 字节之后却称只有 \1 字节",
    ),
    (r"the ledger has lost a part of what it had", "账本丢失了已收到的部分内容"),
    (r"stopped while waiting for the ledger", "等待账本时被停止"),
    (r"the upload has ended", "该上传已失效"),
    (r"the ledger damages (.*)", r"\1 在账本处受损"),
    (r"(.*) does not come to an end with an upload", r"\1 迟迟不能完成一次上传"),
    (r"the ledger has (\d+) bytes of a file of (\d+)", r"文件共 \2 字节，账本却称已有 \1 字节"),
    (
        r"the digest that (.*) computes is not that of its own chunks",
        r"\1 算出的摘要与其自身分块不符",
    ),
    # past the ledger, into the store
    (r"the store at (\S+) answered (\d+) to part (\d+)", r"存储 \1 对第 \3 部分应答 \2"),
    (r"the store at (\S+) says too much", r"存储 \1 的应答过长"),
    (r"the store at (\S+) sends us elsewhere: (.*)", r"存储 \1 要求转往别处，未照办：\2"),
    (r"the store loses what is put there: (.*)", r"存储丢失已上传的内容：\1"),
    (r"too much", "应答过长"),
    (
        r"want (\d+) bytes in parts of (\d+), got (\d+) parts",
        r"\1 字节应按每部分 \2 字节上传，账本却列出 \3 个部分",
    ),
    (r"want part (\d+) of (\d+), got (.*)", r"应为第 \1 部分（共 \2 部分），账本给出 \3"),
    (
        r"want parts of whole blocks, of at most (\d+) bytes, got (\d+)",
        r"账本给出的每部分大小应为整块且不超过 \1 字节，实为 \2",
    ),
    (r"want the URL of a part from the ledger", "账本未给出某部分的上传地址"),
    (r"want the id of an upload, got (.*)", r"账本给出的上传编号不合要求：\1"),
    (r"want sha256 (\S+) of ('.*'), the ledger has (.*)", r"\2 的 SHA-256 为 \1，账本所有为 \3"),
    (r"want sha256 (\S+), the ledger has (.*)", r"文件的 SHA-256 为 \1，账本所有为 \2"),
    (
        r"(.*) changed while it was being sent(: it had (\d+) bytes)?",
        r"\1 在上传过程中发生变化",
    ),
    (r"(.*) answered (\d+) for the checkpoint of (.*)", r"取 \3 的检查点时，\1 应答 \2"),
    (r"the log (.*) was shown before, and now only (.*)", r"以前曾出示日志 \1，现在只出示 \2"),
    (r"(.*) has no checkpoint of (.*) yet", r"\1 尚无日志 \2 的检查点"),
    (
        r"the bytes that (.*) has are not those of (.*)",
        r"\1 所存字节与 \2 不同",
    ),
    (r"it is for another entry than (\d+)", r"它不属于条目 \1"),
    (r"the receipt of (\S+) is not to be believed: (.*)", r"\1 的回执不可采信：\2"),
    (r"the receipt is for another index", "回执属于另一条目"),
    (r"the log (.*) is not in your trust folder", r"信任文件夹中没有日志 \1"),
    (r"want the answer to statement (\S+), got (.*)", r"账本答复的不是陈述 \1：\2"),
    (
        r"the ledger did not say the place in the series (.*)",
        r"账本未说明在序列 \1 中的位置",
    ),
    (r"your trust folder has no series key of (\d+)", r"信任文件夹中没有 \1 年的序列公钥"),
    (
        r"index (\d+) is not under the checkpoint of size (\d+)",
        r"条目 \1 不在规模 \2 的检查点之内",
    ),
    (r"want at most (\d+) bytes, got more from (.*)", r"\2 的应答超过 \1 字节"),
    (r"want (?:.*) from (http\S*?)(?:, got .*)?", r"\1 的应答不合要求"),
    (r"(\S+) did not answer with a JSON object", r"\1 的应答不是 JSON 对象"),
    (r"want (?:.*) in the ledger's answer(?:, an object each)?", "账本的答复不合要求"),
    (r"want a list of files in each row of the ledger's answer", "账本的答复不合要求"),
    (r"(.*) is being read: what is destroyed is still there", r"\1 正被读取：应销毁的内容仍在"),
    (r"want the log and index of an entry, got (.*)", r"账本给出的条目位置不合要求：\1"),
    (r"cannot write into (.*): (.*)", r"无法写入 \1：\2"),
    (r"want the particulars that lack, by their names", "账本未按名称列出所缺事项"),
    (r"want a key to sign the request", "缺少签署请求的密钥"),
)


def problem_words(problem: str) -> str:
    """One or several, as a view joins them."""
    return say(en=problem, zh="；".join(map(_chinese, problem.split(APART))))


def in_chinese(problem: str) -> str | None:
    """In the station's own words, or those that all commands have."""
    return matched((*_CHINESE, *CATALOGUE), problem)


def _chinese(problem: str) -> str:
    return in_chinese(problem) or f"出错（{problem}）"
