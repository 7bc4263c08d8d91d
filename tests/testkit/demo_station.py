"""`make demo-station`: a day of an upload station on this machine, with all that can go wrong.

Every part is the real one: an S3 server with Object Lock, three cosigners, the ledger and the
station's agent run as processes of their own. Three recorders come back: one as it should be,
one with a file deleted, another card and a slow clock, one that nobody handed out. The line is
cut and the agent killed, an operator deletes a recording and a disk lets a byte rot. The table
at the end, and closing.json, say what was counted; the exit code is 1 if anything that should
hold does not.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

from cli import media, output
from cli.demo import AGENCY, MARK, Stage, _fresh, _tiezheng
from cli.language import choose, pick, say
from cli.station.card import MARKER
from cli.station.screen import detail
from cli.station.station import Station, open_station
from cli.station.view import DeviceView, StationView, view
from cli.station.words import CAUSES, STATES, gap_words, size
from ledger.encoding import format_time
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.envelope import Envelope
from ledger.evidence.session import GapKind
from ledger.evidence.statement import Kind, Statement
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from storage.packets import open_packet
from storage.station_sqlite import FileRow
from testkit.buckets import Made, make_bucket
from testkit.ceph import BUILD, Ceph, Shared
from testkit.ceph_packages import NotHere, ceph_prefix
from testkit.line import Line

GOOD, BAD, STRAY = "BWC-310", "BWC-311", "BWC-312"
SLOW_MS = -3 * 3_600_000
LARGE, SMALLER = 160 << 20, 70 << 20
CUT_AFTER = 4 << 20  # half a piece: each is sent over a connection of its own
PATIENCE_S, END_S = 180.0, 60.0
SPACING_S = 10  # between recordings, so that a party's times mean one of them
DELETED_BY_OFFICER, DELETED_BY_OPERATOR = "BWC_0002.MP4", "BWC_0004.MP4"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file that a device made, and what it was."""

    device: str
    name: str
    size: int
    sha256: bytes
    ended_ms: int  # by a clock that is right


class Cable(Line):
    """The line between station and ledger, which can be pulled."""

    pulled = False

    def fray(self) -> None:
        """From now on each third connection breaks, if it carries so much."""
        self._breaks[:] = [1 << 60, 1 << 60, CUT_AFTER] * 1000

    def pull(self) -> None:
        self._breaks.clear()
        self.pulled = True

    def _carry(self, client: socket.socket) -> None:
        if self.pulled:
            client.close()
        else:
            with suppress(OSError):  # the ledger is not there any more
                super()._carry(client)


