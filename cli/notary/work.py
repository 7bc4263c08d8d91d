"""What the commands of `tiezheng notary` do. Each signs first, keeps that, and then sends."""

import time
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.clients.filing import read_source
from api.clients.ledger import LedgerClient
from cli import output
from cli.files import check_new, read_key
from cli.language import pick, say
from cli.notary.office import Asked, Office, Said, Settings, check_persons, make_office
from cli.remote import open_client
from cli.signers import Token
from cli.trust import open_trust
from ledger.encoding import format_json, format_time, parse_uuid7, printable
from ledger.errors import Malformed, Rejected, Unknown
from ledger.evidence.case_number import parse_case
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import FileSubject, Kind, Statement, Subject, TextSubject
from ledger.evidence.trust import TrustedLog
from ledger.suite import digest

if TYPE_CHECKING:
    from cli.notary.comparing import Row


def run_init(
    folder: str,
    agency: str,
    office: str,
    server: str,
    trust: str,
    key_files: Sequence[str],
    cosigner_files: Sequence[str],
    interests: Sequence[str],
    as_json: bool,
) -> None:
    from cli.notary.page import check_office

    check_office(office)
    keys = [read_key(path).verifier for path in key_files]
    check_persons(keys, open_trust(trust), [read_key(path) for path in cosigner_files])
    settings = Settings(
        agency=agency,
        office=office,
        server=server,
        trust=str(Path(trust).resolve()),
        keys=tuple(key.to_text() for key in keys),
        interests=tuple(interests),
    )
    make_office(Path(folder), settings)
    if as_json:
        output.result_json({"folder": folder, "keys": [key.to_text() for key in keys]})
        return
    output.result(say(en=f"made the folder {folder}", zh=f"已建立文件夹 {folder}"))
    output.note(
        say(
            en=f"next: the registrar registers each key with --role notary --agency {agency}",
            zh=f"下一步：由登记人以 --role notary --agency {agency} 登记每把密钥",
        )
    )


def run_keys(
    folder: str, key_files: Sequence[str], cosigner_files: Sequence[str], as_json: bool
) -> None:
    office = _open(folder)
    keys = [read_key(path).verifier for path in key_files]
    check_persons(keys, office.trust, [read_key(path) for path in cosigner_files])
    office.change_keys(keys)
    if as_json:
        output.result_json({"folder": folder, "keys": [key.to_text() for key in keys]})
        return
    for key in keys:
        output.result(key.to_text())


def run_apply(
    folder: str,
    applicant: str,
    purpose: str,
    interest: str,
    dispute: str,
    case: str,
    parties: Sequence[str],
    note: str,
    **signing: Any,
) -> int:
    from api.ids import new_id
    from cli.notary.page import check_applied

    desk = _Desk(folder, **signing)
    now_ms = _now_ms()
    id_ = new_id(now_ms)
    number = parse_case(case) if case else ""
    sheet = {
        "applicant": applicant,
        "at_ms": now_ms,
        "case": number,
        "dispute": dispute,
        "interest": interest,
        "parties": list(parties),
        "purpose": purpose,
    }
    fields = {"applicant": applicant, "dispute": dispute, "interest": interest}
    fields |= {"purpose": purpose, "case": number, "note": note}
    check_applied(applicant, purpose)
    desk.office.check_signers(desk.keys)
    text = TextSubject("application", digest(format_json(sheet)))
    desk.office.statement_of(Kind.APPLICATION, [text], fields, id_=id_)  # before a folder is made
    subject = desk.office.write_record(id_, sheet)
    statement = desk.say(Kind.APPLICATION, [subject], fields, id_=id_)
    return desk.end(statement, {"application": id_})


def run_list(folder: str, as_json: bool) -> None:
    office = _open(folder)
    rows: dict[str, dict[str, Any]] = {}
    for one in office.said():
        predicate, statement = one.statement.predicate, one.statement
        application = str(predicate.get("application", ""))
        if "applicant" in predicate:
            application = statement.id
            rows[application] = {
                "applicant": predicate["applicant"],
                "application": application,
                "case": statement.case or "",
                "decision": "",
                "done": [],
                "unsent": 0,
            }
        if "issued" in predicate:
            application = next((a for a, r in rows.items() if predicate["issued"] in r["done"]), "")
        row = rows.setdefault(application, {"application": application, "done": [], "unsent": 0})
        row["unsent"] += one.answer is None
        if "decision" in predicate:
            row["decision"] = predicate["decision"]
        for field in ("record", "number"):
            if field in predicate:
                row["done"].append(predicate[field])
        if "number" in predicate:
            row["done"].append(statement.id)
        if "issued" in predicate:
            row["done"].append("revoked")
    if as_json:
        output.result_json({"applications": list(rows.values())})
        return
    for row in rows.values():
        parts = [row["application"], row.get("applicant", ""), row.get("case", "")]
        parts += [row.get("decision", ""), *row["done"]]
        if row["unsent"]:
            parts.append(say(en=f"{row['unsent']} not sent", zh=f"{row['unsent']} 份未提交"))
        output.result("  ".join(printable(part) for part in parts if part))


