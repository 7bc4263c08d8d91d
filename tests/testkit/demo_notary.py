"""`make demo-notary`: who watches a ledger, and what they catch.

Every part is the real one on this machine: three cosigners, one of which dies and one comes back
from an old backup; a mirror; a timestamp authority of openssl; and the ledger. A court checks
packet.zip, with what they saw, without a network and without a copy of the log. Then the
operator, who has every key of the ledger, signs a second history; what the cosigners made of
that lies in fraud.txt. closing.json says what was seen; the exit code is 1 if anything that
should hold does not.
"""

import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.clients.http import fetch, new_client
from cli import output
from cli.demo import OFFICES, Stage, _fresh, _process, _run, _tiezheng, _without_network
from cli.language import say
from ledger.errors import Unavailable
from testkit.demo_main import main
from testkit.pkcs12 import to_pkcs12
from testkit.tsa_process import POLICY, Tsa, open_tsa

PATIENCE_S = 60.0
DEAD, FORGETFUL = "court", "archive"
OFFICE = "notary-01"


@dataclass
class Watch:
    """The day so far: who runs, what was seen, and what of it did not hold."""

    stage: Stage
    stack: ExitStack
    offices: dict[str, ExitStack] = field(default_factory=dict)
    ports: dict[str, str] = field(default_factory=dict)
    packet: Path = Path()
    tsa: Tsa | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.stage.root

    def note(self, en: str, zh: str) -> None:
        output.result("   " + say(en=en, zh=zh))

    def hold(self, held: bool, en: str, zh: str) -> None:
        if not held:
            self.broken.append(en)
            self.note(f"DOES NOT HOLD: {en}", f"不成立：{zh}")

    # --- cosigners ---------------------------------------------------------------------------

    def state(self, office: str) -> Path:
        return self.root / "cosigners" / office

    def _cosign(self, office: str) -> list[str]:
        log = next((self.root / "trust" / "policy").iterdir()).read_text().split()[1]
        return [
            *_tiezheng(),
            *("cosign", "--key", str(self.root / "keys" / f"{office}.key"), "--log", log),
            *("--state", str(self.state(office)), "--port", self.ports[office]),
            *("--copy", str(self.root / "cosigners" / f"{office}-copy")),
        ]

    def start_office(self, office: str) -> None:
        if office not in self.ports:
            noted = self.root / f"{office}.port"
            self.ports[office] = noted.read_text()
            noted.unlink()
        self.offices[office] = ExitStack()
        journal = self.root / "cosigners" / f"{office}.journal"
        self.offices[office].enter_context(_process(self._cosign(office), journal))

    def end_office(self, office: str) -> None:
        self.offices.pop(office).close()

    def end_offices(self) -> None:
        for office in tuple(self.offices):
            self.end_office(office)

    def lose_two_eyes(self) -> None:
        self.stage.tell(
            f"The {DEAD}'s cosigner dies. Evidence comes in all the same, and two of three see it.",
            "法院的联合签名节点停机。证据照常接收，三家中的两家见证。",
        )
        self.end_office(FORGETFUL)
        shutil.copytree(self.state(FORGETFUL), self.root / "old-backup")
        self.start_office(FORGETFUL)
        self.end_office(DEAD)

    def restore_from_old_backup(self) -> None:
        self.stage.tell(
            f"The {DEAD}'s comes back; the {FORGETFUL}'s disk is lost, and an old backup restored.",
            "法院节点恢复；档案馆的磁盘损坏，恢复了一份旧备份。",
        )
        self.start_office(DEAD)
        self.end_office(FORGETFUL)
        newest = self.root / "cosigners" / f"{FORGETFUL}-newest"
        self.state(FORGETFUL).rename(newest)
        shutil.copytree(self.root / "old-backup", self.state(FORGETFUL))
        done = subprocess.run(
            self._cosign(FORGETFUL), capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        said = done.stderr.strip().splitlines()
        self.facts["old_backup"] = {"exit": done.returncode, "said": said}
        self.hold(
            done.returncode == output.Exit.FAILED,
            "a cosigner that has forgotten what it signed does not start",
            "忘记自己签过什么的节点不启动",
        )
        for line in said[-2:]:
            output.result(f"   | {line}")
        shutil.rmtree(self.state(FORGETFUL))
        newest.rename(self.state(FORGETFUL))
        self.start_office(FORGETFUL)

    # --- mirror and authority ----------------------------------------------------------------

    def open_authority(self) -> None:
        self.stage.tell(
            "A timestamp authority that knows nothing of logs stamps what a quorum has seen, and\n"
            "   an archive keeps a mirror. The court has chosen both itself.",
            "授时机构对日志一无所知，只为法定人数所见加盖时间；档案馆运行镜像。二者均由法院自行选定。",
        )
        tsa = self.stack.enter_context(
            open_tsa(self.root / "tsa", intermediate=True, name="Demo TSA")
        )
        self.tsa = tsa
        vkey = self.stage.run(
            *("keygen", "--name", "mirror.example", "--kind", "statement"),
            *("-o", str(self.root / "keys" / "mirror.key")),
        )
        for trust in (self.root / "trust", self.root / "ledger" / "trust"):
            (trust / "tsa").mkdir()
            (trust / "tsa" / "lab.pem").write_bytes(b"".join(each.pem for each in tsa.ca))
            (trust / "tsa" / "lab.accept").write_text(f"policy {POLICY}\n")
            (trust / "mirrors").write_text(vkey)
        (self.root / "ledger" / "tiezheng.toml").write_text(
            f'stamp_seconds = 1\n[authorities]\nlab = "{tsa.url}"\n'
        )
        self.note(f"{tsa.url}, and mirror.example", f"{tsa.url}，以及 mirror.example")

    def start_mirror(self, serving: ExitStack) -> str:
        return serving.enter_context(
            _process(
                [
                    *_tiezheng(),
                    *("mirror", f"{self.stage.server}/log", "--data", str(self.root / "mirror")),
                    *("--trust", str(self.root / "trust"), "--every", "1", "--port", "0"),
                    *("--key", str(self.root / "keys" / "mirror.key")),
                ],
                self.root / "mirror.journal",
            )
        )

    def await_stamp(self) -> None:
        """Until an authority has stamped everything that is in the log."""
        client = new_client()
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            _, answer = fetch(client, "GET", f"{self.stage.server}/metrics", 1 << 20)
            values = dict(
                line.split(" ")
                for line in answer.decode().splitlines()
                if line[:1] not in ("#", "")
            )
            if float(values["tiezheng_log_timestamped"]) >= float(values["tiezheng_log_cosigned"]):
                return
            time.sleep(0.2)
        raise Unavailable("the authority did not stamp what was cosigned")

    def fetch_packet(self, mirror: str) -> None:
        self.await_stamp()
        self.stage.tell(
            "The clerk fetches the packet, with the authority's tokens, and the mirror's word\n"
            "   that the log holds nothing else of this case. The mirror was told tags, no names.",
            "书记员取回证据包，内含授时机构的时间戳，以及镜像的陈述：日志中再无本案其他内容。"
            "镜像只被问及标签，不知任何名称。",
        )
        token = self.root / "keys" / "court.token"
        said = self.stage.run("token", str(self.root / "ledger"), "court", "--name", "clerk")
        token.write_text(said)
        self.packet = self.root.parent / "packet.zip"
        self.stage.run(
            *("packet", self.stage.case, "-o", str(self.packet), "--server", self.stage.server),
            *("--token-file", str(token), "--absence", mirror, "--incomplete"),
        )
        self.note(str(self.packet), str(self.packet))

    def judge(self) -> None:
        """Offline, without a copy of the log: completeness rests on the mirror's word."""
        self.stage.tell(
            "The court checks it, without a network and without a copy of the log.",
            "法院在没有网络、也没有日志副本的情况下核验。",
        )
        verify = ("verify", str(self.packet), "--trust", str(self.root / "trust"))
        report = json.loads(_run(_without_network([*verify, "--json"]), output.Exit.DONE))
        text = _run(_without_network([*verify]), output.Exit.DONE)
        (self.root / "verdict.txt").write_text(text, encoding="utf-8")
        groups = next(line for line in text.splitlines() if " | " in line)
        output.result(f"   | {groups}")
        stamps = [stamp["checked"] for stamp in report["timestamps"]]
        self.facts["packet"] = {"groups": report["groups"], "timestamps": len(stamps)}
        self.hold(
            report["groups"]["complete"] == "passed",
            "the packet is complete on the mirror's word",
            "依镜像的陈述，证据包完整",
        )
        self.hold(
            bool(stamps) and set(stamps) == {"passed"},
            "every token of the authority holds",
            "授时机构的每枚时间戳均成立",
        )

    # --- the notary --------------------------------------------------------------------------

    def notary(self, *args: str, expect: int = 0) -> str:
        return self.stage.run("notary", *args, expect=expect).strip()

    def certify(self) -> str:
        """Two persons compare the files with the packet and issue a certificate; its id."""
        self.stage.tell(
            "A notary office, two persons with keys of their own, compares the files with the log\n"
            "   and issues a certificate: PDF/A-3, sealed, and registered by its own statement.",
            "公证处由两名公证员以各自的密钥将文件与日志核对，并出具公证书：PDF/A-3，加盖电子印章，"
            "另以陈述登记入日志。",
        )
        keys = self.root / "keys"
        registrar = ("--registrar", str(keys / "registrar.key"), "--server", self.stage.server)
        signing: list[str] = []
        for name in ("wang", "li"):
            key = str(keys / f"{name}.key")
            vkey = self.stage.run("keygen", "--name", f"{name}.notary.example", "-o", key).strip()
            self.stage.run(
                "register", *registrar, "--agency", OFFICE, "--key", vkey, "--role", "notary"
            )
            signing += ["--key", key]
        one, office = signing[:2], str(self.root / "office")
        self.notary(
            *("init", office, "--agency", OFFICE, "--office", "苏州市姑苏公证处（演示）"),
            *("--server", self.stage.server, "--trust", str(self.root / "trust"), *signing),
        )
        application = json.loads(
            self.notary(
                *(
                    "apply",
                    office,
                    "--applicant",
                    "苏州市城市管理局（演示）",
                    "--purpose",
                    "诉讼举证",
                ),
                *("--interest", "作出处罚决定的机关", "--dispute", "none_known"),
                *("--case", self.stage.case, *one, "--json"),
            )
        )["id"]
        self.notary("accept", office, application, *one)
        files = [str(path) for path in sorted((self.root / "files").iterdir())]
        said = self.notary(
            "compare", office, application, *files, "--packet", str(self.packet), *one
        )
        for line in said.splitlines():
            output.result(f"   | {line}")
        draft = self.root / "draft.pdf"
        self.notary(
            *("draft", office, application, "--number", "（2026）苏姑证字第417号"),
            *("--notary", "王某", "--notary", "李某", "-o", str(draft)),
        )
        began = time.monotonic()
        self.notary("seal", str(draft), "-o", str(self.certificate), *self._seal_options())
        seconds = round(time.monotonic() - began, 2)
        self.facts["certificate"] = {
            "bytes": self.certificate.stat().st_size,
            "sealed_seconds": seconds,
        }
        self.note(str(self.certificate), str(self.certificate))
        issued = self.notary(
            *("certify", office, application, "--pdf", str(self.certificate)),
            *("--root", str(self.root / "root.pem"), *signing, "--json"),
        )
        return str(json.loads(issued)["id"])

    @property
    def certificate(self) -> Path:
        return self.root.parent / "certificate.pdf"

    def _seal_options(self) -> list[str]:
        """The office's own seal, of an authority that the court trusts for seals."""
        assert self.tsa is not None
        seal = self.root / "keys" / "office.p12"
        passphrase = self.root / "keys" / "office.pass"
        word = secrets.token_hex(16)
        issued = self.tsa.issue("苏州市姑苏公证处（演示）", ec_key=True)
        for path, data in (
            (seal, to_pkcs12(issued, self.tsa, word.encode())),
            (passphrase, word.encode()),
            (self.root / "root.pem", self.tsa.root),
        ):
            path.touch(mode=0o600)
            path.write_bytes(data)
        return [
            *("--seal-key", str(seal), "--passphrase", str(passphrase)),
            *("--tsa", self.tsa.url, "--root", str(self.root / "root.pem"), "--fetch"),
        ]

    def show_certificate(self) -> None:
        self.stage.tell(
            "Whoever is shown the PDF holds it against the packet of the case.",
            "任何收到该 PDF 的人，均可将其与本案证据包核对。",
        )
        self._check_certificate(output.Exit.DONE)

    def revoke(self, issued: str) -> None:
        self.stage.tell(
            "The office finds a mistake and takes the certificate back: that is logged as well.",
            "公证处发现有误，撤销该公证书；撤销亦入日志。",
        )
        self.notary(
            *("revoke", str(self.root / "office"), issued, "--reason", "事项有误（演示）"),
            *("--key", str(self.root / "keys" / "wang.key")),
        )
        self.await_stamp()
        self._check_certificate(output.Exit.FAILED, "--log", str(self.root / "ledger" / "public"))

    def _check_certificate(self, expect: output.Exit, *more: str) -> None:
        args = [
            *("verify", str(self.packet), "--certificate", str(self.certificate)),
            *("--trust", str(self.root / "trust"), *more),
        ]
        report = json.loads(_run(_without_network([*args, "--json"]), expect))
        about = [f for f in report["findings"] if f["step"] in ("certificate", "revoked")]
        for finding in about:
            output.result(f"   | {finding['outcome']}: {finding['detail'] or finding['about']}")
        name = "certificate" if expect is output.Exit.DONE else "certificate_revoked"
        self.facts[f"{name}_findings"] = sorted({f["outcome"] for f in about})

    # --- the operator ------------------------------------------------------------------------

    @contextmanager
    def ledger(self, folder: Path, *more: str) -> Iterator[str]:
        args = [*_tiezheng(), "server", str(folder), "--port", "0", *more]
        with _process(args, folder.with_suffix(".journal")) as address:
            self.stage.server = address
            yield address

    def deposit(self, name: str, text: str) -> None:
        path = self.root / "files" / name
        path.write_text(text, encoding="utf-8")
        output.result("   " + self.stage._file(path, "station").strip())

    def fork(self) -> None:
        """Two ledgers of one key: each goes on from the same entries with another statement."""
        true, false = self.root / "ledger", self.root / "ledger-forked"
        self.stage.tell(
            "The operator has every key of the ledger. He goes back to a copy of yesterday\n"
            "   and logs another statement in the place of the last one.",
            "运营者掌握账本的全部密钥。他取出昨天的副本，在最后一条的位置写入另一条陈述。",
        )
        shutil.copytree(true, false)
        with self.ledger(true):
            self.deposit("现场笔录.txt", "现场笔录：当事人当场申辩。\n")
            self.deposit("询问笔录.txt", "询问笔录：当事人提交了票据。\n")
            self.stage._await_quorum()
        seen = self.root / "seen-by-the-court.txt"
        seen.write_bytes(self.note_of(true).read_bytes())
        shutil.copytree(true / "public", self.root / "public")
        self.end_offices()
        with self.ledger(false, "--alone"):
            self.note(
                "nobody answers; he says --alone, and the log says so too",
                "无人应答；他使用 --alone，日志对此也有记载",
            )
            self.deposit("现场笔录.txt", "现场笔录：当事人没有意见。\n")
            for office in OFFICES:
                self.start_office(office)
            caught = self.caught()
        self.facts["fork"] = {"caught_by": sorted(caught)}
        self.hold(
            set(caught) == set(OFFICES),
            "each cosigner has refused the second history and kept the proof",
            "每个联合签名节点都拒绝了第二份历史，并留存证明",
        )
        if caught:
            shutil.copyfile(next(iter(caught.values())), self.root.parent / "fraud.txt")
        self._show_fraud(seen, false)

    def note_of(self, folder: Path) -> Path:
        (found,) = (folder / "public").glob("*/checkpoint")
        return found

    def caught(self) -> dict[str, Path]:
        """The proofs that cosigners have kept, once all have or time is over."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            found = {
                office: proof
                for office in OFFICES
                for proof in (self.state(office) / "fraud").glob("*.txt")
            }
            if len(found) == len(OFFICES) or time.monotonic() > ends:
                return found
            time.sleep(0.1)

    def _show_fraud(self, seen: Path, false: Path) -> None:
        self.stage.tell(
            "The two histories are in one file. Anyone checks it, with the log's key alone.",
            "两份历史在同一个文件中。任何人只需日志的公钥即可核验。",
        )
        trust = ("--trust", str(self.root / "trust"))
        fraud = str(self.root.parent / "fraud.txt")
        began = time.monotonic()
        text = self.stage.run("verify", fraud, *trust, expect=output.Exit.FAILED)
        self.facts["fork"]["verified_seconds"] = round(time.monotonic() - began, 2)
        for line in text.strip().splitlines()[:6]:
            output.result(f"   | {line}")
        audited = self.root / "fraud-by-audit.txt"
        self.stage.run(
            *("audit", str(false / "public"), "--seen", str(seen), "--fraud", str(audited)),
            *trust,
            expect=output.Exit.FAILED,
        )
        self.hold(
            audited.is_file(),
            "an audit of his copy against what the court had seen proves it too",
            "以法院所见核对其副本的审计同样证明了这一点",
        )

    # --- the end -----------------------------------------------------------------------------

    def close(self) -> None:
        closing = {"broken": self.broken, "holds": not self.broken, **self.facts}
        text = json.dumps(closing, ensure_ascii=False, indent=1, sort_keys=True)
        (self.root / "closing.json").write_text(text + "\n", encoding="utf-8")
        output.result("")
        if self.broken:
            self.note("DOES NOT HOLD: " + "; ".join(self.broken), "不成立：见上")
        else:
            self.note("ALL HOLDS", "全部成立")


def run(root: Path) -> int:
    with ExitStack() as stack:
        watch = Watch(Stage(_fresh(root), []), stack)
        stack.callback(watch.end_offices)
        watch.stage.found()
        watch.open_authority()
        for office in OFFICES:
            watch.start_office(office)
        with ExitStack() as serving:
            watch.stage.serve(serving)
            mirror = watch.start_mirror(serving)
            watch.lose_two_eyes()
            watch.stage.deposit()
            watch.restore_from_old_backup()
            watch.fetch_packet(mirror)
            issued = watch.certify()
            watch.fetch_packet(mirror)
            watch.judge()
            watch.show_certificate()
            watch.revoke(issued)
        watch.fork()
        watch.close()
    return output.Exit.DONE if not watch.broken else output.Exit.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path("demo/notary"), run, {"av": "media"}))
