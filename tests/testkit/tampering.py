"""What an operator does to a packet, and what its verdict should say."""

import json
from collections.abc import Callable
from typing import Any

from ledger.encoding import format_json
from ledger.evidence.packet import SeriesFile
from ledger.report import Finding, Outcome, Report
from testkit.case import CASE, Built, Draft

CASE_SERIES = f"2026/case/{CASE}"


def refused(report: Report, step: str, *words: str) -> Finding:
    """The finding of that step which fails the packet and says so in these words."""
    assert report.outcome is Outcome.FAILED, report.findings
    found = [f for f in report.findings if f.step == step and f.outcome is Outcome.FAILED]
    fitting = [f for f in found if all(word in f"{f.about}: {f.detail}" for word in words)]
    assert fitting, [f for f in report.findings if f.outcome is not Outcome.PASSED]
    return fitting[0]


def undecided(report: Report, step: str, *words: str) -> None:
    assert report.outcome is Outcome.UNDECIDED, report.findings
    found = [f for f in report.findings if f.step == step and f.outcome is Outcome.UNDECIDED]
    assert any(all(word in f"{f.about}: {f.detail}" for word in words) for f in found), found


def leave_out(built: Built, name: str) -> None:
    """Entry, proofs, statement, salt and place in its series: as if it had never been."""
    place = built.place(name)
    for path in list(built.files):
        stem = path.rpartition("/")[2].partition("@")[0].partition(".")[0]
        if stem == place.to_text():
            del built.files[path]
    for path, data in list(built.files.items()):
        if path.startswith("data/series/"):
            file = SeriesFile.from_bytes(data)
            places = tuple(p for p in file.places if p != place)
            if not places:
                del built.files[path]
            else:
                built.files[path] = SeriesFile(file.name, file.signature, places).to_bytes()
    leave_items_out(built, built.row(name).draft)


def leave_items_out(built: Built, draft: Draft) -> None:
    index = json.loads(built.files["data/packet.json"])
    for name in list(index["items"]):
        if built.files[f"data/items/{name}"] in draft.items:
            del built.files[f"data/items/{name}"]
            index["items"].remove(name)
    built.files["data/packet.json"] = format_json(index)


def edit_json(built: Built, path: str, change: Callable[[Any], None]) -> None:
    value = json.loads(built.files[path])
    change(value)
    built.files[path] = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()


def path_of(built: Built, name: str, kind: str) -> str:
    place = built.place(name).to_text()
    return {
        "entry": f"data/entries/{place}.json",
        "salt": f"data/statements/{place}.salt",
        "envelope": f"data/statements/{place}.dsse.json",
        "proof": f"data/proofs/{place}@{len(built.rows)}.tlog-proof",
    }[kind]
