"""A time stamp authority on 127.0.0.1: `openssl ts -reply` behind a small HTTP server.

    with open_tsa(tmp_path / "tsa") as tsa:
        answer = post(tsa.url, request)        # RFC 3161 over HTTP
        trust_file.write_bytes(tsa.root)       # PEM

Keys and certificates are made when it opens: a root, an authority below it if `intermediate`,
and the one that stamps. The root's and the intermediate's lists of revoked certificates are
served under the addresses that the certificates name. `misbehave` says what it does wrong,
`clock_s` by how much its clock is off; both may be set while it serves. `issue` gives other
certificates under the same root, such as one for signing documents.
"""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.2.3.4.1"
PATIENCE_S = 60.0

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Usage = x509.ObjectIdentifier


class Wrong(StrEnum):
    """What an authority may do wrong."""

    REFUSES = "refuses"
    SLOW = "slow"
    GARBAGE = "garbage"
    ERROR = "error"
    REDIRECT = "redirect"
    ENDLESS = "endless"
    NONCE = "nonce"
    IMPRINT = "imprint"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Tsa:
    """`ca` are its authorities, the root first; `asked` counts the requests."""

    folder: Path
    port: int
    ca: list[Issued]
    signer: Issued
    misbehave: Wrong | None = None
    clock_s: int = 0
    asked: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tsa"

    @property
    def root(self) -> bytes:
        return self.ca[0].pem

    @property
    def chain(self) -> bytes:
        """All certificates, the root first, in PEM."""
        return b"".join(each.pem for each in (*self.ca, self.signer))

    def crl(self, number: int = 0) -> bytes:
        return (self.folder / f"{number}.crl").read_bytes()

    def revoke(
        self,
        issued: Issued,
        at: datetime,
        *,
        listed: datetime | None = None,
        unsafe: datetime | None = None,
    ) -> None:
        """From now on the list of its issuer names it; that is an hour old, or of `listed`.

        `unsafe` is since when the key is believed to be stolen.
        """
        issuer = next(
            n
            for n, each in enumerate(self.ca)
            if each.certificate.subject == issued.certificate.issuer
        )
        revoked = (
            x509.RevokedCertificateBuilder()
            .serial_number(issued.certificate.serial_number)
            .revocation_date(at)
        )
        if unsafe is not None:
            revoked = revoked.add_extension(x509.InvalidityDate(unsafe.replace(tzinfo=None)), False)
        write_crl(self.folder / f"{issuer}.crl", self.ca[issuer], [revoked.build()], listed)

    def issue(self, name: str, usages: Sequence[Usage] = (), *, ec_key: bool = False) -> Issued:
        """One more certificate, by the same issuer as the stamping one's."""
        key = new_key(ec_key)
        last = len(self.ca) - 1
        return Issued(
            leaf(name, key, self.ca[-1], usages, crl=f"http://127.0.0.1:{self.port}/{last}.crl"),
            key,
        )

    def reply(self, query: bytes) -> bytes:
        """What it answers to a request, without HTTP."""
        if self.misbehave is Wrong.NONCE:
            asked = tsp.TimeStampReq.load(query)
            asked["nonce"] = asked["nonce"].native + 1
            query = asked.dump(force=True)
        if self.misbehave is Wrong.IMPRINT:
            asked = tsp.TimeStampReq.load(query)
            asked["message_imprint"]["hashed_message"] = sha256(b"something else").digest()
            query = asked.dump(force=True)
        with self.lock:
            (self.folder / "query").write_bytes(query)
            config = "refusing.cnf" if self.misbehave is Wrong.REFUSES else "ts.cnf"
            openssl(self.folder, "ts", "-reply", "-config", config, "-queryfile", "query",
                    "-out", "reply")  # fmt: skip
            answer = (self.folder / "reply").read_bytes()
        if self.clock_s:
            return restamp(answer, self.signer.key, clock_s=self.clock_s)
        return answer

    def stamp(self, body: bytes) -> bytes:
        """A response over these bytes, to a request with a nonce and for certificates."""
        request = tsp.TimeStampReq(
            {
                "version": "v1",
                "message_imprint": {
                    "hash_algorithm": {"algorithm": "sha256"},
                    "hashed_message": sha256(body).digest(),
                },
                "nonce": time.time_ns(),
                "cert_req": True,
            }
        )
        return self.reply(request.dump())


