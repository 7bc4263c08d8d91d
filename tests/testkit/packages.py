"""Transfer packages for tests: made by the real command from two packets of one trust folder."""

import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZipFile

from cli.main import main
from ledger.evidence.packet import MANIFEST, TAG_MANIFEST, format_bag_info, format_manifest
from ledger.suite import digest
from testkit.case import Case, evidence, make_case, write_folder

ANOTHER = "苏城管罚〔2026〕418号"
ARCHIVE, BY = "苏州市档案馆", "姑苏区城市管理局"


def cases() -> tuple[Case, Case]:
    """Of two sizes of the log, so that they are no two histories."""
    first, second = make_case(), make_case()
    second.number = ANOTHER
    for draft in second.drafts:
        if "case" in draft.predicate:
            draft.predicate["case"] = ANOTHER
    second.add(
        evidence("more", 20, {"程序.exe": b"MZ\0\0 a program"}, case=ANOTHER), after="record"
    )
    return first, second


@dataclass(frozen=True)
class Made:
    folder: Path
    fingerprint: str
    page: str
    packets: tuple[Path, ...]
    trust: Path


def _program() -> bytes:
    made = BytesIO()
    with ZipFile(made, "w") as file:
        file.writestr("__main__.py", "raise SystemExit(0)\n")
    return made.getvalue()


A_VERIFIER = _program()  # it runs, and checks nothing


def make_package(where: Path, *built: Case, verifier: bytes = A_VERIFIER, copies: int = 1) -> Made:
    where.mkdir(parents=True, exist_ok=True)
    packets, trust = [], where / "trust"
    for number, case in enumerate(built or cases(), 1):
        done = case.build()
        packets.append(where / f"{number}.zip")
        packets[-1].write_bytes(done.zip_bytes())
        if not trust.exists():
            write_folder(done.trust_files, trust)
    (where / "v.pyz").write_bytes(verifier)
    asked = [arg for packet in packets * copies for arg in ("--packet", str(packet))]
    folder = where / "handover"
    names = ("--archive", ARCHIVE, "--by", BY, "--verifier", str(where / "v.pyz"))
    with redirect_stdout(StringIO()):
        main(["archive", "make", "-o", str(folder), "--trust", str(trust), *names, *asked])
    page = where / "handover.page.txt"
    text = page.read_text(encoding="utf-8")
    typed = text.partition("tagmanifest-sha256.txt)\n")[2].split("\n")[:2]
    return Made(folder, " ".join(line.strip() for line in typed), text, tuple(packets), trust)


def reseal(folder: Path, agent: str = "tiezheng 0.1.0") -> str:
    """The manifests anew, as a forger writes them; returns the fingerprint."""
    files = {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted((folder / "data").rglob("*"))
        if p.is_file()
    }
    tags: Mapping[str, bytes] = {
        "bagit.txt": (folder / "bagit.txt").read_bytes(),
        "bag-info.txt": format_bag_info(agent, sum(map(len, files.values())), len(files)),
        MANIFEST: format_manifest({path: digest(data) for path, data in files.items()}),
    }
    last = format_manifest({path: digest(data) for path, data in tags.items()})
    for path, data in {**tags, TAG_MANIFEST: last}.items():
        (folder / path).write_bytes(data)
    return digest(last).hex()


def lines(text: str) -> dict[str, dict[str, object]]:
    """The lines of `--json` by test."""
    value = json.loads(text)
    return {line["test"]: line for line in value.get("four", value)["lines"]}
