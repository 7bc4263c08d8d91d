"""Tokens in a packet: what they add, and what an operator would like them to.

He can make bodies, lists and manifests as he likes; the authority and the trust folder are
not his. A token may be left out: the quorum's time stands without it.
"""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from ledger.encoding import parse_time
from ledger.report import Group, Outcome, Report
from ledger.tlog.note import SignedNote
from testkit.case import COURT, FILED, NOTARY, OPENED, STRICT, Built, make_case
from testkit.tsa import Tsa, make_authority, openssl_accepts

ALL = STRICT | {Group.TIME}
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    return make_authority(tmp_path_factory.mktemp("tsa"), begins=BEGINS)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    return make_authority(tmp_path_factory.mktemp("other"), "Other TSA", begins=BEGINS)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def sizes(built: Built) -> list[int]:
    return sorted({int(p.partition("@")[2].partition(".")[0]) for p in built.files if "@" in p})


def body_of(built: Built, size: int) -> bytes:
    path = next(p for p in built.files if p.endswith(f"@{size}.tlog-proof"))
    note = built.files[path].decode().partition("\n\n")[2]
    return SignedNote.from_text(note).text.encode()


def stamp(
    built: Built, tsa: Tsa, seconds: int, *, size: int = 0, name: str = "lab", trusted: bool = True
) -> str:
    """Puts a token over a tree of the packet into it; by default the first with items."""
    size = size or sizes(built)[1]
    body = body_of(built, size)
    stem = f"data/timestamps/2026-{size}"
    built.files[f"{stem}.body"] = body
    built.files[f"{stem}.{name}.tsr"] = tsa.stamp_at(body, at(seconds))
    built.files[f"{stem}.{name}.crl"] = tsa.crl(made=at(seconds + 3600))
    if trusted:
        built.trust_files |= {f"tsa/{name}.pem": tsa.pem, f"tsa/{name}.accept": tsa.accept}
    return stem


def item(report: Report, name: str) -> dict[str, str]:
    (found,) = [dataclasses.asdict(i) for i in report.facts.items if i.name == name]
    return found


def failed(report: Report, words: str) -> None:
    assert report.outcome is Outcome.FAILED
    found = [f for f in report.findings if f.outcome is Outcome.FAILED]
    assert [f.step for f in found] == ["time"], found
    assert words in found[0].detail


