"""Reading one resource as it is now: all that a decision may rest on, and whose secret it is.

Two resources that map to one secret are a configuration error, because each would hide the other's key: of both before
the secret has a version, and then of the one whose key it does not hold. The sweep sees all policies at once and names
the conflicts in its messages. A request that comes another way is found out by the newest version itself.
"""

import asyncio
from collections.abc import Mapping, Sequence

from shared.domain.connection_strings import same_endpoint
from shared.domain.decision import Code
from shared.domain.errors import (
    Misconfigured,
    MissingNow,
    NotFound,
    SecretNotOwned,
    SecretNotUnderstood,
    SecretUsesIdentity,
    Terminal,
)
from shared.domain.keys import AccessKey, KeyPair, Slot
from shared.domain.observation import Observation, PublishedSecret
from shared.domain.policy import Policy
from shared.domain.record import Record
from shared.domain.resources import Resource, ResourceId
from shared.rotation.ports import RecordStore, Services

NAMED_CONFLICTS = 3


async def observe(
    services: Services, resource: Resource, policy: Policy, record: Record | None
) -> tuple[Observation, KeyPair | None]:
    """What is observed, and the keys it was observed by. Raises what the ports raise.

    Where local authentication is off there are no keys to read. A resource that ARM has just shown and does not find
    now is `Unavailable`.
    """
    keys, published = None, None
    if not resource.local_auth_disabled:
        keys, published = await asyncio.gather(
            _keys(services, resource.id), services.secrets.newest(policy.vault_url, policy.secret_name)
        )
    fingerprints = {slot: keys[slot].fingerprint for slot in Slot} if keys else {}
    endpoint = keys.primary.endpoint if keys else ""
    owned = is_owned(published, resource.id, policy, record, fingerprints=fingerprints, endpoint=endpoint)
    if not owned and published and published.owner:
        # The app's own, of a resource that has left the fleet: another one takes its place.
        before = await services.records.read(published.owner)
        owned = before is not None and before.removed
    return Observation(
        provisioning_state=resource.provisioning_state,
        local_auth_disabled=resource.local_auth_disabled,
        paused=policy.paused,
        fingerprints=fingerprints,
        published=published,
        endpoint=endpoint,
        run_open=record is not None and record.journal is not None,
        announced=is_announced(published, resource.id, record),
        publication=record.publication if record else None,
        promised=record.retirement if record else None,
        rejected=record.rejected if record else None,
        suspect=record.suspect if record else None,
        unconfirmed=record.unconfirmed.slot if record and record.unconfirmed else None,
        owned=owned,
    ), keys


async def _keys(services: Services, resource: ResourceId) -> KeyPair:
    try:
        return await services.signalr.keys(resource)
    except NotFound:
        raise MissingNow(resource.name, "listKeys") from None


def is_owned(
    published: PublishedSecret | None,
    resource: ResourceId,
    policy: Policy,
    record: Record | None,
    *,
    fingerprints: Mapping[Slot, str],
    endpoint: str,
) -> bool:
    """Whether the app may write a version of this secret for this resource: over nothing, or over what is its own.

    It is its own if the newest version says so by its tags, holds a listed key of this very resource, or names its
    endpoint; or if the resource was last published there. A disabled version can't be read: that is another refusal.
    """
    if published is None or not published.enabled:
        return True
    known = record.publication if record else None
    return (
        published.owner == resource
        or published.fingerprint in fingerprints.values()
        or (bool(endpoint) and same_endpoint(published.endpoint, endpoint))
        or (known is not None and known.is_in(policy.vault_url, policy.secret_name))
    )


def own_text(newest: PublishedSecret | None, before: Mapping[Slot, str], key: AccessKey) -> PublishedSecret | None:
    """The version whose text is kept but for its key: what an operator wrote into the resource's own secret.

    A secret that is taken over is written anew. `before`: the keys that the resource had.
    """
    if newest and (newest.fingerprint in before.values() or same_endpoint(newest.endpoint, key.endpoint)):
        return newest
    return None


def is_announced(published: PublishedSecret | None, resource: ResourceId, record: Record | None) -> bool:
    """Whether the newest version needs no announcement: it had one, or it is not for this resource to announce."""
    if published is None or published.rotation_id is None or published.owner not in {None, resource}:
        return True
    return record is not None and record.is_announced(published.rotation_id)


def secret_conflict(
    resource: ResourceId, conflicts: Sequence[str], secret: str = "", *, count: int = 0, taken: bool = False
) -> Misconfigured:
    """The error of a resource whose secret others publish to as well: `count` of them, where not all are named.

    `taken`: the other one has its key there, and goes on.
    """
    more = max(count, len(conflicts)) - NAMED_CONFLICTS
    named = ", ".join(conflicts[:NAMED_CONFLICTS]) + (f" and {more} more" if more > 0 else "")
    which = "the secret is the latter's, and the former is not rotated" if taken else "none of them is rotated"
    return Misconfigured(
        f"{resource} and {named} map to the same secret{f' ({secret})' if secret else ''}: {which}; "
        "give each a name of its own (SECRET_NAME_TEMPLATE, or the tag key-rotation-secret)",
        step="observe",
    )


def secret_error(code: Code, resource: ResourceId, policy: Policy) -> Terminal:
    """The error of a resource whose configured secret must not be written."""
    secret = f"the secret {policy.secret_name} in {policy.vault_url}"
    if code is Code.SECRET_NOT_UNDERSTOOD:
        return SecretNotUnderstood(
            f"{secret} holds neither an access key nor a connection string with one. Nothing was written. Put a "
            f"connection string of {resource.name} there, or give the resource another secret name",
            step="observe",
        )
    if code is Code.SECRET_USES_IDENTITY:
        return SecretUsesIdentity(
            f"{secret} holds a connection string without an access key: its clients use an identity. Nothing was "
            f"written. Set disableLocalAuth on {resource.name}, or give the resource another secret name",
            step="observe",
        )
    return SecretNotOwned(
        f"{secret} is not {resource.name}'s: it holds none of its keys, does not name its endpoint, and was not "
        "published for it. Nothing was written. Give the resource a secret name of its own (SECRET_NAME_TEMPLATE, or "
        "the tag key-rotation-secret)",
        step="observe",
    )


async def expect_no_conflict(
    records: RecordStore, resource: Resource, policy: Policy, published: PublishedSecret | None
) -> None:
    """Raise `Misconfigured` if the newest version is another resource's, and that one still publishes there.

    A resource that took another's place, in another group or under another name, takes over its secret.
    """
    owner = published.owner if published else None
    if owner is None or owner == resource.id:
        return
    other = await records.read(owner)
    if other and other.snapshot and other.snapshot.publishes_to(policy.vault_url, policy.secret_name):
        raise secret_conflict(resource.id, [str(owner)], policy.secret_name, taken=True)
