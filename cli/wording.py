"""The findings of `ledger.verdict` and `ledger.audit` in the words of a report.

Their details are short English sentences. Each of them has its Chinese here; a test
reads the sources and fails where one has none. Errors keep their English, in
parentheses behind a sentence that says which check refused.
"""

import re

from cli.language import language
from cli.matching import Words, matched
from cli.refused import REFUSED
from ledger.encoding import printable
from ledger.report import Bilingual, Group, Outcome

OUTCOMES: dict[Outcome, Bilingual] = {
    Outcome.PASSED: {"en": "passed", "zh": "通过"},
    Outcome.FAILED: {"en": "FAILED", "zh": "不通过"},
    Outcome.UNDECIDED: {"en": "undecided", "zh": "不能判定"},
}

GROUPS: dict[Group, Bilingual] = {
    Group.INTEGRITY: {"en": "integrity (unaltered)", "zh": "完好性（未改动）"},
    Group.COMPLETE: {"en": "completeness (nothing left out)", "zh": "完整性（无缺漏）"},
    Group.ORDER: {"en": "order (fixed before the decision)", "zh": "先后（决定前固定）"},
    Group.TIME: {"en": "time", "zh": "时间"},
    Group.FORM: {"en": "form (particulars noted)", "zh": "形式（事项已注明）"},
}

ORDERS: dict[str, Bilingual] = {
    "before": {"en": "fixed before the decision", "zh": "决定前已固定"},
    "after": {"en": "logged after the decision", "zh": "决定之后才入日志"},
    "not_shown": {
        "en": "not shown to have been fixed before the decision",
        "zh": "不能证明固定于决定之前（顺序不能证明）",
    },
}

PARTICULARS: dict[str, Bilingual] = {
    "method": {"en": "how it was made", "zh": "制作方法"},
    "occurred": {"en": "when it was made", "zh": "制作时间"},
    "maker": {"en": "who made it", "zh": "制作人"},
    "purpose": {"en": "what it is to show", "zh": "证明对象"},
    "carrier": {"en": "its original carrier", "zh": "原始载体"},
}

# Articles with a * are from memory. None of them allows keeping anything from a court.
REASONS: dict[str, Bilingual] = {
    "state_secret": {
        "en": "state secret (Administrative Litigation Law art. 43)",
        "zh": "国家秘密（行政诉讼法第 43 条）",
    },
    "trade_secret": {
        "en": "trade secret (Administrative Litigation Law art. 43)",
        "zh": "商业秘密（行政诉讼法第 43 条）",
    },
    "privacy": {
        "en": "personal privacy (Administrative Litigation Law art. 43)",
        "zh": "个人隐私（行政诉讼法第 43 条）",
    },
    "minor": {
        "en": "a minor (Law on the Protection of Minors art. 103*)",
        "zh": "未成年人（未成年人保护法第 103 条*）",
    },
    "informant": {
        "en": "an informant (Administrative Penalty Law art. 50*)",
        "zh": "举报人（行政处罚法第 50 条*）",
    },
    "destroyed": {"en": "destroyed", "zh": "已销毁"},
    "expired": {
        "en": "kept no longer (Personal Information Protection Law art. 47)",
        "zh": "保存期限届满（个人信息保护法第 47 条）",
    },
    "lost": {"en": "lost with an earlier disk of the ledger", "zh": "随账本原磁盘灭失"},
    "other_case": {"en": "said in another case", "zh": "属另案陈述"},
}

ROLES: dict[str, Bilingual] = {
    "station": {"en": "upload station", "zh": "采集站"},
    "handler": {"en": "case handler", "zh": "办案人员"},
    "ledger": {"en": "the ledger itself", "zh": "账本"},
    "notary": {"en": "notary", "zh": "公证机构"},
    "court": {"en": "court", "zh": "法院"},
    "supervisor": {"en": "supervisor", "zh": "执法监督机构"},
    "auditor": {"en": "auditor", "zh": "审计人员"},
    "admin": {"en": "administrator", "zh": "管理员"},
    "log": {"en": "log", "zh": "日志"},
    "cosigner": {"en": "cosigner", "zh": "联合签名人"},
    "mirror": {"en": "mirror", "zh": "镜像"},
    "registrar": {"en": "registrar", "zh": "登记人"},
}