def test_an_item_existed_by_the_earlier_of_quorum_and_authority(tsa: Tsa) -> None:
    built = make_case().build()
    first = next(f for f in built.verify(require=ALL).facts.items)
    quorum = parse_time(first.fixed_by)
    stamp(built, tsa, quorum // 1000 - 30)
    report = built.verify(require=ALL)
    assert (report.outcome, report.groups[Group.TIME]) == (Outcome.PASSED, Outcome.PASSED)
    same = next(f for f in report.facts.items)
    assert parse_time(same.fixed_by) == quorum
    # Its accuracy of a second is added: not later than.
    assert parse_time(same.not_after) == quorum - 29_000
    (fact,) = report.facts.timestamps
    assert (fact["authority"], fact["checked"], fact["revocation"]) == (
        "lab",
        "passed",
        "looked up for the certificate that stamped",
    )


def test_a_stranger_with_openssl_needs_the_packet_and_the_trust_folder_alone(tsa: Tsa) -> None:
    built = make_case().build()
    stem = stamp(built, tsa, FILED)
    token, body = built.files[f"{stem}.lab.tsr"], built.files[f"{stem}.body"]
    assert openssl_accepts(token, body, built.trust_files["tsa/lab.pem"])


def test_a_token_counts_for_what_its_tree_is_proved_to_hold_only(tsa: Tsa) -> None:
    built = make_case().build()
    before = sizes(built)[-2]
    stamp(built, tsa, FILED, size=before)
    report = built.verify(require=ALL)
    late = [i for i in report.facts.items if int(i.place.partition("-")[2]) >= before]
    assert late and all(i.not_after == i.fixed_by for i in late)


def test_an_authority_alone_makes_nothing_older_where_no_quorum_has_seen_the_tree(
    tsa: Tsa,
) -> None:
    """The log signs a smaller tree for himself, and an authority that he knows dates it back."""
    case = make_case()
    alone = sizes(case.build())[1]
    case.cosign = lambda size, at: [] if size == alone else [(NOTARY, at), (COURT, at + 1)]
    built = case.build()
    stem = stamp(built, tsa, OPENED - 86_400, size=alone)
    report = built.verify(require=ALL)
    assert all(i.not_after == i.fixed_by for i in report.facts.items)
    found = [f.about for f in report.findings if f.detail == "no quorum has seen what it stamps"]
    assert found == [f"{stem}.lab.tsr"]
    assert report.groups[Group.TIME] is Outcome.UNDECIDED


def test_without_an_authority_of_ones_own_nothing_is_looked_at(tsa: Tsa) -> None:
    built = make_case().build()
    without = built.verify(require=ALL)
    stamp(built, tsa, FILED - 60, trusted=False)
    report = built.verify(require=ALL)
    assert (report.outcome, report.groups) == (without.outcome, without.groups)
    assert [fact["checked"] for fact in report.facts.timestamps] == ["no authority of yours"]
    assert all(i.not_after == i.fixed_by for i in report.facts.items)


def test_another_authority_than_ones_own_is_not_looked_at_either(tsa: Tsa, other: Tsa) -> None:
    built = make_case().build()
    stamp(built, other, FILED, name="other", trusted=False)
    stamp(built, tsa, FILED)
    report = built.verify(require=ALL)
    assert report.outcome is Outcome.PASSED
    found = {fact.get("authority", "") for fact in report.facts.timestamps}
    assert found == {"lab", ""}


def test_the_name_of_a_token_makes_it_nobodys(tsa: Tsa, other: Tsa) -> None:
    """A token of another under the name of one's own authority is another's all the same."""
    built = make_case().build()
    stem = stamp(built, tsa, FILED)
    body = built.files[f"{stem}.body"]
    built.files[f"{stem}.lab.tsr"] = other.stamp_at(body, at(FILED - 86_400))
    del built.files[f"{stem}.lab.crl"]
    report = built.verify(require=ALL)
    assert [fact["checked"] for fact in report.facts.timestamps] == ["no authority of yours"]
    assert all(i.not_after == i.fixed_by for i in report.facts.items)


@pytest.mark.parametrize("days", [-1, 1])
def test_an_authority_that_is_a_day_off_is_flagged_and_the_quorum_stands(
    tsa: Tsa, days: int
) -> None:
    built = make_case().build()
    quorum = parse_time(next(f for f in built.verify().facts.items).fixed_by) // 1000
    stamp(built, tsa, quorum + days * 86_400)
    report = built.verify(require=STRICT)
    assert report.groups[Group.TIME] is Outcome.UNDECIDED
    (found,) = [f for f in report.findings if "the authority's time is" in f.detail]
    order = "after" if days > 0 else "before"
    assert f"86400 s {order} the quorum's" in found.detail
    # An authority of the operator's choice must not make an item older than the quorum does.
    assert all(i.not_after == i.fixed_by for i in report.facts.items)


def test_a_token_of_another_text_under_this_name_fails(tsa: Tsa) -> None:
    built = make_case().build()
    stem = stamp(built, tsa, FILED)
    built.files[f"{stem}.lab.tsr"] = tsa.stamp_at(b"another text", at(FILED - 86_400))
    failed(built.verify(), "a timestamp of something else")


def test_a_text_that_is_no_checkpoint_of_the_packet_fails(tsa: Tsa) -> None:
    """An old token over a tree of another history would make everything older."""
    built = make_case().build()
    stem = stamp(built, tsa, FILED)
    body = built.files[f"{stem}.body"][:-3] + b"A=\n"
    built.files[f"{stem}.body"] = body
    built.files[f"{stem}.lab.tsr"] = tsa.stamp_at(body, at(OPENED - 86_400))
    failed(built.verify(), "another text than that of a checkpoint proved here")


def test_a_token_moved_to_another_tree_fails(tsa: Tsa) -> None:
    built = make_case().build()
    first, *_, last = sizes(built)
    stem = stamp(built, tsa, FILED, size=first)
    for ending in ("body", "lab.tsr", "lab.crl"):
        data = built.files.pop(f"{stem}.{ending}")
        built.files[f"data/timestamps/2026-{last}.{ending}"] = data
    failed(built.verify(), "another text than that of a checkpoint proved here")


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("body", "the text that it stamps is not in the packet"),
        ("lab.tsr", "a text without a token"),
    ],
)
def test_half_a_timestamp_fails(tsa: Tsa, missing: str, words: str) -> None:
    built = make_case().build()
    stem = stamp(built, tsa, FILED)
    del built.files[f"{stem}.lab.crl"]
    del built.files[f"{stem}.{missing}"]
    failed(built.verify(), words)


