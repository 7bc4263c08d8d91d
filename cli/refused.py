"""The refusals that a packet meets most, in Chinese: a judge need not read the English of an error.

What is not here keeps its English, in parentheses behind a sentence that says which check refused
(`cli.wording`). A test reads the steps of the verdict and fails where a refusal of theirs is not
here.
"""

REFUSED: tuple[tuple[str, str], ...] = (
    # container
    (r"data/packet\.json lists other items than the packet holds", "所列证据与证据包实有的不符"),
    (
        r"data/packet\.json lists other checkpoints than the packet holds",
        "所列检查点与证据包实有的不符",
    ),
    # the log
    (
        r"two checkpoints of size (\d+) differ: the log has two histories",
        r"规模同为 \1 的两个检查点不一致：日志有两份历史",
    ),
    (
        r"a mirror holds another tree of (\d+) entries: two histories",
        r"镜像持有的前 \1 个条目与此不同：日志有两份历史",
    ),
    (
        r"a checkpoint of (\d+) entries of a log that ended with (\d+)",
        r"检查点称有 \1 个条目，而该日志止于 \2 个",
    ),
    (r"no proof to the packet checkpoint of size (\d+)", r"没有指向规模 \1 的检查点的证明"),
    (r"(\S+) is a proof for index (\d+)", r"\1 是第 \2 号条目的证明"),
    (r"(\S+) is a proof to size (\d+)", r"\1 是指向规模 \2 的证明"),
    (
        r"(\S+) is beyond the packet checkpoint of size (\d+)",
        r"\1 超出证据包检查点的规模 \2",
    ),
    (r"the inclusion proof leads to another root", "该条目的证明得出另一根哈希：条目不在此日志中"),
    # statements
    (r"statement and salt belong together", "陈述与其盐值须同时附上"),
    (r"the statement has no entry here", "该陈述没有对应的条目"),
    (
        r"salt and statement do not give the commitment in the log",
        "陈述与盐值算出的承诺值不是日志中的那一个：陈述已被改动",
    ),
    (r"the signature by (\S+) does not match", r"\1 的签名不符"),
    # series
    (r"nothing here says what this entry is about", "证据包中没有任何内容说明该条目"),
    (r"its id is that of (\S+)", r"其编号与条目 \1 相同"),
    (r"(.*) stands here twice", r"序列 \1 出现两次"),
    (
        r"statement (\d+) of (.*) has no sound entry at (\S+)",
        r"序列 \2 的第 \1 份陈述在 \3 处没有有效条目",
    ),
    (
        r"(\S+) is not statement (\d+) of (.*)",
        r"条目 \1 不是序列 \3 的第 \2 份陈述：有缺漏或者被调换",
    ),
    (r"(.*) is not in log order", r"序列 \1 的次序与日志不符"),
    (
        r"what the ledger says of itself is no statement of '?(.*?)'?",
        r"账本对自身的陈述不属于序列 \1",
    ),
    (r"the packet has no sound series '?(.*?)'?", r"证据包中没有有效的序列 \1"),
    (r"not listed in its series '?(.*?)'?", r"未列入其序列 \1"),
    (
        r"the tags in the log are not those of this statement",
        "日志中的标签不是该陈述的标签",
    ),
    # items and clips
    (
        r"no statement in this packet speaks of these bytes",
        "证据包中没有任何陈述与该文件的内容相符：内容已被改动，或者从未固定",
    ),
    (r"this statement is not about the case of the packet", "该陈述不属于证据包所称案件"),
    (r"this read was not of the case of the packet", "该次查阅不属于证据包所称案件"),
    (
        r"want the list, the chunks and the file to play, each once",
        "片段的对照表、分块、播放文件须各有一份",
    ),
    (r"want (\d+) bytes of chunks, got (\d+)", r"所附分块应有 \1 字节，实有 \2 字节"),
    (
        r"the chunks are no part of the original that was fixed",
        "所附分块不是所固定原件的一部分：分块已被改动",
    ),
    (r"no statement in this packet speaks of its original", "证据包中没有陈述提及其原件"),
    (
        r"byte (\d+) of the file to play is not that of the original",
        r"播放文件第 \1 字节起与原件不符",
    ),
    (
        r"want each byte of the original once in the file to play",
        "对照表使原件的同一字节在播放文件中出现两次",
    ),
    (r"want at least one sample to play", "播放文件中没有任何采样"),
    (r"want a part that ends with its recording, or before", "所称片段的结束晚于录像的结束"),
    (
        r"its maker left the sound out, and it has sound",
        "截取者称声音已略去，而播放文件中有声音",
    ),
    (
        r"its bytes stand too far apart: to compare takes over (\d+) readings",
        r"其各字节在原件中相距过远，核对须反复读取 \1 遍以上",
    ),
    (
        r"want a stream to play that is one stretch of the original",
        "播放文件须为原件的一段连续内容",
    ),
    # proofs and renewals
    (r"want no extra line", "证明中有多余的一行"),
    (
        r"no proof to the tree of (\d+) entries that was hashed again",
        r"没有指向当时重新哈希的那棵树（规模 \1）的证明",
    ),
)
