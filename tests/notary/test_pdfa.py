"""PDF/A-3b by other people's judgement: veraPDF, fetched by Maven."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.language import LANGUAGES, choose
from cli.notary.sealing import open_pkcs12, seal
from cli.notary.typesetting import typeset
from cli.verdict_pdf import pdf_writer
from ledger.report import Facts, Finding, Outcome, conclude
from ledger.verify import STEPS
from testkit.certificate_pages import make_page
from testkit.pkcs12 import to_pkcs12
from testkit.tsa_process import open_tsa

JAVA = Path(__file__).parents[1] / "interop" / "java"


def verapdf(*files: Path) -> list[str]:
    if shutil.which("mvn") is None or shutil.which("java") is None:
        pytest.skip("needs Java and Maven")
    folder = files[0].parent
    fetched = subprocess.run(
        ["mvn", "-q", "-f", JAVA, "dependency:build-classpath",
         f"-Dmdep.outputFile={folder / 'classpath'}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if fetched.returncode:
        pytest.skip("needs veraPDF, which Maven did not get")
    classpath = (folder / "classpath").read_text().strip()
    done = subprocess.run(
        ["java", "-cp", classpath, JAVA / "PdfaCheck.java", *files],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.slow
def test_verapdf_takes_certificates_for_pdf_a_3b_sealed_or_not(tmp_path: Path) -> None:
    unsealed, sealed, broken = (tmp_path / f"{name}.pdf" for name in "abc")
    unsealed.write_bytes(typeset(make_page(40), {"proof.json": b"{}"}))
    with open_tsa(tmp_path / "tsa") as tsa:
        signer = open_pkcs12(to_pkcs12(tsa.issue("Office"), tsa, b"x"), b"x")
        pdf = seal(unsealed.read_bytes(), signer, tsa.url, [tsa.root], crls=[tsa.crl()])
    sealed.write_bytes(pdf)
    broken.write_bytes(unsealed.read_bytes().replace(b"<pdfaid:part>3<", b"<pdfaid:part>1<"))
    said = verapdf(unsealed, sealed, broken)
    assert said[:3] == ["compliant", "compliant", "not compliant"]


@pytest.mark.slow
def test_verapdf_takes_a_report_for_pdf_a_3b_in_both_languages(tmp_path: Path) -> None:
    findings = (Finding("item", Outcome.FAILED, "现场照片.jpg", "want x, got y"),)
    facts = Facts("苏城管罚〔2026〕417号", "ab" * 32, "cd" * 32, at="2027-01-01T00:00:00+08:00")
    report = conclude(findings, {step.name: step.group for step in STEPS}, frozenset(), facts)
    files = [tmp_path / f"{lang}.pdf" for lang in LANGUAGES]
    for lang, file in zip(LANGUAGES, files, strict=True):
        choose([f"--lang={lang}"], {})
        file.write_bytes(pdf_writer()(report, frozenset()))
    assert verapdf(*files)[:2] == ["compliant", "compliant"]
