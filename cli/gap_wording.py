"""Gaps in words: what was found, beyond the rule's own name, and what would cure it.

They are read from rows as a server or a packet gives them. A word that this version does not know
is shown as it came.
"""

from collections.abc import Mapping
from typing import Any

from cli.crew_wording import crew_cure, crew_sentence
from cli.wording import STAGES
from ledger.encoding import clip
from ledger.process.registers.crew import CrewRule
from ledger.report import Bilingual

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000

SENTENCES: Mapping[str, Bilingual] = {
    "answered_before": {
        "en": "It stands before the last {act}, which it should follow.",
        "zh": "早于最后一次 {act}，而应在其后。",
    },
    "approval_unproven": {
        "en": "It is dated within {hours} hours, but was logged {delay_ms} after the measure: "
        "that it was in time nothing shows.",
        "zh": "所载日期在 {hours} 小时内，但距实施{delay_ms}才入日志，不能证明按时补办。",
    },
    "approved_late": {
        "en": "It was approved {late_ms} after the {hours} hours were over.",
        "zh": "补办批准超过 {hours} 小时，逾期{late_ms}。",
    },
    "at_most": {
        "en": "{amount} yuan are more than the {most} that are allowed.",
        "zh": "数额 {amount} 元，超过上限 {most} 元。",
    },
    "benchmark_not_in_force": {
        "en": "Clause {clause} of version {version} was not in force on that day.",
        "zh": "裁量基准条款 {clause}（版本 {version}）当日并非现行有效。",
    },
    "benchmark_unknown": {
        "en": "There is no clause {clause} of a version {version} in the registers.",
        "zh": "登记的裁量基准中没有条款 {clause}（版本 {version}）。",
    },
    "cited_altered": {
        "en": "{clause} of version {version} was published once more, saying something else: "
        "notice and decision that cite it need not mean one thing.",
        "zh": "{clause}（版本 {version}）以同一版本号发布过不同内容，"
        "告知与决定所引未必是同一规定。",
    },
    "fact_is": {
        "en": "It states {fact}: {said}; wanted is {wanted}.",
        "zh": "“{fact}”载明为“{said}”，应为“{wanted}”。",
    },
    "facts": {"en": "It does not state: {missing}.", "zh": "未载明：{missing}。"},
    "heavier": {
        "en": "{decided} yuan were decided and {notified} notified, once the party had spoken.",
        "zh": "当事人陈述、申辩后，决定 {decided} 元，重于告知的 {notified} 元。",
    },
    "heavier_kind": {
        "en": "{said} was decided and {other} notified, which is lighter or of no known weight, "
        "once the party had spoken.",
        "zh": "当事人陈述、申辩后，决定“{said}”，重于告知的“{other}”，或者轻重无从比较。",
    },
    "hole": {
        "en": "{device} recorded nothing for {wanting_ms}, from {from} to {to}, "
        "and no reason was given.",
        "zh": "设备 {device} 自 {from} 至 {to} 有{wanting_ms}没有录制，未说明原因。",
    },
    "late": {
        "en": "It was logged {delay_ms} after it occurred{after}.",
        "zh": "发生后{delay_ms}才入日志{after}。",
    },
    "late_reason": {
        "en": "The reason ({reason}, by {reason_by}) was given {delay_ms} after it was wanted.",
        "zh": "原因（{reason}，说明人 {reason_by}）在应当说明后{delay_ms}才入日志。",
    },
    "late_upload": {
        "en": "{count} recordings of {device}, from {from} to {to}, were logged up to {delay_ms} "
        "after they ended, and no reason was given.",
        "zh": "设备 {device} 自 {from} 至 {to} 的 {count} 份录音录像，结束后最长"
        "{delay_ms}才入日志，未说明原因。",
    },
    "missing": {
        "en": "It is not there{of}{before}.{was_due}",
        "zh": "没有该记录{of}{before}。{was_due}",
    },
    "no_stage": {
        "en": "It was filed under no stage, and belongs to {wanted}.",
        "zh": "登记时未写明阶段，应为 {wanted}。",
    },
    "no_timecodes": {
        "en": "A recording stands in for it, and no note says what it shows and when.",
        "zh": "以录像代替笔录，但没有关键内容和时间段的文字说明。",
    },
    "no_transcript": {
        "en": "{count} sound recordings have no transcript in the case.",
        "zh": "{count} 份录音没有附文字记录。",
    },
    "not_in_force": {
        "en": "{clause} of version {version} was not in force on that day.",
        "zh": "引用的清单事项 {clause}（版本 {version}）当日并非现行有效。",
    },
    "not_recorded": {
        "en": "No recording of that time is in the case.{why}",
        "zh": "案件中没有该时间的音像记录。{why}",
    },
    "not_shown": {
        "en": "No time-code into a filed recording shows it, nor the record states it: {shows}.",
        "zh": "没有时间段说明显示“{shows}”，文书中也未载明。",
    },
    "not_yet_occurred": {
        "en": "It is said to have begun {ahead_ms} after it was logged.",
        "zh": "所称发生时间晚于入日志时间{ahead_ms}。",
    },
    "outside_band": {
        "en": "{amount} yuan are outside the band of {clause}, {low} to {high}.",
        "zh": "数额 {amount} 元，超出裁量幅度（{clause}：{low} 至 {high} 元）。",
    },
    "pack_unreadable": {
        "en": "The rule pack of {procedure} cannot be read: under it nobody judges the case.",
        "zh": "程序 {procedure} 的规则包无法读取，案件未按其核对。",
    },
    "partly_recorded": {
        "en": "{wanting_ms} of it are in no recording.",
        "zh": "其中{wanting_ms}没有音像记录。",
    },
    "post_litigation": {
        "en": "{count} items of evidence were filed after it, and show nothing of what was decided "
        "before.",
        "zh": "其后登记证据 {count} 项，不能用以证明此前所作决定合法。",
    },
    "reviewer_unexamined": {
        "en": "None of {officers} is registered as having passed the examination.",
        "zh": "{officers} 均未登记取得法律职业资格。",
    },
    "reviewer_unregistered": {
        "en": "None of {officers} is registered as a legal reviewer.",
        "zh": "{officers} 均未登记为法制审核人员。",
    },
    "same_fact": {
        "en": "They state {fact}: {said} the one, {other} the other.",
        "zh": "“{fact}”前者为“{said}”，后者为“{other}”，不一致。",
    },
    "same_moment": {
        "en": "{count} of it began at one moment, by different crews or stating different things, "
        "and without a number: they count as one measure.",
        "zh": "同一时刻的登记有 {count} 份，人员或者内容不同而均未写措施编号，按一次措施计算。",
    },
    "same_number": {
        "en": "{count} of it state number {measure} and began at different times: they count as "
        "one measure.",
        "zh": "编号 {measure} 的登记有 {count} 份，起始时间不同，按一次措施计算。",
    },
    "same_person": {
        "en": "{officer} also took part in {act}.",
        "zh": "{officer} 还参与了“{act}”。",
    },
    "stage": {
        "en": "It was filed under stage {said}, and belongs to {wanted}.",
        "zh": "登记的阶段为 {said}，应为 {wanted}。",
    },
    "too_soon": {
        "en": "{days} {unit} lie between, and {wanted} are wanted.",
        "zh": "相隔 {days} {unit}，应不少于 {wanted} {unit}。",
    },
    "unknown_act": {
        "en": "The rule pack knows no act {act}.",
        "zh": "规则包中没有行为 {act}。",
    },
    "untyped": {
        "en": "{count} items of evidence do not say which of the eight kinds they are.",
        "zh": "{count} 项证据没有写明属于法定八种证据中的哪一种。",
    },
    "unknown_value": {
        "en": "It states {fact}: {said}; wanted is {wanted}.",
        "zh": "“{fact}”载明为“{said}”，应为{wanted}。",
    },
    "wrong_order": {
        "en": "It comes after what it must precede: {before_name_en}.",
        "zh": "应在先而在后：{before_name}。",
    },
}

