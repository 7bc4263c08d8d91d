"""The words of explanations, in both languages, by the stable names of kinds and fields."""

from typing import NamedTuple

from cli.wording import ROLES, STAGES
from ledger.report import Bilingual


class Kind(NamedTuple):
    """What it is, what having such a file does not show, and where its form is defined."""

    what: Bilingual
    not_shown: Bilingual
    defined_in: str = ""


TILES = "c2sp.org/tlog-tiles"
NOTE = "c2sp.org/signed-note"
CHECKPOINT = "c2sp.org/tlog-checkpoint"
COSIGNATURE = "c2sp.org/tlog-cosignature"
WITNESS = "c2sp.org/tlog-witness"
DSSE = "DSSE v1"
IN_TOTO = "in-toto attestation framework"
RFC3161 = "RFC 3161"
BAGIT = "RFC 8493 (BagIt)"
OURS = "Tiezheng"

_NOT_TRUE: Bilingual = {
    "en": "that what it says is true, or that anyone signed it",
    "zh": "内容属实，或确由所称之人签署",
}
_NOT_THE_LOGS: Bilingual = {
    "en": "that this is what the log holds: only its checkpoint can show that",
    "zh": "日志中确为这些内容；须用其检查点核对",
}
_NO_COPY: Bilingual = {"en": "that nobody else has a copy", "zh": "他人没有副本"}
_WHOSE: Bilingual = {
    "en": "whose it is: compare the fingerprint over another way",
    "zh": "归属；请另行核对指纹",
}
_NOTHING: Bilingual = {"en": "anything", "zh": "任何事项"}

