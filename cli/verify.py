"""`tiezheng verify`: the verdict over packets, offline unless --log is an address."""

import errno
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from cli import output
from cli.command import argument, json_option, option, trust_option
from cli.command import command as new_command
from cli.first_page import short_reference
from cli.fraud import fraud_text, is_fraud, read_fraud
from cli.language import say
from cli.output import Exit
from cli.public_log import open_log
from cli.reference import PacketReference
from cli.small_file import read_small
from cli.trust import open_trust
from cli.verdict import verdict_text
from cli.verdict_page import verdict_html
from ledger.encoding import parse_time
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.evidence.chunks import ItemDigest, digest_item
from ledger.evidence.packet import PacketSource
from ledger.evidence.trust import Trust
from ledger.report import Group, Report
from ledger.verdict.examination import PublicLog, Rederive
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.refusals import refusals

Writer = Callable[[Report, frozenset[Group]], bytes]

REQUIRABLE = (Group.COMPLETE, Group.ORDER, Group.TIME, Group.FORM)


class _Refused:
    """A packet whose outer form was refused: the report says so like any other failure."""

    def __init__(self, error: LedgerError) -> None:
        self._error = error

    def sizes(self) -> Mapping[str, int]:
        raise self._error

    def stream(self, path: str) -> Iterator[bytes]:
        raise self._error

    def read(self, path: str, at: int, size: int) -> bytes:
        raise self._error