# What an act should state, by the kind of the fact; of a choice one of its words.
_KINDS: Mapping[str, Bilingual] = {
    "amount": {
        "en": "an amount in yuan such as 500 or 500.50",
        "zh": "以元为单位的数额，如 500 或者 500.50",
    },
    "choice": {"en": "one of {wanted}", "zh": "下列之一：{wanted}"},
    "day": {"en": "a day such as 2026-03-02", "zh": "日期，如 2026-03-02"},
    "number": {"en": "a whole number such as 30", "zh": "整数，如 30"},
    "": {
        "en": "a word that a rule of the pack looks for",
        "zh": "规则包的规则所用的词",
    },
}

# What cures a finding that no rule of the pack has made.
CURES: Mapping[str, Bilingual] = {
    "hole": {
        "en": "File the recording, or an act recording_explanation with the reason, the recorder, "
        "the time and who says so",
        "zh": "补充提交录像，或者登记“未录制、中断或者迟交的说明”，写明原因、设备、时间和说明人",
    },
    "late": {
        "en": "Explain the delay in writing, signed by the head",
        "zh": "书面说明迟延原因，由负责人签字",
    },
    "late_reason": {
        "en": "Say why the reason came late; the delay stays",
        "zh": "写明迟延说明的缘由；迟延本身仍予注明",
    },
    "late_upload": {
        "en": "File an act recording_explanation with the reason, the recorder, the time and who "
        "says so",
        "zh": "登记“未录制、中断或者迟交的说明”，写明原因、设备、时间和说明人",
    },
    "no_stage": {"en": "File the act anew under its stage", "zh": "按正确阶段重新登记"},
    "not_yet_occurred": {
        "en": "Check the clock, and file the act anew with its time",
        "zh": "核对时钟，按实际时间重新登记",
    },
    "pack_unreadable": {
        "en": "Publish a rule pack that can be read, and judge the case by hand meanwhile",
        "zh": "重新发布可读取的规则包，其间由人工核对",
    },
    "post_litigation": {
        "en": "Rest nothing that was decided before on it; ask the court where it is needed",
        "zh": "不以其证明此前的决定；确有需要的，申请法院准许或者调取",
    },
    "same_moment": {
        "en": "If there were several, file each anew with its own fact measure; if it was one, "
        "file it anew with measure=1",
        "zh": "确有几次的，分别重新登记并各写 measure（措施编号）；"
        "只有一次的，重新登记并写 measure=1",
    },
    "same_number": {
        "en": "If there were several, file each anew with a number of its own",
        "zh": "确有几次的，分别重新登记并各写编号",
    },
    "stage": {"en": "File the act anew under its stage", "zh": "按正确阶段重新登记"},
    "untyped": {
        "en": "File a correction that states evidence_type",
        "zh": "登记更正，写明 evidence_type（证据种类）",
    },
    "unknown_act": {
        "en": "File it anew by a name of the rule pack, or as evidence",
        "zh": "按规则包中的名称重新登记，或者作为证据提交",
    },
    "unknown_value": {
        "en": "File the act anew with what is wanted",
        "zh": "按应有的写法重新登记该行为",
    },
}

