"""What a notary says: of an application he was brought, and of a certificate he issued.

    {"agency":"notary-01","applicant":"姑苏区城市管理局","dispute":"none_known","id":"0198…",
     "interest":"…","occurred":{…},"purpose":"…"}                            received
    {"agency":"notary-01","application":"0198…","decision":"refused",
     "ground":"disputed","id":"0198…","occurred":{…}}                        decided
    {"agency":"notary-01","application":"0198…","id":"0198…","occurred":{…},
     "record":"on_site"}                                                     recorded
    {"agency":"notary-01","id":"0198…","number":"（2026）苏姑证字第417号",…}  issued
    {"agency":"notary-01","id":"0198…","issued":"0198…","revoked":"…",…}   revoked

The first three are of kind `application`, the others of kind `certificate`. Whatever a log or
a cosigner signs by itself is neither: no machine makes a statement of these kinds.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ledger.errors import Malformed

MAX_CERTIFIED = 501  # the certificate, and the statements that it compared


class Decision(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Dispute(StrEnum):
    """What the applicant says of a dispute over the matter (art. 31 (4) asks for it)."""

    NONE_KNOWN = "none_known"
    DISPUTED = "disputed"


class Ground(StrEnum):
    """Why an application is refused: 公证法 art. 31, its nine items in their order."""

    NO_GUARDIAN = "no_guardian"
    NO_INTEREST = "no_interest"
    EXPERT_MATTER = "expert_matter"
    DISPUTED = "disputed"
    FALSE_MATERIALS = "false_materials"
    INSUFFICIENT_MATERIALS = "insufficient_materials"
    UNTRUE_OR_UNLAWFUL = "untrue_or_unlawful"
    AGAINST_MORALS = "against_morals"
    FEE_UNPAID = "fee_unpaid"


class Record(StrEnum):
    """What was done for an application; the subject is the record of it, kept by the office."""

    CLEANLINESS = "cleanliness"  # 清洁性检查
    COMPARISON = "comparison"
    ON_SITE = "on_site"  # 现场保全, by two persons
    SPOT_CHECK = "spot_check"


_COMMON = {"agency", "id", "occurred"}
_MAY = {"after", "case", "note", "provisional"}

Forms = tuple[tuple[set[str], set[str]], ...]

APPLICATION_FORMS: Forms = (
    (_COMMON | {"applicant", "dispute", "interest", "purpose"}, _MAY),
    (_COMMON | {"application", "decision"}, _MAY | {"ground"}),
    (_COMMON | {"application", "record"}, _MAY),
)
CERTIFICATE_FORMS: Forms = (
    (_COMMON | {"number"}, _MAY | {"application"}),
    (_COMMON | {"issued", "revoked"}, _MAY),
)


def check_ground(predicate: Mapping[str, Any]) -> None:
    """Nothing is refused without a reason of the list, and nothing accepted with one."""
    if (predicate.get("decision") == Decision.REFUSED) != ("ground" in predicate):
        raise Malformed("want a ground exactly where it is refused", path="predicate.ground")


def subject_name(predicate: Mapping[str, Any]) -> str:
    """What the one text of an application is: its sheet, or the record of what was done."""
    return "record" if "record" in predicate else "application"


def persons_wanted(predicate: Mapping[str, Any]) -> int:
    """How many registered persons must have signed.

    Two issue a certificate: who steals one notary's key issues none. Two preserve on the spot.
    One may revoke: a wrong red can be mended by a new certificate.
    """
    return 2 if "number" in predicate or predicate.get("record") == Record.ON_SITE else 1
