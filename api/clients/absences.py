"""Asks mirrors about the series of a packet, and puts what they sign into it.

A packet has the signatures from which tags follow, so whoever holds one can ask, without a
key and without the ledger. A mirror is sent tags of 16 bytes and never a name.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import httpx2

from api.clients.address import without_password
from api.clients.http import TIMEOUT_S, fetch, new_client
from ledger.errors import Rejected, Unavailable
from ledger.evidence.absence import Absence, tags_to_bytes
from ledger.evidence.envelope import MAX_ENVELOPE, Envelope
from ledger.evidence.packet import Layout, SeriesFile
from ledger.evidence.series import Series
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from storage.packet_additions import add_files, read_file
from storage.packets import ZipPacket

WITHIN_S = 60.0  # for one answer
RETRY_S = 1.0
BUSY = (429, 503)  # asked too fast, or it has not come so far

Progress = Callable[[int], None]


def add_statements(
    packet: Path, mirrors: Sequence[str], patience_s: float, on_answer: Progress = lambda n: None
) -> int:
    """How many statements the packet has now; it is as it was if one could not be had.

    `patience_s` is for a mirror that is behind the packet's checkpoint, or busy.
    """
    source = ZipPacket(packet)
    layout = Layout.of(source.sizes())
    questions = [
        (label, SignedNote.from_bytes(read_file(source, note)), read_file(source, path))
        for label, note in sorted(layout.checkpoints.items())
        for path in layout.series
    ]
    files = {path: read_file(source, path) for path in layout.absences}
    number = len(files)
    with closing(new_client(TIMEOUT_S)) as client:
        for mirror in mirrors:
            ends = time.monotonic() + patience_s
            for label, note, series in questions:
                tags = _tags(SeriesFile.from_bytes(series))
                checkpoint = Checkpoint.from_text(note.text)
                number += 1
                path = f"data/absence/{number:02d}.dsse.json"
                files[path] = ask(client, mirror, label, checkpoint, tags, ends)
                on_answer(1)
    add_files(packet, files)
    return len(files)


def ask(
    client: httpx2.Client,
    mirror: str,
    label: str,
    checkpoint: Checkpoint,
    question: bytes,
    ends: float,
) -> bytes:
    """The envelope, about that tree and those tags; who signed it, a verifier checks."""
    url = f"{mirror.rstrip('/')}/log/{label}/absence/{checkpoint.size}"
    envelope = _answer(client, url, question, ends)
    said = Absence.from_bytes(Envelope.from_bytes(envelope).payload)
    if said.checkpoint != checkpoint:
        raise Rejected(
            f"{without_password(mirror)} holds another tree of {checkpoint.size} entries"
            f" of {checkpoint.origin!r}",
            hints=("two histories: keep this packet, and ask the mirror for its copy",),
        )
    if said.asked != digest(question):
        raise Rejected(f"{without_password(mirror)} answered another question")
    return envelope


def _answer(client: httpx2.Client, url: str, question: bytes, ends: float) -> bytes:
    while True:
        status, data = fetch(client, "POST", url, MAX_ENVELOPE, within_s=WITHIN_S, content=question)
        if status == 200:
            return data
        if status not in BUSY or time.monotonic() > ends:
            reason = data[:200].decode("utf-8", "replace").strip()
            raise Unavailable(f"{without_password(url)} answered {status}: {reason!r}")
        time.sleep(RETRY_S)


def _tags(file: SeriesFile) -> bytes:
    series = Series(file.name, file.signature)
    return tags_to_bytes(series.asked(len(file.places)))