@new_command(
    "verify",
    words={
        "en": "Check a packet.\n\n"
        "PACKET is a folder or a zip; several are checked one after the other. Nothing\n"
        "is sent anywhere, and nothing in the packet is believed on its word: every\n"
        "part is held against the log, and the log against the cosigners of DIR.\n\n"
        "What has ended since (a hash, an authority) counts as of --at, if it was\n"
        "renewed.\n\n"
        "A notarial certificate is checked with the packet that holds its statement:\n"
        "one that was not logged, or was revoked, fails. With --log today's log\n"
        "decides.\n\n"
        "A proof of fraud is checked as well: that a log signed two histories. Proved,\n"
        "it ends with 1, for then it is the log that has failed; not proved, with 3.\n\n"
        "Exit code: 0 passed, 1 failed, 3 undecided, 2 wrong usage, 4 not readable;\n"
        "of several packets the worst, in the order 1, 4, 3, 0.",
        "zh": "核验证据包。\n\n"
        "PACKET 为文件夹或 zip；可依次核验多个。核验不向外发送任何内容，\n"
        "也不采信证据包自己的说法：各部分与日志核对，日志与 DIR 所列联合签名人核对。\n\n"
        "此后失效的算法、机构以 --at 所示时间为准，须已续展。\n\n"
        "公证书与载有其出具陈述的证据包一并核验：未登记的、已撤销的均不通过。\n"
        "加 --log 时以当前日志为准。\n\n"
        "也可核验欺诈证明，即某日志签署过两份历史。成立则退出码为 1，\n"
        "因为不通过的是日志；不成立则为 3。\n\n"
        "退出码：0 通过，1 不通过，3 不能判定，2 用法错误，4 无法读取；\n"
        "多个证据包取最差者，次序为 1、4、3、0。",
    },
    example="tiezheng verify packet.zip --trust trust/\n"
    "tiezheng verify packet.zip --trust trust/ --log copy-of-the-log/ --require complete,order\n"
    "tiezheng verify packet.zip --certificate certificate.pdf --trust trust/ \\\n"
    "    --log https://ledger.example/log\n"
    "tiezheng verify clip.zip --trust trust/ --rederive\n"
    "tiezheng verify packet.zip --trust trust/ --html report.html --pdf report.pdf\n"
    "tiezheng verify fraud.txt --trust trust/",
)
@argument(
    "packets",
    nargs=-1,
    required=True,
    metavar="PACKET...",
    words={"en": "the packets to check", "zh": "待核验的证据包"},
)
@trust_option()
@option(
    "--log",
    "where",
    metavar="DIR|URL",
    words={
        "en": "a copy of the public log, which completeness needs",
        "zh": "公开日志的副本；核对完整性时需要",
    },
)
@option(
    "--require",
    metavar="GROUP,...",
    words={
        "en": "let these decide too: complete, order, time, form",
        "zh": "也作为结论依据：complete 完整性、order 先后、time 时间、form 注明",
    },
)
@option(
    "--at",
    metavar="TIME",
    words={
        "en": "as of when, such as 2041-06-01T00:00:00+08:00; by default now",
        "zh": "以何时为准，如 2041-06-01T00:00:00+08:00；缺省为现在",
    },
)
@option(
    "--reference",
    metavar="TZP1.…",
    words={
        "en": "the packet that is cited so; another is refused",
        "zh": "以此编号引用的证据包；若为另一证据包则拒绝",
    },
)
@option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="PDF",
    words={
        "en": "a notarial certificate, checked with the packet; may be repeated",
        "zh": "与证据包一并核验的公证书；可写多次",
    },
)
@option(
    "--rederive",
    is_flag=True,
    words={
        "en": "make each clip again from its chunks, and compare",
        "zh": "以所附分块重新制作各片段并比对",
    },
)
@option(
    "--articles",
    is_flag=True,
    words={
        "en": "say as well which articles of law the steps answer",
        "zh": "并按法律条文列出各步骤所答事项",
    },
)
@option(
    "--html",
    metavar="FILE",
    words={
        "en": "write the report of the one PACKET to FILE as well, to be printed",
        "zh": "并将该证据包的报告写入 FILE，供打印",
    },
)
@option(
    "--pdf",
    metavar="FILE",
    words={
        "en": "the same as PDF/A (needs the extra notary)",
        "zh": "同上，写为 PDF/A（须安装 notary 扩展）",
    },
)
@json_option()
def command(
    packets: tuple[str, ...],
    trust: str,
    where: str | None,
    require: str | None,
    at: str | None,
    reference: str | None,
    certificates: tuple[str, ...],
    rederive: bool,
    articles: bool,
    html: str | None,
    pdf: str | None,
    as_json: bool,
) -> Exit:
    read = [*packets, trust, *certificates, *([where] if where else [])]
    writers = _writers(html, pdf, packets, read)
    required = _groups(require)
    at_ms = _time(at)
    cited = _cited(reference, packets)
    believed = open_trust(trust)
    log = None if where is None else open_log(where)
    presented = {path: digest_item(read_small(Path(path))) for path in certificates}
    exits: list[Exit] = []
    shown = 0
    for path in packets:
        if _is_pdf(path):
            message = say(
                en=f"{path!r} is a certificate: want --certificate, and the packet it rests on",
                zh=f"{path!r} 是公证书：请用 --certificate 给出，并给出所依据的证据包",
            )
            raise click.UsageError(message)
        if is_fraud(path):
            claim = read_fraud(path, believed)
            if as_json:
                output.result_json({**claim.to_json(), "path": path})
            else:
                output.result(("\n" if shown else "") + fraud_text(claim, path))
                shown += 1
            exits.append(output.exit_of(claim.outcome))
            continue
        try:
            report = _verify(path, believed, log, required, at_ms, presented, again=rederive)
        except Unavailable as error:
            exits.append(output.refusal(error, path))
            continue
        if cited and short_reference(report) not in ("", cited):
            message = f"want the packet {cited}, got {short_reference(report)}"
            exits.append(output.refusal(Rejected(message), path))
            continue
        if as_json:
            output.result_json({**report.to_json(), "path": path})
        else:
            separator = "\n" if shown else ""
            output.result(separator + verdict_text(report, path, required, articles=articles))
            shown += 1
        for target, to_bytes in writers.items():
            _write(target, to_bytes(report, required))
        exits.append(output.exit_of(report.outcome))
    return output.worst(exits)


