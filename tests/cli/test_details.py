"""What a person reads in Chinese who wrote something wrong: no English stands within it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.details import CATALOGUE, in_chinese
from cli.main import main
from testkit.rulepacks import PACKS
from testkit.server import AGENCY, CASE, HANDLER, REGISTRAR, open_ledger, serving
from testkit.terminal import Run

# What is typed and shown as it was typed: identifiers, options, times, file names, addresses.
TYPED = re.compile(
    r"\b\d{4}-[\d:T+-]+|--?[a-z-]+|\w+(?:_\w+)+|[\w.-]+\.(?:toml|txt|doc|key|csv|xlsx|pdf)"
    r"|https?://\S+|agency-\d+|PRIVATE\+KEY\+|\{\w+\}|\.(?:toml|csv|xlsx|pdf)|tiezheng(?: [a-z]+)*"
)
ENGLISH = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str | Path]]:
    folder = tmp_path_factory.mktemp("desk")
    with (
        open_ledger(folder / "ledger") as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
    ):
        (folder / "registrar.key").write_text(f"{REGISTRAR.to_text()}\n")
        (folder / "handler.key").write_text(f"{HANDLER.to_text()}\n")
        (folder / "token").write_text(f"{ledger.token('supervisor')}\n")
        (folder / "paper.txt").write_text("文书")
        for name, was, now in (
            ("act", 'act = "hearing"', 'act = "hearin"'),
            ("level", 'level = "serious"', 'level = "严重"'),
            ("version", 'version = "2026.2"', "version = 2026.2"),
            ("key", "\nbefore = ", "\nbefor = "),
            ("title", 'title_en = "Ordinary', '#title_en = "Ordinary'),
        ):
            (folder / f"{name}.toml").write_text(PACKS["ordinary"].replace(was, now))
        (folder / "no.token").write_text("两\n行\n")
        (folder / "page").write_text('{"a": 1}')
        (folder / "ledger.vkey").write_text(f"{HANDLER.verifier.to_text()}\n")
        (folder / "ended").write_text(f"tz_{'0' * 32}\n")
        (folder / "long").write_text("0" * 20_000)
        registrar = ["--registrar", str(folder / "registrar.key"), "--server", address]
        begins = ["--from", "2026-01-01", "--fact", "announced=2026-01-01"]
        entry = ["--agency", AGENCY, "--entry", "agency", AGENCY]
        assert main(["register", *registrar, *entry, *begins]) == 0
        yield {"folder": folder, "server": address}


ACT = (
    "case act --procedure ordinary --stage start --act clue --case CASE --doc paper.txt "
    "--key handler.key"
)
VIEW = "--token-file token"
REGISTER = "register --registrar registrar.key --agency agency-01 --officer 7 --fact person=王"
SLIPS = [
    (f"{ACT} --occurred 2026-11-26T09:00", "时间须写作 2026-11-23T14:00:00+08:00"),
    (f"{ACT} --occurred 2026-13-01T09:00:00+08:00", "没有这一时间：2026-13-01T09"),
    (
        f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --until 2026-11-26T08:00:00+08:00",
        "起始须早于截止",
    ),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --fact 来源=投诉", "须用规则包中的标识"),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --officer 1 --officer 1", "写了两次"),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --stage 启动", "“启动”不是下列之一：start、"),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --doc none.txt", "没有文件“none.txt”"),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --key token", "“token”不是私钥文件"),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --key registrar.key", "请求的签名不能核对"),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --server http://127.0.0.1:1", "没有应答"),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --case 随便", "“随便”不是案号"),
    (f"{ACT} --occurred 2026-11-26T09:00:00+08:00 --case 甲罚〔2026〕1号", "不合登记的格式"),
    (f"case gaps {CASE} {VIEW}", f"日志中没有案件“{CASE}”的陈述"),
    (f"case register --agency agency-99 --year 2026 {VIEW}", "没有登记机关 agency-99"),
    (f"case register --agency= --year 2026 {VIEW}", "--agency 的值无效"),
    (f"case documents --agency .. --span 2026 {VIEW}", "机关标识不得为“..”"),
    (f"case documents --agency a/b --span 2026 {VIEW}", "不得含“/”，现为“a/b”"),
    (f"case register --agency {AGENCY} --year 去年 {VIEW}", "年份须写作 2026"),
    (f"case register --agency {AGENCY} --year 2026 -o x.doc {VIEW}", "之一结尾"),
    (f"case person --agency {AGENCY} --no 1 --from 2026-11-1 --to 2026-11-30 {VIEW}", "日期须"),
    (f"case gaps {CASE} --token-file no.token", "访问令牌须为一行"),
    (
        f"case documents --agency {AGENCY} --span 2026-13 {VIEW}",
        "时段须写作 2026、2026-Q1 或 2026-03",
    ),
    (f"case complaints --agency {AGENCY} --span 2999-03 {VIEW}", "2999-03 尚未开始：今日为"),
    (
        f"case complaints --agency {AGENCY} --span 2026 --token-file ended",
        "访问令牌不存在或者已失效",
    ),
    (f"case complaints --agency {AGENCY} --span 2026 --token-file long", "long：至多 16384 字节"),
    (f"case gaps {'〔2026〕' + '甲' * 64} {VIEW}", "案号为 1 至 64 字"),
    (f"case gaps 甲/〔2026〕1号 {VIEW}", "案号不得含空格、斜线、不可见字符，现为“甲/〔2026〕1号”"),
    (f"packet {CASE} -o p.zip --recipient {'甲' * 300} {VIEW}", "至多 256 字，现有 300 字"),
    (f"statistics --agency {AGENCY} --year 2020 {VIEW}", "没有 agency-01 在 2020 年的行为"),
    (f"{REGISTER} --from 2026.1.1", "日期须写作 2026-11-23，现为“2026.1.1”"),
    (f"{REGISTER} --from 2026-01-02 --to 2026-01-01", "起始须早于截止"),
    ("rules show 普通", "没有附带的规则包“普通”"),
    ("rules check act.toml", "本规则包中没有 hearin"),
    ("rules check level.toml", "须为下列之一：serious、ordinary、notice；现为“严重”"),
    ("rules check version.toml", "须为文字"),
    ("rules check key.toml", "没有此键"),
    ("rules check title.toml", "title_en：缺少此键"),
    ("feed check page --key ledger.vkey", "page：须为规范 JSON"),
    ("keygen --name desk -o token", "“token”已存在，不予覆盖"),
    ("keygen --name desk", "须写 --name 与 -o"),
    ("verify none.zip --trust none", "没有信任文件夹“none”"),
    ("verify paper.txt --trust none", "没有信任文件夹“none”"),
    ("backup data target", "须写 --key FILE"),
    ("next-log ledger", "准备时写 --origin NAME"),
    ("init data --origin a --agency b --registrar registrar.key --cosigner x", "须写作 VKEY@URL"),
    ("init data --origin a --agency b --registrar registrar.key", "日志名须以年份结尾，现为“a”"),
    ("hold none --list", "没有账本"),
    ("receipt 7", "“7”不是陈述的编号"),
    ("receipt 019ab0c4-0000-7000-8000-000000000000", "日志中没有该编号的陈述"),
    ("mirror x --data y --log z", "地址须以 http 开头"),
]


@pytest.mark.parametrize(("typed", "told"), SLIPS, ids=[told for _, told in SLIPS])
def test_a_slip_is_told_in_chinese(
    typed: str,
    told: str,
    desk: dict[str, str | Path],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(desk["folder"])
    monkeypatch.setenv("TIEZHENG_SERVER", str(desk["server"]))
    args = [CASE if word == "CASE" else word for word in typed.split()]
    ended = run(*args, "--lang", "zh")
    assert ended.code != 0
    assert told in ended.err
    assert ENGLISH.findall(TYPED.sub("", ended.err)) == []


def test_a_conclusion_of_a_newer_ledger_keeps_its_english_and_breaks_nothing() -> None:
    detail = "'x' is no act of 'agency-01' that can {}: no rule pack has such a gate; there are y"
    assert in_chinese(detail.format("close")) == "x 不是可以结案的行为；可用：y"
    assert in_chinese(detail.format("appeal")) == detail.format("appeal")


@pytest.mark.parametrize("said", ["a: " * 5_000, "want the acts of ('" + "', '" * 50_000])
def test_what_a_server_sends_without_an_end_keeps_its_english(said: str) -> None:
    assert in_chinese(said) == said


def test_whose_case_it_is_no_sentence_derives_from_who_spoke_first() -> None:
    """It may be by the registered spelling of its number."""
    said = f"case {CASE!r} is of 'agency-02', not of 'agency-01'"
    assert in_chinese(said) == f"案件 {CASE} 属于 agency-02，不属于 agency-01"


# Sentences of which the parts stand apart in the code, or that a library says.
COMPOSED = [
    "'penalty_decision' has to wait: 2 rules are not met",
    "'x' is no act of 'agency-01' that can close: no rule pack has such a gate; there are y",
    "case number '甲罚〔2026〕1号' is not spelled as any of ['苏城管罚〔{year}〕{n}号']",
    "cannot read 'a.txt': No such file or directory",
    "cannot write 'a.txt': Permission denied",
    "Permission denied: a.txt",
    "a.key: want a private key that begins with PRIVATE+KEY+",
    "'启动' is not one of 'start', 'decide'",
    "a file's name ends in .toml",
    "want an address such as https://ledger.example, got 'x'",
    "setting 'prot': Extra inputs are not permitted",
    "the key 'a+1a2b3c4d' was revoked or compromised: it does not come back",
    "https://ledger.example answered 500",
    "want a/2026-2, or a/ and a later year, got 'a/2025'",
    "the application was decided by statement 019ab0c4-0000-7000-8000-000000000000",
    "the certificate was revoked by statement 019ab0c4-0000-7000-8000-000000000000",
    "this certificate was issued by statement 019ab0c4-0000-7000-8000-000000000000",
    "want a sealed PDF: not sealed, or not once",
    "want the acts of ('agency-01', '2026'), got those of ('street-01', '2026')",
    "the recording could not be cut: nothing was recorded then",
    "the file with SHA-256 4c46 is still held: it is not destroyed",
    "'a' is no station's folder: it has no station.toml",
    "try again",
    "tiezheng audit says more",
    "its settings are in station.toml",
]
ROOT = Path(__file__).parents[2]


def trees() -> Iterator[ast.Module]:
    for layer in ("api", "cli", "ledger", "storage"):
        for path in sorted((ROOT / layer).rglob("*.py")):
            if not path.name.startswith("details"):
                yield ast.parse(path.read_text(encoding="utf-8"))


def written(part: ast.expr) -> str:
    match part:
        case ast.Constant(text):
            return str(text)
        case ast.FormattedValue(conversion=conversion):
            return "'7'" if conversion == ord("r") else "7"
        case _:
            return ""


def sentences() -> set[str]:
    found = set(COMPOSED)
    for node in (node for tree in trees() for node in ast.walk(tree)):
        match node:
            case ast.Constant(str(text)):
                found.add(text)
            case ast.JoinedStr(parts):
                found.add("".join(map(written, parts)))
    return found


def test_each_sentence_of_the_catalogue_is_one_that_is_said() -> None:
    """Whoever words an error anew words its Chinese anew, or it would be English again."""
    said = sentences()
    unsaid = [
        pattern
        for pattern, _ in CATALOGUE
        if not any(re.fullmatch(pattern, text, re.DOTALL) for text in said)
    ]
    assert unsaid == []


@pytest.mark.parametrize("sentence", COMPOSED)
def test_a_sentence_of_parts_is_told_in_chinese(sentence: str) -> None:
    assert ENGLISH.findall(TYPED.sub("", in_chinese(sentence))) == []


def test_wrong_usage_has_words_in_both_languages_where_it_is_raised() -> None:
    """click's own are put into Chinese in one place; those of this program bring theirs."""
    bare = [
        ast.unparse(node)
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("UsageError", "BadParameter"))
        and re.search("[a-z]{3}", "".join(map(written, getattr(node.args[0], "values", node.args))))
    ]
    assert bare == []


def test_whatever_is_wrong_in_a_rule_pack_is_told_in_chinese() -> None:
    """Of every error that its readers raise: a lawyer writes packs."""
    folder = ROOT / "ledger" / "process" / "rules"
    found = {
        "".join(map(written, getattr(node.args[0], "values", node.args[:1])))
        for path in (*folder.glob("*.py"), ROOT / "ledger" / "process" / "tables.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Malformed"
    }
    assert len(found) > 30
    bare = {text: in_chinese(text) for text in found if not re.search("[一-鿿]", in_chinese(text))}
    assert bare == {}


def test_a_word_of_another_choice_is_told_without_english() -> None:
    wrong = "want one of yes, no of the fact 'urgent' of 'coercive_measure', got '是'"
    told = "coercive_measure 的事实 urgent 须为 yes, no 之一，现为“是”"
    assert in_chinese(wrong) == told