STAGES: dict[str, Bilingual] = {
    "start": {"en": "initiation", "zh": "启动"},
    "investigate": {"en": "investigation", "zh": "调查取证"},
    "review": {"en": "review", "zh": "审核"},
    "decide": {"en": "decision", "zh": "决定"},
    "serve": {"en": "service of documents", "zh": "送达"},
    "enforce": {"en": "enforcement", "zh": "执行"},
}

# What refused, where the detail is the English of an error.
_REFUSALS: dict[str, str] = {
    "container": "证据包的格式或内容不合要求",
    "checkpoint": "检查点不可采信",
    "inclusion": "条目不能证明在日志中",
    "commitment": "陈述与日志中固定的不一致",
    "signature": "签名不可采信",
    "series": "序列或标签不符",
    "item": "证据原件与固定的摘要不符",
    "clip": "片段不可采信",
    "derived": "派生件与声明不符",
    "case": "案号不符",
    "certificate": "公证书不可采信",
    "revoked": "公证书是否撤销未能核对",
    "complete": "与公开日志核对不符",
    "fence": "先后关系不符",
    "time": "时间不符",
    "particulars": "注明事项不符",
    "renewal": "续展不成立",
    "tree": "日志的树或瓦片不符",
    "entries": "日志条目不符",
    "end": "与下一份日志所述的终点不符",
    "seen": "与所见检查点核对不成",
    "fraud": "证明不成立",
}

_UNITS = {
    "files": "个文件",
    "entries": "个条目",
    "statements": "份陈述",
    "items": "件证据原件",
    "certificates": "份公证书",
    "clips": "个片段",
    "derivations": "个派生件",
}
_ORDER_WORDS = {
    "before": "在决定之前固定",
    "after": "在决定之后入日志",
    "not_shown": "顺序不能证明",
}

_PARTS = {"entry": "条目", "proof": "证明", "envelope": "陈述", "salt": "盐值"}


def _ended(what: str) -> str:
    return what.replace("the authority ", "授时机构 ").strip() + " "


def _renewed(what: str) -> str:
    return "时间戳" if what == "the token" else what.replace("the renewal ", "第 ") + " 号续展"


_TRUSTED = {
    "cosigner": "联合签名人",
    "log": "日志",
    "mirror": "镜像",
    "registrar": "登记人",
}

_REASON = "|".join(REASONS)


def _recordings(listed: str) -> str:
    """Their names are anybody's, and stay as they are."""
    text = re.sub(r" \(not in the packet\)(?=, |; |$)", "（不在证据包内）", listed)
    text = re.sub(r", and (\d+) more(?=; |$)", r"，另有 \1 个", text)
    return text.replace("; of its other moments: ", "；该录像其他时刻另有：")


def _stretches(listed: str) -> str:
    text = re.sub(r", and (\d+) more$", r"，另有 \1 处", listed)
    return text.replace(" to ", " 至 ").replace(", ", "、").replace("a gap", "无")


_DISOWNED = {
    "counts for nothing": "不予计入",
    "undecided, and nothing rests on it": "不能判定，亦无任何内容以此为据",
}


def seen_words(seen: str) -> Bilingual:
    """Of a statement, as its finding says it: `seen at …` or `seen by no quorum`."""
    at = seen.removeprefix("seen at ")
    zh = f"由法定人数于 {at}见到" if at != seen else "未经法定人数见到"
    return {"en": seen, "zh": zh}


