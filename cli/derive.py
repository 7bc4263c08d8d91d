"""`tiezheng derive`: a redaction, a transcript or another thing made from an item."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.deposit import Filing
from cli.filing_options import keep_answers_option
from cli.language import say
from cli.remote import case_option, own_key_option, own_trust_option, server_option
from cli.small_file import read_small
from cli.trust import open_trust
from ledger import suite
from ledger.encoding import parse_utf8, printable
from ledger.errors import Malformed, Rejected
from ledger.evidence.case_number import parse_case
from ledger.evidence.derivation import MAX_PUT, MAX_SPANS, Derived, Span, spans_to_json, taken_out

MAX_TEXT_FILE = 131_072  # bytes; what is compared character by character
MAX_PAIRS = (
    4_000_000  # of equal characters, or lines: with more, to compare takes minutes and hours
)
SHOWN = 20


@new_command(
    "derive",
    words={
        "en": "Log what was made from an item: a redaction, a transcript, a translation or\n"
        "another encoding. The original stays as it is, and must be logged already.\n\n"
        "With --declare both files are text, and the statement says byte for byte where\n"
        "they differ. Whoever has both can then check that nothing else was changed: the\n"
        "decision as published is the decision as served, but for these places.",
        "zh": "登记由某一证据原件制作的派生件：遮盖件、转写、译文或转码件。\n"
        "原件不变，且须已入日志。\n\n"
        "加 --declare 时，两个文件均为文本，陈述中逐字节写明二者的不同之处。\n"
        "同时持有两者的人即可核对别处未作改动：公开的决定书除这些之处外，\n"
        "与送达的决定书一致。",
    },
    example="tiezheng derive published.txt --from 行政处罚决定书.txt --as redaction --declare \\\n"
    "    --case '苏城管罚〔2026〕417号' --key handler-12.key \\\n"
    "    --server https://ledger.example --trust trust/",
)
@argument("file", metavar="FILE", words={"en": "what was made", "zh": "派生件"})
@option(
    "--from",
    "original",
    required=True,
    metavar="FILE",
    words={"en": "the original that it was made from", "zh": "所依据的原件"},
)
@option(
    "--as",
    "derived",
    required=True,
    type=click.Choice([str(kind) for kind in Derived]),
    words={"en": "what it is", "zh": "派生件的种类"},
)
@option(
    "--tool",
    metavar="TEXT",
    words={"en": "name and version of what made it", "zh": "制作工具的名称与版本"},
)
@option(
    "--declare",
    is_flag=True,
    words={"en": "say byte for byte what was changed", "zh": "逐字节声明改动"},
)
@option("--reason", metavar="TEXT", words={"en": "why", "zh": "理由"})
@case_option()
@own_key_option()
@server_option()
@own_trust_option()
@keep_answers_option()
@json_option()
def command(
    file: str,
    original: str,
    derived: str,
    tool: str | None,
    declare: bool,
    reason: str | None,
    case: str,
    key_file: str,
    server: str,
    trust: str | None,
    keep: str | None,
    as_json: bool,
) -> int:
    if tool is None and not declare:
        raise click.UsageError(say(en="want --tool, or --declare", zh="须写 --tool 或 --declare"))
    from api.clients.filing import read_source

    source = Path(original)
    fields: dict[str, Any] = {
        "case": parse_case(case),
        "derived": derived,
        "tool": tool or "tiezheng derive",
    }
    if reason:
        fields["reason"] = reason
    spans: tuple[Span, ...] = ()
    before, compared = b"", None
    if declare:
        # What is compared is what is named, even of files that change meanwhile.
        before, after = read_small(source), read_small(Path(file))
        spans, compared = _spans(before, after, original, file), suite.digest(after)
        fields |= {"spans": spans_to_json(spans), "original": suite.digest(before).hex()}
    else:
        fields["original"] = read_source(source, lambda n: None).subject.digest.sha256.hex()
    filing = Filing(server, key_file, open_trust(trust) if trust else None, keep)
    rows = filing.derive(Path(file), fields, compared)
    if as_json:
        output.result_json({"spans": spans_to_json(spans), "statements": rows})
    else:
        for row in rows:
            output.result(f"{row['log']}-{row['index']}  {row['id']}  {', '.join(row['files'])}")
        _tell(before, spans)
    return output.worst(output.refusal(error, names) for names, error in filing.refused)


def _spans(before: bytes, after: bytes, original: str, file: str) -> tuple[Span, ...]:
    texts = []
    for data, name in ((before, original), (after, file)):
        if len(data) > MAX_TEXT_FILE:
            raise Rejected(f"want texts of at most {MAX_TEXT_FILE} bytes to compare: {name!r}")
        try:
            texts.append(parse_utf8(data))
        except Malformed as error:
            raise error.under(name) from None
    spans = tuple(differences(*texts))
    if not spans:
        raise Rejected("the two files are the same: nothing was changed")
    if len(spans) > MAX_SPANS or any(len(span.put) > MAX_PUT for span in spans):
        raise Rejected(
            f"they differ in {len(spans)} places: want at most {MAX_SPANS}, with at most "
            f"{MAX_PUT} new characters in each",
            hints=("is this made from that original?",),
        )
    return spans


def differences(original: str, derived: str) -> Iterator[Span]:
    """The spans, in bytes of UTF-8, by which a text differs from its original."""
    before, after = original.splitlines(keepends=True), derived.splitlines(keepends=True)
    at = 0
    for kind, a, b, c, d in _opcodes(before, after):
        old, new = "".join(before[a:b]), "".join(after[c:d])
        if kind != "equal":
            yield from _within(old, new, at)
        at += len(old.encode())


def _within(old: str, new: str, at: int) -> Iterator[Span]:
    """Character by character, which takes long, so only where lines differ."""
    for kind, a, b, c, d in _opcodes(old, new):
        if kind != "equal":
            start, size = len(old[:a].encode()), len(old[a:b].encode())
            yield Span(at + start, size, new[c:d])


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """As `SequenceMatcher`'s; what is too long to compare counts as replaced."""
    most = min(len(old), len(new))
    head = next((n for n in range(most) if old[n] != new[n]), most)
    tail = next((n for n in range(most - head) if old[-1 - n] != new[-1 - n]), most - head)
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    yield "equal", 0, head, 0, head
    counts = Counter(a)
    if sum(counts[one] for one in b) > MAX_PAIRS:
        yield "replace", head, head + len(a), head, head + len(b)
    else:
        for kind, *places in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            i, j, k, m = (head + place for place in places)
            yield kind, i, j, k, m
    yield "equal", len(old) - tail, len(old), len(new) - tail, len(new)


def _tell(before: bytes, spans: tuple[Span, ...]) -> None:
    for span in spans[:SHOWN]:
        gone = printable(before[span.at : span.at + span.size].decode())
        output.note(f"  {span.at}: {gone!r} → {printable(span.put)!r}")
    if spans:
        share = 100 * taken_out(spans) / max(1, len(before))
        output.note(
            say(
                en=f"{len(spans)} places declared, {share:.1f} % of the original's bytes",
                zh=f"共声明 {len(spans)} 处，占原件字节的 {share:.1f} %",
            )
        )
