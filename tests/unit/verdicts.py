"""What SignalR says of listed keys, as facts of an observation: for the table of decisions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from shared.domain.keys import Slot
from shared.domain.observation import Observation, PublishedSecret, RejectedKey

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RECENT, LONG_AGO = NOW - timedelta(hours=2), NOW - timedelta(hours=25)
LATE = RejectedKey(slot=Slot.SECONDARY, fingerprint="two", at=RECENT)
SUSPECT = RejectedKey(slot=Slot.PRIMARY, fingerprint="one", at=RECENT)
# What SignalR says of listed keys: facts of an observation, for versions that hold the Primary key, or a dead one.
VERDICTS: dict[str, dict[str, Any]] = {
    "late": {"rejected": LATE, "accepted": {Slot.SECONDARY: False}},
    "late, without a verdict": {"rejected": LATE},
    "late, long ago": {"rejected": LATE.model_copy(update={"at": LONG_AGO})},
    "late, accepted": {"rejected": LATE, "accepted": {Slot.PRIMARY: True, Slot.SECONDARY: True}},
    "late of a revocation": {
        "rejected": LATE.model_copy(update={"retire": True}),
        "accepted": {Slot.PRIMARY: False, Slot.SECONDARY: True},
    },
    "late of a revocation, not accepted": {
        "rejected": LATE.model_copy(update={"retire": True}),
        "accepted": {Slot.SECONDARY: False},
    },
    "late of a revocation, long ago": {
        "rejected": LATE.model_copy(update={"retire": True, "at": LONG_AGO}),
        "accepted": {Slot.SECONDARY: False},
    },
    "late of a policy, long ago": {
        "rejected": LATE.model_copy(update={"retire": True, "by_policy": True, "at": LONG_AGO}),
        "accepted": {Slot.SECONDARY: False},
    },
    "late, none accepted": {"rejected": LATE, "suspect": SUSPECT, "accepted": dict.fromkeys(Slot, False)},
    "rejected": {"accepted": {Slot.PRIMARY: False, Slot.SECONDARY: True}},
    "rejected, another before": {
        "suspect": SUSPECT.model_copy(update={"fingerprint": "gone"}),
        "accepted": {Slot.PRIMARY: False},
    },
    "rejected a moment ago": {
        "suspect": SUSPECT.model_copy(update={"at": NOW - timedelta(minutes=14)}),
        "accepted": {Slot.PRIMARY: False, Slot.SECONDARY: True},
    },
    "rejected twice": {"suspect": SUSPECT, "accepted": {Slot.PRIMARY: False, Slot.SECONDARY: True}},
    "rejected twice, the other too": {"suspect": SUSPECT, "accepted": dict.fromkeys(Slot, False)},
    "rejected once": {"suspect": SUSPECT, "accepted": {Slot.PRIMARY: True}},
    "retired, unseen": {"unconfirmed": Slot.SECONDARY, "accepted": {Slot.SECONDARY: False}},
    "retired, seen": {"unconfirmed": Slot.SECONDARY, "accepted": {Slot.SECONDARY: True}},
    "neither": {"accepted": dict.fromkeys(Slot, False)},
}


def observations(versions: Iterable[PublishedSecret | None], listed: Mapping[Slot, str]) -> Iterator[Observation]:
    """Every verdict, with every retirement and age of a version that the app made, badly written or not."""
    made = [each for each in versions if each and each.kind_hint == "rotate"]
    one, dead = ("one", Slot.PRIMARY), "dead"
    kept = [
        each
        for each in made
        if (each.slot_hint and each.fingerprint == dead)
        or (each.fingerprint, each.slot_hint) == one
        or (each.fingerprint == "one" and each.retirement and each.retirement.by_policy)
    ]
    for published, facts, fault in product(kept, VERDICTS.values(), ("", "bad-port")):
        yield Observation(
            "Succeeded",
            local_auth_disabled=False,
            paused=False,
            fingerprints=listed,
            published=replace(published, fault=fault),
            **facts,
        )
