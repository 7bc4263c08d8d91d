"""`tiezheng party-receipt`: whether what a party was promised is there."""

from collections.abc import Iterator
from pathlib import Path

import click

from cli import output
from cli.command import argument, json_option, option, trust_option
from cli.command import command as new_command
from cli.files import read_secret
from cli.language import say
from cli.output import Exit
from cli.trust import open_trust
from ledger.encoding import format_time, printable
from ledger.errors import Unknown
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import PacketSource
from ledger.evidence.party_receipt import Answer, PartyReceipt, answer
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust
from ledger.report import Group, Outcome
from ledger.tlog.note import VerifierKey
from ledger.verify import verify_packet
from storage.packets import open_packet


@new_command(
    "party-receipt",
    words={
        "en": "Ask a packet, or a ledger, for what a party's receipt promises.\n\n"
        "RECEIPT is the text of the QR code on the paper (TZ1.…), or a file that holds\n"
        "it. With --packet: the packet is verified, and each recording of the receipt\n"
        "is present in it, byte for byte, or missing. With --server: whether the\n"
        "ledger says that the session in which they were found is logged.\n\n"
        "Exit code: 0 all present, 1 something is missing or the signature is not the\n"
        "station's, 3 undecided: a packet of another case, or one not verified.",
        "zh": "按当事人回执向证据包或账本查询。\n\n"
        "RECEIPT 为回执二维码的文字（TZ1.…），或存有该文字的文件。--packet：先核验证据包，\n"
        "再逐一说明回执所列录像在其中（逐字节一致）还是缺失。--server：账本是否称发现这些录像的\n"
        "设备会话已入日志（仅为其陈述，未附证明）。\n\n"
        "退出码：0 全部在内，1 有缺失或签名不是采集站的，\n"
        "3 不能判定（其他案件的证据包，或核验未通过）。",
    },
    example="tiezheng party-receipt TZ1.AEBAGB… --packet packet.zip --trust trust/",
)
@argument(
    "receipt",
    metavar="RECEIPT",
    words={"en": "the code's text, or a file with it", "zh": "二维码文字，或存有它的文件"},
)
@option(
    "--packet",
    metavar="PACKET",
    words={"en": "the packet of the case", "zh": "该案证据包"},
)
@trust_option()
@option(
    "--key",
    metavar="VKEY",
    words={
        "en": "the station's public key; by default the one registered in the packet",
        "zh": "采集站公钥；缺省取证据包中登记的公钥",
    },
)
@option(
    "--server",
    metavar="URL",
    words={"en": "a ledger to ask for the session", "zh": "要查询的账本地址"},
)
@json_option()
def command(
    receipt: str, packet: str | None, trust: str, key: str | None, server: str | None, as_json: bool
) -> Exit:
    if packet is None and server is None:
        raise click.UsageError(
            say(en="want --packet or --server", zh="请给出 --packet 或 --server")
        )
    paper = _read(receipt)
    believed = open_trust(trust)
    stated = [] if packet is None else _verified(packet, believed)
    if stated is None:
        output.note(
            say(
                en="the packet is not verified, so it answers nothing: run tiezheng verify on it",
                zh="证据包未通过核验，不能据以回答：请先运行 tiezheng verify",
            )
        )
        return Exit.UNDECIDED
    signature = _signature(paper, stated, key)
    found = None if packet is None else answer(paper, stated)
    logged = None if server is None else _logged(paper, server)
    _show(paper, signature, found, logged, as_json)
    return output.worst(_exits(signature, found, logged))


def _read(text: str) -> PartyReceipt:
    """Scanners add a line feed, and some people a space."""
    if not text.startswith("TZ1."):
        text = read_secret(text)
    return PartyReceipt.from_text(text.strip())


