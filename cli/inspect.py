"""`tiezheng inspect`: what a file is and says, for a person. It verifies nothing."""

from pathlib import Path

from cli import output
from cli.command import argument, json_option
from cli.command import command as new_command
from cli.explain import Explained, explain
from cli.language import pick, say
from cli.wording import STAGES, when
from ledger.encoding import printable
from ledger.report import Bilingual

_NOT_TRUE: Bilingual = {
    "en": "that what it says is true, or that anyone signed it",
    "zh": "内容属实，或确由所称之人签署",
}

# What each kind is, and what having such a file does not prove.
KINDS: dict[str, tuple[Bilingual, Bilingual]] = {
    "packet": (
        {
            "en": "a packet: the evidence of a case, as a court receives it",
            "zh": "证据包：法院收到的案件证据",
        },
        {
            "en": "anything until `tiezheng verify` has checked it",
            "zh": "任何事项；须先用 tiezheng verify 核验",
        },
    ),
    "trust": (
        {
            "en": "a trust folder: which logs, cosigners and keys its owner believes",
            "zh": "信任文件夹：其所有者相信哪些日志、联合签名人和密钥",
        },
        {
            "en": "that they deserve it: compare its hash with one you got another way",
            "zh": "这些对象值得信任；请与另行取得的哈希核对",
        },
    ),
    "log": (
        {"en": "a copy of a public log", "zh": "公开日志的副本"},
        {
            "en": "that it is whole: `tiezheng audit` recomputes it",
            "zh": "副本完整；可用 tiezheng audit 重新计算",
        },
    ),
    "entry": (
        {
            "en": "an entry: what the public log holds about one statement, and no more",
            "zh": "条目：公开日志就一份陈述所保存的全部内容",
        },
        {
            "en": "what the statement says, or when it was really accepted: `at` is a claim",
            "zh": "陈述的内容，以及真实的接收时间（时间系账本自称）",
        },
    ),
    "envelope": (
        {"en": "an envelope: a statement with its signatures", "zh": "信封：一份陈述及其签名"},
        {
            "en": "that the signatures are valid, or that the statement is true or logged",
            "zh": "签名有效、陈述属实或已入日志",
        },
    ),
    "statement": (
        {"en": "a statement without signatures", "zh": "未附签名的陈述"},
        {"en": "that anyone has said it", "zh": "有人作过此陈述"},
    ),
    "series": (
        {
            "en": "a series: which entries belong to one case, recording or register line",
            "zh": "序列：同一案件、录像或登记项下的全部条目",
        },
        {
            "en": "that none is missing: that takes a copy of the whole log",
            "zh": "没有缺漏；须用整个日志的副本核对",
        },
    ),
    "roots": (
        {
            "en": "the roots that show a series key to give one signature a name",
            "zh": "序列公钥的证明根：用以证明每个名称只有一个签名",
        },
        {"en": "that the roots are right", "zh": "这些根正确"},
    ),
    "index": (
        {"en": "the index of a packet", "zh": "证据包目录"},
        {
            "en": "anything: nothing is believed because it says so",
            "zh": "任何事项；核验不采信其说法",
        },
    ),
    "note": (
        {"en": "a signed note that is no checkpoint", "zh": "已签名的文本（不是检查点）"},
        _NOT_TRUE,
    ),
    "checkpoint": (
        {
            "en": "a checkpoint: what a log claims to hold, and who cosigned it",
            "zh": "检查点：日志自称的内容，以及联合签名人",
        },
        {
            "en": "that the signatures are valid or enough: your policy decides",
            "zh": "签名有效或足够；由您的策略决定",
        },
    ),
    "proof": (
        {
            "en": "a proof that an entry is in a log, with the cosigned checkpoint",
            "zh": "条目已入日志的证明，附经联合签名的检查点",
        },
        {
            "en": "anything without the entry itself: it is not in here",
            "zh": "任何事项，除非同时持有条目本身",
        },
    ),
    "policy": (
        {
            "en": "a policy: whose cosignatures make a checkpoint count",
            "zh": "策略：哪些联合签名使检查点有效",
        },
        {"en": "that the keys belong to whom they are named for", "zh": "密钥确属所称之人"},
    ),
    "tile": (
        {"en": "a tile: hashes of a log's tree", "zh": "瓦片：日志树的一段哈希"},
        {"en": "that they are those of the log", "zh": "这些哈希确属该日志"},
    ),
    "bundle": (
        {"en": "a bundle of a log's entries", "zh": "日志条目集"},
        {"en": "that they are those of the log", "zh": "这些条目确属该日志"},
    ),
    "salt": (
        {
            "en": "32 bytes, as a salt has: without it a statement cannot be tied to its entry",
            "zh": "32 字节，应为盐值：没有它，陈述无法与条目对应",
        },
        {"en": "which statement it belongs to", "zh": "属于哪份陈述"},
    ),
    "manifest": (
        {
            "en": "a manifest: files of a packet with their SHA-256",
            "zh": "清单：证据包文件及其 SHA-256",
        },
        {
            "en": "anything but damage on the way: whoever made the packet wrote it",
            "zh": "除传输损坏外的任何事项；清单由制作者写成",
        },
    ),
    "bagit": (
        {"en": "the mark of a BagIt folder", "zh": "BagIt 文件夹标记"},
        {"en": "anything", "zh": "任何事项"},
    ),
    "bag_info": (
        {"en": "size and maker of a packet", "zh": "证据包的大小与制作软件"},
        {"en": "anything", "zh": "任何事项"},
    ),
    "private_key": (
        {
            "en": "a PRIVATE key: whoever has this file can sign in its name (not shown here)",
            "zh": "私钥：持有此文件者即可以其名义签名（此处不显示私钥）",
        },
        {"en": "that nobody else has a copy", "zh": "他人没有副本"},
    ),
    "public_key": (
        {"en": "a public key", "zh": "公钥"},
        {
            "en": "whose it is: compare the fingerprint over another way",
            "zh": "归属；请另行核对指纹",
        },
    ),
    "public_keys": (
        {"en": "a list of public keys", "zh": "公钥列表"},
        {
            "en": "whose they are: compare the fingerprints over another way",
            "zh": "归属；请另行核对指纹",
        },
    ),
    "series_key": (
        {"en": "the public series key of a year", "zh": "某一年度的序列公钥"},
        {
            "en": "that its signatures are unique: that takes its roots",
            "zh": "签名唯一；须有其证明根",
        },
    ),
    "series_private": (
        {
            "en": "a PRIVATE series key: whoever has it can name and link series (not shown here)",
            "zh": "序列私钥：持有者可命名并关联序列（此处不显示私钥）",
        },
        {"en": "that nobody else has a copy", "zh": "他人没有副本"},
    ),
}

