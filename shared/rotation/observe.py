"""Seeing one resource as it is now: all that a decision may rest on, read in one go."""

import asyncio

from shared.domain.keys import KeyPair, Slot
from shared.domain.observation import Observation, PublishedSecret
from shared.domain.policy import Policy
from shared.domain.record import Record
from shared.domain.resources import Resource, ResourceId
from shared.rotation.ports import Services


async def observe(
    services: Services, resource: Resource, policy: Policy, record: Record | None
) -> tuple[Observation, KeyPair]:
    """What is seen, and the keys it was seen by. Raises what the adapters raise."""
    keys, published = await asyncio.gather(
        services.signalr.keys(resource.id), services.vaults.newest(policy.vault_url, policy.secret_name)
    )
    return Observation(
        provisioning_state=resource.provisioning_state,
        local_auth_disabled=resource.local_auth_disabled,
        paused=policy.paused,
        fingerprints={slot: keys[slot].fingerprint for slot in Slot},
        published=published,
        endpoint=keys.primary.endpoint,
        unfinished=record is not None and record.journal is not None,
        told=is_told(published, resource.id, record),
    ), keys


def is_told(published: PublishedSecret | None, resource: ResourceId, record: Record | None) -> bool:
    """Whether the newest version needs no announcement: it had one, or it is not for this resource to announce."""
    if published is None or published.rotation_id is None or published.owner not in {None, resource}:
        return True
    return record is not None and record.is_announced(published.rotation_id)
