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


def test_every_route_says_what_it_answers() -> None:
    document = json.loads(description())
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert any(code.startswith("2") for code in operation["responses"]), (path, method)
            if method in ("post", "put"):
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
