"""The texts of a page as our font can show them."""

from typing import Any

from cli.typesetter import characters
from ledger.encoding import printable


class Shown:
    """Of one page: `lacking`, the page's remark on such characters, stands there if there is one.

    A character that the font lacks never stops a page: its code point stands in its place.
    """

    def __init__(self) -> None:
        self._lacking = ""

    def of(self, data: dict[str, Any]) -> dict[str, Any]:
        shown = {name: self._any(value) for name, value in data.items()}
        note = shown["lacking"] + self._lacking if self._lacking else ""
        return {**shown, "lacking": note}

    def _any(self, value: Any) -> Any:
        match value:
            case str():
                return self._text(value)
            case dict():
                return {name: self._any(each) for name, each in value.items()}
            case list() | tuple():
                return [self._any(each) for each in value]
            case _:
                return value

    def _text(self, text: str) -> str:
        text = printable(text)
        if lacking := sorted(set(text) - characters()):
            self._lacking = self._lacking or _code_point(lacking[0])
            text = text.translate({ord(c): _code_point(c) for c in lacking})
        return text


def _code_point(c: str) -> str:
    return f"[U+{ord(c):04X}]"
