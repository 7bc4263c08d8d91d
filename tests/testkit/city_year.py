"""The city's year as a play: what all its parts share, and what of it did not hold."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cli import output
from cli.language import say
from cli.table import Table, write_table
from ledger.encoding import in_china
from ledger.errors import Rejected
from testkit.city import RECORDINGS, Case, City, at_ms
from testkit.city_ledger import CityLedger

LAST_DAY = date(2026, 12, 30)


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
        listed = ", ".join(f"{n} {what}" for what, n in counts.items())
        self.note(
            f"{count} entries; in the year: {listed}",
            "登记 {} 条；全年有机关 {} 个、执法人员 {} 名、辅助人员 {} 名、执法记录仪 {} 台、"
            "案件 {} 件、录像 {} 件".format(count, *counts.values()),
        )

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

    def told(self, *args: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ledger.stage.run(*args, "--json"))
        return found

    def token_file(self) -> str:
        path = self.root / "keys" / "supervisor.token"
        if not path.exists():
            made = ("token", str(self.root / "ledger"), "supervisor", "--name", "监督员")
            path.write_text(self.ledger.stage.run(*made))
        return str(path)

    def asked(self, path: str) -> dict[str, Any]:
        token = Path(self.token_file()).read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.ledger.http.get(f"{self.ledger.stage.server}{path}", headers=headers)
        if answer.status_code != 200:
            raise Rejected(f"{path}: {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found

    def write(
        self, name: str, title: str, columns: tuple[str, ...], lines: list[tuple[str, ...]]
    ) -> None:
        now_ms = self.ledger.calendar.now_ms()
        about = ((say(en="as of", zh="截至"), f"{in_china(now_ms):%Y-%m-%d %H:%M}"),)
        table = Table(title, columns, tuple(lines), about, now_ms)
        for kind in ("csv", "xlsx", "pdf"):
            write_table(table, self.root / f"{name}.{kind}")
