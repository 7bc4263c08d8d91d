"""What an explanation is made of. Its kinds and names are stable; `words` has their words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cli.explain.words import KINDS
from cli.language import pick, say
from ledger.errors import Malformed

MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class Field:
    """A named value as it stands in the file; `parts` are fields of the thing that it names."""

    name: str
    value: str
    parts: tuple["Field", ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    kind: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """`path` is absolute, with `/`: tiles of hashes have no form and are known by it alone."""

    path: str
    data: bytes

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


# None: not of this kind. `Malformed`: of this kind, and too damaged to say what it says.
Recogniser = Callable[[File], Explained | None]


def fields(*pairs: tuple[str, object]) -> tuple[Field, ...]:
    """A field for each pair whose value is not None."""
    return tuple(Field(name, str(value)) for name, value in pairs if value is not None)


def listed(name: str, values: Iterable[str], more: str = "more") -> tuple[Field, ...]:
    """A field for each of the first values, then one that counts the rest."""
    values = list(values)
    shown = [Field(name, value) for value in values[:MAX_LISTED]]
    if len(values) > MAX_LISTED:
        shown.append(Field(more, str(len(values) - MAX_LISTED)))
    return tuple(shown)


def almost(kind: str, reason: str) -> Malformed:
    """The refusal of something that is nearly of this kind."""
    what = pick(KINDS[kind].what)
    return Malformed(
        say(
            en=f"not a format that this program knows; nearest is {what}; but {reason}",
            zh=f"不是本程序所知的格式；最接近的是“{what}”；但 {reason}",
        )
    )


def refuse(error: OSError) -> None:
    """For `os.walk`, which would pass over a folder that it cannot read."""
    raise error