LABELS: dict[str, Bilingual] = {
    "about": {"en": "about the series", "zh": "所涉序列"},
    "about_statement": {"en": "about the statement", "zh": "所涉陈述"},
    "about_text": {"en": "about", "zh": "所涉文本"},
    "act": {"en": "act", "zh": "执法行为"},
    "action": {"en": "what was done", "zh": "操作"},
    "after": {"en": "signed after having checked", "zh": "签署前核对过的检查点"},
    "agency": {"en": "agency", "zh": "机关"},
    "algorithm": {"en": "algorithm", "zh": "算法"},
    "at": {"en": "accepted, by the ledger's word", "zh": "账本自称的接收时间"},
    "bits": {"en": "bits", "zh": "位数"},
    "by": {"en": "by whom", "zh": "操作人"},
    "bytes": {"en": "bytes", "zh": "字节数"},
    "carrier": {"en": "original carrier", "zh": "原始载体"},
    "case": {"en": "case", "zh": "案号"},
    "case_numbers": {"en": "case numbers", "zh": "案号写法"},
    "changes": {"en": "what it should say", "zh": "更正内容"},
    "commitment": {"en": "commitment", "zh": "承诺值"},
    "compromised_since": {"en": "compromised since", "zh": "自何时起失密"},
    "corrected": {"en": "time, corrected by the clock's error", "zh": "校正时钟误差后的时间"},
    "cosigned_by": {"en": "cosigned, by its own word, by", "zh": "自称联合签名人"},
    "cosigner": {"en": "cosigner", "zh": "联合签名人"},
    "count": {"en": "how many", "zh": "数量"},
    "counts": {"en": "counts", "zh": "计数"},
    "device": {"en": "device", "zh": "设备"},
    "entries": {"en": "entries", "zh": "条目数"},
    "evidence_type": {"en": "type of evidence", "zh": "证据种类"},
    "file": {"en": "file name on the device", "zh": "设备上的文件名"},
    "file_name": {"en": "file", "zh": "文件"},
    "files": {"en": "files", "zh": "文件数"},
    "fingerprint": {"en": "fingerprint (SHA-256)", "zh": "指纹（SHA-256）"},
    "hash": {"en": "hash of the folder", "zh": "文件夹哈希"},
    "hashes": {"en": "hashes on the path", "zh": "路径哈希数"},
    "id": {"en": "id", "zh": "编号"},
    "index": {"en": "entry number, counted from 0", "zh": "条目序号（从 0 起）"},
    "items": {"en": "items", "zh": "证据原件数"},
    "key": {"en": "key registered", "zh": "登记的密钥"},
    "leaf_hash": {"en": "leaf hash", "zh": "叶哈希"},
    "level": {"en": "level", "zh": "层"},
    "log": {"en": "log", "zh": "日志"},
    "logs": {"en": "logs", "zh": "日志"},
    "made_by": {"en": "made by", "zh": "制作软件"},
    "maker": {"en": "maker", "zh": "制作人"},
    "method": {"en": "method", "zh": "制作方法"},
    "mirror": {"en": "mirror", "zh": "镜像"},
    "name": {"en": "name", "zh": "名称"},
    "note": {"en": "note", "zh": "备注"},
    "occurred": {"en": "claimed time", "zh": "自称时间"},
    "officers": {"en": "officers, by certificate number", "zh": "执法人员（证件号）"},
    "overlap": {
        "en": "cosigners that must collude for two histories",
        "zh": "须有几名联合签名人串通才可能出现两份历史",
    },
    "oxum": {"en": "payload bytes and files", "zh": "内容字节数与文件数"},
    "person": {"en": "person or machine", "zh": "人员或设备"},
    "places": {"en": "where they stand", "zh": "所在位置"},
    "policy_hash": {"en": "policy (SHA-256)", "zh": "策略（SHA-256）"},
    "provisional": {"en": "provisional case", "zh": "暂立案件"},
    "purpose": {"en": "what it is to prove", "zh": "证明对象"},
    "quorum": {"en": "quorum", "zh": "法定人数"},
    "range": {"en": "positions", "zh": "位置范围"},
    "reason": {"en": "reason", "zh": "理由"},
    "registrar": {"en": "registrar", "zh": "登记人"},
    "revoked": {"en": "revoked because", "zh": "撤销原因"},
    "role": {"en": "role", "zh": "角色"},
    "root": {"en": "root hash", "zh": "根哈希"},
    "series": {"en": "series keys by year", "zh": "各年度序列公钥"},
    "series_files": {"en": "series", "zh": "序列数"},
    "series_year": {"en": "series key", "zh": "序列公钥"},
    "sha256": {"en": "SHA-256", "zh": "SHA-256"},
    "signed_by": {"en": "signed, by its own word, by", "zh": "自称签名人"},
    "size": {"en": "entries in the log", "zh": "日志条目数"},
    "stage": {"en": "stage", "zh": "阶段"},
    "statement_kind": {"en": "kind of statement", "zh": "陈述种类"},
    "statements": {"en": "statements", "zh": "陈述数"},
    "tags": {"en": "tags", "zh": "标签数"},
    "text": {"en": "text", "zh": "文本"},
    "vkey": {"en": "public key", "zh": "公钥"},
    "what": {"en": "what", "zh": "事项"},
}

