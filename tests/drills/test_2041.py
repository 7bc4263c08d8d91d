"""The year is 2041: SHA-256 is broken, the authority of 2026 is gone, and an item is asked for.

    2026  the item is logged, and stamped by an authority whose certificates last until 2032
    2031  its token is renewed, by an authority that lasts until 2037
    2036  the log is hashed again with SHA-512, under a token that lasts until 2042
    2040  that token is renewed, until 2050

Nothing of 2041 can make up what was left out, so whatever is left out shows, with its year.
"""

import copy
import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from ledger.encoding import parse_time
from ledger.evidence.packet import Place
from ledger.evidence.rehash import Row, RowProof, RowTree, TokenRow, row_hash
from ledger.evidence.renewal import Rows
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Statement, renewal_subjects
from ledger.report import Finding, Outcome, Report
from ledger.suite import strong_digest
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.signing_key import SigningKey
from ledger.verify import verify_packet
from testkit.case import AGENCY, FILED, LEDGER, ORIGIN, MemoryPacket, make_case, uuid7
from testkit.tsa import Tsa, make_authority

IN_2041 = parse_time("2041-06-01T00:00:00+08:00")
NAMES = ("a", "b", "c", "d")
YEARS = {"a": (2026, 2032), "b": (2031, 2037), "c": (2036, 2042), "d": (2040, 2050)}
SIZE, STAMPED = 9, 7  # of the log, and of the tree that was stamped in 2026
ENDS = b"sha256 2038-01-01T00:00:00+08:00\ntsa/a 2031-12-31T00:00:00+08:00\n"


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tsa]:
    """Those after 2031 have certificates that do not rest on SHA-256."""
    folder = tmp_path_factory.mktemp("tsa")
    return {
        name: make_authority(
            folder / name,
            f"TSA {name}",
            begins=datetime(begins, 1, 1, tzinfo=UTC),
            ends=datetime(ends, 1, 1, tzinfo=UTC),
            signed_with=hashes.SHA512() if begins > 2031 else None,
        )
        for name, (begins, ends) in YEARS.items()
    }


class Archive:
    """The case of 2026 as those who kept it made it last, year by year."""

    def __init__(self, authorities: dict[str, Tsa]) -> None:
        self.built = make_case().build()
        self.authorities = authorities
        self.count = 0
        for name, tsa in authorities.items():
            self.built.trust_files |= {f"tsa/{name}.pem": tsa.pem, f"tsa/{name}.accept": tsa.accept}
        self.built.trust_files["ends"] = ENDS

    @property
    def files(self) -> dict[str, bytes]:
        return self.built.files

    def token(self, number: int) -> bytes:
        return self.files[f"data/renewals/{number:02d}.tsr"]

    def stamp_log(self) -> None:
        path = next(p for p in self.files if p.endswith(f"@{STAMPED}.tlog-proof"))
        note = self.files[path].decode().partition("\n\n")[2]
        body = SignedNote.from_text(note).text.encode()
        at = datetime.fromtimestamp(FILED + 30, UTC)
        self.files[f"data/timestamps/2026-{STAMPED}.body"] = body
        self.files[f"data/timestamps/2026-{STAMPED}.a.tsr"] = self.authorities["a"].stamp_at(
            body, at
        )

    @property
    def first_token(self) -> bytes:
        return self.files[f"data/timestamps/2026-{STAMPED}.a.tsr"]

    def rows_of_log(self) -> list[Row]:
        return [self.row(index) for index in range(SIZE)]

    def row(self, index: int) -> Row:
        place = Place("2026", index).to_text()
        strong = {
            "entry": f"data/entries/{place}.json",
            "proof": f"data/proofs/{place}@{SIZE}.tlog-proof",
            "envelope": f"data/statements/{place}.dsse.json",
            "salt": f"data/statements/{place}.salt",
        }
        found = {name: strong_digest(self.files[path]) for name, path in strong.items()}
        items = self.built.rows[index].draft.items
        return Row(**found, items=tuple(map(strong_digest, items)))

    def renew(
        self,
        year: int,
        authority: str,
        tokens: Sequence[bytes],
        entries: Sequence[Row] = (),
        *,
        hash_: str = "sha512",
    ) -> None:
        rows = [*entries, *(TokenRow(strong_digest(token)) for token in tokens)]
        tree = RowTree(map(row_hash, rows))
        said = Rows(len(rows), tree.root, ORIGIN if entries else "", len(entries))
        self.count += 1
        predicate = {"agency": AGENCY, "id": uuid7(9000 + self.count), **said.to_predicate()}
        statement = Statement(Kind.RENEWAL, renewal_subjects(predicate), predicate)
        envelope = seal(statement.to_bytes(), (LEDGER,)).to_bytes()
        moment = datetime(year, 6, 1, tzinfo=UTC)
        stem = f"data/renewals/{self.count:02d}"
        self.files[f"{stem}.dsse.json"] = envelope
        self.files[f"{stem}.tsr"] = self.authorities[authority].stamp_at(
            envelope, moment, hash_=hash_
        )
        for index, row in enumerate(rows):
            proof = RowProof(index, row, tree.path(index))
            self.files[f"{stem}/{index:02d}.json"] = proof.to_bytes()

    def leave_out(self, number: int) -> None:
        for path in [p for p in self.files if p.startswith(f"data/renewals/{number:02d}")]:
            del self.files[path]

    def verify(self, at_ms: int | None = IN_2041) -> Report:
        return verify_packet(MemoryPacket(self.built.sealed()), self.built.trust, at_ms=at_ms)