KINDS: dict[str, Kind] = {
    # --- ours ---
    "packet": Kind(
        {
            "en": "a packet: the evidence of a case, as a court receives it",
            "zh": "证据包：法院收到的案件证据",
        },
        {
            "en": "anything until `tiezheng verify` has checked it",
            "zh": "任何事项；须先用 tiezheng verify 核验",
        },
        f"{OURS}; {BAGIT}",
    ),
    "trust": Kind(
        {
            "en": "a trust folder: which logs, cosigners and keys its owner believes",
            "zh": "信任文件夹：其所有者相信哪些日志、联合签名人和密钥",
        },
        {
            "en": "that they deserve it: compare its hash with one you got another way",
            "zh": "这些对象值得信任；请与另行取得的哈希核对",
        },
        OURS,
    ),
    "log_list": Kind(
        {"en": "the list of logs of a trust folder", "zh": "信任文件夹的日志列表"},
        {"en": "anything without the policies beside it", "zh": "任何事项，除非连同旁边的策略"},
        OURS,
    ),
    "entry": Kind(
        {
            "en": "an entry: what the public log holds about one statement, and no more",
            "zh": "条目：公开日志就一份陈述所保存的全部内容",
        },
        {
            "en": "what the statement says, or when it was really accepted: `at` is a claim",
            "zh": "陈述的内容，以及真实的接收时间（时间系账本自称）",
        },
        OURS,
    ),
    "envelope": Kind(
        {"en": "an envelope: a statement with its signatures", "zh": "信封：一份陈述及其签名"},
        {
            "en": "that the signatures are valid, or that the statement is true or logged",
            "zh": "签名有效、陈述属实或已入日志",
        },
        f"{OURS}; {DSSE}",
    ),
    "absence": Kind(
        {
            "en": "an absence statement: what a mirror says of tags in a log",
            "zh": "缺席声明：镜像就日志中的标签所作的声明",
        },
        {
            "en": "that the mirror is honest, or of which case the tags are",
            "zh": "镜像诚实，或标签属于哪个案件",
        },
        f"{OURS}; {DSSE}",
    ),
    "statement": Kind(
        {"en": "a statement without signatures", "zh": "未附签名的陈述"},
        {"en": "that anyone has said it", "zh": "有人作过此陈述"},
        f"{OURS}; {IN_TOTO}",
    ),
    "series": Kind(
        {
            "en": "a series: which entries belong to one case, recording or register line",
            "zh": "序列：同一案件、录像或登记项下的全部条目",
        },
        {
            "en": "that none is missing: that takes a copy of the whole log",
            "zh": "没有缺漏；须用整个日志的副本核对",
        },
        OURS,
    ),
    "roots": Kind(
        {
            "en": "the roots that show a series key to give one signature a name",
            "zh": "序列公钥的证明根：用以证明每个名称只有一个签名",
        },
        {"en": "that the roots are right", "zh": "这些根正确"},
        OURS,
    ),
    "index": Kind(
        {"en": "the index of a packet", "zh": "证据包目录"},
        {
            "en": "anything: nothing is believed because it says so",
            "zh": "任何事项；核验不采信其说法",
        },
        OURS,
    ),
    "session_manifest": Kind(
        {
            "en": "a session's manifest: every file that a recorder's card held",
            "zh": "设备会话清单：记录仪存储卡上的全部文件",
        },
        {
            "en": "who listed them and when: the session statement that names it does",
            "zh": "由谁、何时列出；见以它为对象的会话陈述",
        },
        OURS,
    ),
    "party_receipt": Kind(
        {
            "en": "a party's receipt: what a station promises that it found",
            "zh": "当事人回执：采集站声明其发现的内容",
        },
        {
            "en": "whose it is, or that it holds: ask with `tiezheng party-receipt`",
            "zh": "属于谁、是否属实；请用 tiezheng party-receipt 查询",
        },
        OURS,
    ),
    "fraud": Kind(
        {
            "en": "a proof of fraud: that a log signed two histories",
            "zh": "欺诈证明：某日志签署过两份历史",
        },
        {
            "en": "that it holds: ask with `tiezheng verify`",
            "zh": "证明是否成立；请用 tiezheng verify 核验",
        },
        OURS,
    ),
    "salt": Kind(
        {
            "en": "32 bytes, as a salt has: without it a statement cannot be tied to its entry",
            "zh": "32 字节，应为盐值：没有它，陈述无法与条目对应",
        },
        {"en": "which statement it belongs to", "zh": "属于哪份陈述"},
        OURS,
    ),
    "series_key": Kind(
        {"en": "the public series key of a year", "zh": "某一年度的序列公钥"},
        {
            "en": "that its signatures are unique: that takes its roots",
            "zh": "签名唯一；须有其证明根",
        },
        OURS,
    ),
    "series_private": Kind(
        {
            "en": "a PRIVATE series key: whoever has it can name and link series (not shown here)",
            "zh": "序列私钥：持有者可命名并关联序列（此处不显示私钥）",
        },
        _NO_COPY,
        OURS,
    ),
    # --- notes and keys ---
    "note": Kind(
        {"en": "a signed note that is no checkpoint", "zh": "已签名的文本（不是检查点）"},
        _NOT_TRUE,
        NOTE,
    ),
    "checkpoint": Kind(
        {
            "en": "a checkpoint: what a log claims to hold, and who cosigned it",
            "zh": "检查点：日志自称的内容，以及联合签名人",
        },
        {
            "en": "that the signatures are valid or enough: your policy decides",
            "zh": "签名有效或足够；由您的策略决定",
        },
        CHECKPOINT,
    ),
    "checkpoint_text": Kind(
        {
            "en": "the text of a checkpoint, without signatures",
            "zh": "检查点的文本，未附签名",
        },
        {"en": "that any log has said it", "zh": "有日志作过此声明"},
        CHECKPOINT,
    ),
    "cosignatures": Kind(
        {
            "en": "signature lines of cosigners, without the checkpoint that they sign",
            "zh": "联合签名人的签名行，未附所签的检查点",
        },
        {"en": "what was signed, or that the signatures are valid", "zh": "所签内容，或签名有效"},
        COSIGNATURE,
    ),
    "public_key": Kind({"en": "a public key", "zh": "公钥"}, _WHOSE, NOTE),
    "public_keys": Kind(
        {"en": "a list of public keys", "zh": "公钥列表"},
        {
            "en": "whose they are: compare the fingerprints over another way",
            "zh": "归属；请另行核对指纹",
        },
        NOTE,
    ),
    "private_key": Kind(
        {
            "en": "a PRIVATE key: whoever has this file can sign in its name (not shown here)",
            "zh": "私钥：持有此文件者即可以其名义签名（此处不显示私钥）",
        },
        _NO_COPY,
        NOTE,
    ),
    "private_pem": Kind(
        {
            "en": "a PRIVATE key in PEM: whoever has this file can sign with it (not shown here)",
            "zh": "PEM 格式的私钥：持有此文件者即可用其签名（此处不显示私钥）",
        },
        _NO_COPY,
    ),
    # --- logs ---
    "log": Kind(
        {"en": "a copy of a public log", "zh": "公开日志的副本"},
        {
            "en": "that it is whole: `tiezheng audit` recomputes it",
            "zh": "副本完整；可用 tiezheng audit 重新计算",
        },
        TILES,
    ),
    "logs": Kind(
        {"en": "a folder of copies of public logs", "zh": "若干公开日志副本的文件夹"},
        {
            "en": "that they are whole, or all: `tiezheng audit` recomputes them",
            "zh": "副本完整或齐全；可用 tiezheng audit 重新计算",
        },
        TILES,
    ),
    "tile": Kind(
        {"en": "a tile: hashes of a log's tree", "zh": "瓦片：日志树的一段哈希"},
        _NOT_THE_LOGS,
        TILES,
    ),
    "bundle": Kind({"en": "a bundle of a log's entries", "zh": "日志条目包"}, _NOT_THE_LOGS, TILES),
    "sumdb_records": Kind(
        {
            "en": "records of a checksum database of the Go language",
            "zh": "Go 语言校验和数据库的记录",
        },
        _NOT_THE_LOGS,
        "golang.org/x/mod/sumdb",
    ),
    "ct_data": Kind(
        {
            "en": "certificates of a Certificate Transparency log (not read further here)",
            "zh": "证书透明度日志的证书数据（此处不再细读）",
        },
        _NOT_THE_LOGS,
        "c2sp.org/static-ct-api",
    ),
    "proof": Kind(
        {
            "en": "a proof that an entry is in a log, with the cosigned checkpoint",
            "zh": "条目已入日志的证明，附经联合签名的检查点",
        },
        {
            "en": "anything without the entry itself: it is not in here",
            "zh": "任何事项，除非同时持有条目本身",
        },
        "c2sp.org/tlog-proof",
    ),
    "policy": Kind(
        {
            "en": "a policy: whose cosignatures make a checkpoint count",
            "zh": "策略：哪些联合签名使检查点有效",
        },
        {"en": "that the keys belong to whom they are named for", "zh": "密钥确属所称之人"},
        "c2sp.org/tlog-policy",
    ),
    "add_checkpoint": Kind(
        {
            "en": "a request that a cosigner sign a log's new checkpoint",
            "zh": "请求联合签名人签署日志的新检查点",
        },
        {
            "en": "that the old tree begins the new one, or that anyone agreed to sign",
            "zh": "新树确由旧树延续而来，或有人已同意签署",
        },
        f"{WITNESS}, add-checkpoint",
    ),
    "sign_subtree": Kind(
        {
            "en": "a request that a cosigner sign a part of a log's tree",
            "zh": "请求联合签名人签署日志树的一部分",
        },
        {
            "en": "that the part belongs to the tree, or that anyone agreed to sign",
            "zh": "该部分确属此树，或有人已同意签署",
        },
        f"{WITNESS}, sign-subtree",
    ),
    "add_entries": Kind(
        {
            "en": "an upload of a log's entries to a mirror",
            "zh": "向镜像上传日志条目的请求",
        },
        {
            "en": "that the entries are those of the log, or that a mirror keeps them",
            "zh": "条目确属该日志，或镜像已保存",
        },
        "c2sp.org/tlog-mirror, add-entries",
    ),
    # --- envelopes and statements of anyone ---
    "dsse": Kind(
        {
            "en": "an envelope (DSSE): data with its signatures, not in this project's form",
            "zh": "DSSE 信封：数据及其签名（不是本项目的格式）",
        },
        {
            "en": "that the signatures are valid, or that what it holds is true",
            "zh": "签名有效，或所载内容属实",
        },
        DSSE,
    ),
    "dsse_lines": Kind(
        {
            "en": "a list of envelopes (DSSE), one a line",
            "zh": "DSSE 信封列表，每行一个",
        },
        {
            "en": "that the signatures are valid, what they hold is true, or none is missing",
            "zh": "签名有效、所载内容属实或没有缺漏",
        },
        DSSE,
    ),
    "in_toto": Kind(
        {
            "en": "a statement (in-toto) without signatures, not in this project's form",
            "zh": "in-toto 声明，未附签名（不是本项目的格式）",
        },
        {"en": "that anyone has said it", "zh": "有人作过此声明"},
        IN_TOTO,
    ),
    # --- bags ---
    "bag": Kind(
        {
            "en": "a bag (BagIt): files with their checksums, and no packet of this project",
            "zh": "BagIt 包：文件及其校验和清单（不是本项目的证据包）",
        },
        {
            "en": "that the files are what their maker packed: whoever changes a file can change "
            "its list too",
            "zh": "文件仍是制作者当初打包的内容；改动文件者也能改动清单",
        },
        BAGIT,
    ),
    "manifest": Kind(
        {
            "en": "a manifest: files of a bag with their checksums",
            "zh": "清单：BagIt 包中的文件及其校验和",
        },
        {
            "en": "anything but damage on the way: whoever made the bag wrote it",
            "zh": "除传输损坏外的任何事项；清单由制作者写成",
        },
        BAGIT,
    ),
    "bagit": Kind({"en": "the mark of a BagIt folder", "zh": "BagIt 文件夹标记"}, _NOTHING, BAGIT),
    "bag_info": Kind(
        {"en": "what the maker of a bag says about it", "zh": "BagIt 包制作者对该包的说明"},
        _NOTHING,
        BAGIT,
    ),
    # --- time stamps ---
    "timestamp_request": Kind(
        {
            "en": "a request for a time stamp: the hash that is to be stamped",
            "zh": "时间戳请求：待加盖时间戳的哈希",
        },
        {
            "en": "that a time stamp was given: this is only the question",
            "zh": "已取得时间戳；这只是请求",
        },
        RFC3161,
    ),
    "timestamp_response": Kind(
        {
            "en": "the answer of a time stamping authority",
            "zh": "时间戳服务机构的答复",
        },
        {
            "en": "that the authority signed it, deserves belief, or knew what the hash stands for",
            "zh": "确由该机构签署、该机构可信，或其知晓该哈希所代表的内容",
        },
        RFC3161,
    ),
    "timestamp_refusal": Kind(
        {
            "en": "the answer of a time stamping authority, without a time stamp",
            "zh": "时间戳服务机构的答复，其中没有时间戳",
        },
        {
            "en": "that anything existed at any time, or that the authority said so",
            "zh": "任何内容在任何时间已存在，或确由该机构答复",
        },
        RFC3161,
    ),
    "timestamp_token": Kind(
        {
            "en": "a time stamp: an authority's claim that a hash existed at a time",
            "zh": "时间戳：机构声称某哈希在某一时间已存在",
        },
        {
            "en": "that the authority signed it, deserves belief, or knew what the hash stands for",
            "zh": "确由该机构签署、该机构可信，或其知晓该哈希所代表的内容",
        },
        RFC3161,
    ),
}