@dataclass
class Agent:
    """`tiezheng station run`, ended by its pid."""

    folder: Path
    journal: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.journal.open("ab") as out:
            self.process = subprocess.Popen(
                [*_tiezheng(), "station", "run", str(self.folder), "--json"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,  # Ctrl-C is for us
            )  # fmt: skip

    def end(self, with_signal: signal.Signals) -> None:
        if self.process is not None:
            process, self.process = self.process, None
            process.send_signal(with_signal)
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Unavailable(f"the agent did not end: see {str(self.journal)!r}") from None

    def check(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            raise Unavailable(f"the agent ended by itself: see {str(self.journal)!r}")


@dataclass
class Day:
    """What has been made and seen so far."""

    stage: Stage
    stack: ExitStack
    recorded: list[Recorded] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # digests that somebody deleted, not the station
    wiped_early: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    said: set[tuple[str, int]] = field(default_factory=set)
    bucket: Made | None = None
    began_s: float = field(default_factory=time.monotonic)

    @property
    def root(self) -> Path:
        return self.stage.root

    @property
    def docks(self) -> Path:
        return self.root / "docks"

    @property
    def cards(self) -> Path:
        return self.root / "cards"

    def note(self, en: str, zh: str) -> None:
        output.result("   " + say(en=en, zh=zh))

    def hold(self, held: bool, en: str, zh: str) -> None:
        """Something that should hold; what does not is named at the end."""
        if not held:
            self.broken.append(en)
            self.note(f"DOES NOT HOLD: {en}", f"不成立：{zh}")

    @contextmanager
    def step(self, name: str, en: str, zh: str) -> Iterator[None]:
        self.stage.tell(en, zh)
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)

    def ask(self, *args: str, expect: int = 0) -> Any:
        return json.loads(self.stage.run(*args, "--json", expect=expect))

    # --- the places --------------------------------------------------------------------------

    def open_stores(self) -> None:
        with self.step(
            "stores",
            "An S3 server starts: Ceph, with a bucket whose objects can be locked.",
            "启动 S3 服务器（Ceph），建立可锁定对象的存储桶。",
        ):
            try:
                prefix = ceph_prefix()
            except NotHere as error:
                self.skipped.append(f"S3: {error}")
                self.note(
                    f"skipped: no Ceph here ({error}); two folders instead",
                    f"跳过：本机没有 Ceph（{error}），改用两个文件夹",
                )
                return
            ceph = Ceph(BUILD / f"s3-{secrets.token_hex(4)}", prefix)
            self.stack.callback(ceph.end)
            ceph.start()
            self.bucket = make_bucket(
                Shared(ceph.endpoint, str(ceph.folder), str(ceph.prefix), ceph.users)
            )
            self.note(f"{ceph.endpoint}/{self.bucket.name}", f"{ceph.endpoint}/{self.bucket.name}")

    def found(self) -> None:
        """As in `make demo`; but items lie in the bucket, and again in a folder."""
        began = time.monotonic()
        self.stage.found()
        second = self.root / "second"
        lines = [f'second_store = "directory:{second.absolute()}"']
        if self.bucket is not None:
            user = self.bucket.credentials
            credentials = self.root / "ledger" / "store.credentials"
            credentials.touch(mode=0o600)
            credentials.write_text(f"{user.access_key}\n{user.secret_key}\n")
            lines.append(f'store = "s3:{self.bucket.endpoint}/{self.bucket.name}"')
            lines.append(f'store_credentials = "{credentials.name}"')
        (self.root / "ledger" / "tiezheng.toml").write_text("\n".join(lines) + "\n")
        self.stage.cosign(self.stack)
        self.stage.serve(self.stack)
        self.seconds["ledger"] = round(time.monotonic() - began, 1)

    def begin_station(self) -> tuple[Agent, Cable]:
        cable = Cable(self.stage.server, (), ())
        self.stack.callback(cable.close)
        folder = self.root / "station"
        for path in (self.docks, self.cards):
            path.mkdir()
        self.stage.run(
            "station", "init", str(folder), "--server", cable.address, "--agency", AGENCY,
            "--key", str(self.root / "keys" / "station.key"), "--wipe",
            "--trust", str(self.root / "trust"), "--dock", str(self.docks),
        )  # fmt: skip
        settings = folder / "station.toml"
        hurry = settings.read_text().replace("quiet_seconds = 3", "quiet_seconds = 1")
        settings.write_text(hurry.replace("rescan_seconds = 3", "rescan_seconds = 1"))
        agent = Agent(folder, self.root / "station.journal")
        self.stack.callback(agent.end, signal.SIGTERM)
        agent.start()
        return agent, cable

    # --- the recorders -----------------------------------------------------------------------

    def hand_out(self, name: str, clock_ms: int) -> None:
        (self.docks / name).mkdir()
        shown = format_time(time.time_ns() // 1_000_000 + clock_ms)
        said = self.stage.run(
            "station", "check-out", str(self.root / "station"), name,
            "--officer", "3205-0147", "--officer", "3205-0223",
            "--case", self.stage.case, "--device-time", shown,
        )  # fmt: skip
        output.result(f"   {said.strip()}")
        (self.docks / name).rename(self.cards / name)

    def record(self, device: str, name: str, make: Callable[[Path], None], clock_ms: int) -> Path:
        """A file as the device leaves it, after those before it."""
        folder = self.cards / device / "DCIM" / "100MEDIA"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        make(path)
        before = [file.ended_ms for file in self.recorded if file.device == device]
        ended_ms = max(time.time_ns() // 1_000_000, *(at + 1000 * SPACING_S for at in before), 0)
        seconds = (ended_ms + clock_ms) / 1000
        os.utime(path, (seconds, seconds))
        data = path.read_bytes()
        self.recorded.append(Recorded(device, name, len(data), sha256(data).digest(), ended_ms))
        return path

    def make_cards(self) -> None:
        def film(seconds: int) -> Callable[[Path], None]:
            return lambda path: media.record(path, seconds)

        def noise(count: int) -> Callable[[Path], None]:
            return lambda path: _write_noise(path, count)

        def text(words: str) -> Callable[[Path], None]:
            return lambda path: (path.write_text(words), None)[1]

        self.record(GOOD, "BWC_0001.MP4", film(2), 0)
        self.record(GOOD, "BWC_0001.GPS", text("31.2989,120.5853\n"), 0)
        self.record(GOOD, "BWC_0002.MP4", noise(LARGE), 0)
        self.record(GOOD, "BWC_0002.LOG", text("IMP marker 14:02:11\n"), 0)
        self.record(GOOD, "BWC_0003.MP4", film(3), 0)
        self.record(BAD, "BWC_0001.MP4", film(4), SLOW_MS)
        deleted = self.record(BAD, DELETED_BY_OFFICER, film(1), SLOW_MS)
        self.record(BAD, "BWC_0003.MP4", noise(SMALLER), SLOW_MS)
        self.record(BAD, DELETED_BY_OPERATOR, film(5), SLOW_MS)
        self.record(STRAY, "BWC_0001.MP4", film(6), 0)
        self.record(STRAY, "BWC_0002.JPG", media.photograph, 0)
        deleted.unlink()
        self.recorded = [
            f for f in self.recorded if (f.device, f.name) != (BAD, DELETED_BY_OFFICER)
        ]
        (self.cards / BAD / os.fsdecode(MARKER)).write_text("tz-another-card\n")
        total = sum(file.size for file in self.recorded)
        self.note(
            f"{len(self.recorded)} files, {size(total)}; on {BAD} a file was deleted, "
            "the card changed, and the clock is 3 h slow",
            f"共 {len(self.recorded)} 个文件，{size(total)}；{BAD} 删过一个文件、换过存储卡、"
            "时钟慢 3 小时",
        )

    def dock(self, name: str) -> None:
        (self.cards / name).rename(self.docks / name)

    # --- watching ----------------------------------------------------------------------------

    def row(self, station: Station, file: Recorded) -> FileRow | None:
        rows = station.store.files(device=file.device)
        return next((row for row in rows if row.sha256 == file.sha256), None)

    def watch(self, station: Station) -> StationView:
        """Tells what is new, and looks whether anything is gone from a card that may not be."""
        for file in self.recorded:
            path = self.docks / file.device / "DCIM" / "100MEDIA" / file.name
            there = path.exists() or not path.parent.exists()
            if there or file.sha256.hex() in self.taken:
                continue
            row = self.row(station, file)
            said = None if row is None else station.store.statement(row.statement)
            proven = row is not None and row.readback == row.expected != b""
            if said is None or not said.receipt or said.cosigners < 1 or not proven:
                self.wiped_early.add(f"{file.device}/{file.name}")
        seen = view(station)
        for device in seen.devices:
            line = f"{device.name}: {pick(STATES[device.state])}"
            if (line, device.logged) not in self.said:
                self.said.add((line, device.logged))
                output.result(f"   {line} · {detail(device)}")
        return seen

    def wait(
        self, station: Station, agent: Agent, what: str, done: Callable[[StationView], bool]
    ) -> StationView:
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            agent.check()
            seen = self.watch(station)
            if done(seen):
                return seen
            time.sleep(0.1)
        raise Unavailable(f"{what} did not come to an end: see {str(agent.journal)!r}")

    # --- what goes wrong ---------------------------------------------------------------------

    def cut_and_kill(self, station: Station, agent: Agent, cable: Cable) -> None:
        (large,) = [file for file in self.recorded if file.size == LARGE]
        with self.step(
            "cut and killed",
            f"{GOOD} comes back. While it is sent the line breaks again and again, "
            "and then the agent is killed.",
            f"{GOOD} 归还。上传途中线路一再中断，随后采集程序被强行终止（SIGKILL）。",
        ):
            before = cable.carried
            cable.fray()
            self.dock(GOOD)
            self.wait(station, agent, "an upload", lambda _: cable.broken >= 2)
            agent.end(signal.SIGKILL)
            row = self.row(station, large)
            self.hold(
                row is not None and not row.uploaded,
                "the agent was killed in the middle of an upload",
                "采集程序在上传途中被终止",
            )
            cable.pull()
            self.facts["interruptions"] = {
                "agent_killed": 1,
                "bytes_carried_by_then": cable.carried - before,
                "line_broken": cable.broken,
            }
            self.note(
                f"the line broke {cable.broken} times in the middle of a piece; then SIGKILL",
                f"线路在传输一块数据的途中中断 {cable.broken} 次，然后 SIGKILL",
            )

    def read_offline(self, station: Station, agent: Agent) -> dict[str, str]:
        """The two others come while there is no line; a party asks for its papers."""
        with self.step(
            "without a line",
            f"The agent starts again, without a line to the ledger; {BAD} and {STRAY} come back.\n"
            "   A party asks for receipts of two recordings.",
            f"采集程序重新启动，此时没有网络；{BAD} 和 {STRAY} 归还。当事人索要两段录像的回执。",
        ):
            agent.start()
            self.dock(BAD)
            self.dock(STRAY)

            def is_read(seen: StationView) -> bool:
                states = {device.name: device.state for device in seen.devices}
                return states.get(BAD) == states.get(STRAY) == "unplug"

            self.wait(station, agent, "the reading", is_read)
            return {
                name: self.paper(name, show=name == "BWC_0001.MP4")
                for name in ("BWC_0001.MP4", DELETED_BY_OPERATOR)
            }

    def paper(self, name: str, *, show: bool) -> str:
        (file,) = [f for f in self.recorded if (f.device, f.name) == (BAD, name)]
        at = format_time(file.ended_ms)
        ask = [
            *("station", "receipt", str(self.root / "station"), BAD, "--case", self.stage.case),
            *("--from", at, "--to", at),
        ]
        target = self.root / f"receipt-{name}.txt"
        self.stage.run(*ask, "-o", str(target))
        if show:
            page = target.with_suffix(".svg")
            shown = self.stage.run(*ask, "-o", str(page)).rstrip().splitlines()
            for line in shown:
                output.result(f"   {line}")
        return str(target)

    def delete_as_operator(self, station: Station, agent: Agent) -> None:
        with self.step(
            "deleted",
            f"An operator with root deletes {DELETED_BY_OPERATOR} of {BAD} from card, spool and "
            "database,\n   before the ledger has it. Then the line is back.",
            f"有 root 权限的操作者在上传之前，从存储卡、暂存区和数据库中删除 {BAD} 的 "
            f"{DELETED_BY_OPERATOR}。随后网络恢复。",
        ):
            agent.end(signal.SIGTERM)
            (file,) = [f for f in self.recorded if (f.device, f.name) == (BAD, DELETED_BY_OPERATOR)]
            row = self.row(station, file)
            assert row is not None
            self.taken.add(file.sha256.hex())
            station.spool_file(row).unlink()
            (self.docks / BAD / os.fsdecode(row.path)).unlink()
            with station.store._file.write() as db:
                db.execute("DELETE FROM statement WHERE id = ?", (row.statement,))
                db.execute("DELETE FROM file WHERE id = ?", (row.id,))

    def explain(self, station: Station) -> None:
        (gap,) = [g for g in station.store.gaps() if g.kind == GapKind.COUNTER_SKIPPED]
        self.stage.run(
            "station", "explain", str(self.root / "station"), str(gap.id),
            "--reason", "battery", "--key", str(self.root / "keys" / "handler.key"),
        )  # fmt: skip
        self.note(
            f"a person explains with a key: {gap_words(gap.kind, gap.note)}",
            f"知情人用本人密钥说明：{gap_words(gap.kind, gap.note)}",
        )

    def finish(self, station: Station, agent: Agent, cable: Cable) -> StationView:
        with self.step(
            "sent and wiped",
            "All that waits is sent and proven; only then are the cards cleared.",
            "其余内容全部上传并证实，之后才清除存储卡。",
        ):
            self.explain(station)
            cable.pulled = False
            agent.start()
            self.wait(
                station, agent, "the sending",
                lambda seen: seen.done and len(seen.devices) == 3
                and all(device.state == "wiped" for device in seen.devices),
            )  # fmt: skip
            agent.end(signal.SIGTERM)
            self.facts["interruptions"]["bytes_carried"] = cable.carried
        return view(station)

    # --- what the ledger does ----------------------------------------------------------------

    def rot_and_scrub(self) -> None:
        data = str(self.root / "ledger")
        with self.step(
            "rot and scrub",
            "On the second disk one byte rots. A scrub reads every copy again.",
            "第二块磁盘上有一个字节损坏。scrub 重新读取每个副本。",
        ):
            objects = [p for p in (self.root / "second").rglob("*") if p.is_file()]
            rotten = max(objects, key=lambda path: path.stat().st_size)
            rotten.chmod(0o600)
            with rotten.open("r+b") as file:
                file.seek(rotten.stat().st_size // 2)
                byte = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte[0] ^ 1]))
            first = self.ask("scrub", data, "--once", "--rate", "500")
            again = self.ask("scrub", data, "--once", "--rate", "500")
            self.facts["rot"] = {
                "found": first["findings"],
                "outcome": first["outcome"],
                "outcome_after": again["outcome"],
                "rotted": 1,
            }
            for finding in first["findings"]:
                output.result(f"   {finding['item'][:16]}… {finding['copy']} {finding['what']}")
            self.hold(
                (first["outcome"], again["outcome"], len(first["findings"]))
                == ("mended", "whole", 1)
                and first["items"] == again["items"] > 0,
                "exactly the rotten copy was found and mended",
                "恰好发现并修复了损坏的那一个副本",
            )
            self.note(
                f"{first['copies']} copies of {first['items']} items read: "
                f"{first['damaged']} damaged, {first['mended']} mended",
                f"已读 {first['items']} 件原件的 {first['copies']} 个副本："
                f"损坏 {first['damaged']}，修复 {first['mended']}",
            )

    def look_into_bucket(self) -> None:
        if self.bucket is None:
            return
        found = list(self.bucket.keeper.list_objects(self.bucket.name, "objects/", recursive=True))
        total = sum(found_.size or 0 for found_ in found)
        self.facts["s3"] = {"bytes": total, "objects": len(found)}
        self.note(
            f"the bucket holds {len(found)} objects, {size(total)}",
            f"存储桶中有 {len(found)} 个对象，{size(total)}",
        )
        least = sum(f.size for f in self.recorded if f.sha256.hex() not in self.taken)
        self.hold(
            total >= least, "the bucket holds the bytes of all files", "存储桶持有全部文件的字节"
        )

    def back_up(self) -> None:
        with self.step("backup", "The ledger is backed up, sealed.", "将账本加密备份。"):
            key, target = str(self.root / "keys" / "backup.key"), self.root / "backup"
            target.mkdir()
            self.stage.run("backup", "--new-key", key)
            self.ask("backup", str(self.root / "ledger"), str(target), "--key", key)
            checked = self.ask("backup", "--check", str(target), "--key", key)
            self.facts["backup"] = checked
            self.note(
                f"{checked['size']} entries in {checked['files']} files, read again whole",
                f"{checked['files']} 个文件，{checked['size']} 个条目，重新通读完好",
            )

    def ask_for_papers(self, papers: dict[str, str]) -> None:
        with self.step(
            "party",
            "The party asks the packet for the two recordings of its receipts.",
            "当事人凭回执向证据包查询两段录像。",
        ):
            packet = ("--packet", str(self.root / "packet.zip"))
            found = {}
            for name, file in papers.items():
                expect = 1 if name == DELETED_BY_OPERATOR else 0
                ask = ("party-receipt", file, *packet, "--trust", str(self.root / "trust"))
                found[name] = self.ask(*ask, expect=expect)
                output.result("   " + self.stage.run(*ask, expect=expect).strip().splitlines()[-1])
            kept, gone = found["BWC_0001.MP4"], found[DELETED_BY_OPERATOR]
            self.facts["party"] = {
                name: {"missing": int(said["missing"]), "present": said["present"]}
                for name, said in found.items()
            }
            self.hold(
                (kept["present"], kept["missing"]) == (["BWC_0001.MP4"], "0"),
                "the recording of the first receipt is in the packet",
                "第一张回执的录像在证据包中",
            )
            self.hold(
                (gone["present"], gone["missing"]) == ([], "1"),
                "the recording of the second receipt is missing",
                "第二张回执的录像缺失",
            )

    # --- counting ----------------------------------------------------------------------------

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


def _write_noise(path: Path, count: int) -> None:
    with path.open("wb") as file:
        for _ in range(count >> 20):
            file.write(os.urandom(1 << 20))


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


def run(root: Path) -> int:
    with ExitStack() as opened:
        with ExitStack() as stack:
            day = Day(Stage(_fresh(root), []), stack)
            day.open_stores()
            day.found()
            with day.step(
                "recorders",
                "A station opens. Two recorders are handed out, and they record.",
                "采集站启用。两台记录仪领用并录制。",
            ):
                agent, cable = day.begin_station()
                station = opened.enter_context(open_station(agent.folder))
                day.hand_out(GOOD, 0)
                day.hand_out(BAD, SLOW_MS)
                day.make_cards()
            day.cut_and_kill(station, agent, cable)
            papers = day.read_offline(station, agent)
            day.delete_as_operator(station, agent)
            seen = day.finish(station, agent, cable)
            day.rot_and_scrub()
            day.look_into_bucket()
            day.back_up()
            day.stage.fetch()
        day.stage.verify()
        day.ask_for_papers(papers)
        day.close(station, seen)
    return output.Exit.DONE if not day.broken else output.Exit.FAILED


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(args: list[str]) -> int:
    choose(args, os.environ)
    signal.signal(signal.SIGTERM, _stop)  # as Ctrl-C: everything that was started is ended
    root = Path("demo/station")
    if find_spec("av") is None:
        output.error("unavailable", "the media extra is not installed")
        return output.Exit.UNAVAILABLE
    if not root.parent.exists():
        root.parent.mkdir()
        (root.parent / MARK).touch()  # `make demo` may replace it
    try:
        return run(root)
    except LedgerError as error:
        output.error("failed", str(error), error.hints)
        return output.Exit.FAILED
    except KeyboardInterrupt:
        return output.Exit.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
