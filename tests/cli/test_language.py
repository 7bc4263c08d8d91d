import unicodedata

import pytest

from cli.main import COMMANDS
from testkit.terminal import Run


@pytest.mark.parametrize(
    ("environment", "chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LC_MESSAGES": "zh_TW"}, True),
        ({"LC_ALL": "zh_CN.GB18030", "LANG": "en_US.UTF-8"}, True),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, False),
        ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({}, False),
    ],
)
def test_the_locale_chooses_the_language(
    run: Run, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], chinese: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run("--help").out.startswith("用法：" if chinese else "Usage: ")


def test_lang_wins_over_the_locale(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run("verify", "--help", "--lang", "en").out.startswith("Usage: ")


@pytest.mark.parametrize(
    "args", [("--lang", "zh", "verify"), ("verify", "--lang", "zh"), ("verify", "--lang=zh")]
)
def test_lang_may_stand_before_or_behind_the_command(run: Run, args: tuple[str, ...]) -> None:
    assert run(*args, "--help").out.startswith("用法：tiezheng verify")


def test_an_unknown_language_is_wrong_usage(run: Run) -> None:
    assert run("--lang", "fr", "verify").code == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("verify", "p"), "tiezheng: 错误：缺少 '--trust'\n"),
        (("verify", "--beauty"), "tiezheng: 错误：没有选项 '--beauty'\n"),
        (("beautify",), "tiezheng: 错误：没有命令 'beautify'\n"),
        (
            ("verify", "p", "--trust", "t", "--require", "x"),
            "tiezheng: 错误：--require 的值无效（可用 complete,order,time,form，而不是 'x'）\n",
        ),
    ],
)
def test_wrong_usage_is_explained_in_chinese(run: Run, args: tuple[str, ...], said: str) -> None:
    ended = run("--lang", "zh", *args)
    assert ended.code == 2
    assert ended.err.startswith(said)


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def commands() -> list[str]:
    return ["keygen", "verify", "audit", "inspect"]


@pytest.mark.parametrize("name", commands())
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_words_of_a_help_page_fit_a_terminal(run: Run, name: str, lang: str) -> None:
    lines = run(name, "--help", "--lang", lang).out.splitlines()
    example = next(i for i, line in enumerate(lines) if line in ("示例：", "Example:"))
    assert max(columns(line) for line in lines[:example]) <= 80


@pytest.mark.parametrize("name", commands())
def test_a_help_page_ends_with_an_example(run: Run, name: str) -> None:
    assert run(name, "--help").out.rstrip().splitlines()[-1].startswith(f"  tiezheng {name} ")


def test_the_list_of_commands_is_in_both_languages() -> None:
    assert all(listed.words.keys() == {"en", "zh"} for listed in COMMANDS.values())
