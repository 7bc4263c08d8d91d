"""The fixed wording of a certificate: what it says is certified, and what it says is not.

No data changes it. The Chinese certifies; the English is a translation for whoever needs one.
The automatic cosignature is called 自动联合签名（非公证） wherever it is named: a cosigner's
machine signs that a log only grew, and no notary has looked at anything.
"""

from cli.notary.page import COSIGNATURE, Compared
from ledger.report import Bilingual

OUTCOMES: dict[Compared, Bilingual] = {
    Compared.SAME: {"zh": "一致", "en": "same"},
    Compared.DIFFERENT: {"zh": "不一致", "en": "DIFFERENT"},
    Compared.NOT_LOGGED: {"zh": "未入日志", "en": "NOT LOGGED"},
    Compared.UNDECIDED: {"zh": "未能判定", "en": "undecided"},
}

WORDS: dict[str, Bilingual] = {
    "title": {"zh": "公证书", "en": "Notarial certificate"},
    "subtitle": {
        "zh": "电子数据存证核验",
        "en": "Comparison of electronic data with an evidence log",
    },
    "translation": {"zh": "", "en": "Translation for convenience. The Chinese text prevails."},
    "number": {"zh": "公证书编号", "en": "Certificate no."},
    "office": {"zh": "公证机构", "en": "Notary office"},
    "notaries": {"zh": "公证员", "en": "Notary"},
    "applicant": {"zh": "申请人", "en": "Applicant"},
    "purpose": {"zh": "申请用途", "en": "Purpose"},
    "case": {"zh": "案号", "en": "Case"},
    "no_case": {"zh": "无", "en": "none"},
    "compared_at": {"zh": "核验时间", "en": "Compared on"},
    "method": {"zh": "核验方法", "en": "Method"},
    "result": {"zh": "核验结果", "en": "Result"},
    "certified": {"zh": "兹证明", "en": "This is to certify"},
    "not_certified": {"zh": "本公证书不证明", "en": "Not certified"},
    "basis": {"zh": "核验依据", "en": "Compared against"},
    "log": {"zh": "存证日志", "en": "Log"},
    "checkpoint": {"zh": "检查点", "en": "Checkpoint"},
    "root": {"zh": "根摘要", "en": "Root"},
    "cosigners": {"zh": COSIGNATURE, "en": "Automatic cosignature (not a notarial act)"},
    "policy": {"zh": "策略 SHA-256", "en": "Policy SHA-256"},
    "items": {"zh": "附表：核验的文件", "en": "Schedule: the files that were compared"},
    "item_number": {"zh": "序号", "en": "No."},
    "item_file": {"zh": "文件名、大小、SHA-256", "en": "Name, size, SHA-256"},
    "item_place": {"zh": "日志登记", "en": "In the log"},
    "item_outcome": {"zh": "结果", "en": "Result"},
    "logged": {"zh": "日志中登记的 SHA-256：", "en": "SHA-256 in the log:"},
    "quorum": {"zh": "达到所要求人数", "en": "quorum"},
    "token": {"zh": "时间戳", "en": "time stamp"},
    "see_items": {
        "zh": "逐件结果见附表。",
        "en": " The schedule in the Chinese text gives the result of each file.",
    },
    "reference": {"zh": "核验编号", "en": "Reference"},
    "scan": {"zh": "扫码得核验编号", "en": "The code holds the reference"},
    "seal": {
        "zh": "电子签名和时间戳在本 PDF 文件内，打印件不含",
        "en": "Signed and time-stamped within this PDF; a print carries neither",
    },
    "attached": {"zh": "本 PDF 内附文件", "en": "Attached within this PDF"},
    "times": {"zh": "时间均为北京时间（UTC+8）", "en": "All times are UTC+8"},
}

