"""Things made from items: their original, and what was declared of the changes."""

from typing import Any

import pytest

from cli.derive import differences
from ledger.evidence.chunks import digest_item
from ledger.evidence.derivation import Span, spans_to_json
from ledger.report import Finding, Group, Outcome, Report
from ledger.verify import verify_packet
from testkit.case import (
    AGENCY,
    CASE,
    HANDLER,
    Built,
    Draft,
    MemoryPacket,
    file_subject,
    make_case,
    uuid7,
)

SERVED = "行政处罚决定书\n当事人王某某，住址平江路 1 号。\n罚款 500 元。\n".encode()
PUBLISHED = "行政处罚决定书\n当事人某甲，住址。\n罚款 500 元。\n".encode()
SPANS = spans_to_json(list(differences(SERVED.decode(), PUBLISHED.decode())))


def derivation(parent: bytes, made: bytes, **more: Any) -> Draft:
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "derived": "redaction",
        "id": uuid7(70),
        "occurred": {"from": "2026-11-30T10:30:00+08:00", "to": "2026-11-30T10:30:00+08:00"},
        "original": digest_item(parent).sha256.hex(),
        "tool": "tiezheng derive",
        **more,
    }
    subject = [file_subject("公开.txt", made)]
    return Draft("derived", "derivation", predicate, subject, (HANDLER,), 2, (made,))


def built(draft: Draft) -> Built:
    case = make_case()
    decision = case.draft("decision")
    decision.subject, decision.items = [file_subject("决定书.txt", SERVED)], (SERVED,)
    case.add(draft)
    return case.build()


def of(report: Report, step: str = "derived") -> list[Finding]:
    return [finding for finding in report.findings if finding.step == step]


def test_what_is_published_is_what_was_served_but_for_the_spans() -> None:
    made = built(derivation(SERVED, PUBLISHED, spans=SPANS))
    report = made.verify()
    assert report.outcome is Outcome.PASSED, report.findings
    (finding,) = of(report)
    assert finding.outcome is Outcome.PASSED
    assert finding.detail.startswith("公开.txt is 决定书.txt but for 3 declared spans: ")
    # It is made after the decision, and stands in nobody's way.
    assert finding.about not in {f.about for f in of(report, "fence")}


def test_what_is_put_in_is_shown() -> None:
    """A fine of ten times as much is a share of no per cent."""
    spans = spans_to_json(
        list(differences(SERVED.decode(), SERVED.decode().replace("500", "5000")))
    )
    (finding,) = of(
        built(derivation(SERVED, SERVED.replace(b"500", b"5000"), spans=spans)).verify()
    )
    assert finding.outcome is Outcome.PASSED
    assert finding.detail == (
        f"公开.txt is 决定书.txt but for 1 declared spans: 0 of its {len(SERVED)} bytes are taken "
        "out, and in 1 places is put in “0”"
    )
    gone = spans_to_json([Span(0, 3)])
    (finding,) = of(built(derivation(SERVED, SERVED[3:], spans=gone)).verify())
    assert finding.detail.endswith(f"3 of its {len(SERVED)} bytes are taken out, nothing is put in")


def test_of_many_texts_put_in_some_are_shown() -> None:
    texts = ["长" * 21, "b\n", "c", "d", "e", "f", "f", "g"]
    spans = [Span(3 * n, 0, text) for n, text in enumerate(texts)]
    parts = (text.encode() + SERVED[3 * n : 3 * n + 3] for n, text in enumerate(texts))
    made = b"".join(parts) + SERVED[3 * len(texts) :]
    (finding,) = of(built(derivation(SERVED, made, spans=spans_to_json(spans))).verify())
    listed = f"“{'长' * 19}…”, “b\\n”, “c”, “d”, “e”, and 2 more"
    assert finding.detail.endswith(f"and in 8 places is put in {listed}")


