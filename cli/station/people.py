"""What people do at a station: they hand a device out, and they explain a gap.

Both are signed and stored here, and filed by whoever runs the engine, as soon as there is a
line. Several people may do so while it runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.ids import new_id
from cli.station import card, statements
from cli.station.card import Listing
from cli.station.docking import UNKNOWN_CARD, is_read, last_counters, listing_text
from cli.station.station import Station, newest
from ledger.encoding import parse_time
from ledger.errors import Conflict, Rejected, Unavailable, Unknown
from ledger.tlog.signing_key import SigningKey
from storage.station_sqlite import SessionRow, new_statement


def check_out(
    station: Station, root: Path, officers: Sequence[str], case: str, device_time: str
) -> SessionRow:
    """Hands a device out: card, counters and clock are recorded and signed, all in one step."""
    store, now = station.store, station.clock.now_ms()
    station.clock.look()
    name = card.identify(root, station.settings.identity_file)
    docking = store.arrived(name, now)
    try:
        on_card = card.mark_card(root)
    except Unavailable:  # a card that cannot be written to
        on_card = UNKNOWN_CARD
    listing = card.list_card(root)
    if not listing.whole:
        raise Rejected(f"there is more on {name!r} than can be listed", hints=("look at the card",))
    _check_unfinished(station, name, listing)
    data = statements.manifest(
        name, on_card.id, now, listing.files, listing.used if listing.mounted else None
    ).to_bytes()
    id_ = new_id(now)
    predicate: dict[str, Any] = station.common() | {
        "card": on_card.id,
        "device": name,
        "id": id_,
        "occurred": statements.moment(now),
        "officers": list(officers),
    }
    ahead = parse_time(device_time) - now if device_time else None
    predicate |= {"clock": statements.clock_field(ahead)} if ahead is not None else {}
    counters = _counters_now(station, name, listing)
    predicate |= {"counters": statements.counters_field(counters)} if counters else {}
    session = SessionRow(
        id=id_,
        device=name,
        given={"docking": docking, "listing": listing_text(listing), "weak": on_card.weak},
        officers=tuple(officers),
        case=case,
        began_ms=now,
        docked_ms=0,
        docking=docking,
    )
    row = new_statement(
        id_,
        id_,
        "check_out",
        statements.session_statement(predicate, data, station.keys, sm3=station.settings.sm3),
        now,
        data,
    )
    store.begin_session(session, row)
    return session


def explain_gap(station: Station, number: int, cause: str, note: str, *keys: SigningKey) -> str:
    """A person's own statement about a gap; returns its id. Raises `Unknown`, `Conflict`.

    `keys` are one person's, in different algorithms.
    """
    store, now = station.store, station.clock.now_ms()
    gap = next((gap for gap in store.gaps() if gap.id == number), None)
    if gap is None:
        raise Unknown(f"no gap {number} here", hints=("tiezheng station status shows them",))
    said = {row.id: row for row in store.told(gap.session)}
    before = said.get(gap.explained)
    if before is not None and not before.problem:
        raise Conflict(f"gap {number} is explained already, by statement {before.id}")
    told = said.get(gap.statement)
    if told is None:
        raise Unavailable(
            f"gap {number} is in no signed statement yet", hints=("wait for the next scan",)
        )
    session = store.session(gap.session)
    id_ = new_id(now)
    predicate: dict[str, Any] = station.common() | {
        "cause": cause,
        "device": session.device,
        "gap": str(gap.number),
        "id": id_,
        "occurred": statements.moment(now),
        "session": session.id,
    }
    predicate |= {"note": note} if note else {}
    row = new_statement(
        id_,
        session.id,
        "explanation",
        statements.session_statement(predicate, told.manifest, keys, sm3=station.settings.sm3),
        now,
        told.manifest,
    )
    store.explain(gap.id, cause, row)
    return id_


def _counters_now(station: Station, device: str, listing: Listing) -> dict[str, int]:
    if counters := last_counters(station, device):
        return counters
    found = [statements.found_file(f.path, f.size, f.mtime_ns) for f in listing.files]
    return station.counting.advance({}, found)


def _check_unfinished(station: Station, name: str, listing: Listing) -> None:
    """Raises `Rejected` if the card holds what this station has not read to its end."""
    known = newest(station.store.live_files(name))
    last = station.store.last_session(name)
    if last is not None and not last.docked_ms:
        raise Rejected(f"{name!r} is handed out already, in session {last.id}")
    unread = [f for f in listing.files if not is_read(known.get(f.path), f)]
    if unread:
        raise Rejected(
            f"{len(unread)} files on {name!r} have not been read yet",
            hints=("wait until it is safe to unplug",),
        )
