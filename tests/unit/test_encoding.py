from typing import Any

import pytest

from ledger.encoding import (
    MAX_DECIMAL,
    MAX_INTEGER,
    MAX_JSON_DEPTH,
    MAX_TIME,
    clip,
    format_base64,
    format_json,
    format_time,
    format_uuid7,
    in_china,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
    parse_time,
    parse_utf8,
    parse_uuid7,
    printable,
)
from ledger.errors import Malformed


@pytest.mark.parametrize("text", ["0", "7", "10", str(MAX_DECIMAL)])
def test_a_decimal_is_read(text: str) -> None:
    assert str(parse_decimal(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+7",
        "-7",
        " 7",
        "7 ",
        "7\n",
        "07",
        "00",
        "1_000",
        "0x1",
        "7.0",
        "1e3",
        "٧",
        "７",
        "²",
        str(MAX_DECIMAL + 1),
        "9" * 19,
        "1" * 5000,
    ],
)
def test_another_spelling_of_a_number_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_decimal(text)


@pytest.mark.parametrize("data", [b"", b"\x00", b"ab", b"abc", bytes(range(256))])
def test_base64_comes_back(data: bytes) -> None:
    assert parse_base64(format_base64(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AA",
        "AAA",
        "AA=",
        "AAB=",
        "AB==",
        "AAAA=",
        "AA==AA==",
        "=AAA",
        "AAA=\n",
        "AA A",
        "AAAA\n",
        "\nAAAA",
        "AA\r\nAA",
        "__8=",
        "--8=",
        "ＡＡＡＡ",
        "AAAé",
        "\ud800AAA",
        "A!AA",
    ],
)
def test_another_spelling_of_base64_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_base64(text)


def test_base64_of_another_length_is_refused() -> None:
    with pytest.raises(Malformed, match="want 32 bytes of base64, got 31"):
        parse_base64(format_base64(bytes(31)), 32)


@pytest.mark.parametrize("text", ["0", "0A", "zz", " 00", "00 ", "00\n", "0x00", "０0", "٠٠"])
def test_hex_is_lower_case_and_whole_bytes(text: str) -> None:
    with pytest.raises(Malformed):
        parse_hex(text)


def test_hex_of_another_length_is_refused() -> None:
    assert parse_hex("00ff", 2) == b"\x00\xff"
    with pytest.raises(Malformed, match="want 4 bytes of hex, got 2"):
        parse_hex("00ff", 4)


@pytest.mark.parametrize(
    "data", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4"]
)
def test_bytes_that_are_no_utf8_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="want UTF-8"):
        parse_utf8(data)


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"[]",
        b"0",
        b'"x"',
        b"-1",
        b'{"a":1,"b":[{},"\xe8\xaf\x81"]}',
        b'"\\u0000\\n"',
        str(MAX_INTEGER).encode(),
        str(-MAX_INTEGER).encode(),
    ],
)
def test_canonical_json_comes_back(data: bytes) -> None:
    assert format_json(parse_json(data, limit=100)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" {}",
        b"{}\n",
        b"\xef\xbb\xbf{}",
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'"\\u00e9"',
        b'"\\u000a"',
        b'"\\/"',
        b'"\\ud800"',
        b'{"\\ud800":1}',
        b"-0",
        b"01",
        b"1.0",
        b"1e3",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"true",
        b"null",
        b"[false]",
        b'{"a":null}',
        b"9007199254740992",
        b"-9007199254740992",
        b"1" * 5000,
        b'"\x01"',
        b'"\xff"',
        b"[1,]",
        b"{}{}",
        b"[" * (MAX_JSON_DEPTH + 2) + b"]" * (MAX_JSON_DEPTH + 2),
        b"[" * 9000,
    ],
)
def test_json_in_another_spelling_or_of_another_kind_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_json(data, limit=10_000)


def test_a_key_that_occurs_twice_is_refused_by_name() -> None:
    with pytest.raises(Malformed, match="a key occurs twice"):
        parse_json(b'{"a":1,"a":1}', limit=100)


def test_names_are_sorted_by_utf16_code_units_as_rfc_8785_says() -> None:
    text = '{"\U0001f600":1,"\ufb33":2}'
    assert format_json({"\ufb33": 2, "\U0001f600": 1}) == text.encode()


def test_json_longer_than_its_limit_is_refused_unread() -> None:
    assert parse_json(b"[1]", limit=3) == [1]
    with pytest.raises(Malformed, match="want at most 2 bytes of JSON, got 3"):
        parse_json(b"[1]", limit=2)


