"""Letting a caller in: a genuine token for this service, and a role that allows the action there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.azure.call import Call, Refused, Reply
from local.azure.identity.roles import Roles
from local.azure.identity.tokens import Authority, Claims, TokenExpiredError, TokenInvalidError, bearer


@dataclass(frozen=True, slots=True)
class Wording:
    """How one service words its refusals. Each function makes the whole answer."""

    missing: Callable[[], Reply]
    invalid: Callable[[], Reply]
    expired: Callable[[int], Reply]
    wrong_audience: Callable[[str], Reply]
    forbidden: Callable[[Claims, str, str], Reply]


class Guard:
    """The check every service makes of every call, in its own words."""

    def __init__(self, authority: Authority, roles: Roles, audiences: Sequence[str], wording: Wording) -> None:
        self._authority = authority
        self._roles = roles
        self._audiences = frozenset(audience.rstrip("/") for audience in audiences)
        self._wording = wording

    def authenticate(self, call: Call) -> Claims:
        """Who calls. Raises Refused."""
        token = bearer(call.headers.get("Authorization"))
        if token is None:
            raise Refused(self._wording.missing())
        try:
            claims = self._authority.accept(token)
        except TokenExpiredError as expired:
            raise Refused(self._wording.expired(expired.at)) from expired
        except TokenInvalidError as invalid:
            raise Refused(self._wording.invalid()) from invalid
        if claims.audience.rstrip("/") not in self._audiences:
            raise Refused(self._wording.wrong_audience(claims.audience))
        call.principal = claims.object_id
        return claims

    def authorize(self, claims: Claims, action: str, scope: str) -> None:
        """Pass if a role allows the action there. Raises Refused."""
        if not self._roles.allow(claims.object_id, action, scope):
            raise Refused(self._wording.forbidden(claims, action, scope))
