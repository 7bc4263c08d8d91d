"""`tiezheng notary …`: the workbench of a notary office, and its certificates."""

from collections.abc import Callable
from typing import Any

import click

from cli.command import (
    Command,
    F,
    Group,
    argument,
    json_option,
    option,
    trust_option,
)
from cli.command import command as new_command
from cli.remote import server_option
from cli.signers import token_options
from ledger.evidence.notarial import Dispute, Ground
from ledger.report import Bilingual

WORDS: Bilingual = {
    "en": "A notary office's workbench: applications, comparisons, certificates.\n\n"
    "What is decided or done is signed by a person's own key and filed in the log.\n"
    "Nothing here is done by a machine alone: a cosigner's automatic signature says\n"
    "that a log has one history. It is not a notarial act, and its key is another.",
    "zh": "公证处工作台：申请、比对、公证书。\n\n"
    "每项决定和办理均由本人密钥签名并入日志。此处没有任何一项由机器自行完成：\n"
    "联合签名节点的自动签名只说明日志仅有一份历史，不是公证，且另用一把密钥。",
}


command = Group("notary", words=WORDS, example="tiezheng notary list office/")


def folder_argument() -> Callable[[F], F]:
    return argument(
        "folder", metavar="FOLDER", words={"en": "the office's folder", "zh": "公证处文件夹"}
    )


def application_argument() -> Callable[[F], F]:
    return argument(
        "application",
        metavar="APPLICATION",
        words={"en": "the application's id", "zh": "申请的标识"},
    )


def key_option(persons: int = 1) -> Callable[[F], F]:
    return option(
        "--key",
        "key_files",
        required=True,
        multiple=True,
        metavar="FILE",
        words={
            "en": "a person's own private key" + ("; two persons sign" if persons > 1 else ""),
            "zh": "本人的私钥文件" + ("；须两人签名" if persons > 1 else ""),
        },
    )


def known_option() -> Callable[[F], F]:
    return option(
        "--known",
        metavar="FILE",
        words={
            "en": "digests of programs that may run, as sha256sum writes them",
            "zh": "允许运行的程序的摘要，格式同 sha256sum",
        },
    )


def offline_option() -> Callable[[F], F]:
    return option(
        "--offline",
        is_flag=True,
        words={
            "en": "sign and keep; `send` files it later",
            "zh": "只签名保存，以后用 send 提交",
        },
    )


def note_option() -> Callable[[F], F]:
    return option("--note", default="", metavar="TEXT", words={"en": "a note", "zh": "备注"})


def packet_option(required: bool) -> Callable[[F], F]:
    return option(
        "--packet",
        required=required,
        metavar="PACKET",
        words={"en": "the packet of the case", "zh": "案件的证据包"},
    )


def roots_option() -> Callable[[F], F]:
    return option(
        "--root",
        "roots",
        required=True,
        multiple=True,
        metavar="FILE",
        words={
            "en": "a root certificate that is trusted; may be repeated",
            "zh": "所信任的根证书；可写多次",
        },
    )


def newer_crls_option() -> Callable[[F], F]:
    return option(
        "--crl",
        "crls",
        multiple=True,
        metavar="FILE",
        words={
            "en": "a newer list of revoked certificates; may be repeated",
            "zh": "较新的证书吊销列表；可写多次",
        },
    )


@new_command(
    "init",
    words={
        "en": "Make the folder of a notary office.\n\n"
        "Each --key is the key of one person, made by tiezheng keygen and registered\n"
        "with the role notary; only its public half is kept. A key that cosigns a log,\n"
        "here or in the trust folder, is refused: no machine signs for a notary.",
        "zh": "新建公证处文件夹。\n\n"
        "每个 --key 为一人的密钥，由 tiezheng keygen 生成并以 notary 角色登记；\n"
        "文件夹中只保存公钥。凡为日志作联合签名的密钥一律拒绝：机器不得代公证员签名。",
    },
    example="tiezheng notary init office --agency notary-01 --office 苏州市姑苏公证处 \\\n"
    "    --server https://ledger.example --trust trust/ --key wang.key --key li.key \\\n"
    "    --cosigner-key cosigner.key --interest 王某某",
)
@folder_argument()
@option(
    "--agency", required=True, metavar="ID", words={"en": "the office's id", "zh": "公证处标识"}
)
@option(
    "--office", required=True, metavar="NAME", words={"en": "its full name", "zh": "公证处全称"}
)
@server_option()
@trust_option()
@key_option()
@option(
    "--cosigner-key",
    "cosigner_files",
    multiple=True,
    metavar="FILE",
    words={
        "en": "the office's cosigner's key, to be told apart; may be repeated",
        "zh": "本处联合签名节点的密钥，用于核对两者不同；可写多次",
    },
)
@option(
    "--interest",
    "interests",
    multiple=True,
    metavar="NAME",
    words={
        "en": "a name that this office may not act for; may be repeated",
        "zh": "本处应当回避的名称（本人、近亲属、利害关系）；可写多次",
    },
)
@json_option()
def init(**fields: Any) -> None:
    from cli.notary.work import run_init

    run_init(**fields)


