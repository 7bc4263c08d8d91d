"""Options that the commands share which file evidence or acts, and what they all tell."""

from collections.abc import Callable

from cli import output
from cli.command import F, option, together
from cli.language import say


def sm2_key_option() -> Callable[[F], F]:
    return option(
        "--sm2-key",
        "sm2_file",
        metavar="FILE",
        words={
            "en": "your registered SM2 key, to sign with beside --key",
            "zh": "您已登记的 SM2 私钥文件，与 --key 一并签名",
        },
    )


def keep_answers_option() -> Callable[[F], F]:
    return option(
        "--keep",
        metavar="DIR",
        words={
            "en": "keep statements, salts and the ledger's answers here",
            "zh": "把陈述、盐值和账本的答复保存在此处",
        },
    )


def officers_option() -> Callable[[F], F]:
    return option(
        "--officer",
        "officers",
        multiple=True,
        metavar="NO",
        words={"en": "an officer's certificate; once for each", "zh": "执法证号；每人写一次"},
    )


def particulars_options() -> Callable[[F], F]:
    """What a court wants noted of an item."""
    return together(
        option("--maker", metavar="NAME", words={"en": "who made it (制作人)", "zh": "制作人"}),
        option("--method", metavar="TEXT", words={"en": "how (制作方法)", "zh": "制作方法"}),
        option(
            "--purpose", metavar="TEXT", words={"en": "what it shows (证明对象)", "zh": "证明对象"}
        ),
        option("--carrier", metavar="TEXT", words={"en": "its original carrier", "zh": "原始载体"}),
        option(
            "--favourable",
            "favourable_to_party",
            metavar="TEXT",
            words={
                "en": "in what it speaks for the party (有利于当事人); such items come first",
                "zh": "有利于当事人之处；此类证据排在最前",
            },
        ),
    )


def note_unchecked() -> None:
    output.note(
        say(
            en="the ledger's answer was not recomputed: no --trust was given",
            zh="未重新计算账本的答复：没有给出 --trust",
        )
    )
