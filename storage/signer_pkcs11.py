"""A cosigner's key in a token, over PKCS #11: Ed25519 only, and the private key stays there.

The pair is made there, by whoever keeps the token, private and public half under one label:

    pkcs11-tool --module libsofthsm2.so --login --keypairgen --key-type EC:edwards25519 \\
        --label cosigner

One session, one caller at a time; a signature is verified before anyone is given it. A token
that was taken out is not opened again by itself: each attempt would tell it the PIN, and of a
wrong one it takes few.
"""

from typing import Any

from ledger.errors import Malformed, Rejected
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import check_signed
from storage.wrap_pkcs11 import Pkcs11Token


class Pkcs11Signer:
    """Implements `ledger.tlog.signing_key.Signer`."""

    def __init__(
        self,
        name: str,
        token: Pkcs11Token,
        label: str,
        algorithm: Algorithm = Algorithm.COSIGNATURE_ED25519,
    ) -> None:
        pkcs11: Any = token.library
        pair = {"key_type": pkcs11.KeyType.EC_EDWARDS, "label": label}
        with token.refusals(f"find the key {label!r}"):
            try:
                get = token.session.get_key
                public = get(object_class=pkcs11.ObjectClass.PUBLIC_KEY, **pair)
                self._key: Any = get(object_class=pkcs11.ObjectClass.PRIVATE_KEY, **pair)
            except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned):
                raise Rejected(f"want one Ed25519 key pair {label!r} in the token") from None
            point = bytes(public[pkcs11.Attribute.EC_POINT])
        self._token = token
        self.name = name
        self.algorithm = algorithm
        self.verifier = VerifierKey(name, self.algorithm, parse_point(point))

    def sign(self, message: bytes) -> bytes:
        mechanism = self._token.library.Mechanism.EDDSA
        with self._token.refusals("sign in the token"):
            signature = bytes(self._key.sign(message, mechanism=mechanism))
        check_signed(self.verifier, message, signature)
        return signature


def parse_point(point: bytes) -> bytes:
    """The 32 bytes of a public key: bare, or as DER says OCTET STRING; tokens differ."""
    if len(point) == 34 and point.startswith(b"\x04\x20"):
        point = point[2:]
    if len(point) != 32:
        raise Malformed(f"want an Ed25519 point of 32 bytes, got {len(point)}")
    return point
