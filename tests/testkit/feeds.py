"""A page of a feed as values, made without a ledger: for readers that are given anything."""

from ledger.evidence.series import MODULUS_SIZE
from ledger.process.feeds.feed import Page, Told, digest_of, first_link, next_link

FEED = "0198e7a0-0000-7000-8000-000000000001"


def page_of(entry: bytes, checkpoint: str) -> Page:
    """An event with its run, and one whose statement was destroyed."""
    run = {"n": "1", "series": "2026/acts/agency-01"}
    event = {
        "agency": "agency-01",
        "at": "2026-11-23T06:00:00Z",
        "fields": {"AJBH": "苏城管罚〔2026〕417号"},
        "id": FEED,
        "index": "3",
        "log": "2026",
        "n": "1",
        "nonce": "00" * 16,
        "queue": "发现问题",
        "run": run,
    }
    told = Told(event, digest_of(event), entry, 3, (bytes(32),))
    gone = Told(None, bytes(32), entry, 4, ())
    before = first_link(FEED)
    return Page(
        feed=FEED,
        table=bytes(32),
        log="2026",
        after=0,
        head=2,
        before=before,
        chain=next_link(next_link(before, told.digest), gone.digest),
        checkpoint=checkpoint,
        events=(told, gone),
        series={run["series"]: b"\1" * MODULUS_SIZE},
    )
