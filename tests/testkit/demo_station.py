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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cli import media, output
from cli.demo import AGENCY, Stage, _fresh, _tiezheng
from cli.language import pick
from cli.station.card import MARKER
from cli.station.screen import detail
from cli.station.station import Station, open_station
from cli.station.view import StationView, view
from cli.station.words import STATES, gap_words, size
from ledger.encoding import format_time
from ledger.errors import Unavailable
from ledger.evidence.session import GapKind
from storage.station_sqlite import FileRow
from testkit.buckets import Made, make_bucket
from testkit.ceph import BUILD, Ceph, Shared
from testkit.ceph_packages import NotHere, ceph_prefix
from testkit.demo_main import main
from testkit.demo_tally import BAD, GOOD, SLOW_MS, STRAY, Recorded, Tally
from testkit.line import Line

LARGE, SMALLER = 160 << 20, 70 << 20
CUT_AFTER = 4 << 20  # half a piece: each is sent over a connection of its own
PATIENCE_S, END_S = 180.0, 60.0
SPACING_S = 10  # between recordings, so that a party's times mean one of them
DELETED_BY_OFFICER, DELETED_BY_OPERATOR = "BWC_0002.MP4", "BWC_0004.MP4"


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
class Day(Tally):
    """What is done in its course, and by whom."""

    stack: ExitStack = field(kw_only=True)
    said: set[tuple[str, int]] = field(default_factory=set)
    bucket: Made | None = None

    @property
    def docks(self) -> Path:
        return self.root / "docks"

    @property
    def cards(self) -> Path:
        return self.root / "cards"

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


def _write_noise(path: Path, count: int) -> None:
    with path.open("wb") as file:
        for _ in range(count >> 20):
            file.write(os.urandom(1 << 20))


def run(root: Path) -> int:
    with ExitStack() as opened:
        with ExitStack() as stack:
            day = Day(Stage(_fresh(root), []), stack=stack)
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
            day.stage.fetch("--incomplete")  # a station knows no purpose
        day.stage.keep_log()
        day.stage.verify()
        day.ask_for_papers(papers)
        day.close(station, seen)
    return output.Exit.DONE if not day.broken else output.Exit.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path("demo/station"), run, {"av": "media"}))