_CHINESE: tuple[tuple[str, Words], ...] = (
    (r"0 (clips|derivations|certificates|items)", "证据包中没有"),
    (
        r"(\d+) (files|entries|statements|items|certificates|clips|derivations)",
        lambda m: f"{m[1]} {_UNITS[m[2]]}",
    ),
    (r"no (entries|statements) were shown", lambda m: f"未出示任何{_UNITS[m[1]][1:]}"),
    (
        r"(\S+) % of (.*?): (\d+) runs of its chunks\. By the word of who cut it "
        r"(\S+) to (\S+) of (\S+); (\S+) before it and (\S+) after it are not shown"
        r"(; its sound is left out|; the file to play has no (?:sound|pictures))?"
        r"(; \d+ clips here [^;]*)?\. ((?:When it|No other|Other) .*)",
        lambda m: (
            f"{m[2]} 的 {m[1]} %，共 {m[3]} 段连续分块。据截取者所述为 {m[6]} 中的 {m[4]} 至 "
            f"{m[5]}；之前的 {m[7]} 与之后的 {m[8]} 未展示{in_chinese(m[9] or '') or ''}"
            f"{in_chinese(m[10] or '') or m[10] or ''}。{in_chinese(m[11]) or m[11]}"
        ),
    ),
    (r"; its sound is left out", "；声音已略去"),
    (r"; the file to play has no sound", "；可播放的文件没有声音"),
    (r"; the file to play has no pictures", "；可播放的文件没有画面"),
    (
        r"; (\d+) clips here are of it, without (.*)",
        lambda m: f"；此处共有其 {m[1]} 个片段，未含：{_stretches(m[2])}",
    ),
    (r"When it was recorded is not stated", "其录制时间未予陈述"),
    (
        r"No other recording of that moment is stated in this packet(; of its other moments: .*)?",
        lambda m: f"本证据包的陈述中没有同一时刻的其他录像{_recordings(m[1] or '')}",
    ),
    (
        r"Other recordings of that moment, by their statements: (.*)",
        lambda m: f"据各自陈述，同一时刻另有录像：{_recordings(m[1])}",
    ),
    (
        r"made again from its chunks with (.*): the same bytes",
        r"已用 \1 以所附分块重新制作：逐字节相同",
    ),
    (r"whose signatures are under its statement was not checked", "出具该公证书的签名未能核验"),
    (r"whose signatures are under it was not checked", "其签名未能核验"),
    (
        r"(counts for nothing|undecided, and nothing rests on it): (seen .*), signed by (\S+), of "
        r"which entry (\S+), (seen .*), says that it was compromised since (.*)",
        lambda m: (
            f"{_DISOWNED[m[1]]}：该陈述{seen_words(m[2])['zh']}；据条目 {m[4]}"
            f"（{seen_words(m[5])['zh']}），其签名密钥 {m[3]} 自 {m[6]}起已被冒用"
        ),
    ),
    (r"seen by no quorum|seen at .*", lambda m: seen_words(m[0])["zh"]),
    (r"it counts for nothing, see its signatures", "不予计入，见“签名”一项"),
    (r"the statement that issues it counts for nothing", "出具该公证书的陈述不予计入"),
    (r"certificate (.*) was revoked by what counts for nothing", r"撤销公证书 \1 的陈述不予计入"),
    (
        r"a statement about this certificate counts for nothing",
        "有一份涉及该公证书的陈述不予计入，是否撤销不能判定",
    ),
    (r"the statement of its original counts for nothing", "固定其原件的陈述不予计入"),
    (r"(.*): the statement of its original counts for nothing", r"\1：固定其原件的陈述不予计入"),
    (
        r"what counts for nothing speaks of these bytes, and has other digests",
        "仅有不予计入的陈述提及这些字节，且所载摘要与之不符",
    ),
    (
        r"of this case only by a statement that counts for nothing",
        "仅凭一份不予计入的陈述归入本案",
    ),
    (
        r"decision (\S+) dated (\S+) counts for nothing",
        r"条目 \1 的决定（所载日期 \2）不予计入",
    ),
    (
        r"(before|after|not_shown) decision (\S+) dated (\S+): not both of them count",
        lambda m: f"{_ORDER_WORDS[m[1]]}；决定为条目 {m[2]}，所载日期 {m[3]}；但两者并非均予计入",
    ),
    (
        r"(.*): no earlier statement shown here speaks of its original",
        r"\1：此处所示在先的陈述均未提及其原件",
    ),
    (
        r"(.*) was made from (.*) with (.*), says who signed it; what was done was not checked",
        r"签名人称 \1 系以 \3 由 \2 制作；所作处理未核对",
    ),
    (
        r"(.*): its (\d+) declared spans need (.*), which is not shown",
        r"\1：核对其声明的 \2 处改动，须有 \3，而此处未出示",
    ),
    (
        r"(.*): its (\d+) declared spans were not followed: there are too many",
        r"\1：其声明的 \2 处改动未予核对：此类声明所需读取过多",
    ),
    (
        r"(.*) is (.*) but for (\d+) declared spans: (\d+) of its (\d+) bytes are taken out, "
        r"(nothing is put in|and in \d+ places is put in .*?)"
        r"(; it is not shown, and was made again from them: its digests are those fixed)?",
        lambda m: (
            f"除声明的 {m[3]} 处外，{m[1]} 与 {m[2]} 一致：原件 {m[5]} 字节中删去 {m[4]} 字节，"
            f"{in_chinese(m[6]) or m[6]}"
            + (f"；{m[1]} 未出示，已据此重新制作，摘要与所固定的相同" if m[7] else "")
        ),
    ),
    (r"nothing is put in", "未填入任何文字"),
    (r"and in (\d+) places is put in (.*)", r"并在 \1 处填入 \2"),
    (r"not checked", "未检查"),
    (
        r"not checked: want the Python package cryptography.*",
        "未检查：无法核验签名，本文件所附部件不适用于此系统，此处也未安装足够新的 cryptography",
    ),
    (
        r"not checked: SM2 cannot be computed: .*",
        "未检查：无法计算 SM2，须在本机安装 OpenSSL 3.0 或更新版本",
    ),
    (r"not checked: (.*)", r"未检查（\1）"),
    (
        r"only in a suite that your trust folder distrusts: (.*)",
        r"仅用了您的信任文件夹不采信的算法：\1",
    ),
    (
        r"the registrar signs in a suite that your trust folder distrusts: (.*)",
        r"登记人的签名算法为您的信任文件夹所不采信：\1",
    ),
    (
        r"suites: (.*); place and time rest on the log's own SHA-256 and on its cosigners' keys "
        r"all the same",
        lambda m: (
            f"算法要求：{m[1].replace('required', '须有').replace('distrusted', '不采信')}；"
            "位置与时间仍以日志自身的 SHA-256 和联合签名人的密钥为准"
        ),
    ),
    (
        r"not registered: no statement in this packet issues this certificate",
        "未登记：证据包中没有出具该公证书的陈述",
    ),
    (
        r"certificate (.*) was revoked, seen by the quorum at (\S*): (.*)",
        r"公证书 \1 已撤销，达到法定人数的时间 \2；理由：\3",
    ),
    (
        r"certificate (.*) was revoked, and is not presented",
        r"公证书 \1 已撤销，且未在此出示",
    ),
    (r"certificate (.*) of (.*), issued by (.*)", r"公证书 \1（\2），出具人：\3"),
    (
        r"entry (\d+) of log (\S+) is about this certificate: it was revoked",
        r"日志 \2 第 \1 号条目涉及该公证书：已撤销",
    ),
    (r"not revoked as of (.*)", r"截至 \1 未撤销"),
    (r"the bytes are not what the manifest says", "文件内容与清单所载摘要不符，已损坏或被改动"),
    (r"no such log in your trust folder", "您的信任文件夹中没有这份日志"),
    (r"the packet has no checkpoint", "证据包中没有检查点"),
    (
        r"the packet has no checkpoint of this log, which may hold more",
        "证据包中没有该日志的检查点，其中可能另有本案内容",
    ),
    (
        r"your trust folder has a later log, and where this one ended is not shown",
        "您的信任文件夹中有更晚的日志，而本日志止于何处未予证明",
    ),
    (
        r"this log ended with (\d+) entries, as (\S+) says",
        r"本日志止于 \1 个条目，见条目 \2",
    ),
    (
        r"the opening of the next log is not in this copy: where this one ended is not shown",
        "本副本中没有下一份日志的开篇陈述，本日志止于何处未予证明",
    ),
    (r"no quorum has seen where this log ended", "本日志止于何处，未经法定人数的联合签名人所见"),
    (
        r"claims to follow a tree of (\d+) entries of (\S+), which had ended",
        r"自称签于日志 \2 规模达 \1 之后，而该日志此前已经结束",
    ),
    (r"no statement of this case is shown", "未出示本案的任何陈述"),
    (r"the ledger's own time runs backwards here", "账本自称的时间在此处倒退"),
    (
        r"claims to follow the log (.*), which your trust folder does not know",
        r"自称签于日志 \1 之后，而您的信任文件夹中没有该日志",
    ),
    (
        r"claims to follow a tree of (\d+) entries of (\S+)",
        r"自称签于日志 \2 规模达 \1 之后，与其位置矛盾",
    ),
    (
        r"its signer had checked another history of (\d+) entries",
        r"签名人当时核对过的是另一份历史（规模 \1）",
    ),
    (
        r"(\d+) statements speak of this recording, (\d+) shown; versions of its file: (\d+)",
        r"共有 \1 份陈述涉及这一录像，所示 \2 份，其文件有 \3 个版本",
    ),
    (
        r"a version is withheld: whether it revokes a key is not shown",
        "有一份登记未出示：其中是否撤销密钥，不能判定",
    ),
    (r"your copy of the log has a hole: (.*)", r"您的日志副本缺少部分文件（\1）"),
    (r"no such entry here", "证据包中没有对应的条目"),
    (r"no sound checkpoint of its log here", "证据包中没有该日志的有效检查点"),
    (r"the log begins with these (\d+) entries", r"日志以这 \1 个条目开头"),
    (
        r"two histories: other (\d+) entries than the log now begins with were signed",
        r"两份历史：日志曾为另外 \1 个条目签名，与现在开头的条目不同",
    ),
    (
        r"this copy has (\d+) entries only, fewer than the (\d+) seen",
        r"本副本仅有 \1 个条目，少于所见检查点的 \2 个",
    ),
    (r"the larger tree begins with the smaller: one history", "较大的树以较小的开头，是同一份历史"),
    (r"the two checkpoints are the same: one history", "两个检查点相同，是同一份历史"),
    (r"your trust folder has no log (.*)", r"信任文件夹中没有日志 \1"),
    (
        r"its quorum no longer counts: earlier ones may, for the entries that they saw",
        "密钥撤销后，其法定人数不再计入；较早的法定人数对其所见条目可能仍然有效",
    ),
    (r"no quorum: cosigned by nobody", "未达法定人数：无人联合签名"),
    (r"no quorum: cosigned by (.*)", r"未达法定人数：仅有 \1 联合签名"),
    (
        r"your policy lets two sets of cosigners sign two histories",
        "您的策略允许两组互不相同的联合签名人分别签署两份历史，不足以作为裁判依据",
    ),
    (
        r"cosigned by (.*); two histories are possible only if (\d+) of them collude",
        r"联合签名人：\1；至少 \2 人串通才可能出现两份历史",
    ),
    (r"cosigned by (.*)", r"联合签名人：\1"),
    (
        r"the opening of the log enrols other keys than your trust folder holds",
        "日志开篇登记的密钥与您的信任文件夹不一致",
    ),
    (r"your trust folder has no series key of (\d+)", r"您的信任文件夹中没有 \1 年的序列公钥"),
    (
        r"the (\w+) key (\S+) does not count since (.*)",
        lambda m: f"{_TRUSTED.get(m[1], m[1])}的密钥 {m[2]} 自 {m[3]} 起不再算数",
    ),
    (
        r"without keys that no longer counted no quorum had seen it",
        "不计已不算数的密钥，尚未达法定人数",
    ),
    (
        r"registered when the registrar's key no longer counted",
        "登记时登记人的密钥已不算数",
    ),
    (r"the packet has no series of this case", "证据包中没有本案的序列"),
    (r"spelled as registered", "写法与机关登记一致"),
    (r"its agency's spelling is not in the packet", "证据包中未附该机关登记的案号写法，未比对"),
    (
        r"no agency's spelling here covers this number, which may only look like another",
        "证据包中没有涵盖此案号写法的机关登记；该案号可能只是看上去与另一案号相同",
    ),
    (
        r"statement (\d+) of (\d+), entry (\S+), is not shown",
        r"第 \1 份陈述（共 \2 份，条目 \3）未出示，也未说明理由",
    ),
    (
        rf"statement (\d+) of (\d+), entry (\S+), is withheld: ({_REASON})",
        lambda m: (
            f"第 {m[1]} 份陈述（共 {m[2]} 份，条目 {m[3]}）未出示；"
            f"证据包制作者所述理由：{REASONS[m[4]]['zh']}"
        ),
    ),
    (
        rf"(.*) is withheld: ({_REASON})",
        lambda m: f"未附 {m[1]}；证据包制作者所述理由：{REASONS[m[2]]['zh']}",
    ),
    (r"named as withheld, and has no entry here", "列为未出示，而证据包中没有该条目"),
    (r"named as withheld, and its statement is shown", "列为未出示，而其陈述实已出示"),
    (
        r"named as destroyed, and no disposal shown here names it",
        "列为已销毁，而证据包所示的销毁记录均未列明该条目",
    ),
    (
        r"a statement is named as \w+, which is said of a file alone",
        "列明的理由只适用于文件，而此处是陈述",
    ),
    (
        r"a file is named as \w+, which is said of a statement alone",
        "列明的理由只适用于陈述，而此处是文件",
    ),
    (
        r"named as said in another case, and stands in the series of this one",
        "列为属于另案，而该条目在本案序列之中",
    ),
    (
        r"no statement shown here speaks of the file (\S+) named as withheld",
        r"列为未出示的文件 \1，所示陈述均未提及",
    ),
    (r"(.*) is named as withheld, and is shown", r"\1 列为未出示，而实已出示"),
    (r"(.*) is not in the packet", r"证据包中没有 \1"),
    (r"no copy of the public log was given \(--log\)", "未提供公开日志的副本（--log），未核对"),
    (
        r"the series key of (\d+) ended \((.*)\): whoever has it can tell which entries belong "
        r"together, and makes no second series",
        r"\1 年度的序列密钥已终止（\2）：持有者可看出哪些条目属于同一案件，但不能另立序列",
    ),
    (r"the checkpoint has no quorum", "检查点未达法定人数"),
    (
        r"entry (\d+) is statement (\d+), which is not shown",
        r"日志第 \1 号条目是本序列第 \2 份陈述，证据包未出示",
    ),
    (
        r"entry (\d+) repeats statement (\d+): a fork",
        r"日志第 \1 号条目与本序列第 \2 份陈述同号：出现分叉",
    ),
    (
        r"its signer had checked another history: size (\d+) has root (.*)",
        r"签名人当时核对过的是另一份历史：规模 \1 时根哈希应为 \2",
    ),
    (
        r"as of (.*): (\d+) series recounted over (\d+) entries",
        r"截至 \1，已在全部 \3 个条目中清点 \2 个序列",
    ),
    (r"(\S+) says: (.*)", lambda m: f"镜像 {m[1]} 称：{in_chinese(m[2]) or m[2]}"),
    (r"entry (\d+) is not statement (\d+)", r"日志第 \1 号条目不是本序列第 \2 份陈述"),
    (r"entry (\d+) has a tag that was not asked for", r"日志第 \1 号条目带有未曾询问的标签"),
    (
        r"of (\d+) of (\d+) series no mirror that you trust speaks",
        r"共 \2 个序列，其中 \1 个没有您所信任的镜像作出声明",
    ),
    (
        r"on the word of (.*), as of (.*): (\d+) series looked for in (\d+) entries",
        r"依镜像 \1 的声明：截至 \2，已在全部 \4 个条目中查找 \3 个序列",
    ),
    (
        r"the key of (\S+) was withdrawn: it vouches for nothing",
        r"镜像 \1 的密钥已不算数：其声明不予采信",
    ),
    (r"no mirror of your trust folder has signed it", "不是您的信任文件夹所列镜像的签名，不予采信"),
    (
        r"it speaks of another tree than the packet checkpoint",
        "所述并非本证据包检查点的那棵树",
    ),
    (
        r"not noted: (.*)",
        lambda m: "未注明：" + "、".join(PARTICULARS[name]["zh"] for name in m[1].split(", ")),
    ),
    (r"no decision in the packet", "证据包中没有决定"),
    (
        r"(\d+) decisions: items are held against the first (\d+)",
        r"共 \1 份决定：证据仅与前 \2 份核对先后",
    ),
    (
        r"(before|after|not_shown) decision (\S+) dated (\S+)",
        lambda m: f"{_ORDER_WORDS[m[1]]}；决定为条目 {m[2]}，所载日期 {m[3]}",
    ),
    (
        r"after decision (\S+) dated (\S+): by its own label it supports no decision",
        lambda m: (
            f"{_ORDER_WORDS['after']}；决定为条目 {m[1]}，所载日期 {m[2]}；"
            "按其自称的阶段，不支持该决定"
        ),
    ),
    (r"no quorum has seen it yet", "尚无法定人数的联合签名人见过"),
    (
        r"late witnessed: (\d+) s after the ledger says it accepted it",
        lambda m: f"联合签名偏晚：比账本自称接收的时间晚 {_duration(int(m[1]))['zh']}",
    ),
    (r"the ledger says (.*), the quorum (.*)", r"账本自称时间为 \1，法定人数联合签名时间为 \2"),
    (
        r"claims to have begun at (.*), after it was fixed",
        r"自称开始于 \1，晚于其被固定的时间",
    ),
    (
        r"no quorum has seen what it stamps",
        "所加盖的检查点未经法定人数见证",
    ),
    (
        r"the authority's time is (\d+) s (after|before) the quorum's: stamped late, or one of "
        r"their clocks is wrong",
        lambda m: (
            f"授时机构的时间比法定人数联合签名的时间{'晚' if m[2] == 'after' else '早'} "
            f"{_duration(int(m[1]))['zh']}：加盖偏晚，或其中一方时钟有误"
        ),
    ),
    (r"nothing was asked about later times", "未就日后的时点提出要求"),
    (
        r"(.*) ended in (\d+), and no renewal of (.*) before that is shown",
        lambda m: f"{_ended(m[1])}于 {m[2]} 年失效，而未出示此前对{_renewed(m[3])}的续展",
    ),
    (
        r"(.*) ended in (\d+), and nothing shows that (\S+) was hashed again before",
        lambda m: f"{_ended(m[1])}于 {m[2]} 年失效，而未证明条目 {m[3]} 此前已重新哈希",
    ),
    (r"no authority of yours has stamped it", "没有您所信任的授时机构为其加盖时间戳"),
    (r"parts without a renewal", "有续展的部分内容而无续展陈述"),
    (r"it renews nothing", "该陈述不是续展"),
    (r"it has no token", "该续展没有时间戳"),
    (
        r"(\S+): its (entry|proof|envelope|salt) is not the one that was hashed again",
        lambda m: f"条目 {m[1]}：{_PARTS[m[2]]}不是当时重新哈希的那一份",
    ),
    (
        r"(\S+): its file (\d+) is not the one that was hashed again",
        r"条目 \1：第 \2 个文件不是当时重新哈希的那一份",
    ),
    (
        r"(\S+): its file (\d+) was gone when the others were hashed again",
        r"条目 \1：其他文件重新哈希时，第 \2 个文件已不存在",
    ),
    (
        r"(\S+): no proof to the tree of (\d+) entries that was hashed again",
        r"条目 \1：没有指向当时重新哈希的那棵树（规模 \2）的证明",
    ),
    (
        r"row (\d+) is no entry of a log that your trust folder knows",
        r"第 \1 行不是您的信任文件夹中任何日志的条目",
    ),
    (r"a text without a token", "有检查点文本而无时间戳"),
    (r"a revocation list without a token", "有吊销列表而无时间戳"),
    (r"the text that it stamps is not in the packet", "证据包中没有该时间戳所加盖的文本"),
    (
        r"it stamps another text than that of a checkpoint proved here",
        "该时间戳所加盖的文本不是本证据包中任何检查点的文本",
    ),
    (r"it is a timestamp of something else", "该时间戳加盖的是其他内容"),
    (r"the certificate is one of your own", "该证书由您自己直接信任"),
    (r"no revocation list of its issuer", "没有签发者的吊销列表"),
    (r"the revocation list had ended before the token was made", "吊销列表在加盖之前已过期"),
    (
        r"the revocation list was made after the certificate had ended",
        "吊销列表作于证书期满之后，期满证书可不再列入",
    ),
    (r"its certificate was revoked on (\S+): (.*)", r"其证书已于 \1 吊销（\2）"),
    (r"the signature does not match", "签名不符"),
)

