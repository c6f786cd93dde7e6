"""What is done to a resource, its secret and the services by everybody but the app, at any moment of a history."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import rule

from shared.domain.keys import Slot
from shared.domain.observation import PublishedSecret
from shared.domain.record import Record
from shared.domain.rollout import FAILURES_TO_HOLD
from tests.faults.history import TEMPLATES, History
from tests.faults.memory import NEIGHBOUR, OTHER_VAULT, RESOURCE, START, VAULT, Service
from tests.faults.others import RESUME_SETTINGS, ResumeApi, resume

_FOREIGN = (
    "hunter2",
    "Endpoint=https://payments.service.signalr.net;AccessKey=not-ours;Version=1.0;",
    '{"user": "payments"}',
    "Endpoint=https://chat.service.signalr.net;AuthType=azure.msi;Version=1.0;",
)
_HOURS = (0.02, 1, 12, 25, 49, 24 * 31, 24 * 61)
_OF_FORMAT_2 = {
    "format",
    "publication",
    "retirement",
    "failing",
    "outbox",
    "missingSince",
    "rejected",
    "suspect",
    "unconfirmed",
    "noticed",
}


class Meddling(History):
    """Time, operators, other writers, and services in trouble."""

    @rule(hours=st.sampled_from(_HOURS))
    def pass_time(self, hours: float) -> None:
        self.time_passes(hours)

    # -- keys and resource

    @rule(slot=st.sampled_from(Slot))
    def renew_in_portal(self, slot: Slot) -> None:
        self.cloud.renew_key(slot)
        self.judge.meddled()

    @rule(paused=st.booleans())
    def tag(self, *, paused: bool) -> None:
        self.cloud.resource.tags["key-rotation"] = "paused" if paused else "enabled"

    @rule(retire_after=st.sampled_from(("0", "72")), window=st.sampled_from(("always", "Mon 08:00-18:00 UTC")))
    def change_the_policy(self, retire_after: str, window: str) -> None:
        tags = {"key-rotation-retire-after-hours": retire_after, "key-rotation-window": window}
        self.cloud.resource.tags |= tags

    @rule(slot=st.sampled_from(Slot))
    def reject_a_listed_key(self, slot: Slot) -> None:
        """SignalR takes a key no more that ARM lists, until somebody restarts the resource."""
        self.cloud.resource.lagging[slot] = ("a-key-of-nobody", self.cloud.now() + timedelta(days=9))
        self.judge.meddled()

    @rule()
    def restart(self) -> None:
        self.cloud.resource.lagging.clear()
        self.judge.meddled()

    @rule(state=st.sampled_from(("Succeeded", "Succeeded", "Failed", "Updating")))
    def change_state(self, state: str) -> None:
        self.cloud.resource.state = state

    @rule(times=st.integers(0, 3))
    def succeed_without_a_change(self, times: int) -> None:
        self.cloud.resource.unchanged = times

    @rule(times=st.integers(1, 2))
    def not_found_once(self, times: int) -> None:
        self.cloud.resource.missing = times

    # -- the secret

    @rule(secret=st.sampled_from(("", "chat", "moved", "taken")), vault=st.sampled_from((VAULT, OTHER_VAULT)))
    def rename_by_tag(self, secret: str, vault: str) -> None:
        if secret:
            self.rename(secret=secret, vault=vault)
            return
        for tag in ("key-rotation-secret", "key-rotation-vault"):
            self.cloud.resource.tags.pop(tag, None)
        self.judge.moved()

    @rule(template=st.sampled_from(TEMPLATES))
    def rename_all(self, template: str) -> None:
        self.template = template
        for judge in self.judges.values():
            judge.moved()

    @rule()
    def purge(self) -> None:
        self.judge.overtaken()
        self.judge.untraced()
        place = self.judge.configured()
        for judge in self.judges.values():
            if judge.place == place:
                judge.purged()
        self.cloud.secrets[place].versions.clear()
        self.judge.moved()

    @rule()
    def switch_the_newest_version(self) -> None:
        secret = self.cloud.secrets[self.judge.configured()]
        secret.disabled = bool(secret.versions) and not secret.disabled

    @rule(value=st.sampled_from(("primary", "secondary", "dead")))
    def publish_by_hand(self, value: str) -> None:
        resource = self.cloud.resource
        key = resource.keys[Slot(value.capitalize())] if value != "dead" else "key-of-nowhere"
        self._write(f"Endpoint={resource.endpoint};AccessKey={key};Version=1.0;")

    @rule(which=st.integers(0, 100), tagged=st.booleans())
    def write_an_old_value_back(self, which: int, *, tagged: bool) -> None:
        """A pipeline that keeps what it once read: with the tags that it had, or without."""
        versions = self.cloud.secrets[self.judge.configured()].versions
        if versions:
            version, text = versions[which % len(versions)]
            self._write(text, version if tagged else None)

    @rule(text=st.sampled_from(_FOREIGN))
    def write_something_foreign(self, text: str) -> None:
        self._write(text)

    @rule(text=st.sampled_from(_FOREIGN))
    def take_a_name(self, text: str) -> None:
        """Somebody else's secret stands under a name that the resource may get."""
        for vault in (VAULT, OTHER_VAULT):
            if (vault, "taken") not in {
                each for judge in self.judges.values() for each in (judge.configured(), judge.place)
            }:
                self.cloud.add_version((vault, "taken"), _plain(), text)

    @rule()
    def lose_the_tags(self) -> None:
        versions = self.cloud.secrets[self.judge.configured()].versions
        if versions:
            self.judge.overtaken()
            self.judge.untraced()
            made, text = versions[-1]
            versions[-1] = (
                replace(made, slot_hint=None, owner=None, rotation_id=None, kind_hint=None, retirement=None),
                text,
            )

    @rule(shared=st.booleans())
    def name_the_neighbour_alike(self, *, shared: bool) -> None:
        tags = self.cloud.resources[NEIGHBOUR].tags
        tags.clear()
        if shared:
            vault, secret = self.judge.configured()
            tags |= {"key-rotation-secret": secret, "key-rotation-vault": vault}
        self.judges[NEIGHBOUR].moved()

    # -- the other resources of the installation

    @rule(times=st.sampled_from((1, 3, 3)))
    def others_fail(self, times: int) -> None:
        """Three in a row are a hold."""
        self.run(self.others().fail(times))
        assert times < FAILURES_TO_HOLD or self.cloud.away or self.cloud.rollout.held(self.cloud.now())

    @rule()
    def others_fall_due(self) -> None:
        """So many that all go in waves."""
        self.run(self.others().fall_due(self.entries()))

    @rule()
    def others_are_done(self) -> None:
        self.run(self.others().are_done(self.entries()))

    @rule(admin=st.booleans())
    def resume(self, *, admin: bool) -> None:
        """Somebody asks for the end of the hold, and may, or may not."""
        before, api = self.cloud.rollout, ResumeApi(RESUME_SETTINGS, self.others().rollouts)
        status, _ = self.loop.run_until_complete(resume(api, admin=admin))
        if not admin:
            assert (403, before) == (status, self.cloud.rollout)
        elif not self.cloud.away:
            assert (200, None) == (status, self.cloud.rollout.held(self.cloud.now()))

    # -- what the app has stored

    @rule()
    def lose_the_record(self) -> None:
        self.cloud.records.pop(RESOURCE, None)
        self.cloud.leases.pop(RESOURCE, None)
        self.judge.record_lost()
        self.rejected.pop(RESOURCE, None)  # since when SignalR has rejected the published key stood there
        self.oracles[RESOURCE].record_lost(item.rotation_id for item in self.asked)

    @rule()
    def take_the_record_of_the_version_before(self) -> None:
        """As if version f93f389 had written it: what it did not know is not in it."""
        record = self.cloud.records.get(RESOURCE)
        if record is None:
            return
        self.judge.untold |= {event.rotation_id for event in record.outbox}
        stored = json.loads(record.model_dump_json(by_alias=True))
        old = {name: value for name, value in stored.items() if name not in _OF_FORMAT_2}
        self.cloud.records[RESOURCE] = Record.read(json.dumps(old).encode())
        self.rejected.pop(RESOURCE, None)
        self.judge.overtaken()
        self.judge.moved()

    @rule()
    def lose_the_tickets(self) -> None:
        self.cloud.operations.clear()
        for oracle in self.oracles.values():
            oracle.operations_lost()

    @rule()
    def lose_the_queue(self) -> None:
        self.cloud.queue.clear()

    # -- services

    @rule(probes=st.sampled_from(("open", "open", "closed", "denied", "everybody")))
    def change_the_front(self, probes: Literal["open", "closed", "denied", "everybody"]) -> None:
        self.cloud.probes = probes

    @rule(times=st.sampled_from((1, 2, 3, 40)))
    def blip(self, times: int) -> None:
        self.cloud.blips = times

    @rule(seconds=st.sampled_from((0, 5, 40, 3 * 3600)))
    def lag(self, seconds: float) -> None:
        """Within the effect window, a little beyond it, and hours."""
        self.cloud.lag = timedelta(seconds=seconds)

    @rule(topic=st.sampled_from(("there", "gone", "refusing")))
    def change_the_topic(self, topic: Literal["there", "gone", "refusing"]) -> None:
        self.cloud.topic = topic

    @rule(service=st.sampled_from(("arm", "vault", "storage", "topic")))
    def begin_an_outage(self, service: Service) -> None:
        self.cloud.away.add(service)

    @rule()
    def end_the_outages(self) -> None:
        self.cloud.away.clear()

    def _write(self, text: str, like: PublishedSecret | None = None) -> None:
        """Somebody else adds a version where the resource is published."""
        before = self.judge.published
        self.judge.overtaken()
        self.cloud.add_version(self.judge.configured(), like or _plain(), text)
        self.judge.written_over(before)
        if self.judges[NEIGHBOUR].place == self.judge.place:
            self.judges[NEIGHBOUR].meddled()


def _plain() -> PublishedSecret:
    """A version without tags."""
    return PublishedSecret("", "", START)
