"""What happens in a case of each procedure, step by step.

A step's day is counted in working days from the case's first. Steps of one day are filed that
evening in the order of their wave: what concludes something is filed after what it rests on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

REASONS = {
    "reason_equity": "已教育并给予改正机会",
    "reason_facts": "现场所见",
    "reason_law": "条例",
}
SHOWN = ("show_id", "inform_reason", "inform_rights", "announce_recording", "notify_party")


@dataclass
class Step:
    act: str
    stage: str
    day: int = 0
    hour: int = 10
    wave: int = 0
    crew: int = 2  # officers who act; of the case's four the first so many, or a named other
    by: str = "crew"  # crew, other (the third and fourth), auxiliary
    facts: dict[str, str] = field(default_factory=dict)
    shows: tuple[str, ...] = ()
    recordings: int = 0
    late: int = 0  # working days after it occurred on which it is filed
    minutes: int = 0
    procedure: str = ""  # if not the case's
    recorded: list[str] = field(default_factory=list)  # digests of its recordings

    @property
    def filed_day(self) -> int:
        return self.day + self.late


# --- the procedures ------------------------------------------------------------------------------


def summary(variant: int) -> list[Step]:
    """On one day; every third case the fine is taken on the spot."""
    collected = "yes" if variant % 3 == 1 else "no"
    decision = {
        "amount": str(50 + variant % 4 * 25),
        "basis": "《苏州市市容环境卫生管理条例》",
        "benchmark": "CG-14-1",
        "benchmark_version": "2026.1",
        "collected": collected,
        "cash_excepted": "yes",  # hard to enforce later: more than a hundred yuan, 处罚法 68
        "number": str(1000 + variant),
        "party_kind": "person",
        "penalty_kind": "fine",
        "place": "观前街",
        "reason": "违法行为轻微，首次查处",
        "remedies": "六十日内申请复议或者六个月内起诉",
        "violation": "占道经营",
    } | REASONS
    steps = [
        Step(
            "on_the_spot_notice",
            "review",
            facts={
                "basis": "条例第十五条",
                "benchmark": decision["benchmark"],
                "benchmark_version": decision["benchmark_version"],
                "reason": "占道经营",
                "rights": "陈述、申辩",
            },
            shows=SHOWN,
            recordings=2,
        ),
        Step("on_the_spot_statement", "review", crew=0, minutes=5),
        Step(
            "on_the_spot_decision",
            "decide",
            wave=1,
            minutes=10,
            facts=decision,
            shows=SHOWN,
            recordings=1,
        ),
        Step("service_return", "serve", wave=2, crew=0, minutes=15, facts={"method": "direct"}),
        Step("agency_report", "serve", wave=2, crew=0, hour=15),
    ]
    if collected == "yes":
        steps += [
            Step("cash_receipt", "enforce", wave=2, minutes=20),
            Step("cash_handover", "enforce", day=1, crew=0),
            Step("bank_deposit", "enforce", day=2, crew=0),
        ]
    else:
        steps.append(Step("payment", "enforce", day=4, crew=0))
    steps.append(Step("case_closing", "enforce", day=5, wave=1, crew=0))
    return steps


def inspection(variant: int) -> list[Step]:
    random_draw = variant % 2 == 0
    result = ("pass", "rectify", "pass", "violation")[variant % 4]
    plan = {"basis": "检查事项清单第3项", "source": "double_random" if random_draw else "complaint"}
    steps = [Step("inspection_plan", "start", crew=0, facts=plan)]
    if random_draw:
        steps.append(Step("double_random", "start", crew=0, hour=11))
    steps += [
        Step("inspection_approval", "start", crew=1, by="other", hour=14),
        Step("inspection_notice", "start", crew=0, hour=15),
        Step(
            "inspection",
            "investigate",
            day=2,
            facts={"handed_over": "当日18时", "party_present": "yes", "place": "经营场所"},
            shows=SHOWN,
            recordings=3,
        ),
        Step(
            "inspection_record",
            "investigate",
            day=2,
            minutes=40,
            facts={"discipline_told": "yes", "signed": "party"},
        ),
        Step("recording_review", "review", day=3, crew=0),
        Step("inspection_result", "decide", day=4, wave=1, crew=0, facts={"result": result}),
        Step("result_notice", "serve", day=5, crew=0),
    ]
    if result == "rectify":
        facts = {"basis": "处罚法第二十八条", "due": "七日内"}
        steps.append(Step("rectification_order", "decide", day=5, facts=facts))
        steps.append(Step("rectification_check", "enforce", day=13))
    if result == "violation":
        steps.append(Step("case_transfer", "enforce", day=6, crew=0))
    if random_draw:
        steps.append(Step("publication", "enforce", day=12, crew=0))
    steps.append(Step("case_closing", "enforce", day=15, wave=1, crew=0))
    return steps


def licence(variant: int) -> list[Step]:
    verify = "yes" if variant % 2 == 0 else "no"
    steps = [
        Step("application", "start", crew=0, facts={"complete": "yes"}),
        Step("acceptance", "start", day=1, crew=1, facts={"sealed": "yes", "verify": verify}),
    ]
    if verify == "yes":
        steps.append(
            Step(
                "verification",
                "investigate",
                day=4,
                facts={"signed": "party"},
                shows=SHOWN,
                recordings=2,
            )
        )
    granted = (
        {"result": "granted"}
        if variant % 5
        else {
            "reason": "不符合条件",
            "remedies": "六十日内申请复议",
            "result": "refused",
        }
    )
    steps += [
        Step("review_opinion", "review", day=8, crew=1),
        Step(
            "licence_decision",
            "decide",
            day=12,
            wave=1,
            crew=1,
            by="other",
            facts=granted | REASONS,
        ),
        Step("service_return", "serve", day=15, crew=0),
    ]
    if granted["result"] == "granted":
        steps.append(Step("publication", "enforce", day=16, crew=0))
    steps.append(Step("case_closing", "enforce", day=18, wave=1, crew=0))
    return steps


def coercion(variant: int) -> list[Step]:
    """Goods are sealed, in every fourth case at once; then they are given back."""
    urgent = variant % 4 == 3
    measure = Step(
        "coercive_measure",
        "investigate",
        wave=1,
        hour=15,
        facts={"party_present": "yes", "urgent": "yes" if urgent else "no"},
        shows=(*SHOWN, "hear_party"),
        recordings=2,
    )
    approval = Step(
        "make_up_approval" if urgent else "coercion_approval",
        "investigate",
        wave=2 if urgent else 0,
        hour=17 if urgent else 9,
        crew=1,
        by="other",
    )
    return [
        *([] if urgent else [approval]),
        measure,
        Step(
            "coercion_notice",
            "investigate",
            wave=2,
            hour=15,
            minutes=10,
            crew=0,
            facts={
                "basis": "法律第五十六条",
                "days": "30",
                "reason": "防止证据损毁",
                "remedies": "六十日内申请复议",
            },
        ),
        Step(
            "coercion_list",
            "investigate",
            wave=2,
            hour=15,
            minutes=15,
            crew=0,
            facts={"agency_copy": f"清单{variant}", "party_copy": f"清单{variant}"},
        ),
        Step(
            "site_record",
            "investigate",
            wave=2,
            hour=15,
            minutes=30,
            facts={"other_steps": "无", "signed": "party"},
        ),
        *([approval] if urgent else []),
        Step("lifting", "investigate", day=10),
        Step("goods_returned", "investigate", day=11, crew=0),
        Step("case_closing", "enforce", day=13, wave=1, crew=0),
    ]


def ordinary(variant: int) -> list[Step]:
    """Every third is a major case, with review and discussion; every sixth is heard before."""
    major, heard = variant % 3 == 0, variant % 6 == 0
    cited = {
        "amount": "2000" if major else "500",
        "basis": "《苏州市市容环境卫生管理条例》第四十条",
        "benchmark": "CG-14-3" if major else "CG-14-2",
        "benchmark_version": "2026.1",
        "reason": "面积一平方米以上，经责令未改正",
        "violation": "擅自占用城市道路经营",
    }
    steps = [
        Step("clue", "start", crew=0, facts={"source": "巡查发现"}),
        Step("case_filing", "start", day=1, facts={"major": "yes" if major else "no"}),
        Step("recusal_check", "start", day=1, crew=0, hour=11),
        Step(
            "inspection_record",
            "investigate",
            day=3,
            facts={"signed": "party"},
            shows=SHOWN,
            recordings=3,
        ),
        Step(
            "questioning_record",
            "investigate",
            day=5,
            facts={"signed": "party"},
            shows=SHOWN,
            recordings=2,
        ),
        Step("evidence_list", "investigate", day=6, crew=0),
        Step("investigation_report", "review", day=9),
        Step(
            "penalty_notice",
            "review",
            day=11,
            facts=cited | {"penalty_kind": "fine", "rights": "陈述、申辩"},
        ),
        Step("statement_and_defence", "review", day=15, crew=0),
    ]
    if heard:
        steps += hearing(cited)
    if major:
        discussed = {"conclusion": "同意拟处罚意见", "present": "局领导班子"}
        steps += [
            Step(
                "legal_review",
                "review",
                day=32 if heard else 18,
                crew=1,
                by="reviewer",
                facts={"result": "pass"},
            ),
            Step(
                "collective_discussion",
                "review",
                day=33 if heard else 20,
                crew=0,
                facts=discussed,
            ),
        ]
    decision = cited | {
        "defence_answered": "意见不予采纳，理由见正文",
        "party_kind": "organisation",
        "penalty_kind": "fine",
        "performance": "十五日内缴至指定银行",
        "reasoning": "事理、法理、情理",
        "remedies": "六十日内申请复议或者六个月内起诉",
        "seal": "yes",
        "signed_by": "分管负责人",
    }
    if heard:
        decision |= {"hearing_considered": "听证笔录"}
    last = 36 if heard else 22
    return [
        *steps,
        Step("penalty_decision", "decide", day=last, wave=1, facts=decision),
        Step("service_return", "serve", day=last + 2, crew=0, facts={"method": "direct"}),
        Step("payment", "enforce", day=last + 8, crew=0),
        Step(
            "publication",
            "enforce",
            day=last + 9,
            crew=0,
            facts={"digest": "见公示文本", "where": "市公示平台"},
        ),
        Step("case_closing", "enforce", day=last + 12, wave=1, crew=0),
    ]


def hearing(cited: dict[str, str]) -> list[Step]:
    """Asked for, notified eight working days ahead, and presided over by somebody else."""
    notice = {key: cited[key] for key in ("amount", "basis", "benchmark", "reason")}
    steps = [
        Step("hearing_rights_notice", "review", day=11, hour=11, facts=notice | {"major": "yes"}),
        Step("hearing_request", "review", day=14, crew=0),
        Step("hearing_appointment", "review", day=15, crew=1, by="other"),
        Step("hearing_notice", "review", day=16, crew=0, facts={"place": "三楼", "time": "九时"}),
        Step("hearing_announcement", "review", day=16, crew=0, hour=11),
        Step(
            "hearing",
            "review",
            day=26,
            crew=1,
            by="other",
            shows=("inform_rights", "challenge"),
            recordings=1,
        ),
        Step("hearing_minutes", "review", day=26, crew=0, minutes=40, facts={"signed": "party"}),
        Step("hearing_report", "review", day=28, crew=0),
    ]
    for step in steps:
        step.procedure = "hearing"
    return steps


SCRIPTS: dict[str, Callable[[int], list[Step]]] = {
    "summary": summary,
    "inspection": inspection,
    "ordinary": ordinary,
    "coercion": coercion,
    "licence": licence,
}
