"""`tiezheng derive`: what is published is what was served, but for the declared places."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import derive
from ledger.evidence.derivation import Span
from ledger.tlog.signing_key import SigningKey
from testkit.server import CASE, HANDLER, Ledger, open_ledger, serving
from testkit.terminal import Ended, Run

SERVED = "行政处罚决定书\n当事人王某某，住址平江路 1 号。\n罚款 500 元。\n" * 3
PUBLISHED = SERVED.replace("王某某", "某甲").replace("平江路 1 号", "")


class Desk:
    def __init__(self, ledger: Ledger, address: str, folder: Path, run: Run) -> None:
        self.ledger, self.folder, self.run = ledger, folder, run
        self.usual = ("--case", CASE, "--key", self._key(HANDLER), "--server", address)
        self.address = address
        self.trust = ledger.folder / "trust"

    def _key(self, signer: SigningKey) -> Path:
        path = self.folder / "handler.key"
        path.write_text(signer.to_text() + "\n")
        return path

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def derive(self, *args: str | Path) -> Ended:
        return self.run("derive", *args, *self.usual, "--trust", self.trust)

    def verify(self, name: str) -> Ended:
        token, packet = self.folder / "token", self.folder / name
        token.write_text(self.ledger.token() + "\n")
        fetched = self.run(
            *("packet", CASE, "-o", packet, "--server", self.address, "--token-file", token)
        )
        assert fetched.code == 0, fetched.err
        return self.run("verify", packet, "--trust", self.trust)


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with (
        open_ledger(tmp_path / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
    ):
        made = Desk(ledger, address, tmp_path, run)
        served = made.write("决定书.txt", SERVED)
        act = ("--act", "penalty_decision", "--trust", made.trust)
        assert run("deposit", served, *act, *made.usual).code == 0
        yield made


def test_what_changes_while_it_is_compared_is_not_logged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, published = desk.folder / "决定书.txt", desk.write("公开.txt", PUBLISHED)
    compare = derive._spans

    def exchanged(before: bytes, after: bytes, *names: str) -> tuple[Span, ...]:
        found = compare(before, after, *names)
        published.write_text(PUBLISHED.replace("500", "5000"))
        served.write_text("another")
        return found

    monkeypatch.setattr(derive, "_spans", exchanged)
    ended = desk.derive(published, "--from", served, "--as", "redaction", "--declare")
    assert ended.code != 0 and "has changed while it was handed in" in ended.err
    # Of the original the bytes that were compared are named.
    monkeypatch.setattr(derive, "_spans", compare)
    desk.write("公开.txt", PUBLISHED)
    desk.write("决定书.txt", SERVED)
    ended = desk.derive(published, "--from", served, "--as", "redaction", "--declare")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("unit", ["a", "\n", "ab\n"])
def test_texts_of_one_repeated_thing_are_compared_in_no_time(unit: str) -> None:
    """Before, this took hours."""
    old = "x" + unit * 30_000 + "y"
    new = "z" + unit * 29_000 + "w"
    (span,) = derive.differences(old, new)
    assert (span.at, span.size, span.put) == (0, len(old), new)


def test_far_apart_in_a_long_line_two_places_are_two_spans() -> None:
    line = "当事人不服本决定的，可以依法申请行政复议。" * 90
    old, new = f"甲{line}乙{line}丙", f"{line}乙{line}"
    assert [span.size for span in derive.differences(old, new)] == [3, 3]


def test_a_published_decision_is_declared_logged_and_verified(desk: Desk) -> None:
    served, published = desk.folder / "决定书.txt", desk.write("公开.txt", PUBLISHED)
    ended = desk.derive(published, "--from", served, "--as", "redaction", "--declare")
    assert ended.code == 0, ended.err
    assert "places declared" in ended.err and "'平江路 1 号' → ''" in ended.err
    said = desk.verify("packet.zip")
    assert said.code == 0, said.out
    (line,) = [line for line in said.out.splitlines() if "Made from items: passed" in line]
    assert "公开.txt is 决定书.txt but for" in line


def test_a_transcript_names_its_original_and_its_tool(desk: Desk) -> None:
    served, spoken = desk.folder / "决定书.txt", desk.write("转写.txt", "念到此处")
    args = (spoken, "--from", served, "--as", "transcript", "--tool", "listener 2.1", "--json")
    ended = desk.derive(*args)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["spans"] == []
    assert "what was done was not checked" in desk.verify("packet.zip").out


@pytest.mark.parametrize(
    ("original", "made", "args", "code", "words"),
    [
        (SERVED, SERVED, ("--declare",), 1, "nothing was changed"),
        (SERVED, "x" * 300, ("--declare",), 1, "is this made from that original"),
        (b"\xff\xfe", "x", ("--declare",), 1, "UTF-8"),
        ("x", b"\xff", ("--declare",), 1, "UTF-8"),
        ("x" * 131_073, "x", ("--declare",), 1, "texts of at most"),
        (SERVED, PUBLISHED, (), 2, "--tool, or --declare"),
        (SERVED, PUBLISHED, ("--tool", "a\nb"), 1, "one line"),
    ],
)
def test_what_is_no_derivation_is_refused_and_nothing_is_logged(
    desk: Desk,
    original: str | bytes,
    made: str | bytes,
    args: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    before = desk.ledger.services.log.size
    one, two = desk.write("one.txt", original), desk.write("two.txt", made)
    ended = desk.derive(two, "--from", one, "--as", "redaction", *args)
    assert (ended.code, words in ended.err) == (code, True), ended.err
    missing = desk.derive(two, "--from", desk.folder / "none", "--as", "redaction", "--declare")
    assert missing.code == 4
    assert desk.ledger.services.log.size == before
