"""`tiezheng deposit`: files become evidence, or the documents of an act."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.command import argument, json_option, option
from cli.command import command as new_command
from cli.files import read_key, read_sm2_key
from cli.filing_options import (
    keep_answers_option,
    note_unchecked,
    officers_option,
    particulars_options,
    sm2_key_option,
)
from cli.keeping import after_filing, open_keep
from cli.language import say
from cli.remote import (
    case_option,
    open_client,
    own_key_option,
    own_trust_option,
    server_option,
)
from cli.saying import subject_of
from cli.trust import open_trust
from ledger.encoding import printable
from ledger.errors import LedgerError, Rejected, Unknown
from ledger.evidence.case_number import parse_case
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import EvidenceType, Stage, Statement, Subject
from ledger.evidence.trust import Trust, TrustedLog
from storage.durable import write_file

if TYPE_CHECKING:
    from api.clients.direct import DirectClient
    from api.clients.tus import TusClient

MAX_DOCUMENTS = 8
BATCH = 256  # statements in one request
RESUMABLE = 64 << 20  # from here on a broken line goes on where it was


@new_command(
    "deposit",
    words={
        "en": "Hand in files as evidence of a case, or with --act as the documents of an act.\n\n"
        "Every file is digested, sent, and named in a statement signed with your key.\n"
        "With --trust the ledger's answer is recomputed before it is believed, and the\n"
        "statement says which cosigned log it follows. Sending again is harmless.\n"
        "A detail that the law wants and you leave out is no reason to refuse a file.\n\n"
        "With --direct files are sealed here and put into the ledger's bucket, past the\n"
        "ledger, which reads them back from there; where it has none, they go to the ledger.",
        "zh": "把文件作为案件证据提交；加 --act 则作为某一执法行为的文书提交。\n\n"
        "每个文件计算摘要、上传，并写入由您的密钥签名的陈述。加 --trust 时，先重新\n"
        "计算账本的答复再采信，并在陈述中写明所跟随的已联合签名的日志。重复提交无害。\n"
        "法律要求而您未填的事项，不会成为拒收文件的理由。\n\n"
        "加 --direct 时，文件在本机加密后绕过账本直接存入账本的存储桶，再由账本读回核对；\n"
        "账本没有存储桶时，仍发送给账本。",
    },
    example="tiezheng deposit BWC_0088.MP4 现场照片.jpg --case '苏城管罚〔2026〕417号' \\\n"
    "    --key station-07.key --server https://ledger.example --trust trust/\n"
    "tiezheng deposit BWC_0089.MP4 --direct --case '苏城管罚〔2026〕417号' \\\n"
    "    --key station-07.key --server https://ledger.example --trust trust/",
)
@argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    words={"en": "the files, each an item of evidence", "zh": "文件，每个为一件证据"},
)
@case_option()
@own_key_option()
@sm2_key_option()
@server_option()
@own_trust_option()
@option(
    "--act",
    metavar="NAME",
    words={
        "en": "the act that the files document, such as penalty_decision",
        "zh": "文件所记载的执法行为，如 penalty_decision",
    },
)
@option(
    "--stage",
    type=click.Choice([str(stage) for stage in Stage]),
    words={
        "en": "of the procedure; by default investigate, with a decision decide",
        "zh": "程序阶段；缺省 investigate，决定类行为为 decide",
    },
)
@option(
    "--type",
    "evidence_type",
    type=click.Choice([str(kind) for kind in EvidenceType]),
    words={"en": "of evidence; by default guessed", "zh": "证据种类；缺省按文件名推断"},
)
@option("--from", "start", metavar="TIME", words={"en": "when it began", "zh": "起始时间"})
@option(
    "--to",
    "end",
    metavar="TIME",
    words={
        "en": "when it ended; by default both are the file's own time",
        "zh": "结束时间；二者缺省为文件时间",
    },
)
@option(
    "--device",
    metavar="ID",
    words={"en": "the recorder it comes from", "zh": "来源设备（执法记录仪）"},
)
@particulars_options()
@officers_option()
@option("--note", metavar="TEXT", words={"en": "anything else", "zh": "备注"})
@option(
    "--direct",
    is_flag=True,
    words={
        "en": "put the files into the ledger's bucket directly, where it has one",
        "zh": "账本有存储桶时，把文件直接存入其中",
    },
)
@option(
    "--sm3",
    is_flag=True,
    words={
        "en": "state the SM3 digest of each file too",
        "zh": "另写明每个文件的 SM3 摘要",
    },
)
@keep_answers_option()
@json_option()
def command(
    files: tuple[str, ...],
    case: str,
    key_file: str,
    sm2_file: str | None,
    server: str,
    trust: str | None,
    act: str | None,
    start: str | None,
    end: str | None,
    direct: bool,
    sm3: bool,
    keep: str | None,
    as_json: bool,
    **details: Any,
) -> int:
    if act is not None and len(files) > MAX_DOCUMENTS:
        message = say(
            en=f"an act has at most {MAX_DOCUMENTS} documents, got {len(files)}",
            zh=f"一项执法行为至多 {MAX_DOCUMENTS} 份文书，现有 {len(files)} 份",
        )
        raise click.UsageError(message)
    fields = {"case": parse_case(case)} | _fields(act, start, end, details)
    filing = Filing(
        server,
        key_file,
        open_trust(trust) if trust else None,
        keep,
        direct=direct,
        sm3=sm3,
        sm2_file=sm2_file,
    )
    results = filing.run([Path(name) for name in files], act, fields)
    if as_json:
        output.result_json({"statements": results})
    else:
        for row in results:
            output.result(f"{row['log']}-{row['index']}  {row['id']}  {', '.join(row['files'])}")
            _note_flags(row)
    if trust is None:
        note_unchecked()
    return output.worst(output.refusal(error, names) for names, error in filing.refused)


def _fields(
    act: str | None, start: str | None, end: str | None, details: Mapping[str, Any]
) -> dict[str, Any]:
    """What is stated of the files; nothing of what was not given."""
    fields = {name: value for name, value in details.items() if value}
    if "officers" in fields:
        fields["officers"] = list(fields["officers"])
    if start or end:
        fields["occurred"] = {"from": start or end, "to": end or start}
    decides = act is not None and act.endswith("_decision")
    fields.setdefault("stage", str(Stage.DECIDE if decides else Stage.INVESTIGATE))
    return fields


def _note_flags(row: dict[str, Any]) -> None:
    """A remark: the statement is logged, and somebody may want to look."""
    place = f"{row['log']}-{row['index']}"
    for flag in row.get("flags", ()):
        others = ", ".join(flag["at"])
        if flag["kind"] == "duplicate":
            text = say(
                en=f"{place}: the same bytes stand under another case or device: {others}",
                zh=f"{place}：相同内容已以其他案件或设备入账：{others}",
            )
        else:
            text = say(
                en=f"{place}: other statements are about the same recording: {others}",
                zh=f"{place}：另有陈述涉及同一录像：{others}",
            )
        output.note(text)


class Filing:
    """One run: digest, upload, sign, file, recompute."""

    def __init__(
        self,
        server: str,
        key_file: str,
        trust: Trust | None,
        keep: str | None,
        *,
        direct: bool = False,
        sm3: bool = False,
        sm2_file: str | None = None,
    ) -> None:
        self._key = read_key(key_file)
        self._beside = () if sm2_file is None else (read_sm2_key(sm2_file),)
        self._sm3 = sm3
        self._client = open_client(server, key=self._key)
        self._server = server
        self._trust = trust
        self._keep = open_keep(keep)
        self._goes_direct = direct
        self.refused: list[tuple[str, LedgerError]] = []

    def run(self, files: list[Path], act: str | None, fields: dict[str, Any]) -> list[Any]:
        from api.clients import filing
        from api.ids import new_id

        me = self._client.whoami()
        common = {"agency": me["agency"], **fields}
        if after := self._after(me["log"]):
            common["after"] = after
        sources = self._send(files)
        now = time.time_ns() // 1_000_000
        if act is not None:
            common.pop("evidence_type", None)
            envelopes = [filing.act(sources, act, common, self._key, new_id(now), self._beside)]
            names = [[s.subject.name for s in sources]]
        else:
            envelopes = [
                filing.evidence([s], common, self._key, new_id(now), self._beside) for s in sources
            ]
            names = [[s.subject.name] for s in sources]
        return list(self._file(envelopes, names))

    def derive(
        self, file: Path, fields: dict[str, Any], compared: bytes | None = None
    ) -> list[Any]:
        """One file that was made from an item, which `fields` name.

        `compared` is its SHA-256 when it was held against the original.
        """
        from api.clients import filing
        from api.ids import new_id

        me = self._client.whoami()
        common = {"agency": me["agency"], **fields}
        if after := self._after(me["log"]):
            common["after"] = after
        (source,) = self._send([file])
        if compared not in (None, source.subject.digest.sha256):
            raise Rejected(f"{printable(str(file))!r} has changed while it was handed in")
        now = time.time_ns() // 1_000_000
        envelope = filing.derivation(source, common, self._key, new_id(now), self._beside)
        return list(self._file([envelope], [[source.subject.name]]))

    def act(
        self,
        documents: list[Path],
        about: Sequence[str],
        fields: dict[str, Any],
        conclusion: str = "",
    ) -> dict[str, Any]:
        """An act of a procedure, sent before its documents; `about` are ids of statements, and
        `conclusion` what it is said to be.

        Raises `Gated` if it is a conclusion and its gate is shut: nothing was sent but the act.
        """
        from api.clients import filing
        from api.clients.filing import read_source
        from api.ids import new_id

        me = self._client.whoami()
        common = {"agency": me["agency"], **fields}
        if after := self._after(me["log"]):
            common["after"] = after
        sources = [read_source(path, lambda n: None, sm3=self._sm3) for path in documents]
        earlier = [subject_of(self._client, id_, self._trust) for id_ in about]
        subjects: list[Subject] = [*(s.subject for s in sources), *earlier]
        id_ = new_id(time.time_ns() // 1_000_000)
        envelope = filing.procedural_act(subjects, common, self._key, id_, self._beside)
        (answer,) = self._client.file([envelope], conclusion)
        if sources and answer.get("code") == Unknown.code:
            for path, source in zip(documents, sources, strict=True):
                self._upload(path, source.subject.digest, lambda n: None)
            (answer,) = self._client.file([envelope], conclusion)
        return self._believe(answer, envelope, [s.subject.name for s in sources])

    def _file(self, envelopes: list[bytes], names: list[list[str]]) -> Iterator[dict[str, Any]]:
        """What is refused is remembered, and keeps nothing else from being filed and kept."""
        for start in range(0, len(envelopes), BATCH):
            part = envelopes[start : start + BATCH]
            answers = self._client.file(part)
            for answer, envelope, named in zip(answers, part, names[start:], strict=False):
                try:
                    yield self._believe(answer, envelope, named)
                except LedgerError as error:
                    self.refused.append((", ".join(map(printable, named)), error))

    def _send(self, files: list[Path]) -> list[Any]:
        from api.clients.filing import read_source

        total = 2 * sum(path.stat().st_size for path in files)
        sources = []
        label = say(en="reading and sending", zh="读取并上传")
        with output.progress(label, total, least=1) as advance:
            for path in files:
                source = read_source(path, advance, sm3=self._sm3)
                self._upload(path, source.subject.digest, advance)
                sources.append(source)
        return sources

    def _upload(self, path: Path, digest: ItemDigest, advance: Callable[[int], None]) -> None:
        from api.clients.ledger import NoDirect

        if self._goes_direct:
            try:
                self._direct.upload(path, digest.size, digest.sha256, advance, sm3=self._sm3)
                return
            except NoDirect as error:
                self._goes_direct = False
                output.note(
                    say(
                        en=f"sending to the ledger itself: {error}",
                        zh=f"改为发送给账本：{error}",
                    )
                )
        sender = self._tus if digest.size >= RESUMABLE else self._client
        sender.upload(path, digest.size, digest.sha256, advance, sm3=self._sm3)

    @cached_property
    def _direct(self) -> "DirectClient":
        """Closed when the command ends."""
        from api.clients.direct import DirectClient

        client = DirectClient(self._server, key=self._key)
        click.get_current_context().call_on_close(client.close)
        return client

    @cached_property
    def _tus(self) -> "TusClient":
        """Closed when the command ends."""
        from api.clients.tus import TusClient

        client = TusClient(self._server, key=self._key)
        click.get_current_context().call_on_close(client.close)
        return client

    def _after(self, origin: str) -> dict[str, str] | None:
        """The cosigned tree that this software has checked; none is no reason not to file."""
        from api.clients.filing import after_of

        log = self._log(origin)
        if log is None:
            return None
        try:
            return after_of(self._client.checkpoint(log.label), log)
        except LedgerError as error:
            output.note(say(en=f"no tree to follow: {error}", zh=f"没有可跟随的日志：{error}"))
            return None

    def _log(self, origin: str) -> TrustedLog | None:
        if self._trust is None:
            return None
        return next((log for log in self._trust.logs if log.origin == origin), None)

    def _believe(self, answer: dict[str, Any], envelope: bytes, names: list[str]) -> dict[str, Any]:
        from api.clients.ledger import check_acceptance, check_texts, read_flags, refusal

        if "status" in answer:
            raise refusal(answer)
        id_ = Statement.from_bytes(Envelope.from_bytes(envelope).payload).id
        check_texts(answer, "id", "index", "log")
        if answer["id"] != id_:
            raise Rejected(f"want the answer to statement {id_}, got {answer['id']!r}")
        if self._trust is not None:
            check_acceptance(answer, envelope, self._trust)
        row: dict[str, Any] = {key: answer[key] for key in ("id", "index", "log")}
        row["files"] = [printable(name) for name in names]
        if flags := read_flags(answer):
            row["flags"] = flags
        self._write(answer, envelope)
        return row

    def _write(self, answer: dict[str, Any], envelope: bytes) -> None:
        import json

        if self._keep is None:
            return
        name = str(answer["id"])
        text = json.dumps(answer, ensure_ascii=False, indent=1, sort_keys=True)
        with after_filing(f"{answer['log']}-{answer['index']}"):
            write_file(self._keep / f"{name}.dsse.json", envelope)
            write_file(self._keep / f"{name}.accepted.json", text.encode())
