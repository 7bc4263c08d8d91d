"""`tiezheng case-review …`: which cases are reviewed, drawn so that nobody chooses them."""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.command import Group, argument, json_option, option, trust_option
from cli.command import command as new_command
from cli.files import check_new, read_key, read_secret
from cli.language import say
from cli.output import Exit
from cli.registering import agency_option
from cli.remote import open_client, own_key_option, server_option, token_option
from cli.review_compare import compare, folder_argument, review_cases
from cli.review_folder import (
    ENTRY,
    LIST,
    OPENINGS,
    PROOF,
    SALT,
    STATEMENT,
    open_review,
)
from cli.saying import file_one
from cli.score_sheet import sheet
from cli.small_file import read_small
from cli.trust import open_trust
from ledger import suite
from ledger.encoding import format_time, parse_base64, parse_hex, printable
from ledger.errors import Malformed, Rejected, Unknown
from ledger.evidence.statement import OPENING
from ledger.process.reports.drawing import (
    SECRET_SIZE,
    Opened,
    ReviewList,
    commit_secret,
    make_list,
    secret_line,
)
from ledger.report import Bilingual
from ledger.tlog.signing_key import SigningKey
from storage.durable import PUBLIC_FILE, make_folder, write_file

WORDS: Bilingual = {
    "en": "A case-file review (案卷评查): the list is fixed first, then the sample is drawn.\n\n"
    "The reviewer makes a secret and gives its digest. The agency's list is drawn from\n"
    "the log and fixed in it. The tree that ends there, cosigned, and the secret draw the\n"
    "sample: neither side can choose, and anybody derives it again (case-review.md).",
    "zh": "案卷评查：先固定名单，后抽取样本。\n\n"
    "评查人生成秘密数并交出其摘要；名单由日志生成并固定于日志；以名单收尾、经联合签名\n"
    "的日志树与秘密数共同决定样本。双方均无从选择，任何人均可复算（见 case-review.md）。",
}


command = Group("case-review", words=WORDS, example="tiezheng case-review draw review/ --trust …")


@new_command(
    "secret",
    words={
        "en": "Make the reviewer's secret in FILE, and print the digest that he gives.\n\n"
        "He keeps FILE to himself until he has the receipt of the list.",
        "zh": "在 FILE 中生成评查人的秘密数，并显示其摘要，供交给机关。\n\n"
        "取得名单回执之前，FILE 不得示人。",
    },
    example="tiezheng case-review secret review/secret",
)
@argument("file", metavar="FILE", words={"en": "a new file", "zh": "新文件"})
@json_option()
def secret(file: str, as_json: bool) -> None:
    check_new(file)
    made = secrets.token_bytes(SECRET_SIZE)
    write_file(Path(file), secret_line(made))
    digest = commit_secret(made).hex()
    output.result_json({"reviewer": digest}) if as_json else output.result(digest)


@new_command(
    "list",
    words={
        "en": "Make the list of an agency's cases of a year from the log, and fix it there.\n\n"
        "DIR/list may be shown to everyone and names no case; DIR/openings is for the\n"
        "reviewer. Both are logged, as the opening of a file of the review. Run it again\n"
        "if it was interrupted: what was made is filed, and nothing is made anew.",
        "zh": "由日志生成机关某年度的案件名单，并固定于日志。\n\n"
        "DIR/list 可公开，不含案号；DIR/openings 仅供评查人。两者均入日志，作为评查卷的\n"
        "开卷。中断后可重新运行：已生成的继续提交，不另行生成。",
    },
    example="tiezheng case-review list review --agency agency-01 --year 2026 --sample 10 \\\n"
    "    --reviewer 5d0e… --key handler.key --token-file token --server https://ledger.example",
)
@folder_argument
@agency_option()
@option("--year", type=click.IntRange(1000, 2999), required=True, metavar="YEAR",
        words={"en": "the year", "zh": "年度"})  # fmt: skip
@option("--sample", type=click.IntRange(1), required=True, metavar="N",
        words={"en": "how many are drawn", "zh": "抽取件数"})  # fmt: skip