CERTIFIED: tuple[Bilingual, ...] = (
    {
        "zh": "公证员在上述核验时间，将附表所列文件的 SHA-256 摘要与存证日志中登记的摘要逐件比较，"
        "结果如附表所列。",
        "en": "At the time named above the notary compared the SHA-256 of each file in the "
        "schedule with the one in the log. The schedule gives the results.",
    },
    {
        "zh": "结果为“一致”的文件，与登记入存证日志的数据逐位相同；"
        "该登记不晚于附表所列“达到所要求人数”时间，即自动联合签名（非公证）达到策略所要求的人数之时。",
        "en": 'A file whose result is "same" is bit for bit what was logged, and was logged no '
        "later than its quorum time, when enough automatic cosignatures (not notarial acts) stood.",
    },
    {
        "zh": "附表载有该时间的登记，均包含于达到下列策略所要求的自动联合签名（非公证）人数的"
        "检查点；下列检查点亦达到该人数。附表未载该时间的登记，不作此证明。",
        "en": "Each entry with a quorum time is in a checkpoint with as many automatic "
        "cosignatures (not notarial acts) as the policy below demands, and the checkpoint "
        "below has them too. Of an entry without that time this is not certified.",
    },
)

# In place of the last of them where a file was logged in a log that has ended since.
OF_ENDED_LOGS: Bilingual = {
    "zh": "附表载有该时间的登记，均包含于达到其日志策略所要求的自动联合签名（非公证）人数的"
    "检查点：附表另载日志名的，为该已结束日志的检查点；其余与下列检查点属同一日志。"
    "下列检查点亦达到该人数。附表未载该时间的登记，不作此证明。",
    "en": "Each entry with a quorum time is in a checkpoint with as many automatic cosignatures "
    "(not notarial acts) as the policy of its log demands: one of the log that the schedule names, "
    "which has ended since, or else one of the log of the checkpoint below, which has them too. "
    "Of an entry without that time this is not certified.",
}

NOT_CERTIFIED: tuple[Bilingual, ...] = (
    {
        "zh": "文件内容的真实性、合法性及与案件的关联性；拍摄、制作的时间、地点和经过。",
        "en": "That the contents are true, lawful or relevant; when, where and how they were made.",
    },
    {
        "zh": "文件在登记之前未被改动；申请人已提交全部材料。",
        "en": "That a file was unaltered before it was logged; that the applicant handed in all.",
    },
    {
        "zh": "日志条目的内容。自动联合签名（非公证）由各方计算机自动作出，仅表示日志只增不改，"
        "不是本公证机构的证明。",
        "en": "What log entries say. An automatic cosignature (not a notarial act) is made by a "
        "machine; it says that the log only grew, and is no certificate of this office.",
    },
    {
        "zh": "当事人之间有争议的事项和需要鉴定的专门技术问题。",
        "en": "Matters in dispute between the parties, and questions for a technical appraisal.",
    },
)

LIMITS: Bilingual = {
    "zh": "本公证书可被足以推翻它的相反证据推翻（《公证法》第三十六条），也可能被撤销；"
    "使用前请向本公证机构或以核验编号查询。",
    "en": "Evidence to the contrary may rebut it (Notary Law, article 36). It may have been "
    "revoked: ask this office, or look the reference up, before relying on it.",
}


def counted(count: int, sums: dict[Compared, int]) -> Bilingual:
    """How many files there are, and how many of each outcome that occurs."""
    parts = [(OUTCOMES[outcome], n) for outcome, n in sums.items() if n]
    zh, en = (
        comma.join(pattern.format(word[language], n) for word, n in parts)
        for language, comma, pattern in (("zh", "，", "{} {} 件"), ("en", ", ", "{1} {0}"))
    )
    return {"zh": f"共核验 {count} 件：{zh}。", "en": f"{count} files: {en}."}


def checkpoint_size(size: int) -> Bilingual:
    return {"zh": f"共 {size} 条", "en": f"{size} entries"}


def entry(index: int, log: str) -> Bilingual:
    """`log` is empty for the one that the page names."""
    return {
        "zh": f"{log} 第 {index} 条" if log else f"第 {index} 条",
        "en": f"entry {index} of {log}" if log else f"entry {index}",
    }


def bytes_of(size: int) -> str:
    return f"{size:,} 字节"
