"""`make demo-city`: a year of enforcement in a city, and every number of it counted again.

From nothing: three agencies, forty officers, two hundred cases and fifteen hundred recordings, all
made by a script from one seed and filed over HTTP, each on its day. The script knows what it did
wrong, so what the ledger says of gaps, gates, clocks and numbers is compared with that.

    demo/city/ledger/                          the ledger, with its registers and rule packs
    demo/city/*.{csv,xlsx,pdf}                 gaps and refusals, clocks, the case register
    demo/city/closing.json                     what was found; exit code 1 if anything does not hold
"""

import json
import shutil
import sys
import time
from base64 import b64decode
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cli import output
from cli.demo import _fresh
from cli.language import say
from cli.table import Table, write_table
from ledger.encoding import format_time
from ledger.errors import Rejected
from testkit.city import CHINA, RECORDINGS, WORKING, Case, City, at_ms
from testkit.city_ledger import CityLedger
from testkit.city_recount import (
    acts_as_lived,
    acts_in_log,
    clocks_owed,
    concluded,
    drawn_by_hand,
    gaps_owed,
    holding,
    lived,
    numbers_owed,
    refusals_owed,
    rows,
    seen_by,
)
from testkit.demo_court import InProcess
from testkit.demo_main import main

LAST_DAY = date(2026, 12, 30)
DRAWN = 10  # case files that are reviewed
LONG = frozenset({"hearing", "collective_discussion", "coercive_measure"})  # kept for thirty years


