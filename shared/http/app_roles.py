"""Who may call, beyond the function key: Entra ID app roles, where `REQUIRED_APP_ROLE` and `REQUIRED_ADMIN_ROLE` say.

App Service authentication ("Easy Auth") validates the caller's token in front of the app and passes the claims on in
`X-MS-CLIENT-PRINCIPAL` ("Work with user identities in Azure App Service authentication", Microsoft Learn). Only while
it is switched on does the platform remove such headers from requests that bring their own; it then sets
`WEBSITE_AUTH_ENABLED` in the app's environment. Without that variable the header proves nothing, so every call is
rejected while a role is required.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping

from shared.http.problem_details import Problem

PRINCIPAL = "x-ms-client-principal"
ENABLED = "WEBSITE_AUTH_ENABLED"
_NAMES = ("x-ms-client-principal-name", "x-ms-client-principal-id")
_NAME_CHARACTERS = 200
_ROLE_CLAIMS = {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}


def require_role(
    role: str,
    headers: Mapping[str, str],
    environment: Mapping[str, str] = os.environ,
    *,
    setting: str = "REQUIRED_APP_ROLE",
) -> None:
    """Raise `Problem` (403) unless the platform says that the caller has this app role. Empty: none is required.

    `setting` is what names the role, for the message.
    """
    if not role:
        return
    if not _vouches(environment):
        raise Problem(
            "AuthenticationNotEnabled",
            f"{setting} is set, but App Service authentication is off: switch it on, or empty the setting",
        )
    if role not in _roles(headers.get(PRINCIPAL, "")):
        raise Problem("RoleMissing", f"the caller's token lacks the app role {role} ({setting})")


def require_admin(role: str, headers: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
    """The same for what can reject clients: it needs the role of `REQUIRED_ADMIN_ROLE` as well."""
    require_role(role, headers, environment, setting="REQUIRED_ADMIN_ROLE")


def has_admin(role: str, headers: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> bool:
    """Whether `require_admin` lets the caller through."""
    return not role or (_vouches(environment) and role in _roles(headers.get(PRINCIPAL, "")))


def caller(headers: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> str:
    """Who calls, by name or object id; empty where the platform does not say: a function key names nobody."""
    named = (headers.get(name, "").strip() for name in _NAMES) if _vouches(environment) else ()
    name = next((each for each in named if each), "")
    return "".join(each for each in name if each.isprintable())[:_NAME_CHARACTERS]


def _vouches(environment: Mapping[str, str]) -> bool:
    """Whether the platform authenticates callers, and takes such headers away from those who bring their own."""
    return environment.get(ENABLED, "").lower() == "true"


def _roles(principal: str) -> set[str]:
    """The roles in a principal's claims; none if it cannot be parsed."""
    try:
        content = json.loads(base64.b64decode(principal, validate=True))
        claims = [(claim["typ"], claim["val"]) for claim in content["claims"]]
        kinds = _ROLE_CLAIMS | {content.get("role_typ")}
        return {str(value) for kind, value in claims if kind in kinds}
    except (ValueError, binascii.Error, RecursionError, KeyError, TypeError, AttributeError):
        return set()
