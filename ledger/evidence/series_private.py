"""The private half of a year's series key: it alone can name a new series.

Kept from the judging side, which must never need it. When the year's cases are
closed it is destroyed, and the tags of erased statements are noise for everyone.
"""

from functools import cached_property

from ledger import suite, suite_private
from ledger.errors import Malformed
from ledger.evidence.series import ROOTS, Series, SeriesKey, name_message, root_target


class SeriesSigner:
    """Signs series names under one year's key."""

    def __init__(self, pem: bytes) -> None:
        self._key = suite_private.series_private(pem)
        if self._key.key_size != suite.SERIES_BITS:
            raise Malformed(f"want a series key of {suite.SERIES_BITS} bits")

    def open(self, name: str) -> Series:
        return Series(name, suite_private.series_sign(self._key, name_message(name)))

    @cached_property
    def public(self) -> SeriesKey:
        """With the eight roots, which take a moment: made once, at `init`."""
        private = self._key.private_numbers()
        n = private.public_numbers.n
        roots = tuple(pow(root_target(n, i), private.d, n) for i in range(ROOTS))
        return SeriesKey(n, roots)


def new_series_key() -> bytes:
    """A fresh private key, PKCS #8 PEM."""
    return suite_private.series_private_pem(suite_private.series_generate())
