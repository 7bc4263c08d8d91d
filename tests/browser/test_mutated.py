"""Ten thousand packets changed in every way: two verifiers, one verdict on each.

A seed gives the packet: `TIEZHENG_MUTATED=17 pytest tests/browser/test_mutated.py` judges packet
17 alone.
"""

import os
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import pytest

from fuzz.mutate import mutate
from ledger.errors import LedgerError
from ledger.evidence.trust import Trust
from ledger.verify import verify_packet
from storage.packets import open_packet
from tamper.test_clips import built as clip_packet
from tamper.test_derived import PUBLISHED, SERVED, SPANS, derivation
from tamper.test_disowned import STOLEN, forge, theft, told
from testkit.case import (
    HANDLER,
    LEDGER,
    STRICT,
    Built,
    Case,
    MemoryLog,
    MemoryPacket,
    file_subject,
    make_case,
    registration,
    seal_bag,
    seal_tags,
    uuid7,
    zip_bytes,
)
from testkit.ledgers_word import read, state
from testkit.mirrors import MIRROR, add_statements, trust_mirrors
from testkit.notarial import PDF, WANG, issued, registrations, revoked
from testkit.second_verifier import (
    compare,
    compare_refusal,
    opening_of,
    remember_trusts,
    verdict_of,
)

PACKETS = 10_000
SOME = 60  # in `make test`

remember_trusts()


def _rich_case() -> Case:
    """With a served decision, what was published of it, and a notarial certificate."""
    case = make_case()
    case.drafts[4:4] = registrations()
    decision = case.draft("decision")
    decision.subject, decision.items = [file_subject("决定书.txt", SERVED)], (SERVED,)
    for draft in (derivation(SERVED, PUBLISHED, spans=SPANS), issued(about=[case.draft("photo")])):
        case.add(draft)
    return case


def _disowned_case() -> Case:
    """With what a thief filed, and what the ledger, a notary and a handler signed when theirs was
    gone."""
    case = _rich_case()
    case.add(registration(40, STOLEN, "station"), after="opening")
    case.add(registration(42, LEDGER, "ledger"), after="agency")
    forge(case, provisional=uuid7(35))
    for draft in (read(63), state(number=64), revoked(case.draft("issued"), 65)):
        case.add(draft)
    told(case, STOLEN, "station")
    for number, owner, role in (
        (52, LEDGER, "ledger"),
        (53, WANG, "notary"),
        (54, HANDLER, "handler"),
    ):
        gone = theft(owner, role, draft=f"theft of {owner.name}")
        gone.predicate["id"] = uuid7(number)
        case.add(gone)
    return case


CASES = (make_case, make_case, _rich_case, _disowned_case)


@cache
def _built() -> Built:
    return make_case().build()


@cache
def _rich() -> Built:
    """And with the word of a mirror on each series."""
    built = _rich_case().build()
    built.files["data/certificates/01.pdf"] = PDF
    return add_statements(trust_mirrors(built, MIRROR))


@cache
def _disowned() -> Built:
    built = _disowned_case().build()
    built.files["data/certificates/01.pdf"] = PDF
    return built


@cache
def _with_clip() -> Built:
    return clip_packet()


def _base(random: Random) -> Built:
    few = (_built, _built, _built, _rich, _rich, _rich)
    return random.choice((*few, _disowned, _disowned, _with_clip))()


@pytest.fixture(autouse=True)
def short_lookahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


# --- changes: each judges one packet in both, and says what came of it --------------------------


def _file_in_a_new_bag(random: Random, scratch: Path) -> str:
    """One to three files of the payload are changed, and the manifests are made anew."""
    built = _base(random)
    files = dict(built.files)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        path = random.choice(sorted(files))
        files[path] = _changed(files[path], random, files, path)
    log = built.log if random.randrange(2) else None
    return _judged(MemoryPacket(seal_bag(files)), built.trust, log)


def _file_under_its_old_manifest(random: Random, scratch: Path) -> str:
    files = _built().sealed()
    path = random.choice(sorted(files))
    files[path] = _changed(files[path], random, files, path)
    return _judged(MemoryPacket(files), _built().trust, _built().log)


def _tag_file(random: Random, scratch: Path) -> str:
    """A manifest or its like is changed, and the manifest of manifests made anew."""
    files = _built().sealed()
    path = random.choice(("bag-info.txt", "bagit.txt", "manifest-sha256.txt", "data/packet.json"))
    files[path] = _changed(files[path], random, files, path)
    return _judged(MemoryPacket(seal_tags(files)), _built().trust, _built().log)


def _other_paths(random: Random, scratch: Path) -> str:
    """Files leave, come twice, change their places or their names."""
    built = _base(random)
    files = dict(built.files)
    one, other = random.sample(sorted(files), 2)
    match random.randrange(4):
        case 0:
            del files[one]
        case 1:
            files[one], files[other] = files[other], files[one]
        case 2:
            files[one] = files[other]
        case _:
            name = mutate(one.encode(), random, [path.encode() for path in sorted(files)])
            files[name.decode("utf-8", "replace")] = files.pop(one)
    return _judged(MemoryPacket(seal_bag(files)), built.trust, built.log)


