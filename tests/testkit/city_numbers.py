"""The numbers of the city's year, its case register, and the files that are drawn for review."""

import json
import shutil
from base64 import b64decode
from pathlib import Path

from testkit.city_recount import clocks_owed, concluded, drawn_by_hand, gaps_owed, numbers_owed
from testkit.city_year import LAST_DAY, Year

DRAWN = 10  # case files that are reviewed


def judge_statistics(year: Year) -> None:
    year.tell(
        "The numbers of the year come from the log, and anybody counts them again from it.",
        "年度数字由日志算出，任何人可据日志重新计算。",
    )
    public = str(year.root / "ledger" / "public")
    trust = str(year.root / "trust")
    for agency in year.city.agencies:
        acts = year.root / f"{agency.name}.acts"
        asked = ("--agency", agency.name, "--year", "2026", "--acts", str(acts))
        paper = ("-o", str(year.root / f"statistics-{agency.name}.pdf"))
        server = ("--server", year.ledger.stage.server, "--token-file", year.token_file())
        told = year.told("statistics", *asked, *paper, *server)
        counted = {
            (of["procedure"], act["act"]): (int(act["acts"]), round(float(act["amount"])))
            for of in told["procedures"]
            for act in of["acts"]
        }
        owed = numbers_owed(year.city, agency.name)
        wrong = {key for key in counted | owed if counted.get(key) != owed.get(key)}
        year.hold(
            not wrong,
            f"{agency.name}: every number as lived, not {sorted(wrong)}",
            f"{agency.name}：各项数字一致，不符 {sorted(wrong)}",
        )
        year.ledger.stage.run("statistics", "--check", str(acts), "--log", public, "--trust", trust)
        fines = sum(yuan for (_, act), (_, yuan) in owed.items() if act.endswith("_decision"))
        year.note(
            f"{agency.full_name}: {told['cases']} cases, {told['acts']} acts, {fines} yuan",
            f"{agency.full_name}：{told['cases']} 案，{told['acts']} 项行为，罚款 {fines} 元",
        )
        year.facts[f"statistics {agency.name}"] = {
            "acts": told["acts"],
            "cases": told["cases"],
            "fines": fines,
        }
    _hide_a_case(year, acts, public, trust)


def _hide_a_case(year: Year, acts: Path, public: str, trust: str) -> None:
    """Whoever leaves a case out of the year must leave out acts, and that shows."""
    lines = acts.read_bytes().splitlines(keepends=True)
    hidden = year.root / "hidden.acts"
    number = json.loads(_payload(lines[1]))["predicate"]["case"]
    kept = [line for line in lines[1:] if number.encode() not in _payload(line)]
    hidden.write_bytes(b"".join([lines[0], *kept]))
    told = ("statistics", "--check", str(hidden), "--log", public, "--trust", trust)
    year.ledger.stage.run(*told, expect=1)
    year.note(f"{number} is left out: found", f"隐去 {number}：被发现")


def judge_register(year: Year) -> None:
    """The 台账 of the city, with the agencies below it."""
    year.tell("The case register is drawn from the log.", "执法台账由日志生成。")
    for ending in ("csv", "pdf", "xlsx"):
        told = year.told(
            *("case", "register", "--agency", year.city.agencies[0].name, "--year", "2026"),
            *("--below", "-o", str(year.root / f"register.{ending}")),
            *("--server", year.ledger.stage.server, "--token-file", year.token_file()),
        )
    told_lines = {
        line["case"]: tuple(bool(line.get(part)) for part in ("decided", "served", "closed"))
        for line in told["cases"]
    }
    owed = {case.number: concluded(case) for case in year.city.cases}
    wrong = sorted(key for key in owed | told_lines if owed.get(key) != told_lines.get(key))
    year.hold(not wrong, f"each case stands as lived, not {wrong}", f"各案状态一致，不符 {wrong}")
    year.facts["register"] = len(told_lines)
    decided, served, closed = (sum(line[n] for line in told_lines.values()) for n in range(3))
    year.note(
        f"{len(told_lines)} cases: {decided} decided, {served} served, {closed} closed"
        " (a coercive measure ends without a decision on the case)",
        f"{len(told_lines)} 案：已决定 {decided}，已送达 {served}，已结案 {closed}"
        "（强制措施案件不另作案件决定即可结案）",
    )


