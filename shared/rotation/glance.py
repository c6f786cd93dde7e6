"""A look that costs ARM nothing: whether a resource that was seen whole before still needs nothing.

`listKeys` draws on the write budget that rotations need, and a fleet of a thousand is looked at every hour. So a sweep
first compares the newest secret version with the record, and asks SignalR whether it still accepts the published key.
Whatever is not just as it was is left for the full look, under the lease.
"""

from dataclasses import replace
from datetime import timedelta

from shared.adapters.blob_records import BlobRecords
from shared.adapters.signalr_probe import Verdict
from shared.domain.decision import Code, Refuse, Skip, Wait, decide
from shared.domain.errors import RotationError
from shared.domain.keys import AccessKey
from shared.domain.observation import Observation
from shared.domain.record import Record, Step
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import Resource
from shared.domain.snapshot import Snapshot
from shared.rotation.inventory import Fleet
from shared.rotation.observe import is_told
from shared.rotation.ports import Services

# Azure tells of every regeneration, the app's own included. The event comes within minutes.
_ECHO = timedelta(minutes=15)
_NEWS = timedelta(minutes=10)  # how long what a list said is as good as asking
_NOT_ABOUT_THE_KEY = {Code.LOCAL_AUTH_DISABLED, Code.PAUSED, Code.SECRET_DISABLED, Code.NOT_READY}


class PreCheck:
    """Looks at resources without their lease. It writes nothing."""

    def __init__(self, fleet: Fleet, ledger: BlobRecords, services: Services) -> None:
        self._fleet = fleet
        self._ledger = ledger
        self._to = services

    async def idle(self, request: WorkItem) -> Wait | Skip | Refuse | None:
        """Why nothing is to be done for this request; None when it takes a full look to know.

        Raises nothing: what goes wrong here goes wrong again in the full look, where it is told.
        """
        if request.expected or request.mode not in {Mode.SWEEP, Mode.RESYNC}:
            return None
        try:
            record = await self._ledger.read(request.resource_id)
            before = record.snapshot if record and self._promising(request, record) else None
            if record is None or before is None:
                return None
            resource = self._listed(request) or await self._to.signalr.get(request.resource_id)
            return await self._compare(request, resource, record, before) if self._fleet.includes(resource) else None
        except RotationError:
            return None

    def _promising(self, request: WorkItem, record: Record) -> bool:
        """Whether a glance may be enough, as far as the record tells."""
        if record.journal or record.outcome_of(request.rotation_id) or request.rivals:
            return False
        if request.mode is Mode.RESYNC and not self._renewed_lately(record):
            return False
        moments = (record.snapshot.due_at, record.snapshot.retire_after) if record.snapshot else ()
        return not any(moment and moment <= self._to.clock() for moment in moments)

    def _listed(self, request: WorkItem) -> Resource | None:
        """What the sweep's list said of the resource, if that was a moment ago."""
        listed = request.listed
        if listed is None or self._to.clock() > request.requested_at + _NEWS:
            return None
        return Resource(request.resource_id, listed.provisioning_state, listed.local_auth_disabled, listed.tags)

    async def _compare(
        self, request: WorkItem, resource: Resource, record: Record, before: Snapshot
    ) -> Wait | Skip | Refuse | None:
        policy = self._fleet.policy(resource)
        published, key = await self._to.vaults.newest_with_key(policy.vault_url, policy.secret_name)
        seen = Observation(
            provisioning_state=resource.provisioning_state,
            local_auth_disabled=resource.local_auth_disabled,
            paused=policy.paused,
            fingerprints=before.fingerprints,
            published=published,
            endpoint=before.endpoint,
            told=is_told(published, resource.id, record),
        )
        action = decide(seen, request, policy, self._to.clock())
        if not isinstance(action, Wait | Skip | Refuse) or Snapshot.of(seen, policy) != before:
            return None
        if action.code in _NOT_ABOUT_THE_KEY:
            return action if request.mode is Mode.SWEEP else None
        return action if await self._accepted(key, before.endpoint) else None

    async def _accepted(self, key: AccessKey | None, endpoint: str) -> bool:
        """Whether SignalR accepts the key at the resource's own endpoint: a secret may name any other."""
        if key is None or not endpoint or key.endpoint not in {"", endpoint}:
            return False
        return await self._to.data_plane.probe(replace(key, endpoint=endpoint)) is Verdict.ACCEPTED

    def _renewed_lately(self, record: Record) -> bool:
        """Whether the app itself renewed a key a moment ago, and the event is most likely about that."""
        renewed = (outcome.times.get(Step.REGENERATED) for outcome in record.history[-2:])
        return any(at is not None and self._to.clock() < at + _ECHO for at in renewed)
