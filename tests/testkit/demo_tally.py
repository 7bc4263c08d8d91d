"""What `make demo-station` counts at the end of its day, and whether that is what should hold.

Nothing is taken from what the day meant to do: files are counted in the ledger's log, in the
packet and in the station's state, bytes are digested again, and each gap must be one of those
that were made.
"""

import json
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cli import output
from cli.demo import Stage
from cli.language import pick, say
from cli.station.station import Station
from cli.station.view import DeviceView, StationView
from cli.station.words import CAUSES, gap_words, size
from ledger.evidence.envelope import Envelope
from ledger.evidence.session import GapKind
from ledger.evidence.statement import Kind, Statement
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from storage.packets import open_packet

GOOD, BAD, STRAY = "BWC-310", "BWC-311", "BWC-312"
SLOW_MS = -3 * 3_600_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file that a device made, and what it was."""

    device: str
    name: str
    size: int
    sha256: bytes
    ended_ms: int  # by a clock that is right


@dataclass
class Tally:
    """What has been made and seen so far, and what of it did not hold."""

    stage: Stage
    recorded: list[Recorded] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # digests that somebody deleted, not the station
    wiped_early: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    began_s: float = field(default_factory=time.monotonic)

    @property
    def root(self) -> Path:
        return self.stage.root

    def note(self, en: str, zh: str) -> None:
        output.result("   " + say(en=en, zh=zh))

    def hold(self, held: bool, en: str, zh: str) -> None:
        """Something that should hold; what does not is named at the end."""
        if not held:
            self.broken.append(en)
            self.note(f"DOES NOT HOLD: {en}", f"不成立：{zh}")

    def close(self, station: Station, seen: StationView) -> None:
        logged = self.logged()
        packed = _digests(self.root / "packet.zip")
        devices = [
            self.count(station, device, logged, packed)
            for device in sorted(seen.devices, key=lambda device: device.name)
        ]
        self.hold(len(devices) == 3, "three devices were there", "共有三台设备")
        self.hold(
            not self.wiped_early,
            f"nothing was wiped early, got {sorted(self.wiped_early)}",
            f"没有提前清除，实际：{sorted(self.wiped_early)}",
        )
        self.judge_interruptions()
        self.seconds["in all"] = round(time.monotonic() - self.began_s, 1)
        done = {
            **self.facts,
            "broken": self.broken,
            "devices": devices,
            "holds": not self.broken,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "wiped_early": sorted(self.wiped_early),
        }
        text = json.dumps(done, ensure_ascii=False, indent=1, sort_keys=True)
        (self.root / "closing.json").write_text(text + "\n", encoding="utf-8")
        show(done)
        output.result(f"\n{self.root}/closing.json")

    def judge_interruptions(self) -> None:
        facts = self.facts["interruptions"]
        sent = sum(file.size for file in self.recorded if file.sha256.hex() not in self.taken)
        again = facts["bytes_carried"] - sent
        facts["bytes_of_files"], facts["bytes_sent_again"] = sent, again
        self.hold(
            again < facts["bytes_carried_by_then"],
            "what was cut off was resumed, not sent anew",
            "中断的上传是续传而非重传",
        )

    def count(
        self, station: Station, device: DeviceView, logged: Counter[bytes], packed: set[bytes]
    ) -> dict[str, Any]:
        store = station.store
        made = [file for file in self.recorded if file.device == device.name]
        ours = [file for file in made if file.sha256.hex() not in self.taken]
        rows = {row.sha256: row for row in store.files(device=device.name)}
        receipts = [
            row
            for file in ours
            if file.sha256 in rows
            and (row := store.statement(rows[file.sha256].statement)) is not None
            and row.receipt
        ]
        gaps = [
            {
                "cause": gap.cause,
                "explanation_logged": _is_logged(station, gap.explained),
                "kind": gap.kind,
                "note": gap.note,
            }
            for session in store.sessions(device.name)
            for gap in store.gaps(session.id)
        ]
        name = device.name
        lost = [file.name for file in ours if logged[file.sha256] == 0]
        twice = [file.name for file in ours if logged[file.sha256] > 1]
        self.hold(not lost, f"{name}: no file is lost, got {lost}", f"{name}：丢失 {lost}")
        self.hold(not twice, f"{name}: none is logged twice, got {twice}", f"{name}：重复 {twice}")
        if name != STRAY:  # whose case has no number yet
            there = all(file.sha256 in packed for file in ours)
            self.hold(there, f"{name}: the packet has every byte", f"{name}：证据包含全部字节")
        self.hold(len(receipts) == len(ours), f"{name}: a receipt each", f"{name}：逐一有回执")
        self.hold(
            device.wiped == len(ours), f"{name}: all is wiped, got {device.wiped}",
            f"{name}：全部清除，实际 {device.wiped}",
        )  # fmt: skip
        self.judge_gaps(name, gaps)
        return {
            "bytes": sum(file.size for file in made),
            "deleted_by_operator": len(made) - len(ours),
            "deposited": sum(logged[file.sha256] > 0 for file in made),
            "device": name,
            "files": len(made),
            "gaps": gaps,
            "lost": lost,
            "receipts": len(receipts),
            "safe_to_wipe": device.state in ("wipe", "wiped", "empty"),
            "twice": twice,
            "wiped": device.wiped,
        }

    def judge_gaps(self, device: str, gaps: list[dict[str, Any]]) -> None:
        """Each that was made, and no other."""
        expected = {
            GOOD: [],
            BAD: [GapKind.CARD_CHANGED, GapKind.CLOCK_OFFSET, GapKind.COUNTER_SKIPPED],
            STRAY: [GapKind.UNPAIRED],
        }[device]
        kinds = sorted(gap["kind"] for gap in gaps)
        self.hold(
            kinds == sorted(map(str, expected)),
            f"{device}: the gaps are {[*map(str, expected)]}, got {kinds}",
            f"{device}：缺口应为 {[*map(str, expected)]}，实际 {kinds}",
        )
        for gap in gaps:
            match gap["kind"]:
                case GapKind.CLOCK_OFFSET:
                    right = abs(int(gap["note"].removesuffix(" ms")) - SLOW_MS) < 60_000
                case GapKind.COUNTER_SKIPPED:
                    right = gap["note"] == "BWC_ 0002-0002" and gap["explanation_logged"]
                case _:
                    right = True
            self.hold(right, f"{device}: the gap is true, got {gap}", f"{device}：缺口不实 {gap}")

    def logged(self) -> Counter[bytes]:
        """How often evidence in the ledger's own log speaks of each digest."""
        with closing(SqliteLedgerStore(DataFolder.open(self.root / "ledger").ledger_db)) as store:
            found: Counter[bytes] = Counter()
            head = store.head()
            assert head is not None
            for row in store.rows(0, head.edge.size):
                statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
                if statement.kind is Kind.EVIDENCE:
                    found.update(file.digest.sha256 for file in statement.files)
        return found


