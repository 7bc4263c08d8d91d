"""What an unknown file looks like: by its first bytes, or by how its text begins.

The words are in both languages; no more than eight bytes of the file are repeated, enough
for its kind and too few for a secret.
"""

from cli.explain.lenient import json_of, text_of
from cli.language import pick, say
from ledger.encoding import clip
from ledger.report import Bilingual

HEAD = 8

_TEXT: Bilingual = {"en": "plain text", "zh": "普通文本"}
_BINARY: Bilingual = {"en": "binary data of no known form", "zh": "形式不明的二进制数据"}

_BEGINNINGS: tuple[tuple[bytes, Bilingual], ...] = (
    (b"\x89PNG", {"en": "a PNG picture", "zh": "PNG 图片"}),
    (b"\xff\xd8\xff", {"en": "a JPEG picture", "zh": "JPEG 图片"}),
    (b"%PDF-", {"en": "a PDF document", "zh": "PDF 文件"}),
    (b"PK\x03\x04", {"en": "a zip that holds no bag", "zh": "zip 文件（其中没有 BagIt 包）"}),
    (b"\x1f\x8b", {"en": "a file packed with gzip", "zh": "gzip 压缩文件"}),
    (b"SQLite format 3", {"en": "an SQLite database", "zh": "SQLite 数据库"}),
    (b"\x7fELF", {"en": "a program", "zh": "可执行程序"}),
    (b"MZ", {"en": "a program for Windows", "zh": "Windows 程序"}),
    (b"\x00OpenTimestamps", {"en": "an OpenTimestamps proof", "zh": "OpenTimestamps 证明"}),
    (b"\xd2\x84", {"en": "a COSE signature, such as SCITT uses", "zh": "COSE 签名（如 SCITT）"}),
    (b"-----BEGIN PGP", {"en": "an OpenPGP file", "zh": "OpenPGP 文件"}),
    (b"-----BEGIN SSH", {"en": "an SSH signature", "zh": "SSH 签名"}),
    (b"-----BEGIN CERTIFICATE", {"en": "an X.509 certificate", "zh": "X.509 证书"}),
    (b"-----BEGIN", {"en": "a key or signature in PEM", "zh": "PEM 格式的密钥或签名"}),
    (b"untrusted comment:", {"en": "a minisign or signify file", "zh": "minisign/signify 文件"}),
    (b"<", {"en": "XML or HTML", "zh": "XML 或 HTML"}),
    (b"RIFF", {"en": "an AVI or WAV recording", "zh": "AVI/WAV 音视频"}),
    (b"ID3", {"en": "an MP3 recording", "zh": "MP3 音频"}),
)


def nearest(data: bytes) -> str:
    """For a person, in his language."""
    if data[4:8] == b"ftyp":
        return say(en="an MP4 recording", zh="MP4 音视频")
    for begins, words in _BEGINNINGS:
        if data.startswith(begins):
            return pick(words)
    if data[:1] in (b"{", b"["):
        return _json(data)
    if data[:1] == b"\x30" and data[1:2] >= b"\x80":
        return say(
            en="ASN.1 in DER, such as a certificate, and no time stamp that can be read",
            zh="DER 编码的 ASN.1（如证书），但不是可读取的时间戳",
        )
    text = text_of(data)
    if text is None:
        return pick(_tile_size(data) or _BINARY)
    return pick(_TEXT)


def _json(data: bytes) -> str:
    value = json_of(data)
    if isinstance(value, dict):
        names = clip(", ".join(sorted(value)), 200)
        return say(en=f"JSON with the fields {names!r}", zh=f"JSON，字段为 {names!r}")
    if value is None:
        return say(en="JSON that is damaged or cut short", zh="已损坏或不完整的 JSON")
    return say(en="JSON", zh="JSON")


def _tile_size(data: bytes) -> Bilingual | None:
    if len(data) % 32 or not 0 < len(data) <= 8192:
        return None
    count = len(data) // 32
    return {
        "en": f"{count} hashes, a tile perhaps: those are known by their path, such as tile/0/000",
        "zh": f"{count} 个哈希，或为瓦片：瓦片只能由其路径（如 tile/0/000）识别",
    }
