"""Keys of the trust folder that were stolen: what the register says of them, and the verdict.

Each drill is the packet that is made after the theft was registered.
"""

from collections.abc import Callable, Sequence

import pytest

from cli.verdict import verdict_text
from cli.wording import in_chinese
from ledger.evidence.statement import Role
from ledger.report import Finding, Outcome, Report
from ledger.tlog.signing_key import SigningKey
from ledger.verdict.withdrawn import Withdrawal
from testkit.case import (
    ARCHIVE,
    COURT,
    DECIDED,
    FILED,
    LEDGER,
    LOG,
    NOTARY,
    REGISTRAR,
    Built,
    Case,
    Draft,
    decision,
    make_case,
    registration,
)
from testkit.keys import cosigner, key
from testkit.ledgers_word import read, state
from testkit.mirrors import MIRROR, OTHER_MIRROR, add_statements, trust_mirrors
from testkit.notarial import PDF, issued, registrations

TOLD = DECIDED + 86_400
BETWEEN = "2026-11-24T00:00:00+08:00"  # the items were seen before, the decision after
EARLIER = "2026-11-21T00:00:00+08:00"  # only the registrations were seen before
ROLES = {"log": LOG, "cosigner": NOTARY, "registrar": REGISTRAR}


def theft(role: str, signer: SigningKey, since: str = BETWEEN) -> Draft:
    more = {"compromised_since": since} if since else {}
    draft = registration(50, signer, role, draft="theft", revoked="被盗", **more)
    draft.batch = 3
    return draft


def told(
    role: str, signer: SigningKey, since: str = BETWEEN, made: Callable[[], Case] = make_case
) -> Case:
    case = made()
    case.batches.append(TOLD)
    case.add(theft(role, signer, since))
    return case


def undecided_places(report: Report, *words: str) -> set[str]:
    found = [f for f in report.findings if f.outcome is Outcome.UNDECIDED]
    return {f.about for f in found if any(word in f.detail for word in words)}


def of(built: Built, *names: str) -> set[str]:
    return {built.place(name).to_text() for name in names}


NO_QUORUM = "no quorum had seen it"
OLD = ("opening", "agency", "video", "photo", "record")
LATE = ("decision", "correction")


def test_with_a_stolen_log_key_what_was_seen_before_stands_and_nothing_after() -> None:
    built = told("log", LOG).build()
    report = built.verify(require=frozenset())
    assert report.outcome is Outcome.UNDECIDED
    assert undecided_places(report, NO_QUORUM) == of(built, *LATE)
    assert undecided_places(report, "the checkpoint has no quorum") == {"2026"}


def test_who_read_the_case_after_the_theft_lowers_nothing_and_is_seen_by_nobody() -> None:
    case = told("log", LOG)
    case.add(registration(4, LEDGER, "ledger"), after="agency")
    case.add(read(60, batch=3))
    case.add(state(number=61, batch=3))
    built = case.build()
    report = built.verify(require=frozenset())
    assert undecided_places(report, NO_QUORUM) == of(built, *LATE)
    rows = (*report.facts.custody, *report.facts.state)
    assert [row["fixed_by"] for row in rows] == ["", ""]
    text = verdict_text(report, "packet.zip", frozenset())
    assert text.count("which no quorum that counts has seen") == 2


def test_a_second_that_was_not_over_before_the_theft_does_not_count() -> None:
    gone = Withdrawal((0, 9), Role.LOG, "log", b"", since_ms=10_500)
    assert [gone.before(at) for at in (None, 9, 10)] == [False, True, False]


def test_cosignatures_of_a_stolen_key_do_not_count_after_its_theft() -> None:
    built = told("cosigner", NOTARY).build()  # of three, notary and court have signed
    report = built.verify(require=frozenset())
    assert report.outcome is Outcome.UNDECIDED
    assert undecided_places(report, NO_QUORUM) == of(built, *LATE)


def test_a_checkpoint_that_a_signer_had_checked_has_no_time_from_a_stolen_key() -> None:
    def not_before(case: Case) -> str:
        files = case.build().files
        path = "data/proofs/2026-0@4.tlog-proof"  # to the tree of the first batch
        origin, size, root, _ = files[path].decode().partition("\n\n")[2].split("\n", 3)
        case.draft("photo").predicate |= {"after": {"origin": origin, "root": root, "size": size}}
        items = case.build().verify(require=frozenset()).facts.items
        return next(item.not_before for item in items if item.name == "photo.jpg")

    assert not_before(make_case())
    assert not not_before(told("log", LOG, "2026-01-01T00:00:00+08:00"))