@option(
    "--reviewer",
    required=True,
    metavar="HEX",
    words={"en": "the digest of the reviewer's secret", "zh": "评查人秘密数的摘要"},
)
@own_key_option()
@server_option()
@token_option()
@json_option()
def list_(
    folder: str,
    agency: str,
    year: int,
    sample: int,
    reviewer: str,
    key_file: str,
    server: str,
    token_file: str,
    as_json: bool,
) -> None:
    from api.clients.filing import read_source

    committed = _reviewer(reviewer)
    key = read_key(key_file)
    client = open_client(server, key=key, token=read_secret(token_file))
    path = Path(folder)
    make_folder(path)
    if not (path / STATEMENT).exists():
        register = review_cases(client, agency, year).own
        if not register:
            raise Unknown(f"no case of {agency!r} with a number in {year}")
        cases = [Opened(secrets.token_bytes(32), case) for case in register]
        _write(path, *make_list(agency, year, committed, sample, cases), key)
    envelope = read_small(path / STATEMENT)
    listed = ReviewList.from_bytes(read_small(path / LIST))
    asked = (agency, year, committed, sample)
    if (listed.agency, listed.year, listed.reviewer, listed.sample) != asked:
        raise Rejected(f"{folder!r} holds the list of another review")
    for name in (LIST, OPENINGS):
        digest = read_source(path / name, lambda count: None).subject.digest
        client.upload(path / name, digest.size, digest.sha256, lambda count: None)
    answer = file_one(client, envelope, None)
    write_file(path / SALT, parse_base64(answer["salt"]), mode=PUBLIC_FILE)
    write_file(path / ENTRY, answer["entry"].encode(), mode=PUBLIC_FILE)
    _tell_listed(answer, len(listed.cases), path, as_json)


def _write(path: Path, listed: ReviewList, openings: bytes, key: SigningKey) -> None:
    from api.clients.filing import act, read_source
    from api.ids import new_id

    write_file(path / LIST, listed.to_bytes(), mode=PUBLIC_FILE)
    write_file(path / OPENINGS, openings)
    sources = [read_source(path / name, lambda count: None) for name in (LIST, OPENINGS)]
    fields = {"agency": listed.agency, "note": f"案卷评查 {listed.year}"}
    envelope = act(sources, OPENING, fields, key, new_id(time.time_ns() // 1_000_000))
    write_file(path / STATEMENT, envelope, mode=PUBLIC_FILE)  # last: then all is made


def _tell_listed(answer: Mapping[str, Any], count: int, path: Path, as_json: bool) -> None:
    place = f"{answer['log']}-{answer['index']}"
    if as_json:
        output.result_json({"cases": str(count), "id": answer["id"], "place": place})
        return
    output.result(
        say(
            en=f"{place}  {answer['id']}  {count} cases",
            zh=f"{place}  {answer['id']}  {count} 案",
        )
    )
    receipt = f"tiezheng receipt {answer['id']} -o {printable(str(path / PROOF))}"
    output.note(
        say(
            en=f"next: {receipt}; the reviewer then puts his secret into the folder",
            zh=f"下一步：{receipt}；然后由评查人将秘密数放入该文件夹",
        )
    )


@new_command(
    "draw",
    words={
        "en": "Check everything in DIR and say which cases are drawn, offline.\n\n"
        "It wants list, statement.dsse.json, salt, entry, list.tlog-proof (the receipt)\n"
        "and secret; with openings it tells case numbers, else places of the list.\n\n"
        "Exit code: 0 drawn, 1 something does not fit, 3 no quorum has seen it yet.",
        "zh": "离线核对 DIR 中的全部文件，并给出抽中的案件。\n\n"
        "须有 list、statement.dsse.json、salt、entry、list.tlog-proof（回执）和 secret；\n"
        "另有 openings 时给出案号，否则给出名单中的序号。\n\n"
        "退出码：0 已抽取，1 有不符，3 尚无法定人数看到。",
    },
    example="tiezheng case-review draw review/ --trust trust/",
)
@folder_argument
@trust_option()
@json_option()
def draw(folder: str, trust: str, as_json: bool) -> Exit:
    found = open_review(Path(folder), open_trust(trust))
    if found is None:
        output.note(say(en="no quorum has seen the list yet", zh="名单尚未达到法定人数"))
        return Exit.UNDECIDED
    when = format_time(found.quorum_s * 1000)
    if as_json:
        output.result_json(
            {
                "cases": str(len(found.listed.cases)),
                "drawn": [{"case": name, "place": str(place)} for place, name in found.sample],
                "quorum_time": when,
                "seed": found.seed.hex(),
                "tree": str(found.tree.size),
            }
        )
        return Exit.DONE
    count = len(found.listed.cases)
    output.result(
        say(
            en=f"{len(found.sample)} of {count} cases, by the tree that ends with the list "
            f"({found.tree.size} entries), seen by a quorum at {when}",
            zh=f"{count} 案中抽取 {len(found.sample)} 案；依据以名单收尾的日志树"
            f"（{found.tree.size} 条），法定人数于 {when} 看到",
        )
    )
    for place, name in found.sample:
        output.result(f"{place:>6}  {printable(name)}")
    return Exit.DONE


for member in (secret, list_, draw, compare, sheet):
    command.add_command(member)


def _reviewer(text: str) -> bytes:
    try:
        return parse_hex(text, suite.DIGEST_SIZE)
    except Malformed as error:
        raise click.BadParameter(str(error), param_hint="--reviewer") from None