@pytest.fixture(scope="module")
def whole(authorities: dict[str, Tsa]) -> Archive:
    archive = Archive(authorities)
    archive.stamp_log()
    archive.renew(2031, "b", [archive.first_token])
    tokens = [archive.first_token, archive.token(1)]
    archive.renew(2036, "c", tokens, archive.rows_of_log())
    archive.renew(2040, "d", [archive.token(2)])
    return archive


@pytest.fixture
def archive(whole: Archive) -> Archive:
    again = copy.copy(whole)
    again.built = dataclasses.replace(
        whole.built, files=dict(whole.built.files), trust_files=dict(whole.built.trust_files)
    )
    return again


def failures(report: Report) -> list[Finding]:
    return [f for f in report.findings if f.outcome is Outcome.FAILED]


def failed(report: Report, *words: str) -> None:
    assert report.outcome is Outcome.FAILED, report.findings
    details = [f"{f.step} {f.about}: {f.detail}" for f in failures(report)]
    assert all(any(word in detail for detail in details) for word in words), details


def test_an_item_of_2026_verifies_in_2041(archive: Archive) -> None:
    report = archive.verify()
    assert (report.outcome, failures(report)) == (Outcome.PASSED, []), report.findings
    photo = next(i for i in report.facts.items if i.name == "photo.jpg")
    assert photo.not_after.startswith("2026-11-23")


@pytest.mark.parametrize(
    ("number", "year", "what"),
    [
        (1, 2031, "the authority a ended in 2031"),
        (2, 2037, "the authority b ended in 2037"),
        (3, 2042, "the authority c ended in 2042"),
    ],
)
def test_one_renewal_left_out_fails_and_names_the_year(
    archive: Archive, number: int, year: int, what: str
) -> None:
    archive.leave_out(number)
    at = max(IN_2041, parse_time(f"{year}-06-01T00:00:00+08:00"))
    failed(archive.verify(at), what)


def test_without_the_log_hashed_again_nothing_of_it_counts(archive: Archive) -> None:
    archive.leave_out(2)
    failed(archive.verify(), "sha256 ended in 2038, and nothing shows that 2026-5 was hashed again")


def test_without_any_renewal_it_is_undecided_and_says_what_ended(archive: Archive) -> None:
    for number in (1, 2, 3):
        archive.leave_out(number)
    report = archive.verify()
    assert (report.outcome, failures(report)) == (Outcome.UNDECIDED, [])
    details = [f.detail for f in report.findings if f.step == "renewal"]
    assert any("sha256 ended in 2038" in detail for detail in details)
    assert any("the authority a ended in 2031" in detail for detail in details)


