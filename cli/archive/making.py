"""`tiezheng archive make`: fetches packets, describes them, tests them, and writes one bag."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import click

from cli import language, output
from cli.archive.examining import Asked, Examined, examine
from cli.archive.page import page_pdf, page_text
from cli.archive.playing import player
from cli.archive.words import four_text
from cli.files import check_new, read_secret
from cli.language import say
from cli.output import Exit
from cli.own_cases import register_cases
from cli.remote import open_client
from cli.trust import open_trust
from ledger.archiving import package
from ledger.archiving.metadata import Formats, describe, elements_json, row_line
from ledger.archiving.package import Contents, Packed, packet_name
from ledger.encoding import format_json
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence import phrase
from ledger.evidence.case_number import parse_case
from ledger.evidence.packet import (
    BAGIT,
    INDEX,
    MANIFEST,
    TAG_MANIFEST,
    Index,
    PacketSource,
    check_path,
    format_bag_info,
    format_manifest,
)
from ledger.evidence.trust import Trust
from ledger.process.handover import Handover
from ledger.suite import digest, new_digest
from storage.durable import sync_file, sync_folder, write_file
from storage.packets import BLOCK, FolderPacket, open_packet
from storage.refusals import refusals
from storage.regular import open_regular

DOCS = Path(__file__).parents[2] / "docs"
BY_HAND = ("court-by-hand.md", "court-by-hand.zh.md", "glossary.md")
PATIENCE_S = 60
PUBLIC = 0o644


def run_make(
    cases: tuple[str, ...],
    folder: str,
    trust: str,
    archive: str,
    by: str,
    verifier: str,
    packets: tuple[str, ...],
    list_file: str | None,
    year: str | None,
    agency: str | None,
    pages: str | None,
    server: str | None,
    token_file: str | None,
    as_json: bool,
) -> Exit:
    target = Path(folder)
    numbers = [parse_case(case) for case in (*cases, *_listed(list_file))]
    _check_asked(bool(numbers or year), packets, server, token_file)
    if year is not None:
        numbers += _of_year(server or "", token_file or "", year, agency)
    _check_numbers(numbers, packets)
    for new in (target, *_pages_of(target)):
        check_new(str(new))
    _check_reader(Path(verifier))
    believed = open_trust(trust)
    at_ms = time.time_ns() // 1_000_000_000 * 1000
    software = f"tiezheng {version('tiezheng')}"
    names = phrase.line(archive), phrase.line(by)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with refusals(f"write {str(target)!r}"):
            partial.mkdir(parents=True)
            _copy_around(partial, Path(trust), Path(verifier), Path(pages) if pages else DOCS)
            if numbers:
                to = Handover(names[0], "archive transfer")
                _fetch(partial, numbers, to, server or "", token_file or "")
            for number, given in enumerate(packets, len(numbers) + 1):
                _copy(Path(given), partial / package.PACKETS / packet_name(number))
            packed = _describe(partial, len(numbers) + len(packets))
            contents = Contents(*names, at_ms, software, believed.hash, packed)
            _write(partial / package.CONTENTS, contents.to_bytes())
            digests = {row.path: row.sha256 for row in packed}
            _seal(partial, software, digests)
            examined = _tested(partial, believed, at_ms)
            for path, data in _reports(examined).items():
                _write(partial / path, data)
            fingerprint = _seal(partial, software, digests)
            _sync(partial)
            # A page without its package is waste paper; a package without its page is no use.
            _print(partial, target, contents, fingerprint)
            partial.replace(target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if not target.exists():
            for page in _pages_of(target):
                page.unlink(missing_ok=True)
    _say(target, contents, fingerprint, examined, as_json)
    return Exit.FAILED if examined.four.failed else Exit.DONE


def _check_reader(verifier: Path) -> None:
    """A slip here is found in decades, by who can mend it no more."""
    try:
        with refusals(f"read {str(verifier)!r}"), ZipFile(verifier) as program:
            runs = "__main__.py" in program.namelist()
    except BadZipFile:
        runs = False
    if not runs:
        raise Rejected(
            f"{str(verifier)!r} is no verifier that runs by itself",
            hints=("make pyz builds dist/tiezheng-verify.pyz",),
        )


def _listed(file: str | None) -> list[str]:
    if file is None:
        return []
    with refusals(f"read {file!r}"), open(open_regular(Path(file), pipe=True), "rb") as opened:
        text = opened.read(package.MAX_CONTENTS).decode("utf-8", "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _of_year(server: str, token_file: str, year: str, agency: str | None) -> list[str]:
    if agency is None:
        raise click.UsageError(say(en="want --agency with --year", zh="--year 须与 --agency 同用"))
    client = open_client(server, token=read_secret(token_file))
    found = register_cases(client, agency, year)
    if found.elsewhere or found.unnumbered:
        output.note(
            say(
                en=f"not handed over: {len(found.elsewhere)} cases of other agencies, "
                f"{found.unnumbered} without a number",
                zh=f"不移交：其他机关的案件 {len(found.elsewhere)} 件，"
                f"尚无案号的 {found.unnumbered} 件",
            )
        )
    if found.lost:
        output.note(
            say(
                en=f"{found.lost} acts of that year are lost: a case of which nothing else "
                "is there is not handed over",
                zh=f"该年度有 {found.lost} 项行为已丢失：除此别无记录的案件未予移交",
            )
        )
    return list(found.own)


def _check_asked(
    fetches: bool, packets: tuple[str, ...], server: str | None, token: str | None
) -> None:
    if not fetches and not packets:
        raise click.UsageError(
            say(
                en="want a CASE, --cases, --year or --packet",
                zh="请给出案号、--cases、--year 或 --packet",
            )
        )
    if fetches and (server is None or token is None):
        raise click.UsageError(
            say(
                en="want --server and --token-file to fetch a case",
                zh="取回案件须给出 --server 与 --token-file",
            )
        )


def _check_numbers(numbers: list[str], packets: tuple[str, ...]) -> None:
    if not numbers and not packets:
        raise Unknown("the register has no case of that year")
    if len(numbers) != len(set(numbers)):
        raise click.UsageError(say(en="a case stands twice", zh="案号重复"))
    if len(numbers) + len(packets) > package.MAX_PACKETS:
        raise Malformed(f"want at most {package.MAX_PACKETS} packets in a package")


# --- what goes in ----------------------------------------------------------------------------


def _copy_around(partial: Path, trust: Path, verifier: Path, docs: Path) -> None:
    for path in sorted(p for p in trust.rglob("*") if p.is_file()):
        _copy(path, partial / package.TRUST / path.relative_to(trust).as_posix())
    _copy(verifier, partial / package.READER)
    formats = docs / "formats"
    if not formats.is_dir():
        raise Unavailable(
            f"the pages on the formats are not at {str(docs)!r}",
            hints=("give the folder docs of the sources with --pages",),
        )
    for path in sorted([*formats.glob("*.md"), *(docs / name for name in BY_HAND)]):
        _copy(path, partial / package.PAGES / path.name.lower())


def _fetch(partial: Path, numbers: list[str], to: Handover, server: str, token_file: str) -> None:
    from api.clients.ledger import NotYet

    client = open_client(server, token=read_secret(token_file))
    (partial / package.PACKETS).mkdir(exist_ok=True)
    with output.progress(say(en="receiving", zh="接收"), 0) as advance:
        for number, case in enumerate(numbers, 1):
            ends = time.monotonic() + PATIENCE_S
            while True:
                try:
                    path = partial / package.PACKETS / packet_name(number)
                    client.packet(case, path, advance, handover=to)
                    break
                except NotYet:
                    if time.monotonic() >= ends:
                        raise
                    time.sleep(0.5)


def _copy(source: Path, target: Path) -> None:
    check_path(target.relative_to(_root(target)).as_posix())
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        refusals(f"copy {str(source)!r}"),
        open(open_regular(source), "rb") as read,
        target.open("xb") as written,
    ):
        while piece := read.read(BLOCK):
            written.write(piece)
    target.chmod(PUBLIC)


def _root(path: Path) -> Path:
    return next(above for above in path.parents if above.name.endswith(".partial"))


def _describe(partial: Path, count: int) -> tuple[Packed, ...]:
    """Writes the metadata, a packet after the other; what cannot be read has a row in the list."""
    formats, packed = Formats(), []
    (partial / package.ITEMS).parent.mkdir(parents=True)
    with (
        (partial / package.ITEMS).open("xb") as items,
        (partial / package.EVENTS).open("xb") as events,
    ):
        for number in range(1, count + 1):
            path = partial / package.PACKETS / packet_name(number)
            source: PacketSource | None
            try:
                source = open_packet(path)
            except (Malformed, Rejected):
                source = None
            packed.append(_packed(path, source))
            for described in describe(path.name, source) if source else ():
                events.write(row_line(described.event))
                for row, inside, found in described.items:
                    items.write(row_line(row))
                    if inside:
                        formats.add(found)
    _write(partial / package.FORMATS, formats.to_bytes())
    _write(partial / package.ELEMENTS, elements_json())
    return tuple(packed)


def _packed(path: Path, source: PacketSource | None) -> Packed:
    case, tags = "", bytes(32)
    if source is not None and TAG_MANIFEST in source.sizes():
        tags = digest(b"".join(map(bytes, source.stream(TAG_MANIFEST))))
        try:
            case = Index.from_bytes(b"".join(map(bytes, source.stream(INDEX)))).case
        except (LedgerError, KeyError):
            case = ""
    return Packed(path.name, case, path.stat().st_size, _digest(path), tags)


# --- the bag ---------------------------------------------------------------------------------


def _seal(partial: Path, software: str, digests: dict[str, bytes]) -> bytes:
    """Writes the manifests anew, of what is in `digests` unread; returns the fingerprint."""
    for tag in (MANIFEST, TAG_MANIFEST, "bagit.txt", "bag-info.txt"):
        (partial / tag).unlink(missing_ok=True)
    size = 0
    for path in (p for p in (partial / "data").rglob("*") if p.is_file()):
        name = path.relative_to(partial).as_posix()
        digests[name] = digests.get(name) or _digest(path)
        size += path.stat().st_size
    tags = {
        "bagit.txt": BAGIT,
        "bag-info.txt": format_bag_info(software, size, len(digests)),
        MANIFEST: format_manifest(digests),
    }
    last = format_manifest({path: digest(data) for path, data in tags.items()})
    for tag, data in {**tags, TAG_MANIFEST: last}.items():
        _write(partial / tag, data)
    return digest(last)


def _tested(partial: Path, trust: Trust, at_ms: int) -> Examined:
    size = sum(FolderPacket(partial).sizes().values())
    with output.progress(say(en="testing", zh="检测"), 2 * size) as advance:
        return examine(partial, Asked(trust=trust, play=player(), at_ms=at_ms, on_bytes=advance))


def _reports(examined: Examined) -> Mapping[str, bytes]:
    """In both languages: whoever reads it later may know one. The fingerprint is another once the
    report is in the package, so it has none."""
    four = replace(examined.four, fingerprint="")
    files = {f"{package.REPORT}four.json": format_json(four.to_json())}
    for words in language.LANGUAGES:
        with language.speaking(words):
            text = four_text(four) + "\n"
        files[f"{package.REPORT}four.{words}.txt"] = text.encode()
    return files


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(PUBLIC)


def _digest(path: Path) -> bytes:
    hasher = new_digest()
    with path.open("rb") as file:
        while piece := file.read(BLOCK):
            hasher.update(piece)
    return hasher.digest()


def _sync(partial: Path) -> None:
    for above, folders, files in os.walk(partial):
        for name in files:
            sync_file(Path(above, name))
        for name in folders:
            sync_folder(Path(above, name))
    sync_folder(partial)


# --- the page --------------------------------------------------------------------------------


def _pages_of(target: Path) -> Iterator[Path]:
    yield target.with_name(f"{target.name}.page.txt")
    yield target.with_name(f"{target.name}.page.pdf")


def _print(partial: Path, target: Path, contents: Contents, fingerprint: bytes) -> None:
    text = page_text(contents, partial, fingerprint, _digest(partial / package.READER))
    file, pdf = _pages_of(target)
    write_file(file, text.encode(), mode=PUBLIC)
    try:
        data = page_pdf(text, contents.at_ms)
    except Unavailable as error:
        # The text is the page; the PDF is only easier to print.
        output.note(say(en=f"no PDF of the page: {error}", zh=f"未能生成核验单 PDF：{error}"))
        return
    write_file(pdf, data, mode=PUBLIC)


def _say(
    target: Path, contents: Contents, fingerprint: bytes, examined: Examined, as_json: bool
) -> None:
    four = replace(examined.four, fingerprint=fingerprint.hex())
    if as_json:
        output.result_json(
            {
                "fingerprint": fingerprint.hex(),
                "folder": str(target),
                "four": four.to_json(),
                "packets": str(len(contents.packets)),
            }
        )
        return
    output.result(four_text(four))
    output.result("")
    shown = package.format_fingerprint(fingerprint)
    output.result(say(en=f"Fingerprint of {target}: {shown}", zh=f"{target} 的指纹：{shown}"))
    output.note(
        say(
            en="next: print and sign the page beside it; log the transfer of each case: "
            "tiezheng case act --act archive_transfer --procedure after --stage enforce "
            f"--doc {target / TAG_MANIFEST} …",
            zh="下一步：打印并签署旁边的核验单；逐案将移交入日志："
            "tiezheng case act --act archive_transfer --procedure after --stage enforce "
            f"--doc {target / TAG_MANIFEST} …",
        )
    )