@pytest.mark.usefixtures("alone")
def test_statements_cannot_have_an_original_read_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten thousand of them about one recording of 4 GB: 40 TB would be hashed."""
    made = built(derivation(SERVED, PUBLISHED, spans=SPANS))
    leave_out(made, PUBLISHED)
    monkeypatch.setattr("ledger.verdict.derived.MAX_READ", len(SERVED))
    assert of(made.verify(require=frozenset()))[0].outcome is Outcome.PASSED
    monkeypatch.setattr("ledger.verdict.derived.MAX_READ", len(SERVED) - 1)
    (finding,) = of(made.verify(require=frozenset()))
    assert finding.outcome is Outcome.UNDECIDED
    assert finding.detail.endswith("its 3 declared spans were not followed: there are too many")


@pytest.mark.parametrize("at", range(0, len(PUBLISHED), 5))
def test_one_byte_more_than_declared_fails(at: int) -> None:
    changed = bytearray(PUBLISHED)
    changed[at] ^= 1
    report = built(derivation(SERVED, bytes(changed), spans=SPANS)).verify()
    assert report.outcome is Outcome.FAILED
    (finding,) = of(report)
    assert finding.outcome is Outcome.FAILED


def test_of_a_transcript_only_the_origin_is_shown() -> None:
    draft = derivation(SERVED, b"spoken words", derived="transcript", tool="listener 2.1")
    (finding,) = of(built(draft).verify())
    assert finding.outcome is Outcome.PASSED
    assert "with listener 2.1, says who signed it; what was done was not checked" in finding.detail


def leave_out(made: Built, item: bytes) -> None:
    path = next(p for p, data in made.files.items() if data == item)
    del made.files[path]
    name = path.rpartition("/")[2]
    made.files["data/packet.json"] = made.files["data/packet.json"].replace(
        f',"{name}"'.encode(), b""
    )


def test_what_is_published_elsewhere_is_made_again_from_the_original() -> None:
    made = built(derivation(SERVED, PUBLISHED, spans=SPANS))
    leave_out(made, PUBLISHED)
    (finding,) = of(made.verify(require=frozenset()))
    assert finding.outcome is Outcome.PASSED
    assert finding.detail.endswith("was made again from them: its digests are those fixed")


@pytest.mark.parametrize("published", [PUBLISHED[:-1] + b"!", PUBLISHED + b"!", PUBLISHED[:-1]])
def test_what_is_published_elsewhere_and_the_spans_do_not_make_fails(published: bytes) -> None:
    made = built(derivation(SERVED, published, spans=SPANS))
    leave_out(made, published)
    report = made.verify(require=frozenset())
    assert of(report)[0].outcome is report.outcome is Outcome.FAILED


def test_without_the_original_nothing_is_shown_and_nothing_fails() -> None:
    made = built(derivation(SERVED, PUBLISHED, spans=SPANS))
    leave_out(made, SERVED)
    report = made.verify(require=frozenset())
    (finding,) = of(report)
    assert finding.outcome is Outcome.UNDECIDED and "need 决定书.txt" in finding.detail
    assert report.outcome is Outcome.PASSED and report.groups[Group.COMPLETE] is Outcome.UNDECIDED


def test_an_original_that_comes_later_or_never_is_no_original() -> None:
    for original in (b"never seen", PUBLISHED):
        (finding,) = of(built(derivation(original, PUBLISHED, spans=SPANS)).verify())
        assert finding.outcome is Outcome.UNDECIDED
        assert "no earlier statement shown here" in finding.detail


@pytest.mark.parametrize(
    "more",
    [
        {"spans": []},
        {"spans": [{"at": "0"}]},
        {"derived": "improvement"},
        {"original": "00"},
        {"tool": ""},
        {"device": "BWC-1"},
    ],
)
def test_another_form_of_it_is_refused(more: dict[str, Any]) -> None:
    draft = derivation(SERVED, PUBLISHED, **more)
    draft.series = (f"2026/case/{CASE}",)
    report = built(draft).verify()
    assert report.outcome is Outcome.FAILED
    assert {f.step for f in report.findings if f.outcome is Outcome.FAILED} >= {"commitment"}


@pytest.mark.usefixtures("alone")
def test_what_is_compared_is_what_was_hashed() -> None:
    """Changed more than was declared, and put right once the digests were taken."""
    changed = PUBLISHED[:-1] + b"!"
    made = built(derivation(SERVED, changed, spans=SPANS))

    class Exchanged(MemoryPacket):
        def read(self, path: str, at: int, size: int) -> bytes:
            data = self.files[path]
            return (PUBLISHED if data == changed else data)[at : at + size]

    (finding,) = of(verify_packet(Exchanged(made.sealed()), made.trust))
    assert finding.outcome is Outcome.FAILED
    assert finding.detail == "the packet has changed while it was read"