def _verified(path: str, trust: Trust) -> list[Statement] | None:
    """The statements of a packet; None if its integrity does not pass."""
    source = open_packet(Path(path))
    with output.progress(say(en="reading", zh="读取"), sum(source.sizes().values())) as on_bytes:
        report = verify_packet(source, trust, on_bytes=on_bytes)
    if report.groups[Group.INTEGRITY] is not Outcome.PASSED:
        return None
    return list(_statements(source))


def _statements(source: PacketSource) -> Iterator[Statement]:
    for path in source.sizes():
        if path.startswith("data/statements/") and path.endswith(".dsse.json"):
            data = b"".join(bytes(piece) for piece in source.stream(path))
            yield Statement.from_bytes(Envelope.from_bytes(data).payload)


def _signature(paper: PartyReceipt, stated: list[Statement], given: str | None) -> str:
    """The keyid of the station that signed it, or what is wrong."""
    if given is not None:
        keys = [VerifierKey.from_text(given)]
    else:
        registered = [s.predicate for s in stated if s.predicate.get("role") == "station"]
        keys = [VerifierKey.from_text(predicate["key"]) for predicate in registered]
    for key in keys:
        if key.key_id == paper.key_id or given is not None:
            paper.check_signature(key)
            return key.keyid
    return ""


def _logged(paper: PartyReceipt, server: str) -> str:
    """Where the session stands in the log; empty if it does not."""
    from cli.remote import open_client

    try:
        found = open_client(server).receipt(paper.session)
    except Unknown:
        return ""
    return f"{found['log']}-{found['index']}"


def _exits(signature: str, found: Answer | None, logged: str | None) -> list[Exit]:
    exits = [Exit.DONE if signature else Exit.UNDECIDED]
    if found is not None:
        missing = Exit.FAILED if found.missing else Exit.DONE
        exits.append(missing if found.fits else Exit.UNDECIDED)
    if logged is not None:
        exits.append(Exit.DONE if logged else Exit.FAILED)
    return exits


def _show(
    paper: PartyReceipt, signature: str, found: Answer | None, logged: str | None, as_json: bool
) -> None:
    start, end = format_time(paper.begins_s * 1000), format_time(paper.ends_s * 1000)
    if as_json:
        fields = {"from": start, "session": paper.session, "signed_by": signature, "to": end}
        if found is not None:
            fields |= {"fits": "yes" if found.fits else "no", "missing": str(found.missing)}
            output.result_json({**fields, "logged": logged or "", "present": list(found.present)})
        else:
            output.result_json({**fields, "logged": logged or ""})
        return
    output.result(say(en=f"recorded from {start} to {end}", zh=f"录制时间：{start} 至 {end}"))
    output.result(
        say(en=f"signed by the station {signature}", zh=f"由采集站 {signature} 签名")
        if signature
        else say(
            en="the station's key is not at hand: give it with --key",
            zh="没有采集站公钥：请用 --key 给出",
        )
    )
    if found is not None:
        _show_packet(found)
    if logged is not None:
        output.result(
            # The entry does not show whose it is without the salt, which is in the packet.
            say(
                en=f"the ledger says, without proof, that the session is logged at {logged}",
                zh=f"账本称设备会话已入日志：{logged}（未附证明）",
            )
            if logged
            else say(
                en="MISSING: the session is not in this ledger's log",
                zh="缺失：该账本日志中没有这次设备会话",
            )
        )


def _show_packet(found: Answer) -> None:
    if not found.fits:
        output.result(
            say(
                en="this packet is not of the receipt's case and device",
                zh="该证据包不属于回执所指案件与设备",
            )
        )
        return
    for name in found.present:
        shown = printable(name)
        output.result(say(en=f"present: {shown}", zh=f"在内：{shown}"))
    if found.missing:
        output.result(
            say(
                en=f"MISSING: {found.missing} of {found.missing + len(found.present)} recordings",
                zh=f"缺失：{found.missing + len(found.present)} 段录像中缺 {found.missing} 段",
            )
        )