LABELS: dict[str, Bilingual] = {
    "about": {"en": "about the series", "zh": "所涉序列"},
    "about_statement": {"en": "about the statement", "zh": "所涉陈述"},
    "about_text": {"en": "about", "zh": "所涉文本"},
    "about_what": {"en": "what such a statement tells", "zh": "此类声明说明"},
    "accuracy": {"en": "accuracy", "zh": "精度"},
    "accuracy_seconds": {"en": "accurate to, in seconds", "zh": "精度（秒）"},
    "act": {"en": "act", "zh": "执法行为"},
    "action": {"en": "what was done", "zh": "操作"},
    "after": {"en": "signed after having checked", "zh": "签署前核对过的检查点"},
    "agency": {"en": "agency", "zh": "机关"},
    "applicant": {"en": "applicant", "zh": "申请人"},
    "application": {"en": "application it belongs to", "zh": "所属公证申请"},
    "algorithm": {"en": "algorithm", "zh": "算法"},
    "at": {"en": "accepted, by the ledger's word", "zh": "账本自称的接收时间"},
    "auxiliaries": {"en": "auxiliaries", "zh": "辅助人员"},
    "bagit_version": {"en": "version of BagIt", "zh": "BagIt 版本"},
    "basis": {"en": "legal basis", "zh": "依据"},
    "bits": {"en": "bits", "zh": "位数"},
    "build_type": {"en": "kind of build", "zh": "构建方式"},
    "builder": {"en": "built by, by its own word", "zh": "自称构建者"},
    "bundles": {"en": "bundles of entries", "zh": "条目包数"},
    "by": {"en": "by whom", "zh": "操作人"},
    "bytes": {"en": "bytes", "zh": "字节数"},
    "card": {"en": "storage card", "zh": "存储卡"},
    "carrier": {"en": "original carrier", "zh": "原始载体"},
    "case": {"en": "case", "zh": "案号"},
    "case_numbers": {"en": "case numbers", "zh": "案号写法"},
    "cause": {"en": "why something is missing", "zh": "缺失原因"},
    "cert_req": {"en": "asks for the authority's certificate", "zh": "要求附机构证书"},
    "certificate": {"en": "certificate of", "zh": "证书持有者"},
    "certificates": {"en": "certificates in it", "zh": "所附证书数"},
    "changes": {"en": "what it should say", "zh": "更正内容"},
    "checksums": {"en": "checksums", "zh": "校验和"},
    "clock": {"en": "the recorder's clock against the station's", "zh": "记录仪时钟与采集站之差"},
    "commitment": {"en": "commitment", "zh": "承诺值"},
    "complaint": {"en": "complaint", "zh": "所属投诉"},
    "compromised_since": {"en": "compromised since", "zh": "自何时起失密"},
    "content": {"en": "content", "zh": "内容"},
    "corrected": {"en": "time, corrected by the clock's error", "zh": "校正时钟误差后的时间"},
    "cosigned_by": {"en": "cosigned, by its own word, by", "zh": "自称联合签名人"},
    "cosigner": {"en": "cosigner", "zh": "联合签名人"},
    "count": {"en": "how many", "zh": "数量"},
    "counters": {"en": "last file numbers", "zh": "最后的文件编号"},
    "counts": {"en": "counts", "zh": "计数"},
    "curve": {"en": "kind of key", "zh": "密钥类型"},
    "decision": {"en": "decision", "zh": "受理决定"},
    "derived": {"en": "made as", "zh": "派生种类"},
    "device": {"en": "device", "zh": "设备"},
    "devices": {"en": "recorders", "zh": "执法记录仪"},
    "dispute": {"en": "dispute, by the applicant's word", "zh": "争议（申请人自述）"},
    "digest": {"en": "digest", "zh": "摘要"},
    "encoding": {"en": "character encoding", "zh": "字符编码"},
    "entries": {"en": "entries", "zh": "条目数"},
    "entries_here": {"en": "entries in this upload", "zh": "本次上传的条目数"},
    "entries_ours": {"en": "of these in this project's form", "zh": "其中本项目格式的条目数"},
    "asked_sha256": {"en": "SHA-256 of the tags asked for", "zh": "所问标签的 SHA-256"},
    "asked_tags": {"en": "tags asked for", "zh": "所问标签数"},
    "entry_bytes": {"en": "bytes of all entries", "zh": "条目总字节数"},
    "envelope": {"en": "envelope", "zh": "信封"},
    "evidence_type": {"en": "type of evidence", "zh": "证据种类"},
    "facts": {"en": "facts", "zh": "事实"},
    "favourable_to_party": {"en": "in what it speaks for the party", "zh": "有利于当事人之处"},
    "extension": {"en": "further line", "zh": "附加行"},
    "extension_oid": {"en": "extension", "zh": "扩展项"},
    "extra": {
        "en": "what the further data says (signed by nobody)",
        "zh": "附加数据内容（无人签署）",
    },
    "extra_bytes": {"en": "bytes of further data", "zh": "附加数据字节数"},
    "failure": {"en": "reason of the refusal", "zh": "拒绝原因"},
    "fetch": {
        "en": "files to be fetched from elsewhere (fetch.txt)",
        "zh": "须另行下载的文件数（fetch.txt）",
    },
    "file": {"en": "file name on the device", "zh": "设备上的文件名"},
    "file_name": {"en": "file", "zh": "文件"},
    "files": {"en": "files", "zh": "文件数"},
    "final": {"en": "last checkpoint of the log before", "zh": "上一份日志的最后检查点"},
    "fingerprint": {"en": "fingerprint (SHA-256)", "zh": "指纹（SHA-256）"},
    "first_entry": {"en": "first entry", "zh": "首个条目"},
    "first_hash": {"en": "first hash", "zh": "首个哈希"},
    "gap": {"en": "which gap", "zh": "第几项缺失"},
    "gaps": {"en": "what does not add up", "zh": "不相符之处"},
    "ground": {"en": "ground of the refusal", "zh": "不予办理的事由"},
    "group": {"en": "group, and how many of its members suffice", "zh": "组及所需人数"},
    "has_certificate": {"en": "comes with a certificate", "zh": "附有证书"},
    "hash": {"en": "hash of the folder", "zh": "文件夹哈希"},
    "hash_algorithm": {"en": "hash algorithm", "zh": "哈希算法"},
    "hashes": {"en": "hashes on the path", "zh": "路径哈希数"},
    "header": {"en": "first line that names the format", "zh": "标明格式的首行"},
    "hold": {"en": "hold", "zh": "保全"},
    "id": {"en": "id", "zh": "编号"},
    "imprint": {"en": "hash that was stamped", "zh": "被加盖时间戳的哈希"},
    "in_force": {"en": "in force", "zh": "施行期间"},
    "index": {"en": "entry number, counted from 0", "zh": "条目序号（从 0 起）"},
    "info": {"en": "says of itself", "zh": "自述"},
    "interest": {"en": "interest in the matter", "zh": "利害关系"},
    "issued": {"en": "statement that issued the certificate", "zh": "出具公证书的陈述"},
    "issuer": {"en": "issued by", "zh": "颁发者"},
    "items": {"en": "items", "zh": "证据原件数"},
    "key": {"en": "key registered", "zh": "登记的密钥"},
    "key_bytes": {
        "en": "bytes of the key, which is not the length of this kind",
        "zh": "密钥字节数（与该类型应有长度不符）",
    },
    "key_hash": {"en": "key hash", "zh": "密钥短哈希"},
    "key_hash_of_key": {"en": "but the hash of this key is", "zh": "但此密钥的短哈希应为"},
    "key_type": {"en": "kind of key", "zh": "密钥类型"},
    "last_entry": {"en": "last entry", "zh": "最后一个条目"},
    "last_hash": {"en": "last hash", "zh": "最后一个哈希"},
    "leaf_hash": {"en": "leaf hash", "zh": "叶哈希"},
    "left_over": {"en": "bytes behind the last whole one", "zh": "末尾多余的字节数"},
    "lengths": {"en": "shortest and longest entry, in bytes", "zh": "最短与最长条目（字节）"},
    "level": {"en": "level", "zh": "层"},
    "likely_type": {
        "en": "kind of key, guessed from the signature's form",
        "zh": "密钥类型（据签名形式推测）",
    },
    "line_ends": {"en": "line ends", "zh": "行尾"},
    "lines": {"en": "files listed", "zh": "列出的文件数"},
    "listed_at": {"en": "listed at, by the station's clock", "zh": "列出时间（采集站时钟）"},
    "checkpoint": {"en": "checkpoint", "zh": "检查点"},
    "log": {"en": "log", "zh": "日志"},
    "logs": {"en": "logs", "zh": "日志"},
    "maker": {"en": "maker", "zh": "制作人"},
    "method": {"en": "method", "zh": "制作方法"},
    "mirror": {"en": "mirror", "zh": "镜像"},
    "missing": {"en": "listed, but not there", "zh": "清单有而包中无"},
    "more": {"en": "and more, not shown", "zh": "另有未显示"},
    "more_missing": {"en": "listed but not there, more of them", "zh": "清单有而包中无，另有"},
    "more_unlisted": {"en": "there but not listed, more of them", "zh": "包中有而清单无，另有"},
    "name": {"en": "name", "zh": "名称"},
    "named": {"en": "file", "zh": "文件"},
    "next_entry": {"en": "goes on, in another upload, with entry", "zh": "其余从此条目起另行上传"},
    "no_file": {
        "en": "a link or no plain file, not followed",
        "zh": "链接或非普通文件（不予跟随）",
    },
    "nonce": {"en": "random number of the request", "zh": "请求随机数"},
    "not_a_packet": {
        "en": "is no packet of this project, because",
        "zh": "不是本项目的证据包，原因",
    },
    "not_ours": {
        "en": "is not in this project's strict form, because",
        "zh": "不符合本项目的严格格式，原因",
    },
    "note": {"en": "note", "zh": "备注"},
    "occurred": {"en": "claimed time", "zh": "自称时间"},
    "officers": {"en": "officers, by certificate number", "zh": "执法人员（证件号）"},
    "old_size": {
        "en": "entries in the tree that the cosigner knows",
        "zh": "联合签名人已知的条目数",
    },
    "ordering": {
        "en": "the authority's stamps stand in order of time",
        "zh": "该机构的时间戳按先后排列",
    },
    "number": {"en": "number of the certificate", "zh": "公证书编号"},
    "original": {"en": "made from (SHA-256)", "zh": "所依据原件（SHA-256）"},
    "ours": {"en": "as this project writes it", "zh": "与本项目写法一致"},
    "origin": {"en": "log", "zh": "日志"},
    "overlap": {
        "en": "cosigners that must collude for two histories",
        "zh": "须有几名联合签名人串通才可能出现两份历史",
    },
    "oxum_found": {"en": "counted here (bytes.files)", "zh": "此处清点（字节.文件）"},
    "oxum_same": {
        "en": "agrees with the Payload-Oxum it states",
        "zh": "与其所述 Payload-Oxum 一致",
    },
    "packages": {"en": "packages", "zh": "分组数"},
    "packed": {"en": "packed with", "zh": "压缩方式"},
    "payload_bytes": {"en": "bytes of content", "zh": "内容字节数"},
    "payload_files": {"en": "files of content", "zh": "内容文件数"},
    "payload_manifest": {"en": "list of the content", "zh": "内容清单"},
    "payload_type": {"en": "type of content", "zh": "内容类型"},
    "person": {"en": "person or machine", "zh": "人员或设备"},
    "place": {"en": "place", "zh": "地点"},
    "places": {"en": "where they stand", "zh": "所在位置"},
    "policy": {"en": "policy of the authority", "zh": "机构的时间戳策略"},
    "policy_hash": {"en": "policy (SHA-256)", "zh": "策略（SHA-256）"},
    "predicate_fields": {"en": "its fields", "zh": "其字段"},
    "predicate_type": {"en": "kind of statement, as it names itself", "zh": "声明类型（自称）"},
    "procedure": {"en": "procedure", "zh": "程序"},
    "provisional": {"en": "provisional case", "zh": "暂立案件"},
    "purpose": {"en": "what it is to prove", "zh": "证明对象"},
    "quorum": {"en": "quorum", "zh": "法定人数"},
    "range": {"en": "positions", "zh": "位置范围"},
    "reason": {"en": "reason", "zh": "理由"},
    "record": {"en": "record", "zh": "记录"},
    "recorded": {"en": "recorded", "zh": "录制时间"},
    "recordings": {"en": "recordings", "zh": "录像数"},
    "register": {"en": "register", "zh": "登记簿"},
    "registrar": {"en": "registrar", "zh": "登记人"},
    "retention": {"en": "retention class", "zh": "保管期限"},
    "revoked": {"en": "revoked because", "zh": "撤销原因"},
    "role": {"en": "role", "zh": "角色"},
    "found_at": {"en": "entry and tag that was found there", "zh": "出现的条目及标签"},
    "root": {"en": "root hash", "zh": "根哈希"},
    "rows": {"en": "rows hashed again", "zh": "重新哈希的行数"},
    "seen": {"en": "seen, as complained", "zh": "所称时间"},
    "serial": {"en": "serial number", "zh": "序列号"},
    "serial_hex": {"en": "the same in hex", "zh": "同一序列号（十六进制）"},
    "series": {"en": "series keys by year", "zh": "各年度序列公钥"},
    "series_files": {"en": "series", "zh": "序列数"},
    "series_year": {"en": "series key", "zh": "序列公钥"},
    "session": {"en": "the session's first statement", "zh": "所属会话的首份陈述"},
    "sha256": {"en": "SHA-256", "zh": "SHA-256"},
    "signature": {"en": "signature line of", "zh": "签名行"},
    "signature_bytes": {"en": "bytes of the signature (not checked)", "zh": "签名字节数（未核验）"},
    "signature_count": {"en": "signatures", "zh": "签名数"},
    "signatures": {"en": "signatures", "zh": "签名"},
    "signed_by": {"en": "signed, by its own word, by", "zh": "自称签名人"},
    "size": {"en": "entries in the log", "zh": "日志条目数"},
    "spans": {"en": "declared changes", "zh": "声明的改动"},
    "stage": {"en": "stage", "zh": "阶段"},
    "statement_kind": {"en": "kind of statement", "zh": "陈述种类"},
    "statement_type": {"en": "version of in-toto statements", "zh": "in-toto 声明版本"},
    "statements": {"en": "statements", "zh": "陈述数"},
    "status": {"en": "answer", "zh": "答复"},
    "status_text": {"en": "in the authority's words", "zh": "机构的说明"},
    "strict_reader": {
        "en": "a strict reader (rfc3161-client) can read it",
        "zh": "严格解析器（rfc3161-client）能否读取",
    },
    "strict_reason": {"en": "why it cannot", "zh": "不能读取的原因"},
    "subject": {"en": "about", "zh": "所涉对象"},
    "subjects": {"en": "things that it is about", "zh": "所涉对象数"},
    "subtree": {"en": "part of the tree, from and up to entry", "zh": "树的范围（条目起止）"},
    "subtree_hash": {"en": "hash of that part", "zh": "该部分的哈希"},
    "tag_manifest": {"en": "list of the bag's own files", "zh": "包自身文件的清单"},
    "tags": {"en": "tags", "zh": "标签数"},
    "text": {"en": "text", "zh": "文本"},
    "ticket_bytes": {"en": "bytes of the mirror's ticket", "zh": "镜像凭据字节数"},
    "tiles": {"en": "tiles of hashes", "zh": "瓦片数"},
    "time": {"en": "time, as claimed", "zh": "自称时间"},
    "time_unread": {"en": "time, not in a known form", "zh": "时间（形式不明）"},
    "time_utc": {"en": "the same in UTC", "zh": "同一时间（UTC）"},
    "timecodes": {"en": "time-codes", "zh": "时间段说明"},
    "to_fetch": {"en": "to be fetched", "zh": "须下载"},
    "tool": {"en": "made with", "zh": "制作工具"},
    "tsa": {"en": "authority, as it names itself", "zh": "机构自称"},
    "unknown_field": {"en": "further field (DSSE knows none such)", "zh": "DSSE 之外的字段"},
    "unlisted": {"en": "there, but not listed", "zh": "包中有而清单无"},
    "unread": {"en": "cannot be read", "zh": "无法读取"},
    "unread_line": {"en": "line that cannot be read", "zh": "无法读取的行"},
    "unread_lines": {"en": "lines that cannot be read", "zh": "无法读取的行数"},
    "unread_whole": {"en": "could not be read as a whole, because", "zh": "无法整体读取，原因"},
    "upload": {"en": "entries to be uploaded, from and up to", "zh": "上传条目起止"},
    "url": {"en": "address", "zh": "地址"},
    "used": {"en": "bytes of the card in use", "zh": "存储卡已用字节"},
    "tokens": {"en": "timestamp tokens renewed", "zh": "续展的时间戳枚数"},
    "valid_from": {"en": "valid from", "zh": "有效期起"},
    "valid_to": {"en": "valid to", "zh": "有效期止"},
    "version": {"en": "version", "zh": "版本"},
    "vkey": {"en": "public key", "zh": "公钥"},
    "wanted": {"en": "but its path says", "zh": "但其路径表明应为"},
    "what": {"en": "what", "zh": "事项"},
    "width": {"en": "width", "zh": "宽度"},
}