# Words of closed lists, beside which the word of the format stays.
WORDS: dict[str, dict[str, Bilingual]] = {
    "stage": STAGES,
    "statement_kind": {
        "evidence": {"en": "an item handed in", "zh": "提交证据"},
        "act": {"en": "a procedural act", "zh": "执法行为"},
        "correction": {"en": "a correction of an earlier statement", "zh": "更正"},
        "custody": {"en": "an access to evidence", "zh": "保管与查阅"},
        "register": {"en": "a registration", "zh": "登记"},
        "status": {"en": "the state of the ledger", "zh": "账本状态"},
    },
    "evidence_type": {
        "documentary": {"en": "documentary evidence", "zh": "书证"},
        "physical": {"en": "physical evidence", "zh": "物证"},
        "audiovisual": {"en": "audio-visual material", "zh": "视听资料"},
        "electronic_data": {"en": "electronic data", "zh": "电子数据"},
        "testimony": {"en": "testimony", "zh": "证人证言"},
        "party_statement": {"en": "the party's statement", "zh": "当事人的陈述"},
        "appraisal": {"en": "appraisal opinion", "zh": "鉴定意见"},
        "site_record": {"en": "on-site record", "zh": "勘验笔录、现场笔录"},
    },
    "role": {
        "station": {"en": "upload station", "zh": "采集站"},
        "handler": {"en": "case handler", "zh": "办案人员"},
        "ledger": {"en": "the ledger itself", "zh": "账本"},
        "notary": {"en": "notary", "zh": "公证机构"},
        "court": {"en": "court", "zh": "法院"},
        "supervisor": {"en": "supervisor", "zh": "执法监督机构"},
        "auditor": {"en": "auditor", "zh": "审计人员"},
        "admin": {"en": "administrator", "zh": "管理员"},
    },
}


