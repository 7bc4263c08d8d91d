"""`tiezheng rules …`: rule packs, shipped and of one's own: read, check, publish them."""

from cli.command import Group
from cli.rules import packs
from ledger.report import Bilingual

WORDS: Bilingual = {
    "en": "Rule packs: the law of a procedure as a file that a lawyer reads and changes.\n\n"
    "A pack is published in the log and judges the cases that begin while it is in\n"
    "force. What is published is the file itself, byte for byte.",
    "zh": "规则包：以文件表示的一种程序的法律规则，供法律人员阅读和修改。\n\n"
    "规则包在日志中公布，适用于其有效期内开始的案件。公布的即该文件本身，逐字节相同。",
}


command = Group("rules", words=WORDS, example="tiezheng rules show ordinary")

for member in (packs.list_packs, packs.show, packs.check, packs.publish):
    command.add_command(member)
