"""Two suites in one packet: what the trust folder's `suites` makes of it, and who strips one."""

from collections.abc import Iterator

import pytest

from ledger import sm2
from ledger.evidence.chunks import ItemHasher
from ledger.report import Outcome, Report
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey
from storage.sm2_libcrypto import Libcrypto
from testkit.case import (
    HANDLER,
    REGISTRAR,
    STATION,
    Built,
    Case,
    make_case,
    registration,
    text_subject,
)
from testkit.keys import key

SECOND = {
    signer: key(f"{signer.name}/sm2", algorithm=Algorithm.SM2) for signer in (STATION, HANDLER)
}
REGISTRAR_SM2 = key("registrar.example/sm2", algorithm=Algorithm.SM2)


def sm3(data: bytes) -> str:
    hasher = ItemHasher(sm3=True)
    hasher.update(data)
    return hasher.finish().sm3.hex()


def two_suites(*, registrar: SigningKey = REGISTRAR, first: bool = True) -> Case:
    """Every person signs with both keys, or with that of SM2 alone; every item has both digests."""
    case = make_case()
    for number, (role, signer) in enumerate((("station", STATION), ("handler", HANDLER)), 40):
        more = {"person": signer.name}
        case.add(registration(number, SECOND[signer], role, **more), after="agency")
    for draft in case.drafts:
        if draft.kind == "register":
            draft.signers = (registrar,)
            continue
        given = [(k, SECOND[k]) if first else (SECOND[k],) for k in draft.signers]
        draft.signers = tuple(k for keys in given for k in keys)
        for subject, item in zip(draft.subject, draft.items, strict=bool(draft.items)):
            subject["digest"]["sm3"] = sm3(item)
    text = registrar.verifier.to_text()
    case.registrar = registrar.verifier
    opening = case.draft("opening")
    opening.predicate["registrar"] = text
    opening.subject = [text_subject("trust/registrar.vkey", text)]
    return case


def verified(built: Built, suites: bytes = b"") -> Report:
    if suites:
        built.trust_files["suites"] = suites
    return built.verify()


def told(report: Report, outcome: Outcome) -> str:
    return "\n".join(
        f"{f.about} {f.detail}"
        for f in report.findings
        if f.outcome is outcome and f.step != "particulars"
    )


def relogged(case: Case) -> Case:
    """A correction commits to the envelope it corrects, whose signatures differ each time."""
    case.drafts = [draft for draft in case.drafts if draft.name != "correction"]
    return case


@pytest.mark.parametrize("first", [True, False])
def test_without_a_file_every_suite_counts(first: bool) -> None:
    report = verified(relogged(two_suites(first=first)).build())
    assert report.outcome is Outcome.PASSED
    assert SECOND[STATION].verifier.fingerprint in report.facts.items[0].signed_by


@pytest.mark.parametrize(
    "suites",
    [
        b"require sha256 sm3 ed25519 sm2\n",
        b"distrust sha256 ed25519\n",
        b"require sm3 sm2\ndistrust sha256 ed25519\n",
    ],
)
def test_either_suite_alone_passes_where_the_folder_says_so(suites: bytes) -> None:
    report = verified(relogged(two_suites(registrar=REGISTRAR_SM2)).build(), suites)
    assert report.outcome is Outcome.PASSED
    assert "place and time rest on the log's own SHA-256" in told(report, Outcome.PASSED)


def test_the_other_suite_alone_passes_where_the_folder_says_so() -> None:
    report = verified(relogged(two_suites()).build(), b"distrust sm3 sm2\n")
    assert report.outcome is Outcome.PASSED


def test_a_register_in_a_distrusted_suite_is_undecided_and_nothing_else_is() -> None:
    report = verified(relogged(two_suites()).build(), b"distrust sha256 ed25519\n")
    assert report.outcome is Outcome.UNDECIDED
    assert told(report, Outcome.UNDECIDED) == (
        "trust/suites the registrar signs in a suite that your trust folder distrusts: ed25519"
    )


@pytest.mark.parametrize("suites", [b"distrust sm3\n", b"distrust sm2\n", b"require sha256\n"])
def test_a_case_in_the_first_suite_passes_where_only_the_second_is_distrusted(
    suites: bytes,
) -> None:
    assert verified(make_case().build(), suites).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("suites", "why"),
    [
        (b"distrust sha256\n", "only in a suite that your trust folder distrusts: sha256"),
        (b"distrust ed25519\n", "only in a suite that your trust folder distrusts: ed25519"),
    ],
)
def test_what_stands_in_a_distrusted_suite_alone_is_undecided(suites: bytes, why: str) -> None:
    report = verified(make_case().build(), suites)
    assert report.outcome is Outcome.UNDECIDED
    assert why in told(report, Outcome.UNDECIDED)
    assert not told(report, Outcome.FAILED)


@pytest.mark.parametrize(
    ("suites", "why"),
    [
        (b"require sm3\n", "want a sm3 digest, as your trust folder requires"),
        (b"require sm2\n", "want a sm2 signature by 'station-07.example'"),
    ],
)
def test_a_required_suite_that_is_missing_fails(suites: bytes, why: str) -> None:
    report = verified(make_case().build(), suites)
    assert report.outcome is Outcome.FAILED
    assert why in told(report, Outcome.FAILED)


def test_an_operator_who_strips_one_suite_before_logging_fails_where_it_is_required() -> None:
    case = relogged(two_suites())
    case.draft("photo").signers = (STATION,)
    assert verified(case.build()).outcome is Outcome.PASSED
    assert verified(case.build(), b"require sm2\n").outcome is Outcome.FAILED


def test_one_wrong_signature_of_two_fails() -> None:
    case = relogged(two_suites())
    thief = key(SECOND[STATION].name, "thief", Algorithm.SM2)
    case.draft("photo").signers = (STATION, thief)
    assert verified(case.build()).outcome is Outcome.FAILED


def test_another_sm3_digest_fails_whatever_is_trusted() -> None:
    case = relogged(two_suites())
    case.draft("photo").subject[0]["digest"]["sm3"] = "00" * 32
    report = verified(case.build(), b"distrust sm3\n")
    assert "want sm3" in told(report, Outcome.FAILED)


# --- without a library -----------------------------------------------------------------------


@pytest.fixture
def no_library() -> Iterator[None]:
    sm2.use(Libcrypto(("libnone.so.9",)))
    yield
    sm2.use(Libcrypto())


@pytest.mark.parametrize("registrar", [REGISTRAR, REGISTRAR_SM2], ids=["ed25519", "sm2"])
def test_where_nothing_computes_sm2_it_is_undecided(
    registrar: SigningKey, request: pytest.FixtureRequest
) -> None:
    built = relogged(two_suites(registrar=registrar)).build()
    request.getfixturevalue("no_library")
    report = built.verify()
    assert report.outcome is Outcome.UNDECIDED
    assert "not checked: SM2 cannot be computed" in told(report, Outcome.UNDECIDED)


@pytest.mark.usefixtures("no_library")
def test_a_case_without_sm2_needs_no_library() -> None:
    assert make_case().build().verify().outcome is Outcome.PASSED