def test_a_list_without_its_token_fails(tsa: Tsa) -> None:
    built = make_case().build()
    stem = stamp(built, tsa, FILED)
    built.files[f"{stem}.other.crl"] = built.files[f"{stem}.lab.crl"]
    failed(built.verify(), "a revocation list without a token")


def test_a_missing_list_is_said_and_a_compromised_key_counts_no_more(tsa: Tsa) -> None:
    built = make_case().build()
    stem = stamp(built, tsa, FILED)
    del built.files[f"{stem}.lab.crl"]
    (fact,) = built.verify(require=ALL).facts.timestamps
    assert fact["revocation"] == "no revocation list of its issuer"
    # The court's own list, of years later.
    crl = tsa.crl(x509.ReasonFlags.key_compromise, made=at(FILED) + timedelta(days=900))
    built.trust_files["tsa/lab.crl"] = crl
    failed(built.verify(), "its certificate was revoked")


@pytest.mark.parametrize(
    "path",
    [
        "data/timestamps/2026-0.body",
        "data/timestamps/2026-5.BODY",
        "data/timestamps/2026-5.tsr",
        "data/timestamps/2026-5.-a.tsr",
        "data/timestamps/2026-5.a-.tsr",
        "data/timestamps/2026-05.a.tsr",
        f"data/timestamps/2026-5.{'a' * 33}.tsr",
    ],
)
def test_what_is_no_timestamp_has_no_place(path: str) -> None:
    built = make_case().build()
    built.files[path] = b""
    report = built.verify()
    assert report.outcome is Outcome.FAILED
    assert "no such file in a packet" in report.findings[0].detail


def test_a_signer_who_had_checked_the_log_signed_no_earlier(tsa: Tsa) -> None:
    case = make_case()
    text = body_of(case.build(), sizes(case.build())[0]).decode().split("\n")
    times = {"from": "2026-11-23T14:02:00+08:00", "to": "2026-11-23T14:03:00+08:00"}
    case.draft("photo").predicate |= {
        "after": {"origin": text[0], "root": text[2], "size": text[1]},
        "corrected": times,
    }
    found = item(case.build().verify(require=ALL), "photo.jpg")
    assert abs(parse_time(found["not_before"]) // 1000 - OPENED) < 60
    assert (found["corrected"], found["claimed"]) == (times["from"], "2026-11-23T14:00:00+08:00")
    # Of another history nothing follows, and that is a failure of its own.
    case.draft("photo").predicate["after"]["root"] = "A" * 43 + "="
    assert item(case.build().verify(require=ALL), "photo.jpg")["not_before"] == ""


@pytest.mark.parametrize("kind", ["token", "renewal"])
@pytest.mark.usefixtures("alone")
def test_more_than_a_verifier_can_look_at_is_refused_before_any_is(
    tsa: Tsa, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"ledger.evidence.packet.MAX_{kind.upper()}S", 1)
    built = make_case().build()
    stamp(built, tsa, FILED)
    stamp(built, tsa, FILED, name="second")
    built.files |= {f"data/renewals/{n:02d}.dsse.json": b"x" for n in (1, 2)}
    report = built.verify(require=ALL)
    found = [f.detail for f in report.findings if f.step == "container"]
    assert found == [f"want at most 1 {kind}s, got 2"]
    assert report.outcome is Outcome.FAILED
