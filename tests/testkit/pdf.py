"""What poppler reads on the pages of a PDF."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest


def pages_of(pdf: bytes, folder: Path) -> list[str]:
    """The words on each page, without the spaces and line breaks between them."""
    return [re.sub(r"\s", "", page) for page in text_of(pdf, folder).split("\f")[:-1]]


def lines_of(pdf: bytes, folder: Path) -> list[str]:
    """Each line of each cell, without its spaces."""
    return [re.sub(r"\s", "", line) for line in text_of(pdf, folder).splitlines()]


def text_of(pdf: bytes, folder: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs poppler-utils")
    file = folder / "read.pdf"
    file.write_bytes(pdf)
    out = subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, check=True)
    return out.stdout.decode()
