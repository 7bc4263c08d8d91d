"""`tiezheng case …`: the acts of a procedure, its conclusions, and what lacks."""

from cli.case import acting, judging, views
from cli.case.bulletin import complaints
from cli.case.due import due
from cli.case.merits import merits
from cli.case.publications import publications
from cli.case.supervision import supervision
from cli.command import Group
from ledger.report import Bilingual

WORDS: Bilingual = {
    "en": "The acts of a case: file them, draw its conclusions, see what lacks.\n\n"
    "Evidence is never refused for a defect in law; a conclusion is. A decision, a\n"
    "service or a closing is logged only once the log holds what its rule pack wants\n"
    "before it. The paper itself may be filed as evidence at any time.",
    "zh": "案件办理：登记执法行为，作出决定、送达、结案，查看缺项。\n\n"
    "证据不因法律上的瑕疵而拒收，结论则会。决定、送达、结案，须待规则包所要求的\n"
    "在先记录均已入日志，方可入日志。文书本身可随时作为证据提交。",
}


command = Group(
    "case", words=WORDS, example="tiezheng case gaps '苏城管罚〔2026〕417号' --token-file token …"
)

MEMBERS = (
    *(acting.act, acting.decide, acting.serve_document, acting.close),
    *(judging.gaps, judging.clocks, due, *views.MEMBERS, publications, complaints, merits),
    supervision,
)
for member in MEMBERS:
    command.add_command(member)
