"""`make demo-court`: one packet, one tool, a verdict that anyone can read; then ten forgeries.

From nothing: a ledger with three cosigners, a case with a decision, evidence on both sides of it,
a second version of the recording, an item that is withheld, and a clip. A court checks all of it
without a network, by the installed program and by the one file. Then the packet is manipulated
in ten ways, by whoever holds the ledger's keys, and each report answers in one sentence.

    demo/packet.zip, demo/clip.zip             what a clerk is handed
    demo/report.{html,pdf,txt,json}            the report in English; report.zh.* in Chinese
    demo/tiezheng-verify.pyz, verify.html      with what to check it, on any machine
    demo/court/trust/, demo/court/public/      whom the court believes; its copy of the log
    demo/court/forged/                         the ten, each with its report
    demo/court/closing.json                    what was found; exit code 1 if anything was not
"""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cli import media, output
from cli.demo import DECISION, Stage, _fresh, _without_network
from cli.folding import columns
from cli.language import LANGUAGES, language, pick, say
from cli.main import main as tiezheng
from cli.public_log import open_log
from cli.trust import open_trust
from cli.verdict import finding_line, verdict_text
from ledger import suite
from ledger.encoding import format_time, parse_time
from ledger.errors import Rejected
from ledger.report import Finding, Group, Outcome, Report
from ledger.verify import verify_packet
from storage.packets import open_packet
from testkit.case import zip_bytes
from testkit.demo_main import main
from testkit.forgeries import FORGERIES, Desk, Files, Forgery
from testkit.snow import record_snow

ROOT = Path(__file__).parents[2]
REQUIRED = frozenset({Group.ORDER})
RECORDED_S, VERSION_S = 20, 12
NOTE = """询问笔录（演示）

被询问人：举报人（身份保密）
问：你看到了什么？
答：每天早上都有人在路口堆放物料。
"""
SERVED = """送达回证（演示）

送达文书：行政处罚决定书
送达方式：直接送达
"""


class InProcess(Stage):
    """Commands in this process: starting Python each time would take half of the demo."""

    def run(self, *args: str, expect: int = 0) -> str:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = tiezheng([*args, "--lang", language()])
        if code != expect:
            raise Rejected(f"want exit {expect}, got {code} from {args[:2]}: {err.getvalue()}")
        return out.getvalue()

    def _file(self, path: Path, key: str, *more: str) -> str:
        return self.run(
            *("deposit", str(path), "--case", self.case, "--server", self.server),
            *("--key", str(self.root / "keys" / f"{key}.key")),
            *("--trust", str(self.root / "trust")),
            *("--keep", str(self.root / "receipts"), *more),
        )


