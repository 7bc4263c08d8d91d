"""A complaint in the city, and the case files whose time is over."""

import time
from datetime import date
from pathlib import Path

from ledger.encoding import format_time
from testkit.city import WORKING, Case
from testkit.city_recount import holding, lived, rows, seen_by
from testkit.city_year import Year

LONG = frozenset({"hearing", "collective_discussion", "coercive_measure"})  # kept for thirty years


def complain(year: Year) -> None:
    """About a moment of a case that would be due for destruction."""
    year.tell(
        "Somebody complains of what he saw. All recordings of that moment are held at once.",
        "有人投诉在某街所见。当时的全部录像立即保全。",
    )
    case = next(c for c in _due(year) if c.recordings)
    seen = case.recordings[0]
    span = seen.start_ms - 30 * 60_000, seen.end_ms + 30 * 60_000
    owed = seen_by(year.city, case.agency, *span)
    key = year.ledger.key_file(year.ledger.handler(case.agency))
    told = year.told(
        *("complain", "--place", seen.street, "--text", "执法时推搡当事人（演示）"),
        *("--from", format_time(span[0]), "--to", format_time(span[1])),
        *("--key", str(key), "--server", year.ledger.stage.server),
        *("--trust", str(year.root / "trust")),
    )
    held = _held(year)
    wanted = {year.ledger.recorded[recording.file] for recording in owed}
    year.hold(
        bool(wanted) and wanted <= held,
        f"all {len(wanted)} recordings of that moment are held, got {len(wanted & held)}",
        f"当时的 {len(wanted)} 件录像均已保全，实际 {len(wanted & held)}",
    )
    year.note(
        f"{told['held']} held: {len(wanted)} of that moment, and others that may be",
        f"已保全 {told['held']} 件：当时的 {len(wanted)} 件，以及时钟未经核对而不能排除的",
    )
    year.facts["complaint"] = {"held": int(told["held"]), "owed": len(wanted)}
    year.held_case = case


def dispose(year: Year) -> None:
    year.tell(
        "A case whose time is over is destroyed by two persons; the held one is not.",
        "保管期满的案件由二人销毁；已保全的不得销毁。",
    )
    drafts = year.root / "drafts"
    made = year.told(
        *("dispose", "due", str(year.root / "ledger"), "--out", str(drafts)),
        *("--basis", "保管期限表（演示）", "--reason", "保管期限届满"),
    )["cases"]
    listed = {row["case"]: row for row in made}
    held = _held(year)
    owed = {
        case.number
        for case in _due(year)
        if not any(year.ledger.recorded[r.file] in held for r in case.recordings)
    }
    year.hold(
        set(listed) == owed and year.held_case.number not in listed,
        f"due is what was closed six months ago and is not held, not {sorted(owed ^ set(listed))}",
        f"到期的是结案满六个月且未保全的，不符 {sorted(owed ^ set(listed))}",
    )
    gone = next(case for case in _due(year) if case.number in listed)
    ledger = year.root / "ledger"
    before = [row for row in rows(ledger) if row.said.get("case") == gone.number]
    year.hold(
        all(holding(ledger, row.envelope) for row in before),
        "its statements stand in the folder before",
        "销毁之前，文件夹中有其陈述",
    )
    draft = drafts / listed[gone.number]["drafts"]
    for person in (1, 2):
        key = year.ledger.key_file(year.ledger.handler(gone.agency, person))
        signed = year.told("dispose", "sign", str(draft), "--key", str(key))["file"]
        draft = Path(signed)
    year.told(
        *("dispose", "file", str(draft), "--server", year.ledger.stage.server),
        *("--trust", str(year.root / "trust")),
    )
    left = _left(year, {row.number for row in before})
    year.hold(not left, f"its statements are gone, got {len(left)}", f"陈述已销毁，余 {len(left)}")
    found = {path.name for row in before for path in holding(ledger, row.envelope)}
    year.hold(
        bool(before) and not found,
        f"no file holds any of its {len(before)} statements, got {sorted(found)}",
        f"没有文件仍含其 {len(before)} 份陈述，实际 {sorted(found)}",
    )
    year.facts["disposal"] = {"case": gone.number, "statements": len(before)}
    year.note(f"{gone.number}: {len(before)} statements", f"{gone.number}：{len(before)} 份陈述")
    audit = ("audit", str(ledger / "public"), "--trust", str(year.root / "trust"))
    year.ledger.stage.run(*audit)
    year.note("the whole log still verifies", "整个日志仍可核验")


def _held(year: Year) -> set[str]:
    """Ids of the statements under a hold, by the log."""
    return {
        subject["name"].rpartition("/")[2]
        for row in rows(year.root / "ledger")
        if row.kind == "hold"
        for subject in row.subjects
    }


def _left(year: Year, numbers: set[int]) -> list[int]:
    """What is in the log is destroyed a moment later, by the server; it has a minute."""
    ends = time.monotonic() + 60
    while True:
        left = [row.number for row in rows(year.root / "ledger") if row.number in numbers]
        if not left or time.monotonic() > ends:
            return left
        time.sleep(0.2)


def _due(year: Year) -> list[Case]:
    """Closed more than six months ago, of the kind that is kept for six."""
    found = []
    for case in year.city.cases:
        steps = lived(case)
        closed = WORKING.after(case.begins, steps[-1].day)
        short = not {step.act for step in steps} & LONG
        if steps[-1].act == "case_closing" and short and closed <= date(2026, 6, 29):
            found.append(case)
    return found