# Of what was not recorded: the reason that was given.
_WHY: Bilingual = {
    "en": " The reason that {reason_by} gave, {reason_delay_ms} after it: {reason}.",
    "zh": "{reason_by} 在其后{reason_delay_ms}说明原因：{reason}。",
}
# Of several measures: which one; and when its own clock ran out.
_OF: Bilingual = {
    "en": " for: {act}, {done}{number}",
    "zh": "（{done} 的“{act}”{number}）",
}
_NUMBER: Bilingual = {"en": ", number {measure}", "zh": "，编号 {measure}"}
_WAS_DUE: Bilingual = {"en": " It was due by {was_due}.", "zh": "期限于 {was_due} 届满。"}
_UNITS: Mapping[str, Bilingual] = {
    "days": {"en": "days", "zh": "日"},
    "working_days": {"en": "working days", "zh": "个工作日"},
}


def gap_sentence(row: Mapping[str, Any]) -> Bilingual:
    """Of a gap's JSON, in both languages."""
    what, facts = str(row.get("what", "")), _facts(row)
    if what == "crew":
        return _crew_sentence(str(row.get("rule", "")), facts)
    if (words := SENTENCES.get(what)) is None:
        return {"en": what, "zh": what}
    told = {language: _Told(facts, language, what) for language in ("en", "zh")}
    # Of what is wrong with one of several measures: with which.
    which = "" if "{of}" in words["en"] or "done" not in facts else "{of}"
    return {
        "en": (words["en"] + which.replace("{of}", " That is{of}.")).format_map(told["en"]),
        "zh": (words["zh"] + which).format_map(told["zh"]),
    }