@dataclass
class Court:
    stage: InProcess
    began_ms: int = field(default_factory=lambda: _now_ms())
    at_ms: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.stage.root

    @property
    def shown(self) -> Path:
        """Where what is handed over lies."""
        return self.root.parent

    def note(self, en: str, zh: str) -> None:
        output.result("   " + say(en=en, zh=zh))

    def hold(self, held: bool, en: str, zh: str) -> None:
        if not held:
            self.broken.append(en)
            self.note(f"DOES NOT HOLD: {en}", f"不成立：{zh}")

    # --- the case ----------------------------------------------------------------------------

    def gather(self) -> None:
        self.stage.tell(
            f"Evidence is handed in for the case {self.stage.case}: a recording, a second version\n"
            "   of it that somebody exported again, a photo, and the record of an informant.",
            f"为案件 {self.stage.case} 提交证据：录像、另行导出的第二版、照片、举报人笔录。",
        )
        files = self.root / "files"
        (files / "again").mkdir(parents=True)
        recording, version = files / "BWC_0088.MP4", files / "again" / "BWC_0088.MP4"
        record_snow(recording, RECORDED_S)
        record_snow(version, VERSION_S)
        media.photograph(files / "现场照片.jpg")
        (files / "询问笔录.txt").write_text(NOTE, encoding="utf-8")
        self._hand_in(recording, *self._recorded(RECORDED_S))
        self._hand_in(version, *self._recorded(VERSION_S))
        self._hand_in(files / "现场照片.jpg", *self._noted())
        self._hand_in(files / "询问笔录.txt", *self._noted())
        self.stage._await_quorum()

    def decide(self) -> None:
        self.stage.tell(
            "The decision is made and logged; afterwards it is served, and that is logged too.",
            "作出决定并入日志；随后送达，送达回证亦入日志。",
        )
        decision, served = (self.root / "files" / n for n in ("行政处罚决定书.txt", "送达回证.txt"))
        decision.write_text(DECISION.format(case=self.stage.case), encoding="utf-8")
        self._say(self.stage._file(decision, "handler", "--act", "penalty_decision"))
        self.stage._await_quorum()
        served.write_text(SERVED, encoding="utf-8")
        self._hand_in(served, "--stage", "serve", *self._noted())
        self.stage._await_quorum()

    def decide_late(self) -> None:
        """In another case, so that the first stays as it is."""
        self.stage.tell(
            "In another case the decision comes first, on paper, and evidence is looked for\n"
            "   afterwards. Then the decision is logged, with yesterday's date.",
            "另一案先有纸面决定，事后才取证；之后将决定入日志，日期倒签为昨天。",
        )
        first, self.stage.case = self.stage.case, self.stage.case.replace("417", "418")
        photo, decision = (self.root / "files" / n for n in ("补拍照片.jpg", "倒签决定书.txt"))
        media.photograph(photo)
        decision.write_text(DECISION.format(case=self.stage.case), encoding="utf-8")
        self._hand_in(photo, *self._noted())
        self.stage._await_quorum()
        yesterday = format_time(_now_ms() - 86_400_000)
        act = ("--act", "penalty_decision", "--from", yesterday, "--to", yesterday)
        self._say(self.stage._file(decision, "handler", *act))
        self.stage._await_quorum()
        self._fetch(self.root / "late.zip")
        self.stage.case = first

    def fetch(self) -> None:
        self.stage.tell(
            "The clerk fetches the packet. The informant's record is withheld: its statement and\n"
            "   its entry stay, so that everyone sees that there is one.",
            "书记员取回证据包。举报人笔录不予出示：其陈述和条目保留，人人可见其存在。",
        )
        token = self.stage.run("token", str(self.root / "ledger"), "court", "--name", "clerk")
        (self.root / "keys" / "court.token").write_text(token)
        packet = self.shown / "packet.zip"
        record = suite.digest((self.root / "files" / "询问笔录.txt").read_bytes()).hex()
        due = ("--for", "court", "--received", self._now()[:10])
        self._fetch(packet, "--withhold", f"{record}=informant", *due)
        self.note(str(packet), str(packet))

    def cut(self) -> None:
        self.stage.tell(
            "One part of the recording is to be shown alone. It is cut without encoding anew, and\n"
            "   is proved to be part of the original.",
            "仅出示录像的一段：不转码截取，并证明其为原件的一部分。",
        )
        packet, clip = self.shown / "packet.zip", self.shown / "clip.zip"
        clip.unlink(missing_ok=True)
        whole = (self.root / "files" / "BWC_0088.MP4").read_bytes()
        item = next(path for path, data in read_files(packet).items() if data == whole)
        self.stage.run(
            *("clip", str(packet), item, "--from", "6", "--to", "10", "-o", str(clip), "--only")
        )
        self.note(str(clip), str(clip))

    def _hand_in(self, path: Path, *more: str) -> None:
        self._say(self.stage._file(path, "station", *more))

    def _say(self, text: str) -> None:
        output.result("   " + text.strip())

    def _fetch(self, to: Path, *more: str) -> None:
        to.unlink(missing_ok=True)
        token = ("--token-file", str(self.root / "keys" / "court.token"))
        server = ("--server", self.stage.server, "--incomplete")
        self.stage.run("packet", self.stage.case, "-o", str(to), *server, *token, *more)

    def _recorded(self, seconds: int) -> list[str]:
        """Both versions begin at one moment, a minute before they are handed in."""
        begun_ms = self.began_ms - 60_000
        when = (format_time(begun_ms), format_time(begun_ms + seconds * 1000))
        return [*self._noted(), "--device", "BWC-310", "--from", when[0], "--to", when[1]]

    def _noted(self) -> list[str]:
        return [
            *("--maker", say(en="officers 32050012345, 32050012346", zh="执法人员 32050012345 等")),
            *("--method", say(en="recorded on site", zh="现场录制、拍摄")),
            *("--purpose", say(en="how the site was inspected", zh="证明现场检查经过")),
            *("--carrier", say(en="the recorder's storage card", zh="执法记录仪存储卡")),
        ]

    def _now(self) -> str:
        return format_time(_now_ms())

    # --- the court ---------------------------------------------------------------------------

    def judge(self) -> None:
        self.stage.tell(
            "The ledger is switched off. The court checks the packet and the clip, without any\n"
            "   network, and has the report in both languages, to be read and to be printed.",
            "账本已关闭。法院在没有网络的情况下核验证据包和片段，报告为中英文，可阅读、可打印。",
        )
        shutil.copytree(self.root / "ledger" / "public", self.root / "public")
        self.at_ms = parse_time(self._now())
        for lang in LANGUAGES:
            name = "report" if lang == "en" else f"report.{lang}"
            paper = [f"--{kind}={self.shown / f'{name}.{kind}'}" for kind in ("html", "pdf")]
            self._report(self.shown / f"{name}.txt", "packet.zip", "--articles", *paper, lang=lang)
            self._report(self.root / f"clip.{lang}.txt", "clip.zip", lang=lang, log=False)
        self._report(self.shown / "report.json", "packet.zip", "--json", lang="en")
        shutil.copyfile(self.shown / "report.json", self.shown / "report.zh.json")
        report = self.sound
        self.facts["groups"] = {str(group): str(found) for group, found in report.groups.items()}
        lines = verdict_text(report, "packet.zip", REQUIRED).splitlines()
        for line in lines[: lines.index("-" * 80)]:
            output.result(f"   | {line}".rstrip())
        self.hold(report.outcome is Outcome.PASSED, "the packet passes", "证据包通过")
        self.hold(
            [f.step for f in report.findings if f.outcome is not Outcome.PASSED] == ["complete"],
            "nothing is open but that one item is withheld",
            "除一件证据不予出示外，均已判定",
        )
        clip = self.verify(self.shown / "clip.zip", log=False)
        self.hold(
            any("Other recordings of that moment" in f.detail for f in clip.findings),
            "the clip's report names the other version of that recording",
            "片段的报告列出该录像的另一版本",
        )
        self.hold(clip.outcome is Outcome.PASSED, "the clip passes", "片段通过")

    def _report(self, to: Path, packet: str, *more: str, lang: str, log: bool = True) -> None:
        done = subprocess.run(
            [*_without_network(self._verify(packet, log=log)), *more, "--lang", lang],
            capture_output=True,
            check=False,
        )
        if done.returncode != output.Exit.DONE:
            raise Rejected(f"{packet}: {done.stderr.decode() or done.stdout.decode()[-2000:]}")
        to.write_bytes(done.stdout)

    def _verify(self, packet: str, *, log: bool = True) -> list[str]:
        return [
            *("verify", str(self.shown / packet), "--trust", str(self.root / "trust")),
            *(("--log", str(self.root / "public")) if log else ()),
            *("--require", "order", "--at", format_time(self.at_ms)),
        ]

    @cached_property
    def sound(self) -> Report:
        return self.verify(self.shown / "packet.zip")

    def verify(self, packet: Path, *, log: bool = True) -> Report:
        return verify_packet(
            open_packet(packet),
            open_trust(str(self.root / "trust")),
            log=open_log(str(self.root / "public")) if log else None,
            require=REQUIRED,
            at_ms=self.at_ms,
        )

    def hand_out_tools(self) -> None:
        self.stage.tell(
            "With what to check it elsewhere: one file for any Python, one page for any browser.",
            "供他处核验的工具：任何 Python 均可运行的单一文件，任何浏览器均可打开的单一页面。",
        )
        pyz = self.shown / "tiezheng-verify.pyz"
        if self._made("portable.build", pyz):
            python = [sys.executable, "-I", str(pyz), *self._verify("packet.zip")[1:], "--json"]
            done = subprocess.run(python, capture_output=True, check=False)
            self.hold(
                done.stdout == (self.shown / "report.json").read_bytes(),
                "the one file comes to the same report, byte for byte",
                "单一文件得出逐字节相同的报告",
            )
        self._made("browser.build", self.shown / "verify.html")

    def _made(self, module: str, target: Path) -> bool:
        target.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", module, str(target)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        if made := done.returncode == 0 and target.is_file():
            self.note(str(target), str(target))
        why = " ".join(done.stderr.decode().strip().splitlines()[-1:])
        self.hold(made, f"{target.name} is made: {why}", f"生成 {target.name}：{why}")
        return made

    # --- the forger --------------------------------------------------------------------------

    def forge(self) -> None:
        self.stage.tell(
            "Now the packet is manipulated in ten ways, by somebody who has the ledger's keys and\n"
            "   writes every manifest anew. Only the second takes a copy of the log to be found.\n"
            "   What the report says of each:",
            "以下由掌握账本密钥、并能重写全部清单的人以十种方式操纵证据包。其中只有第二种须有日志\n"
            "   副本才能发现。报告逐一作答：",
        )
        packets = {
            "packet": self.shown / "packet.zip",
            "clip": self.shown / "clip.zip",
            "late": self.root / "late.zip",
        }
        (self.root / "forged").mkdir()
        rows = [
            self._forge(number, forgery, packets[forgery.of])
            for number, forgery in enumerate(FORGERIES, 1)
        ]
        self.facts["forgeries"] = rows
        self.facts["found"] = sum(row["found"] for row in rows)

    def _forge(self, number: int, forgery: Forgery, packet: Path) -> Mapping[str, Any]:
        desk = Desk(
            read_files(packet), self.root / "keys", self.root / "ledger" / "keys" / "log.key"
        )
        forged = self.root / "forged" / f"{number:02}.zip"
        forged.write_bytes(zip_bytes(forgery.forge(desk)))
        report = self.verify(forged, log=forgery.step == "complete")
        forged.with_suffix(".txt").write_text(
            verdict_text(report, forged.name, REQUIRED) + "\n", encoding="utf-8"
        )
        said = [
            f for f in report.findings if forgery.is_found_by(f) and f not in self.sound.findings
        ]
        found = bool(said) and report.outcome is not Outcome.PASSED
        sentence = self._sentence(report, said)
        output.result(f"   {number:2}. {pick(forgery.name)}")
        output.result(f"       {sentence}")
        self.hold(
            found, f"found: {forgery.name['en']}", f"发现了第 {number} 项：{forgery.name['zh']}"
        )
        return {
            "found": found,
            "name": forgery.name["en"],
            "outcome": str(report.outcome),
            "sentence": sentence,
            "step": forgery.step,
        }

    def _sentence(self, report: Report, said: list[Finding]) -> str:
        if not said:
            return say(en="(the report says nothing of it)", zh="（报告未提及）")
        return finding_line(said[0], report.facts)

    # --- the end -----------------------------------------------------------------------------

    def close(self) -> None:
        rows = self.facts["forgeries"]
        closing = {
            "broken": self.broken,
            "holds": not self.broken,
            "of": len(rows),
            **self.facts,
        }
        text = json.dumps(closing, ensure_ascii=False, indent=1, sort_keys=True)
        (self.root / "closing.json").write_text(text + "\n", encoding="utf-8")
        output.result("")
        yes, no = say(en="found", zh="发现"), say(en="NOT FOUND", zh="未发现")
        widest = max(columns(pick(f.name)) for f in FORGERIES)
        for number, (forgery, row) in enumerate(zip(FORGERIES, rows, strict=True), 1):
            name = pick(forgery.name)
            gap = " " * (widest - columns(name) + 2)
            output.result(f"   {number:2}  {name}{gap}{yes if row['found'] else no}")
        count, of = self.facts["found"], len(rows)
        self.note(f"Found: {count} of {of}.", f"共发现 {count} 项，应为 {of} 项。")
        if self.broken:
            self.note("DOES NOT HOLD: " + "; ".join(self.broken), "不成立：见上")
        trust = f"--trust {self.root}/trust --log {self.root}/public"
        try_next = f".venv/bin/tiezheng verify {self.shown}/packet.zip {trust}"
        output.result(say(en=f"\nTry next: {try_next}", zh=f"\n接着可以试：{try_next}"))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def read_files(packet: Path) -> Files:
    opened = open_packet(packet)
    return {path: b"".join(map(bytes, opened.stream(path))) for path in opened.sizes()}


def run(root: Path) -> int:
    with ExitStack() as stack:
        court = Court(InProcess(_fresh(root), []))
        court.stage.found()
        court.stage.cosign(stack)
        court.stage.serve(stack)
        court.gather()
        court.decide()
        court.fetch()
        court.decide_late()
    court.cut()
    court.judge()
    court.hand_out_tools()
    court.forge()
    court.close()
    return output.Exit.DONE if not court.broken else output.Exit.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path("demo/court"), run, {"av": "media", "typst": "notary"}))
