"""`tiezheng dispose …`: what is kept longer than it has to be, destroyed by two persons."""

from cli.command import Group
from cli.dispose.drafting import due
from cli.dispose.signing import file, sign
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


command = Group("dispose", words=WORDS, example="tiezheng dispose due data")

for member in (due, sign, file):
    command.add_command(member)
