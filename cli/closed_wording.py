"""Why a conclusion is refused, and what to do, for each reason."""

from collections.abc import Mapping

from ledger.process.judging.gated import HINTS, Closed
from ledger.report import Bilingual

WHY: Mapping[Closed, Bilingual] = {
    Closed.RECORDS: {
        "en": "not logged: what must stand before it lacks",
        "zh": "未予登记：缺少须在先的记录",
    },
    Closed.PROCEDURE: {
        "en": "not logged: the act names no procedure, and its agency has rule packs",
        "zh": "未予登记：未写明所属程序，而该机关已有规则包",
    },
    Closed.PACK: {
        "en": "not logged: no rule pack of that name is in force for this agency",
        "zh": "未予登记：该机关没有该名称的现行规则包",
    },
    Closed.UNREADABLE: {
        "en": "not logged: the rule pack in force cannot be read",
        "zh": "未予登记：现行规则包不合格式，无法读取",
    },
    Closed.OPENING: {
        "en": "not logged: the case was never opened under this procedure",
        "zh": "未予登记：案件从未依该程序启动",
    },
    Closed.ACT: {
        "en": "not logged: the rule pack has no such conclusion",
        "zh": "未予登记：规则包中没有此项结论",
    },
    Closed.AGENCY: {
        "en": "not logged: the case is another agency's",
        "zh": "未予登记：案件属于其他机关",
    },
    Closed.REGISTER: {
        "en": "not logged: a register in the ledger's store is not what is logged",
        "zh": "未予登记：账本存储中的登记簿与日志所载不符",
    },
}

_EVIDENCE = "文书本身可作为证据提交，证据一律接收；"
# By their English, which is what a server sends.
HINTS_IN_CHINESE: Mapping[str, str] = {
    HINTS[reason]: _EVIDENCE + then
    for reason, then in {
        Closed.RECORDS: "再补齐所缺；然后重新登记结论",
        Closed.PROCEDURE: "再写明所属程序，重新登记结论",
        Closed.PACK: "再核对程序名称，或者由登记人公布该规则包",
        Closed.UNREADABLE: "由登记人重新公布可读取的规则包，然后重新登记结论",
        Closed.OPENING: "先登记启动案件的行为，然后重新登记结论",
        Closed.ACT: "再按规则包中的名称和程序重新登记结论",
        Closed.REGISTER: "须由运行人处理，然后重新登记结论",
        Closed.AGENCY: "由案件所属机关作出结论，或者核对案号",
    }.items()
}