_YES_NO: dict[str, Bilingual] = {
    "yes": {"en": "yes", "zh": "是"},
    "no": {"en": "no", "zh": "否"},
}
_NONE: Bilingual = {"en": "none", "zh": "无"}
_ENTRY: dict[str, Bilingual] = {
    "ours": {"en": "in this project's form", "zh": "本项目的格式"},
    "other": {"en": "not in this project's form", "zh": "不是本项目的格式"},
}
# The numbers of c2sp.org/signed-note, in hex.
_KEY_TYPES: dict[str, Bilingual] = {
    "01": {"en": "Ed25519", "zh": "Ed25519"},
    "02": {"en": "ECDSA", "zh": "ECDSA"},
    "04": {"en": "Ed25519 of a cosigner, with a time", "zh": "联合签名人 Ed25519（带时间）"},
    "05": {
        "en": "Certificate Transparency log (RFC 6962), with a time",
        "zh": "证书透明度日志（RFC 6962，带时间）",
    },
    "06": {"en": "ML-DSA-44 of a cosigner, with a time", "zh": "联合签名人 ML-DSA-44（带时间）"},
    **{
        f"{number:02x}": {"en": "reserved for trials", "zh": "保留供试验"}
        for number in range(0xFA, 0xFF)
    },
    "ff": {"en": "a kind without a number, named in the key", "zh": "未编号类型（名称在密钥内）"},
}

