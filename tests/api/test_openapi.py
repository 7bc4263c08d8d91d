import json
from pathlib import Path

import pytest

from api import problems
from api.app import create_app, description

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_document_in_docs_is_that_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == description(), "run `make openapi`"


def test_it_is_the_same_each_time() -> None:
    assert description() == description()


WITHOUT_BODY = ("/v1/tus", "/v1/direct/{id}/finish")


def test_every_route_says_what_it_answers() -> None:
    document = json.loads(description())
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert any(code.startswith("2") for code in operation["responses"]), (path, method)
            if method in ("post", "put", "patch") and path not in WITHOUT_BODY:
                assert operation["requestBody"]["content"], path


def test_every_reference_leads_somewhere() -> None:
    document = json.loads(description())
    text = json.dumps(document)
    for name in {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]


def test_the_codes_are_those_of_the_table() -> None:
    schema = json.loads(description())["components"]["schemas"]["Problem"]
    assert schema["properties"]["code"]["enum"] == list(problems.TABLE)


def test_the_server_shows_it_too() -> None:
    from starlette.testclient import TestClient

    answer = TestClient(create_app()).get("/openapi.json")
    assert answer.json() == json.loads(description())


@pytest.mark.parametrize("path", ["/v1/cases/{case}", "/v1/cases/{case}/packet"])
def test_confidential_routes_say_that_they_want_a_token(path: str) -> None:
    assert json.loads(description())["paths"][path]["get"]["security"] == [{"bearer": []}]


def answers_of(method: str, path: str) -> dict[str, set[str]]:
    responses = json.loads(description())["paths"][path][method]["responses"]
    return {status: set(answer["content"]) for status, answer in responses.items()}


def test_the_key_route_says_that_it_wants_a_signature() -> None:
    assert set(answers_of("get", "/v1/key")) == {"200", "401"}
    key = json.loads(description())["paths"]["/v1/key"]["get"]
    assert key["security"] == [{"signature": []}]


def test_a_server_that_is_not_ready_says_so_in_the_form_that_is_described() -> None:
    for path in ("/readyz", "/scrubz"):
        assert answers_of("get", path) == {
            "200": {"application/json"},
            "503": {"application/json"},
        }


def test_metrics_are_described_as_text() -> None:
    ((media_type,),) = answers_of("get", "/metrics").values()
    assert media_type.startswith("text/plain")


def test_a_lone_statement_may_be_refused_in_the_form_of_several() -> None:
    for status in ("400", "404", "409", "422", "503"):
        both = {"application/json", "application/problem+json"}
        assert answers_of("post", "/v1/statements")[status] == both