_ENGLISH: tuple[tuple[str, Words], ...] = (
    (r"0 (clips|derivations|certificates|items)", "none in the packet"),
    (
        rf"(statement \d+ of \d+, entry \S+,|.*) is withheld: ({_REASON})",
        lambda m: f"{m[1]} is not shown; why, says who made the packet: {REASONS[m[2]]['en']}",
    ),
    (
        r"statement (\d+) of (\d+), entry (\S+), is not shown",
        r"statement \1 of \2, entry \3, is not shown, and no reason is given",
    ),
    (r"1 (?:files|items)", lambda m: m[0].removesuffix("s")),
    (r"1 statements", "1 statement"),
    (r"1 entries", "1 entry"),
    (
        r"cosigned by (.*); two histories are possible only if (\d+) of them collude",
        r"cosigned by \1",
    ),
    (
        r"(before|after|not_shown) decision (\S+) dated (\S+)",
        lambda m: f"{ORDERS[m[1]]['en']}, entry {m[2]}, dated {m[3]}",
    ),
    (
        r"after decision (\S+) dated (\S+): by its own label it supports no decision",
        lambda m: (
            f"{ORDERS['after']['en']}, entry {m[1]}, dated {m[2]}: "
            "by its own label it supports no decision"
        ),
    ),
    (
        r"late witnessed: (\d+) s after the ledger says it accepted it",
        lambda m: (
            f"cosigned late: {_duration(int(m[1]))['en']} after the ledger says it accepted it"
        ),
    ),
)