@new_command(
    "keys",
    words={
        "en": "Say anew which keys sign in this office, in place of those that did.\n\n"
        "After a key was lost or stolen: --key once for each key of now. What was signed\n"
        "stays as it is; the registrar says in the ledger which keys count.",
        "zh": "重新写明本处签名所用的密钥，取代原有各把。\n\n"
        "用于密钥遗失、被盗之后：现有密钥每把写一次 --key。已签名的内容不变；\n"
        "哪些密钥有效，由登记人在账本中登记。",
    },
    example="tiezheng notary keys office --key wang-2.key --key li.key",
)
@folder_argument()
@key_option()
@option(
    "--cosigner-key",
    "cosigner_files",
    multiple=True,
    metavar="FILE",
    words={
        "en": "the office's cosigner's key, to be told apart; may be repeated",
        "zh": "本处联合签名节点的密钥，用于核对两者不同；可写多次",
    },
)
@json_option()
def keys(**fields: Any) -> None:
    from cli.notary.work import run_keys

    run_keys(**fields)


@new_command(
    "apply",
    words={
        "en": "Take down an application: who, what for, with what interest.\n\n"
        "It prints the application's id. With --case it belongs to that case, whose\n"
        "packet will show it; without, to the office alone.",
        "zh": "登记公证申请：申请人、用途、利害关系。\n\n"
        "显示申请的标识。加 --case 则归入该案，其证据包将予列示；不加则仅归本处。",
    },
    example="tiezheng notary apply office --applicant 姑苏区城市管理局 --purpose 诉讼举证 \\\n"
    "    --interest 作出处罚决定的机关 --dispute none_known \\\n"
    "    --case '苏城管罚〔2026〕417号' --party 某商行 --key wang.key",
)
@folder_argument()
@option("--applicant", required=True, metavar="NAME", words={"en": "who applies", "zh": "申请人"})
@option("--purpose", required=True, metavar="TEXT", words={"en": "what for", "zh": "用途"})
@option(
    "--interest",
    required=True,
    metavar="TEXT",
    words={"en": "the applicant's interest in the matter", "zh": "申请人的利害关系"},
)
@option(
    "--dispute",
    required=True,
    type=click.Choice([str(one) for one in Dispute]),
    words={"en": "whether the matter is in dispute", "zh": "申请事项有无争议"},
)
@option("--case", "case", default="", metavar="NO", words={"en": "the case number", "zh": "案号"})
@option(
    "--party",
    "parties",
    multiple=True,
    metavar="NAME",
    words={"en": "anybody else concerned; may be repeated", "zh": "其他当事人；可写多次"},
)
@key_option()
@note_option()
@offline_option()
@json_option()
def apply(**fields: Any) -> int:
    from cli.notary.work import run_apply

    return run_apply(**fields)


@new_command(
    "list",
    words={
        "en": "Show the applications, what was done for each, and what is not sent yet.",
        "zh": "列出各申请、已办事项，以及尚未提交的内容。",
    },
    example="tiezheng notary list office",
)
@folder_argument()
@json_option()
def list_(**fields: Any) -> None:
    from cli.notary.work import run_list

    run_list(**fields)


@new_command(
    "accept",
    words={
        "en": "Accept an application, if nobody of the office is concerned.\n\n"
        "The applicant and the parties are held against the names of `init --interest`;\n"
        "the key against the register as it is now. Where the applicant speaks of a\n"
        "dispute, --note says why that is no ground to refuse.",
        "zh": "受理申请；本处人员须无利害关系。\n\n"
        "申请人与当事人须与 `init --interest` 所列名称核对，密钥须与现行登记核对。\n"
        "申请人称有争议的，须以 --note 说明何以仍予受理。",
    },
    example="tiezheng notary accept office 019ab0c4-… --key wang.key",
)
@folder_argument()
@application_argument()
@key_option()
@note_option()
@offline_option()
@json_option()
def accept(**fields: Any) -> int:
    from cli.notary.work import run_decide

    return run_decide(decision="accepted", ground="", **fields)


