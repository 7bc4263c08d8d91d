"""What is wrong with a key, a signer or a ledger's answer, in Chinese: for `cli.details`."""

import re

from cli.matching import Words
from cli.wording import ROLES


def _registered(match: re.Match[str]) -> str:
    role = ROLES[match[2]]["zh"] if match[2] in ROLES else match[2]
    return f"{match[1]} 已登记为 {match[3]} 的{role}密钥"


KEYS: tuple[tuple[str, Words], ...] = (
    (r"the private key is damaged", "私钥文件已损坏"),
    (r"want the public key of the ledger's statements", "须为账本陈述公钥文件"),
    (r"want a public key, got a private one", "须为公钥，现为私钥"),
    (r"want a key such as (\S+), got '(.*)'", r"密钥须写作 \1，现为“\2”"),
    (r"want a key name without spaces, got '(.*)'", r"密钥名不得含空格，现为“\1”"),
    (
        r"want a key name of 1 to (\d+) bytes without '\+', got '(.*)'",
        r"密钥名须为 1 至 \1 字节，不得含“+”，现为“\2”",
    ),
    (r"an? \w+ key in a second spelling: .*", "密钥的写法不合规定"),
    (r"an Ed25519 key of low order: anyone can sign for it", "弱密钥：任何人均可冒签"),
    (r"an SM2 key whose private half everyone knows", "弱密钥：其私钥人人皆知"),
    (r"an SM2 key that is no point of the curve: .*", "不是 SM2 公钥：不在曲线上"),
    (
        r"want an SM2 key: make one with tiezheng keygen --kind statement-sm2",
        "须为 SM2 密钥：用 tiezheng keygen --kind statement-sm2 生成",
    ),
    (
        r"want an Ed25519 key for requests, got the SM2 key (\S+)",
        r"请求须用 Ed25519 密钥签名，现为 SM2 密钥 \1",
    ),
    (r"SM2 cannot be computed: .*", "本机无法计算 SM2"),
    (r"want a backup key of 32 bytes in base64", "不是备份密钥"),
    (
        r"(\S+) is a cosigner's, log's, mirror's or registrar's key",
        r"\1 是联合签名人、日志、镜像或登记人的密钥，不得另作他用",
    ),
    (r"(\S+) is registered as (\w+) of '(.*)'", _registered),
    (
        r"the key '(.*)' was revoked or compromised: it does not come back",
        r"密钥 \1 已注销或已失密，不得再次登记",
    ),
    (r"the key '(.*)' was revoked before this statement", r"密钥 \1 在此之前已注销"),
    (r"want the registrar '(.*)', got '(.*)'", r"登记人应为 \1，现为 \2"),
    (r"nobody '(.*)' is registered at '(.*)'", r"\2 没有登记 \1"),
    (r"a (\w+) may not make a statement of kind (\w+)", lambda m: _may_not(m[1], m[2])),
    (r"want (\d+) persons, got (\d+)", r"须由 \1 人签名，现有 \2 人"),
    (r"'(.*)' has signed twice", r"\1 签名两次，须由另一人签名"),
    (r"one key stands twice: one key is one person", "同一密钥写了两次，须由另一人签名"),
    (
        r"'(.*)' stands twice: two keys of one person are one person",
        r"\1 写了两次：一人的两把密钥仍是一人",
    ),
    (r"(\S+) is no key of this office", r"\1 不是本公证机构的密钥"),
    # what a ledger answers
    (r"no statement of that id is logged", "日志中没有该编号的陈述"),
    (
        r"case '(.*)' is logged, and not yet cosigned by a quorum",
        r"案件 \1 已入日志，尚未达到联合签名的法定人数",
    ),
    (r"the entry is durable and not yet published", "条目已落盘，尚未公布"),
    (r"want the token of a supervisor of all agencies and cases", "须为不限机关、案件的监督令牌"),
    (r"want a bearer token", "须有访问令牌"),
    (r"(https?://\S+) answered (\d+)", r"\1 答复 \2"),
    (r"no statement of the case is '(.*)'", r"案件中没有陈述 \1"),
    (
        r"no statement of the case speaks of a file with SHA-256 (\S+)",
        r"案件中没有陈述提及 SHA-256 为 \1 的文件",
    ),
    (r"want the answer to statement (\S+), got '(.*)'", r"应答复陈述 \1，实为“\2”"),
    # a ledger's founding
    (r"want an origin that ends in a year, got '(.*)'", r"日志名须以年份结尾，现为“\1”"),
    (
        r"want (\S+), or (\S+/) and a later year, got '(.*)'",
        r"下一日志名须为 \1，或者 \2 加其后的年份，现为“\3”",
    ),
    (r"want a quorum of 1 to (\d+), got (\d+)", r"法定人数须为 1 至 \1，现为 \2"),
    (r"want a quorum of at least (\d+)", r"法定人数至少为 \1"),
    (
        r"with (\d+) of (\d+), honest cosigners can sign two histories",
        r"\2 人中只需 \1 人，诚实的联合签名人也可能分别签出两份历史",
    ),
    (
        r"with (\d+) of (\d+), the executive's (\d+) cosigners are a quorum",
        r"\2 人中只需 \1 人，行政机关的 \3 人已达法定人数",
    ),
    (r"every cosigner belongs to the executive", "联合签名人均属行政机关"),
    (r"'(.*)' is none of the cosigners", r"\1 不是联合签名人"),
)


def _may_not(role: str, kind: str) -> str:
    return f"{ROLES[role]['zh'] if role in ROLES else role}密钥不得作此类陈述（{kind}）"
