"""Access tokens as Microsoft Entra ID issues them: signed, for one audience, with a real expiry.

Claims follow "Access token claims reference" of the Microsoft identity platform, version 1.0 tokens.
"""

import uuid
from dataclasses import dataclass
from random import Random

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.azure.clock import Clock

LIFETIME_SECONDS = 24 * 3600
"""Managed identity tokens live 24 hours ("How managed identities for Azure resources work", Microsoft Learn)."""

_CACHED = 10_000


class TokenExpiredError(Exception):
    """The token was good until some time ago. `at` is when it expired, in seconds since 1970."""

    def __init__(self, at: int) -> None:
        super().__init__("The token has expired")
        self.at = at


class TokenInvalidError(Exception):
    """Not a token of this authority."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who may be let in: an identity with the ids Entra ID gives it."""

    name: str
    client_id: str
    object_id: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a service needs to know of an accepted token."""

    audience: str
    object_id: str
    client_id: str
    issuer: str
    expires: int


class Authority:
    """A tenant that signs tokens and says whether one is its own."""

    def __init__(self, tenant: str, clock: Clock, random: Random) -> None:
        self.tenant = tenant
        self.issuer = f"https://sts.windows.net/{tenant}/"
        self.key_id = uuid.UUID(int=random.getrandbits(128), version=4).hex
        self.lifetime_seconds = LIFETIME_SECONDS
        self._clock = clock
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._seen: dict[str, Claims] = {}

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What the tenant's signatures are checked with."""
        return self._key.public_key()

    def issue(self, principal: Principal, audience: str) -> tuple[str, int]:
        """A token and its expiry in seconds since 1970."""
        now = int(self._clock.seconds())
        expires = now + self.lifetime_seconds
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": expires,
            "appid": principal.client_id,
            "idtyp": "app",
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self.tenant,
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.key_id}), expires

    def accept(self, token: str) -> Claims:
        """The claims of a token that is genuine and not expired. Raises TokenInvalidError, TokenExpiredError."""
        claims = self._seen.get(token) or self._verify(token)
        if claims.expires <= self._clock.expiry_seconds():
            raise TokenExpiredError(claims.expires)
        return claims

    def _verify(self, token: str) -> Claims:
        try:
            found = jwt.decode(
                token,
                self.public_key,
                algorithms=["RS256"],
                issuer=self.issuer,
                # Time is the emulators' own, the audience each service's to judge.
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False},
            )
            claims = Claims(found["aud"], found["oid"], found["appid"], found["iss"], int(found["exp"]))
        except (jwt.InvalidTokenError, KeyError) as error:
            raise TokenInvalidError from error
        if len(self._seen) >= _CACHED:
            self._seen.clear()
        self._seen[token] = claims
        return claims


def bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header, None when there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
