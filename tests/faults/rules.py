"""What must hold of `memory.Cloud` at every change, watched from outside the engine.

The judge sees what the services see, and nothing of the engine but its requests: which of them were forced, and with
which overlap.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.domain.connection_strings import Shape
from shared.domain.keys import KeyType, Slot, fingerprint
from shared.domain.observation import Retirement
from shared.rotation.leased_record import LEASE_SECONDS
from shared.rotation.ports import NewSecretVersion, PublishedSecret
from tests.faults.memory import RESOURCE, VAULT, Cloud, MemoryResource, MemorySecret, Place, Regeneration, Worker
from tests.faults.memory_records import MemoryLease

OVERLAP = timedelta(hours=48)
PLACE: Place = (VAULT, f"{RESOURCE.name}-connection-string")
_UNANSWERED_FOR_A_WINDOW = 5  # probes at least, where the data plane can't be asked until the effect window ends


@dataclass
class Judge:
    """Invariants 1, 2, 3, 4, 7 and 8 of one resource, when connections are cut, and what a hold holds back.

    `configured`: where it is to be published now; `place`: where it was published last, and its clients read.
    `excused`: the published value is dead by somebody else's doing, by force, or on the word of ARM alone.
    """

    cloud: Cloud
    resource: MemoryResource
    configured: Callable[[], Place]
    excused: bool = True  # nothing is published yet
    place: Place | None = None
    places: set[Place] = field(default_factory=set)  # wherever a key of it was published
    held: str | None = None  # the key that clients have, whatever became of the secret
    by_hand: bool = False  # somebody else published it, maybe while ARM had been asked to regenerate that very key
    forced: set[str] = field(default_factory=set)
    promised: dict[str, Retirement] = field(default_factory=dict)
    replaced: dict[str, datetime] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)
    versions: defaultdict[str, set[Place]] = field(default_factory=lambda: defaultdict(set))
    forgotten: set[str] = field(default_factory=set)  # rotations whose versions nothing tells of, but where they stand
    asked: list[Regeneration] = field(default_factory=list)  # of ARM
    died: dict[str, datetime] = field(default_factory=dict)  # keys that a forgotten regeneration replaced
    untold: set[str] = field(default_factory=set)
    leases: dict[int, MemoryLease] = field(default_factory=dict)

    def watch(self, what: str, worker: Worker, detail: Any) -> None:
        """Judge a change that is about to be made."""
        if what == "leased":
            self.leases[id(worker)] = detail
        elif what == "regenerate":
            self._holding(worker, "regenerates")
            self._may_begin()
            self._asks(detail)
        elif what == "changed":
            self._changed(detail)
        elif what == "changed too late":  # guarantees-and-limits.md, "What is not promised"
            self.excused = self.excused or self.resource.keys[detail.slot] == self.published
        elif what == "publish":
            self._holding(worker, "publishes")
            self._publishes(detail)
        elif what == "close":
            self._holding(worker, "closes connections")
            self._cuts()

    @property
    def secret(self) -> MemorySecret | None:
        """What clients read."""
        return self.cloud.secrets[self.place] if self.place else None

    @property
    def published(self) -> str | None:
        """The key that clients have: the newest one, disabled or not, or the last one where the secret is gone."""
        if self.secret and self.secret.versions:
            return self.secret.key
        return self.held

    def live(self) -> None:
        """1 Live: what readers get opens the service."""
        disabled = self.secret is not None and self.secret.disabled
        if not self.excused and not disabled:
            accepted = self.resource.accepted(self.cloud.now())
            assert self.published in accepted, f"1 Live: {self.published} is published, {accepted} are accepted"

    def meddled(self) -> None:
        """Somebody else changed a key or a version."""
        good = self.published in self.resource.keys.values()
        self.excused = not good or self.published not in self.resource.accepted(self.cloud.now())

    def written_over(self, before: str | None) -> None:
        """Somebody else added a version where the resource is to be published: its clients read there from now on."""
        self.place = self.configured()
        if self._knows_of(before):
            self._replaces(before)
        self.by_hand = True
        if self.published in self.resource.ever:
            self.places.add(self.place)
        self.meddled()

    def moved(self) -> None:
        """It is to be published elsewhere, or what was published is gone: where nothing tells of it, all is new."""
        record = self.cloud.records.get(self.resource.id)
        known = record.publication if record else None
        self.untold |= {made for made in self._unannounced if record is None or not record.is_announced(made)}
        if versions := self.cloud.secrets[self.configured()].versions:
            newest = versions[-1][0]
            if newest.owner == self.resource.id or self.cloud.secrets[self.configured()].key in self.resource.ever:
                self._moved_to_its_own(newest, forgotten=known is None and self.place != self.configured())
        elif known is None:
            self.place, self.held, self.excused, self.replaced, self.promised = None, None, True, {}, {}
        elif self.published is not None and known.fingerprint != fingerprint(self.published) and not self._under_way:
            # Somebody else's version that the app never saw, in a place that it looks at no more.
            self.held = next((key for key in self.resource.ever if fingerprint(key) == known.fingerprint), None)
            self.place, self.excused, self.replaced = None, True, {}

    def _moved_to_its_own(self, newest: PublishedSecret, *, forgotten: bool) -> None:
        """It was published there once. `forgotten`: nothing tells of where it was published since."""
        leaked = self._is_leaked(newest.retirement)
        if not (forgotten or leaked or self._dead or not self._knows_of(self.published)):
            return
        # What it was once published under is all that its clients can go by: as somebody else has left it.
        self.place, self.by_hand = self.configured(), newest.rotation_id is None
        if forgotten:
            self.replaced, self.promised = {}, {}
        if newest.retirement and (forgotten or leaked):
            self.promised[newest.retirement.fingerprint] = newest.retirement
        self.excused = self.excused or self.published not in self.resource.accepted(self.cloud.now())

    @property
    def _dead(self) -> bool:
        """Whether ARM lists what clients read no more, or they have nothing to read."""
        return self.secret is None or self.secret.key not in self.resource.keys.values()

    def _is_leaked(self, retirement: Retirement | None) -> bool:
        """Whether it is the key that clients have which this retirement invalidates, whatever the policy."""
        held = fingerprint(self.published or "")
        return retirement is not None and not retirement.by_policy and retirement.fingerprint == held

    @property
    def _under_way(self) -> bool:
        """Whether clients read a version of the run that is open: it is looked for where it was added."""
        versions = self.secret.versions if self.secret else ()
        return bool(versions) and versions[-1][0].rotation_id == self._rotation

    def purged(self) -> None:
        """The secret is gone with all its versions: clients keep what they have."""
        self.held, self.place = self.published, None

    def told(self) -> None:
        """4 Told: every version that was added is announced, under one id."""
        sent = self._announcements
        ids = {rotation: {event for r, event in sent if r == rotation} for rotation in self.versions if rotation}
        # What nothing tells of but where it stands can be made again elsewhere, and is announced there as what it is.
        most = {rotation: 2 if rotation in self.forgotten else 1 for rotation in ids}
        wrong = {r: found for r, found in ids.items() if not 1 <= len(found) <= most[r] and r not in self.untold}
        assert {} == wrong, "4 Told"

    def kept(self) -> None:
        """6 Converges: no key whose retirement was promised is alive past its time, unless that was reported."""
        assert not self.overdue, f"6 Converges: alive past their time: {self.overdue}"

    @property
    def overdue(self) -> frozenset[str]:
        """The keys that were to be invalidated by now, and are accepted."""
        now, listed = self.cloud.now(), {fingerprint(key) for key in self.resource.keys.values()}
        return frozenset(each for each, retire in self.promised.items() if each in listed and retire.after <= now)

    @property
    def leaked(self) -> frozenset[str]:
        """Those of them that wait for no window."""
        return frozenset(each for each in self.overdue if not self.promised[each].by_policy)

    def record_lost(self) -> None:
        """The blob is gone: of what was not announced, only the newest version still tells of itself."""
        self.forgotten |= {*self.versions}
        self.changes.clear()  # what was changed under an open journal, and not published yet, nobody can tell any more
        for asked in self.asked:
            asked.forgotten = True
        versions = self.cloud.secrets[self.configured()].versions
        newest = versions[-1][0] if versions else None
        self.untold |= self._unannounced - {newest.rotation_id if newest else None}
        tagged = newest.retirement if newest else None
        self.promised = {tagged.fingerprint: tagged} if tagged else {}
        self.moved()

    def overtaken(self) -> None:
        """The newest version tells nothing any more: what the record does not know of can't be known of."""
        record = self.cloud.records.get(self.resource.id)
        self.untold |= {made for made in self._unannounced if record is None or not record.is_announced(made)}
        known = record.retirement if record else None
        self.promised = {known.fingerprint: known} if known else {}

    def untraced(self) -> None:
        """Versions that stood where it is to be published do not tell any more which rotation added them."""
        for version, _ in self.cloud.secrets[self.configured()].versions:
            made = version.rotation_id or ""
            self.untold |= {made} & self._unannounced
            self.forgotten.add(made)
            self.versions[made].clear()

    @property
    def _rotation(self) -> str:
        """The rotation id under way, as the record tells it."""
        record = self.cloud.records.get(self.resource.id)
        return record.journal.rotation_id if record and record.journal else "lost"

    @property
    def _announcements(self) -> list[tuple[str, str]]:
        mine = (event for event in self.cloud.events if event.source == str(self.resource.id))
        return [(event.rotation_id, event.id) for event in mine if event.kind != "RotationFailed"]

    @property
    def _unannounced(self) -> set[str]:
        return {made for made in self.versions if made} - {made for made, _ in self._announcements}

    def _knows_of(self, key: str | None) -> bool:
        """Whether the app has published this key, or seen that somebody else has, before the next one came."""
        record = self.cloud.records.get(self.resource.id)
        known = record.publication if record else None
        return not self.by_hand or (known is not None and known.fingerprint == fingerprint(key or ""))

    def _holding(self, worker: Worker, does: str) -> None:
        assert self.leases[id(worker)].holds, f"7 Fenced: a worker without the lease {does}"

    def _may_begin(self) -> None:
        """While a hold or a wave is to be waited for, no scheduled rotation asks ARM that has not asked before."""
        record, now = self.cloud.records.get(self.resource.id), self.cloud.now()
        journal = record.journal if record else None
        if journal and journal.scheduled and journal.unrefused == 1:
            assert self.cloud.rollout.standstill(self.resource.id, now) is None, "Hold: a scheduled rotation is begun"

    def _may_regenerate(self, slot: Slot) -> None:
        key, now = self.resource.keys[slot], self.cloud.now()
        if self._rotation in self.forced or (self.secret and self.secret.disabled):
            return
        assert key != self.published, "2 One at a time: the published key is regenerated"
        newest = self.secret.versions[-1][0].retirement if self.secret and self.secret.versions else None
        tagged = newest if newest and newest.fingerprint == fingerprint(key) else None  # written back with its tags
        retirement = self.promised.get(fingerprint(key)) or tagged
        if retirement and not retirement.by_policy:
            assert now >= retirement.after, "2 One at a time: retired before its time"
        elif key in self.replaced:
            assert now >= self.replaced[key] + OVERLAP - timedelta(seconds=1), "2 One at a time: inside the overlap"

    def _cuts(self) -> None:
        """Its holder would come back with a key that is still valid."""
        record = self.cloud.records.get(self.resource.id)
        journal = record.journal if record else None
        if journal and journal.slot and not journal.cause:
            replaced = journal.before[journal.slot]
            assert replaced not in {fingerprint(key) for key in self.resource.accepted(self.cloud.now())}, (
                "cut before it was rejected"
            )

    def _asks(self, asked: Regeneration) -> None:
        asked.rotation = self._rotation
        self.asked.append(asked)
        if asked.key_type is KeyType.SALT:
            self._count_change(asked)
        else:
            self._may_regenerate(asked.slot)

    def _changed(self, asked: Regeneration) -> None:
        """It counts for the rotation that asked for it: another one may be under way, where the record was lost."""
        self._count_change(asked)
        key = self.resource.keys[asked.slot]
        if asked.forgotten:
            self.died[key] = self.cloud.now()
        unforeseen = (self.by_hand or asked.forgotten) and key == self.published
        if asked.rotation in self.forced or unforeseen:
            self.excused = True

    def _died_just_now(self, key: str) -> bool:
        """Whether a regeneration that nothing tells of replaced this key, while a worker had it in hand."""
        died = self.died.get(key)
        return died is not None and self.cloud.now() < died + timedelta(seconds=LEASE_SECONDS)

    def _count_change(self, asked: Regeneration) -> None:
        if asked.forgotten:
            return
        self.changes[asked.rotation] += 1
        once = asked.rotation == "lost" or self.changes[asked.rotation] <= 1
        assert once, "3 Once: two changes under one rotation id"

    def _publishes(self, version: NewSecretVersion) -> None:
        place, key = (version.policy.vault_url.lower(), version.policy.secret_name.lower()), version.key.reveal()
        earlier = self.versions[version.rotation_id]
        unknown = self.forgotten | self.cloud.unheard
        once = not earlier or (version.rotation_id in unknown and place not in earlier)
        assert once, f"3 Once: two versions under one rotation id: {earlier}, {place}"
        earlier.add(place)
        self._own(place)
        self.places.add(place)
        unforeseen = self._died_just_now(key)
        assert key in self.resource.keys.values() or unforeseen, "1 Live: a dead key is published"
        on_arms_word = self.cloud.probes != "open" or self.cloud.unanswered >= _UNANSWERED_FOR_A_WINDOW
        accepted = key in self.resource.accepted(self.cloud.now())
        assert accepted or on_arms_word or unforeseen, "1 Live: a key that SignalR rejects is published"
        before, here, self.place, self.held = self.published, self.cloud.secrets[place].key, place, key
        for replaced in {before, here} & self.resource.ever - {key}:
            self.replaced[replaced] = self.cloud.now()
        given_up = self.promised.pop(fingerprint(key), None)
        assert given_up is None or given_up.by_policy, "6 Converges: a key that leaked is handed out again"
        if version.retirement:
            self.promised[version.retirement.fingerprint] = version.retirement
        self.excused, self.by_hand = not accepted, False

    def _own(self, place: Place) -> None:
        """8 Owned: nothing is written over what somebody else put there, and was never this resource's."""
        secret = self.cloud.secrets[place]
        if not secret.versions:
            return
        newest = secret.versions[-1][0]
        assert newest.shape not in {Shape.UNKNOWN, Shape.IDENTITY}, "8 Owned: a value that is not understood is lost"
        assert newest.owner in {None, self.resource.id}, "8 Owned: another resource's secret is written"
        mine = {fingerprint(key) for key in self.resource.ever}
        assert place in self.places or any(
            version.owner == self.resource.id
            or version.fingerprint in mine
            or version.endpoint == self.resource.endpoint
            for version, _ in secret.versions
        ), "8 Owned: a foreign secret is written"

    def _replaces(self, before: str | None) -> None:
        if before and before != self.published:
            self.replaced[before] = self.cloud.now()
        self.held = self.published


def watching(cloud: Cloud) -> Judge:
    """The judge of the one resource of a cloud in which no secret is renamed. It watches from now on."""
    judge = Judge(cloud, cloud.resource, configured=lambda: PLACE)
    cloud.watch = lambda what, worker, _, detail: judge.watch(what, worker, detail)
    return judge
