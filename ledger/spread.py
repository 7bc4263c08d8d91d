"""Work that may be shared out among cores; the core does not know how."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Spread(Protocol):
    """`map`, perhaps on several cores: results in order, and it raises what `work` raises."""

    def __call__(self, work: Callable[[T], R], values: Sequence[T], /) -> Iterable[R]: ...