def test_the_quorum_of_the_others_goes_on() -> None:
    case = told("cosigner", NOTARY)

    def all_three(size: int, at: int) -> Sequence[tuple[SigningKey, int]]:
        return [(NOTARY, at), (COURT, at + 1), (ARCHIVE, at + 2)]

    case.cosign = all_three
    assert case.build().verify().outcome is Outcome.PASSED


def test_what_the_registrars_thief_registered_is_undecided_and_the_rest_stands() -> None:
    case = told("registrar", REGISTRAR)
    forged = registration(51, SigningKey("x.example", LOG.algorithm, b"7" * 32), "handler")
    forged.batch = 2
    case.drafts.insert(-1, forged)
    built = case.build()
    report = built.verify(require=frozenset())
    assert report.outcome is Outcome.UNDECIDED
    assert undecided_places(report, "registrar's key no longer") == of(built, "key:x.example")


THIEF = key("thief.example")


@pytest.mark.parametrize("hidden", [False, True], ids=["all proofs", "one left out"])
def test_no_proof_left_out_moves_the_moment_of_a_revocation(hidden: bool) -> None:
    """The operator packs: without the early proof the revocation would be as of the last tree."""
    case = told("registrar", REGISTRAR, "")
    case.batches += [TOLD + 86_400, TOLD + 200 * 86_400]
    forged = registration(51, THIEF, "handler", draft="thief")
    forged.batch = 4
    case.add(forged)
    case.add(decision("late", 90, batch=5))
    if hidden:
        case.proof_batches = lambda row: [] if row.draft.name == "theft" else [row.draft.batch]
    built = case.build()
    report = built.verify(require=frozenset())
    assert report.outcome is Outcome.UNDECIDED
    (when,) = [f.detail for f in report.findings if "does not count since" in f.detail]
    assert when.endswith("2026-12-01T11:00:00+08:00")
    assert undecided_places(report, "registered when the registrar") == of(built, "thief")


@pytest.mark.parametrize("role", ROLES)
def test_a_cosignature_of_the_far_future_moves_nothing_and_ends_no_verdict(role: str) -> None:
    case = told(role, ROLES[role], "")
    last = case.batches[-1]
    case.cosign = lambda size, at: [(NOTARY, 2**62 if at >= last else at), (COURT, at)]
    report = case.build().verify(require=frozenset())
    (when,) = [f.detail for f in report.findings if "does not count since" in f.detail]
    assert when.endswith("2026-12-01T11:00:00+08:00")
    assert {f.about for f in report.findings if f.outcome is Outcome.FAILED} == set()


def test_without_a_forgery_a_stolen_registrars_key_changes_nothing() -> None:
    assert told("registrar", REGISTRAR).build().verify().outcome is Outcome.PASSED


@pytest.mark.parametrize("role", ROLES)
def test_the_verdict_names_the_key_and_since_when(role: str) -> None:
    built = told(role, ROLES[role]).build()
    report = built.verify(require=frozenset())
    (found,) = (f for f in report.findings if "does not count since" in f.detail)
    assert found.about == built.place("theft").to_text()
    assert ROLES[role].verifier.keyid in found.detail and BETWEEN in found.detail
    chinese = in_chinese(found.detail)
    assert chinese is not None and "不再算数" in chinese


@pytest.mark.parametrize("role", ROLES)
def test_yesterdays_packet_has_yesterdays_verdict(role: str) -> None:
    built = told(role, ROLES[role]).build()
    assert built.verify(require=frozenset()).outcome is not Outcome.FAILED
    assert make_case().build().verify().outcome is Outcome.PASSED


@pytest.mark.parametrize("since", ["", "2026-12-31T00:00:00+08:00"])
@pytest.mark.parametrize("role", ["cosigner", "registrar"])
def test_a_revocation_without_a_theft_reaches_nothing_before_it(role: str, since: str) -> None:
    built = told(role, ROLES[role], since).build()
    report = built.verify(require=frozenset())
    assert not undecided_places(report, NO_QUORUM, "registrar's key no longer")


