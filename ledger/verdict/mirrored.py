"""Completeness on the word of mirrors, for whoever has no copy of the log at hand.

A statement counts for a series if a mirror of the trust folder signed it, for the very packet
checkpoint, about exactly the tags that a recount looks for: 1 … N, and 65,536 beyond. The
digest in it says so. One tag left out of the question makes another question, and an answer
that is not about this series.

A mirror whose key was withdrawn vouches for nothing, whenever that was: a statement tells no
time of its own, and the checkpoint in it only says what it is younger than. What such a mirror
says against a packet stands, or the registrar could silence it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ledger import suite
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.absence import Absence, Found, Stranger, open_absence, tags_to_bytes
from ledger.evidence.packet import Place
from ledger.evidence.series import Series
from ledger.evidence.trust import Trust
from ledger.report import Finding, Outcome, seconds_text
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Cosigned
from ledger.verdict.withdrawn import Withdrawal

Numbers = Mapping[Place, int]


@dataclass(slots=True)
class Heard:
    """What mirrors say of the series of a packet: by log and series, who vouches for it."""

    vouched: defaultdict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    findings: list[Finding] = field(default_factory=list)  # of one that is wrong, or not checked
    unheard: list[Finding] = field(default_factory=list)  # of one that is not about this packet

    def conclude(self, label: str, cosigned: Cosigned, names: Iterable[str]) -> Iterable[Finding]:
        """Whether all series of the packet are accounted for in one of its logs."""
        wanted = list(names)
        if cosigned.quorum_time is None:
            yield Finding("complete", Outcome.UNDECIDED, label, "the checkpoint has no quorum")
            return
        missing = [name for name in wanted if not self.vouched[label, name]]
        if missing:
            detail = f"of {len(missing)} of {len(wanted)} series no mirror that you trust speaks"
            yield Finding("complete", Outcome.UNDECIDED, label, detail)
            yield from self.unheard
            return
        mirrors = sorted({mirror for name in wanted for mirror in self.vouched[label, name]})
        detail = (
            f"on the word of {', '.join(mirrors)}, as of {seconds_text(cosigned.quorum_time)}: "
            f"{len(wanted)} series looked for in {cosigned.checkpoint.size} entries"
        )
        yield Finding("complete", Outcome.PASSED, label, detail)


def hear(
    paths: Iterable[str],
    read: Callable[[str], bytes],
    trust: Trust,
    checkpoints: Mapping[str, Cosigned],
    series: Mapping[str, tuple[Series, Numbers]],
    gone: Iterable[Withdrawal] = (),
) -> Heard:
    heard = Heard()
    withdrawn = {w.public for w in gone}
    said: defaultdict[bytes, list[tuple[str, VerifierKey, Absence]]] = defaultdict(list)
    for path in paths:
        try:
            absence, key = open_absence(read(path), trust.mirrors)
            label = _label(absence, trust, checkpoints)
        except Stranger as error:
            heard.unheard.append(Finding("complete", Outcome.UNDECIDED, path, str(error)))
        except Unavailable as error:  # of SM2, without a library: it may well be against the packet
            detail = f"not checked: {error}"
            heard.findings.append(Finding("complete", Outcome.UNDECIDED, path, detail))
        except (Malformed, Rejected) as error:
            heard.findings.append(Finding("complete", Outcome.FAILED, path, str(error)))
        else:
            said[absence.asked].append((label, key, absence))
            if key.public in withdrawn:
                detail = f"the key of {key.name} was withdrawn: it vouches for nothing"
                heard.unheard.append(Finding("complete", Outcome.UNDECIDED, path, detail))
    for name, (opened, numbers) in sorted(series.items()) if said else ():
        count = len(numbers)
        tags = list(opened.asked(count))
        for label, mirror, absence in said.get(suite.digest(tags_to_bytes(tags)), ()):
            wrong = list(_compare(label, absence, tags, numbers))
            if not wrong and mirror.public not in withdrawn:
                heard.vouched[label, name].add(mirror.name)
            for detail in wrong:
                about = f"{mirror.name} says: {detail}"
                heard.findings.append(Finding("complete", Outcome.FAILED, name, about))
    return heard


def _label(absence: Absence, trust: Trust, checkpoints: Mapping[str, Cosigned]) -> str:
    """Of which log of the packet it speaks; raises `Stranger` if it is of another tree."""
    at = absence.checkpoint
    for log in trust.logs:
        cosigned = checkpoints.get(log.label)
        if log.origin != at.origin or cosigned is None:
            continue
        if cosigned.checkpoint == at:
            return log.label
        if cosigned.checkpoint.size == at.size:
            raise Rejected(f"a mirror holds another tree of {at.size} entries: two histories")
    raise Stranger("it speaks of another tree than the packet checkpoint")


def _compare(label: str, absence: Absence, tags: list[bytes], numbers: Numbers) -> Iterable[str]:
    """What of it does not agree with the series as the packet shows it."""
    number = {tag: n for n, tag in enumerate(tags, 1)}
    shown = {Found(place.index, tags[n - 1]) for place, n in numbers.items() if place.log == label}
    found = set(absence.found)
    for place in sorted(found - shown):
        n = number.get(place.tag, 0)
        if not n:
            yield f"entry {place.entry} has a tag that was not asked for"
        elif n > len(numbers):
            yield f"entry {place.entry} is statement {n}, which is not shown"
        else:
            yield f"entry {place.entry} repeats statement {n}: a fork"
    for place in sorted(shown - found):
        yield f"entry {place.entry} is not statement {number[place.tag]}"
