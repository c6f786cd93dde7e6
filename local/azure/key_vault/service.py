"""Key Vault's secrets over its REST API, api-versions 7.0 to the newest the SDKs speak.

Source: the Key Vault data plane specification (`Microsoft.KeyVault`, `secrets.json`) and "Azure Key Vault service
limits". A vault is checked by roles, as it is when Azure RBAC is its permission model.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.azure.call import Call, Operation, Refused, Reply
from local.azure.identity.guard import Guard
from local.azure.identity.roles import KEY_VAULT_SECRETS
from local.azure.key_vault import errors
from local.azure.key_vault.content import bundle, change, deleted_bundle, item, new_version
from local.azure.key_vault.vault import NameDeletedError, Secret, Vault
from local.azure.throttling import Transactions

API_VERSION = re.compile(
    r"^(7\.[0-6](-preview\.\d)?|2016-10-01|2025-0[67]-01(-preview)?(\.\d)?|2026-\d\d-\d\d(-preview)?)$"
)
_NAME = re.compile(r"^[0-9a-zA-Z-]{1,127}$")
_PATH = re.compile(r"^/(?P<kind>secrets|deletedsecrets)(?:/(?P<name>[^/]+)(?:/(?P<rest>[^/]*))?)?/?$", re.IGNORECASE)
_LARGEST_PAGE = 25

Where = Mapping[str, str]
Act = Callable[[Call, Where], Reply]


class KeyVault:
    """One vault behind one port."""

    name = "keyvault"

    def __init__(self, vault: Vault, guard: Guard, transactions: Transactions) -> None:
        self._vault = vault
        self._guard = guard
        self._transactions = transactions
        # kind, what follows the name (None: no name either), method → operation, action, function
        self._operations: Mapping[tuple[str, str | None, str], tuple[str, str, Act]] = {
            ("secrets", None, "GET"): ("listSecrets", "readMetadata/action", self._list),
            ("secrets", "", "PUT"): ("setSecret", "setSecret/action", self._set),
            ("secrets", "", "DELETE"): ("deleteSecret", "delete", self._delete),
            ("secrets", "versions", "GET"): ("listVersions", "readMetadata/action", self._list_versions),
            ("secrets", "version", "GET"): ("getSecret", "getSecret/action", self._get),
            ("secrets", "version", "PATCH"): ("updateSecret", "update/action", self._update),
            ("deletedsecrets", None, "GET"): ("listDeletedSecrets", "readMetadata/action", self._list_deleted),
            ("deletedsecrets", "", "GET"): ("getDeletedSecret", "readMetadata/action", self._get_deleted),
            ("deletedsecrets", "", "DELETE"): ("purgeDeletedSecret", "purge/action", self._purge),
            ("deletedsecrets", "recover", "POST"): ("recoverDeletedSecret", "recover/action", self._recover),
        }

    def match(self, call: Call) -> Operation:
        """See `Service.match`."""
        found = _PATH.match(call.path)
        if found is None:
            return Operation("KeyVault.unknown", call.path, self._unknown)
        kind, name, rest = found["kind"].lower(), found["name"], found["rest"] or ""
        below = None if name is None else rest.lower()
        if kind == "secrets" and below is not None and below != "versions" and call.method in ("GET", "PATCH"):
            below = "version"
        known = self._operations.get((kind, below, call.method))
        if known is None:
            return Operation("KeyVault.unknown", call.path, self._unknown)
        operation, action, act = known
        where = {"name": name or "", "version": rest}
        scope = f"{self._vault.scope}/secrets/{name}" if name else self._vault.scope

        def checked(call: Call) -> Reply:
            claims = self._guard.authenticate(call)
            _check(call, where)
            self._guard.authorize(claims, f"{KEY_VAULT_SECRETS}/{action}", scope)
            self._transactions.take(create=operation == "setSecret")
            return act(call, where)

        return Operation(f"KeyVault.{operation}", f"{self._vault.url}/secrets/{name or ''}", checked)

    def _unknown(self, call: Call) -> Reply:
        self._guard.authenticate(call)
        return errors.unknown_path()

    def _found(self, name: str) -> Secret:
        secret = self._vault.find(name)
        if secret is None:
            raise Refused(errors.not_found(name))
        return secret

    def _set(self, call: Call, where: Where) -> Reply:
        attributes = new_version(_object(call))
        try:
            secret, version = self._vault.put(where["name"], **attributes)
        except NameDeletedError:
            return errors.name_deleted(where["name"])
        return Reply(body=bundle(self._vault, secret, version))

    def _get(self, _call: Call, where: Where) -> Reply:
        secret = self._found(where["name"])
        version = secret.version(where["version"])
        if version is None:
            return errors.not_found(f"{where['name']}/{where['version']}")
        if not version.enabled:
            return errors.disabled()
        return Reply(body=bundle(self._vault, secret, version))

    def _update(self, call: Call, where: Where) -> Reply:
        secret = self._found(where["name"])
        version = secret.version(where["version"])
        if version is None:
            return errors.not_found(f"{where['name']}/{where['version']}")
        change(version, _object(call), self._vault.now())
        return Reply(body=item(self._vault, secret, version, versioned=True))

    def _delete(self, _call: Call, where: Where) -> Reply:
        secret = self._vault.delete(where["name"])
        return errors.not_found(where["name"]) if secret is None else Reply(body=deleted_bundle(self._vault, secret))

    def _get_deleted(self, _call: Call, where: Where) -> Reply:
        secret = self._vault.deleted.get(where["name"].lower())
        if secret is None:
            return errors.deleted_not_found(where["name"])
        return Reply(body=deleted_bundle(self._vault, secret))

    def _purge(self, _call: Call, where: Where) -> Reply:
        secret = self._vault.purge(where["name"])
        return errors.deleted_not_found(where["name"]) if secret is None else Reply(204)

    def _recover(self, _call: Call, where: Where) -> Reply:
        secret = self._vault.recover(where["name"])
        if secret is None:
            return errors.deleted_not_found(where["name"])
        return Reply(body=item(self._vault, secret, secret.newest, versioned=True))

    def _list(self, call: Call, _where: Where) -> Reply:
        secrets = sorted(self._vault.secrets.values(), key=lambda secret: secret.name.lower())
        return _page(call, [item(self._vault, one, one.newest, versioned=False) for one in secrets])

    def _list_deleted(self, call: Call, _where: Where) -> Reply:
        secrets = sorted(self._vault.deleted.values(), key=lambda secret: secret.name.lower())
        return _page(call, [deleted_bundle(self._vault, one, versioned=False) for one in secrets])

    def _list_versions(self, call: Call, where: Where) -> Reply:
        secret = self._found(where["name"])
        # By their ids, which are random: whoever wants the newest has to look at when each was made.
        versions = sorted(secret.versions, key=lambda version: version.id)
        return _page(call, [item(self._vault, secret, one, versioned=True) for one in versions])


def _check(call: Call, where: Where) -> None:
    version = call.query.get("api-version")
    if not version:
        raise Refused(errors.bad_parameter("api-version must be specified"))
    if not API_VERSION.match(version):
        raise Refused(errors.bad_parameter(f"The specified version ({version}) is not recognized."))
    if where["name"] and not _NAME.match(where["name"]):
        raise Refused(errors.bad_parameter("The request URI contains an invalid name: " + where["name"]))


def _page(call: Call, items: list[dict[str, Any]]) -> Reply:
    asked, skipped = call.query.get("maxresults", str(_LARGEST_PAGE)), call.query.get("$skiptoken", "0")
    if not asked.isdecimal() or not 1 <= int(asked) <= _LARGEST_PAGE or not skipped.isdecimal():
        raise Refused(errors.bad_parameter(f"maxresults must be between 1 and {_LARGEST_PAGE}."))
    size, start = int(asked), int(skipped)
    following = None
    if start + size < len(items):
        query = f"api-version={call.query['api-version']}&$skiptoken={start + size}&maxresults={size}"
        following = f"{call.origin}{call.path}?{query}"
    return Reply(body={"value": items[start : start + size], "nextLink": following})


def _object(call: Call) -> dict[str, Any]:
    try:
        content = call.json()
    except ValueError as unreadable:
        raise Refused(errors.bad_parameter("The request body is not JSON.")) from unreadable
    if not isinstance(content, dict):
        raise Refused(errors.bad_parameter("The request body must be a JSON object."))
    return content