def draw(year: Year) -> None:
    """A sample that neither the agency nor the reviewer chooses, drawn again by hand."""
    year.tell(
        "Ten case files are drawn for review. The list was fixed before the lots were known.",
        "抽取十份案卷评查：清单先固定，签在其后。",
    )
    agency, review, secret = year.city.agencies[0], year.root / "review", year.root / "secret"
    key = year.ledger.key_file(year.ledger.handler(agency.name))
    server = ("--server", year.ledger.stage.server)
    token = ("--token-file", year.token_file())
    digest = year.told("case-review", "secret", str(secret))["reviewer"]
    fixed = year.told(
        *("case-review", "list", str(review), "--agency", agency.name, "--year", "2026"),
        *("--sample", str(DRAWN), "--reviewer", digest, "--key", str(key), *token, *server),
    )
    receipt = str(review / "list.tlog-proof")
    year.ledger.stage.run("receipt", fixed["id"], *server, "--wait", "60", "-o", receipt)
    trust = ("--trust", str(year.root / "trust"))
    year.ledger.stage.run("case-review", "compare", str(review), *trust, *server, *token)
    shutil.copyfile(secret, review / "secret")
    told = year.told("case-review", "draw", str(review), *trust)
    places = [int(row["place"]) for row in told["drawn"]]
    year.hold(
        places == drawn_by_hand(review, DRAWN),
        f"the sample is the one drawn by hand, got {places}",
        f"样本与手工抽取一致，实际 {places}",
    )
    cases = {case.number for case in year.city.cases if case.agency == agency.name}
    year.hold(
        {row["case"] for row in told["drawn"]} <= cases and int(fixed["cases"]) == len(cases),
        f"of the {len(cases)} cases of the agency, got {fixed['cases']}",
        f"样本出自该机关 {len(cases)} 案，实际 {fixed['cases']}",
    )
    year.facts["drawn"] = [row["case"] for row in told["drawn"]]
    paper = ("-o", str(year.root / "score.pdf"))
    sheets = year.told("case-review", "sheet", str(review), *trust, *paper, *server, *token)
    by_number = {case.number: case for case in year.city.cases}
    for sheet in sheets["cases"]:
        rules = {rule for item in sheet["items"] for rule in item["rules"]}
        clocks = clocks_owed(by_number[sheet["case"]], LAST_DAY).items()
        owed = {rule for rule, _ in gaps_owed(by_number[sheet["case"]], LAST_DAY)}
        owed |= {name for (_, name), (_, state) in clocks if state in ("late", "overdue")}
        year.hold(
            rules <= owed,
            f"{sheet['case']}: points off for {sorted(owed)} alone, got {sorted(rules)}",
            f"{sheet['case']}：仅因 {sorted(owed)} 扣分，实际 {sorted(rules)}",
        )
    year.hold(
        int(sheets["filled_percent"]) >= 60,
        f"a program fills {sheets['filled_percent']} % of a score sheet",
        f"评分表自动填写 {sheets['filled_percent']} %",
    )
    year.note("、".join(year.facts["drawn"]), "、".join(year.facts["drawn"]))
    listed = (review / "list").read_text().splitlines(keepends=True)
    (review / "list").write_text("".join(listed[:-1]))
    year.ledger.stage.run("case-review", "draw", str(review), *trust, expect=1)
    (review / "list").write_text("".join(listed))
    year.note("a case is withdrawn from the list: found", "从清单中撤下一案：被发现")


def _payload(line: bytes) -> bytes:
    return b64decode(json.loads(b64decode(json.loads(line)["envelope"]))["payload"])
