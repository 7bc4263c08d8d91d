"""`tiezheng feed`: told, pulled into files, checked offline, sent by hand, set back."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from api.ids import new_id
from api.keys import read_key
from api.settings import load
from ledger.errors import Malformed
from ledger.evidence.chunks import digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.feeds.feed import digest_of, next_link, open_page
from ledger.process.feeds.feed_table import FeedTable
from testkit.complaints import CHINA
from testkit.feed_pulled import complaint, own_key, pull, signed
from testkit.province import open_platform
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_AGENCY,
    Ledger,
    await_that,
    open_ledger,
    serving,
    template,
)
from testkit.terminal import Run

SHIPPED = Path(__file__).parents[2] / "ledger/process/feed.toml"


def shipped() -> bytes:
    return SHIPPED.read_bytes()


def deed(ledger: Ledger, n: int) -> bytes:
    data = f"document {n}\n".encode()
    ledger.upload(data, by=HANDLER)
    predicate = {
        "act": "site_inspection",
        "agency": AGENCY,
        "case": CASE,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:05:00+08:00"},
        "procedure": "ordinary",
        "stage": "investigate",
    }
    subject = FileSubject(f"文书{n}.pdf", digest_item(data))
    return seal(Statement(Kind.ACT, (subject,), predicate).to_bytes(), [HANDLER]).to_bytes()


def test_a_feed_and_a_bulletin_are_held_against_each_other(run: Run, tmp_path: Path) -> None:
    """Of a complaint with a case, which has no run, whoever leaves it out of one is seen."""
    with open_ledger(tmp_path / "ledger") as ledger:
        rows = ledger.accept(complaint(), complaint(case=CASE), complaint(case=CASE))
        bare, of_case, last = (row["id"] for row in rows)
        page = pull(ledger)
        asked = f"/v1/agencies/{AGENCY}/complaints?span={datetime.now(CHINA):%Y}"
        bulletin = ledger.http.get(asked, headers=ledger.bearer("supervisor")).json()
        key = tmp_path / "key"
        key.write_text(own_key(ledger.folder).to_text())
        seal_page = ledger.services.feed.seal

        def check(left_out: str = "", unlisted: str = "") -> tuple[int, dict[str, object]]:
            kept = [one for one in page.events if one.event and one.event["id"] != left_out]
            (tmp_path / "page").write_bytes(seal_page(signed(page, *kept)))
            lines = [row for row in bulletin["complaints"] if row["id"] != unlisted]
            (tmp_path / "b.json").write_text(json.dumps(bulletin | {"complaints": lines}))
            asked = ("--key", key, "--bulletin", tmp_path / "b.json", "--json")
            ended = run("feed", "check", tmp_path / "page", *asked)
            return ended.code, json.loads(ended.out or ended.err)

        fine = {"unfed": [], "unlisted": [], "elsewhere": "0"}
        code, said = check()
        assert (code, {name: said[name] for name in fine}) == (0, fine)
        code, said = check(left_out=of_case)
        assert (code, said["unfed"], said["unlisted"]) == (3, [of_case], [])
        code, said = check(unlisted=bare)
        assert (code, said["unfed"], said["unlisted"]) == (3, [], [bare])
        code, said = check(unlisted=of_case)
        assert (code, said["unlisted"]) == (3, [of_case])
        # Once it was destroyed there is its digest, at its place.
        first, second, third = page.events
        digest_only = (first, replace(second, event=None), third)
        (tmp_path / "page").write_bytes(seal_page(replace(page, events=digest_only)))
        with_gone = ("--key", key, "--bulletin", tmp_path / "b.json", "--json")
        (tmp_path / "b.json").write_text(json.dumps(bulletin))
        assert run("feed", "check", tmp_path / "page", *with_gone).code == 0
        # Behind the last event it may still come.
        code, said = check(left_out=last)
        assert (code, said["unfed"], said["elsewhere"]) == (0, [], "1")
        # Of another agency's complaints a bulletin says nothing.
        totals, bulletin["bulletin"] = bulletin["bulletin"], [{"agency": OTHER_AGENCY}]
        assert check(unlisted=bare)[0] == 0
        bulletin["bulletin"] = totals
        # What was logged after the bulletin was drawn need not stand in it.
        bulletin["size"] = bulletin["complaints"][-1]["place"].rpartition("-")[2]
        assert check(unlisted=last)[0] == 0
        bulletin["span"] = "2025"
        assert check(unlisted=bare)[0] == 0
        bulletin["span"] = "x"
        assert check()[0] not in (0, 3)
        bulletin["span"] = f"{datetime.now(CHINA):%Y}"
        lines = bulletin["complaints"]
        wrong = {
            "所输出的通报": {},
            "每行须有文字 logged": bulletin | {"complaints": [lines[0] | {"logged": 20260301}]},
            "每行须有文字 id": bulletin | {"complaints": [lines[0] | {"id": 7}]},
            "没有这一日：2026-02-30": bulletin
            | {"complaints": [lines[0] | {"logged": "2026-02-30"}]},
            "时段须写作": bulletin | {"span": "x"},
        }
        for why, said in wrong.items():
            (tmp_path / "b.json").write_text(json.dumps(said))
            ended = run("feed", "check", tmp_path / "page", *with_gone[:-1], "--lang", "zh")
            assert ended.code == 1
            assert f"{tmp_path / 'b.json'}：" in ended.err and why in ended.err
            assert "want" not in ended.err


@dataclass
class Pulled:
    ledger: Ledger
    url: str
    pages: Path
    token: Path
    key: Path


@pytest.fixture
def pulled(tmp_path: Path) -> Iterator[Pulled]:
    """Three acts, pulled in pages of two."""
    with open_ledger(tmp_path / "ledger") as ledger, serving(ledger.http.app) as url:
        ledger.accept(*(deed(ledger, n) for n in range(3)))
        ledger.await_quorum()
        token, key, pages = (tmp_path / name for name in ("token", "ledger.vkey", "pages"))
        token.write_text(ledger.token("supervisor"))
        key.write_text(read_key(ledger.folder / "keys" / "ledger.key").verifier.to_text())
        pages.mkdir()
        for after in ("0", "2"):
            data = ledger.http.get(
                f"/v1/feed?after={after}&limit=2", headers=ledger.bearer("supervisor")
            ).content
            (pages / f"{after}.json").write_bytes(data)
        yield Pulled(ledger, url, pages, token, key)


def test_pages_are_checked_offline_whatever_their_order(pulled: Pulled, run: Run) -> None:
    files = sorted(pulled.pages.iterdir(), reverse=True)
    trust = pulled.ledger.folder / "trust"
    ended = run("feed", "check", *files, "--key", pulled.key, "--trust", trust, "--json")
    assert (ended.code, json.loads(ended.out)) == (
        0,
        {"complaints": [], "first": "1", "last": "3", "missing": {}},
    )


def test_a_complaint_of_a_case_that_is_left_out_shows_by_what_it_has_held(
    run: Run, tmp_path: Path
) -> None:
    """It has no run of its own; the hold that the ledger has placed has one, and names it."""
    with open_ledger(tmp_path / "ledger") as ledger:
        seen = ("2026-03-02T14:30:00+08:00", "2026-03-02T15:30:00+08:00")
        ledger.accept(ledger.evidence(b"a film", occurred={"from": seen[0], "to": seen[1]}))
        ledger.await_quorum()
        (answer,) = ledger.accept(complaint(case=CASE, seen={"from": seen[0], "to": seen[1]}))
        await_that(lambda: len(pull(ledger).events) == 2, "the complaint and its hold")
        page = pull(ledger)
        key = tmp_path / "key"
        key.write_text(own_key(ledger.folder).to_text())
        shown, hidden = tmp_path / "shown.json", tmp_path / "hidden.json"
        shown.write_bytes(ledger.services.feed.seal(page))
        left = signed(page, *(one for one in page.events if one.event["id"] != answer["id"]))  # type: ignore[index]
        hidden.write_bytes(ledger.services.feed.seal(left))
    asked = ("--key", key, "--trust", tmp_path / "ledger/trust")
    assert run("feed", "check", shown, *asked).code == 0
    ended = run("feed", "check", hidden, *asked)
    assert (ended.code, f"no event for the complaint {answer['id']}" in ended.out) == (3, True)
    other = tmp_path / "other.toml"
    other.write_bytes(shipped() + b"\n")
    assert run("feed", "check", shown, *asked, "--table", other).code == 1


def test_a_page_that_is_not_there_fails_and_an_act_that_was_never_told_is_undecided(
    pulled: Pulled, run: Run
) -> None:
    later = pulled.pages / "2.json"
    trust = pulled.ledger.folder / "trust"
    ended = run("feed", "check", later, "--key", pulled.key, "--trust", trust)
    assert ended.code == 3
    assert f"2026/acts/{AGENCY}: 1, 2" in ended.out
    empty = pulled.pages / "3.json"
    answer = pulled.ledger.http.get(
        "/v1/feed?after=3&limit=1", headers=pulled.ledger.bearer("supervisor")
    )
    empty.write_bytes(answer.content)
    ended = run("feed", "check", pulled.pages / "0.json", empty, "--key", pulled.key)
    assert ended.code == 1
    assert "want the events after 2" in ended.err


def test_a_changed_byte_or_another_key_fails(pulled: Pulled, run: Run, tmp_path: Path) -> None:
    page = pulled.pages / "0.json"
    other = tmp_path / "other.vkey"
    other.write_text(HANDLER.verifier.to_text())
    assert run("feed", "check", page, "--key", other).code == 1
    data = page.read_bytes()
    page.write_bytes(data.replace(b'"sig":"', b'"sig":"A', 1))
    assert run("feed", "check", page, "--key", pulled.key).code == 1


def test_pull_writes_each_page_once_and_says_how_far(
    pulled: Pulled, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    asked = ("--server", pulled.url, "--token-file", pulled.token, "--key", pulled.key, "--json")
    ended = run("feed", "pull", folder, *asked, "--after", "1")
    told = json.loads(ended.out)
    assert (ended.code, told["last"], told["pages"]) == (0, "3", "1")
    (page,) = folder.iterdir()
    assert page.name == "000000002-000000003.json"
    assert run("feed", "check", page, "--key", pulled.key).code == 0
    assert run("feed", "pull", folder, *asked, "--after", "1").code == 1  # nothing is overwritten
    pulled.token.write_text(pulled.ledger.token("court"))
    ended = run("feed", "pull", folder, *asked)
    assert ended.code == 1
    assert "supervisor" in ended.err


def test_pull_goes_on_by_itself_where_the_folder_ends(
    pulled: Pulled, run: Run, tmp_path: Path
) -> None:
    """Whoever runs it every night need not know how far he came."""
    folder = tmp_path / "fresh"
    asked = ("--server", pulled.url, "--token-file", pulled.token, "--key", pulled.key)
    missing = run("feed", "pull", folder, *asked, "--lang", "zh")
    assert missing.code == 1 and f"没有文件夹“{folder}”" in missing.err
    folder.mkdir()
    (folder / "notes-12.json").write_text("{}")  # no page
    for n in range(2):
        ended = run("feed", "pull", folder, *asked, "--json")
        told = json.loads(ended.out)
        assert (ended.code, told["last"], told["pages"]) == (0, str(3 + n), "1")
        again = json.loads(run("feed", "pull", folder, *asked, "--json").out)
        assert (again["last"], again["pages"]) == (str(3 + n), "0")
        pulled.ledger.accept(deed(pulled.ledger, 4 + n))
        pulled.ledger.await_quorum()
    pages = sorted(folder.glob("0*.json"))
    assert [page.name for page in pages] == [
        *("000000001-000000003.json", "000000004-000000004.json")
    ]
    assert run("feed", "check", *pages, "--key", pulled.key).code == 0


def test_what_stands_in_a_file_named_as_the_key_is_not_shown(pulled: Pulled, run: Run) -> None:
    page = pulled.pages / "0.json"
    for command in (("check", page), ("pull", pulled.pages, "--server", pulled.url)):
        token = ("--token-file", pulled.token) if command[0] == "pull" else ()
        ended = run("feed", *command, *token, "--key", pulled.token, "--lang", "zh")
        assert ended.code == 1
        assert f"{pulled.token}：须为账本陈述公钥文件" in ended.err
        assert pulled.token.read_text().strip() not in ended.err


def test_status_tells_the_key_and_reset_sets_back(pulled: Pulled, run: Run) -> None:
    data = pulled.ledger.folder
    pulled.ledger.services.feed.kept.acknowledge(0, 3)
    told = json.loads(run("feed", "status", data, "--json").out)
    assert (told["head"], told["acknowledged"], told["waiting"]) == ("3", "3", "0")
    assert told["key"] == pulled.key.read_text()
    assert run("feed", "reset", data, "--after", "1").code == 0
    assert json.loads(run("feed", "status", data, "--json").out)["waiting"] == "2"
    assert run("feed", "reset", data, "--after", "4").code == 1


def test_pages_are_sent_by_hand(pulled: Pulled, run: Run) -> None:
    files = sorted(pulled.pages.iterdir())
    key = read_key(pulled.ledger.folder / "keys" / "ledger.key").verifier
    with open_platform(key) as platform:
        ended = run("feed", "push", pulled.ledger.folder, *files, "--to", platform.url, "--json")
        assert (ended.code, json.loads(ended.out)) == (0, {"last": "3", "pages": "2"})
        assert platform.last == 3
        platform.away = True
        assert run("feed", "push", pulled.ledger.folder, *files, "--to", platform.url).code == 4


def test_before_there_is_a_feed_its_key_is_told(run: Run, tmp_path: Path) -> None:
    """Whoever pulls first needs it."""
    with open_ledger(tmp_path / "ledger") as ledger:
        ended = run("feed", "status", ledger.folder)
        told = json.loads(run("feed", "status", ledger.folder, "--json").out)
    assert ended.code == 0
    assert "no feed has begun" in ended.out
    key = own_key(tmp_path / "ledger").to_text()
    assert key in ended.out
    assert (told["key"], told["feed"], told["head"]) == (key, "", "0")


def test_pull_goes_on_only_with_the_feed_that_is_in_the_folder(
    pulled: Pulled, run: Run, tmp_path: Path
) -> None:
    """A cursor of another feed would pass over its first events, and nobody would know."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    asked = ("--server", pulled.url, "--token-file", pulled.token, "--key", pulled.key)
    assert run("feed", "pull", folder, *asked).code == 0
    pulled.ledger.accept(deed(pulled.ledger, 4))
    pulled.ledger.await_quorum()
    assert run("feed", "pull", folder, *asked, "--after", "3").code == 0
    feed = pulled.ledger.services.feed
    feed._table = FeedTable.from_bytes(shipped().replace(b'"AJBH"', b'"AJH"'))
    pulled.ledger.accept(*(deed(pulled.ledger, n) for n in range(5, 8)))
    pulled.ledger.await_quorum()
    ended = run("feed", "pull", folder, *asked, "--after", "4")
    assert ended.code == 1
    assert "want the feed" in ended.err
    assert len(list(folder.iterdir())) == 2


