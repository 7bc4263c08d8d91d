"""The page on registers and lists: readers read its examples, and its facts are the rules'."""

import re
from pathlib import Path

import pytest

from cli.registering import FACTS
from ledger.evidence.procedural import Registered
from ledger.process.contents import Published
from ledger.process.registers import lists

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: (DOCS / name).read_text("utf-8") for name in ("registers.md", "registers.zh.md")}
PAGE = PAGES["registers.md"]
INDENTED = "\n".join(line[4:] for line in PAGE.split("\n") if line.startswith("    ") or not line)
EXAMPLES = [f'list = "{part}' for part in INDENTED.split('list = "')[1:]]


def test_there_is_an_example_of_each_list() -> None:
    found = {Published.from_text(example).register for example in EXAMPLES}
    assert found == set(lists.READERS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split('"')[1])
def test_each_example_is_read(example: str) -> None:
    published = Published.from_text(example)
    assert lists.READERS[published.register](example)


def typed(page: str) -> list[str]:
    """What stands there to be typed or copied."""
    return [line for line in page.split("\n") if line.startswith(("    ", "$ ", "  --"))]


def test_both_pages_have_the_same_examples() -> None:
    first, second = map(typed, PAGES.values())
    assert first == second


@pytest.mark.parametrize("page", PAGES)
def test_the_facts_are_those_that_the_command_knows(page: str) -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]*\| [^|]* \| (.*) \|$", PAGES[page], re.M)
    told = {name: set(re.findall(r"`(\w+)`", text)) for name, text in rows}
    values = {"recorder", "fixed_monitor"}
    assert {name: facts - values for name, facts in told.items()} == {
        str(register): set(facts) for register, facts in FACTS.items()
    }
    assert set(told) <= set(Registered)
