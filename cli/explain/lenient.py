"""Other people's spellings, read with goodwill. Only for explaining: nothing here decides.

`ledger.encoding` takes one spelling of each value; what stands here takes what is in use
elsewhere. `None` means that it cannot be read at all.
"""

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from typing import Any

from ledger.encoding import MAX_TIME, format_time

MAX_JSON = 16_777_216  # as for JSON of ours: Python takes many times as much to hold it


def text_of(data: bytes) -> str | None:
    """UTF-8 without control characters but tab and line ends."""
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text) else text


def decimal_of(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,20}", text, re.ASCII) else None


def base64_of(text: str) -> bytes | None:
    """Either alphabet, with or without padding, which DSSE allows; stray bits are ignored."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    if not plain.isascii():
        return None
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def json_of(data: bytes) -> Any:
    """Any JSON in any spelling; None also for JSON's own null."""
    if len(data) > MAX_JSON:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def seconds(at: int) -> str:
    """POSIX seconds as a time in China, or the number where no calendar reaches so far."""
    return format_time(at * 1000) if 0 <= at * 1000 <= MAX_TIME else str(at)


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
