"""Certificates as data, made up: nobody of these names and numbers exists."""

from hashlib import sha256

from cli.notary.page import CertificatePage, Compared, ComparedItem, CosignedBy
from ledger.encoding import parse_time

ISSUED = parse_time("2026-11-25T15:20:00+08:00")
COMPARED = parse_time("2026-11-25T10:04:31+08:00")
FIXED = parse_time("2026-03-04T18:05:00+08:00")


def make_item(n: int = 0, outcome: Compared = Compared.SAME) -> ComparedItem:
    logged = outcome is not Compared.NOT_LOGGED
    return ComparedItem(
        name=f"BWC_320508-00417_20260302T1422{n:02d}+0800.mp4",
        size=1_842_331_648 + n,
        sha256=sha256(b"file %d" % n).digest(),
        outcome=outcome,
        index=73_894 + n if logged else None,
        quorum_at_ms=FIXED + 1000 * n if logged else None,
        token_at_ms=FIXED + 1000 * n + 2118 if logged and n % 2 == 0 else None,
        logged_sha256=sha256(b"other").digest() if outcome is Compared.DIFFERENT else None,
    )


def make_page(count: int = 3, *differing: ComparedItem, **changed: object) -> CertificatePage:
    values: dict[str, object] = {
        "number": "（2026）苏姑证字第417号",
        "office": "江苏省苏州市姑苏公证处",
        "notaries": ("样例甲", "样例乙"),
        "applicant": "苏州市姑苏区城市管理局",
        "purpose": "在行政诉讼中证明执法记录登记后未被改动",
        "case": "苏城管罚〔2026〕417号",
        "compared_at_ms": COMPARED,
        "issued_at_ms": ISSUED,
        "items": (*(make_item(n) for n in range(count)), *differing),
        "log_origin": "ledger.example/suzhou/2026",
        "checkpoint_size": 184_512,
        "checkpoint_root": sha256(b"root").digest(),
        "cosigners": (
            CosignedBy(name="notary.example", at_ms=FIXED + 9000),
            CosignedBy(name="court.example", at_ms=FIXED + 8000),
        ),
        "policy_hash": sha256(b"policy").digest(),
        "method": "公证员在本处计算机上读取申请人提交的文件，逐字节计算 SHA-256 摘要，"
        "与存证日志中登记的摘要比较，并离线核验条目的包含证明和自动联合签名（非公证）。",
    }
    return CertificatePage(**(values | changed))  # type: ignore[arg-type]