@pytest.mark.parametrize(
    "value",
    [1.5, True, None, (1,), b"x", {1: 2}, {"a": 1.0}, ["\ud800"], {"\udfff": 1}, 2**53, [10**5000]],
)
def test_a_value_without_canonical_json_is_refused(value: object) -> None:
    with pytest.raises(Malformed):
        format_json(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T08:00:00+08:00", 0),
        ("2026-11-23T14:00:00+08:00", 1795413600000),
        ("2026-11-23T14:00:00.007+08:00", 1795413600007),
        ("2026-11-23T00:30:00-05:30", 1795413600000),
        ("2024-02-29T00:00:00Z", 1709164800000),
        ("9999-12-31T23:59:59.999+08:00", MAX_TIME),
    ],
)
def test_a_time_is_milliseconds_since_the_epoch(text: str, at_ms: int) -> None:
    assert parse_time(text) == at_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T14:00:00",
        "2026-11-23 14:00:00Z",
        "2026-11-23t14:00:00z",
        "2026-11-23T14:00Z",
        "2026-11-23T14:00:00.1Z",
        "2026-11-23T14:00:00.000000Z",
        "2026-11-23T14:00:00,000Z",
        "2026-11-23T14:00:00+0800",
        "2026-11-23T14:00:00+08",
        "2026-11-23T14:00:00+08:00\n",
        "2026-11-23T14:00:00+08:60",
        "2026-11-23T14:00:00+24:00",
        "2026-11-23T24:00:00Z",
        "2026-11-23T14:60:00Z",
        "2026-11-23T14:00:60Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+08:00",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59Z",
        "２０26-11-23T14:00:00Z",
    ],
)
def test_what_is_no_time_of_ours_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_time(text)


def test_times_are_shown_as_clocks_in_china_show_them() -> None:
    assert format_time(1795413600999) == "2026-11-23T14:00:00+08:00"
    assert format_time(MAX_TIME) == "9999-12-31T23:59:59+08:00"
    # Before 1991 the zone database has summer time there: here the hour never moves.
    assert format_time(588_000_000_000) == "1988-08-19T21:20:00+08:00"


@pytest.mark.parametrize("at_ms", [-1, MAX_TIME + 1, 2**63])
def test_a_time_that_no_calendar_shows_is_refused(at_ms: int) -> None:
    with pytest.raises(Malformed):
        in_china(at_ms)


def test_a_uuid_is_of_version_7_and_lower_case() -> None:
    good = "019a0b1c-2d3e-7f00-8000-0123456789ab"
    assert parse_uuid7(good) == good
    for bad in (good.upper(), good.replace("7f", "4f"), good.replace("-8", "-c"), f"{{{good}}}"):
        with pytest.raises(Malformed):
            parse_uuid7(bad)


def test_a_uuid_is_built_as_rfc_9562_shows() -> None:
    random = bytes.fromhex("fcc3d8c4dc0c0c07398f")
    expected = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert format_uuid7(0x017F22E279B0, random) == expected
    assert parse_uuid7(format_uuid7(0, bytes(10))) == "00000000-0000-7000-8000-000000000000"


def test_long_input_is_cut_in_messages() -> None:
    assert clip("x" * 60) == "x" * 60
    assert clip("x" * 61) == "x" * 60 + "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("现场照片 1.jpg", "现场照片 1.jpg"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("a\u200bb\u2028c\xa0d\x7f\x85", "a\\u200bb\\u2028c\\xa0d\\x7f\\x85"),
        ("\ud800\n", "\\ud800\\n"),
    ],
)
def test_what_is_printed_cannot_move_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_refusal_names_the_place_from_the_outside_in() -> None:
    inner = Malformed("want a digest", path="[3]").under("items").under("packet")
    assert str(inner) == "packet.items[3]: want a digest"
    assert str(Malformed("x").under("a")) == "a: x"


@pytest.mark.parametrize(
    "value",
    [
        {"\uffff": "a", "\U00010000": "b"},
        {"a": {"\uffff": "a", "\U00010000": "b"}, "b": "c"},
        [{"\U00010000": "b", "\uffff": "a"}, {"z": "y"}],
    ],
)
def test_keys_beyond_ascii_stand_in_the_order_of_their_utf16(value: Any) -> None:
    text = format_json(value).decode()
    assert text.index("\U00010000") < text.index("\uffff")


@pytest.mark.parametrize("leaf", ["x", 1, [], {}])
def test_depth_counts_the_same_for_every_kind_of_value(leaf: Any) -> None:
    value = leaf
    for _ in range(MAX_JSON_DEPTH):
        value = [value]
    format_json(value)
    with pytest.raises(Malformed, match="too deeply"):
        format_json([value])
