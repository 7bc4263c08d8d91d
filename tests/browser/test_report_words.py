"""The page's first page and findings are, word for word, those of the terminal."""

import json
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from random import Random
from re import _parser as sre  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from browser.words import words
from cli import carried, wording
from cli.first_page import first_page
from cli.folding import clip_columns
from cli.language import choose
from cli.refused import REFUSED
from ledger.report import Facts, Finding, Item, Outcome, Report, conclude
from ledger.verify import STEPS

PROGRAM = Path(__file__).parent / "js" / "report_words.mjs"
GROUP_OF = {step.name: step.group for step in STEPS}
T1, T2 = "2026-11-23T18:20:01+08:00", "2026-11-23T18:50:01+08:00"

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node and npm")
    started = subprocess.Popen(
        [node, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert started.stdin
    assert started.stdout

    def asked(value: object) -> Any:
        assert started.stdin
        assert started.stdout
        # As the build writes the words.
        started.stdin.write(json.dumps(value, sort_keys=True) + "\n")
        started.stdin.flush()
        return json.loads(started.stdout.readline())

    with started:
        asked.computed = asked(words())  # type: ignore[attr-defined]
        yield asked
        started.stdin.close()


def test_what_a_table_computes_has_its_counterpart_under_the_same_pattern(ask: Ask) -> None:
    tables = {"chinese": wording._CHINESE, "english": wording._ENGLISH}
    for name, table in tables.items():
        functions = [pattern for pattern, said in table if not isinstance(said, str)]
        named = [pattern.replace("|".join(wording.REASONS), "REASON") for pattern in functions]
        assert sorted(ask.computed[name]) == sorted(named)  # type: ignore[attr-defined]


ALPHABET = "abZ019 ,.:;’“'\"()+-/_%$\\&<中文〔名〕"
PATTERNS = [pattern for pattern, _ in (*wording._CHINESE, *wording._ENGLISH, *REFUSED)]
IN = {
    sre.CATEGORY_DIGIT: "0159",
    sre.CATEGORY_NOT_SPACE: "a中0-",
    sre.CATEGORY_WORD: "aZ_9",
}


def fitting(pattern: Any, rng: Random) -> str:
    """Some text that the pattern takes; Hypothesis would take minutes over so many."""
    text = ""
    for kind, value in pattern:
        if kind is sre.LITERAL:
            text += chr(value)
        elif kind is sre.ANY:
            text += rng.choice(ALPHABET)
        elif kind is sre.NOT_LITERAL:
            text += rng.choice(ALPHABET.replace(chr(value), ""))
        elif kind is sre.IN and value[0][0] is sre.CATEGORY:
            text += rng.choice(IN[value[0][1]])
        elif kind is sre.IN:
            listed = {chr(code) for found, code in value if found is sre.LITERAL}
            others = value[0][0] is sre.NEGATE
            text += rng.choice(sorted(set(ALPHABET) - listed if others else listed))
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            low, high, repeated = value
            for _ in range(rng.randint(low, min(int(high), low + 3))):
                text += fitting(repeated, rng)
        elif kind is sre.SUBPATTERN:
            text += fitting(value[-1], rng)
        elif kind is sre.BRANCH:
            text += fitting(rng.choice(value[1]), rng)
        else:
            raise NotImplementedError(f"want a kind of pattern known here, got {kind}")
    return text


@pytest.mark.parametrize("seed", range(3))
def test_every_finding_is_said_in_the_same_words(ask: Ask, seed: int) -> None:
    rng = Random(seed)
    drawn = [fitting(sre.parse(pattern), rng) for pattern in PATTERNS]
    given = [detail for details in DETAILS.values() for detail in details]
    wanted, asked = [], []
    for detail in [*drawn, *given, "not noted: method, carrier", f"the ledger says {T1}: {T2}"]:
        step = rng.choice(STEPS).name
        try:
            said = {lang: _said(lang, step, detail) for lang in ("zh", "en")}
        except KeyError:
            continue  # a particular that does not exist
        asked.append([step, detail])
        wanted.append(said)
    assert len(wanted) > len(drawn)
    assert ask({"details": asked})["details"] == wanted


def _said(lang: str, step: str, detail: str) -> str:
    choose([f"--lang={lang}"], {})
    return wording.detail_words(step, Outcome.FAILED, detail)


CLIP = (
    "12.5 % of {}: 2 runs of its chunks. By the word of who cut it 0:00:01.000 to 0:00:02.000 of "
    "123456789:00:09.000; 0:00:01.000 before it and 0:00:07.000 after it are not shown"
    "{}. {}"
)
NO_OTHER = "No other recording of that moment is stated in this packet"
OTHERS = (
    "Other recordings of that moment, by their statements: a.mp4 (not in the packet), and 3 more; "
    "of its other moments: b.mp4 (not in the packet), and 2 more"
)
# Another recording may be called what the finding itself says of the part.
SAYS_SO = (
    "Other recordings of that moment, by their statements: x: 1 runs of its chunks. By the maker's "
    "word 0:00:00.000 to 0:00:09.000 of 0:00:09.000; y"
)
DISOWNED = (
    "{}: seen at {}, signed by station-07.suzhou.example+5f2c91aa, of which entry 2026-9, seen at "
    f"{T1}, says that it was compromised since {T2}"
)
DETAILS = {
    "clip": [
        CLIP.format("01.mp4", "", SAYS_SO),
        CLIP.format("01.mp4", "", NO_OTHER),
        CLIP.format("一段很长很长很长很长的录像.mp4", "; its sound is left out", OTHERS),
        CLIP.format("01.mp4", "", OTHERS.replace("a.mp4", CLIP.format("x", "", ""))),
        CLIP.format("01.mp4: 2", "", NO_OTHER),
        CLIP.format(
            "01.mp4", "; 2 clips here are of it, without 0:01 to 0:02, and 1 more", NO_OTHER
        ),
        "50.0 % of 01.mp4: 2 runs of its chunks.",
        "1 clips",
        "0 clips",
    ],
    "certificate": [
        "certificate 1 of 2, issued by 3, 4",
        "certificate 1 was revoked, and is not presented",
    ],
    "complete": [
        f"as of {T1}: 3 series recounted over 5 entries",
        f"on the word of mirror.example, as of {T2}: 3 series looked for in 5 entries",
        f"on the word of b.example, a.example, as of {T1}: 3 series looked for in 5 entries",
        "entry 7 is statement 4, which is not shown",
        "mirror.example says: entry 7 is statement 4, which is not shown",
        "statement 2 of 5, entry 2026-7, is not shown",
        "statement 3 of 5, entry 2026-7, is withheld: minor",
        "statement 3 of 5, entry 2026-8, is withheld: lost",
        "01.mp4 is not in the packet",
        "01.mp4 is withheld: expired",
        "no copy of the public log was given (--log)",
    ],
    "fence": [
        "before decision 2026-3 dated 2026-11-24",
        "after decision 2026-3 dated 2026-11-24",
        "after decision 2026-3 dated 2026-11-24: by its own label it supports no decision",
        "before decision 2026-3 dated 2026-11-24: not both of them count",
        "decision 2026-3 dated 2026-11-24 counts for nothing",
    ],
    "signature": [
        "the cosigner key w1 does not count since 2026-11-24",
        "3 statements",
        DISOWNED.format("counts for nothing", T2),
        DISOWNED.format("counts for nothing", T1).replace(f"seen at {T1}", "seen by no quorum"),
        DISOWNED.format("undecided, and nothing rests on it", T2),
    ],
}
findings = st.lists(
    st.sampled_from([step.name for step in STEPS]).flatmap(
        lambda step: st.builds(
            Finding,
            st.just(step),
            st.sampled_from([Outcome.PASSED] * 4 + [Outcome.FAILED, Outcome.UNDECIDED]),
            st.sampled_from(
                ["packet", "2026-1", "2026/case/a", "2026/case/b", "data/items/01.mp4", "名" * 20]
            ),
            st.sampled_from(DETAILS.get(step, ["x", "1 entries"])),
        )
    ),
    max_size=9,
)
times = st.sampled_from(["", T1, T2])
items = st.lists(
    st.builds(
        Item,
        path=st.sampled_from(["", "data/items/01.mp4", "data/items/02.txt"]),
        name=st.sampled_from(["01.mp4", "01.mp4: 2", "一段很长很长很长很长的录像.mp4"]),
        part=st.sampled_from(["", "data/clips/01.mp4", "data/clips/02.mp4"]),
        place=st.just("2026-1"),
        stage=st.just(""),
        claimed=times,
        corrected=times,
        not_before=times,
        not_after=times,
        fixed_by=times,
        order=st.just("before"),
        signed_by=st.just(""),
    ),
    max_size=3,
)
checkpoints = st.lists(
    st.fixed_dictionaries(
        {
            "claimed": times,
            "cosigners": st.sampled_from(
                ["", "court, notary", "法院, archive, notary, " + "x" * 40]
            ),
            "origin": st.just("ledger.example/2026"),
            "overlap": st.sampled_from(["0", "1", "2"]),
            "policy": st.sampled_from(["ab" * 32, "cd" * 32, "ef" * 32]),
            "quorum_time": times,
            "root": st.just("AAAA"),
            "size": st.just("5"),
        }
    ),
    max_size=4,
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    drawn = draw(findings)
    if draw(st.booleans()):  # what passes as a whole is rare among random findings
        whole = [Finding(s.name, Outcome.PASSED, "packet", "1 entries") for s in STEPS]
        drawn = [*whole, *(f for f in drawn if f.outcome is not Outcome.FAILED)]
    facts = Facts(
        case=draw(st.sampled_from(["", "苏城管罚〔2026〕417号", "案" * 40])),
        packet=draw(st.sampled_from(["", "ab" * 32, "0123456789abcdef" * 4])),
        trust="cd" * 32,
        checkpoints=tuple(draw(checkpoints)),
        items=tuple(draw(items)),
        custody=draw(
            st.sampled_from([(), ({"action": "read"},), ({"action": "read", "undecided": "yes"},)])
        ),
        at=draw(times),
    )
    return conclude(tuple(drawn), GROUP_OF, frozenset(), facts)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.lists(reports(), min_size=12, max_size=12))
def test_the_first_page_is_the_same_sentence_for_sentence(ask: Ask, drawn: list[Report]) -> None:
    answer = ask({"reports": [report.to_json() for report in drawn]})
    for report, found in zip(drawn, answer["pages"], strict=True):
        page = first_page(report)
        assert found == {
            "about": [[name, value] for name, value in page.about],
            "answers": [[question, told] for question, told in page.answers],
            "meaning": page.meaning,
            "notProved": list(page.not_proved),
            "outcome": page.outcome,
            "proved": list(page.proved),
        }


PLACES = st.sampled_from(["2026-1", "2026-2-77"])
NAMES = st.sampled_from(["王某", "handler li", "court", "", "x\u202ey", "handler"])
SAID = {"claimed": st.just(T1), "fixed_by": times, "place": PLACES}
NOTES = ["", "tiezheng 0.1", "software: x; clock: no warning; takes evidence: yes", "toString: y"]
COUNTS = ["", "entries 5, quorum_at 1795400000", "toString 1", f"backed_up_at {10**18}"]


def rows_of(**fields: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(fields, optional={"undecided": st.just("yes")})


REGISTERED = st.fixed_dictionaries(
    {
        "ended": st.sampled_from(["", "yes"]),
        "name": NAMES,
        "of": st.just("3"),
        "place": PLACES,
        "role": st.sampled_from(["", "station", "toString"]),
        "series": st.just("2026/register/key/x"),
        "version": st.just("2"),
        "what": st.sampled_from([*carried.REGISTERED]),
    }
)
WITHHELD = st.fixed_dictionaries(
    {
        "place": PLACES,
        "reason": st.sampled_from([*wording.REASONS]),
        "what": st.sampled_from(["statement", "ab" * 32]),
    }
)
DUE = st.fixed_dictionaries(
    {
        "counted": st.sampled_from([*carried.COUNTED]),
        "for": st.sampled_from([*carried.PROCEDURES]),
        "received": st.just("2026-11-20"),
        "until": st.just("2026-12-05"),
    }
)


@st.composite
def beside(draw: st.DrawFn) -> Facts:
    """What a packet carries; more than is shown, now and then."""
    many = draw(st.sampled_from([1, 9]))
    actions = st.sampled_from([*carried.ACTIONS])
    read = rows_of(action=actions, by=NAMES, note=NAMES, **SAID)
    stood = rows_of(counts=st.sampled_from(COUNTS), note=st.sampled_from(NOTES), **SAID)
    return Facts(
        checkpoints=draw(st.sampled_from([(), ({"policy": "x"},)])),
        custody=tuple(draw(st.lists(read, max_size=3)) * many),
        due=draw(st.one_of(st.just({}), DUE)),
        registers=tuple(draw(st.lists(REGISTERED, max_size=3)) * many),
        state=tuple(draw(st.lists(stood, max_size=2))),
        withheld=tuple(draw(st.lists(WITHHELD, max_size=3)) * many),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts=beside())
def test_what_is_carried_beside_is_said_line_for_line(ask: Ask, facts: Facts) -> None:
    report = conclude((), GROUP_OF, frozenset(), facts).to_json()
    (answer,) = ask({"carried": [report]})["carried"]
    for lang in ("zh", "en"):
        choose([f"--lang={lang}"], {})
        wanted = list(carried.carried_lines(facts))
        cut = [line for line in wanted if line.startswith("    …")]
        assert [section["rest"] > 0 for section in answer[lang]].count(True) == len(cut)
        rows = [[s["title"], *(f"  - {row}" for row in s["rows"])] for s in answer[lang]]
        assert [*chain(*rows)] == [line for line in wanted if line and line not in cut]


@given(text=st.text(max_size=40), limit=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_names_are_clipped_at_the_same_column(ask: Ask, text: str, limit: int) -> None:
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip("needs the Unicode 14 tables of the terminal's own Python 3.11")
    text = text.encode("utf-8", "replace").decode()
    assert ask({"clipped": [[text, limit]]})["clipped"] == [clip_columns(text, limit)]