@dataclass
class Year:
    ledger: CityLedger
    facts: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    began_s: float = field(default_factory=time.monotonic)
    held_case: Case = field(init=False)

    @property
    def city(self) -> City:
        return self.ledger.city

    @property
    def root(self) -> Path:
        return self.ledger.stage.root

    def tell(self, en: str, zh: str) -> None:
        self.ledger.stage.tell(en, zh)

    def note(self, en: str, zh: str) -> None:
        output.result("   " + say(en=en, zh=zh))

    def hold(self, held: bool, en: str, zh: str) -> None:
        if not held:
            self.broken.append(en)
            self.note(f"DOES NOT HOLD: {en}", f"不成立：{zh}")

    # --- the year ----------------------------------------------------------------------------

    def found(self) -> None:
        city = self.city
        counts = {
            "agencies": len(city.agencies),
            "officers": len(city.officers),
            "auxiliaries": len(city.auxiliaries),
            "recorders": len(city.recorders),
            "cases": len(city.cases),
            "recordings": len(city.recordings),
        }
        self.facts["city"] = counts
        self.tell(
            "Whoever may act is registered, and so are the rule packs and the days off.",
            "登记机关、人员、设备，以及规则包和放假安排。",
        )
        count = self.ledger.register()
        self.facts["registered"] = count
        self.note(f"{count} entries: {counts}", f"{count} 条登记：{counts}")

    def live(self) -> None:
        self.tell(
            "The year goes by. What happens on a day is filed that evening, over HTTP.",
            "一年过去。每日之事当晚经 HTTP 提交。",
        )
        began = time.monotonic()
        by_month: Counter[int] = Counter()
        for day in self.city.days():
            by_month[day.month] += self.ledger.live(day)
        self.seconds["the year"] = round(time.monotonic() - began, 1)
        for month, count in sorted(by_month.items()):
            self.note(
                f"2026-{month:02}: {count:4} statements", f"2026-{month:02}：{count:4} 条陈述"
            )
        self.ledger.calendar.set(at_ms(LAST_DAY, 9))
        accepted = self.ledger.accepted["evidence"]
        self.hold(
            accepted == RECORDINGS,
            f"every recording was accepted, got {accepted}",
            f"全部录像已受理，实际 {accepted}",
        )

    def judge_gates(self) -> None:
        """Evidence was never refused; conclusions were, exactly those that had to be."""
        self.tell(
            "Conclusions that came too early were refused, and nothing else was:",
            "过早的结论被拒绝，此外无一被拒：",
        )
        owed = refusals_owed(self.city)
        found = {(each.case, each.act) for each in self.ledger.refused}
        wrongs = {case.number: case.wrong for case in self.city.cases}
        for each in self.ledger.refused:
            wrong = wrongs[each.case]
            name = say(en=wrong.name_en, zh=wrong.name) if wrong else "?"
            self.note(f"{each.case} {each.act}: {name}", f"{each.case} {each.act}：{name}")
        self.hold(
            found == owed,
            f"refused is what had to be; too many {sorted(found - owed)}, too few"
            f" {sorted(owed - found)}",
            f"应拒尽拒、不应拒的未拒；多 {sorted(found - owed)}，少 {sorted(owed - found)}",
        )
        codes = {str(each.problem.get("code")) for each in self.ledger.refused}
        self.hold(codes <= {"gated"}, f"all by a gate, got {codes}", f"均为关口拒绝，实际 {codes}")
        for each in self.ledger.refused:
            rules = {row.get("rule") for row in each.problem.get("found", [])}
            wrong = wrongs[each.case]
            if wrong is not None and each.act == wrong.refused:
                owed_rules = {expected.rule for expected in wrong.expected}
                self.hold(
                    owed_rules <= rules,
                    f"{each.case}: refused by {owed_rules}, got {rules}",
                    f"{each.case}：应依 {owed_rules} 拒绝，实际 {rules}",
                )
            self.hold(
                all(row["source"] and row["article"] for row in each.problem["found"]),
                f"{each.case}: the refusal names statute and article",
                f"{each.case}：拒绝时列明法律和条款",
            )
        taken = sum(map(self.ledger.file_as_evidence, self.ledger.refused))
        self.hold(
            taken == len(self.ledger.refused),
            f"each refused paper is taken as evidence, got {taken}",
            f"被拒结论的文书均可作为证据提交，实际 {taken}",
        )
        self.note(f"the {taken} papers are taken as evidence", f"这 {taken} 份文书作为证据受理")
        self.facts["refused"] = len(found)

    def recount(self) -> None:
        self.tell(
            "What stands in the log is counted again, from the database and from the script:",
            "日志中的内容重新清点：一依数据库，一依脚本。",
        )
        logged, lived = acts_in_log(self.root / "ledger"), acts_as_lived(self.city)
        self.hold(logged == lived, f"the acts agree: {logged - lived} {lived - logged}", "行为一致")
        kinds = Counter(row.kind for row in rows(self.root / "ledger"))
        self.facts["logged"] = dict(sorted(kinds.items()))
        self.note(f"{dict(kinds)}", f"{dict(kinds)}")

    # --- gaps --------------------------------------------------------------------------------

    def judge_gaps(self) -> None:
        self.tell(
            "Each case is examined. What the checker finds is what the script did wrong:",
            "逐案核查。核查所见应与脚本所为一致：",
        )
        began = time.monotonic()
        table: list[tuple[str, ...]] = []
        right = 0
        for case in self.city.cases:
            gaps = self._get(f"/v1/cases/{quote(case.number, safe='')}/gaps")["gaps"]
            found = {(gap["rule"], gap["kind"]) for gap in gaps}
            due = {(gap["rule"], gap["kind"]) for gap in gaps if gap["due"]}
            owed = gaps_owed(case)
            # What may still come in its time is told as well: it is owed to nobody yet.
            held = due <= owed <= found
            right += held
            self.hold(
                held,
                f"{case.number} ({case.wrong.name_en if case.wrong else 'nothing wrong'}): owed"
                f" {sorted(owed)}, found {sorted(due)} of {sorted(found)}",
                f"{case.number}（{case.wrong.name if case.wrong else '无瑕疵'}）：应有"
                f" {sorted(owed)}，实际 {sorted(due)}",
            )
            for gap in gaps:
                table.append(
                    (
                        case.number,
                        gap["stage"],
                        gap["level"],
                        gap["kind"],
                        gap["rule"],
                        f"{gap['source']} {gap['article']}",
                        gap["cure"],
                    )
                )
        self.seconds["gaps of 200 cases"] = round(time.monotonic() - began, 1)
        self.facts["cases_right"] = right
        columns = say(
            en="case|stage|level|kind|rule|by|cure", zh="案号|阶段|级别|种类|规则|依据|补正"
        ).split("|")
        self._write("gaps", say(en="Gaps", zh="缺项清单"), tuple(columns), table)
        self.note(
            f"{right} of {len(self.city.cases)} cases as they should be; {len(table)} gaps",
            f"{len(self.city.cases)} 案中 {right} 案相符；共 {len(table)} 项",
        )

    # --- clocks ------------------------------------------------------------------------------

    def judge_clocks(self) -> None:
        self.tell(
            "What had to be done by when, counted again from the lists of days off alone:",
            "各项期限，仅据放假安排重新计算：",
        )
        table: list[tuple[str, ...]] = []
        right = 0
        for case in self.city.cases:
            found = self._get(f"/v1/cases/{quote(case.number, safe='')}/clocks")["clocks"]
            by_id = {row["clock"]: row for row in found if row["pack"] == case.procedure}
            for clock, (last, state) in clocks_owed(case, LAST_DAY).items():
                row = by_id.get(clock, {})
                said = row.get("last_day"), row.get("state")
                held = said == (last.isoformat(), state)
                right += held
                self.hold(
                    held,
                    f"{case.number} {clock}: {last} {state}, got {said}",
                    f"{case.number} {clock}：应为 {last} {state}，实际 {said}",
                )
            for row in found:
                if row["state"] in ("overdue", "late", "running"):
                    law = f"{row['statute']} {row['article']}"
                    due = row.get("last_day") or row.get("due", "")
                    table.append((case.number, row["name"], due, row["state"], law))
        self.facts["clocks_right"] = right
        columns = say(en="case|clock|due|state|by", zh="案号|期限|届满|状态|依据").split("|")
        self._write("clocks", say(en="Clocks", zh="期限清单"), tuple(columns), table)
        states = Counter(row[3] for row in table)
        self.note(f"{right} clocks as counted; {dict(states)}", f"{right} 项相符；{dict(states)}")

    # --- the numbers of the year -------------------------------------------------------------

    def judge_statistics(self) -> None:
        self.tell(
            "The numbers of the year come from the log, and anybody counts them again from it.",
            "年度数字由日志算出，任何人可据日志重新计算。",
        )
        public = str(self.root / "ledger" / "public")
        trust = str(self.root / "trust")
        for agency in self.city.agencies:
            acts = self.root / f"{agency.name}.acts"
            asked = ("--agency", agency.name, "--year", "2026", "--acts", str(acts))
            paper = ("-o", str(self.root / f"statistics-{agency.name}.pdf"))
            server = ("--server", self.ledger.stage.server, "--token-file", self._token_file())
            told = self._json("statistics", *asked, *paper, *server)
            counted = {
                (of["procedure"], act["act"]): (int(act["acts"]), round(float(act["amount"])))
                for of in told["procedures"]
                for act in of["acts"]
            }
            owed = numbers_owed(self.city, agency.name)
            wrong = {key for key in counted | owed if counted.get(key) != owed.get(key)}
            self.hold(
                not wrong,
                f"{agency.name}: every number as lived, not {sorted(wrong)}",
                f"{agency.name}：各项数字一致，不符 {sorted(wrong)}",
            )
            self.ledger.stage.run(
                "statistics", "--check", str(acts), "--log", public, "--trust", trust
            )
            fines = sum(yuan for (_, act), (_, yuan) in owed.items() if act.endswith("_decision"))
            self.note(
                f"{agency.full_name}: {told['cases']} cases, {told['acts']} acts, {fines} yuan",
                f"{agency.full_name}：{told['cases']} 案，{told['acts']} 项行为，罚款 {fines} 元",
            )
            self.facts[f"statistics {agency.name}"] = {
                "acts": told["acts"],
                "cases": told["cases"],
                "fines": fines,
            }
        self._hide_a_case(acts, public, trust)

    def _hide_a_case(self, acts: Path, public: str, trust: str) -> None:
        """Whoever leaves a case out of the year must leave out acts, and that shows."""
        lines = acts.read_bytes().splitlines(keepends=True)
        hidden = self.root / "hidden.acts"
        number = json.loads(_payload(lines[1]))["predicate"]["case"]
        kept = [line for line in lines[1:] if number.encode() not in _payload(line)]
        hidden.write_bytes(b"".join([lines[0], *kept]))
        told = ("statistics", "--check", str(hidden), "--log", public, "--trust", trust)
        self.ledger.stage.run(*told, expect=1)
        self.note(f"{number} is left out: found", f"隐去 {number}：被发现")

    def judge_register(self) -> None:
        """The 台账 of the city, with the agencies below it."""
        self.tell("The case register is drawn from the log.", "执法台账由日志生成。")
        told = self._json(
            *("case", "register", "--agency", self.city.agencies[0].name, "--year", "2026"),
            *("--below", "-o", str(self.root / "register.xlsx")),
            *("--server", self.ledger.stage.server, "--token-file", self._token_file()),
        )
        told_lines = {
            line["case"]: tuple(bool(line.get(part)) for part in ("decided", "served", "closed"))
            for line in told["cases"]
        }
        owed = {case.number: concluded(case) for case in self.city.cases}
        wrong = sorted(key for key in owed | told_lines if owed.get(key) != told_lines.get(key))
        self.hold(
            not wrong, f"each case stands as lived, not {wrong}", f"各案状态一致，不符 {wrong}"
        )
        self.facts["register"] = len(told_lines)
        counts = [sum(line[n] for line in told_lines.values()) for n in range(3)]
        self.note(
            f"{len(told_lines)} cases; decided, served, closed: {counts}",
            f"{len(told_lines)} 案；已决定、已送达、已结案：{counts}",
        )

    # --- the drawn sample --------------------------------------------------------------------

    def draw(self) -> None:
        """A sample that neither the agency nor the reviewer chooses, drawn again by hand."""
        self.tell(
            "Ten case files are drawn for review. The list was fixed before the lots were known.",
            "抽取十份案卷评查：清单先固定，签在其后。",
        )
        agency, review, secret = self.city.agencies[0], self.root / "review", self.root / "secret"
        key = self.ledger.key_file(self.ledger.handler(agency.name))
        server = ("--server", self.ledger.stage.server)
        token = ("--token-file", self._token_file())
        digest = self._json("case-review", "secret", str(secret))["reviewer"]
        fixed = self._json(
            *("case-review", "list", str(review), "--agency", agency.name, "--year", "2026"),
            *("--sample", str(DRAWN), "--reviewer", digest, "--key", str(key), *token, *server),
        )
        receipt = str(review / "list.tlog-proof")
        self.ledger.stage.run("receipt", fixed["id"], *server, "--wait", "60", "-o", receipt)
        self.ledger.stage.run("case-review", "compare", str(review), *server, *token)
        shutil.copyfile(secret, review / "secret")
        trust = ("--trust", str(self.root / "trust"))
        told = self._json("case-review", "draw", str(review), *trust)
        places = [int(row["place"]) for row in told["drawn"]]
        self.hold(
            places == drawn_by_hand(review, DRAWN),
            f"the sample is the one drawn by hand, got {places}",
            f"样本与手工抽取一致，实际 {places}",
        )
        cases = {case.number for case in self.city.cases if case.agency == agency.name}
        self.hold(
            {row["case"] for row in told["drawn"]} <= cases and int(fixed["cases"]) == len(cases),
            f"of the {len(cases)} cases of the agency, got {fixed['cases']}",
            f"样本出自该机关 {len(cases)} 案，实际 {fixed['cases']}",
        )
        self.facts["drawn"] = [row["case"] for row in told["drawn"]]
        paper = ("-o", str(self.root / "score.pdf"))
        sheets = self._json("case-review", "sheet", str(review), *trust, *paper, *server, *token)
        by_number = {case.number: case for case in self.city.cases}
        for sheet in sheets["cases"]:
            rules = {rule for item in sheet["items"] for rule in item["rules"]}
            owed = {rule for rule, _ in gaps_owed(by_number[sheet["case"]])}
            self.hold(
                rules <= owed,
                f"{sheet['case']}: points off for {sorted(owed)} alone, got {sorted(rules)}",
                f"{sheet['case']}：仅因 {sorted(owed)} 扣分，实际 {sorted(rules)}",
            )
        self.hold(
            int(sheets["filled_percent"]) >= 60,
            f"a program fills {sheets['filled_percent']} % of a score sheet",
            f"评分表自动填写 {sheets['filled_percent']} %",
        )
        self.note("、".join(self.facts["drawn"]), "、".join(self.facts["drawn"]))
        listed = (review / "list").read_text().splitlines(keepends=True)
        (review / "list").write_text("".join(listed[:-1]))
        self.ledger.stage.run("case-review", "draw", str(review), *trust, expect=1)
        (review / "list").write_text("".join(listed))
        self.note("a case is withdrawn from the list: found", "从清单中撤下一案：被发现")

    # --- complaint, hold, disposal -----------------------------------------------------------

    def complain(self) -> None:
        """About a moment of a case that would be due for destruction."""
        self.tell(
            "Somebody complains of what he saw. All recordings of that moment are held at once.",
            "有人投诉在某街所见。当时的全部录像立即保全。",
        )
        case = next(c for c in self._due() if c.recordings)
        seen = case.recordings[0]
        span = seen.start_ms - 30 * 60_000, seen.end_ms + 30 * 60_000
        owed = seen_by(self.city, case.agency, *span)
        key = self.ledger.key_file(self.ledger.handler(case.agency))
        told = self._json(
            *("complain", "--place", seen.street, "--text", "执法时推搡当事人（演示）"),
            *("--from", format_time(span[0]), "--to", format_time(span[1])),
            *("--key", str(key), "--server", self.ledger.stage.server),
            *("--trust", str(self.root / "trust")),
        )
        held = {
            subject["name"].rpartition("/")[2]
            for row in rows(self.root / "ledger")
            if row.kind == "hold"
            for subject in row.subjects
        }
        wanted = {self.ledger.recorded[recording.file] for recording in owed}
        self.hold(
            bool(wanted) and wanted <= held,
            f"all {len(wanted)} recordings of that moment are held, got {len(wanted & held)}",
            f"当时的 {len(wanted)} 件录像均已保全，实际 {len(wanted & held)}",
        )
        self.note(f"{told['held']} held", f"已保全 {told['held']} 件")
        self.facts["complaint"] = {"held": int(told["held"]), "owed": len(wanted)}
        self.held_case = case

    def dispose(self) -> None:
        self.tell(
            "A case whose time is over is destroyed by two persons; the held one is not.",
            "保管期满的案件由二人销毁；已保全的不得销毁。",
        )
        drafts = self.root / "drafts"
        made = self._json(
            *("dispose", "due", str(self.root / "ledger"), "--out", str(drafts)),
            *("--basis", "保管期限表（演示）", "--reason", "保管期限届满"),
        )["cases"]
        listed = {row["case"]: row for row in made}
        owed = {case.number for case in self._due()}
        self.hold(
            set(listed) <= owed and self.held_case.number not in listed,
            f"due is what was closed six months ago and is not held; too many"
            f" {sorted(set(listed) - owed)}",
            f"到期的是结案满六个月且未保全的；多 {sorted(set(listed) - owed)}",
        )
        gone = next(case for case in self._due() if case.number in listed)
        ledger = self.root / "ledger"
        before = [row for row in rows(ledger) if row.said.get("case") == gone.number]
        draft = drafts / listed[gone.number]["drafts"]
        for person in (1, 2):
            key = self.ledger.key_file(self.ledger.handler(gone.agency, person))
            signed = self._json("dispose", "sign", str(draft), "--key", str(key))["file"]
            draft = Path(signed)
        self._json(
            *("dispose", "file", str(draft), "--server", self.ledger.stage.server),
            *("--trust", str(self.root / "trust")),
        )
        left = self._left({row.number for row in before})
        self.hold(
            not left, f"its statements are gone, got {len(left)}", f"陈述已销毁，余 {len(left)}"
        )
        found = {path.name for row in before for path in holding(ledger, row.envelope)}
        self.hold(
            bool(before) and not found,
            f"no file holds any of its {len(before)} statements, got {sorted(found)}",
            f"没有文件仍含其 {len(before)} 份陈述，实际 {sorted(found)}",
        )
        self.facts["disposal"] = {"case": gone.number, "statements": len(before)}
        self.note(
            f"{gone.number}: {len(before)} statements", f"{gone.number}：{len(before)} 份陈述"
        )
        audit = ("audit", str(ledger / "public"), "--trust", str(self.root / "trust"))
        self.ledger.stage.run(*audit)
        self.note("the whole log still verifies", "整个日志仍可核验")

    def _left(self, numbers: set[int]) -> list[int]:
        """What is in the log is destroyed a moment later, by the server; it has ten seconds."""
        ends = time.monotonic() + 10
        while True:
            left = [row.number for row in rows(self.root / "ledger") if row.number in numbers]
            if not left or time.monotonic() > ends:
                return left
            time.sleep(0.2)

    def _due(self) -> list[Case]:
        """Closed more than six months ago, of the kind that is kept for six."""
        found = []
        for case in self.city.cases:
            steps = lived(case)
            closed = WORKING.after(case.begins, steps[-1].day)
            short = not {step.act for step in steps} & LONG
            if steps[-1].act == "case_closing" and short and closed <= date(2026, 6, 29):
                found.append(case)
        return found

    def _json(self, *args: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ledger.stage.run(*args, "--json"))
        return found

    # --- the end -----------------------------------------------------------------------------

    def close(self) -> None:
        self.seconds["in all"] = round(time.monotonic() - self.began_s, 1)
        closing = {
            "broken": self.broken,
            "holds": not self.broken,
            "seconds": self.seconds,
            **self.facts,
        }
        text = json.dumps(closing, ensure_ascii=False, indent=1, sort_keys=True)
        (self.root / "closing.json").write_text(text + "\n", encoding="utf-8")
        count = len(self.broken)
        output.result(
            "\n   "
            + (
                say(en="ALL HOLDS", zh="全部成立")
                if not self.broken
                else say(en=f"{count} THINGS DO NOT HOLD", zh=f"{count} 项不成立")
            )
        )
        output.result(f"\n{self.root}/closing.json")

    def _token_file(self) -> str:
        path = self.root / "keys" / "supervisor.token"
        if not path.exists():
            made = ("token", str(self.root / "ledger"), "supervisor", "--name", "监督员")
            path.write_text(self.ledger.stage.run(*made))
        return str(path)

    def _get(self, path: str) -> dict[str, Any]:
        token = Path(self._token_file()).read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.ledger.http.get(f"{self.ledger.stage.server}{path}", headers=headers)
        if answer.status_code != 200:
            raise Rejected(f"{path}: {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found

    def _write(
        self, name: str, title: str, columns: tuple[str, ...], lines: list[tuple[str, ...]]
    ) -> None:
        now_ms = self.ledger.calendar.now_ms()
        about = ((say(en="as of", zh="截至"), str(datetime.fromtimestamp(now_ms / 1000, CHINA))),)
        table = Table(title, columns, tuple(lines), about, now_ms)
        for kind in ("csv", "xlsx", "pdf"):
            write_table(table, self.root / f"{name}.{kind}")


def _payload(line: bytes) -> bytes:
    return b64decode(json.loads(b64decode(json.loads(line)["envelope"]))["payload"])


def run(root: Path) -> int:
    with ExitStack() as stack:
        stage = InProcess(_fresh(root), [])
        year = Year(CityLedger.opened(root, City.founded(), stack, stage))
        year.found()
        year.live()
        year.judge_gates()
        year.recount()
        year.judge_gaps()
        year.judge_clocks()
        year.judge_statistics()
        year.judge_register()
        year.draw()
        year.complain()
        year.dispose()
        year.close()
    return output.Exit.DONE if not year.broken else output.Exit.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path("demo/city"), run, {"av": "media", "typst": "notary"}))
