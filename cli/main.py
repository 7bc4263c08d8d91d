"""The command `tiezheng`. A command's module is imported only when it is asked for."""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import click

from cli import output
from cli.command import new_lang_option, page
from cli.language import pick, say
from ledger import sm2
from ledger.report import Bilingual
from storage.sm2_libcrypto import Libcrypto


class Listed(NamedTuple):
    """A command without its module: what `tiezheng --help` says of it."""

    module: str
    words: Bilingual


COMMANDS: Mapping[str, Listed] = {
    "init": Listed(
        "cli.init",
        {
            "en": "make a new ledger: keys, log and trust folder",
            "zh": "新建账本：密钥、日志、信任文件夹",
        },
    ),
    "server": Listed("cli.server", {"en": "serve a ledger over HTTP", "zh": "运行账本服务"}),
    "keygen": Listed("cli.keygen", {"en": "make a key", "zh": "生成密钥"}),
    "register": Listed(
        "cli.register",
        {"en": "register a key, a person or an agency", "zh": "登记密钥、人员或机关"},
    ),
    "rules": Listed(
        "cli.rules", {"en": "read, check and publish rule packs", "zh": "阅读、检查、公布规则包"}
    ),
    "token": Listed(
        "cli.token", {"en": "make or revoke an access token", "zh": "发放或撤销访问令牌"}
    ),
    "deposit": Listed("cli.deposit", {"en": "hand in evidence", "zh": "提交证据"}),
    "case": Listed(
        "cli.case",
        {
            "en": "acts and conclusions of a case, and what lacks",
            "zh": "办理案件：执法行为、结论、缺项",
        },
    ),
    "statistics": Listed(
        "cli.statistics",
        {"en": "the numbers of a year, and their recount", "zh": "年度执法统计及其复核"},
    ),
    "correct": Listed(
        "cli.correct",
        {"en": "file what a statement left out", "zh": "补充或更正陈述"},
    ),
    "derive": Listed(
        "cli.derive",
        {"en": "log what was made from an item", "zh": "登记由原件制作的派生件"},
    ),
    "receipt": Listed(
        "cli.receipt",
        {"en": "fetch the proof that something is logged", "zh": "取回已入日志的证明"},
    ),
    "packet": Listed("cli.packet", {"en": "fetch the packet of a case", "zh": "取回案件的证据包"}),
    "verify": Listed("cli.verify", {"en": "check a packet, offline", "zh": "离线核验证据包"}),
    "clip": Listed(
        "cli.clip",
        {"en": "cut a proven part out of a recording", "zh": "截取录像片段并附证明"},
    ),
    "party-receipt": Listed(
        "cli.party_receipt",
        {"en": "ask for what a party's receipt promises", "zh": "按当事人回执查询"},
    ),
    "scrub": Listed(
        "cli.scrub",
        {"en": "read all stored items again, and mend", "zh": "重新读取全部原件，修复损坏"},
    ),
    "storage": Listed(
        "cli.room",
        {"en": "how much room items take, and how long it lasts", "zh": "存储占用与用尽时间预测"},
    ),
    "hold": Listed(
        "cli.hold", {"en": "put a case under a legal hold", "zh": "禁止删除案件内容（保全）"}
    ),
    "lift": Listed("cli.lift", {"en": "lift a legal hold", "zh": "解除保全"}),
    "complain": Listed(
        "cli.complain",
        {"en": "log a complaint, and hold what was recorded", "zh": "登记投诉，并保全相关录像"},
    ),
    "dispose": Listed(
        "cli.dispose",
        {"en": "destroy what need not be kept, by two persons", "zh": "销毁期限届满的内容（二人）"},
    ),
    "audit": Listed(
        "cli.audit", {"en": "recompute a whole public log", "zh": "重新计算整个公开日志"}
    ),
    "inspect": Listed(
        "cli.inspect", {"en": "say what a file is, in words", "zh": "用文字说明一个文件是什么"}
    ),
    "station": Listed(
        "cli.station",
        {"en": "run an upload station for recorders", "zh": "运行执法记录仪采集站"},
    ),
    "notary": Listed(
        "cli.notary",
        {"en": "a notary office's workbench", "zh": "公证处工作台"},
    ),
    "cosign": Listed("cli.cosign", {"en": "run a cosigner", "zh": "运行联合签名节点"}),
    "mirror": Listed(
        "cli.mirror", {"en": "keep and serve a copy of logs", "zh": "保存并提供日志副本"}
    ),
    "case-review": Listed(
        "cli.case_review",
        {"en": "draw the cases that are reviewed", "zh": "案卷评查抽取样本"},
    ),
    "feed": Listed(
        "cli.feed",
        {"en": "the feed for the province's platform", "zh": "向省平台推送事件"},
    ),
    "backup": Listed(
        "cli.backup",
        {"en": "back up a ledger, sealed, elsewhere", "zh": "将账本加密备份到别处"},
    ),
    "restore": Listed(
        "cli.restore",
        {"en": "restore a ledger from its backup", "zh": "从备份恢复账本"},
    ),
    "next-log": Listed(
        "cli.next_log",
        {"en": "close the log and begin the next one", "zh": "结束当前日志，开始下一份"},
    ),
    "renew": Listed(
        "cli.renew",
        {"en": "renew proofs before what they rest on ends", "zh": "在所依赖者失效前续展证明"},
    ),
    "archive": Listed(
        "cli.archive",
        {
            "en": "make, check and restore packages for an archive",
            "zh": "制作、检测、恢复档案移交包",
        },
    ),
    "demo": Listed("cli.demo", {"en": "show the ledger at work", "zh": "演示账本"}),
}


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, listed in COMMANDS.items() if find_spec(listed.module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(COMMANDS[cmd_name].module).command
        assert isinstance(command, click.Command)
        return command

    def get_help(self, ctx: click.Context) -> str:
        words = say(
            en="An evidence ledger that outsiders can check.",
            zh="铁证：局外人也能核验的证据账本。",
        )
        options = [
            ("--lang zh|en", pick(new_lang_option().words)),
            ("--version", say(en="show the version", zh="显示版本")),
        ]
        rows = tuple((name, pick(COMMANDS[name].words)) for name in self.list_commands(ctx))
        example = "tiezheng verify packet.zip --trust trust/"
        return page(ctx, words, options, rows, example)


def _version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import version

        output.result(f"tiezheng {version('tiezheng')}")
        ctx.exit()


root = Commands(
    "tiezheng",
    params=[
        new_lang_option(),
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version
        ),
    ],
    no_args_is_help=True,
)


def main(args: list[str] | None = None) -> int:
    given = sys.argv[1:] if args is None else args

    sm2.use(Libcrypto())

    def invoke() -> Any:
        return root.main(given, prog_name="tiezheng", standalone_mode=False)

    return output.run(given, invoke)