@new_command(
    "refuse",
    words={
        "en": "Refuse an application, for one of the reasons of the Notary Law, art. 31.",
        "zh": "不予办理，事由须为公证法第三十一条所列。",
    },
    example="tiezheng notary refuse office 019ab0c4-… --ground disputed --key wang.key",
)
@folder_argument()
@application_argument()
@option(
    "--ground",
    required=True,
    type=click.Choice([str(one) for one in Ground]),
    words={"en": "the reason, in the order of the article", "zh": "事由，依该条次序"},
)
@key_option()
@note_option()
@offline_option()
@json_option()
def refuse(**fields: Any) -> int:
    from cli.notary.work import run_decide

    return run_decide(decision="refused", **fields)


@new_command(
    "compare",
    words={
        "en": "Hold files against the log, each by its digest.\n\n"
        "FILE… are held against a packet, which is verified whole, or against the\n"
        "applicant's receipts, as deposit --keep leaves them. Without FILE a packet's\n"
        "own items are; those that it does not bring are counted as not handed in, and\n"
        "no certificate lists them. The files do not leave this machine.\n\n"
        "Of several logs the first that has a file counts, and the checkpoint is of\n"
        "the last. With --log everything is of that one, and what others have is not.\n\n"
        "Exit code: 0 all are the same, 1 some differ or are not logged or the packet\n"
        "fails, 3 undecided or not handed in.",
        "zh": "将文件逐一按摘要与日志比对。\n\n"
        "FILE… 与经完整核验的证据包比对，或与申请人的回执（deposit --keep 所留）比对；\n"
        "不写 FILE 则比对证据包自带的原件；未附的计为“未提交”，不列入公证书。\n"
        "文件不离开本机。\n\n"
        "日志有多份时，以最先载有该文件的一份为准，检查点取最后一份日志的。加 --log 则\n"
        "只与该份日志比对，其他日志所载均不计。\n\n"
        "退出码：0 全部一致，1 有不一致或未入日志的或证据包核验不通过，3 不能判定或有未提交的。",
    },
    example="tiezheng notary compare office 019ab0c4-… 现场照片.jpg --packet packet.zip \\\n"
    "    --key wang.key\n"
    "tiezheng notary compare office 019ab0c4-… videos/*.mp4 --receipts kept/ --key wang.key",
)
@folder_argument()
@application_argument()
@argument("files", nargs=-1, metavar="FILE…", words={"en": "the files", "zh": "待比对的文件"})
@packet_option(required=False)
@option(
    "--receipts",
    metavar="DIR",
    words={
        "en": "statements with the ledger's answers, perhaps with .tlog-proof files",
        "zh": "陈述与账本答复所在文件夹，可附 .tlog-proof 文件",
    },
)
@option(
    "--log",
    "label",
    default="",
    metavar="LABEL",
    words={
        "en": "hold them against this log only, such as 2026",
        "zh": "只与这份日志比对，如 2026",
    },
)
@key_option()
@offline_option()
@json_option()
def compare(**fields: Any) -> int:
    from cli.notary.work import run_compare

    return run_compare(**fields)


@new_command(
    "preserve",
    words={
        "en": "Preserve evidence on the spot: two persons sign the list of exhibits.\n\n"
        "Every FILE is digested here and now. Two keys of one person are one person.",
        "zh": "现场保全证据：由两人在清单上签名。\n\n"
        "每个 FILE 当场计算摘要。一人的两把密钥只算一人。",
    },
    example="tiezheng notary preserve office 019ab0c4-… 现场01.mp4 现场02.jpg \\\n"
    "    --place 苏州市观前街 --key wang.key --key li.key",
)
@folder_argument()
@application_argument()
@argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    words={"en": "the exhibits", "zh": "保全所得文件"},
)
@option("--place", required=True, metavar="TEXT", words={"en": "where", "zh": "地点"})
@key_option(2)
@note_option()
@offline_option()
@json_option()
def preserve(**fields: Any) -> int:
    from cli.notary.work import run_preserve

    return run_preserve(**fields)


