import pytest

from ledger.encoding import format_base64
from ledger.errors import Malformed, Rejected
from ledger.tlog.note import (
    MAX_NOTE,
    MAX_SIGNATURES,
    Algorithm,
    Signature,
    SignedNote,
    VerifierKey,
    check_name,
    check_note,
)
from ledger.tlog.signing_key import SigningKey, sign_note

KEY = SigningKey("log.example/2026", Algorithm.ED25519, bytes(range(32)))
TEXT = "a text\n\nwith an empty line\n"
NOTE = SignedNote(TEXT, (sign_note(TEXT, KEY),))
LINE = NOTE.signatures[0].to_text()


def test_a_key_comes_back_from_its_text() -> None:
    for algorithm in Algorithm:
        key = SigningKey("log.example/2026", algorithm, bytes(range(32)))
        assert SigningKey.from_text(key.to_text()) == key
        assert VerifierKey.from_text(key.verifier.to_text()) == key.verifier


def test_base64_with_a_plus_sign_does_not_split_a_key() -> None:
    keys = [SigningKey("n", Algorithm.ED25519, bytes([i] * 32)) for i in range(256)]
    odd = [k for k in keys if k.to_text().count("+") > 4 and k.verifier.to_text().count("+") > 2]
    assert odd
    for key in odd:
        assert SigningKey.from_text(key.to_text()) == key
        assert VerifierKey.from_text(key.verifier.to_text()) == key.verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log",
        "log+00000000",
        "++",
        "log++AQ==",
        "log+00000000+",
        "log+00000000+AQ==",
        KEY.verifier.to_text().replace(KEY.verifier.key_id.hex(), "0000000g"),
        KEY.verifier.to_text() + "\n",
        " " + KEY.verifier.to_text(),
        KEY.verifier.to_text().upper(),
        KEY.verifier.to_text().replace("log", "lo g"),
        KEY.verifier.to_text().replace("log", "blog"),
        KEY.verifier.to_text() + "A" * 9000,
        "log+00000000+" + format_base64(b"\2" + bytes(32)),
    ],
)
def test_any_other_key_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey.from_text(text)


def test_a_key_under_which_anyone_signs_is_refused() -> None:
    with pytest.raises(Rejected, match="anyone"):
        VerifierKey("log", Algorithm.ED25519, b"\1" + bytes(31))


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(Malformed):
        VerifierKey("log", Algorithm.COSIGNATURE_MLDSA44, KEY.verifier.public)
    with pytest.raises(Malformed):
        SigningKey("log", Algorithm.ED25519, bytes(31))


def _secrets_in(message: str) -> bool:
    secret = format_base64(b"\1" + KEY.seed)
    return any(secret[i : i + 6] in message for i in range(len(secret) - 5))


@pytest.mark.parametrize(
    "text",
    [
        KEY.to_text()[:-1],
        KEY.to_text() + "\n",
        KEY.to_text().replace("PRIVATE", "PRIVAT"),
        KEY.to_text().replace("+log.example/2026", ""),
        KEY.to_text().replace("+log.example/2026+", "+log.example/2026 "),
        "PRIVATE+KEY+" + format_base64(b"\1" + KEY.seed) + " +12345678+" + format_base64(bytes(33)),
        "PRIVATE+KEY+a b+"
        + format_base64(b"\1" + KEY.seed)
        + "+"
        + format_base64(b"\1" + bytes(32)),
        "PRIVATE+KEY+a+" + format_base64(b"\1" + KEY.seed) + "+" + format_base64(b"\1" + bytes(32)),
        KEY.to_text().replace(KEY.verifier.key_id.hex(), "00000000"),
        format_base64(b"\1" + KEY.seed),
    ],
)
def test_a_damaged_private_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        SigningKey.from_text(text)
    assert not _secrets_in(str(caught.value))


def test_a_private_key_in_the_place_of_a_public_one_is_not_repeated() -> None:
    short = SigningKey("n", KEY.algorithm, KEY.seed).to_text()
    with pytest.raises(Malformed) as caught:
        VerifierKey.from_text(short)
    assert not _secrets_in(str(caught.value))


def test_a_private_key_is_not_in_its_repr() -> None:
    assert repr(KEY.seed) not in repr(KEY)
    assert not _secrets_in(repr(KEY))


@pytest.mark.parametrize("name", ["a", "log.example/2026", "苏州公证处", "x" * 255, "é" * 127])
def test_a_name_may_be_anything_visible(name: str) -> None:
    check_name(name)


# The characters are those of Go's unicode.IsSpace, then controls that Go would let pass.
@pytest.mark.parametrize(
    "name",
    ["", "a+b", "x" * 256, "é" * 128, "\ud800"]
    + [f"a{c}b" for c in "\t\n\v\f\r \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"]
    + [f"a{c}b" for c in "\0\x1b\x1c\x1f\x7f\x80\x9f"],
)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        check_name(name)


def test_a_note_comes_back() -> None:
    assert SignedNote.from_bytes(NOTE.to_bytes()) == NOTE
    assert NOTE.to_text() == f"{TEXT}\n{LINE}"


def test_the_text_ends_at_the_last_empty_line() -> None:
    assert SignedNote.from_text(f"a\n\n\n{LINE}").text == "a\n\n"
    assert SignedNote.from_text(f"\n\n{LINE}").text == "\n"


