"""What is wrong with a rule pack, for the lawyer who wrote it, in Chinese: for `cli.details`."""

from cli.matching import Words

_KINDS = {
    "amount": "amount（数额）",
    "choice": "choice（选项）",
    "day": "day（日期）",
    "number": "number（整数）",
    "shown": "shown（标注）",
    "text": "text（文字）",
}
_OF = r"the fact '([^']*)' of '([^']*)'"

PACKS: tuple[tuple[str, Words], ...] = (
    (r"no \[\[fact\]\] declares " + _OF, r"没有 [[fact]] 声明 \2 的事实 \1"),
    (
        rf"want {_OF} declared with kind = \"(\w+)\"",
        lambda m: f"{m[2]} 的事实 {m[1]} 应声明为 kind = {_KINDS.get(m[3], m[3])}",
    ),
    (rf"want one of (.*) of {_OF}, got '(.*)'", r"\3 的事实 \2 须为 \1 之一，现为“\4”"),
    (rf"{_OF} is declared twice", r"\2 的事实 \1 声明了两次"),
    (r"'(.*)' stands twice", r"\1 写了两次"),
    (r"want one of ([\w, ]+)", lambda m: f"须写其中之一：{m[1].replace(', ', '、')}"),
    (r"a word stands twice", "同一个词写了两次"),
    (r"'(.*)' is no duty: nothing is due when it is over", r"\1 不是义务期限，期满并无应有之事"),
    (r"want '(.*)' to end the clock '(.*)'", r"\1 须能终结期限 \2"),
    (r"'(.*)' does not start with each of its acts", r"期限 \1 不是按 each 起算的"),
    (
        r"want each or clock: a clock that starts with each asks each",
        "each 与 clock 只写一个：按 each 起算的期限本已逐次要求",
    ),
    (r"no record demands the fact '(.*)' of '(.*)'", r"没有 [[record]] 要求 \2 写明事实 \1"),
    (r"want a condition", "不是条件的写法"),
    (
        r'want values with kind = "choice", and with no other',
        "values 只与 kind = choice（选项）同写，并须同写",
    ),
    (
        r"want a table of 1 to (\d+) words, each with its name",
        r"须为 1 至 \1 个词的表，每词各有名称",
    ),
    (r"want daily_percent and amount_of, both or none", "daily_percent 与 amount_of 须同写"),
    (r"want not_counted with daily_percent alone", "not_counted 只与 daily_percent 同写"),
    (r"want no hours with daily_percent", "daily_percent 不与 hours 同写"),
    (r"want working with days alone", "working 只与 days 同写"),
    (
        r'want matched_by with starts = "each", and not without',
        "matched_by 只与 starts = each 同写，并须同写",
    ),
    (
        r'want no from_fact or daily_percent with starts = "each"',
        "starts = each 不与 from_fact、daily_percent 同写",
    ),
    (r'want ends_all with starts = "each" alone', "ends_all 只与 starts = each 同写"),
    (r"want '(.*)' in until as well", r"\1 也须写在 until 中"),
    (r"want 1 to (\d+), got (.*)", r"须为 1 至 \1，现为 \2"),
    (r"want a list of 1 to (\d+), got \w+", r"须为 1 至 \1 项的列表"),
    (r"want a whole number from 0, got \w+", "须为不小于零的整数"),
    (r"want true or false, got \w+", "须为 true 或者 false"),
    (r"want a table, got \w+", "须为表"),
    (
        r"want an amount in yuan such as 500 or '500\.50', got '(.*)'",
        r"数额须写作 500 或者 '500.50'（元），现为“\1”",
    ),
)
