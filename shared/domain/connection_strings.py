"""Reads the value of a secret as the consumers of Azure SignalR Service read it, and changes only its access key.

The grammar is that of Microsoft.Azure.SignalR 1.34.0; tests hold it to that parser's verdicts in
tests/cases/connection_strings.json. docs/reference/connection-strings.md lists what is made of each of them.
"""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv6Address
from urllib.parse import quote

# .NET's white space: with U+0085 and U+00A0, but without U+001C to U+001F, which Python's own strip() removes as well.
_BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_BLANK += "\u2028\u2029\u202f\u205f\u3000"
_INVISIBLE = "\ufeff\ufffe\u200b\u200c\u200d\u200e\u200f\u2060"
_QUOTES = {'""', "''", "``", "\u201c\u201d", "\u2018\u2019"}
_NO_KEY = re.compile(r"""[\s,:;<>"'`(){}\[\]@\\]""")  # structure of JSON, URLs, lists, markup: in no access key
_OPENINGS = {"{": "json", "[": "json", "<": "not-understood", "@": "key-vault-reference"}
_OURS = {"ENDPOINT", "ACCESSKEY", "VERSION", "PORT", "AUTHTYPE", "CLIENTID", "TENANTID", "CLIENTSECRET", "CLIENTCERT"}
_OURS |= {"CLIENTENDPOINT", "SERVERENDPOINT"}
_FOREIGN = {"ACCOUNTKEY", "ACCOUNTNAME", "ACCOUNTENDPOINT", "DEFAULTENDPOINTSPROTOCOL", "ENDPOINTSUFFIX", "ENTITYPATH"}
_FOREIGN |= {"SHAREDACCESSKEY", "SHAREDACCESSKEYNAME", "SHAREDACCESSSIGNATURE", "HOSTNAME", "INSTRUMENTATIONKEY", "ID"}
_FOREIGN |= {"SECRET", "SECRETKEY", "PASSWORD", "PWD", "SERVER", "DATA SOURCE", "USER ID", "UID", "DATABASE"}
_IDENTITIES = {"aad", "azure", "azure.msi", "azure.app"}
_URL = re.compile(r"(https?):[/\\]{2}([^/\\?#]*)([^?#]*)(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(?:([^@]*)@)?(\[[^\]]+\]|[^:@\[\]]+)(?::([0-9]*))?")
_HOST = re.compile(r"(?:[^\W_][\w-]{0,62}\.)*[^\W_][\w-]{0,62}\.?")
_VERSION = re.compile(r"1\.\d+[\w.-]*")
_LARGEST_PORT = 0xFFFF


class Shape(StrEnum):
    """What the value of a secret is."""

    ACCESS_KEY = "access-key"
    CONNECTION_STRING = "connection-string"
    IDENTITY = "identity"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A secret's value as it was read. Its access key leaves this object only through `reveal()`.

    `fault` is "" where consumers accept the value, otherwise a stable code. `endpoint` is `Endpoint` with `Port`
    applied, normalised, "" where none is usable; it is not in `repr`, as an endpoint may hold a password.
    """

    shape: Shape
    endpoint: str = field(default="", repr=False)
    _access_key: str = field(default="", repr=False)
    fault: str = ""

    def reveal(self) -> str:
        """The access key itself; "" where the value holds none."""
        return self._access_key


def read_secret_value(text: str) -> SecretValue:
    """What a secret's value is; never raises. What stands in quotes or after a byte order mark is read with a fault."""
    value = _read(text)
    if value.fault:
        inner, fault = _unwrapped(text)
        unwrapped = _read(inner)
        if fault and unwrapped.shape is not Shape.UNKNOWN:
            return replace(unwrapped, fault=fault)
    return value


def with_access_key(text: str, key: str) -> str:
    """The same value with another access key, and nothing else changed.

    Raises `ValueError`, without the value in its text, where there is no accepted key to replace, or the new key could
    not be read back.
    """
    value = read_secret_value(text)
    if value.fault or value.shape not in {Shape.ACCESS_KEY, Shape.CONNECTION_STRING}:
        raise ValueError(f"No access key can be replaced in this value: {value.fault or value.shape.value}.")
    changed = key
    if value.shape is Shape.CONNECTION_STRING:
        changed = ";".join(_with_value(part, key) for part in text.split(";"))
    if read_secret_value(changed) != replace(value, _access_key=key):
        raise ValueError("The new access key could not be read back from the changed value; nothing was changed.")
    return changed


def same_endpoint(one: str, other: str) -> bool:
    """Whether both are the same address: the case of scheme and host, default ports and trailing slashes aside."""
    return (normalised := _normalised(one)) != "" and normalised == _normalised(other)


def _read(text: str) -> SecretValue:
    trimmed = text.strip(_BLANK)
    name, equals, _ = trimmed.partition("=")
    if not trimmed:
        return SecretValue(Shape.UNKNOWN, fault="empty")
    if trimmed[0] in _OPENINGS:
        return SecretValue(Shape.UNKNOWN, fault=_OPENINGS[trimmed[0]])
    if ";" in trimmed or (equals and _folded(name) in _OURS | _FOREIGN):
        return _read_connection_string(text)
    if _NO_KEY.search(trimmed) or not trimmed.isprintable():
        return SecretValue(Shape.UNKNOWN, fault="not-understood")
    return SecretValue(Shape.ACCESS_KEY, "", trimmed, "" if trimmed == text else "blanks-around-key")


