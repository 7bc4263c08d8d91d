"""Whose key a station's report is to be signed with: a packet's register says it, or nobody."""

from ledger.errors import Malformed, Rejected
from ledger.evidence.register import Registration
from ledger.evidence.statement import Role
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.verdict.examination import Examination


def parse_station(text: str) -> VerifierKey:
    """The whole public key, of the kind that signs reports."""
    key = VerifierKey.from_text(text)
    if key.algorithm is not Algorithm.ED25519:
        raise Malformed("want the station's Ed25519 key")
    return key


def station_of(ex: Examination, outcome: str, text: str) -> Registration:
    """The station in a packet's register, at its end; `text` is its key or its keyid.

    Raises `Rejected` where the packet fails, or has it under another role or revoked.
    """
    if outcome == "failed" or ex.register is None:
        raise Rejected("the packet fails: nothing of its register is believed")
    keyid = text if text.count("+") == 1 else parse_station(text).keyid
    try:
        found = ex.register.find(keyid, (len(ex.trust.logs), 0))
    except Rejected as error:
        raise Rejected(
            f"the packet's register has no such key in force: {error}",
            hints=("a packet has the keys of those who signed in its case",),
        ) from None
    if found.role is not Role.STATION:
        raise Rejected(f"{keyid} is registered as {found.role}, want station")
    if text not in (keyid, found.key.to_text()):
        raise Rejected(f"the packet has another key of the keyid {keyid}")
    parse_station(found.key.to_text())
    return found