# Words of closed lists.
WORDS: dict[str, dict[str, Bilingual]] = {
    "accuracy": {"none": {"en": "not stated", "zh": "未说明"}},
    "about_what": {
        "slsa_provenance": {"en": "how it was built (SLSA provenance)", "zh": "构建来源（SLSA）"},
        "slsa_vsa": {"en": "a verification by someone (SLSA)", "zh": "他人的核验结论（SLSA）"},
        "link": {"en": "a step of a supply chain", "zh": "供应链中的一步"},
        "release": {"en": "a release", "zh": "发布"},
        "scai": {"en": "attributes of software", "zh": "软件属性"},
        "test_result": {"en": "the result of tests", "zh": "测试结果"},
        "vulns": {"en": "a search for vulnerabilities", "zh": "漏洞扫描"},
        "sbom": {"en": "a list of software parts (SBOM)", "zh": "软件物料清单（SBOM）"},
    },
    "checksums": {"not_computed": {"en": "not computed here", "zh": "此处未计算"}},
    "failure": {
        "0": {"en": "hash algorithm unknown or not supported", "zh": "哈希算法不明或不受支持"},
        "2": {"en": "request not permitted or not supported", "zh": "不允许或不支持此请求"},
        "5": {"en": "wrong data format", "zh": "数据格式有误"},
        "14": {"en": "the authority's clock is not available", "zh": "机构的时间源不可用"},
        "15": {"en": "policy not supported", "zh": "不支持所请求的策略"},
        "16": {"en": "extension not supported", "zh": "不支持所请求的扩展"},
        "17": {"en": "further information not available", "zh": "附加信息不可用"},
        "25": {"en": "the authority's system failed", "zh": "机构系统故障"},
    },
    "first_entry": _ENTRY,
    "has_certificate": _YES_NO,
    "header": {"none": {"en": "missing, as in older proofs", "zh": "没有（旧式证明如此）"}},
    "key_type": _KEY_TYPES,
    "last_entry": _ENTRY,
    "likely_type": {**_KEY_TYPES, "unknown": {"en": "none known", "zh": "不明"}},
    "line_ends": {
        "crlf": {
            "en": "those of Windows: the signatures were made over other bytes",
            "zh": "Windows 行尾：签名所针对的是另一种字节",
        }
    },
    "missing": {"0": _NONE},
    "ordering": _YES_NO,
    "ours": _YES_NO,
    "oxum_same": _YES_NO,
    "payload_manifest": {"none": _NONE},
    "quorum": {"none": {"en": "none asked for", "zh": "无要求"}},
    "signatures": {"none": _NONE},
    "signed_by": {"none": {"en": "no key named", "zh": "未指明密钥"}},
    "status": {
        "0": {"en": "granted", "zh": "已签发"},
        "1": {"en": "granted with changes", "zh": "经修改后签发"},
        "2": {"en": "REFUSED: there is no time stamp", "zh": "已拒绝：没有时间戳"},
        "3": {"en": "to be waited for: there is no time stamp yet", "zh": "等待中：尚无时间戳"},
        "4": {"en": "a revocation is near", "zh": "即将吊销"},
        "5": {"en": "revoked", "zh": "已吊销"},
    },
    "strict_reader": {
        **_YES_NO,
        "other": {"en": "yes, but it reads OTHER values", "zh": "能，但读出的值不同"},
    },
    "subject": {"none": {"en": "something without a name", "zh": "未命名对象"}},
    "time": {"0": {"en": "none: the cosigner claims no time", "zh": "无：联合签名人未声明时间"}},
    "unlisted": {"0": _NONE},
    "unread": {
        "certificate": {"en": "the certificate", "zh": "证书"},
        "checkpoint": {"en": "the checkpoint", "zh": "检查点"},
        "key": {"en": "the key", "zh": "密钥"},
        "signature": {"en": "the signature", "zh": "签名"},
    },
    "width": {"full": {"en": "full", "zh": "完整"}},
    "cert_req": _YES_NO,
    "stage": STAGES,
    "statement_kind": {
        "evidence": {"en": "an item handed in", "zh": "提交证据"},
        "act": {"en": "a procedural act", "zh": "执法行为"},
        "application": {"en": "an application to a notary", "zh": "公证申请与办理"},
        "certificate": {
            "en": "a notarial certificate, issued or revoked",
            "zh": "公证书的出具或撤销",
        },
        "complaint": {"en": "a complaint received", "zh": "投诉"},
        "correction": {"en": "a correction of an earlier statement", "zh": "更正"},
        "custody": {"en": "an access to evidence", "zh": "保管与查阅"},
        "derivation": {"en": "something made from an item", "zh": "由原件制作的派生件"},
        "disposal": {"en": "destruction of what it names", "zh": "销毁"},
        "hold": {"en": "a legal hold, placed or lifted", "zh": "保全的设置或解除"},
        "register": {"en": "a registration", "zh": "登记"},
        "renewal": {"en": "the closing of an earlier log", "zh": "结束上一份日志"},
        "session": {
            "en": "a recorder handed out or docked, or a gap explained",
            "zh": "执法记录仪领用、归还或缺失说明",
        },
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
    "role": ROLES,
}

# Where the word of the format stays beside ours: people look it up, or write it to others.
KEPT = ("evidence_type", "failure", "key_type", "likely_type", "role", "stage", "statement_kind")