def gap_cure(row: Mapping[str, Any]) -> Bilingual:
    """The pack's own words; of what no rule of it has found, ours."""
    what = str(row.get("what", ""))
    if chinese := str(row.get("cure") or ""):
        return {"en": str(row.get("cure_en") or chinese), "zh": chinese}
    if what == "crew" and row.get("rule") in list(CrewRule):
        return crew_cure(str(row["rule"]))
    return CURES.get(what, {"en": "", "zh": ""})


def span(ms: int, language: str) -> str:
    """A time as people say it: the two largest units of it."""
    days, rest = divmod(ms, DAY_MS)
    hours, rest = divmod(rest, HOUR_MS)
    minutes, rest = divmod(rest, MINUTE_MS)
    counts = [(days, "days", "天"), (hours, "hours", "小时"), (minutes, "minutes", "分")]
    parts = [(n, en, zh) for n, en, zh in counts if n][:2] or [(rest // 1000, "seconds", "秒")]
    if language == "zh":
        return "".join(f" {n} {zh}" for n, _, zh in parts)
    return " ".join(f"{n} {en if n != 1 else en[:-1]}" for n, en, _ in parts)


class _Told(dict[str, str]):
    """The facts of a gap as they stand in a sentence of a language."""

    def __init__(self, facts: Mapping[str, str], language: str, what: str = "") -> None:
        super().__init__(facts)
        self._language = language
        for fact, value in facts.items():
            self[fact] = self._worded(fact, value)
        if what == "unknown_value":
            kind = facts.get("kind", "")
            self["wanted"] = _KINDS.get(kind, _KINDS[""])[language].format_map(self)
        if what.endswith("stage") and language == "zh":
            self.update((f, STAGES[v]["zh"]) for f, v in facts.items() if v in STAGES)
        if facts.get("unit") in _UNITS:
            self["unit"] = _UNITS[facts["unit"]][language]
        # Of a record that had to come before another: which.
        before = facts.get("before_name_en" if language == "en" else "before_name", "")
        self["before"] = self["after"] = ""
        if before:
            self["before"] = f" before: {before}" if language == "en" else f"（应在“{before}”之前）"
            self["after"] = (
                f", and after: {before}" if language == "en" else f"，且在“{before}”之后"
            )
        self["number"] = _NUMBER[language].format_map(facts) if "measure" in facts else ""
        self["of"] = _OF[language].format_map(self) if "done" in facts else ""
        self["was_due"] = _WAS_DUE[language].format_map(facts) if "was_due" in facts else ""
        self["why"] = _WHY[language].format_map(self) if "reason_by" in facts else ""

    def _worded(self, fact: str, value: str) -> str:
        """By its name in the rule pack, where it has one; the words of a choice are English."""
        named = self.get(f"{fact}_name_en" if self._language == "en" else f"{fact}_name")
        if fact.endswith("_ms") and value.isascii() and value.isdecimal():
            return span(int(value[:18]), self._language)
        if fact in ("said", "other"):
            return named or clip(value)
        # How a list of names is joined.
        return (named or value).replace("、", "、" if self._language == "zh" else ", ")

    def __missing__(self, key: str) -> str:
        return "?"


def _crew_sentence(rule: str, facts: Mapping[str, str]) -> Bilingual:
    # A newer server may have rules that this version does not know.
    return crew_sentence(rule, facts) if rule in list(CrewRule) else {"en": rule, "zh": rule}


def _facts(row: Mapping[str, Any]) -> dict[str, str]:
    facts = row.get("facts")
    if not isinstance(facts, Mapping):
        return {}
    return {str(fact): str(value) for fact, value in facts.items()}
