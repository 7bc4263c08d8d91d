"""What leaves the city: the feed for the province's platform, and a package for the archive.

Both are counted again without the code that made them: pages are read with JSON, links and digests
made with hashlib, and what is owed follows from the script and from the database.
"""

import hashlib
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from pathlib import Path
from typing import Any

from testkit.city import Case
from testkit.city_recount import lived, rows
from testkit.city_year import Year

LEAVING = frozenset({"act", "complaint", "correction", "disposal", "hold"})
FOUND, COMMAND = "发现问题", "指挥调度"
ROOT = Path(__file__).parents[2]
HANDED_OVER = 4  # cases


def tell_the_province(year: Year) -> None:
    """The whole feed, as a supervisor pulls it; before anything was destroyed."""
    year.tell(
        "The province's platform pulls what happened: numbered, chained, proved to the log.",
        "省平台拉取全年事件：编号、成链，逐件可证于日志。",
    )
    pages = _pulled(year, "feed")
    told = [row["event"] for page in pages for row in page["events"]]
    ledger = year.root / "ledger"
    owed = [row.said["id"] for row in rows(ledger) if row.kind in LEAVING]
    year.hold(
        [event["id"] for event in told] == owed,
        f"each of the {len(owed)} statements is one event, in log order, got {len(told)}",
        f"{len(owed)} 份陈述逐一为事件且依日志顺序，实际 {len(told)}",
    )
    _as_lived(year, told)
    _chained(year, pages)
    text = json.dumps(told, ensure_ascii=False)
    persons = [each for each in _persons(year) if each in text]
    year.hold(not persons, f"nobody is named, not {persons}", f"不含任何人员信息，实际 {persons}")
    complaint = next(e for e in told if e["fields"]["SJLX"] == "complaint")
    holds = [e for e in told if e["fields"].get("TSBS") == complaint["id"]]
    year.hold(
        complaint["run"]["n"] == "1" and bool(holds) and all("run" in e for e in holds),
        "the complaint and what it has held have their places in runs",
        "投诉及其保全均有序号",
    )
    _leave_a_page_out(year)
    year.facts["feed"] = {"events": len(told), "pages": len(pages)}
    year.note(f"{len(told)} events, {len(pages)} pages", f"{len(told)} 个事件，{len(pages)} 页")


def tell_of_the_destroyed(year: Year) -> None:
    """Pulled anew, pages have a digest in the place of each event that is gone."""
    before, pages = _read(year.root / "feed"), _pulled(year, "feed-later")
    gone = [row["digest"] for page in pages for row in page["events"] if "event" not in row]
    number = year.facts["disposal"]["case"]
    case = next(case for case in year.city.cases if case.number == number)
    owed = [
        _digest(row["event"])
        for page in before
        for row in page["events"]
        if row["event"]["fields"].get("AJBH") == number
    ]
    year.hold(
        gone == owed and len(owed) == len(lived(case)),
        f"of the {len(lived(case))} acts that are gone the digests stay, got {len(gone)}",
        f"已销毁的 {len(lived(case))} 项行为仅余摘要，实际 {len(gone)}",
    )
    year.facts["feed"]["destroyed"] = len(gone)


