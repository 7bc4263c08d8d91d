"""When what proofs rest on is no longer believed, as a verifier's trust folder says.

    sha256 2038-01-01T00:00:00+08:00
    tsa/lab 2035-06-30T00:00:00+08:00

One line each: an algorithm, or an authority of the folder. What is not named has not ended; an
authority's certificates end by themselves.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ledger.encoding import clip, parse_time, parse_utf8
from ledger.errors import Malformed

ALGORITHMS = frozenset({"ecdsa", "ed25519", "mldsa44", "rsa", "sha1", "sha256", "sha384", "sha512"})
MAX_LINES = 256


def parse_ends(data: bytes, authorities: frozenset[str]) -> Mapping[str, int]:
    """By name, in milliseconds; `authorities` are the names of those in the folder."""
    names = ALGORITHMS | {f"tsa/{name}" for name in authorities}
    lines = parse_utf8(data).splitlines()
    if len(lines) > MAX_LINES:
        raise Malformed(f"want at most {MAX_LINES} lines, got {len(lines)}")
    ends: dict[str, int] = {}
    for line in lines:
        name, _, time = line.partition(" ")
        if name not in names:
            raise Malformed(f"want an algorithm or an authority, got {clip(name)!r}")
        if name in ends:
            raise Malformed(f"{name} stands twice")
        ends[name] = parse_time(time)
    return MappingProxyType(ends)