@pytest.mark.parametrize("text", ["a\x85b\n", "a\u2028b\n", "a\x7fb\n", "\ufeffa\n", "a\u3000\n"])
def test_a_text_may_hold_what_only_python_takes_for_line_ends(text: str) -> None:
    assert SignedNote.from_text(f"{text}\n{LINE}").text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n\n",
        LINE,
        f"\n{LINE}",
        f"{TEXT}{LINE}",
        f"{TEXT}\n{LINE[:-1]}",
        f"{TEXT}\n{LINE}\n",
        f"{TEXT}\n{LINE}junk\n",
        f"{TEXT}\n{LINE} \n",
        f"{TEXT}\n {LINE}",
        f"{TEXT}\n" + LINE.replace("—", "-"),
        f"{TEXT}\n" + LINE.replace("— ", "—  "),
        f"{TEXT}\n" + LINE.replace(" ", "\t"),
        f"{TEXT}\n" + LINE.replace(" ", "\xa0"),
        f"{TEXT}\n" + LINE.replace("\n", "\r\n"),
        f"{TEXT}\n" + LINE.replace("\n", "\x85\n"),
        f"{TEXT}\n" + LINE.replace("\n", "\u2028") + LINE,
        f"{TEXT}\n" + LINE.replace("log", "l\u2028og"),
        f"{TEXT}\n" + LINE.replace("log.example", "log\x7fexample"),
        f"{TEXT}\n" + LINE.replace("log", "l+og"),
        f"{TEXT}\n" + LINE.replace("log.example/2026", ""),
        f"{TEXT}\n— log AAAA\n",
        f"{TEXT}\n— log AAAAAA==\n",
        f"{TEXT}\n— log AAAAAAB=\n",
        f"{TEXT}\n— log\n",
        f"a\rb\n\n{LINE}",
        f"a\tb\n\n{LINE}",
        f"a\0b\n\n{LINE}",
        f"a\x1cb\n\n{LINE}",
        f"a\ud800b\n\n{LINE}",
        f"a\udfffb\n\n{LINE}",
    ],
)
def test_any_other_note_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        SignedNote.from_text(text)


def test_a_note_of_bytes_that_are_no_utf8_is_refused() -> None:
    with pytest.raises(Malformed):
        SignedNote.from_bytes(b"\xff" + NOTE.to_bytes())


def test_a_note_is_bounded_in_bytes_not_characters() -> None:
    room = MAX_NOTE - len(f"\n\n{LINE}".encode())
    longest = SignedNote.from_text("é" * (room // 2) + "x" * (room % 2) + f"\n\n{LINE}")
    assert SignedNote.from_bytes(longest.to_bytes()) == longest
    with pytest.raises(Malformed, match="want a note of at most"):
        SignedNote.from_text("é" * (room // 2 + 1) + f"\n\n{LINE}")
    with pytest.raises(Malformed, match="want a note of at most"):
        SignedNote.from_bytes(b"x" * (room + 1) + f"\n\n{LINE}".encode())


def _line(number: int) -> Signature:
    return Signature(f"n{number}", bytes(4), b"x")


def test_a_note_has_at_most_sixteen_signatures() -> None:
    note = SignedNote(TEXT, ()).with_signatures(_line(i) for i in range(MAX_SIGNATURES))
    assert SignedNote.from_text(note.to_text()) == note
    with pytest.raises(Malformed, match="want at most 16 signatures, got 17"):
        note.with_signatures([_line(16)])
    with pytest.raises(Malformed, match="want at most 16 signatures, got 17"):
        SignedNote.from_text(note.to_text() + _line(16).to_text())


def test_a_newer_line_takes_the_place_of_the_older() -> None:
    newer = Signature("n1", bytes(4), b"y")
    note = SignedNote(TEXT, (_line(0), _line(1))).with_signatures([newer, _line(2)])
    assert note.signatures == (_line(0), newer, _line(2))


def test_a_signed_note_is_believed() -> None:
    check_note(SignedNote.from_text(NOTE.to_text()), KEY.verifier)
    check_note(NOTE.with_signatures([_line(0)]), KEY.verifier)


def test_a_note_is_signed_over_its_text_without_the_separator() -> None:
    KEY.verifier.verify(TEXT.encode(), NOTE.signatures[0].value)


def test_a_note_that_its_key_did_not_sign_is_rejected() -> None:
    line = NOTE.signatures[0]
    other = SigningKey("log.example/2026", Algorithm.ED25519, bytes(32))
    wrong = Signature(line.name, line.key_id, line.value[:-1] + b"\0")
    for note in (
        SignedNote(TEXT + "more\n", (line,)),
        SignedNote(TEXT, (wrong,)),
        SignedNote(TEXT, (Signature(line.name, line.key_id, line.value + b"\0"),)),
        SignedNote(TEXT, (Signature("blog.example", line.key_id, line.value),)),
        SignedNote(TEXT, (sign_note(TEXT, other),)),
        SignedNote(TEXT, (line, wrong)),
        SignedNote(TEXT, (line, line)),
        SignedNote(TEXT, ()),
    ):
        with pytest.raises(Rejected):
            check_note(note, KEY.verifier)


def test_a_cosigner_does_not_sign_notes() -> None:
    cosigner = SigningKey("c", Algorithm.COSIGNATURE_ED25519, KEY.seed)
    plain = Signature("c", cosigner.verifier.key_id, cosigner.sign(TEXT.encode()))
    with pytest.raises(Malformed):
        sign_note(TEXT, cosigner)
    with pytest.raises(Rejected):
        check_note(SignedNote(TEXT, (plain,)), cosigner.verifier)


def test_the_fingerprint_is_of_the_whole_key_without_its_name() -> None:
    renamed = VerifierKey("other", KEY.algorithm, KEY.verifier.public)
    assert renamed.fingerprint == KEY.verifier.fingerprint
    assert renamed.key_id != KEY.verifier.key_id
    typed = VerifierKey("other", Algorithm.COSIGNATURE_ED25519, KEY.verifier.public)
    assert typed.fingerprint != renamed.fingerprint
