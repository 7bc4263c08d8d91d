"""A process that dies at one step of many, before or after its effect, and does nothing more."""

from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    pass


class Death:
    """The process dies at one step, before or after its effect, and then does nothing more."""

    def __init__(self, nth: int, *, done: bool) -> None:
        self.calls: list[str] = []
        self._nth, self._done = nth, done
        self.dead = False

    def step(self, name: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if self.dead:
            raise Killed
        self.calls.append(name)
        last = len(self.calls) - 1 == self._nth
        if last and not self._done:
            self.dead = True
            raise Killed
        result = call(*args, **more)
        if last:
            self.dead = True
            raise Killed
        return result


class Mortal:
    """An adapter whose named methods are steps; what `begin` gives is one too."""

    def __init__(self, inner: Any, death: Death, *names: str) -> None:
        self._inner, self._death, self._names = inner, death, names

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        if name in self._names:
            if name.startswith("begin"):
                return lambda *args: self._wrapped(self._death.step(name, call, *args))
            return lambda *args, **more: self._death.step(name, call, *args, **more)
        if self._death.dead:
            raise Killed
        return call

    def _wrapped(self, writer: Any) -> "Mortal":
        return Mortal(writer, self._death, "write", "commit")
