"""A cheap check without lease and without `listKeys`: whether a resource still needs nothing.

`listKeys` draws on the write budget that rotations need, and a fleet of a thousand is looked at every hour. So a sweep
first compares the newest secret version with the record, and asks SignalR whether it still accepts the published key.
Whatever is not exactly as it was is left for the full look, under the lease.
"""

from dataclasses import replace
from datetime import timedelta

from shared.domain.connection_strings import same_endpoint
from shared.domain.decision import Code, Refuse, Skip, Wait, decide
from shared.domain.errors import RotationError
from shared.domain.journal import Step
from shared.domain.keys import AccessKey
from shared.domain.notice import notice_due
from shared.domain.observation import Observation
from shared.domain.record import Record
from shared.domain.requests import Mode, WorkItem
from shared.domain.resources import Resource
from shared.domain.snapshot import Snapshot
from shared.observability import telemetry
from shared.rotation.inventory import Fleet
from shared.rotation.observe import is_announced, is_owned
from shared.rotation.ports import Services, Verdict

# Azure sends an event for every regeneration, the app's own included. It comes within minutes.
_ECHO = timedelta(minutes=15)
_LIST_IS_FRESH = timedelta(minutes=10)  # how long what a sweep was told is as good as asking
_ABOUT_THE_SECRET = {Code.SECRET_NOT_OWNED, Code.SECRET_NOT_UNDERSTOOD, Code.SECRET_USES_IDENTITY}
_NOT_ABOUT_THE_KEY = {Code.LOCAL_AUTH_DISABLED, Code.PAUSED, Code.SECRET_DISABLED, Code.NOT_READY}


class PreCheck:
    """Looks at resources without their lease. It writes nothing."""

    def __init__(self, services: Services, fleet: Fleet) -> None:
        self._services = services
        self._fleet = fleet

    async def idle(self, item: WorkItem) -> Wait | Skip | Refuse | None:
        """Why nothing is to be done for this request; None when it takes a full look to know.

        Raises no `RotationError`: what fails here fails again in the full look, where it is reported.
        """
        if item.expected or item.mode not in {Mode.SWEEP, Mode.RESYNC} or not self._fleet.could_cover(item.resource_id):
            return None
        try:
            record = await self._services.records.read(item.resource_id)
            before = record.snapshot if record and self._may_be_enough(item, record) else None
            if record is None or before is None:
                return None
            resource = self._listed(item) or await self._services.signalr.get(item.resource_id)
            managed = self._fleet.includes(resource, known=True)
            return await self._compare(item, resource, record, before) if managed else None
        except RotationError as error:
            telemetry.count_throttle(error)
            return None

    def _may_be_enough(self, item: WorkItem, record: Record) -> bool:
        """Whether this check can suffice, as far as the record tells."""
        if record.journal or record.outbox or record.failing or record.missing_since:
            return False
        if record.rejected or record.suspect or record.unconfirmed:
            return False
        if record.outcome_of(item.rotation_id) or item.conflicts:
            return False
        if item.mode is Mode.RESYNC and not self._regenerated_lately(record):
            return False
        now, standstill = self._services.clock(), item.standstill
        waits = standstill is not None and (standstill.until is None or now < standstill.until)
        return record.snapshot is not None and not record.snapshot.calls_for_work(now, waits=waits)

    def _listed(self, item: WorkItem) -> Resource | None:
        """What ARM said of the resource during the sweep, if that was a moment ago."""
        fresh = self._services.clock() <= item.requested_at + _LIST_IS_FRESH
        return item.resource_as_listed if fresh else None

    async def _compare(
        self, item: WorkItem, resource: Resource, record: Record, before: Snapshot
    ) -> Wait | Skip | Refuse | None:
        policy = self._fleet.policy(resource)
        published, key = await self._services.secrets.newest_with_key(policy.vault_url, policy.secret_name)
        observation = Observation(
            provisioning_state=resource.provisioning_state,
            local_auth_disabled=resource.local_auth_disabled,
            paused=policy.paused,
            fingerprints=before.fingerprints,
            published=published,
            endpoint=before.endpoint,
            announced=is_announced(published, resource.id, record),
            publication=record.publication,
            promised=record.retirement,
            owned=is_owned(
                published, resource.id, policy, record, fingerprints=before.fingerprints, endpoint=before.endpoint
            ),
        )
        action = decide(observation, item, policy, self._services.clock())
        if not isinstance(action, Wait | Skip | Refuse) or not observation.announced:
            return None
        if notice_due(record, item, action, self._services.clock()):
            return None
        if action.code in _ABOUT_THE_SECRET or Snapshot.of(observation, policy) != before:
            return None
        if action.code in _NOT_ABOUT_THE_KEY:
            return action if item.mode is Mode.SWEEP else None
        return action if await self._accepted(key, before.endpoint) else None

    async def _accepted(self, key: AccessKey | None, endpoint: str) -> bool:
        """Whether SignalR accepts the key, and no random one, at the resource's own endpoint: a secret may name any."""
        if key is None or not endpoint or (key.endpoint and not same_endpoint(key.endpoint, endpoint)):
            return False
        probe = self._services.probe
        accepted = await probe.probe(replace(key, endpoint=endpoint)) is Verdict.ACCEPTED
        return accepted and await probe.discriminates(endpoint)

    def _regenerated_lately(self, record: Record) -> bool:
        """Whether the app itself regenerated a key a moment ago, and the event is most likely about that."""
        regenerated = (outcome.times.get(Step.REGENERATED) for outcome in record.history[-2:])
        return any(at is not None and self._services.clock() < at + _ECHO for at in regenerated)
