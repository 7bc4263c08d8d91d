"""`tiezheng next-log`: closes a log and begins the next, in two steps."""

from pathlib import Path

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_key
from cli.init import witness
from cli.language import say
from ledger.tlog.policy import Policy
from storage.folder import DataFolder


@new_command(
    "next-log",
    words={
        "en": "Close the log of the ledger in DATA, and begin the next one.\n\n"
        "For a new year, a new log key, another quorum. In two steps. With --origin the\n"
        "next log is prepared, beside a running server: its key is made and printed, for\n"
        "every cosigner, and a trust folder with it lies in DATA/next/trust. Cosigners\n"
        "and quorum stay, unless --cosigner names others.\n"
        "With --registrar, and the server stopped, the log is closed: its last checkpoint\n"
        "gets its quorum, or nothing is changed. Then the next one begins, and the key of\n"
        "the old one is gone. If it was interrupted, run it again.\n\n"
        "If the key of the old log is lost nothing more is signed with it: the log ends\n"
        "with the last checkpoint that it has signed.",
        "zh": "结束 DATA 中账本的日志，并开始下一份。\n\n"
        "用于换年、更换日志密钥或法定人数，分两步进行。写 --origin 时为准备，服务可照常\n"
        "运行：生成下一份日志的密钥并输出其公钥，交给每个联合签名人；含该日志的信任\n"
        "文件夹位于 DATA/next/trust。联合签名人与法定人数不变，除非用 --cosigner 另行写明。\n"
        "写 --registrar 时须先停止服务：先为旧日志的最后检查点取得法定人数的签名，未取得\n"
        "则一切不变；随后开始下一份日志，旧日志的私钥不再保留。若被中断，再运行一次即可。\n\n"
        "旧日志的私钥遗失时，不再以其签署任何内容：该日志止于其已签署的最后检查点。",
    },
    example="tiezheng next-log data --origin ledger.suzhou.example/enforcement/2027\n"
    "tiezheng next-log data --registrar registrar.key",
)
@argument("data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"})
@option(
    "--origin",
    metavar="NAME",
    default=None,
    words={
        "en": "prepare a log of this name: …/2027, or …/2026-2",
        "zh": "准备该名称的日志：……/2027，或……/2026-2",
    },
)
@option(
    "--cosigner",
    "cosigners",
    multiple=True,
    metavar="VKEY@URL",
    words={
        "en": "a cosigner of the next log, instead of those of now; once for each",
        "zh": "下一份日志的联合签名人，取代现有者；每个写一次",
    },
)
@option(
    "--quorum",
    type=click.IntRange(1, 64),
    default=None,
    metavar="N",
    words={"en": "how many of them must sign", "zh": "其中须有多少个签名"},
)
@option(
    "--executive",
    multiple=True,
    metavar="NAME",
    words={
        "en": "a cosigner that belongs to the executive, by its key's name",
        "zh": "属于行政机关的联合签名人（写其密钥名）",
    },
)
@option(
    "--registrar",
    metavar="FILE",
    default=None,
    words={
        "en": "begin what was prepared, with the registrar's private key",
        "zh": "开始已准备的日志，给出登记人的私钥文件",
    },
)
@option(
    "--log-key-lost",
    "lost",
    is_flag=True,
    words={
        "en": "the key of the log to be closed is gone, from every backup too",
        "zh": "待结束日志的私钥已遗失，各备份中亦无",
    },
)
@json_option()
def command(
    data: str,
    origin: str | None,
    cosigners: tuple[str, ...],
    quorum: int | None,
    executive: tuple[str, ...],
    registrar: str | None,
    lost: bool,
    as_json: bool,
) -> None:
    folder = DataFolder.open(Path(data))
    if (origin is None) == (registrar is None):
        raise click.UsageError(
            say(
                en="want --origin NAME to prepare, or --registrar FILE to begin",
                zh="准备时写 --origin NAME，开始时写 --registrar FILE",
            )
        )
    if registrar is not None:
        if cosigners or quorum is not None or executive:
            raise click.UsageError(
                say(
                    en="--cosigner, --quorum and --executive go with --origin",
                    zh="--cosigner、--quorum、--executive 须与 --origin 同用",
                )
            )
        _begin(folder, registrar, as_json, lost=lost)
        return
    if lost:
        raise click.UsageError(
            say(
                en="--log-key-lost goes with --registrar", zh="--log-key-lost 须与 --registrar 同用"
            )
        )
    if not cosigners and (quorum is not None or executive):
        raise click.UsageError(
            say(
                en="--quorum and --executive go with --cosigner",
                zh="--quorum、--executive 须与 --cosigner 同用",
            )
        )
    assert origin is not None
    _prepare(folder, origin, _policy(origin, cosigners, quorum, executive), as_json)


def _policy(
    origin: str, cosigners: tuple[str, ...], quorum: int | None, executive: tuple[str, ...]
) -> Policy | None:
    from api.founding import least_quorum, make_policy, new_key

    if not cosigners:
        return None
    witnesses = [witness(text) for text in cosigners]
    inside = frozenset(executive)
    least = least_quorum(frozenset(w.name for w in witnesses), inside)
    # Its log is replaced by the one that is made then.
    key = new_key(origin).verifier
    return make_policy(witnesses, quorum or least, inside, key)


def _prepare(folder: DataFolder, origin: str, policy: Policy | None, as_json: bool) -> None:
    from api.next_log import prepare

    key = prepare(folder, origin, policy).to_text()
    trust = str(folder.next / "trust")
    if as_json:
        output.result_json({"key": key, "log": origin, "trust": trust})
        return
    output.result(key)
    output.note(
        say(
            en="the key above is the next log's: give it to every cosigner, and wait for them",
            zh="上面是下一份日志的公钥：交给每个联合签名人，并等其启用",
        )
    )
    output.note(
        say(
            en=f"give {trust!r} to stations and to whoever verifies, when the log has begun",
            zh=f"该日志开始后，请把 {trust!r} 的内容交给采集站和核验者",
        )
    )
    output.note(
        say(
            en="next: stop the server, and run this command with --registrar FILE",
            zh="下一步：停止服务，再以 --registrar FILE 运行本命令",
        )
    )


def _begin(folder: DataFolder, registrar: str, as_json: bool, *, lost: bool) -> None:
    from api import journal
    from api.next_log import begin

    journal.start("error")  # what the cosigners say in between is not this command's result
    begun = begin(folder, read_key(registrar), lost=lost)
    if as_json:
        output.result_json(
            {"closed": begun.closed, "opened": begun.opened, "size": str(begun.size)}
        )
        return
    output.result(
        say(
            en=f"{begun.closed} is closed with {begun.size} entries; {begun.opened} is open",
            zh=f"{begun.closed} 已结束，共 {begun.size} 个条目；{begun.opened} 已开始",
        )
    )
    output.note(
        say(
            en=f"back it up now: no older backup has the key of {begun.opened}",
            zh=f"请立即备份：较早的备份中没有 {begun.opened} 的密钥",
        )
    )
    output.note(
        say(
            en=f"give {str(folder.trust)!r} to stations and to whoever verifies, and start "
            "the server",
            zh=f"请把 {str(folder.trust)!r} 交给采集站和核验者，并启动服务",
        )
    )
