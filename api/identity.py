"""Who asks: a registered key by a signed request, or a person by a bearer token.

Tokens are 256 random bits, kept as their SHA-256, with a role, an end and perhaps
a list of cases. What a token may not see does not exist for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import Request

from api.signing import Message, RequestVerifier
from ledger import suite
from ledger.encoding import parse_base64, parse_utf8
from ledger.errors import Malformed, Rejected
from ledger.evidence.register import Registration
from ledger.evidence.statement import Role
from ledger.log import Log
from ledger.tlog.note import VerifierKey
from storage.tokens_sqlite import SqliteTokens

TOKEN_PREFIX = "tz_"


class Unsigned(Rejected):
    code = "unsigned"
    challenge = 'Bearer realm="tiezheng"'


class UnsignedCalendar(Unsigned):
    # Basic first: calendar programs look no further, and ask a person for a password.
    challenge = f'Basic realm="tiezheng", charset="UTF-8", {Unsigned.challenge}'


class Forbidden(Rejected):
    code = "forbidden"


READERS = frozenset(
    {Role.HANDLER, Role.NOTARY, Role.COURT, Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN}
)
DOWNWARDS = frozenset({Role.SUPERVISOR, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Person:
    """The bearer of a token. No `cases` means every case of the agency; no agency, every one."""

    name: str
    role: Role
    agency: str
    cases: tuple[str, ...]

    def may_see(self, case: str, agency: str, above: Sequence[str] = ()) -> bool:
        """`above` are the agencies above that one: supervisors and auditors see downwards."""
        seen = ("", agency, *(above if self.role in DOWNWARDS else ()))
        return self.role in READERS and (
            (not self.cases or case in self.cases) and self.agency in seen
        )

    def may_see_devices(self, agency: str) -> bool:
        """What a device recorded belongs to many cases: nothing for who is limited to some."""
        return self.role in READERS and not self.cases and self.agency in ("", agency)


class Doorkeeper:
    """Checks who asks; keeps nonces and reads tokens."""

    def __init__(
        self,
        log: Log,
        tokens: SqliteTokens,
        verifier: RequestVerifier,
        now_ms: Callable[[], int],
    ) -> None:
        self._log = log
        self._tokens = tokens
        self._verifier = verifier
        self._now_ms = now_ms

    def key_of(self, request: Request, body: bytes, headers: Sequence[str] = ()) -> Registration:
        """The registered key that signed this request, with those `headers`; raises `Unsigned`."""
        position = self._log.position

        def find(keyid: str) -> VerifierKey:
            return self._log.register.find(keyid, position).key

        message = Message(request.method, str(request.url), dict(request.headers))
        try:
            keyid = self._verifier.verify(message, body, find, headers)
            return self._log.register.find(keyid, position)
        except Rejected as error:
            raise Unsigned(str(error), hints=error.hints) from None

    def person(self, request: Request) -> Person:
        """The bearer of a valid token; raises `Unsigned`."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        return self._bearer(secret if scheme.lower() == "bearer" else "")

    def subscriber(self, request: Request) -> Person:
        """The same, of a calendar program: these send no bearer token, but a password (RFC 7617).

        The token is the password, whatever the user name.
        """
        scheme, _, packed = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme.lower() != "basic":
                return self.person(request)
            return self._bearer(_password(packed))
        except Unsigned as error:
            raise UnsignedCalendar(str(error), hints=error.hints) from None

    def _bearer(self, secret: str) -> Person:
        if not secret.startswith(TOKEN_PREFIX):
            raise Unsigned("want a bearer token", hints=("tiezheng token --help",))
        found = self._tokens.find_token(suite.digest(secret.encode()), self._now_ms())
        if found is None:
            raise Unsigned("the token is unknown or has ended", hints=("tiezheng token --help",))
        return Person(found.name, Role(found.role), found.agency, tuple(found.cases))


def _password(packed: str) -> str:
    try:
        return parse_utf8(parse_base64(packed)).partition(":")[2]
    except Malformed:
        raise Unsigned("want 'Basic' and user:password in base64") from None
