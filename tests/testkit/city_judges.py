"""Gates, gaps and clocks of the city's year, each held against what its script did."""

import time
from collections import Counter
from typing import Any
from urllib.parse import quote

from cli.case.judging import STATES
from cli.case.refusal import KINDS, LEVELS
from cli.case.words import shown
from cli.gap_wording import gap_cure
from cli.language import pick, say
from cli.wording import STAGES
from testkit.city_recount import (
    acts_as_lived,
    acts_in_log,
    clocks_owed,
    gaps_owed,
    refusals_owed,
    rows,
)
from testkit.city_year import LAST_DAY, Year

LISTED = ("overdue", "late", "running")  # the most urgent first


def judge_gates(year: Year) -> None:
    """Evidence was never refused; conclusions were, exactly those that had to be."""
    year.tell(
        "Conclusions that came too early were refused, and nothing else was:",
        "过早的结论被拒绝，此外无一被拒：",
    )
    owed = refusals_owed(year.city)
    found = {(each.case, each.act) for each in year.ledger.refused}
    wrongs = {case.number: case.wrong for case in year.city.cases}
    for each in year.ledger.refused:
        wrong = wrongs[each.case]
        name = say(en=wrong.name_en, zh=wrong.name) if wrong else "?"
        act = shown("act", each.act)
        year.note(f"{each.case}, {act}: {name}", f"{each.case} {act}：{name}")
    year.hold(
        found == owed,
        f"refused is what had to be; too many {sorted(found - owed)}, too few"
        f" {sorted(owed - found)}",
        f"应拒尽拒、不应拒的未拒；多 {sorted(found - owed)}，少 {sorted(owed - found)}",
    )
    codes = {str(each.problem.get("code")) for each in year.ledger.refused}
    year.hold(codes <= {"gated"}, f"all by a gate, got {codes}", f"均为关口拒绝，实际 {codes}")
    for each in year.ledger.refused:
        rules = {row.get("rule") for row in each.problem.get("found", [])}
        wrong = wrongs[each.case]
        if wrong is not None and each.act == wrong.refused:
            owed_rules = {expected.rule for expected in wrong.expected}
            year.hold(
                owed_rules <= rules,
                f"{each.case}: refused by {owed_rules}, got {rules}",
                f"{each.case}：应依 {owed_rules} 拒绝，实际 {rules}",
            )
        year.hold(
            all(row["source"] and row["article"] for row in each.problem["found"]),
            f"{each.case}: the refusal names statute and article",
            f"{each.case}：拒绝时列明法律和条款",
        )
    taken = sum(map(year.ledger.file_as_evidence, year.ledger.refused))
    year.hold(
        taken == len(year.ledger.refused),
        f"each refused paper is taken as evidence, got {taken}",
        f"被拒结论的文书均可作为证据提交，实际 {taken}",
    )
    year.note(f"the {taken} papers are taken as evidence", f"这 {taken} 份文书作为证据受理")
    year.facts["refused"] = len(found)


def recount(year: Year) -> None:
    year.tell(
        "What stands in the log is counted again, from the database and from the script:",
        "日志中的内容重新清点：一依数据库，一依脚本。",
    )
    logged, lived = acts_in_log(year.root / "ledger"), acts_as_lived(year.city)
    year.hold(logged == lived, f"the acts agree: {logged - lived} {lived - logged}", "行为一致")
    kinds = Counter(row.kind for row in rows(year.root / "ledger"))
    year.facts["logged"] = dict(sorted(kinds.items()))
    named = [f"{shown('kind', kind)} {count}" for kind, count in sorted(kinds.items())]
    year.note("; ".join(named), "；".join(named))


def judge_gaps(year: Year) -> None:
    year.tell(
        "Each case is examined. What the checker finds is what the script did wrong:",
        "逐案核查。核查所见应与脚本所为一致：",
    )
    began = time.monotonic()
    table: list[tuple[str, ...]] = []
    right = 0
    for case in year.city.cases:
        gaps = year.asked(f"/v1/cases/{quote(case.number, safe='')}/gaps")["gaps"]
        found = {(gap["rule"], gap["kind"]) for gap in gaps}
        due = {(gap["rule"], gap["kind"]) for gap in gaps if gap["due"]}
        owed = gaps_owed(case, LAST_DAY)
        # What may still come in its time is told as well: it is owed to nobody yet.
        held = due <= owed <= found
        right += held
        year.hold(
            held,
            f"{case.number} ({case.wrong.name_en if case.wrong else 'nothing wrong'}): owed"
            f" {sorted(owed)}, found {sorted(due)} of {sorted(found)}",
            f"{case.number}（{case.wrong.name if case.wrong else '无瑕疵'}）：应有"
            f" {sorted(owed)}，实际 {sorted(due)}",
        )
        for gap in gaps:
            table.append((case.number, *gap_cells(gap)))
    year.seconds["gaps of 200 cases"] = round(time.monotonic() - began, 1)
    year.facts["cases_right"] = right
    columns = say(
        en="case|stage|level|kind|what|by|cure", zh="案号|阶段|级别|种类|事项|依据|补正"
    ).split("|")
    year.write("gaps", say(en="Gaps", zh="缺项清单"), tuple(columns), table)
    year.note(
        f"{right} of {len(year.city.cases)} cases as they should be; {len(table)} gaps",
        f"{len(year.city.cases)} 案中 {right} 案相符；共 {len(table)} 项",
    )


def gap_cells(gap: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table, in words."""
    return (
        pick(STAGES[gap["stage"]]).capitalize(),
        pick(LEVELS[gap["level"]]),
        pick(KINDS[gap["kind"]]),
        say(en=gap["name_en"], zh=gap["name"]),
        f"{gap['source']} {gap['article']}",
        pick(gap_cure(gap)),
    )


def judge_clocks(year: Year) -> None:
    year.tell(
        "What had to be done by when, counted again from the lists of days off alone:",
        "各项期限，仅据放假安排重新计算：",
    )
    table: list[tuple[str, ...]] = []
    right = 0
    for case in year.city.cases:
        found = year.asked(f"/v1/cases/{quote(case.number, safe='')}/clocks")["clocks"]
        by_id = {(row["pack"], row["clock"]): row for row in found}
        for clock, (last, state) in clocks_owed(case, LAST_DAY).items():
            row = by_id.get(clock, {})
            said = row.get("last_day"), row.get("state")
            held = said == (last.isoformat(), state)
            right += held
            year.hold(
                held,
                f"{case.number} {clock[1]}: {last} {state}, got {said}",
                f"{case.number} {clock[1]}：应为 {last} {state}，实际 {said}",
            )
        for row in found:
            if row["state"] in LISTED:
                law = f"{row['statute']} {row['article']}"
                due = row.get("last_day") or row.get("due", "").replace("T", " ")[:16]
                name = say(en=row["name_en"], zh=row["name"])
                table.append((case.number, name, due, pick(STATES[row["state"]]), law))
    year.facts["clocks_right"] = right
    columns = say(en="case|clock|due|state|by", zh="案号|期限|届满|状态|依据").split("|")
    urgent = [pick(STATES[state]) for state in LISTED]
    table.sort(key=lambda row: (urgent.index(row[3]), row[2]))
    year.write("clocks", say(en="Clocks", zh="期限清单"), tuple(columns), table)
    states = Counter(row[3] for row in table)
    listed = [f"{state} {states[state]}" for state in urgent]
    year.note(
        f"{right} clocks as counted; listed are: {', '.join(listed)}",
        f"{right} 项相符；列入清单的：{'、'.join(listed)}",
    )
