"""Who may call, beyond the function key: an Entra ID app role, where `REQUIRED_APP_ROLE` names one.

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
_ROLE_CLAIMS = {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}


def require_role(role: str, headers: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
    """Raise `Problem` (403) unless the platform says that the caller has this app role. Empty: none is required."""
    if not role:
        return
    if environment.get(ENABLED, "").lower() != "true":
        raise Problem(
            "AuthenticationNotEnabled",
            "REQUIRED_APP_ROLE is set, but App Service authentication is off: switch it on, or empty the setting",
        )
    if role not in _roles(headers.get(PRINCIPAL, "")):
        raise Problem("RoleMissing", f"the caller's token lacks the app role {role}")


def _roles(principal: str) -> set[str]:
    """The roles in a principal's claims; none if it cannot be parsed."""
    try:
        content = json.loads(base64.b64decode(principal, validate=True))
        claims = [(claim["typ"], claim["val"]) for claim in content["claims"]]
        kinds = _ROLE_CLAIMS | {content.get("role_typ")}
        return {str(value) for kind, value in claims if kind in kinds}
    except (ValueError, binascii.Error, RecursionError, KeyError, TypeError, AttributeError):
        return set()