def _write(path: Path, page: bytes) -> None:
    """Whole or not at all. Not through a power cut: it can be made again, on any system."""
    # A name that nobody could take before: what lies there is not ours to write to.
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    with refusals(f"write {str(path)!r}"):
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no regular file")
        try:
            with partial.open("xb") as file:
                file.write(page)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _writers(
    html: str | None, pdf: str | None, packets: Sequence[str], read: Sequence[str]
) -> Mapping[Path, Writer]:
    """By file what fills it. Whatever stands in the way is refused before anything is read."""
    writers: dict[Path, Writer] = {}
    if html is not None:
        writers[_target("--html", html, packets, read)] = verdict_html
    if pdf is not None:
        from cli.verdict_pdf import pdf_writer

        target = _target("--pdf", pdf, packets, [*read, *map(str, writers)])
        writers[target] = pdf_writer()
    return writers


def _target(option: str, file: str, packets: Sequence[str], read: Sequence[str]) -> Path:
    """A report of one packet, and never over what is evidence."""
    if len(packets) != 1 or is_fraud(packets[0]):
        message = say(en=f"want exactly one packet with {option}", zh=f"{option} 只用于一个证据包")
        raise click.UsageError(message)
    target = Path(file).resolve()
    if any(target.is_relative_to(Path(path).resolve()) for path in read):
        message = say(
            en=f"want another file than {file!r}: it is in what is checked or written, or is that",
            zh=f"请另选文件：{file!r} 是待核验或另行写入的内容，或者在其之中",
        )
        raise click.BadParameter(message, param_hint=option)
    return target


def _cited(reference: str | None, packets: Sequence[str]) -> str:
    if reference is None:
        return ""
    if len(packets) != 1:
        message = say(
            en="want exactly one packet with --reference", zh="--reference 只用于一个证据包"
        )
        raise click.UsageError(message)
    try:
        return PacketReference.from_text(reference).to_text()
    except Malformed as error:
        raise click.BadParameter(str(error), param_hint="--reference") from None


def _is_pdf(path: str) -> bool:
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(5) == b"%PDF-"


def _verify(
    path: str,
    trust: Trust,
    log: PublicLog | None,
    required: frozenset[Group],
    at_ms: int,
    presented: Mapping[str, ItemDigest],
    *,
    again: bool,
) -> Report:
    packet: PacketSource
    total, rederive = 0, None
    try:
        packet = open_packet(Path(path))
        total = sum(packet.sizes().values())
        rederive = _rederive() if again else None
    except (Malformed, Rejected) as error:
        packet = _Refused(error)
    with output.progress(say(en="reading", zh="读取"), total) as on_bytes:
        return verify_packet(
            packet,
            trust,
            log=log,
            require=required,
            at_ms=at_ms,
            on_bytes=on_bytes,
            certificates=presented,
            rederive=rederive,
        )


def _rederive() -> Rederive:
    from cli.rederiving import rederive

    return rederive


def _time(text: str | None) -> int:
    if text is None:
        # Whole seconds, as the report prints them: --at with what it says gives the same report.
        return time.time_ns() // 1_000_000_000 * 1000
    try:
        return parse_time(text)
    except Malformed as error:
        raise click.BadParameter(str(error), param_hint="--at") from None


def _groups(text: str | None) -> frozenset[Group]:
    if text is None:
        return frozenset()
    names = {group.value: group for group in REQUIRABLE}
    if unknown := [word for word in text.split(",") if word not in names]:
        raise click.BadParameter(
            say(
                en=f"want some of {','.join(names)}, got {unknown[0]!r}",
                zh=f"可用 {','.join(names)}，而不是 {unknown[0]!r}",
            ),
            param_hint="--require",
        )
    return frozenset(names[word] for word in text.split(","))
