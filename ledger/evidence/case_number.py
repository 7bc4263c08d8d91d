"""Case numbers, one spelling per case: 苏城管罚〔2026〕417号.

The year stands between 〔 and 〕 exactly once: it names the year of the case's
series. An agency's templates stand in the register as `苏城管罚〔{year}〕{number}号`;
a look-alike bracket, a full-width digit or a leading zero would be a second series
for one case, so other spellings are refused by ledger and verifier alike.
"""

import re
import unicodedata
from functools import lru_cache

from ledger.encoding import all_visible, clip
from ledger.errors import Malformed, Rejected

MAX_CASE = 64  # characters; the longest in use have about thirty

_YEAR = re.compile(r"〔([12]\d{3})〕", re.ASCII)
_PLAIN = re.compile(r"[\u4e00-\u9fff]+〔[12]\d{3}〕第?[1-9]\d{0,8}号", re.ASCII)
_PLACES = re.compile(r"(\{year\}|\{number\})")


def parse_case(text: str) -> str:
    if not 0 < len(text) <= MAX_CASE or unicodedata.normalize("NFC", text) != text:
        raise Malformed(f"want a case number of at most {MAX_CASE} characters in NFC")
    if not all_visible(text) or " " in text or "/" in text:
        raise Malformed(f"want no spaces, slashes or invisible characters, got {clip(text)!r}")
    if len(_YEAR.findall(text)) != 1 or text.count("〔") != 1 or text.count("〕") != 1:
        raise Malformed(f"want a case number with one year such as 〔2026〕, got {clip(text)!r}")
    return text


def case_year(case: str) -> str:
    match = _YEAR.search(case)
    if match is None:
        raise Malformed(f"no year in case number {clip(case)!r}")
    return match[1]


def parse_template(text: str) -> str:
    if text.count("{year}") != 1 or text.count("{number}") != 1:
        raise Malformed(f"want {{year}} and {{number}} once each, got {clip(text)!r}")
    parse_case(text.replace("{year}", "2026").replace("{number}", "1"))
    return text


def check_spelling(case: str, templates: tuple[str, ...]) -> None:
    """Raises `Rejected` unless the case number is spelled as its agency registered it."""
    if not is_spelled(case, templates):
        raise Rejected(f"case number {case!r} is not spelled as any of {list(templates)}")


def is_spelled(case: str, templates: tuple[str, ...]) -> bool:
    return any(spelling(template).fullmatch(case) for template in templates)


@lru_cache(maxsize=1024)
def spelling(template: str) -> re.Pattern[str]:
    parts = _PLACES.split(template)
    pattern = "".join(
        r"[12]\d{3}" if p == "{year}" else r"[1-9]\d{0,8}" if p == "{number}" else re.escape(p)
        for p in parts
    )
    return re.compile(pattern, re.ASCII)


def is_plain(case: str) -> bool:
    """Only ideographs, ASCII digits and the brackets: no look-alike that paper would not show.

    For a reader who has no registered spelling: 4１７ and 417, or ⼀ (a radical) and 一,
    would be two series for what he takes for one case.
    """
    return _PLAIN.fullmatch(case) is not None
