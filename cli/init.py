"""`tiezheng init`: a new ledger, founded by its registrar."""

import time
from pathlib import Path

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_key
from cli.language import say
from ledger.errors import LedgerError
from ledger.evidence.membership import log_label
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Witness
from storage.folder import DataFolder
from storage.trust_directory import read_trust


@new_command(
    "init",
    words={
        "en": "Make a new ledger in DATA: its keys, its log and the trust folder.\n\n"
        "The registrar's key is made with `tiezheng keygen` and is not kept here: the\n"
        "registrar is not the operator, and best not an agency that will be sued.\n"
        "Each cosigner is given as VKEY@URL; a court believes a log only if any two\n"
        "sets that satisfy the quorum share a member: 2 of 3, 3 of 4, 3 of 5. Keys of\n"
        "one name are one cosigner, who signs with all of them. Those who belong to the\n"
        "executive are named by --executive: they alone are never a quorum. Prints the\n"
        "log's key.",
        "zh": "在 DATA 中新建账本：密钥、日志和信任文件夹。\n\n"
        "登记人的密钥用 `tiezheng keygen` 生成，不保存在此处：登记人不是运营者，\n"
        "最好也不是可能成为被告的机关。每个联合签名人写成 VKEY@URL；任意两组满足\n"
        "法定人数的联合签名人必须有共同成员，法院才会采信：三取二、四取三、五取三。\n"
        "同名的密钥属同一联合签名人，须全部签名。属于行政机关的联合签名人用\n"
        "--executive 写明：仅凭它们不能达到法定人数。输出日志的公钥。",
    },
    example="tiezheng init data --origin ledger.suzhou.example/enforcement/2026 \\\n"
    "    --agency agency-01 --registrar registrar.key --quorum 2 \\\n"
    "    --cosigner 'notary.example/w1+5c2fe4fb+BG56…@https://notary.example/w1' …",
)
@argument(
    "data",
    metavar="DATA",
    words={"en": "a folder that is empty or not there", "zh": "空的或尚不存在的文件夹"},
)
@option(
    "--origin",
    required=True,
    metavar="NAME",
    words={
        "en": "the log's name, ending in its year: host/enforcement/2026",
        "zh": "日志名称，以年份结尾：host/enforcement/2026",
    },
)
@option(
    "--agency",
    required=True,
    metavar="ID",
    words={"en": "in whose name the ledger is opened", "zh": "开设账本的机关"},
)
@option(
    "--registrar",
    required=True,
    metavar="FILE",
    words={"en": "the registrar's private key", "zh": "登记人的私钥文件"},
)
@option(
    "--cosigner",
    "cosigners",
    multiple=True,
    metavar="VKEY@URL",
    words={"en": "a cosigner; once for each", "zh": "联合签名人；每个写一次"},
)
@option(
    "--quorum",
    type=click.IntRange(1, 64),
    default=None,
    metavar="N",
    words={
        "en": "how many of them must sign; by default more than half, and than --executive",
        "zh": "须有多少个签名；缺省为过半数，且多于 --executive 的个数",
    },
)
@option(
    "--executive",
    multiple=True,
    metavar="NAME",
    words={
        "en": "a cosigner that belongs to the executive, by its key's name; once for each",
        "zh": "属于行政机关的联合签名人（写其密钥名）；每个写一次",
    },
)
@json_option()
def command(
    data: str,
    origin: str,
    agency: str,
    registrar: str,
    cosigners: tuple[str, ...],
    quorum: int | None,
    executive: tuple[str, ...],
    as_json: bool,
) -> None:
    from api.founding import Plan, found, least_quorum

    witnesses = [witness(text) for text in cosigners]
    names, inside = frozenset(w.name for w in witnesses), frozenset(executive)
    plan = Plan(
        origin=origin,
        agency=agency,
        registrar=read_key(registrar),
        cosigners=witnesses,
        quorum=least_quorum(names, inside) if quorum is None else quorum,
        executive=inside,
    )
    folder = found(Path(data), plan, time.time_ns() // 1_000_000)
    log = read_trust(folder.trust).logs[0].policy.log.to_text()
    if as_json:
        output.result_json(
            {"data": data, "key": log, "log": log_label(origin), "trust": str(folder.trust)}
        )
        return
    output.result(log)
    _tell_next(data, folder, witnessed=bool(witnesses))


def _tell_next(data: str, folder: DataFolder, *, witnessed: bool) -> None:
    output.note(
        say(
            en=f"a ledger is in {data!r}; the key above is its log's, for every cosigner",
            zh=f"账本已建于 {data!r}；上面是日志的公钥，交给每个联合签名人",
        )
    )
    output.note(
        say(
            en=f"give {str(folder.trust)!r} to whoever verifies",
            zh=f"请把 {str(folder.trust)!r} 交给核验者",
        )
    )
    output.note(
        say(
            en=f"keep a copy of {str(folder.keys / 'seal-1.key')!r} apart: without it "
            "nobody reads an item",
            zh=f"请另存一份 {str(folder.keys / 'seal-1.key')!r}：没有它，证据原件无人能读",
        )
    )
    if not witnessed:
        output.note(
            say(
                en="without cosigners no court can believe this log: quorum none",
                zh="没有联合签名人，法院无从采信这份日志（quorum none）",
            )
        )
    output.note(say(en=f"next: tiezheng server {data}", zh=f"下一步：tiezheng server {data}"))


def witness(text: str) -> Witness:
    """A cosigner goes by its key's name: the policy's names are then as distinct as the keys'."""
    vkey, separator, url = text.rpartition("@")
    if not separator or not url.startswith(("http://", "https://")):
        raise click.BadParameter(
            say(en="want VKEY@URL", zh="须写作 VKEY@URL"), param_hint="--cosigner"
        )
    try:
        key = VerifierKey.from_text(vkey)
    except LedgerError as error:
        raise click.BadParameter(str(error), param_hint="--cosigner") from None
    return Witness(key.name, key, url)
