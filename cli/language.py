"""Everything a person reads is in Chinese and English: the one asked for, else the locale's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from ledger.report import Bilingual

LANGUAGES = ("zh", "en")

_language: ContextVar[str] = ContextVar("language", default="en")


def choose(args: Sequence[str], environ: Mapping[str, str]) -> None:
    """Before anything is parsed, so that the refusal of a bad option is in it too."""
    _language.set(_asked(args) or _of_locale(environ))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """For what is written in both, such as a page for whoever finds it."""
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def language() -> str:
    return _language.get()


def pick(words: Bilingual) -> str:
    return words[language()]


def say(*, en: str, zh: str) -> str:
    return zh if language() == "zh" else en


def _asked(args: Sequence[str]) -> str:
    asked = ""
    for i, arg in enumerate(args):
        if arg == "--":
            break
        if arg == "--lang":
            arg = "--lang=" + "".join(args[i + 1 : i + 2])
        if arg.startswith("--lang=") and arg.removeprefix("--lang=") in LANGUAGES:
            asked = arg.removeprefix("--lang=")
    return asked


def _of_locale(environ: Mapping[str, str]) -> str:
    """POSIX: the first of the three that is set and not empty counts."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if locale := environ.get(name):
            return "zh" if locale.startswith("zh") else "en"
    return "en"