@new_command(
    "clean",
    words={
        "en": "Report the state of this machine (清洁性检查) before it is relied on.\n\n"
        "Clock, storage, network, hosts, file system, programs that run: what was read\n"
        "and what could not be. With --known a program that is not listed fails.\n\n"
        "Exit code: 0 passed, 1 an unknown program runs, 3 undecided.",
        "zh": "报告本机状态（清洁性检查），然后再使用本机。\n\n"
        "时钟、存储、网络、hosts、文件系统、运行中的程序：读到的与未能读到的均列明。\n"
        "加 --known 时，名单之外的程序在运行即不通过。\n\n"
        "退出码：0 通过，1 有名单之外的程序在运行，3 不能判定。",
    },
    example="tiezheng notary clean office 019ab0c4-… --time-source ntp.ntsc.ac.cn \\\n"
    "    --known programs.sha256 --key wang.key",
)
@folder_argument()
@application_argument()
@option(
    "--time-source",
    default="",
    metavar="HOST",
    words={"en": "an NTP server to compare the clock with", "zh": "用于对时的 NTP 服务器"},
)
@known_option()
@key_option()
@offline_option()
@json_option()
def clean(**fields: Any) -> int:
    from cli.notary.work import run_clean

    return run_clean(**fields)


@new_command(
    "ask",
    words={
        "en": "Draw a nonce for a report on a station's machine (清洁性检查).\n\n"
        "With --packet the key is looked up in the register of a packet, which is verified\n"
        "first; without, whose key it is is your own word. On the station:\n"
        "tiezheng station clean; its file is taken up by `attach`.",
        "zh": "为采集站的清洁性检查报告生成随机数。\n\n"
        "加 --packet 时，先核验证据包，再由其登记查得该密钥；不加则密钥归属由您自负。\n"
        "在采集站上运行 tiezheng station clean，所得文件由 attach 收录。",
    },
    example="tiezheng notary ask office 019ab0c4-… --station station-07.example+5f2c91aa \\\n"
    "    --packet packet.zip",
)
@folder_argument()
@application_argument()
@option(
    "--station",
    required=True,
    metavar="KEY",
    words={
        "en": "the station's public key; with --packet its first two parts will do",
        "zh": "采集站公钥；加 --packet 时只写前两段即可",
    },
)
@packet_option(required=False)
@json_option()
def ask(**fields: Any) -> None:
    from cli.notary.work import run_ask

    run_ask(**fields)


@new_command(
    "attach",
    words={
        "en": "Take up a station's report on its machine, checked against its nonce.\n\n"
        "REPORT must be signed by the key that was asked, over a nonce that `ask` drew\n"
        "for this application and that no report has used. It is the machine's own\n"
        "word: with --known a program that is not on YOUR list fails; one that lies to\n"
        "its programs passes nothing that you could see.\n\n"
        "Exit code: 0 it says that only listed programs run, 1 it names an unknown one,\n"
        "3 undecided.",
        "zh": "收录采集站的本机状态报告，并核对其随机数。\n\n"
        "REPORT 须由所询问的密钥签名，且含 ask 为本申请生成、尚未用过的随机数。\n"
        "报告为该机自述：加 --known 时，您的名单之外的程序在运行即不通过；\n"
        "若该机欺骗其程序，则无从察觉。\n\n"
        "退出码：0 该机自称仅运行名单内程序，1 报告中有名单之外的程序，3 不能判定。",
    },
    example="tiezheng notary attach office 019ab0c4-… machine.json --known programs.sha256 \\\n"
    "    --key wang.key",
)
@folder_argument()
@application_argument()
@argument("report", metavar="REPORT", words={"en": "the station's file", "zh": "采集站的报告文件"})
@known_option()
@key_option()
@offline_option()
@json_option()
def attach(**fields: Any) -> int:
    from cli.notary.work import run_attach

    return run_attach(**fields)


@new_command(
    "spot",
    words={
        "en": "Draw items to look at, by a choice that no notary made.\n\n"
        "The first call fixes the list in the log. Once a quorum has cosigned a\n"
        "checkpoint that holds it, the next call draws by that checkpoint, and compares\n"
        "what was drawn. Whoever has the record can draw the same again. The operator\n"
        "may choose which cosigned checkpoint of that time he shows, and so the draw.\n\n"
        "A packet that fails verification is refused. Exit code: 0 done, 1 one that was\n"
        "drawn is not logged or differs, 3 the list is fixed and not drawn yet, or one\n"
        "that was drawn was not handed in, or is undecided as the packet is.",
        "zh": "抽查：所抽取的原件不由公证员选定。\n\n"
        "第一次运行把清单固定于日志。含该清单的检查点经法定人数联合签名后，再次运行即按\n"
        "该检查点抽取并比对。持有记录的任何人都可重新抽取，结果相同。但运营者可在该时段\n"
        "已联合签名的检查点中择一出示，从而影响抽取结果。\n\n"
        "核验不通过的证据包不予抽查。退出码：0 完成，1 抽中的有不一致或未入日志的，\n"
        "3 清单已固定、尚未抽取，或抽中的未提交，或抽中的或证据包不能判定。",
    },
    example="tiezheng notary spot office 019ab0c4-… --packet packet.zip --count 5 \\\n"
    "    --key wang.key",
)
@folder_argument()
@application_argument()
@packet_option(required=True)
@option(
    "--count",
    type=click.IntRange(1, 500),
    default=5,
    metavar="N",
    words={"en": "how many to draw; by default 5", "zh": "抽取件数；缺省 5"},
)
@key_option()
@json_option()
def spot(**fields: Any) -> int:
    from cli.notary.work import run_spot

    return run_spot(**fields)


@new_command(
    "draft",
    words={
        "en": "Draw up a certificate from the latest comparison, as a PDF to be sealed.\n\n"
        "Nothing is certified by this: the office seals the PDF, and `certify` files it.\n"
        "A comparison with a packet that failed verification gives no certificate.",
        "zh": "依最近一次比对制作公证书 PDF，待加盖电子印章。\n\n"
        "制作不等于出具：公证处盖章后，由 certify 登记出具。\n"
        "证据包核验不通过的比对，不得据以制作公证书。",
    },
    example="tiezheng notary draft office 019ab0c4-… --number '（2026）苏姑证字第417号' \\\n"
    "    --notary 王某 --notary 李某 -o draft.pdf",
)
@folder_argument()
@application_argument()
@option("--number", required=True, metavar="NO", words={"en": "its number", "zh": "公证书编号"})
@option(
    "--notary",
    "notaries",
    required=True,
    multiple=True,
    metavar="NAME",
    words={"en": "a notary, as printed; may be repeated", "zh": "公证员姓名；可写多次"},
)
@option(
    "-o",
    "--output",
    "file",
    required=True,
    metavar="FILE",
    words={"en": "where to write the PDF", "zh": "PDF 写入的文件"},
)
@json_option()
def draft(**fields: Any) -> None:
    from cli.notary.work import run_draft

    run_draft(**fields)


@new_command(
    "seal",
    words={
        "en": "Seal a draft with the office's electronic seal: PAdES, with time stamps.\n\n"
        "The seal is checked as a court would before the PDF is written. A seal alone\n"
        "issues nothing: `certify` does.",
        "zh": "以公证处电子印章为草稿盖章：PAdES，含时间戳。\n\n"
        "写出 PDF 之前，按法院的方式核验印章。仅有印章不等于出具：由 certify 登记出具。",
    },
    example="tiezheng notary seal draft.pdf -o sealed.pdf --seal-key office.p12 \\\n"
    "    --passphrase office.pass --tsa https://tsa.example --root root.pem --fetch",
)
@argument("draft", metavar="PDF", words={"en": "the draft", "zh": "草稿"})
@option(
    "-o",
    "--output",
    "file",
    required=True,
    metavar="FILE",
    words={"en": "where to write the sealed PDF", "zh": "已盖章 PDF 写入的文件"},
)
@option(
    "--seal-key",
    "seal_key",
    required=True,
    metavar="FILE",
    words={
        "en": "the office's key and certificate, PKCS #12; or pkcs11:TOKEN/KEY",
        "zh": "公证处密钥与证书（PKCS #12），或 pkcs11:TOKEN/KEY",
    },
)
@option(
    "--passphrase",
    metavar="FILE",
    words={"en": "a file with the passphrase of a PKCS #12", "zh": "存放 PKCS #12 口令的文件"},
)
@option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="FILE",
    words={
        "en": "for pkcs11: the key's certificate first, then those above it",
        "zh": "用于 pkcs11：先写密钥的证书，再写其上级证书",
    },
)
@token_options()
@option(
    "--tsa",
    required=True,
    metavar="URL",
    words={"en": "a time stamp authority", "zh": "授时机构网址"},
)
@roots_option()
@option(
    "--crl",
    "crls",
    multiple=True,
    metavar="FILE",
    words={
        "en": "a list of revoked certificates; may be repeated",
        "zh": "证书吊销列表；可写多次",
    },
)
@option(
    "--fetch",
    is_flag=True,
    words={
        "en": "fetch revocation data where the certificates say",
        "zh": "按证书所载网址取回吊销数据",
    },
)
@json_option()
def seal_(token_module: str | None, token_pin: str | None, **fields: Any) -> None:
    from cli.notary.work import run_seal

    run_seal(token=(token_module, token_pin), **fields)


@new_command(
    "check",
    words={
        "en": "Check the seal of a certificate, and that its words are those of its data.\n\n"
        "Whether it was issued, and stands, says tiezheng verify --certificate. That the\n"
        "office's key had been stolen before it sealed only a newer --crl says.\n\n"
        "Exit code: 0 sealed and unaltered, 1 not, 3 cannot be decided.",
        "zh": "核验公证书的电子印章，以及版面文字是否出自其数据。\n\n"
        "是否已登记出具、是否已撤销，由 tiezheng verify --certificate 核验。盖章之前\n"
        "印章密钥是否已被盗，须以较新的 --crl 核验。\n\n"
        "退出码：0 已盖章且未改动，1 否，3 不能判定。",
    },
    example="tiezheng notary check sealed.pdf --root root.pem",
)
@argument("pdf", metavar="PDF", words={"en": "the certificate", "zh": "公证书"})
@roots_option()
@newer_crls_option()
@json_option()
def check(**fields: Any) -> int:
    from cli.notary.work import run_check

    return run_check(**fields)


@new_command(
    "certify",
    words={
        "en": "Issue a certificate: two persons sign, the ledger files it.\n\n"
        "The PDF must be sealed, as `check` checks it, and hold the data sheet of the\n"
        "latest comparison, unchanged. No number is given twice, unless the first was\n"
        "revoked. Without this statement a certificate is not registered, whatever seal\n"
        "it has.",
        "zh": "出具公证书：由两人签名，并登记于账本。\n\n"
        "PDF 须已盖章（核验同 check），并含最近一次比对的核验数据单，且未经改动。\n"
        "同一编号不得重复使用，原公证书已撤销的除外。没有这一陈述的公证书，\n"
        "无论有何印章，均为未登记。",
    },
    example="tiezheng notary certify office 019ab0c4-… --pdf sealed.pdf \\\n"
    "    --root root.pem --key wang.key --key li.key",
)
@folder_argument()
@application_argument()
@option(
    "--pdf", required=True, metavar="FILE", words={"en": "the sealed PDF", "zh": "已盖章的 PDF"}
)
@roots_option()
@newer_crls_option()
@key_option(2)
@offline_option()
@json_option()
def certify(**fields: Any) -> int:
    from cli.notary.work import run_certify

    return run_certify(**fields)


@new_command(
    "revoke",
    words={
        "en": "Take a certificate back: every later verification of it shows red.",
        "zh": "撤销公证书：此后对它的每次核验均显示不通过。",
    },
    example="tiezheng notary revoke office 019ab0c5-… --reason 事项有误 --key wang.key",
)
@folder_argument()
@argument(
    "certificate",
    metavar="CERTIFICATE",
    words={"en": "the id of the statement that issued it", "zh": "出具该公证书的陈述的标识"},
)
@option("--reason", required=True, metavar="TEXT", words={"en": "why", "zh": "撤销理由"})
@key_option()
@offline_option()
@json_option()
def revoke(**fields: Any) -> int:
    from cli.notary.work import run_revoke

    return run_revoke(**fields)


@new_command(
    "send",
    words={
        "en": "File what was signed and has no answer yet. Safe to repeat.",
        "zh": "提交已签名而尚无答复的陈述。可重复执行。",
    },
    example="tiezheng notary send office --key wang.key",
)
@folder_argument()
@key_option()
@json_option()
def send(**fields: Any) -> int:
    from cli.notary.work import run_send

    return run_send(**fields)


for _member in (
    *(init, keys, apply, list_, accept, refuse, compare, preserve, clean, ask, attach, spot),
    *(draft, seal_, check, certify, revoke, send),
):
    assert isinstance(_member, Command)
    command.add_command(_member)