@contextmanager
def open_tsa(
    folder: Path,
    *,
    intermediate: bool = False,
    unsorted: bool = False,
    ec_key: bool = False,
    usages: Sequence[Usage] = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True,
    valid_days: tuple[float, float] = (-1, 30),
    policy: str = POLICY,
    digest: str = "sha256",
    name: str = "Test TSA",
) -> Iterator[Tsa]:
    """`unsorted`: its tokens carry its authorities' certificates too, in no order of DER."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder.mkdir(parents=True)
    server = _Server(("127.0.0.1", 0), _Handler)
    port = int(server.server_address[1])
    ca = [root(f"{name} Root")]
    if intermediate:
        below = new_key(True)
        ca.append(Issued(_sub_authority(f"{name} CA", below, ca[0], port), below))
    key = new_key(ec_key)
    certificate = leaf(
        name,
        key,
        ca[-1],
        usages,
        critical=critical,
        valid_days=valid_days,
        crl=f"http://127.0.0.1:{port}/{len(ca) - 1}.crl",
    )
    tsa = Tsa(folder, port, ca, Issued(certificate, key))
    server.tsa = tsa
    _write(tsa, policy, digest, unsorted)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield tsa
    finally:
        tsa.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def new_key(elliptic: bool = False) -> Key:
    if elliptic:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def root(name: str) -> Issued:
    key = new_key(True)
    subject = _name(name)
    builder = _builder(subject, subject, key, (-400, 3650))
    return Issued(_authority(builder, key, key, None), key)


def leaf(
    name: str,
    key: Key,
    issuer: Issued,
    usages: Sequence[Usage],
    *,
    critical: bool = True,
    valid_days: tuple[float, float] = (-1, 30),
    crl: str = "",
) -> x509.Certificate:
    builder = _builder(_name(name), issuer.certificate.subject, key, valid_days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_key_usage(signs=True), True)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical)
    return _named(builder, key, issuer.key, crl).sign(issuer.key, hashes.SHA256())


def write_crl(
    path: Path,
    issuer: Issued,
    revoked: Sequence[x509.RevokedCertificate] = (),
    listed: datetime | None = None,
) -> None:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(listed or now - timedelta(hours=1))
        .next_update(now + timedelta(days=30))
        .add_extension(x509.CRLNumber(1), False)
    )
    for each in revoked:
        builder = builder.add_revoked_certificate(each)
    path.write_bytes(builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER))


def restamp(response: bytes, key: Key, *, clock_s: int = 0, **changes: Any) -> bytes:
    """The response with other values in its TSTInfo, signed again as its signer would."""
    answer = tsp.TimeStampResp.load(response)
    signed = answer["time_stamp_token"]["content"]
    info = signed["encap_content_info"]["content"].parsed
    info["gen_time"] = info["gen_time"].native.replace(microsecond=0) + timedelta(seconds=clock_s)
    for name, value in changes.items():
        info[name] = value
    content = info.dump(force=True)
    signed["encap_content_info"]["content"] = core.ParsableOctetString(content)
    return resign(answer, content, key)


def resign(answer: Any, content: bytes, key: Key) -> bytes:
    """Signs the attributes anew, over this content, after somebody changed either."""
    (signer,) = answer["time_stamp_token"]["content"]["signer_infos"]
    for attribute in signer["signed_attrs"]:
        if attribute["type"].native == "message_digest":
            attribute["values"] = [sha256(content).digest()]
    attributes = signer["signed_attrs"].untag().dump(force=True)
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(attributes, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = key.sign(attributes, ec.ECDSA(hashes.SHA256()))
    signer["signature"] = signature
    dumped: bytes = answer.dump(force=True)
    return dumped


def signed_data(answer: Any) -> cms.SignedData:
    return answer["time_stamp_token"]["content"]


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["openssl", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )


class _Server(ThreadingHTTPServer):
    tsa: Tsa


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        number = self.path.removeprefix("/").removesuffix(".crl")
        if not number.isdecimal() or int(number) >= len(self.server.tsa.ca):
            self._answer(404, "text/plain", b"no such list")
            return
        self._answer(200, "application/pkix-crl", self.server.tsa.crl(int(number)))

    def do_POST(self) -> None:
        tsa = self.server.tsa
        tsa.asked += 1
        query = self.rfile.read(int(self.headers["Content-Length"]))
        match tsa.misbehave:
            case Wrong.GARBAGE:
                self._answer(200, "application/timestamp-reply", b"\x30\x82 not what was asked")
            case Wrong.ERROR:
                self._answer(503, "text/plain", b"closed today")
            case Wrong.REDIRECT:
                self._answer(302, "text/plain", b"", ("Location", tsa.url))
            case Wrong.SLOW:
                tsa.released.wait(PATIENCE_S)
                self.close_connection = True
            case Wrong.ENDLESS:
                self._endless()
            case _:
                self._answer(200, "application/timestamp-reply", tsa.reply(query))

    def _answer(self, status: int, kind: str, body: bytes, *more: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *more):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        try:
            while not self.server.tsa.released.is_set():
                self.wfile.write(bytes(65536))
        except OSError:
            self.close_connection = True


def _write(tsa: Tsa, policy: str, digest: str, unsorted: bool) -> None:
    """The files that `openssl ts -reply` reads."""
    folder = tsa.folder
    (folder / "tsa.pem").write_bytes(tsa.signer.pem)
    (folder / "tsa.key").write_bytes(tsa.signer.key_pem)
    (folder / "root.pem").write_bytes(tsa.root)
    # Two in falling order are unsorted wherever the signer's own comes in.
    others = sorted(
        [*tsa.ca, root("Unrelated")],
        key=lambda each: each.certificate.public_bytes(Encoding.DER),
        reverse=True,
    )
    (folder / "certs.pem").write_bytes(b"".join(each.pem for each in others))
    for number, issuer in enumerate(tsa.ca):
        write_crl(folder / f"{number}.crl", issuer)
    (folder / "serial").write_text("01\n")
    config = (
        "[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_cert = tsa.pem\n"
        f"signer_key = tsa.key\nsigner_digest = {digest}\ndefault_policy = {policy}\n"
        "digests = {digests}\naccuracy = secs:1\nordering = yes\ntsa_name = yes\n"
        "ess_cert_id_chain = no\ness_cert_id_alg = sha256\n"
    )
    if unsorted:
        config += "certs = certs.pem\n"
    elif len(tsa.ca) > 1:
        (folder / "chain.pem").write_bytes(b"".join(each.pem for each in tsa.ca[1:]))
        config += "certs = chain.pem\n"
    (folder / "ts.cnf").write_text(config.replace("{digests}", "sha256, sha384, sha512"))
    (folder / "refusing.cnf").write_text(config.replace("{digests}", "sha512"))


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, valid_days: tuple[float, float]
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=valid_days[0]))
        .not_valid_after(now + timedelta(days=valid_days[1]))
    )


def _sub_authority(name: str, key: Key, issuer: Issued, port: int) -> x509.Certificate:
    builder = _builder(_name(name), issuer.certificate.subject, key, (-400, 3650))
    return _authority(builder, key, issuer.key, f"http://127.0.0.1:{port}/0.crl")


def _authority(
    builder: x509.CertificateBuilder, key: Key, by: Key, crl: str | None
) -> x509.Certificate:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    builder = builder.add_extension(_key_usage(signs=False), True)
    return _named(builder, key, by, crl or "").sign(by, hashes.SHA256())


def _named(
    builder: x509.CertificateBuilder, key: Key, by: Key, crl: str
) -> x509.CertificateBuilder:
    """Whose key it is and who signed, as most authorities say it."""
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    builder = builder.add_extension(own, False).add_extension(issuer, False)
    if crl:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), False)
    return builder


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=signs,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )
