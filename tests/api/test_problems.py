import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import api
import ledger as core
import storage
from api import problems
from api.clients.ledger import refusal
from ledger.errors import LedgerError
from ledger.process.judging.gated import Closed, Gated
from testkit.server import Ledger

FIELDS = {"type", "title", "status", "detail", "code", "hints"}


def subclasses(kind: type[LedgerError]) -> Iterator[type[LedgerError]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def all_errors() -> list[type[LedgerError]]:
    for package in (api, core, storage):
        for module in walk_packages(package.__path__, package.__name__ + "."):
            import_module(module.name)
    # A cosigner's refusals are tlog-witness's, and a mirror's are its own.
    elsewhere = (
        *("test", "ledger.cosigner", "cli", "api.absences", "api.following"),
        "ledger.evidence.absence",
    )
    return [e for e in subclasses(LedgerError) if not e.__module__.startswith(elsewhere)]


def test_every_refusal_has_a_row_in_the_table() -> None:
    assert {error.code for error in all_errors()} <= set(problems.TABLE)


def test_every_row_of_the_table_is_somebodys() -> None:
    raised = {error.code for error in all_errors()}
    of_the_framework = {"not_found", "method", "internal"}
    assert set(problems.TABLE) == raised | of_the_framework


def test_every_code_occurs_in_a_test_of_the_server() -> None:
    texts = [
        node.value
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    ]
    assert {code for code in problems.TABLE if code not in texts} == set()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v2/statements", 404, "not_found"),
        ("GET", "/v1/cases/", 404, "not_found"),
        ("GET", "/v1/cases/a/b/c", 404, "not_found"),
        ("DELETE", "/healthz", 405, "method"),
        ("GET", "/v1/statements", 405, "method"),
        ("POST", "/log/2026/checkpoint", 405, "method"),
        ("GET", "/log/2025/checkpoint", 404, "unknown"),
        ("POST", "/v1/statements", 400, "malformed"),
        ("PUT", "/v1/uploads/x", 404, "unknown"),
        ("GET", "/v1/cases/x", 401, "unsigned"),
        ("GET", "/v1/cases/x/packet", 401, "unsigned"),
        ("GET", "/v1/statements/x", 401, "unsigned"),
        ("GET", "/v1/statements/x/receipt", 400, "malformed"),
        ("GET", "/v1/key", 401, "unsigned"),
    ],
)
def test_every_refusal_is_one_document(
    shared: Ledger, method: str, path: str, status: int, code: str
) -> None:
    answer = shared.http.request(method, path)
    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, code)
    assert document["status"] == status
    assert document["type"] == f"urn:tiezheng:problem:{code}"
    assert document["title"] and document["detail"]
    assert set(document) == FIELDS
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_wrong_method_is_told_the_right_ones(shared: Ledger) -> None:
    assert shared.http.delete("/healthz").headers["Allow"] == "GET"


def raising(error: Exception) -> Any:
    app = FastAPI()
    problems.install(app)

    @app.get("/{case}")
    def _(case: str) -> None:
        raise error

    return TestClient(app, raise_server_exceptions=False).get("/case-7")


def test_a_fault_of_the_server_says_nothing_of_itself() -> None:
    answer = raising(KeyError("tz_secret"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text


@pytest.mark.parametrize("code", [c for c in problems.TABLE if c not in ("not_found", "method")])
def test_a_client_raises_what_the_server_raised(code: str) -> None:
    document = problems.problem(code, "why", ("what to do",))
    raised = refusal(document)
    assert (str(raised), raised.hints) == ("why", ("what to do",))


def test_a_refused_conclusion_names_its_rules_on_both_sides() -> None:
    error = Gated("shut", Closed.RECORDS, [{"rule": "review_passed", "article": "58"}])
    document = raising(error).json()
    assert (document["code"], document["status"]) == ("gated", 409)
    told = refusal(document)
    assert isinstance(told, Gated)
    assert (told.reason, told.found, told.hints) == (error.reason, error.found, error.hints)


@pytest.mark.parametrize(
    "more", [{}, {"reason": "x", "found": "x"}, {"reason": [], "found": [7, {"article": 58}]}]
)
def test_a_client_understands_any_refused_conclusion(more: dict[str, Any]) -> None:
    told = refusal(problems.problem("gated", "shut") | more)
    assert isinstance(told, Gated)


@pytest.mark.parametrize("document", [{}, {"code": 7}, {"code": "new"}, {"hints": "x"}])
def test_a_client_understands_any_document(document: dict[str, Any]) -> None:
    assert isinstance(refusal(document), LedgerError)
