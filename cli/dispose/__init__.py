"""`tiezheng dispose …`: what is kept longer than it has to be, destroyed by two persons."""

import click

from cli.command import new_lang_option, page
from cli.dispose.drafting import due
from cli.dispose.signing import file, sign
from cli.language import pick
from ledger.report import Bilingual

WORDS: Bilingual = {
    "en": "Destroy what is kept longer than it has to be, by two persons.\n\n"
    "Nothing is destroyed by time alone. due lists the cases whose time is over and\n"
    "writes a draft of each; two persons sign it; the ledger refuses it while the\n"
    "case is open, under a legal hold, or has to be kept.",
    "zh": "销毁保管期限届满的内容，须二人签名。\n\n"
    "期限届满本身不销毁任何内容。due 列出期限届满的案件，各写一份草稿；由二人签名；\n"
    "案件未结、已保全或者期限未满的，账本不予受理。",
}


class Disposals(click.Group):
    """`command` is the group; its members have pages of their own."""

    def get_help(self, ctx: click.Context) -> str:
        rows = tuple((name, member.get_short_help_str()) for name, member in self.commands.items())
        options = [("--lang zh|en", pick(new_lang_option().words))]
        return page(ctx, pick(WORDS), options, rows, "tiezheng dispose due data")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


command = Disposals("dispose", params=[new_lang_option()], no_args_is_help=True)

for member in (due, sign, file):
    command.add_command(member)
