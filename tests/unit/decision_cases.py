"""Every combination of facts, policies and requests that the decision table has to tell apart."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

from shared.domain.connection_strings import Shape
from shared.domain.keys import KeyType, Slot
from shared.domain.observation import Observation, Publication, PublishedSecret, Retirement
from shared.domain.requests import Mode, Standstill, WorkItem
from shared.domain.rotation_window import rotation_window
from tests.unit.situations import LIVE, NOW, POLICY, Situation
from tests.unit.verdicts import observations

# NOW is a Monday. A window that is closed gives way to one that is open, and to none.
POLICIES = (
    POLICY,
    replace(POLICY, window=rotation_window("Mon 00:00-12:00 UTC"), spread=timedelta(hours=12)),
    replace(POLICY, retire_after=timedelta(days=3)),
    replace(POLICY, retire_after=timedelta(days=3), window=rotation_window("Tue 09:00-12:00 UTC")),
)
OPENS = datetime(2026, 6, 2, 9, tzinfo=UTC)
AGES = {"fresh": timedelta(hours=1), "settled": timedelta(days=2), "old": timedelta(days=61)}
RETIREMENTS = {
    "none": None,
    "past": timedelta(minutes=-1),
    "past, scheduled": timedelta(minutes=-1),
    "soon": timedelta(hours=30),
    "soon, scheduled": timedelta(hours=30),
    "gone": timedelta(minutes=-1),
}
RESOURCE = (
    "/subscriptions/5ab5c4b0-0000-4000-8000-000000000001/resourceGroups/live/providers/Microsoft.SignalRService"
    "/SignalR/chat"
)


def versions() -> Iterator[PublishedSecret | None]:
    """Every kind of newest version: none, disabled, dead, and each slot's, young and old, with every retirement."""
    yield None
    yield PublishedSecret("v", "id", datetime.max.replace(tzinfo=UTC))
    keys = ("one", "two", "dead")
    made = (None, "rotate", "publish")
    for key, hint, age, retirement, kind in product(keys, (None, *Slot), AGES, RETIREMENTS, made):
        if "scheduled" in retirement and (hint or kind != "rotate"):
            continue
        after = RETIREMENTS[retirement]
        other = {"one": "two", "two": "one", "dead": "two"}[key] if retirement != "gone" else "renewed since"
        yield PublishedSecret(
            version="v",
            secret_id="id",  # noqa: S106 - Key Vault's word for a URL
            since=NOW - AGES[age],
            fingerprint=key,
            slot_hint=hint,
            rotation_id="id" if kind else None,
            kind_hint=kind,
            retirement=Retirement(fingerprint=other, after=NOW + after, by_policy="scheduled" in retirement)
            if after is not None
            else None,
        )


def requests() -> Iterator[WorkItem]:
    """Every request that can be made: keys are named with mode rotate, and what is asked by name can be forced."""
    shapes: list[tuple[Mode, KeyType | None, bool]] = [(Mode.SWEEP, None, False), (Mode.RESYNC, None, False)]
    shapes += [(Mode.REVOKE, None, force) for force in (False, True)]
    shapes += [(Mode.ROTATE, key, force) for key in (None, *KeyType) for force in (False, True)]
    for (mode, key, force), at in product(shapes, (NOW, NOW - timedelta(hours=2))):
        asked = WorkItem(
            rotation_id="asked",
            resource=RESOURCE,
            mode=mode,
            key_type=key,
            force=force,
            trigger="test",
            requested_at=at,
        )
        yield asked
        if mode is Mode.SWEEP and at == NOW:
            for standstill in STANDSTILLS:
                yield asked.model_copy(update={"standstill": standstill})


STANDSTILLS = (Standstill(code="OnHold", until=NOW + timedelta(hours=7)), Standstill(code="LaterWave"))
BEFORE = Publication.model_validate(
    {"fingerprint": "", "since": NOW - timedelta(days=3), "vault_url": "https://vault", "secret_name": "before"}
)
MOVED = BEFORE.model_copy(update={"since": NOW - timedelta(days=70), "written_at": NOW - timedelta(days=3)})
FLAGS = (None, "json", "identity", "fault", "open", "failed", "busy", "disabled", "paused", "foreign", "unclear")
# What the record remembers: nothing; a key that is still listed, an old one; a retirement that the tags may have lost.
KNOWN = {
    "nothing": (None, None),
    "primary": ("one", None),
    "primary, moved lately": ("one", None),
    "secondary": ("two", None),
    "gone": ("dead", None),
    "primary, secondary retires": ("one", "two"),
    "secondary, primary retires": ("two", "one"),
    "gone, primary retires": ("dead", "one"),
    "gone, secondary retires": ("dead", "two"),
}


# What a window and a retirement by policy have to do with: not who made the version, nor what it says of its slot.
POLICIES_MEET = {"nothing", "secondary, primary retires"}


def odd(published: PublishedSecret | None) -> bool:
    return published is not None and (published.slot_hint is not None or published.kind_hint == "publish")


def situations() -> Iterator[Situation]:
    unclear = {policy: replace(policy, unknown_word="pasued") for policy in POLICIES}
    for published, flag, known, policy in product(versions(), FLAGS, KNOWN, POLICIES):
        if known not in {"nothing", "secondary, primary retires"} and flag:
            continue
        if policy is not POLICY and (flag not in {None, "unclear"} or known not in POLICIES_MEET or odd(published)):
            continue
        key, retires = KNOWN[known]
        before = MOVED if "moved" in known else BEFORE
        if published and flag in {"json", "identity"}:
            shape = Shape.UNKNOWN if flag == "json" else Shape.IDENTITY
            published = replace(published, shape=shape, fingerprint=published.fingerprint and "")  # noqa: PLW2901
        if published and flag == "fault":
            published = replace(published, fault="bad-port")  # noqa: PLW2901 - the same version, written badly
        observation = Observation(
            provisioning_state={"busy": "Updating", "failed": "Failed"}.get(flag or "", "Succeeded"),
            local_auth_disabled=flag == "disabled",
            paused=flag == "paused",
            fingerprints=LIVE,
            published=published,
            run_open=flag == "open",
            owned=flag != "foreign" or published is None,
            publication=before.model_copy(update={"fingerprint": key}) if key else None,
            promised=Retirement(fingerprint=retires, after=NOW + timedelta(hours=5)) if retires else None,
        )
        yield Situation(observation, unclear[policy] if flag == "unclear" else policy)


def situations_with_verdicts() -> Iterator[Situation]:
    """What SignalR says of the keys, with the rest that matters then."""
    for observation, unclear in product(observations(versions(), LIVE), (False, True)):
        yield Situation(observation, replace(POLICY, unknown_word="pasued" if unclear else ""))
