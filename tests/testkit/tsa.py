"""An authority's keys, certificates and tokens, of any years and habits, without a server.

`openssl ts` stamps at this moment (`stamp`), pyHanko's at any other (`stamp_at`). As a process
that speaks HTTP: `tsa_process`.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

POLICY = "1.2.3.4.1"
CONFIG = """[tsa]
default_tsa = t
[t]
dir = {folder}
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/chain.pem
signer_key = {folder}/tsa.key
signer_digest = {digest}
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.5
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = {ess}
"""
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Tsa:
    """What its maker has: everything, the issuer's key included."""

    folder: Path
    root: x509.Certificate
    root_key: Key
    issuer: x509.Certificate
    issuer_key: Key
    signer: x509.Certificate

    @property
    def pem(self) -> bytes:
        """What a verifier trusts: the root, and the certificate that stands between."""
        return b"".join(map(_pem, dict.fromkeys((self.root, self.issuer))))

    @property
    def key_print(self) -> str:
        public = self.signer.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()

    @property
    def accept(self) -> bytes:
        return f"key {self.key_print}\n".encode()

    def stamp(self, body: bytes, *more: str, hash_: str = "sha256") -> bytes:
        """A response, with nonce and certificates; `more` for `openssl ts -query`."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "body").write_bytes(body)
            query = ["-query", "-data", f"{folder}/body", f"-{hash_}", "-cert", *more]
            _openssl_ts(*query, "-out", f"{folder}/q")
            return self.reply((Path(folder) / "q").read_bytes())

    def stamp_at(self, body: bytes, at: datetime, *, hash_: str = "sha256") -> bytes:
        """As an authority whose clock shows `at`; RSA only. pyHanko's, which sorts its sets."""
        signer = asn1_x509.Certificate.load(self.signer.public_bytes(serialization.Encoding.DER))
        issuer = asn1_x509.Certificate.load(self.issuer.public_bytes(serialization.Encoding.DER))
        key = serialization.load_pem_private_key((self.folder / "tsa.key").read_bytes(), None)
        der = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        certificates = SimpleCertificateStore.from_certs([issuer])
        stamper = DummyTimeStamper(signer, PrivateKeyInfo.load(der), certificates, fixed_dt=at)
        imprint = hashlib.new(hash_, body).digest()
        request = tsp.TimeStampReq(
            {
                "version": 1,
                "message_imprint": {
                    "hash_algorithm": {"algorithm": hash_},
                    "hashed_message": imprint,
                },
                "cert_req": True,
            }
        )
        return bytes(stamper.request_tsa_response(request).dump())

    def reply(self, request: bytes) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "q").write_bytes(request)
            _openssl_ts(
                *("-reply", "-config", str(self.folder / "ts.cnf")),
                *("-queryfile", f"{folder}/q", "-out", f"{folder}/r"),
            )
            return (Path(folder) / "r").read_bytes()

    def crl(
        self,
        revoked: x509.ReasonFlags | None = None,
        *,
        since: datetime | None = None,
        made: datetime | None = None,
        key: Key | None = None,
        partial: x509.ExtensionType | None = None,
    ) -> bytes:
        """The issuer's list, DER; with the signer's certificate on it if there is a reason.

        `partial` says, critically, of what alone it is a list.
        """
        now = made or datetime.now(UTC) + timedelta(minutes=1)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.issuer.subject)
            .last_update(now)
            .next_update(now + timedelta(days=30))
        )
        if revoked is not None:
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(self.signer.serial_number)
                .revocation_date(since or now)
                .add_extension(x509.CRLReason(revoked), False)
            )
            builder = builder.add_revoked_certificate(entry.build())
        if partial is not None:
            builder = builder.add_extension(partial, True)
        return builder.sign(key or self.issuer_key, hashes.SHA256()).public_bytes(
            serialization.Encoding.DER
        )


def make_authority(
    folder: Path,
    name: str = "Lab TSA",
    *,
    intermediate: bool = False,
    rsa_signer: bool = True,
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True,
    begins: datetime | None = None,
    ends: datetime | None = None,
    crl_address: str = "",
    digest: str = "sha256",
    ess: str = "sha256",
    signed_with: hashes.HashAlgorithm | None = None,
) -> Tsa:
    folder.mkdir(parents=True, exist_ok=True)
    begins = begins or datetime.now(UTC) - timedelta(days=1)
    ends = ends or begins + timedelta(days=1825)
    root_key = ec.generate_private_key(ec.SECP256R1())
    hash_ = signed_with or hashes.SHA256()
    root = _certify(f"{name} Root", root_key, None, root_key, begins, ends, ca=True, hash_=hash_)
    issuer, issuer_key = root, root_key
    if intermediate:
        issuer_key = ec.generate_private_key(ec.SECP256R1())
        issuer = _certify(
            f"{name} CA", issuer_key, root, root_key, begins, ends, ca=True, hash_=hash_
        )
    key: Key = (
        rsa.generate_private_key(65537, 2048)
        if rsa_signer
        else ec.generate_private_key(ec.SECP256R1())
    )
    signer = _certify(
        name, key, issuer, issuer_key, begins, ends,
        usages=usages, critical=critical, crl_address=crl_address, hash_=hash_,
    )  # fmt: skip
    (folder / "tsa.pem").write_bytes(_pem(signer))
    (folder / "chain.pem").write_bytes(_pem(issuer))
    (folder / "root.pem").write_bytes(_pem(root))
    (folder / "tsa.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "serial").write_text("01\n")
    (folder / "ts.cnf").write_text(CONFIG.format(folder=folder, digest=digest, ess=ess))
    return Tsa(folder, root, root_key, issuer, issuer_key, signer)


def _certify(
    name: str,
    key: Key,
    issuer: x509.Certificate | None,
    issuer_key: Key,
    begins: datetime,
    ends: datetime,
    *,
    hash_: hashes.HashAlgorithm,
    ca: bool = False,
    usages: Sequence[x509.ObjectIdentifier] = (),
    critical: bool = True,
    crl_address: str = "",
) -> x509.Certificate:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca, None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
        .add_extension(_usage(ca=ca), True)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical)
    if crl_address:
        point = x509.DistributionPoint(
            [x509.UniformResourceIdentifier(crl_address)], None, None, None
        )
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), False)
    return builder.sign(issuer_key, hash_)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _openssl_ts(*args: str) -> None:
    subprocess.run(["openssl", "ts", *args], check=True, capture_output=True, timeout=60)


def openssl_accepts(response: bytes, body: bytes, pem: bytes) -> bool:
    """What a stranger with openssl says, from these three alone."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("tsr", response), ("body", body), ("pem", pem)):
            (Path(folder) / name).write_bytes(data)
        done = subprocess.run(
            [
                *("openssl", "ts", "-verify", "-in", f"{folder}/tsr", "-data", f"{folder}/body"),
                *("-CAfile", f"{folder}/pem"),
            ],
            capture_output=True,
            timeout=60,
            check=False,
        )
    return done.returncode == 0
