"""What docs/reference/parity.md claims of a regeneration, checked against the real service one claim at a time.

Each claim names the row of the page that it is about. A claim is *as claimed*, *otherwise*, or *not seen* where the
question could not be put. What one claim finds never keeps the next from being asked.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.live.clients import Client
from tests.live.place import Place
from tests.live.regeneration import ACCEPTED, EFFECTIVE_WITHIN_SECONDS, POLLED, NotSeenError, Regeneration

_LOCKED_WITHIN_SECONDS = 120
_LOOKS = 30  # a minute, at two seconds each

Found = tuple[bool, str]


def _accepted(seen: Regeneration) -> Found:
    answer = seen.need("accepted")
    urls = all(name in answer.headers for name in POLLED)
    wait = answer.headers.get("Retry-After")
    return (answer.status == 202 and urls and wait is None), f"{answer.status}, both URLs: {urls}, Retry-After: {wait}"


def _shows_keys(seen: Regeneration) -> Found:
    shown, before = seen.need("accepted").body or {}, seen.need("before")
    if "primaryKey" not in shown:
        return False, f"the body holds {sorted(shown)}"
    changed = [slot for slot in ("primaryKey", "secondaryKey") if shown[slot] != before[slot]]
    return changed == ["primaryKey"], f"changed in the answer: {changed}"


def _lists_old_keys_meanwhile(seen: Regeneration) -> Found:
    same = seen.need("during")["primaryKey"] == seen.need("before")["primaryKey"]
    return same, "listKeys meanwhile: the old key" if same else "listKeys meanwhile: another key already"


def _state_meanwhile(seen: Regeneration) -> Found:
    return seen.need("state") == "Succeeded", f"provisioningState meanwhile: {seen.need('state')}"


def _second_is_refused(seen: Regeneration) -> Found:
    answer = seen.need("second")
    told = f"{answer.status} {answer.code}"
    return answer.status == 409 and "active state" in answer.code, told


def _old_key_until_the_end(seen: Regeneration) -> Found:
    old, new = seen.need("old meanwhile"), seen.need("new meanwhile")
    return old in ACCEPTED and new == 401, f"meanwhile old key {old}, shown key {new}"


def _status_shape(seen: Regeneration) -> Found:
    ended = seen.need("ended")
    waits = [one.headers["Retry-After"] for one in seen.need("statuses") if "Retry-After" in one.headers]
    names = sorted(ended)
    return names == ["endTime", "id", "name", "startTime", "status"] and not waits, f"{names}, Retry-After: {waits}"


def _takes_effect(seen: Regeneration) -> Found:
    told = f"ended as {seen.need('ended')['status']} after {seen.need('ended after'):.1f} s"
    return seen.need("ended")["status"] == "Succeeded", f"{told}, effective after {seen.need('effective after'):.1f} s"


def _only_the_asked_key(seen: Regeneration) -> Found:
    before, after = seen.need("before"), seen.need("after")
    changed = [slot for slot in ("primaryKey", "secondaryKey") if before[slot] != after[slot]]
    return changed == ["primaryKey"], f"changed: {changed}"


def _own_404(seen: Regeneration) -> Found:
    answer = seen.probe("no such user", seen.need("after")["primaryKey"])
    code = answer.headers.get("x-ms-error-code")
    return answer.status == 404 and code == "Warning.User.NotExisted", f"{answer.status}, x-ms-error-code: {code}"


def _wrong_key(seen: Regeneration) -> Found:
    status = seen.probe("a key of nobody", "n" * 84).status
    return status == 401, str(status)


def _close_connections(seen: Regeneration) -> Found:
    status = _closed_hub(seen)
    return status == 204, str(status)


def _told_to_leave(seen: Regeneration) -> Found:
    client = seen.connected("WebSockets", seen.need("after")["primaryKey"])
    if not isinstance(client, Client):
        raise NotSeenError(client)
    _closed_hub(seen)
    after = _watched(client, seen, time.monotonic())
    return client.told.get("type") == 7, f"told {client.told}, left: {after is not None}"


def _open(transport: str) -> Callable[[Regeneration], Found]:
    def check(seen: Regeneration) -> Found:
        client = seen.clients.get(transport)
        if not isinstance(client, Client):
            raise NotSeenError(client or "no connection was made")
        after = _watched(client, seen, seen.need("effective at"))
        return after is None, "still open" if after is None else f"closed {after:.1f} s after it began"

    return check


def _closed_hub(seen: Regeneration) -> int:
    url = f"{seen.endpoint()}/api/hubs/live/:closeConnections"
    query = "api-version=2022-06-01&reason=live"
    return seen.place.wire.signed("close", "POST", url, seen.need("after")["primaryKey"], query).status


def _watched(client: Client, seen: Regeneration, since: float) -> float | None:
    """When it was closed, in seconds; None where it was not within a minute of this time. It is closed then."""
    deadline = since + _LOOKS * seen.place.poll_seconds
    while client.closed_after is None and time.monotonic() < deadline:
        time.sleep(seen.place.poll_seconds)
    after = client.closed_after
    client.close()
    return after


def _salt(seen: Regeneration) -> Found:
    answer = seen.regenerate("regenerate salt", "Salt")
    url = next((answer.headers[name] for name in POLLED if name in answer.headers), "")
    if not url:
        return False, f"{answer.status} {answer.code}"
    ended = {"Succeeded", "Failed", "Canceled"}
    seen.place.until(
        lambda: (seen.place.wire.ask("salt status", "GET", url).body or {}).get("status") in ended or None,
        EFFECTIVE_WITHIN_SECONDS,
    )
    same = seen.keys("list keys after salt") == seen.need("after")
    return same, "both keys as before" if same else "a key changed"


def _scope_locked(seen: Regeneration) -> Found:
    place = seen.place
    try:
        made = place.lock()
        if made.status not in {200, 201}:
            raise NotSeenError(f"no lock could be made: {made.status} {made.code}")
        refused = place.until(
            lambda: answer if (answer := seen.regenerate("regenerate locked", "Primary")).status != 202 else None,
            _LOCKED_WITHIN_SECONDS,
        )
    finally:
        place.unlock()
    return refused.status == 409 and refused.code.startswith("ScopeLocked"), f"{refused.status} {refused.code}"


def _replica(seen: Regeneration) -> Found:
    replica = f"{seen.place.resource}/replicas/second"
    answer = seen.place.wire.ask("replica", "GET", replica)
    if answer.status != 200:
        raise NotSeenError("there is no replica: ask for one with REPLICA_LOCATION and Premium")
    head, _, tail = seen.endpoint().partition(".")
    url = f"{head}-second.{tail}/api/hubs/live/users/nobody"
    began = time.monotonic()
    key = seen.need("after")["primaryKey"]
    seen.place.until(
        lambda: seen.place.wire.signed("new key at the replica", "HEAD", url, key).status in ACCEPTED or None,
        EFFECTIVE_WITHIN_SECONDS,
    )
    return True, f"the replica takes the new key {time.monotonic() - began:.1f} s after the first asking"


def _local_auth_disabled(seen: Regeneration) -> Found:
    """Last: it may delete the keys for good."""
    place = seen.place
    place.wire.ask("disable", "PATCH", place.resource, body={"properties": {"disableLocalAuth": True}})
    place.until(
        lambda: place.wire.ask("disabled?", "GET", place.resource).body["properties"]["disableLocalAuth"] or None,
        EFFECTIVE_WITHIN_SECONDS,
    )
    answer = place.wire.ask("list keys disabled", "POST", f"{place.resource}/listKeys")
    return answer.status == 200 and bool((answer.body or {}).get("primaryKey")), f"{answer.status} {answer.code}"


@dataclass(frozen=True)
class Claim:
    """One claim: the row of docs/reference/parity.md it is about, and how to see whether it holds."""

    name: str
    row: str
    check: Callable[[Regeneration], Found]


CLAIMS = (
    Claim("accepted", "202 with `Azure-AsyncOperation` and `Location`, no `Retry-After`", _accepted),
    Claim("keys in the answer", "The 202 shows the new key of the asked slot, and the other one", _shows_keys),
    Claim(
        "listKeys meanwhile",
        "Old key live and shown until the operation takes effect, the new one only from then",
        _lists_old_keys_meanwhile,
    ),
    Claim(
        "keys meanwhile",
        "Old key live and shown until the operation takes effect, the new one only from then",
        _old_key_until_the_end,
    ),
    Claim("state meanwhile", "Provisioning state meanwhile: `Succeeded` unless configured", _state_meanwhile),
    Claim("second call", 'Second regeneration while one runs: "Service must be active state", 409', _second_is_refused),
    Claim("status", "Status `{id, name, status, startTime[, endTime]}`, no keys", _status_shape),
    Claim("effect", "The operation ends, and the key is effective then", _takes_effect),
    Claim("one key", "One key changes, the other does not; Salt changes none", _only_the_asked_key),
    Claim("own 404", "The service's own 404 has `x-ms-error-code`; any other says nothing of the key", _own_404),
    Claim("wrong key", "JWT (HS256) signed with either key as a string; anything else 401", _wrong_key),
    Claim("WebSocket", "A WebSocket that is open stays open when its key is regenerated", _open("WebSockets")),
    Claim("server-sent events", "Server-sent events go on when their key is regenerated", _open("ServerSentEvents")),
    Claim("close", "`:closeConnections` of hub, group and user 204, of a connection 200", _close_connections),
    Claim(
        "closing message",
        "Closing a hub or a connection sends its clients a frame of type 7 with the reason; the socket is left to them",
        _told_to_leave,
    ),
    Claim("salt", "One key changes, the other does not; Salt changes none", _salt),
    Claim("locked", "A read-only lock: 409 `ScopeLocked`, for listKeys too", _scope_locked),
    Claim("replica", "A replica takes the new key as the resource does", _replica),
    Claim("local auth", "`listKeys` and regenerations are answered where local auth is disabled", _local_auth_disabled),
)


def checked(place: Place, tell: Callable[[str], None]) -> Iterator[dict[str, str]]:
    """Regenerate a key, check every claim, and say of each how it came out as soon as it has."""
    regeneration = Regeneration(place)
    try:
        regeneration.watch()
    except Exception as broken:  # noqa: BLE001 - what was noted until then is still worth asking about
        regeneration.seen["broke off"] = (
            f"the regeneration could not be watched to its end: {type(broken).__name__}: {broken}"
        )
    for claim in CLAIMS:
        try:
            holds, told = claim.check(regeneration)
            verdict = "as claimed" if holds else "otherwise"
        except Exception as broken:  # noqa: BLE001 - the next one is asked whatever becomes of this one
            verdict, told = "not seen", f"{broken}" or type(broken).__name__
        tell(f"{verdict:10}  {claim.name}: {place.wire.redacted(told)}")
        yield {"claim": claim.name, "row": claim.row, "verdict": verdict, "seen": place.wire.redacted(told)}
