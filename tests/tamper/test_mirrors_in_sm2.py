"""What a mirror says with an SM2 key, where nothing computes SM2."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cli.wording import in_chinese
from ledger import sm2
from ledger.report import Group, Outcome, Report
from ledger.tlog.note import Algorithm
from storage.sm2_libcrypto import Libcrypto
from testkit.case import make_case
from testkit.keys import key
from testkit.mirrors import add_statements, trust_mirrors

MIRROR = key("mirror.sm2.example", algorithm=Algorithm.SM2)


@pytest.fixture(autouse=True)
def library_again() -> Iterator[None]:
    yield
    sm2.use(Libcrypto())


@pytest.mark.parametrize("log", [False, True], ids=["no copy of the log", "with a copy"])
@pytest.mark.parametrize("lies", [False, True], ids=["honest", "against the packet"])
def test_a_mirrors_word_in_sm2_passes_nowhere_unchecked(log: bool, lies: bool) -> None:
    """Where it is checked it may fail a packet: no machine without the library passes that."""
    built = trust_mirrors(make_case().build(), MIRROR)
    add_statements(built, MIRROR, lambda f, a: replace(a, found=()) if lies else a)

    def verified() -> Report:
        return built.verify(log=log, require=frozenset())

    wanted = Outcome.FAILED if lies else Outcome.PASSED
    assert verified().groups[Group.COMPLETE] is wanted
    sm2.use(Libcrypto(("libnone.so.9",)))
    report = verified()
    assert report.groups[Group.COMPLETE] is Outcome.UNDECIDED
    told = [f.detail for f in report.findings if f.detail.startswith("not checked: SM2")]
    assert told and "无法计算 SM2" in str(in_chinese(told[0]))
