"""`tiezheng archive …`: what is handed over to an archive, checked and restored."""

from typing import Any

from cli.command import Group, argument, json_option, option, trust_option
from cli.command import command as new_command
from ledger.report import Bilingual

WORDS: Bilingual = {
    "en": "Packages for an archive: court packets with all that a reader of 2041 needs.\n\n"
    "A package is checked and restored offline, with nothing but itself, a Python and\n"
    "the printed page that was made with it.",
    "zh": "档案移交包：证据包及 2041 年的读者所需的一切。\n\n"
    "移交包的检测与恢复均离线进行，只需移交包本身、Python 和随包打印的核验单。",
}


command = Group("archive", words=WORDS, example="tiezheng archive check handover/")


@new_command(
    "make",
    words={
        "en": "Make a transfer package for an archive.\n\n"
        "Each CASE is fetched from the ledger as a packet, as a court receives it; each\n"
        "--packet is one that was fetched before. They go in byte for byte, also those\n"
        "that do not verify: the four-property test in the package says so. With them go\n"
        "your trust folder, metadata, the pages on the formats and the verifier, as one\n"
        "file (make pyz). --year takes the cases with acts that name their procedure:\n"
        "those of the older form are in no register.\n\n"
        "Beside DIR stand DIR.page.txt and DIR.page.pdf, to be printed, signed and kept\n"
        "elsewhere: the package is checked with the fingerprint on it. Nothing is at DIR\n"
        "until all of it is.",
        "zh": "制作档案移交包。\n\n"
        "逐一从账本取回 CASE 的证据包，与法院所收者相同；--packet 为已取回的证据包。\n"
        "证据包逐字节存入，核验不通过的也存入：包内四性检测报告会写明。一并存入信任\n"
        "文件夹、元数据、格式说明和单文件核验程序（make pyz）。--year 取行为载明程序的\n"
        "案件；旧格式的案件不在台账中。\n\n"
        "DIR 旁另有 DIR.page.txt 与 DIR.page.pdf，供打印、签字并另处保存：检测即以其上\n"
        "的指纹为准。全部完成之前，DIR 处没有任何内容。",
    },
    example="tiezheng archive make '苏城管罚〔2026〕417号' -o handover --trust trust/ \\\n"
    "    --archive 苏州市档案馆 --by 姑苏区城市管理局 --verifier dist/tiezheng-verify.pyz \\\n"
    "    --server https://ledger.example --token-file token",
)
@argument(
    "cases",
    nargs=-1,
    metavar="CASE...",
    words={"en": "case numbers", "zh": "案号"},
)
@option(
    "-o",
    "--output",
    "folder",
    required=True,
    metavar="DIR",
    words={"en": "the package, which is not there yet", "zh": "移交包文件夹，须尚不存在"},
)
@trust_option()
@option(
    "--archive",
    "archive",
    required=True,
    metavar="NAME",
    words={"en": "who receives it", "zh": "接收单位"},
)
@option("--by", required=True, metavar="NAME", words={"en": "who hands over", "zh": "移交单位"})
@option(
    "--verifier",
    required=True,
    metavar="FILE",
    words={"en": "tiezheng-verify.pyz", "zh": "tiezheng-verify.pyz"},
)
@option(
    "--packet",
    "packets",
    multiple=True,
    metavar="FILE",
    words={"en": "a packet, as one zip; may be repeated", "zh": "证据包 zip；可写多次"},
)
@option(
    "--cases",
    "list_file",
    metavar="FILE",
    words={"en": "more case numbers, one a line", "zh": "更多案号，每行一个"},
)
@option(
    "--year",
    metavar="YEAR",
    words={
        "en": "its own cases with a number in the case register of --agency in that year",
        "zh": "--agency 该年执法台账中属本机关且已有案号的案件",
    },
)
@option(
    "--agency",
    metavar="ID",
    words={"en": "whose register, with --year", "zh": "配合 --year：何机关的台账"},
)
@option(
    "--pages",
    metavar="DIR",
    words={
        "en": "the folder docs; by default that of the sources",
        "zh": "docs 文件夹；缺省取源码所带",
    },
)
# Not those of `cli.remote`: with it the one file, which has this page, would have a network.
@option(
    "--server",
    metavar="URL",
    envvar="TIEZHENG_SERVER",
    words={
        "en": "the ledger's address; also TIEZHENG_SERVER",
        "zh": "账本地址；也可用 TIEZHENG_SERVER",
    },
)
@option(
    "--token-file",
    metavar="FILE",
    envvar="TIEZHENG_TOKEN_FILE",
    words={
        "en": "a file with your access token; also TIEZHENG_TOKEN_FILE",
        "zh": "访问令牌文件；也可用 TIEZHENG_TOKEN_FILE",
    },
)
@json_option()
def make(**fields: Any) -> int:
    from cli.archive.making import run_make

    return run_make(**fields)