def run_decide(
    folder: str, application: str, decision: str, ground: str, note: str, **signing: Any
) -> int:
    desk = _Desk(folder, **signing)
    sheet = desk.office.sheet(application)
    desk.office.check_fresh(
        "the application was decided",
        lambda s: "decision" in s.predicate and s.predicate["application"] == application,
    )
    if decision == "accepted":
        _check_conflict(sheet, desk.office.settings.interests)
        if sheet["dispute"] == "disputed" and not note:
            raise Rejected(
                "the applicant says that the matter is in dispute",
                hints=("refuse it with --ground disputed, or say with --note why not",),
            )
        desk.check_authority()
    subject = desk.office.application_subject(application)
    fields = {"application": application, "case": sheet["case"], "decision": decision}
    fields |= {"ground": ground, "note": note}
    statement = desk.say(Kind.APPLICATION, [subject], fields)
    return desk.end(statement, {"application": application, "decision": decision})


def run_compare(
    folder: str,
    application: str,
    files: Sequence[str],
    packet: str | None,
    receipts: str | None,
    label: str,
    **signing: Any,
) -> int:
    from cli.notary import comparing
    from cli.notary.page import Compared

    _check_compared(files, packet, receipts)
    desk = _Desk(folder, **signing)
    desk.office.check_accepted(application)
    logs = _chosen(desk.office.trust.logs, label)
    with output.progress(say(en="reading", zh="读取"), 0) as advance:
        sources = [read_source(Path(name), advance) for name in files]
    outcome = ""
    if packet is not None:
        outcome, ex = _examine(packet, desk.office)
        logged, basis = comparing.of_packet(ex, logs)
        every = comparing.compare(sources, logged) if files else comparing.of_itself(ex, logged)
    else:
        fetch = None if desk.offline else desk.client.receipt
        trust = desk.office.trust
        logged, basis = comparing.of_receipts(Path(str(receipts)), trust, logs, fetch)
        every = comparing.compare(sources, logged)
    rows = [row for row in every if row.read]  # nothing is certified of a file nobody read
    missing = len(every) - len(rows)
    if not rows:
        raise Rejected(f"want files to compare: none of {missing} was handed in")
    record: dict[str, Any] = {
        "basis": basis.to_json(),
        "items": [row.to_json() for row in rows],
        "not_handed_in": missing,
    }
    if outcome:
        record["packet"] = outcome
    statement = desk.record(application, "comparison", record)
    if not desk.as_json:
        _tell_compared(rows, missing)
    code = desk.end(statement, record)
    bad = any(row.outcome in (Compared.DIFFERENT, Compared.NOT_LOGGED) for row in rows)
    doubt = any(row.outcome is Compared.UNDECIDED for row in every) or outcome == "undecided"
    if bad or outcome == "failed":
        return output.Exit.FAILED
    return output.Exit.UNDECIDED if doubt else code


def _check_compared(files: Sequence[str], packet: str | None, receipts: str | None) -> None:
    if (packet is None) == (receipts is None) or (packet is None and not files):
        raise click.UsageError(
            say(
                en="want FILE… with --receipts, or --packet",
                zh="请给出 --packet，或 FILE… 与 --receipts",
            )
        )


def _tell_compared(rows: Sequence["Row"], missing: int) -> None:
    from cli.notary import comparing

    for row in rows:
        place = f"{row.logged.log}-{row.logged.index}" if row.logged else "-"
        output.result(f"{_compared(row.outcome)}  {place}  {row.name}")
    sums = comparing.counted(rows)
    output.result("; ".join(f"{_compared(o)}: {n}" for o, n in sums.items() if n))
    if missing:
        output.result(say(en=f"not handed in: {missing}", zh=f"未提交: {missing}"))