def test_an_entry_that_comes_twice_is_seen_over_a_page_without_events(
    pulled: Pulled, run: Run, tmp_path: Path
) -> None:
    ledger = pulled.ledger
    first = open_page((pulled.pages / "0.json").read_bytes(), own_key(ledger.folder))
    last = first.events[-1]
    assert last.event is not None
    again = replace(last, event=dict(last.event) | {"n": "3"})
    again = replace(again, digest=digest_of(again.event or {}))
    chain = next_link(first.chain, again.digest)
    lied = replace(first, after=2, before=first.chain, chain=chain, events=(again,))
    empty = replace(first, after=2, before=first.chain, chain=first.chain, events=(), series={})
    for name, page in (("2.json", lied), ("1.json", empty)):
        (pulled.pages / name).write_bytes(ledger.services.feed.seal(page))
    files = sorted(pulled.pages.iterdir())
    ended = run("feed", "check", *files, "--key", pulled.key)
    assert (ended.code, "want entries behind 2026/" in ended.err) == (1, True)


def example(language: str) -> str:
    """The rows that docs/formats/feed.md tells to change, as it shows them."""
    page = (Path(__file__).parents[2] / "docs/formats/feed.md").read_text(encoding="utf-8")
    return page.partition(f"```{language}\n")[2].partition("```")[0]


