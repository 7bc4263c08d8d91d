"""A draft that its office has sealed, under the authority of a test."""

from pathlib import Path

from cli.notary.sealing import open_pkcs12, seal
from testkit.pkcs12 import to_pkcs12
from testkit.tsa_process import Tsa


def seal_draft(draft: Path, tsa: Tsa) -> tuple[str, Path, str, Path]:
    """What `certify` is given of it: --pdf and --root. The authority needs an intermediate one."""
    issued = tsa.issue("姑苏公证处", ec_key=True)
    signer = open_pkcs12(to_pkcs12(issued, tsa, b"word"), b"word")
    sealed, root = (draft.with_name(f"{draft.stem}-{end}") for end in ("sealed.pdf", "root.pem"))
    lists = [tsa.crl(0), tsa.crl(1)]
    sealed.write_bytes(seal(draft.read_bytes(), signer, tsa.url, [tsa.root], crls=lists))
    root.write_bytes(tsa.root)
    return ("--pdf", sealed, "--root", root)
