"""In place of `cryptography` where there is none: it can be imported, and computes nothing.

Each name in it is a class, of exceptions too, since the verifier names some of them to
catch. While modules are being imported a call gives the class itself; afterwards it
raises `Uncomputed`, and the verdict says that nothing was checked.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ledger.errors import Uncomputed

PACKAGE = "cryptography"


class _Name(type):
    importing = True

    def __getattr__(cls, name: str) -> "_Name":
        return _name(name)

    def __call__(cls, *args: Any, **settings: Any) -> Any:
        if _Name.importing:
            return cls
        raise Uncomputed(
            f"want the Python package {PACKAGE}, which fits no part of this file, and is not "
            "installed here or too old"
        )


class _Module(ModuleType):
    def __getattr__(self, name: str) -> _Name:
        return _name(name)


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.split(".")[0] != PACKAGE:
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def stand_in() -> None:
    """From now on; what was imported of a real one that would not do is forgotten."""
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder())


def all_imported() -> None:
    _Name.importing = False


def _name(name: str) -> _Name:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Name(name, (Exception,), {})
