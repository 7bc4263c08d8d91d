import pytest

from ledger.errors import Malformed, Rejected
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import Algorithm, Signature, SignedNote
from ledger.tlog.policy import MAX_NAMES, MAX_POLICY, Group, Policy, Witness
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note

LOG = SigningKey("log.example/2026", Algorithm.ED25519, bytes([1] * 32))
OTHER_LOG = SigningKey("log.example/2027", Algorithm.ED25519, bytes([9] * 32))
KEYS = [
    SigningKey(f"c{i}.example", Algorithm.COSIGNATURE_ED25519, bytes([2 + i] * 32))
    for i in range(4)
]
L = f"log {LOG.verifier.to_text()}\n"
A, B, C, D = (f"witness {n} {k.verifier.to_text()}\n" for n, k in zip("abcd", KEYS, strict=True))
TWO = f"{L}{A}{B}{C}group g 2 a b c\nquorum g\n"

CHECKPOINT = Checkpoint(LOG.name, 5, leaf_hash(b"root"))
PLAIN = SignedNote(CHECKPOINT.to_text(), (sign_note(CHECKPOINT.to_text(), LOG),))


def test_a_policy_is_read() -> None:
    policy = Policy.from_text(TWO)
    assert policy.log == LOG.verifier
    assert policy.witnesses[1] == Witness("b", KEYS[1].verifier)
    assert policy.groups == (Group("g", 2, ("a", "b", "c")),)
    assert policy.quorum == "g"
    assert policy.to_text() == TWO


def test_comments_and_white_space_change_nothing() -> None:
    text = "\n# note\n \t # note\n" + TWO.replace(" ", " \t ").replace("\n", "\t \n") + "\n\n"
    assert Policy.from_text(text) == Policy.from_text(TWO)
    assert Policy.from_bytes(text.encode().rstrip()) == Policy.from_text(TWO)


def test_any_and_all_are_numbers() -> None:
    for word, threshold in (("any", 1), ("all", 3), ("3", 3)):
        policy = Policy.from_text(TWO.replace("g 2", f"g {word}"))
        assert policy.groups[0].threshold == threshold


def test_an_address_is_kept() -> None:
    text = f"{L}{A.strip()} https://c0.example/\u00a0\nquorum a\n"
    policy = Policy.from_text(text)
    assert policy.witnesses[0].url == "https://c0.example/\u00a0"
    assert policy.to_text() == text


def test_one_cosigner_may_be_the_quorum() -> None:
    assert Policy.from_text(f"{L}{A}quorum a").quorum == "a"


@pytest.mark.parametrize(
    "text",
    [
        "",
        L,
        f"{A}quorum a\n",
        f"{L}{A}",
        f"{L}{L}{A}quorum a\n",
        f"{L}{A}quorum a\nquorum a\n",
        f"{L}{A}quorum none\nquorum a\n",
        f"{L}quorum a\n{A}",
        f"{L}{A}quorum b\n",
        f"{L}{A}quorum\n",
        f"{L}{A}quorum a b\n",
        f"{L}{A}quorum a # why\n",
        f"{L}{A}{A}quorum a\n",
        f"{L}{A}{B.replace(' b ', ' a ')}quorum a\n",
        f"{L}{A}{A.replace(' a ', ' b ')}quorum a\n",
        f"{L}{A.replace(' a ', ' none ')}quorum none\n",
        f"{L}{A}group none 1 a\nquorum a\n",
        f"{L}{A}group a 1 a\nquorum a\n",
        f"{L}{A}group g 1 g\nquorum g\n",
        f"{L}{A}group g 1 b\nquorum g\n",
        f"{L}{A}group g 1\nquorum a\n",
        f"{L}{A}group g\nquorum a\n",
        f"{L}{A}group g 1 a a\nquorum g\n",
        f"{L}{A}{B}group g 1 a\ngroup h 2 a b\nquorum h\n",
        f"{L}{A}{B}group g 1 a\ngroup h 1 g\ngroup i 1 g\nquorum h\n",
        *(
            f"{L}{A}{B}group g {k} a b\nquorum g\n"
            for k in ("0", "3", "-1", "02", "+1", "Any", "٢")
        ),
        f"{L}{A}{B}group g {'9' * 5000} a b\nquorum g\n",
        f"{L}witness a\nquorum a\n",
        f"{L}witness a x\nquorum a\n",
        f"{L}{A.strip()} https://x https://y\nquorum a\n",
        L.replace("\n", " x y\n") + f"{A}quorum a\n",
        f"{L}witness a {LOG.verifier.to_text()}\nquorum a\n",
        f"{L}witness a {OTHER_LOG.verifier.to_text()}\nquorum a\n",
        f"log {KEYS[0].verifier.to_text()}\n{B}quorum b\n",
        f"{L}{A}Quorum a\n",
        f"{L}{A}quorum a\nfoo\n",
        TWO.replace("\n", "\r\n"),
        TWO.replace(" 2 ", "\xa02\xa0"),
        TWO.replace("\n", "\u2028"),
        TWO + "\0",
        TWO + "# \x7f\n",
        "\ufeff" + TWO,
    ],
)
def test_any_other_policy_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Policy.from_text(text)


