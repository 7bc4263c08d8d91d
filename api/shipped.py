"""The rule packs that come with the program, read once."""

from functools import cache
from importlib import resources

from ledger.process.rules.rulepack import RulePack

AFTER = "after"  # the pack that judges every case: what follows a decision


@cache
def shipped_packs() -> tuple[RulePack, ...]:
    folder = resources.files("ledger.process") / "packs"
    files = sorted(one.name for one in folder.iterdir() if one.name.endswith(".toml"))
    return tuple(RulePack.from_text((folder / name).read_text("utf-8")) for name in files)


@cache
def shipped_after() -> RulePack:
    return next(pack for pack in shipped_packs() if pack.pack == AFTER)