def _asked(function: Any) -> Any:
    """The options of both who check: what was typed from paper, whom they believe, a log."""
    for wrap in (
        option(
            "--log",
            "where",
            metavar="DIR",
            words={"en": "a copy of the public log", "zh": "公开日志的副本"},
        ),
        option(
            "--trust",
            metavar="DIR",
            words={
                "en": "your own trust folder; by default that of the package",
                "zh": "您自己的信任文件夹；缺省取移交包所带",
            },
        ),
        option(
            "--fingerprint",
            metavar="DIGITS",
            words={
                "en": "the fingerprint of the printed page, 64 digits; spaces do not matter",
                "zh": "核验单所载指纹，64 位；空格不计",
            },
        ),
    ):
        function = wrap(function)
    return function


def _folder(function: Any) -> Any:
    words: Bilingual = {"en": "the package", "zh": "移交包文件夹"}
    return argument("folder", metavar="DIR", words=words)(function)


@new_command(
    "check",
    words={
        "en": "Run the four-property test over a package, offline.\n\n"
        "Authenticity, completeness, usability and safety: each line says what was\n"
        "tested, how and with what result, and what was not tested. Every altered,\n"
        "missing or additional file is named.\n\n"
        "Exit code: 0 nothing failed, 1 something failed, 3 nothing failed, and nobody\n"
        "outside the package vouches for all of it, which the fingerprint alone does, or\n"
        "a packet is undecided, 4 it cannot be read.",
        "zh": "离线对移交包作四性检测。\n\n"
        "真实性、完整性、可用性、安全性：逐项写明检测内容、方法和结果，以及未检测的\n"
        "事项。凡被改动、缺少、多余的文件均逐一列出。\n\n"
        "退出码：0 无不通过，1 有不通过，3 无不通过，但包外无人为其全部\n"
        "担保（须有指纹），或有证据包未能判定，4 无法读取。",
    },
    example="tiezheng archive check handover/ --fingerprint '3f0a 92c1 …'",
)
@_folder
@_asked
@json_option()
def check(**fields: Any) -> int:
    from cli.archive.checking import run_check

    return run_check(**fields)


@new_command(
    "restore",
    words={
        "en": "Check a package, and unpack every packet of it that is sound.\n\n"
        "DIR gets packets/<nn>/, each a folder that tiezheng verify takes, trust/ and\n"
        "list.txt: which file is which item of which case. A packet that is not sound is\n"
        "named and left out; one that is undecided is restored if the fingerprint says\n"
        "that it is what was handed over. Without a fingerprint or a trust folder of your\n"
        "own nothing is restored. Exit codes as those of check; your own trust folder is\n"
        "enough.",
        "zh": "检测移交包，并解出其中完好的证据包。\n\n"
        "DIR 中写入 packets/<nn>/（均可用 tiezheng verify 核验）、trust/ 和 list.txt\n"
        "（何文件为何案何件）。不完好的证据包逐一列出，不予解出；未能判定的，经指纹证明\n"
        "即所移交者，一并解出。既无指纹又无自己的信任文件夹时，不恢复任何内容。退出码与\n"
        "check 相同，有自己的信任文件夹即可。",
    },
    example="tiezheng archive restore handover/ -o restored --fingerprint '3f0a 92c1 …'",
)
@_folder
@option(
    "-o",
    "--output",
    "target",
    required=True,
    metavar="DIR",
    words={"en": "a folder that is not there yet", "zh": "尚不存在的文件夹"},
)
@_asked
@json_option()
def restore(**fields: Any) -> int:
    from cli.archive.checking import run_restore

    return run_restore(**fields)


for member in (make, check, restore):
    command.add_command(member)