@pytest.mark.parametrize("role", ROLES)
def test_a_key_that_the_folder_does_not_hold_changes_nothing(role: str) -> None:
    name = "other.example"
    other = cosigner(name) if role == "cosigner" else SigningKey(name, LOG.algorithm, b"8" * 32)
    report = told(role, other, EARLIER).build().verify()
    assert report.outcome is Outcome.PASSED
    assert not [f for f in report.findings if "does not count" in f.detail]


@pytest.mark.parametrize("since", ["", EARLIER, BETWEEN])
@pytest.mark.parametrize("role", ROLES)
def test_a_withdrawal_takes_no_doubt_away(role: str, since: str) -> None:
    """The registrar may be the operator: whatever he revokes, nothing bad becomes good."""

    def doubts(case: Case) -> set[tuple[str, str]]:
        findings = case.build().verify(require=frozenset()).findings
        return {(f.step, f.about) for f in findings if f.outcome is not Outcome.PASSED}

    def backdated(case: Case) -> Case:
        # The notary saw all of it long before the ledger says that it accepted it.
        def cosign(size: int, at: int) -> Sequence[tuple[SigningKey, int]]:
            early = FILED - 172_800
            return [(NOTARY, early), (COURT, early + 1), (ARCHIVE, at)]

        case.cosign = cosign
        return case

    plain = make_case()
    plain.batches.append(TOLD)
    quiet = registration(50, SigningKey("q.example", LOG.algorithm, b"6" * 32), "log")
    quiet.name, quiet.batch = "theft", 3
    plain.add(quiet)
    before = doubts(backdated(plain))
    assert before
    assert before <= doubts(backdated(told(role, ROLES[role], since)))


def see_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


def with_certificate() -> Case:
    case = make_case()
    case.drafts[4:4] = registrations()
    case.add(issued())
    return case


@pytest.mark.parametrize("role", ["log", "cosigner"])
def test_no_certificate_is_unrevoked_by_a_log_of_today_that_a_thief_may_have_signed(
    monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    see_short(monkeypatch)
    built = told(role, ROLES[role], made=with_certificate).build()
    built.files["data/certificates/01.pdf"] = PDF
    (found,) = (f for f in built.verify(require=frozenset()).findings if f.step == "revoked")
    assert found.outcome is Outcome.UNDECIDED and "has no quorum" in found.detail


def by_mirrors(case: Case, *mirrors: SigningKey) -> Built:
    """With a certificate, and a statement of each of `mirrors` about each series."""
    built = trust_mirrors(case.build(), MIRROR, OTHER_MIRROR)
    built.files["data/certificates/01.pdf"] = PDF
    for mirror in mirrors:
        add_statements(built, mirror)
    return built


def leaning_on_mirrors(built: Built) -> dict[str, list[Finding]]:
    findings = built.verify(log=False, require=frozenset()).findings
    return {s: [f for f in findings if f.step == s] for s in ("complete", "revoked")}


FUTURE = "2027-12-31T00:00:00+08:00"


@pytest.mark.parametrize("since", ["", BETWEEN, FUTURE])
def test_a_withdrawn_mirror_vouches_for_nothing_whenever_it_was(
    monkeypatch: pytest.MonkeyPatch, since: str
) -> None:
    see_short(monkeypatch)
    case = told("mirror", MIRROR, since, with_certificate)
    for step, found in leaning_on_mirrors(by_mirrors(case, MIRROR)).items():
        assert {f.outcome for f in found} == {Outcome.UNDECIDED}, step
    details = [f.detail for f in leaning_on_mirrors(by_mirrors(case, MIRROR))["complete"]]
    withdrawn = f"the key of {MIRROR.name} was withdrawn: it vouches for nothing"
    assert withdrawn in details
    assert "已不算数" in (in_chinese(withdrawn) or "")
    # Another one that is trusted suffices, as it did before.
    for step, found in leaning_on_mirrors(by_mirrors(case, MIRROR, OTHER_MIRROR)).items():
        assert {f.outcome for f in found} == {Outcome.PASSED}, step
        assert all(MIRROR.name not in f.detail for f in found)


def test_the_registrar_silences_no_mirror_that_tells_of_a_statement_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    see_short(monkeypatch)
    case = told("mirror", MIRROR)
    case.draft("correction").packed = False
    found = leaning_on_mirrors(by_mirrors(case, MIRROR))["complete"]
    assert any(f.outcome is Outcome.FAILED and "which is not shown" in f.detail for f in found)
