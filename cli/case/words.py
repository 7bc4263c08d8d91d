"""The words of an agency's views: heads of columns, and what stands in cells."""

from collections.abc import Mapping
from functools import cache

from cli.explain.words import WORDS
from cli.language import pick, say
from cli.rules.fact_words import word_name
from cli.rules.shipped import shipped
from cli.wording import STAGES
from ledger.process.reports.statistics import KINDS
from ledger.process.rules.kept_packs import read_pack
from ledger.process.rules.rulepack import RulePack
from ledger.report import Bilingual

HEADS: Mapping[str, Bilingual] = {
    "about": {"en": "about", "zh": "对象"},
    "act": {"en": "act", "zh": "行为"},
    "acts": {"en": "acts", "zh": "行为数"},
    "agency": {"en": "agency", "zh": "机关"},
    "amount": {"en": "amount", "zh": "金额"},
    "at": {"en": "time", "zh": "时间"},
    "case": {"en": "case", "zh": "案号"},
    "closed": {"en": "closed", "zh": "结案"},
    "contract": {"en": "contract", "zh": "协议"},
    "day": {"en": "day", "zh": "日期"},
    "decided": {"en": "decided", "zh": "决定日期"},
    "decision": {"en": "decision", "zh": "决定"},
    "facts": {"en": "facts", "zh": "登记事实"},
    "fault": {"en": "fault", "zh": "问题"},
    "files": {"en": "files", "zh": "文件"},
    "first": {"en": "first at", "zh": "首条位置"},
    "from": {"en": "from", "zh": "起始日"},
    "id": {"en": "statement", "zh": "陈述编号"},
    "kind": {"en": "kind", "zh": "种类"},
    "last": {"en": "last at", "zh": "末条位置"},
    "level": {"en": "level", "zh": "层级"},
    "logged": {"en": "logged", "zh": "入日志"},
    "named": {"en": "found by", "zh": "匹配名称"},
    "none": {"en": "none at all", "zh": "一名也无"},
    "note": {"en": "why", "zh": "登记原因"},
    "number": {"en": "number", "zh": "文书编号"},
    "occurred": {"en": "began, as it says", "zh": "所称起始时间"},
    "officers": {"en": "officers", "zh": "执法人员"},
    "opened": {"en": "opened", "zh": "立案（首次行为）"},
    "owner": {"en": "case of", "zh": "案件所属"},
    "place": {"en": "place", "zh": "日志位置"},
    "power": {"en": "power", "zh": "权力事项"},
    "procedure": {"en": "procedure", "zh": "程序"},
    "reviewers": {"en": "reviewers", "zh": "法制审核人员"},
    "scope": {"en": "scope", "zh": "协议事项"},
    "served": {"en": "served", "zh": "送达"},
    "sha256": {"en": "SHA-256", "zh": "SHA-256"},
    "short": {"en": "short", "zh": "不足"},
    "size": {"en": "bytes", "zh": "字节数"},
    "stage": {"en": "stage", "zh": "阶段"},
    "subject": {"en": "subject", "zh": "登记对象"},
    "to": {"en": "to", "zh": "最后有效日"},
    "unexamined": {"en": "without examination", "zh": "未取得法律职业资格"},
    "version": {"en": "version", "zh": "版本"},
    "wanted": {"en": "wanted (5 %)", "zh": "应有（5%）"},
    "what": {"en": "what", "zh": "事项"},
}
_STAGES: Mapping[str, Bilingual] = {
    **STAGES,
    "closed": {"en": "closed", "zh": "已结案"},
    "": {"en": "", "zh": ""},
}
_ACTIONS: Mapping[str, Bilingual] = {
    "exported": {"en": "exported", "zh": "导出"},
    "read": {"en": "read", "zh": "查看"},
    "refused": {"en": "was refused", "zh": "被拒绝"},
}
_FAULTS: Mapping[str, Bilingual] = {
    "power_bought": {"en": "a power is bought as a service", "zh": "购买行政执法权"},
    "scope_unclear": {"en": "the scope is not stated", "zh": "事项表述不清"},
}
_YES_NO: Mapping[str, Bilingual] = {
    "no": {"en": "no", "zh": "否"},
    "yes": {"en": "yes", "zh": "是"},
}


# What registers state, for people: docs/registers.md. What is typed stays English.
_STATED: Mapping[str, str] = {
    "announced": "公布日",
    "certified": "持证",
    "decision": "决定文号",
    "established": "在编",
    "experienced": "非初次审核",
    "in_post": "在岗",
    "kind": "种类",
    "level": "层级",
    "model": "型号",
    "name": "名称",
    "officer": "执法证号",
    "parent": "上级机关",
    "person": "姓名",
    "post": "岗位",
    "powers": "事项",
    "provider": "承接方",
    "published": "公布",
    "qualified": "取得法律职业资格",
    "scope": "协议事项",
    "until": "截止",
}
_WORDS: Mapping[str, Mapping[str, Bilingual]] = {
    "fault": _FAULTS,
    "kind": WORDS["statement_kind"],
    "none": _YES_NO,
    "short": _YES_NO,
    "stage": _STAGES,
}


def shown(field: str, value: str, procedure: str = "") -> str:
    if words := _WORDS.get(field, {}).get(value):
        return pick(words)
    if field == "facts":
        return say(en=value, zh="；".join(map(_stated, value.split("；"))))
    if field in ("act", "decision", "what"):
        return pick(_ACTIONS[value]) if value in _ACTIONS else act_name(value, procedure)
    return procedure_title(value) if field == "procedure" else value


def _stated(fact: str) -> str:
    """Of a register, by its name; what is said as it was said: 是 is not yes."""
    name, mark, said = fact.partition("=")
    return _STATED.get(name, name) + mark + said


def act_name(act: str, procedure: str = "") -> str:
    """What the shipped pack of its procedure calls it; or else what is said of it anywhere."""
    rule = pack.act(act) if (pack := _packs().get(procedure)) else None
    rule = rule or next(filter(None, (pack.act(act) for pack in _packs().values())), None)
    return act if rule is None else say(en=rule.name_en, zh=rule.name)


def kind_name(kind: str, act: str, procedure: str) -> str:
    """Of a penalty."""
    pack = _packs().get(procedure)
    return word_name(pack, act, KINDS, kind) if pack else kind


def procedure_title(procedure: str) -> str:
    pack = _packs().get(procedure)
    return procedure if pack is None else say(en=pack.title_en, zh=pack.title)


@cache
def _packs() -> Mapping[str, RulePack]:
    """Those that are shipped; another's acts stand under their identifiers. What two name
    differently is called as the rules for all cases do, or as an ordinary case does."""
    texts = shipped()
    first = ("after", "ordinary")
    return {name: read_pack(texts[name]) for name in (*first, *sorted(texts.keys() - first))}