def _chosen(logs: Sequence[TrustedLog], label: str) -> Sequence[TrustedLog]:
    """All of them, or the one with that label."""
    chosen = [log for log in logs if not label or log.label == label]
    if not chosen:
        known = ", ".join(log.label for log in logs)
        text = say(en=f"your trust folder has {known}", zh=f"信任文件夹中有 {known}")
        raise click.BadParameter(text, param_hint="--log")
    return chosen


def run_preserve(
    folder: str,
    application: str,
    files: Sequence[str],
    place: str,
    note: str,
    **signing: Any,
) -> int:
    desk = _Desk(folder, **signing)
    desk.office.check_accepted(application)
    desk.office.check_signers(desk.keys, 2)
    desk.check_authority()
    with output.progress(say(en="reading", zh="读取"), 0) as advance:
        subjects = [read_source(Path(name), advance).subject for name in files]
    exhibits = [
        {
            "chunks": subject.digest.chunks.hex(),
            "name": printable(subject.name),
            "sha256": subject.digest.sha256.hex(),
            "size": subject.digest.size,
        }
        for subject in subjects
    ]
    record = {
        "exhibits": exhibits,
        "persons": [key.verifier.to_text() for key in desk.keys],
        "place": place,
    }
    statement = desk.record(application, "on_site", record, note=note)
    if not desk.as_json:
        for exhibit in exhibits:
            output.result(f"{exhibit['sha256']}  {exhibit['name']}")
    return desk.end(statement, record)


def run_clean(
    folder: str, application: str, time_source: str, known: str | None, **signing: Any
) -> int:
    from cli.notary.machine import Look, report
    from ledger.report import Outcome

    desk = _Desk(folder, **signing)
    record = report(desk.office.root, time_source, _listed(known), Look())
    statement = desk.record(application, "cleanliness", record)
    if not desk.as_json:
        _show_machine(record, record["unknown"])
    code = desk.end(statement, record)
    judged = output.exit_of(Outcome(record["outcome"]))
    return judged if judged is not output.Exit.DONE else code


def run_ask(folder: str, application: str, station: str, packet: str | None, as_json: bool) -> None:
    from cli.notary.station_key import parse_station, station_of

    office, registered = _open(folder), {}
    if packet is None:
        key = parse_station(station)
    else:
        outcome, ex = _examine(packet, office)
        found = station_of(ex, outcome, station)
        key = found.key
        registered = {"agency": found.agency, "packet": outcome, "person": found.person}
    nonce = office.draw_nonce(application, key, registered)
    if as_json:
        output.result_json({"nonce": nonce, "registered": registered, "station": key.keyid})
        return
    output.result(nonce)
    output.note(
        say(
            en=f"on the station: tiezheng station clean FOLDER --nonce {nonce} -o machine.json",
            zh=f"在采集站上运行：tiezheng station clean FOLDER --nonce {nonce} -o machine.json",
        )
    )


def run_attach(
    folder: str, application: str, report: str, known: str | None, **signing: Any
) -> int:
    from cli.notary.machine import judge
    from cli.notary.machine_report import MachineReport
    from cli.small_file import read_small
    from ledger.encoding import parse_json

    desk = _Desk(folder, **signing)
    data = read_small(Path(report))
    try:
        read = MachineReport.from_bytes(data)
    except Malformed as error:
        raise error.under(report) from None
    asked = desk.office.asked(application, read.nonce)
    read.check(asked.station, read.nonce)
    judged = judge(read.found, _listed(known))
    if judged["outcome"] == "passed":
        judged["outcome"] = "claimed"  # somebody else's machine: it says so, nobody has seen it
    now_ms = _now_ms()
    record = {
        **judged,
        "asked_ms": asked.at_ms,
        # By the office's own clock: the report was made between the asking and now.
        "clock_off_ms": read.made_ms - min(max(read.made_ms, asked.at_ms), now_ms),
        "nonce": read.nonce.hex(),
        "registered": dict(asked.registered),
        "report": parse_json(data, limit=len(data)),
        "station": asked.station.to_text(),
    }
    statement = desk.record(application, "cleanliness", record)
    if not desk.as_json:
        _show_machine(read.found, judged["unknown"])
        _show_word(asked, now_ms - asked.at_ms, record["clock_off_ms"])
    code = desk.end(statement, record)
    exits = {"failed": output.Exit.FAILED, "undecided": output.Exit.UNDECIDED, "claimed": code}
    return exits[judged["outcome"]]