def test_another_table_wants_no_code_as_its_page_shows(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "mine.toml"
    script = example("sh")
    assert "feed.toml" in script and "tiezheng feed table" in script
    (sed,) = [line for line in script.splitlines() if line.startswith("sed ")]
    shutil.copy(SHIPPED, table)
    subprocess.run(["sh", "-c", sed], cwd=tmp_path, check=True)
    told = json.loads(run("feed", "table", table, "--json").out)
    assert told["leaves"]["case"] == "CASE_NO"
    assert "officers" in told["stays"]
    setting = example("toml").replace("/etc/tiezheng", str(tmp_path))
    ledger_folder = tmp_path / "ledger"
    shutil.copytree(template(), ledger_folder)
    (ledger_folder / "tiezheng.toml").write_text(setting, encoding="utf-8")
    with open_ledger(ledger_folder, **load(ledger_folder).model_dump(exclude_unset=True)) as ledger:
        ledger.accept(deed(ledger, 0))
        page = pull(ledger)
    (told_event,) = page.events
    assert told_event.event is not None
    assert told_event.event["fields"]["CASE_NO"] == CASE
    assert page.table.hex() == told["table"]


def test_a_table_that_cannot_be_used_is_named(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "mine.toml"
    table.write_bytes(shipped().replace(b'queue = "discover"', b'queue = "nowhere"'))
    ended = run("feed", "table", table)
    assert (ended.code, "no queue 'nowhere'" in ended.err, "mine.toml" in ended.err) == (
        1,
        True,
        True,
    )
    assert run("feed", "table", tmp_path / "none.toml").code == 4
    with pytest.raises(Malformed, match="mine"), open_ledger(tmp_path / "x", feed_table=table):
        pass


def test_the_shipped_table_is_told_with_what_is_assumed(run: Run) -> None:
    ended = run("feed", "table")
    assert ended.code == 0
    assert "case → AJBH 案件编号 (assumed)" in ended.out
    assert "officers: " in ended.out
