"""From a comparison to a certificate: the page, the PDF that was sealed, and the statement.

The page is made of the latest comparison that the office has signed, and of nothing typed anew
but the number and the names. The PDF that is filed must hold that very data sheet: what stands
on paper is what was compared, and its words are what that data sheet draws.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cli.notary.attached import read_sheet
from cli.notary.drawn import check_drawn
from cli.notary.office import Office
from cli.notary.page import CertificatePage, Compared, ComparedItem, CosignedBy
from cli.notary.seal_check import FINDINGS, open_seal
from ledger.encoding import parse_hex
from ledger.errors import Rejected, Unknown
from ledger.evidence.statement import StatementSubject
from ledger.report import Outcome

METHOD = (
    "公证员在本处计算机上读取文件，逐字节计算 SHA-256 摘要，与陈述中的摘要逐一核对；"
    "陈述的承诺值固定于公开日志，其包含证明一并重新计算。"
)


def comparison(office: Office, application: str) -> dict[str, Any]:
    records = office.records(application, "comparison")
    if not records:
        raise Unknown(
            f"nothing was compared for application {application}",
            hints=("tiezheng notary compare",),
        )
    if records[-1].get("packet") == "failed":
        raise Rejected(
            "the packet of the latest comparison failed verification: no certificate rests on it",
            hints=("tiezheng verify says why; compare again with a packet that holds",),
        )
    return records[-1]


def page_of(
    office: Office,
    application: str,
    record: Mapping[str, Any],
    *,
    number: str,
    notaries: Sequence[str],
    issued_at_ms: int,
) -> CertificatePage:
    sheet, basis = office.sheet(application), record["basis"]
    return CertificatePage(
        number=number,
        office=office.settings.office,
        notaries=tuple(notaries),
        applicant=sheet["applicant"],
        purpose=sheet["purpose"],
        case=sheet["case"],
        compared_at_ms=record["at_ms"],
        issued_at_ms=issued_at_ms,
        items=tuple(_item(row, _other_log(office, row, basis)) for row in record["items"]),
        log_origin=basis["origin"],
        checkpoint_size=basis["size"],
        checkpoint_root=parse_hex(basis["root"]),
        cosigners=tuple(
            CosignedBy(name=name, at_ms=at * 1000)
            for name, at in sorted(basis["cosigners"].items())
        ),
        policy_hash=parse_hex(basis["policy"]),
        method=METHOD,
    )


def _other_log(office: Office, row: Mapping[str, Any], basis: Mapping[str, Any]) -> str:
    """The origin of the log that has this file, if that is not the one of the page."""
    if "log" not in row:
        return ""
    if (log := office.trust.log(row["log"])) is None:
        raise Unknown(f"the trust folder of this office has no log {row['log']!r}")
    return "" if log.origin == basis["origin"] else log.origin


def _item(row: Mapping[str, Any], log: str) -> ComparedItem:
    logged = row.get("logged_sha256")
    return ComparedItem(
        name=row["name"],
        size=row["size"],
        sha256=parse_hex(row["sha256"]),
        outcome=Compared(row["outcome"]),
        index=row.get("index"),
        log=log,
        quorum_at_ms=row.get("quorum_at_ms"),
        logged_sha256=None if logged is None else parse_hex(logged),
    )


def check_sheet(
    office: Office, application: str, record: Mapping[str, Any], pdf: bytes
) -> CertificatePage:
    """The page of this PDF; raises `Rejected` unless it says what was compared, and all of it."""
    check_drawn(pdf)
    page = read_sheet(pdf)
    other = Rejected(
        "the PDF's data sheet is not that of the latest comparison",
        hints=("draw it up again: tiezheng notary draft",),
    )
    if page.compared_at_ms != record["at_ms"]:
        raise other
    expected = page_of(
        office,
        application,
        record,
        number=page.number,
        notaries=page.notaries,
        issued_at_ms=page.issued_at_ms,
    )
    if page != expected:
        raise other
    return page


def check_sealed(pdf: bytes, roots: Sequence[bytes], crls: Sequence[bytes]) -> None:
    """What is issued is what others can check: a draft is not, nor a seal that falls."""
    report = open_seal(pdf, roots, crls=crls)
    if report.outcome is not Outcome.PASSED:
        raise Rejected(
            f"want a sealed PDF: {FINDINGS[report.finding]['en']}",
            hints=("tiezheng notary seal", "tiezheng notary check says more"),
        )


def compared_statements(record: Mapping[str, Any]) -> list[StatementSubject]:
    """The statements whose files were found the same, each once."""
    found = {
        row["statement"]: StatementSubject(row["statement"], parse_hex(row["commitment"]))
        for row in record["items"]
        if row["outcome"] == Compared.SAME
    }
    return list(found.values())