def _listed(known: str | None) -> frozenset[str] | None:
    from cli.notary.machine import read_known
    from cli.small_file import read_small

    if known is None:
        return None
    try:
        return read_known(read_small(Path(known)))
    except Malformed as error:
        raise error.under(known) from None


def _show_machine(found: Mapping[str, Any], unknown: Sequence[str]) -> None:
    """`found` may be another machine's: none of it reaches the terminal as it is."""
    for name in ("clock", "storage", "mounted_from", "network", "hosts", "system"):
        output.result(printable(f"{name}: {found[name]}"))
    for path in map(printable, unknown):
        output.result(say(en=f"not on the list: {path}", zh=f"不在名单中：{path}"))
    for one in found["unread"]:
        what, why = printable(one["what"]), printable(one["why"])
        output.result(say(en=f"could not be read: {what}: {why}", zh=f"未能读取：{what}（{why}）"))


def _show_word(asked: Asked, asked_ago_ms: int, off_ms: int) -> None:
    ago, keyid = -(-asked_ago_ms // 1000), asked.station.keyid
    output.result(
        say(
            en=f"the word of the machine itself, signed by {keyid} at most {ago} s ago: "
            "one that lies to its programs lies here too",
            zh=f"以上为该机自述，由 {keyid} 于 {ago} 秒之内签名：该机若欺骗其程序，亦可欺骗本报告",
        )
    )
    if asked.registered:
        agency = printable(asked.registered["agency"])
        output.result(
            say(
                en=f"{keyid} is a station of {agency}, as the register of the packet has it",
                zh=f"{keyid} 为 {agency} 的采集站（据证据包中的登记）",
            )
        )
    else:
        output.note(
            say(
                en=f"whose key {keyid} is was not checked: no packet was given to ask",
                zh=f"未核对 {keyid} 的归属：ask 时未给出证据包",
            )
        )
    if off_ms:
        off = f"{abs(off_ms) / 1000:.1f}"
        output.result(
            say(
                en=f"its clock is {'ahead' if off_ms > 0 else 'behind'} by {off} s or more",
                zh=f"其时钟至少{'快' if off_ms > 0 else '慢'} {off} 秒",
            )
        )


def run_spot(folder: str, application: str, packet: str, count: int, **signing: Any) -> int:
    from cli.notary import comparing
    from cli.notary.drawing import draw, seed_of
    from cli.notary.page import Compared

    desk = _Desk(folder, offline=False, **signing)
    desk.office.check_accepted(application)
    outcome, ex = _examine(packet, desk.office)
    if outcome == "failed":
        raise Rejected(
            "the packet fails verification: nothing is drawn from it",
            hints=("tiezheng verify says why",),
        )
    logged, _ = comparing.of_packet(ex, desk.office.trust.logs)
    rows = comparing.of_itself(ex, logged)
    listed = [f"{row.digest.sha256.hex()}  {row.name}" for row in rows]
    pending = desk.office.pending_draw(application)
    if pending is None or pending[0]["list"] != listed:
        statement = desk.record(application, "spot_check", {"list": listed})
        desk.end(statement, {"list": listed})
        return output.Exit.UNDECIDED
    _, sha256, statement_id = pending
    answer = desk.client.receipt(statement_id)
    note = desk.office.cosigned_note(answer, statement_id)
    if note is None:
        output.note(say(en="not cosigned by a quorum yet", zh="尚未达到法定人数"))
        return output.Exit.UNDECIDED
    drawn = [rows[i] for i in draw(count, len(listed), seed_of(sha256, note))]
    record = {
        "count": count,
        "drawn": [row.to_json() for row in drawn],
        "list_sha256": sha256.hex(),
        "note": note,
        "packet": outcome,
    }
    statement = desk.record(application, "spot_check", record)
    if not desk.as_json:
        for row in drawn:
            output.result(f"{_compared(row.outcome)}  {row.name}")
    code = desk.end(statement, record)
    if any(row.outcome in (Compared.DIFFERENT, Compared.NOT_LOGGED) for row in drawn):
        return output.Exit.FAILED
    doubt = any(row.outcome is Compared.UNDECIDED for row in drawn) or outcome == "undecided"
    return output.Exit.UNDECIDED if doubt else code


def run_draft(
    folder: str, application: str, number: str, notaries: Sequence[str], file: str, as_json: bool
) -> None:
    from cli.notary.certifying import comparison, page_of
    from cli.notary.typesetting import typeset
    from storage.durable import write_file

    office = _open(folder)
    office.check_accepted(application)
    check_new(file)
    record = comparison(office, application)
    page = page_of(
        office, application, record, number=number, notaries=notaries, issued_at_ms=_now_ms()
    )
    write_file(Path(file), typeset(page, {}))
    if as_json:
        output.result_json({"file": file, "sheet": page.to_bytes().decode()})
        return
    output.result(say(en=f"{file}: a draft, not issued", zh=f"{file}：草稿，尚未出具"))


def run_seal(
    draft: str,
    file: str,
    seal_key: str,
    passphrase: str | None,
    certificates: Sequence[str],
    token: Token,
    tsa: str,
    roots: Sequence[str],
    crls: Sequence[str],
    fetch: bool,
    as_json: bool,
) -> None:
    from cli.notary.attached import read_sheet
    from cli.notary.drawn import check_draft
    from cli.notary.seal_keys import open_seal_key
    from cli.notary.sealing import seal
    from cli.small_file import read_small
    from storage.durable import write_file

    check_new(file)
    data = read_small(Path(draft))
    page = read_sheet(data)
    check_draft(data)
    trusted, lists = ([read_small(Path(one)) for one in some] for some in (roots, crls))
    with open_seal_key(seal_key, passphrase, certificates, token) as signer:
        write_file(Path(file), seal(data, signer, tsa, trusted, crls=lists, fetch=fetch))
    if as_json:
        output.result_json({"file": file, "number": page.number})
        return
    output.result(say(en=f"{file}: sealed, and not issued yet", zh=f"{file}：已盖章，尚未出具"))


def run_check(pdf: str, roots: Sequence[str], crls: Sequence[str], as_json: bool) -> int:
    from cli.notary.drawn import check_drawn
    from cli.notary.seal_check import FINDINGS, open_seal
    from cli.small_file import read_small

    data = read_small(Path(pdf))
    trusted, lists = ([read_small(Path(one)) for one in some] for some in (roots, crls))
    report = open_seal(data, trusted, crls=lists)
    if report.intact:
        check_drawn(data)
    sealed_at = "" if report.sealed_at_ms is None else format_time(report.sealed_at_ms)
    if as_json:
        output.result_json(
            {
                "detail": printable(report.detail),
                "finding": str(report.finding),
                "sealed_at": sealed_at,
                "signer": printable(report.signer),
            }
        )
    else:
        parts = [pick(FINDINGS[report.finding]), report.signer, sealed_at, report.detail]
        output.result("  ".join(printable(part) for part in parts if part))
    return output.exit_of(report.outcome)


def run_certify(
    folder: str,
    application: str,
    pdf: str,
    roots: Sequence[str],
    crls: Sequence[str],
    **signing: Any,
) -> int:
    from api.ids import new_id
    from cli.notary.certifying import check_sealed, check_sheet, compared_statements, comparison
    from cli.small_file import read_small
    from storage.durable import make_folder, write_file

    desk = _Desk(folder, **signing)
    desk.office.check_accepted(application)
    desk.office.check_signers(desk.keys, 2)
    desk.check_authority()
    data = read_small(Path(pdf))
    digest = digest_item(data)
    desk.office.check_fresh(
        "this certificate was issued", lambda s: any(f.digest == digest for f in s.files)
    )
    record = comparison(desk.office, application)
    page = check_sheet(desk.office, application, record, data)
    desk.office.check_number(page.number)
    check_sealed(data, *([read_small(Path(one)) for one in some] for some in (roots, crls)))
    id_ = new_id(_now_ms())
    kept = desk.office.root / "certificates" / f"{id_}.pdf"
    make_folder(kept.parent)
    write_file(kept, data)
    subjects: list[Subject] = [FileSubject("certificate.pdf", digest)]
    subjects += compared_statements(record)
    fields = {"application": application, "case": page.case, "number": page.number}
    statement = desk.say(Kind.CERTIFICATE, subjects, fields, id_=id_)
    return desk.end(statement, {"certificate": id_, "number": page.number})


def run_revoke(folder: str, certificate: str, reason: str, **signing: Any) -> int:
    desk = _Desk(folder, **signing)
    subject = desk.office.subject_of(parse_uuid7(certificate))
    desk.office.check_fresh(
        "the certificate was revoked", lambda s: s.predicate.get("issued") == certificate
    )
    case = desk.office.statement(certificate).case or ""
    fields = {"case": case, "issued": certificate, "revoked": reason}
    statement = desk.say(Kind.CERTIFICATE, [subject], fields)
    return desk.end(statement, {"certificate": certificate, "revoked": reason})


def run_send(folder: str, key_files: Sequence[str], as_json: bool) -> int:
    """All that is not sent; one that is refused keeps no other from being sent."""
    desk = _Desk(folder, key_files=key_files, as_json=as_json, offline=False)
    places, exits = {}, [output.Exit.DONE]
    for one in desk.office.unsent():
        try:
            places[one.statement.id] = _place(desk.office.send(desk.client, one))
        except (Malformed, Rejected, Unknown) as error:
            exits.append(output.refusal(error, one.statement.id))
    if as_json:
        output.result_json({"places": places})
    else:
        for id_, place in places.items():
            output.result(f"{place}  {id_}")
    return output.worst(exits)


class _Desk:
    """One command at work: the office, who signs, and the line to the ledger if there is one."""

    def __init__(self, folder: str, key_files: Sequence[str], as_json: bool, offline: bool) -> None:
        self.office = _open(folder)
        self.keys = [read_key(path) for path in key_files]
        self.as_json = as_json
        self.offline = offline
        self.office.check_signers(self.keys)

    @cached_property
    def client(self) -> LedgerClient:
        return open_client(self.office.settings.server, key=self.keys[0])

    def check_authority(self) -> None:
        if not self.offline:
            self.office.check_authority(self.keys)
            return
        output.note(
            say(
                en="offline: whether the keys are registered is seen when it is sent",
                zh="离线：密钥是否已登记，提交时核对",
            )
        )

    def say(
        self, kind: Kind, subjects: Sequence[Subject], fields: Mapping[str, Any], id_: str = ""
    ) -> Statement:
        after = None if self.offline else self.office.after(self.client)
        return self.office.say(kind, subjects, fields, self.keys, id_=id_, after=after)

    def record(
        self, application: str, kind: str, value: Mapping[str, Any], note: str = ""
    ) -> Statement:
        sheet = self.office.sheet(application)
        record = {**value, "application": application, "at_ms": _now_ms(), "record": kind, "v": 1}
        subject = self.office.write_record(application, record)
        fields = {"application": application, "case": sheet["case"], "record": kind, "note": note}
        return self.say(Kind.APPLICATION, [subject], fields)

    def end(self, statement: Statement, value: Mapping[str, Any]) -> int:
        """Sends it, if there is a line, and says where it stands."""
        place = ""
        if not self.offline:
            (one,) = [one for one in self.office.unsent() if one.statement == statement]
            place = _place(self.office.send(self.client, one))
        if self.as_json:
            output.result_json({**value, "id": statement.id, "place": place})
        else:
            output.result(f"{place or say(en='not sent', zh='未提交')}  {statement.id}")
        return output.Exit.DONE


def _place(one: Said) -> str:
    assert one.answer is not None  # it was just sent
    return f"{one.answer['log']}-{one.answer['index']}"


def _open(folder: str) -> Office:
    root = Path(folder)
    settings = Office.settings_of(root)
    return Office(root, settings, open_trust(settings.trust))


def _examine(packet: str, office: Office) -> tuple[str, Any]:
    """The packet's own verdict, and what of it held."""
    from ledger.verdict.examination import Examination
    from ledger.verify import examine_packet
    from storage.packets import open_packet

    opened = open_packet(Path(packet))
    total = sum(opened.sizes().values())
    with output.progress(say(en="reading", zh="读取"), total) as on_bytes:
        ex = Examination(opened, office.trust, None, on_bytes)
        report = examine_packet(ex)
    return str(report.outcome), ex


def _check_conflict(sheet: Mapping[str, Any], interests: Sequence[str]) -> None:
    """公证法 art. 23 (3): nobody acts for himself, his relatives, or against an interest."""
    for name in (sheet["applicant"], *sheet["parties"]):
        for interest in interests:
            if _plain(interest) and _plain(interest) in _plain(name):
                raise Rejected(
                    f"{name!r} is {interest!r}, for whom this office may not act",
                    hints=("another office must take it",),
                )


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _compared(outcome: Any) -> str:
    words = {
        "same": say(en="same", zh="一致"),
        "different": say(en="DIFFERENT", zh="不一致"),
        "not_logged": say(en="NOT LOGGED", zh="未入日志"),
        "undecided": say(en="undecided", zh="不能判定"),
    }
    if outcome not in words:
        raise Malformed(f"no outcome {outcome!r}")
    return words[outcome]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
