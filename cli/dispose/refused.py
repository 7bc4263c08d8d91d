"""Why a disposal, or the lifting of a hold, is refused, in the reader's language."""

from cli import output
from cli.language import say
from cli.matching import matched
from ledger.errors import LedgerError

REFUSED: tuple[tuple[str, str], ...] = (
    (r"statement (\S+) is under a legal hold: (.*)", r"陈述 \1 已被保全：\2"),
    (r"the case is open: nothing of it is destroyed", "案件未结，不得销毁"),
    (r"the retention class '(\w+)' keeps this until (\S+)", r"保管期限（\1）未满：保管至 \2"),
    (r"the retention class '(\w+)' keeps this for ever", r"保管期限（\1）为永久"),
    (
        r"want the retention class '(\w+)' for this case, got '(\w+)'",
        r"本案应适用的保管期限为 \1，而非 \2",
    ),
    (r"the retention class '(\w+)' is for a case", r"保管期限（\1）只适用于案件"),
    (
        r"the retention class '(\w+)' is for records of which no case was made",
        r"保管期限（\1）只适用于未立案的记录",
    ),
    (r"no class '(.*)' in the retention list of version '(.*)'", r"保管期限表（\2）中没有 \1"),
    (
        r"no class of the retention list of version '(.*)' is for this",
        r"保管期限表（\1）中没有适用的类别",
    ),
    (r"no retention list of '(.*)' is in force", r"\1 没有有效的保管期限表，不得销毁"),
    (
        r"a complaint has just come: what it is about is being held",
        "刚收到投诉，正在保全相关内容，请稍后再试",
    ),
    (r"want (\d+) persons, signed by (\d+)", r"须由 \1 人签名，现有 \2 人"),
    (r"(\S+) has signed (?:it already|twice)", r"\1 已经签名，须由另一人签名"),
    (r"statement (\S+) is destroyed already", r"陈述 \1 已经销毁"),
    (
        r"statement (\S+) is not of the case that the disposal names",
        r"陈述 \1 不属于销毁记录所写的案件",
    ),
    (r"statement (\S+) has another commitment in the log", r"陈述 \1 与日志中的承诺值不符"),
    (r"a statement of kind (\w+) is never destroyed", r"此类陈述（\1）一律不得销毁"),
    (
        r"an item of (\d+) bytes is kept in plain, and its store keeps it until (\S+)",
        r"一件 \1 字节的原件以明文保存，存储须保留至 \2，不能销毁",
    ),
    (r"statement (\S+) goes by the disposal (\S+)", r"陈述 \1 已由销毁记录 \2 列明"),
    (
        r"statement (\S+) is a complaint, for which (\d+) statements are held",
        r"陈述 \1 是投诉，据其保全的 \2 份陈述尚未解除",
    ),
    (
        r"statement (\S+) is wanted by (\S+) of (.*), which stays",
        r"\3 的陈述 \2 须用到陈述 \1，且不在销毁之列",
    ),
    (
        r"what says that the case grew from (\S+) goes with the last of that",
        r"说明本案由临时案件 \1 转来的陈述，须与其余内容最后一并销毁",
    ),
    (r"the closing of a case goes with the last of it", "结案记录须与该案其余内容最后一并销毁"),
    (r"the case went on as (.*), at '(.*)'", r"该案已由 \2 以案号 \1 办理"),
    (r"the case has the number (.*) by now: name that", r"该案已有案号 \1，须写明案号"),
    (r"the hold on (\S+) is of '(.*)', not of '(.*)'", r"\1 的保全由 \2 作出，\3 无权解除"),
    (r"nothing is held on (\S+)", r"\1 没有保全，无从解除"),
    (
        r"no hold on (\S+) was placed for the complaint (\S+)",
        r"\1 没有因投诉 \2 而作的保全",
    ),
    (
        r"the hold on (\S+) was placed for a complaint: name that, or the hold",
        r"\1 的保全因投诉而作，须写明该投诉或该保全的编号",
    ),
    (
        r"(\d+) holds are on (\S+): name the one to be lifted by its id",
        r"\2 有 \1 项保全，须写明所解除的保全编号",
    ),
    (
        r"'(.*)' is of the crew that the complaint may be about",
        r"\1 是投诉可能涉及的人员，不得自行解除",
    ),
    (r"want a person who lifts a hold: the ledger does not do so by itself", "保全须由人员解除"),
)

HINTS: tuple[tuple[str, str], ...] = (
    (r"the hold (placed beside the server) is on (.*)", r"在服务器上作出的保全，对象为 \2"),
    (r"the hold (\S+) is on (.*)", r"保全 \1 的对象为 \2"),
    (r"it is closed by (.*)", r"结案行为：\1"),
    (
        r"no gate of the rule packs in force names '(\w+)': it closes nothing",
        r"现行规则包的关口未列 \1，不算结案",
    ),
    (r"it has (.*)", r"其中有 \1"),
    (r"the retention list of version '(.*)' says which", r"依保管期限表（\1）"),
    (
        r"a hold placed beside the server is lifted once the log says it",
        "在服务器上作出的保全，须待日志记明后解除",
    ),
    (r"whoever has placed it lifts it", "由作出保全的机关解除"),
    (r"another person of the agency lifts it", "由本机关其他人员解除"),
    (
        r"a disposal destroys statements of one case, of its own agency",
        "一份销毁记录只列本机关一个案件的陈述",
    ),
    (
        r"they are lifted first: tiezheng lift … --complaint",
        "须先解除：tiezheng lift … --complaint",
    ),
    (
        r"name what is left of the case too, or leave the closing",
        "将该案其余内容一并列明，或者保留结案记录",
    ),
    (
        r"name what is left of it too, or leave one that names both",
        "将其余内容一并列明，或者保留一份写明二者的陈述",
    ),
    (r"it goes once the time of that case is over too", "待该案保管期限也届满后再销毁"),
    (
        r"the registrar publishes one: nothing is destroyed without",
        "由登记人公布；没有保管期限表不得销毁",
    ),
    (r"the registrar publishes a list that has one", "由登记人公布含有该类别的保管期限表"),
    (r"try again in a minute", "请一分钟后再试"),
    (r"a second person signs it, with a key of his own", "由第二人以本人私钥签名"),
    (r"(\S+): (.*)", r"\1：\2"),
)


def refusal(refused: LedgerError) -> output.Exit:
    message = str(refused)
    chinese = matched(REFUSED, message)
    if chinese is None:
        return output.refusal(refused)
    hints = [say(en=hint, zh=matched(HINTS, hint) or hint) for hint in refused.hints]
    output.error(refused.code, say(en=message, zh=chinese), hints)
    return output.exit_after(refused)
