"""Commands with help in both languages. `click` parses; the pages are laid out here.

click breaks lines between spaces, of which Chinese has none: lines are written here
as they shall stand, at most 80 columns wide.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cli.language import LANGUAGES, pick, say
from ledger.report import Bilingual

F = TypeVar("F", bound=Callable[..., Any])

Row = tuple[str, str]
LANG = f"--lang {'|'.join(LANGUAGES)}"


class Option(click.Option):
    def __init__(self, *args: Any, words: Bilingual, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.words = words


class Argument(click.Argument):
    def __init__(self, *args: Any, words: Bilingual, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.words = words


class Command(click.Command):
    """`words` begins with one line that says what it does; `example` is shell, the same for all."""

    def __init__(self, *args: Any, words: Bilingual, example: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.words = words
        self.example = example
        self.params.append(new_lang_option())

    def get_help(self, ctx: click.Context) -> str:
        return page(ctx, pick(self.words), _rows(self.params), (), self.example)

    def get_short_help_str(self, limit: int = 45) -> str:
        return pick(self.words).partition("\n")[0]


class Group(click.Group):
    """Its members have pages of their own, and stand in its own in the order of their adding."""

    def __init__(self, name: str, *, words: Bilingual, example: str) -> None:
        super().__init__(name, params=[new_lang_option()], no_args_is_help=True)
        self.words = words
        self.example = example

    def get_help(self, ctx: click.Context) -> str:
        rows = tuple((name, member.get_short_help_str()) for name, member in self.commands.items())
        options = [(LANG, pick(new_lang_option().words))]
        return page(ctx, pick(self.words), options, rows, self.example)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def command(
    name: str, *, words: Bilingual, example: str
) -> Callable[[Callable[..., Any]], Command]:
    return click.command(name, cls=Command, words=words, example=example)


def option(*names: str, words: Bilingual, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, cls=Option, words=words, **settings)


def argument(name: str, *, words: Bilingual, **settings: Any) -> Callable[[F], F]:
    return click.argument(name, cls=Argument, words=words, **settings)


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several as one, in the order in which a help page shows them."""

    def all_of_them(function: F) -> F:
        for one in reversed(options):
            one(function)
        return function

    return all_of_them


def new_lang_option() -> Option:
    # Its value was read before parsing began; here it is only checked.
    return Option(
        ["--lang"],
        type=click.Choice(LANGUAGES),
        expose_value=False,
        words={
            "en": "the language of messages; by default that of the locale",
            "zh": "输出语言；缺省时取系统区域设置",
        },
    )


def json_option() -> Callable[[F], F]:
    return option(
        "--json",
        "as_json",
        is_flag=True,
        words={
            "en": "the result as JSON on stdout, an error as JSON on stderr",
            "zh": "结果以 JSON 写到标准输出，错误以 JSON 写到标准错误",
        },
    )


def trust_option() -> Callable[[F], F]:
    return option(
        "--trust",
        required=True,
        metavar="DIR",
        words={
            "en": "your own folder of whom you believe: logs, policies, keys",
            "zh": "您自己的信任文件夹：日志、联合签名策略、密钥",
        },
    )


def listen_options(port: int) -> Callable[[F], F]:
    return together(
        option(
            "--host",
            default="127.0.0.1",
            metavar="ADDRESS",
            words={"en": "where to listen; by default 127.0.0.1", "zh": "监听地址；缺省 127.0.0.1"},
        ),
        option(
            "--port",
            type=click.IntRange(0, 65535),
            default=port,
            metavar="N",
            words={
                "en": f"by default {port}; 0 takes a free one",
                "zh": f"缺省 {port}；0 表示任取空闲端口",
            },
        ),
    )


def page(
    ctx: click.Context, words: str, options: list[Row], commands: tuple[Row, ...], example: str
) -> str:
    pieces = " ".join(ctx.command.collect_usage_pieces(ctx))
    parts = [say(en="Usage: ", zh="用法：") + f"{ctx.command_path} {pieces}", "", *_indented(words)]
    if commands:
        width = max(len(name) for name, _ in commands)
        parts += ["", say(en="Commands:", zh="命令：")]
        parts += [f"  {name:{width}}  {text}" for name, text in commands]
    parts += ["", say(en="Options:", zh="选项：")]
    shown = say(en="show this page", zh="显示本页")
    for name, text in [*options, ("--help", shown)]:
        parts += [f"  {name}", *_indented(text, "      ")]
    if example:
        parts += ["", say(en="Example:", zh="示例："), *_indented(example)]
    return "\n".join(parts)


def _rows(params: list[click.Parameter]) -> list[Row]:
    rows = []
    for param in params:
        if not isinstance(param, Option | Argument):
            continue
        text = pick(param.words)
        if param.required:
            text += say(en=" (required)", zh="（必需）")
        rows.append((_spelling(param), text))
    return rows


def _spelling(param: Option | Argument) -> str:
    if isinstance(param, Argument):
        return param.human_readable_name
    names = ", ".join(param.opts)
    if param.is_flag:
        return names
    if isinstance(param.type, click.Choice):
        return f"{names} {'|'.join(param.type.choices)}"
    return f"{names} {param.metavar or 'TEXT'}"


def _indented(text: str, by: str = "  ") -> list[str]:
    return [by + line if line else "" for line in text.split("\n")]