def hand_over(year: Year) -> None:
    """Some closed cases go to the archive, and come back from the package and its page alone."""
    year.tell(
        "Closed cases are handed over to the archive, and restored from the package and its page.",
        "结案案件移交档案馆，并仅凭移交包与核验单恢复。",
    )
    chosen = _chosen(year)
    verifier, package, back = (year.root / n for n in ("verify.pyz", "handover", "restored"))
    build = [sys.executable, "-m", "portable.build", str(verifier)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(build, env=env, capture_output=True, check=True)
    told = year.told(
        *("archive", "make", *(case.number for case in chosen), "-o", str(package)),
        *("--trust", str(year.root / "trust"), "--archive", "苏州市档案馆（演示）"),
        *("--by", "苏州市城市管理局（演示）", "--verifier", str(verifier)),
        *("--server", year.ledger.stage.server, "--token-file", year.token_file()),
    )
    lines = {line["test"]: line for line in told["four"]["lines"]}
    year.hold(
        lines["verified"]["counted"] == str(len(chosen)),
        f"each packet verifies: {lines['verified']['facts']}",
        f"各证据包均核验通过：{lines['verified']['facts']}",
    )
    page = package.with_name("handover.page.txt").read_text(encoding="utf-8")
    typed = "".join(page.partition("tagmanifest-sha256.txt)\n")[2].split("\n")[:2]).replace(" ", "")
    digest = hashlib.sha256((package / "tagmanifest-sha256.txt").read_bytes()).hexdigest()
    year.hold(typed == digest, "the page has the package's digest", "核验单载有移交包摘要")
    own = [sys.executable, "-I", "data/reader/tiezheng-verify.pyz", "archive", "restore", "."]
    own += ["-o", str(back.resolve()), "--fingerprint", typed]
    done = subprocess.run(own, cwd=package, capture_output=True, check=False)
    year.hold(
        done.returncode == 0,
        f"it is restored by its own verifier: {done.stderr.decode()[-300:]}",
        f"由其自带核验程序恢复：{done.stderr.decode()[-300:]}",
    )
    _as_recorded(year, chosen, package, back)
    _four_properties(year, package, typed)
    _swap_a_byte(year, package, typed)
    year.facts["archive"] = {"cases": len(chosen), "fingerprint": told["fingerprint"]}


# --- the feed ------------------------------------------------------------------------------------


def _pulled(year: Year, name: str) -> list[dict[str, Any]]:
    folder, key = year.root / name, year.root / "ledger.vkey"
    folder.mkdir()
    key.write_text(year.told("feed", "status", str(year.root / "ledger"))["key"])
    server = ("--server", year.ledger.stage.server, "--token-file", year.token_file())
    year.told("feed", "pull", str(folder), *server, "--key", str(key))
    return _read(folder)


def _read(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.iterdir())
    return [
        json.loads(b64decode(json.loads(f.read_bytes())["payload"]))["predicate"] for f in files
    ]


def _as_lived(year: Year, told: list[dict[str, Any]]) -> None:
    """Each act of each case, in its queue, by what the script did."""
    queues = {"start": FOUND, "investigate": FOUND}
    owed = Counter(
        (case.number, step.act, queues.get(step.stage, COMMAND))
        for case in year.city.cases
        for step in lived(case)
    )
    found = Counter(
        (event["fields"]["AJBH"], event["fields"]["ZFXW"], event["queue"])
        for event in told
        if event["fields"]["SJLX"] == "act" and "AJBH" in event["fields"]
    )
    wrong = sorted({key for key in owed | found if owed[key] != found[key]})[:5]
    year.hold(
        not wrong, f"every act of every case is told, not {wrong}", f"行为逐项相符，不符 {wrong}"
    )


def _chained(year: Year, pages: list[dict[str, Any]]) -> None:
    link = hashlib.sha256(f"tiezheng/feed/v1\n{pages[0]['feed']}\n".encode()).digest()
    held = True
    for page in pages:
        held = held and page["before"] == link.hex()
        for row in page["events"]:
            link = hashlib.sha256(link + bytes.fromhex(_digest(row["event"]))).digest()
        held = held and page["chain"] == link.hex()
    year.hold(held, "each link of the chain, made by hand", "链上各环手工复算一致")


def _digest(event: dict[str, Any]) -> str:
    text = json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _persons(year: Year) -> list[str]:
    people = [*year.city.officers, *year.city.auxiliaries]
    return [text for person in people for text in (person.number, person.name)]


def _leave_a_page_out(year: Year) -> None:
    files = sorted(map(str, (year.root / "feed").iterdir()))
    asked = ("--key", str(year.root / "ledger.vkey"), "--trust", str(year.root / "trust"))
    checked = year.told("feed", "check", *files, *asked)
    year.hold(checked["missing"] == {}, "no run has a hole", "各序号均无缺口")
    year.ledger.stage.run("feed", "check", *files[:2], *files[3:], *asked, expect=1)
    year.note("a page is left out: found", "略去一页：被发现")


# --- the archive ---------------------------------------------------------------------------------


def _chosen(year: Year) -> list[Case]:
    gone = year.facts["disposal"]["case"]
    closed = [c for c in year.city.cases if lived(c)[-1].act == "case_closing" and c.recordings]
    chosen = [case for case in closed if case.number not in (gone, year.held_case.number)]
    return [year.held_case, *chosen[: HANDED_OVER - 1]]


def _as_recorded(year: Year, chosen: list[Case], package: Path, back: Path) -> None:
    owed = {r.sha256 for case in chosen for r in case.recordings}
    items = [json.loads(line) for line in _lines(package / "data/metadata/items.jsonl")]
    described = {row["sha256"] for row in items if "device" in row}
    files = (path for path in (back / "packets").rglob("*") if path.parent.name == "items")
    restored = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    year.hold(
        described == owed and owed <= restored,
        f"each of {len(owed)} recordings is described and restored, "
        f"got {len(described)} and {len(owed & restored)}",
        f"{len(owed)} 件录像均有著录并已恢复，实际 {len(described)}、{len(owed & restored)}",
    )
    events = Counter(
        json.loads(line)["id"].partition("/")[0]
        for line in _lines(package / "data/metadata/events.jsonl")
        if json.loads(line)["event"] == "act"
    )
    wanted = {f"{n:02}.zip": len(lived(case)) for n, case in enumerate(chosen, 1)}
    year.hold(
        dict(events) == wanted,
        f"each act of a case is an event of its file, got {dict(events)}",
        f"各案行为均有事件记录，实际 {dict(events)}",
    )
    year.note(
        f"{len(chosen)} cases, {len(owed)} recordings", f"{len(chosen)} 案，{len(owed)} 件录像"
    )


def _four_properties(year: Year, package: Path, typed: str) -> None:
    """As the archive tests it, with the page, its own trust folder and a copy of the log."""
    asked = ("archive", "check", str(package), "--fingerprint", typed)
    log = ("--log", str(year.root / "ledger" / "public"), "--trust", str(year.root / "trust"))
    said = year.ledger.stage.run(*asked, *log)
    (year.root / "handover.report.txt").write_text(said, encoding="utf-8")
    found = year.told(*asked, *log)["properties"]
    # What is malicious only the archive's own scanner finds, so of safety not all is tested.
    owed = {"authentic": "passed", "complete": "passed", "usable": "passed", "safe": "not_tested"}
    year.hold(found == owed, f"the four properties, got {found}", f"四性检测，实际 {found}")
    year.note(
        "authentic, complete, usable: passed; safe: but for malicious code and the medium",
        "真实、完整、可用：通过；安全：恶意代码、载体由档案馆检测，其余通过",
    )


def _swap_a_byte(year: Year, package: Path, typed: str) -> None:
    packet = package / "data/packets/02.zip"
    before = packet.read_bytes()
    at = len(before) // 2
    packet.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
    asked = ("archive", "check", str(package), "--fingerprint", typed)
    said = year.ledger.stage.run(*asked, expect=1)
    packet.write_bytes(before)
    year.hold("data/packets/02.zip" in said, "a changed byte is named", "改动一字节即指明文件")
    year.note("a byte of a packet is changed: named", "改动证据包一字节：被指明")


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()