_ISO = re.compile(r"\b(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})\+08:00")


def detail_words(step: str, outcome: Outcome, detail: str) -> str:
    """A detail for a person, or the refusal of its step with the English behind it."""
    return detail_in(step, detail)[language()]


def detail_in(step: str, detail: str) -> Bilingual:
    """The same in both languages."""
    if not detail:
        return {"en": "", "zh": ""}
    en = matched(_ENGLISH, detail) or detail
    zh = matched(_CHINESE, detail) or matched(REFUSED, detail) or f"{_REFUSALS[step]}（{detail}）"
    return {"en": when_in(en)["en"], "zh": when_in(zh)["zh"]}


def in_chinese(detail: str) -> str | None:
    """The Chinese of a detail, or None where it is an error's own words."""
    return matched(_CHINESE, detail)


def when(text: str) -> str:
    """Printable, with times as a person reads them; all of ours are in UTC+8."""
    return when_in(text)[language()]


def when_in(text: str) -> Bilingual:
    """The same in both languages."""
    shown = printable(text)
    return {
        "en": _ISO.sub(r"\1 \2 UTC+8", shown),
        "zh": _ISO.sub(r"\1 \2（北京时间）", shown),
    }


def _duration(seconds: int) -> Bilingual:
    if seconds < 7200:
        return {"en": f"{seconds // 60} min", "zh": f"{seconds // 60} 分钟"}
    if seconds < 172_800:
        return {"en": f"{seconds // 3600} h", "zh": f"{seconds // 3600} 小时"}
    return {"en": f"{seconds // 86_400} days", "zh": f"{seconds // 86_400} 天"}
