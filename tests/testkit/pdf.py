"""What poppler reads on the pages of a PDF."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest


def pages_of(pdf: bytes, folder: Path) -> list[str]:
    """The words on each page, without the spaces and line breaks between them."""
    if shutil.which("pdftotext") is None:
        pytest.skip("needs poppler-utils")
    file = folder / "read.pdf"
    file.write_bytes(pdf)
    out = subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, check=True)
    return [re.sub(r"\s", "", page) for page in out.stdout.decode().split("\f")[:-1]]