def show(done: dict[str, Any]) -> None:
    """The table at the end."""
    heads = say(
        en="device|files|bytes|gaps|deposited|receipts|safe to wipe|wiped",
        zh="设备|文件|字节|缺口|已提交|回执|可以清除|已清除",
    ).split("|")
    yes, no = say(en="yes", zh="是"), say(en="no", zh="否")
    rows = [
        [
            row["device"], str(row["files"]), size(row["bytes"]), str(len(row["gaps"])),
            str(row["deposited"]), str(row["receipts"]), yes if row["safe_to_wipe"] else no,
            str(row["wiped"]),
        ]
        for row in done["devices"]
    ]  # fmt: skip
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads)
    for cells in rows:
        table.add_row(*cells)
    Console(file=sys.stdout, width=100).print(table)
    for row in done["devices"]:
        for gap in row["gaps"]:
            cause = f" ({pick(CAUSES[gap['cause']])})" if gap["explanation_logged"] else ""
            output.result(f"   {row['device']}: {gap_words(gap['kind'], gap['note'])}{cause}")
    for row in done["devices"]:
        if count := row["deleted_by_operator"]:
            output.result(
                "   " + say(
                    en=f"{row['device']}: {count} deleted by the operator; the receipt shows it",
                    zh=f"{row['device']}：操作者删除 {count} 个文件，由当事人回执揭示",
                )
            )  # fmt: skip
    cut, rot = done["interruptions"], done["rot"]
    mended = sum(finding["mended"] for finding in rot["found"])
    lines = [
        (
            f"line broken {cut['line_broken']} times, agent killed {cut['agent_killed']} time; "
            f"{size(cut['bytes_sent_again'])} of {size(cut['bytes_of_files'])} sent again",
            f"线路中断 {cut['line_broken']} 次，程序被终止 {cut['agent_killed']} 次；"
            f"{size(cut['bytes_of_files'])} 中重传 {size(cut['bytes_sent_again'])}",
        ),
        (
            f"copies rotted {rot['rotted']}, mended {mended}",
            f"损坏副本 {rot['rotted']} 个，已修复 {mended} 个",
        ),
        (
            f"{done['seconds']['in all']} s in all",
            f"共用时 {done['seconds']['in all']} 秒",
        ),
        *[(f"skipped: {text}", f"跳过：{text}") for text in done["skipped"]],
    ]
    for en, zh in lines:
        output.result("   " + say(en=en, zh=zh))
    count = len(done["broken"])
    output.result(
        say(en="ALL HOLDS", zh="全部成立")
        if done["holds"]
        else say(en=f"{count} THINGS DO NOT HOLD", zh=f"{count} 项不成立")
    )


def _is_logged(station: Station, id_: str) -> bool:
    row = station.store.statement(id_)
    return row is not None and bool(row.receipt)


def _digests(packet: Path) -> set[bytes]:
    """Of every item in it, computed from its bytes."""
    source = open_packet(packet)
    found = set()
    for path in source.sizes():
        if path.startswith("data/items/"):
            hasher = sha256()
            for piece in source.stream(path):
                hasher.update(piece)
            found.add(hasher.digest())
    return found
