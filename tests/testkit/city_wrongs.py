"""What goes wrong in cases of the city: what was done, and what must be said of it and no more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from testkit.city_cases import Step


@dataclass(frozen=True)
class Expected:
    """A finding that the checker owes: by rule, and what kind of lack it is."""

    rule: str
    kind: str  # missing late wrong_order defect


@dataclass(frozen=True)
class Wrong:
    """Something done wrong to one case, and what must be said of it and nothing else."""

    procedure: str
    name: str
    name_en: str
    do: Callable[[list[Step]], None]
    expected: tuple[Expected, ...]
    refused: str = ""  # the act that a gate must refuse; it and what follows is never logged
    on_paper: bool = False  # it stands in that very paper: nothing of it comes into the log
    variant: int = 0

    def done_to(self, steps: list[Step]) -> None:
        self.do(steps)


def step_of(steps: Sequence[Step], act: str) -> Step:
    return next(step for step in steps if step.act == act)


def without(act: str) -> Callable[[list[Step]], None]:
    def do(steps: list[Step]) -> None:
        steps.remove(step_of(steps, act))

    return do


def late(act: str, days: int) -> Callable[[list[Step]], None]:
    """Filed days after it happened, and still before what rests on it."""

    def do(steps: list[Step]) -> None:
        at = step_of(steps, act)
        at.late = days
        for step in steps[steps.index(at) + 1 :]:
            step.day += days

    return do


def unshown(act: str, shown: str) -> Callable[[list[Step]], None]:
    def do(steps: list[Step]) -> None:
        step = step_of(steps, act)
        step.shows = tuple(each for each in step.shows if each != shown)

    return do


def without_fact(act: str, fact: str) -> Callable[[list[Step]], None]:
    def do(steps: list[Step]) -> None:
        del step_of(steps, act).facts[fact]

    return do


def with_fact(act: str, fact: str, value: str) -> Callable[[list[Step]], None]:
    def do(steps: list[Step]) -> None:
        step_of(steps, act).facts[fact] = value

    return do


def crew(act: str, count: int, by: str = "crew") -> Callable[[list[Step]], None]:
    def do(steps: list[Step]) -> None:
        step = step_of(steps, act)
        step.crew, step.by = count, by

    return do


MISSING, LATE, DEFECT = "missing", "late", "defect"


def without_end(act: str) -> Callable[[list[Step]], None]:
    """The case stops before this act and is left lying."""

    def do(steps: list[Step]) -> None:
        del steps[steps.index(step_of(steps, act)) :]

    return do


def later(act: str, days: int) -> Callable[[list[Step]], None]:
    """It and what follows happen later, and are filed when they happen."""

    def do(steps: list[Step]) -> None:
        for step in steps[steps.index(step_of(steps, act)) :]:
            step.day += days

    return do


# What goes wrong, each in the first cases of its procedure.
WRONGS = (
    Wrong(
        "summary",
        "未听取当场陈述、申辩即处罚",
        "Penalty on the spot without hearing the party",
        without("on_the_spot_statement"),
        (Expected("on_the_spot_statement", MISSING),),
        refused="on_the_spot_decision",
    ),
    Wrong(
        "summary",
        "当场收缴的罚款未缴付银行",
        "Cash never paid into the bank",
        without("bank_deposit"),
        (Expected("bank_deposit", MISSING),),
        refused="case_closing",
        variant=1,
    ),
    Wrong(
        "summary",
        "录像中未见亮证",
        "No certificate seen in the recording",
        unshown("on_the_spot_decision", "show_id"),
        (Expected("show_id", DEFECT),),
    ),
    Wrong(
        "summary",
        "备案三日后补录",
        "Report to the agency filed three days later",
        late("agency_report", 3),
        (Expected("agency_report", LATE),),
    ),
    Wrong(
        "summary",
        "当场处罚只有一名执法人员",
        "Penalty on the spot by one officer",
        crew("on_the_spot_notice", 1),
        (Expected("crew_short", DEFECT),),
        refused="on_the_spot_decision",
    ),
    Wrong(
        "inspection",
        "未经批准即检查",
        "Inspected without approval",
        without("inspection_approval"),
        (Expected("inspection_approval", MISSING),),
        refused="inspection_result",
    ),
    Wrong(
        "inspection",
        "无现场检查笔录",
        "No record of the inspection",
        without("inspection_record"),
        (Expected("inspection_record", MISSING),),
        refused="inspection_result",
        variant=1,
    ),
    Wrong(
        "inspection",
        "检查通知书三日后补录",
        "Notice of inspection filed three days later",
        late("inspection_notice", 3),
        (Expected("inspection_notice", LATE),),
        variant=2,
    ),
    Wrong(
        "inspection",
        "辅助人员单独检查",
        "Inspected by auxiliaries alone",
        crew("inspection", 1, "auxiliary"),
        (Expected("auxiliaries_alone", DEFECT),),
        refused="inspection_result",
        variant=0,
    ),
    Wrong(
        "coercion",
        "清单两份不一致",
        "The two copies of the list differ",
        with_fact("coercion_list", "party_copy", "少一件"),
        (Expected("list_copies_equal", DEFECT),),
    ),
    Wrong(
        "coercion",
        "未告知救济途径",
        "Remedies not told",
        unshown("coercive_measure", "inform_rights"),
        (Expected("step_5_inform_rights", DEFECT),),
    ),
    Wrong(
        "coercion",
        "紧急查封未补办批准",
        "Urgent sealing never approved",
        without("make_up_approval"),
        (Expected("step_1_make_up_approval", MISSING),),
        refused="case_closing",
        variant=3,
    ),
    Wrong(
        "licence",
        "无审查意见即许可",
        "Licence without a review opinion",
        without("review_opinion"),
        (Expected("review_opinion", MISSING),),
        refused="licence_decision",
        variant=1,
    ),
    Wrong(
        "licence",
        "不予许可未说明理由",
        "Refused without reasons",
        without_fact("licence_decision", "reason"),
        (Expected("refusal_reason", DEFECT),),
        refused="licence_decision",
        on_paper=True,
    ),
    Wrong(
        "ordinary",
        "重大案件未经法制审核",
        "A major case without legal review",
        without("legal_review"),
        (Expected("legal_review", MISSING),),
        refused="penalty_decision",
        variant=3,
    ),
    Wrong(
        "ordinary",
        "法制审核未通过",
        "Legal review not passed",
        with_fact("legal_review", "result", "fail"),
        (Expected("review_passed", DEFECT),),
        refused="penalty_decision",
        variant=3,
    ),
    Wrong(
        "ordinary",
        "因陈述、申辩加重处罚",
        "A heavier penalty for having spoken",
        with_fact("penalty_decision", "amount", "900"),
        (Expected("not_heavier", DEFECT),),
        refused="penalty_decision",
        on_paper=True,
        variant=1,
    ),
    Wrong(
        "ordinary",
        "无证据清单",
        "No list of evidence",
        without("evidence_list"),
        (Expected("evidence_list", MISSING),),
        refused="penalty_decision",
        variant=1,
    ),
    Wrong(
        "ordinary",
        "调查终结报告五日后补录",
        "Report of the investigation filed five days later",
        late("investigation_report", 5),
        (Expected("investigation_report", LATE),),
        variant=1,
    ),
    Wrong(
        "ordinary",
        "检查人员执法证已收回",
        "An inspector whose certificate was withdrawn",
        crew("inspection_record", 2, "withdrawn"),
        (Expected("officer_unqualified", DEFECT),),
        variant=1,
    ),
    Wrong(
        "ordinary",
        "逾期未作出决定",
        "No decision in ninety days",
        without_end("penalty_decision"),
        (Expected("penalty_decision", MISSING),),
        variant=1,
    ),
    Wrong(
        "ordinary",
        "逾期送达",
        "Served too late",
        later("service_return", 10),
        (),
        variant=1,
    ),
    Wrong(
        "ordinary",
        "听证后未经法制审核",
        "A hearing without legal review after it",
        without("legal_review"),
        (Expected("legal_review", MISSING),),
        refused="penalty_decision",
        variant=6,
    ),
)