@pytest.mark.parametrize("year", [2027, 2030])
def test_before_anything_has_ended_nothing_is_wanted(archive: Archive, year: int) -> None:
    for number in (1, 2, 3):
        archive.leave_out(number)
    report = archive.verify(parse_time(f"{year}-06-01T00:00:00+08:00"))
    assert report.outcome is Outcome.PASSED


def test_the_log_hashed_again_too_late_does_not_count(authorities: dict[str, Tsa]) -> None:
    archive = Archive(authorities)
    archive.renew(2039, "c", [], archive.rows_of_log())
    failed(archive.verify(), "sha256 ended in 2038, and nothing shows")


def test_a_token_that_rests_on_what_has_ended_renews_nothing(authorities: dict[str, Tsa]) -> None:
    archive = Archive(authorities)
    archive.renew(2037, "c", [], archive.rows_of_log(), hash_="sha256")
    failed(archive.verify(), "sha256 ended in 2038, and no renewal of the renewal 01")


IN_2035 = parse_time("2035-01-01T00:00:00+08:00")


def test_rows_rest_on_their_own_hash_whatever_their_token_was_made_with(
    authorities: dict[str, Tsa],
) -> None:
    archive = Archive(authorities)
    archive.renew(2033, "b", [], archive.rows_of_log(), hash_="sha256")
    ends = b"ed25519 2034-01-01T00:00:00+08:00\n"
    archive.built.trust_files["ends"] = ends
    assert archive.verify(IN_2035).outcome is Outcome.PASSED
    archive.built.trust_files["ends"] = ends + b"sha512 2034-06-01T00:00:00+08:00\n"
    failed(archive.verify(IN_2035), "sha512 ended in 2034, and no renewal of the renewal 01")


def test_a_renewal_is_as_late_as_its_token_may_be(authorities: dict[str, Tsa]) -> None:
    """Tokens of these authorities are right to a second."""
    archive = Archive(authorities)
    archive.renew(2033, "b", [], archive.rows_of_log())
    archive.built.trust_files["ends"] = b"ed25519 2033-06-01T08:00:01.001+08:00\n"
    assert archive.verify(IN_2035).outcome is Outcome.PASSED
    archive.built.trust_files["ends"] = b"ed25519 2033-06-01T08:00:00.500+08:00\n"
    failed(archive.verify(IN_2035), "ed25519 ended in 2033, and nothing shows")


def test_where_cosigners_sign_with_mldsa_its_end_is_an_end(archive: Archive) -> None:
    archive.built.trust_files["ends"] += b"mldsa44 2030-01-01T00:00:00+08:00\n"
    assert archive.verify().outcome is Outcome.PASSED
    trust = archive.built.trust
    (log,) = trust.logs
    first, *others = log.policy.witnesses
    post = SigningKey(first.name, Algorithm.COSIGNATURE_MLDSA44, bytes(32)).verifier
    witnesses = (dataclasses.replace(first, key=post), *others)
    policy = dataclasses.replace(log.policy, witnesses=witnesses)
    trust = dataclasses.replace(trust, logs=(dataclasses.replace(log, policy=policy),))
    report = verify_packet(MemoryPacket(archive.built.sealed()), trust, at_ms=IN_2041)
    failed(report, "mldsa44 ended in 2030, and nothing shows")


def test_an_item_altered_by_then_fails_whatever_sha_256_says(archive: Archive) -> None:
    """As if two files had one SHA-256: the row has the SHA-512 of the one that was there."""
    index = archive.built.row("photo").index
    row = archive.row(index)
    other = dataclasses.replace(row, items=(strong_digest(b"the other file of that SHA-256"),))
    path = f"data/renewals/02/{index:02d}.json"
    proof = RowProof.from_bytes(archive.files[path])
    archive.files[path] = dataclasses.replace(proof, row=other).to_bytes()
    failed(
        archive.verify(), "data/renewals/02.dsse.json: the inclusion proof leads to another root"
    )