def test_one_key_has_one_role_under_whatever_name_and_type() -> None:
    twin = SigningKey("twin.example", Algorithm.COSIGNATURE_ED25519, LOG.seed).verifier.to_text()
    with pytest.raises(Malformed, match="stands here twice"):
        Policy.from_text(f"{L}witness a {twin}\nquorum a\n")


def test_a_key_under_which_anyone_signs_is_malformed_here() -> None:
    weak = "w+00000000+BAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    with pytest.raises(Malformed, match="anyone"):
        Policy.from_text(f"{L}witness a {weak}\nquorum a\n")


def test_a_refusal_names_the_line_of_the_file() -> None:
    with pytest.raises(Malformed, match=r"^line 5: "):
        Policy.from_text(f"# one\n\n{L}{A}foo\nquorum a\n")


@pytest.mark.parametrize(
    "line", ["witness a {}", "witness {}", "log {}", "log a {}", "{}", "quorum {}"]
)
def test_a_private_key_in_a_policy_is_not_repeated(line: str) -> None:
    secret = SigningKey("n", Algorithm.COSIGNATURE_ED25519, KEYS[0].seed).to_text()
    with pytest.raises(Malformed) as caught:
        Policy.from_text(f"{L}{line.format(secret)}\nquorum a\n")
    assert secret.split("+", 4)[4][:8] not in str(caught.value)


def test_a_policy_is_bounded() -> None:
    with pytest.raises(Malformed, match="want a policy of at most"):
        Policy.from_bytes(b"\n" * (MAX_POLICY + 1))
    with pytest.raises(Malformed):
        Policy.from_bytes(b"# \xff\n" + TWO.encode())


def _chain(groups: int) -> str:
    lines = [L, A, "group g0 1 a\n", *(f"group g{i} 1 g{i - 1}\n" for i in range(1, groups))]
    return "".join(lines) + f"quorum g{groups - 1}\n"


def test_the_deepest_policy_is_still_judged() -> None:
    policy = Policy.from_text(_chain(MAX_NAMES - 1))
    assert policy.overlap == 1
    assert policy.quorum_time({"a": 7}) == 7
    with pytest.raises(Malformed, match="want at most 256"):
        Policy.from_text(_chain(MAX_NAMES))


@pytest.mark.parametrize(
    ("rest", "overlap"),
    [
        (f"{A}quorum a\n", 1),
        (f"{A}quorum none\n", 0),
        (f"{A}{B}group g any a b\nquorum g\n", 0),
        (f"{A}{B}group g all a b\nquorum g\n", 2),
        (f"{A}{B}{C}group g 2 a b c\nquorum g\n", 1),
        (f"{A}{B}{C}{D}group g 2 a b c d\nquorum g\n", 0),
        (f"{A}{B}{C}{D}group g 3 a b c d\nquorum g\n", 2),
        (f"{A}{B}{C}{D}group g all a b\ngroup h any c d\ngroup i all g h\nquorum i\n", 2),
        (f"{A}{B}{C}{D}group g all a b\ngroup h all c d\ngroup i any g h\nquorum i\n", 0),
    ],
)
def test_the_overlap_is_how_many_must_collude(rest: str, overlap: int) -> None:
    assert Policy.from_text(L + rest).overlap == overlap


def test_the_quorum_time_is_when_enough_had_signed() -> None:
    policy = Policy.from_text(TWO)
    assert policy.quorum_time({}) is None
    assert policy.quorum_time({"a": 5}) is None
    assert policy.quorum_time({"a": 5, "stranger": 6}) is None
    assert policy.quorum_time({"a": 5, "c": 3}) == 5
    assert policy.quorum_time({"a": 5, "b": 9, "c": 3}) == 5


def test_where_nobody_is_required_there_is_no_time() -> None:
    assert Policy.from_text(f"{L}{A}quorum none\n").quorum_time({"a": 5}) is None


def test_a_cosigned_checkpoint_opens() -> None:
    lines = [sign_checkpoint(CHECKPOINT, KEYS[i], 100 + i) for i in (2, 0, 3)]
    cosigned = Policy.from_text(TWO).open(PLAIN.with_signatures(lines))
    assert cosigned.checkpoint == CHECKPOINT
    assert cosigned.times == {"a": 100, "c": 102}
    assert cosigned.quorum_time == 102


def test_a_quorum_that_is_not_reached_is_no_error() -> None:
    assert Policy.from_text(TWO).open(PLAIN).quorum_time is None


def test_one_bad_line_of_a_known_cosigner_rejects_the_note() -> None:
    good = [sign_checkpoint(CHECKPOINT, key, 100) for key in KEYS]
    bad = [Signature(s.name, s.key_id, s.value[:-1] + b"\0") for s in good]
    policy = Policy.from_text(TWO)
    with pytest.raises(Rejected):
        policy.open(PLAIN.with_signatures([*good[:2], bad[2]]))
    # D stands in no line of the policy: nobody knows whether his is bad.
    assert policy.open(PLAIN.with_signatures([*good[:2], bad[3]])).quorum_time == 100


def test_a_note_without_the_log_is_rejected() -> None:
    lines = [sign_checkpoint(CHECKPOINT, key, 100) for key in KEYS]
    with pytest.raises(Rejected):
        Policy.from_text(TWO).open(SignedNote(PLAIN.text, tuple(lines)))
