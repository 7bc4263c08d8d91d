"""A key and its chain as a .p12 file, as authorities hand them out."""

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from testkit.tsa_process import Issued, Tsa


def to_pkcs12(issued: Issued, tsa: Tsa, passphrase: bytes) -> bytes:
    chain = [each.certificate for each in tsa.ca]
    lock = BestAvailableEncryption(passphrase)
    return pkcs12.serialize_key_and_certificates(b"", issued.key, issued.certificate, chain, lock)
