"""Calls that are recorded as they are made, in the form of tests/recorded, with nothing in it that must stay secret."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import requests

_KEPT_HEADERS = {
    "content-type",
    "retry-after",
    "location",
    "azure-asyncoperation",
    "x-ms-error-code",
    "www-authenticate",
}
_KEPT_PREFIX = "x-ms-ratelimit"
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_PERSON = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_KEY_FIELDS = {"primaryKey", "secondaryKey"}
_CALL_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The error's code, where it has one."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else ""


@dataclass
class Wire:
    """Resource Manager and the data plane, called with a token or a key. `places` are names that are not told."""

    arm: str
    token: Callable[[], str]
    places: dict[str, str] = field(default_factory=dict)
    _exchanges: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _began: float = field(default_factory=time.monotonic)
    _keys: dict[str, str] = field(default_factory=dict, repr=False)

    def ask(self, name: str, method: str, path: str, version: str = "2023-02-01", body: Any = None) -> Answer:
        """A call to Resource Manager, by path or by the whole URL that an answer named."""
        url = path if path.startswith("https://") else f"{self.arm}{path}?api-version={version}"
        if not url.startswith(f"{self.arm}/"):
            raise ValueError("an answer names another host: the token is not sent there")
        return self._send(name, method, url, {"Authorization": f"Bearer {self.token()}"}, body)

    def signed(self, name: str, method: str, url: str, key: str, query: str = "api-version=2022-06-01") -> Answer:
        """A call to SignalR, signed with an access key."""
        claims = {"aud": url, "exp": int(time.time()) + 300}
        token = jwt.encode(claims, key, algorithm="HS256")
        return self._send(name, method, f"{url}?{query}", {"Authorization": f"Bearer {token}"}, None)

    def hides(self, *keys: str) -> None:
        """Never write these keys, wherever they show up."""
        for key in keys:
            self._keys.setdefault(key, f"{{key-{len(self._keys) + 1}}}")

    def recording(self) -> list[dict[str, Any]]:
        """Every exchange so far. Made at the end, when all that must not be told is known."""
        return list(self.redacted(self._exchanges))

    def redacted(self, value: Any) -> Any:
        """The value without keys, tokens, signatures, ids and names of places."""
        if isinstance(value, dict):
            return {
                name: self._key(each) if name in _KEY_FIELDS else self.redacted(each) for name, each in value.items()
            }
        if isinstance(value, list):
            return [self.redacted(each) for each in value]
        return self._text(value) if isinstance(value, str) else value

    def _send(self, name: str, method: str, url: str, headers: dict[str, str], body: Any) -> Answer:
        sent = {} if body is None else {"json": body}
        response = requests.request(method, url, headers=headers, timeout=_CALL_SECONDS, **sent)
        is_json = "json" in response.headers.get("Content-Type", "") and response.content
        answer = Answer(response.status_code, response.headers, response.json() if is_json else None)
        kept = {
            header: value
            for header, value in response.headers.items()
            if header.lower() in _KEPT_HEADERS or header.lower().startswith(_KEPT_PREFIX)
        }
        self._exchanges.append(
            {
                "name": name,
                "seconds": round(time.monotonic() - self._began, 3),
                "request": {"method": method, "path": url, "body": body},
                "response": {"status": response.status_code, "headers": kept, "body": answer.body},
            }
        )
        return answer

    def _key(self, value: Any) -> Any:
        if not isinstance(value, str) or not value or value.startswith("{"):
            return value
        self.hides(value)
        return self._keys[value]

    def _text(self, text: str) -> str:
        for key in re.findall(r"AccessKey=([^;]+)", text):
            self.hides(key)
        # The longest first: a name is part of addresses.
        known_first = sorted((*self._keys.items(), *self.places.items()), key=lambda one: -len(one[0]))
        for known, place in known_first:
            text = text.replace(known, place)
        # What follows the api-version of a poll URL is a signature.
        text = re.sub(r"(api-version=[^&\s]+)&[^\s\"]+", r"\1&{signature}", text)
        text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "{token}", text)
        text = _ADDRESS.sub("{ip}", text)
        text = _PERSON.sub("{who}", text)
        return _UUID.sub("{uuid}", text)
