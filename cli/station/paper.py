"""The paper itself: a party's receipt as a page to print, as the bare code, and on a terminal.

The code is drawn by segno. The page is in both languages, whoever prints it; it names the
station and the times, as the code does, and no party, case or device.
"""

import io
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from cli.language import say
from ledger.encoding import in_china
from ledger.errors import Rejected
from ledger.evidence.party_receipt import PartyReceipt
from storage.durable import PRIVATE_FILE, write_file

KINDS = (".svg", ".png", ".txt")
WIDTH, HEIGHT, CODE = 148, 210, 92  # millimetres, of A5 and of the code
FONTS = "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','WenQuanYi Zen Hei',sans-serif"


def check_kind(path: str) -> None:
    """Raises `Rejected` for a file that is none of those that can be drawn."""
    if Path(path).suffix not in KINDS:
        raise Rejected(f"want a file that ends in {', '.join(KINDS)}, got {path!r}")


def names(target: str, count: int) -> list[str]:
    """One file for each paper: `a.svg`, or `a-1.svg` and so on; empty names without a `target`."""
    if not target or count == 1:
        return [target] * count
    path = Path(target)
    return [str(path.with_name(f"{path.stem}-{n}{path.suffix}")) for n in range(1, count + 1)]


def write_paper(path: Path, receipt: PartyReceipt, station: str) -> None:
    """`.svg` is the page, `.png` the code alone, `.txt` its text, as a scanner reads it."""
    match path.suffix:
        case ".svg":
            data = page(receipt, station).encode()
        case ".png":
            out = io.BytesIO()
            _code(receipt).save(out, kind="png", scale=8, border=4)
            data = out.getvalue()
        case _:
            data = f"{receipt.to_text()}\n".encode()
    write_file(path, data, mode=PRIVATE_FILE)


def terminal(receipt: PartyReceipt) -> str:
    """Two modules a character. The paper is white on a dark terminal, and scanners take either."""
    rows = [list(row) for row in _code(receipt).matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    return "\n".join(
        "".join(blocks[bool(above), bool(below)] for above, below in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )


def span_text(receipt: PartyReceipt) -> str:
    start, end = in_china(receipt.begins_s * 1000), in_china(receipt.ends_s * 1000)
    until = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{start:%Y-%m-%d %H:%M:%S} – {until} (UTC+8)"


def lines(receipt: PartyReceipt, station: str) -> list[str]:
    """For a screen, in one language."""
    count, span = len(receipt.recordings), span_text(receipt)
    return [
        say(en=f"station: {station}", zh=f"采集站：{station}"),
        say(en=f"recorded: {span}", zh=f"录制时间：{span}"),
        say(en=f"recordings: {count}", zh=f"录像数：{count}"),
    ]


def page(receipt: PartyReceipt, station: str) -> str:
    """An A5 sheet, black on white."""
    code = _code(receipt).svg_inline(omitsize=True, border=4)
    count, span = len(receipt.recordings), span_text(receipt)
    texts = [
        (14, 6.5, "执法记录当事人回执"),
        (20.5, 4, "Receipt for the party of a recording"),
        (127, 4, f"采集站 Station: {station}"),
        (133, 4, f"录制时间 Recorded: {span}"),
        (139, 4, f"录像数 Recordings: {count}"),
        (149, 3.5, "采集站以签名确认：在上述时间内的这些录像已存在并已被读取。"),
        (154, 3.5, "请保存本回执。日后可凭本回执查询这些录像是否在案件证据包中，是否被改动。"),
        (159, 3.5, "查询：扫描二维码得到以 TZ1. 开头的文字，交法院、公证处或代理人运行："),
        (169, 3.2, "The station signs that it found these recordings and has read them."),
        (173.5, 3.2, "Keep it. It shows later whether the packet of the case has them, unaltered."),
        (178, 3.2, "To check: scan the code, and let a court, a notary or your counsel run"),
        (186, 3.2, "tiezheng party-receipt TZ1.… --packet packet.zip --trust trust/"),
        (196, 2.8, "码中无当事人姓名、案号、设备号。The code names no party, case or device."),
    ]  # fmt: skip
    rows = "\n".join(
        f'<text x="{WIDTH / 2}" y="{y}" font-size="{size}">{escape(text)}</text>'
        for y, size, text in texts
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}mm" height="{HEIGHT}mm"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
        f'<svg x="{(WIDTH - CODE) / 2}" y="26" width="{CODE}" height="{CODE}">{code}</svg>\n'
        f'<g font-family="{FONTS}" text-anchor="middle" fill="#000">\n{rows}\n</g>\n</svg>\n'
    )


def _code(receipt: PartyReceipt) -> Any:
    import segno

    # Level M stands a crease or a stain; the text needs no more than a code's alphanumeric mode.
    return segno.make(receipt.to_text(), micro=False, error="m", boost_error=False)
