"""A proof of fraud as `tiezheng verify` shows it: that a log signed two histories."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from cli.language import pick, say
from cli.wording import OUTCOMES, detail_words, when
from ledger.encoding import format_base64, printable
from ledger.errors import LedgerError, Rejected
from ledger.evidence.trust import Trust
from ledger.report import Outcome, seconds_text
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.fraud import HEADER, MAX_FRAUD, Fraud
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Cosigned, Policy


@dataclass(frozen=True, slots=True)
class Claim:
    """What a proof of fraud comes to: `shown` holds both checkpoints where it is proved."""

    shown: tuple[Cosigned, ...]
    reason: str
    trust: str

    @property
    def outcome(self) -> Outcome:
        """Failed is the log; a proof that proves nothing says nothing about it."""
        return Outcome.FAILED if self.shown else Outcome.UNDECIDED

    @property
    def twice(self) -> list[str]:
        """Cosigners of both: they broke the one promise that they make."""
        if not self.shown:
            return []
        return sorted(self.shown[0].times.keys() & self.shown[1].times.keys())

    def to_json(self) -> dict[str, Any]:
        return {
            "checkpoints": [
                {
                    "cosigners": sorted(seen.times),
                    "quorum_time": seconds_text(seen.quorum_time),
                    "root": format_base64(seen.checkpoint.root),
                    "size": str(seen.checkpoint.size),
                }
                for seen in self.shown
            ],
            "cosigned_both": self.twice,
            "kind": "fraud",
            "origin": self.shown[0].checkpoint.origin if self.shown else "",
            "outcome": str(self.outcome),
            "reason": self.reason,
            "trust": self.trust,
            "v": 1,
        }


def is_fraud(path: str) -> bool:
    """By its first line. What is no file, or cannot be read, is left to whoever reads packets."""
    if not Path(path).is_file():
        return False  # a pipe would be waited for
    try:
        with Path(path).open("rb") as file:
            return file.read(len(HEADER) + 1) == HEADER.encode() + b"\n"
    except OSError:
        return False


def read_fraud(path: str, trust: Trust) -> Claim:
    with Path(path).open("rb") as file:
        data = file.read(MAX_FRAUD + 1)
    try:
        return Claim(_check(Fraud.from_bytes(data), trust), "", trust.hash)
    except LedgerError as error:
        return Claim((), str(error), trust.hash)


def _check(fraud: Fraud, trust: Trust) -> tuple[Cosigned, ...]:
    origin = Checkpoint.from_text(fraud.larger.text).origin
    log = next((log for log in trust.logs if log.origin == origin), None)
    if log is None:
        raise Rejected(f"your trust folder has no log {printable(origin)!r}")
    fraud.check(log.policy.log)
    return _open(fraud.smaller, log.policy), _open(fraud.larger, log.policy)


def _open(note: SignedNote, policy: Policy) -> Cosigned:
    """Each line by itself: one that does not hold takes nothing from the others."""
    checkpoint = Checkpoint.from_text(note.text)
    times = {}
    for witness, line in product(policy.witnesses, note.signatures):
        with suppress(Rejected):
            at = check_cosignature(SignedNote(note.text, (line,)), checkpoint, witness.key)
            if at is not None:
                times[witness.name] = at
    return Cosigned(checkpoint, times, policy.quorum_time(times))


def fraud_text(claim: Claim, path: str) -> str:
    outcome = pick(OUTCOMES[claim.outcome]).upper()
    lines = [say(en=f"Verdict: {outcome}", zh=f"结论：{outcome}"), ""]
    if not claim.shown:
        reason = detail_words("fraud", claim.outcome, claim.reason)
        lines.append(
            say(
                en=f"{printable(path)} proves no fraud: {reason}",
                zh=f"{printable(path)} 不能证明欺诈：{reason}",
            )
        )
        return "\n".join(lines)
    smaller, larger = claim.shown
    origin = printable(smaller.checkpoint.origin)
    lines.append(
        say(
            en=f"The log {origin} signed two histories: no entries agree with both checkpoints.",
            zh=f"日志 {origin} 签署过两份历史：没有任何一组条目能同时符合以下两个检查点。",
        )
    )
    lines += ["", *_checkpoint(smaller), *_checkpoint(larger), ""]
    lines.append(_twice(claim))
    lines.append(
        say(
            en="From here on nothing rests on this log's word alone. What a quorum that did not\n"
            "sign both had cosigned before stands on the word of that quorum.",
            zh="自此不得仅凭该日志自己的说法认定任何事实。此前由未同时签署两者的法定人数\n"
            "联合签名的内容，仍以该法定人数的证明为准。",
        )
    )
    lines.append(
        say(
            en="does not show: which history is true, or who used the log's key",
            zh="限度：不证明哪一份历史为真，也不证明何人使用了日志密钥",
        )
    )
    return "\n".join(lines)


def _checkpoint(seen: Cosigned) -> list[str]:
    size, root = seen.checkpoint.size, format_base64(seen.checkpoint.root)
    names = printable(", ".join(sorted(seen.times))) or say(en="nobody", zh="无")
    time = seconds_text(seen.quorum_time)
    return [
        say(en=f"  {size} entries, root {root}", zh=f"  {size} 个条目，根哈希 {root}"),
        say(en=f"      cosigned by {names}", zh=f"      联合签名人：{names}")
        + (say(en=f", by {when(time)}", zh=f"，不晚于 {when(time)}") if time else ""),
    ]


def _twice(claim: Claim) -> str:
    names = printable(", ".join(claim.twice))
    if not names:
        return say(
            en="No cosigner of your policy signed both.",
            zh="您的策略中没有同时签署两者的联合签名人。",
        )
    return say(
        en=f"Signed by both times, against their one promise: {names}.",
        zh=f"以下联合签名人两次都签了名，违背其唯一承诺：{names}。",
    )