@new_command(
    "inspect",
    words={
        "en": "Say what a file is, in words.\n\n"
        "Takes a packet, a trust folder, a log, and every file that stands in one, and\n"
        "keys. Nothing is verified, and a private key is never shown.",
        "zh": "用文字说明一个文件是什么。\n\n"
        "可用于证据包、信任文件夹、日志及其中任何文件，以及密钥。\n"
        "不作任何核验；绝不显示私钥。",
    },
    example="tiezheng inspect packet/data/statements/2026-3.dsse.json",
)
@argument("path", metavar="PATH", words={"en": "a file or folder", "zh": "文件或文件夹"})
@json_option()
def command(path: str, as_json: bool) -> None:
    explained = explain(Path(path))
    if as_json:
        fields = [{"name": name, "value": value} for name, value in explained.fields]
        output.result_json(
            {"fields": fields, "kind": explained.kind, "path": path, "v": 1, "verified": "nothing"}
        )
        return
    output.result(_text(path, explained))


def _text(path: str, explained: Explained) -> str:
    what, not_proved = (pick(words) for words in KINDS[explained.kind])
    colon = say(en=": ", zh="：")
    return "\n".join(
        [
            f"{printable(path)}{colon}{what}",
            *(
                f"  {pick(LABELS[name])}{colon}{_value(name, value)}"
                for name, value in explained.fields
            ),
            say(en=f"Does not prove: {not_proved}.", zh=f"不证明：{not_proved}。"),
            say(en="Nothing here was verified.", zh="以上内容均未经核验。"),
        ]
    )


def _value(name: str, value: str) -> str:
    words = WORDS.get(name, {}).get(value)
    if words is None:
        return when(value)
    return say(en=f"{pick(words)} ({value})", zh=f"{pick(words)}（{value}）")