def _read_connection_string(text: str) -> SecretValue:
    parts = [part.partition("=") for part in text.split(";") if part]
    properties = [(_folded(name), value.strip(_BLANK)) for name, equals, value in parts if equals]
    named = dict(properties)
    fault = "duplicate-name" if len(named) < len(properties) else _fault(named, len(parts))
    endpoint = _normalised(named.get("ENDPOINT", ""), _port(named.get("PORT", "")))
    key = named.get("ACCESSKEY", "")
    foreign = not _FOREIGN.isdisjoint(named)
    # No endpoint, and a name that is not SignalR's: another kind of value. To publish over it would destroy it.
    unclear = foreign or (fault == "missing-endpoint" and not named.keys() <= _OURS)
    if key and not (fault and unclear):
        return SecretValue(Shape.CONNECTION_STRING, endpoint, _unquoted(key) if fault else key, fault)
    if not key and (named.get("AUTHTYPE", "").lower() in _IDENTITIES or not (fault or foreign)):
        return SecretValue(Shape.IDENTITY, endpoint, fault=fault)
    return SecretValue(Shape.UNKNOWN, endpoint, fault="other-service" if foreign else fault)


def _fault(named: dict[str, str], parts: int) -> str:
    checks = {
        "missing-endpoint": "ENDPOINT" in named,
        "single-property": parts > 1,
        "unusable-endpoint": _normalised(named.get("ENDPOINT", "")) != "",
        "bad-version": "VERSION" not in named or _VERSION.fullmatch(named["VERSION"]),
        "bad-port": "PORT" not in named or _port(named["PORT"]),
        "bad-client-endpoint": "CLIENTENDPOINT" not in named or _normalised(named["CLIENTENDPOINT"]),
        "bad-server-endpoint": "SERVERENDPOINT" not in named or _normalised(named["SERVERENDPOINT"]),
    }
    kind = named.get("AUTHTYPE", "").lower()
    if not named.get("ACCESSKEY") and (kind == "azure.app" or (kind == "aad" and "TENANTID" in named)):
        checks |= {
            "missing-client-id": named.get("CLIENTID"),
            "missing-tenant-id": named.get("TENANTID"),
            "missing-client-credential": named.get("CLIENTSECRET") or named.get("CLIENTCERT"),
            "bad-tenant-id": re.fullmatch(r"[A-Za-z0-9.-]*", named.get("TENANTID", "")),
        }
    return next((fault for fault, passed in checks.items() if not passed), "")


def _normalised(endpoint: str, port: int | None = None) -> str:
    """The address in one spelling, without a trailing slash; "" where .NET takes it for no http or https URL."""
    url = _URL.fullmatch(endpoint.strip(_BLANK).rstrip("/"))
    authority = _AUTHORITY.fullmatch(url[2]) if url else None
    if not url or not authority or not (host := _host(authority[2])):
        return ""
    digits = (authority[3] or "").lstrip("0") or "0" * bool(authority[3])
    if len(digits) > len(str(_LARGEST_PORT)) or int(digits or 0) > _LARGEST_PORT:
        return ""
    number, scheme = str(port or digits), url[1].lower()
    number = "" if (scheme, number) in {("https", "443"), ("http", "80")} else number
    segments: list[str] = []
    for segment in url[3].replace("\\", "/").split("/")[1:]:
        segments = segments[:-1] if segment == ".." else segments + [segment] * (segment != ".")
    path = "".join(f"/{segment}" for segment in segments)
    path = (path or "/") + url[4] if url[4] else path.rstrip("/")
    user = f"{authority[1]}@" if authority[1] else ""
    ascii_only = [quote(part, safe="/%?#:@!$&'()*+,;=~[]", errors="replace") for part in (user, path)]
    return f"{scheme}://{ascii_only[0]}{host}{':' * bool(number)}{number}{ascii_only[1]}"


def _host(host: str) -> str:
    if host.startswith("["):
        try:
            return f"[{IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            return ""
    return host.lower() if _HOST.fullmatch(host) else ""


def _port(text: str) -> int | None:
    digits = re.fullmatch(r"\+?0*([1-9][0-9]{0,4})", text)
    return int(digits[1]) if digits and int(digits[1]) <= _LARGEST_PORT else None


def _folded(name: str) -> str:
    """A trimmed name in one case, one character at a time: no other letter (Kelvin sign, long s) becomes ASCII."""
    pairs = ((char, char.upper()) for char in name.strip(_BLANK))
    return "".join(upper if len(upper) == 1 and char.isascii() == upper.isascii() else char for char, upper in pairs)


def _with_value(part: str, key: str) -> str:
    name, equals, value = part.partition("=")
    old = value.strip(_BLANK)
    return f"{name}={value.replace(old, key, 1)}" if equals and _folded(name) == "ACCESSKEY" else part


def _unwrapped(text: str) -> tuple[str, str]:
    """What stands within quotes or invisible characters, and which of the two it was."""
    core = text.strip(_BLANK).strip(_INVISIBLE).strip(_BLANK)
    fault = "invisible-characters" if core != text.strip(_BLANK) else ""
    return (unquoted, "in-quotes") if (unquoted := _unquoted(core)) != core else (core, fault)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] + text[-1] in _QUOTES else text