@pytest.mark.parametrize("part", ["entry", "proof", "envelope", "salt", "items"])
def test_a_row_prepared_for_other_bytes_fails(authorities: dict[str, Tsa], part: str) -> None:
    """The operator of 2036 hashes something again that was never in the log of 2026."""
    archive = Archive(authorities)
    archive.stamp_log()
    rows = archive.rows_of_log()
    index = archive.built.row("photo").index
    forged = strong_digest(b"forged")
    change = {part: (forged,) if part == "items" else forged}
    rows[index] = dataclasses.replace(rows[index], **change)
    archive.renew(2036, "c", [archive.first_token], rows)
    what = "its file 1" if part == "items" else f"its {part}"
    failed(archive.verify(), f"2026-{index}: {what} is not the one that was hashed again")


def test_a_proof_to_another_tree_is_not_the_one_that_was_hashed_again(archive: Archive) -> None:
    """The path of 2026 is pinned: one made in 2041, with a broken hash, is not that one."""
    place = f"2026-{archive.built.row('photo').index}"
    path = f"data/proofs/{place}@{SIZE}.tlog-proof"
    lines = archive.files[path].decode().split("\n")
    archive.files[path] = "\n".join([*lines[:-2], lines[-2], ""]).encode()
    kept = archive.files[path]
    notes = kept.decode().partition("\n\n")
    signatures = notes[2].rstrip("\n").split("\n")
    # One line of three cosigners less: still a quorum, and other bytes.
    archive.files[path] = "\n\n".join([notes[0], "\n".join(signatures[:-1]) + "\n"]).encode()
    failed(archive.verify(), f"{place}: its proof is not the one that was hashed again")


def test_tokens_of_renewals_that_were_exchanged_fail(archive: Archive) -> None:
    first, third = "data/renewals/01.tsr", "data/renewals/03.tsr"
    archive.files[first], archive.files[third] = archive.files[third], archive.files[first]
    failed(archive.verify(), "01.dsse.json: it is a timestamp of something else", "03.dsse.json")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("data/renewals/02.tsr", "it has no token"),
        ("data/renewals/02.dsse.json", "parts without a renewal"),
    ],
)
def test_half_a_renewal_fails(archive: Archive, path: str, words: str) -> None:
    del archive.files[path]
    failed(archive.verify(), words)


def test_a_renewal_that_an_unknown_authority_stamped_is_not_counted(archive: Archive) -> None:
    for ending in ("pem", "accept"):
        del archive.built.trust_files[f"tsa/d.{ending}"]
    report = archive.verify(parse_time("2042-06-01T00:00:00+08:00"))
    assert any("no authority of yours has stamped it" in f.detail for f in report.findings)
    failed(report, "the authority c ended in 2042")


def test_another_statement_in_the_place_of_a_renewal_renews_nothing(archive: Archive) -> None:
    archive.files["data/renewals/03.dsse.json"] = archive.files["data/statements/2026-1.dsse.json"]
    failed(archive.verify(), "it renews nothing")


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        (b"md5 2038-01-01T00:00:00+08:00\n", "an algorithm or an authority"),
        (b"tsa/other 2038-01-01T00:00:00+08:00\n", "an algorithm or an authority"),
        (ENDS + b"sha256 2039-01-01T00:00:00+08:00\n", "stands twice"),
        (b"sha256 2038\n", "want a time"),
        (b"sha256\n", "want a time"),
        (b"\n", "an algorithm or an authority"),
    ],
)
def test_what_has_ended_has_one_spelling(archive: Archive, ends: bytes, why: str) -> None:
    archive.built.trust_files["ends"] = ends
    with pytest.raises(Exception, match=why):
        archive.built.trust  # noqa: B018


def test_the_files_of_a_whole_archive_are_few(archive: Archive, tmp_path: Path) -> None:
    """What renewals add to a packet: a row of two kilobytes for each entry, and three tokens."""
    added = {p: len(d) for p, d in archive.files.items() if p.startswith("data/renewals/")}
    assert len(added) == 3 * 2 + SIZE + 4
    assert max(added.values()) < 8192
