"""The lines that `make run` prints: what to type into a second terminal, in the order in which it works."""

import json
import shlex
from dataclasses import dataclass

from local.environment import LocalEnvironment

_LOCK = {"code": "ScopeLocked", "message": "The scope can't perform the operation: a read-only lock is set on it."}


@dataclass(frozen=True, slots=True)
class Line:
    """What a command shows, and the command."""

    about: str
    command: str


def walkthrough(env: LocalEnvironment) -> tuple[Line, ...]:
    """From a dry run to a failure that says what to do about it."""
    chat = env.resources["chat"]
    lock = {"operation": "SignalR.regenerateKey", "status": 409, "body": {"error": _LOCK}}
    return (
        Line("A dry run: what would be done. Nothing is", _rotate(env, {"dryRun": True})),
        Line("A sweep: the keys in use are published, none changes", _rotate(env, {}, wait=True)),
        Line(
            "Rotate chat, with force: the publication a moment ago began its overlap",
            _rotate(env, {"resource": chat, "force": True, "reason": "first rotation"}, wait=True),
        ),
        Line("The fleet, as it is now", f"curl -sS -H {_key(env)} {env.host.url}/api/resources"),
        Line("A fault: ARM rejects the next regeneration", _curl(f"{env.azure.control}/fault", lock)),
        Line("Rotate games into it: the answer says what to do", _rotate(env, _games(env), wait=True)),
    )


def _games(env: LocalEnvironment) -> dict[str, object]:
    return {"resource": env.resources["games"], "force": True}


def _key(env: LocalEnvironment) -> str:
    return shlex.quote(f"x-functions-key: {env.host.function_key}")


def _rotate(env: LocalEnvironment, body: dict[str, object], *, wait: bool = False) -> str:
    headers = f"-H {_key(env)}" + (" -H 'Prefer: wait=60'" if wait else "")
    return _curl(f"{env.host.url}/api/rotate", body, headers)


def _curl(url: str, body: dict[str, object], headers: str = "") -> str:
    return " ".join(part for part in ("curl -sS", headers, "--json", shlex.quote(json.dumps(body)), url) if part)
