"""Quorums against all sets of cosigners, tried one by one."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tlog.note import Algorithm
from ledger.tlog.policy import Group, Policy, Witness
from ledger.tlog.signing_key import SigningKey

OFTEN = settings(max_examples=300, deadline=None, database=None)

LOG = SigningKey("log.example", Algorithm.ED25519, bytes([99] * 32)).verifier
WITNESSES = tuple(
    Witness(
        f"w{i}",
        SigningKey(f"w{i}.example", Algorithm.COSIGNATURE_ED25519, bytes([i] * 32)).verifier,
    )
    for i in range(8)
)


@st.composite
def _policies(draw: st.DrawFn) -> Policy:
    witnesses = WITNESSES[: draw(st.integers(1, 8))]
    free = [w.name for w in witnesses]
    groups: list[Group] = []
    for number in range(draw(st.integers(0, 5))):
        members = draw(st.lists(st.sampled_from(free), unique=True, min_size=1))
        threshold = draw(st.integers(1, len(members)))
        groups.append(Group(f"g{number}", threshold, tuple(members)))
        free = [name for name in free if name not in members] + [f"g{number}"]
    names = [w.name for w in witnesses] + [g.name for g in groups]
    return Policy(LOG, witnesses, tuple(groups), draw(st.sampled_from([names[-1], *names])))


def _satisfies(policy: Policy, signed: frozenset[str]) -> bool:
    reached = set(signed)
    for group in policy.groups:  # in order: members stand before their group
        if sum(member in reached for member in group.members) >= group.threshold:
            reached.add(group.name)
    return policy.quorum in reached


def _satisfying(policy: Policy) -> list[frozenset[str]]:
    names = [w.name for w in policy.witnesses]
    sets = (frozenset(c) for n in range(len(names) + 1) for c in combinations(names, n))
    return [signed for signed in sets if _satisfies(policy, signed)]


@given(_policies())
@OFTEN
def test_the_overlap_is_that_of_the_two_most_different_quorums(policy: Policy) -> None:
    quorums = _satisfying(policy)
    minimal = [q for q in quorums if not any(other < q for other in quorums)]
    assert policy.overlap == min(len(a & b) for a in minimal for b in minimal)


@given(
    _policies(), st.dictionaries(st.sampled_from([w.name for w in WITNESSES]), st.integers(1, 9))
)
@OFTEN
def test_the_quorum_time_is_the_first_at_which_enough_had_signed(
    policy: Policy, times: dict[str, int]
) -> None:
    times = {name: t for name, t in times.items() if name in {w.name for w in policy.witnesses}}
    enough = [
        t
        for t in sorted(times.values())
        if _satisfies(policy, frozenset(name for name in times if times[name] <= t))
    ]
    assert policy.quorum_time(times) == (enough[0] if enough else None)


@given(_policies())
@OFTEN
def test_a_policy_comes_back_from_its_text(policy: Policy) -> None:
    assert Policy.from_text(policy.to_text()) == policy
