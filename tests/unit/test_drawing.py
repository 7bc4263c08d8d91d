"""The draw of a case-file review: fixed before, nobody's choice, done again by anybody."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.reports.drawing import (
    Opened,
    ReviewList,
    check_fixed,
    commit_secret,
    drawn,
    make_list,
    open_list,
    parse_secret,
    secret_line,
    tree_ending,
)
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import root_of
from ledger.tlog.proof import prove_inclusion
from ledger.tlog.receipt import Receipt

SECRET = bytes(range(32))
TREE = Checkpoint("ledger.example/enforcement/2026", 91, digest(b"root"))
AGENCY = "agency-01"


def cases(count: int, seed: int = 7) -> list[Opened]:
    chance = random.Random(seed)
    return [Opened(chance.randbytes(32), f"苏城管罚〔2026〕{n}号") for n in range(1, count + 1)]


def made(count: int = 20, sample: int = 3) -> tuple[ReviewList, bytes]:
    return make_list(AGENCY, 2026, commit_secret(SECRET), sample, cases(count))


def opening(*contents: bytes, agency: str = AGENCY) -> Statement:
    predicate = {
        "act": "provisional_opening",
        "agency": agency,
        "id": "0198e7a0-0000-7000-8000-000000000001",
        "occurred": {"from": "2026-12-01T09:00:00+08:00", "to": "2026-12-01T09:00:00+08:00"},
    }
    files = tuple(FileSubject(f"{n}", digest_item(data)) for n, data in enumerate(contents))
    return Statement(Kind.ACT, files, predicate)


def test_a_list_is_read_back_and_opens_to_its_cases() -> None:
    listed, openings = made()
    assert ReviewList.from_bytes(listed.to_bytes()) == listed
    assert sorted(open_list(listed, openings)) == sorted(opened.case for opened in cases(20))


@given(st.binary(max_size=400))
def test_whatever_list_is_accepted_is_written_back_unchanged(data: bytes) -> None:
    try:
        listed = ReviewList.from_bytes(data)
    except LedgerError:
        return
    assert listed.to_bytes() == data


@pytest.mark.parametrize("change", ["drop", "add", "swap", "double", "count", "sample"])
def test_a_list_of_another_form_is_refused(change: str) -> None:
    lines = made()[0].to_bytes().decode().split("\n")[:-1]
    match change:
        case "drop":
            del lines[8]
        case "add":
            lines.append("ff" * 32)
        case "swap":
            lines[6], lines[7] = lines[7], lines[6]
        case "double":
            lines.insert(8, lines[7])
        case "count":
            lines[5] = "cases 21"
        case "sample":
            lines[4] = "sample 21"
    with pytest.raises(Malformed):
        ReviewList.from_bytes("".join(f"{line}\n" for line in lines).encode())


def test_the_list_tells_no_case_number() -> None:
    text = made()[0].to_bytes().decode()
    assert "苏城管罚" not in text
    assert not any(digest(f"{opened.case}\n".encode()).hex() in text for opened in cases(20))


def test_another_opening_opens_nothing() -> None:
    listed, openings = made()
    lines = openings.decode().splitlines(keepends=True)
    renamed = [*lines[:4], lines[4].replace("〔2026〕", "〔2025〕"), *lines[5:]]
    for others in (lines[:-1], [*lines, lines[0]], renamed, lines[::-1]):
        with pytest.raises(Rejected):
            open_list(listed, "".join(others).encode())


def test_one_case_under_two_salts_is_seen_when_the_list_is_opened() -> None:
    twice = [*cases(5), Opened(bytes(32), cases(5)[0].case)]
    with pytest.raises(Malformed, match="twice"):
        make_list(AGENCY, 2026, commit_secret(SECRET), 2, twice)
    ordered = sorted(twice, key=lambda opened: opened.commitment)
    listed = ReviewList(
        AGENCY, 2026, commit_secret(SECRET), 2, tuple(opened.commitment for opened in ordered)
    )
    with pytest.raises(Rejected, match="twice"):
        open_list(listed, "".join(opened.line() for opened in ordered).encode())


def test_a_case_that_is_added_or_withdrawn_afterwards_is_seen() -> None:
    listed, openings = made()
    check_fixed(listed.to_bytes(), opening(listed.to_bytes(), openings))
    for others in (cases(21), cases(20)[:-1], cases(20, seed=8)):
        changed, _ = make_list(AGENCY, 2026, listed.reviewer, 3, others)
        with pytest.raises(Rejected, match="added, withdrawn or changed"):
            check_fixed(changed.to_bytes(), opening(listed.to_bytes(), openings))
    with pytest.raises(Rejected, match="added, withdrawn or changed"):
        check_fixed(replace(listed, sample=4).to_bytes(), opening(listed.to_bytes(), openings))
    with pytest.raises(Rejected, match="want an opening"):
        check_fixed(listed.to_bytes(), opening(listed.to_bytes(), agency="agency-02"))


def test_the_sample_hangs_on_the_tree_and_on_the_secret_alone() -> None:
    listed, _ = made(200, 10)
    sample = drawn(listed, TREE, SECRET)
    assert len(set(sample)) == 10
    assert set(sample) <= set(range(1, 201))
    assert drawn(listed, TREE, SECRET) == sample
    assert drawn(listed, replace(TREE, size=92), SECRET) != sample
    other = bytes(32)
    with pytest.raises(Rejected, match="secret"):
        drawn(listed, TREE, other)
    assert drawn(replace(listed, reviewer=commit_secret(other)), TREE, other) != sample


@given(st.integers(1, 300), st.integers(0, 300))
def test_whatever_larger_tree_a_receipt_leads_to_the_one_that_ends_there_is_the_same(
    size: int, more: int
) -> None:
    leaves = [digest(bytes([n % 256, n // 256])) for n in range(size + more)]

    def nodes(level: int, index: int) -> bytes:
        return root_of(leaves[index << level : (index + 1) << level])

    later = Checkpoint(TREE.origin, size + more, root_of(leaves))
    proof = prove_inclusion(size - 1, size + more, nodes)
    found = tree_ending(leaves[size - 1], Receipt(size - 1, proof, "note"), later)
    assert found == Checkpoint(TREE.origin, size, root_of(leaves[:size]))
    with pytest.raises(Rejected):
        tree_ending(leaves[size - 1], Receipt(size, proof, "note"), later)


def test_every_case_is_drawn_about_as_often() -> None:
    listed, _ = made(20, 5)
    counts = dict.fromkeys(range(1, 21), 0)
    for size in range(1, 2001):
        for place in drawn(listed, replace(TREE, size=size), SECRET):
            counts[place] += 1
    # 500 expected of each; six standard deviations are 116.
    assert all(384 < count < 616 for count in counts.values())


def test_a_secret_is_one_line() -> None:
    assert parse_secret(secret_line(SECRET)) == SECRET
    for data in (b"", SECRET, secret_line(SECRET)[:-1], secret_line(SECRET) * 2, b"00\n"):
        with pytest.raises(Malformed):
            parse_secret(data)