def _statement_signed_anew(random: Random, scratch: Path) -> str:
    """A statement is changed before it is signed and logged: everything else fits it."""
    make = random.choice(CASES)
    case = make()
    draft = random.choice(case.drafts)
    try:
        draft.payload = mutate(draft.to_payload(), random, [draft.to_payload()])
        built = case.build()
    except LedgerError:
        # The series of what cannot be read are those of what it was made from.
        bases = {make_case: _built, _rich_case: _rich, _disowned_case: _disowned}
        rows = bases[make]().rows
        names = next(row.series for row in rows if row.draft.name == draft.name)
        draft.series = tuple(name for name, _ in names)
        built = case.build()
    return _judged(MemoryPacket(built.sealed()), built.trust, built.log)


def _envelope_logged_anew(random: Random, scratch: Path) -> str:
    """An envelope is changed before it is logged."""
    case = make_case()
    draft = random.choice(case.drafts)
    whole = draft.to_envelope()
    draft.envelope = mutate(whole, random, [whole]) or b"{}"
    built = case.build()
    return _judged(MemoryPacket(built.sealed()), built.trust, built.log)


def _entry_logged_anew(random: Random, scratch: Path) -> str:
    """An entry is changed before it is hashed into the tree."""
    case = make_case()
    row = random.choice(_built().rows)
    case.draft(row.draft.name).entry = mutate(row.entry, random, [row.entry]) or b"{}"
    built = case.build()
    return _judged(MemoryPacket(built.sealed()), built.trust, built.log)


def _log(random: Random, scratch: Path) -> str:
    log = MemoryLog()
    log.files = dict(_built().log.files)
    place = random.choice(sorted(log.files))
    if random.randrange(8):
        log.files[place] = mutate(log.files[place], random, [log.files[place]])
    else:
        del log.files[place]
    return _judged(MemoryPacket(_built().sealed()), _built().trust, log)


def _trust(random: Random, scratch: Path) -> str:
    files = dict(_built().trust_files)
    path = random.choice(sorted(files))
    files[path] = _changed(files[path], random, files, path)
    try:
        trust = Trust.from_files(files)
    except LedgerError:
        # It is the verifier's own: refused here, it must not be taken there.
        answer = verdict_of(MemoryPacket(_built().sealed()), _built().trust, trust_files=files)
        assert "refused" in answer, answer
        return "refused"
    return _judged(MemoryPacket(_built().sealed()), trust, _built().log)


def _zip(random: Random, scratch: Path) -> str:
    path = scratch / "packet.zip"
    data = zip_bytes(_built().sealed())
    path.write_bytes(mutate(data, random, [data]))
    try:
        packet = open_packet(path)
    except LedgerError as error:
        compare_refusal(error, opening_of(path))
        return "refused"
    report = verify_packet(packet, _built().trust, log=_built().log, require=STRICT)
    answer = verdict_of(packet, _built().trust, log=_built().log, require=STRICT)
    compare(report.to_json(), answer)
    return str(report.outcome)


CHANGES: tuple[Callable[[Random, Path], str], ...] = (
    *(_file_in_a_new_bag,) * 6,
    *(_statement_signed_anew,) * 4,
    *(_envelope_logged_anew, _entry_logged_anew, _other_paths, _zip, _zip),
    *(_file_under_its_old_manifest, _tag_file, _log, _log, _trust),
)


def _judged(packet: MemoryPacket, trust: Trust, log: MemoryLog | None) -> str:
    report = verify_packet(packet, trust, log=log, require=STRICT)
    answer = verdict_of(packet, trust, log=log, require=STRICT)
    compare(report.to_json(), answer)
    return str(report.outcome)


def _changed(data: bytes, random: Random, files: dict[str, bytes], path: str) -> bytes:
    kind = path.rpartition("/")[0], path.rpartition(".")[2]
    others = [
        files[other]
        for other in sorted(files)
        if (other.rpartition("/")[0], other.rpartition(".")[2]) == kind
    ]
    return mutate(data, random, others)


def _compare_all(numbers: range, scratch: Path) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for number in numbers:
        random = Random(20261126_000000 + number)
        change = random.choice(CHANGES)
        try:
            outcomes[change(random, scratch)] += 1
        except Exception as error:
            error.add_note(f"packet {number}: {change.__name__}")
            raise
    return outcomes


def test_what_counts_for_nothing_is_among_what_is_changed() -> None:
    built = _disowned()
    assert _judged(MemoryPacket(built.sealed()), built.trust, built.log) == "undecided"


def test_both_say_the_same_of_some_changed_packets(tmp_path: Path) -> None:
    if number := os.environ.get("TIEZHENG_MUTATED"):
        _compare_all(range(int(number), int(number) + 1), tmp_path)
        return
    assert _compare_all(range(SOME), tmp_path)["failed"]


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(10))
def test_both_say_the_same_of_ten_thousand_changed_packets(part: int, tmp_path: Path) -> None:
    share = PACKETS // 10
    outcomes = _compare_all(range(part * share, (part + 1) * share), tmp_path)
    # Changes that nobody would notice, and ones that only fail to open, would show nothing.
    assert outcomes["failed"] > share // 4
