"""How one resource is to be rotated: the app's settings, overridden by the resource's own tags.

Everyone who may write to the resource can write its tags. So a tag can choose only among what the settings allow:
never a vault that is not on the list.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import Misconfigured
from shared.domain.keys import SecretFormat
from shared.domain.resources import Resource, ResourceId
from shared.domain.rotation_window import ALLOWED, RotationWindow, rotation_window

OPT_IN_TAG = "key-rotation"
_ENABLED, _PAUSED = "enabled", "paused"
_OPTED_OUT = frozenset({"", "disabled", "off"})
_SECRET_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_LONGEST_DAYS = 3650
_LONGEST_HOURS = 87600
_ALWAYS = "always"
_PERIOD_TAG, _OVERLAP_TAG, _RETIRE_TAG = (
    "key-rotation-days",
    "key-rotation-overlap-hours",
    "key-rotation-retire-after-hours",
)
_WINDOW_TAG, _NOTICE_TAG = "key-rotation-window", "key-rotation-notice-days"


def place_of(vault_url: str, secret_name: str) -> tuple[str, str]:
    """A secret, to be compared: Key Vault compares names without regard to case."""
    return vault_url.lower(), secret_name.lower()


@dataclass(frozen=True, slots=True)
class Policy:
    """How one resource is to be rotated.

    `unknown_word`: what its tag `key-rotation` says instead of a word that it knows. Nobody can tell what was meant, so
    no key is changed by schedule. `retire_after`: how long after a rotation the key that it replaced is invalidated;
    None: never. `window`: when scheduled changes may begin; None: at any time. `notice`: how long before a rotation it
    is announced; zero: not at all. `spread`: how much sooner than after the period this very resource is due.
    """

    period: timedelta
    overlap: timedelta
    vault_url: str
    secret_name: str
    secret_format: SecretFormat
    paused: bool = False
    keeps_format: bool = False  # of an existing secret: the format is the settings', not the resource's tag's
    unknown_word: str = ""
    retire_after: timedelta | None = None
    window: RotationWindow | None = None
    notice: timedelta = timedelta()
    spread: timedelta = timedelta()

    @property
    def place(self) -> tuple[str, str]:
        """Where it publishes, as `place_of` compares it."""
        return place_of(self.vault_url, self.secret_name)

    def due(self, since: datetime) -> datetime:
        """When the next rotation is due of a resource whose key is published since then."""
        return since + self.period - self.spread

    def opens_at(self, now: datetime) -> datetime | None:
        """When scheduled changes may begin; None: now."""
        return self.window.opens_at(now) if self.window else None

    @property
    def max_key_age(self) -> timedelta:
        """How old a key grows at most: published for one period, then kept beside the next one.

        That is until it is invalidated (`retire_after`), or else until its slot has its turn, a period later.
        """
        return self.period + (self.period if self.retire_after is None else self.retire_after)


@dataclass(frozen=True, slots=True)
class PolicyDefaults:
    """What the settings say for every resource. `vaults`: all that may be written to.

    `retire_after_hours`, `notice_days` and `spread_hours` zero, `window` empty: none.
    """

    period_days: float
    overlap_hours: float
    vault_url: str
    vaults: frozenset[str]
    secret_name_template: str
    secret_format: SecretFormat
    retire_after_hours: float = 0
    window: str = ""
    notice_days: float = 0
    spread_hours: float = 0

    def policy_of(self, resource: Resource) -> Policy:
        """These, overridden by the resource's tags. Raises `Misconfigured` that names the tag."""
        tags = _Tags(resource)
        template = self.secret_name_template.format(name=resource.id.name, group=resource.id.group)
        name = tags.text("key-rotation-secret") or template
        if not _SECRET_NAME.fullmatch(name):
            raise tags.wrong("key-rotation-secret", name, "1-127 letters, digits and dashes")
        vault = (tags.text("key-rotation-vault") or self.vault_url).rstrip("/").lower()
        if vault not in self.vaults:
            raise tags.wrong("key-rotation-vault", vault, "a vault listed in ALLOWED_KEY_VAULT_URLS")
        period = timedelta(days=tags.number(_PERIOD_TAG, self.period_days, zero=False))
        overlap = timedelta(hours=tags.number(_OVERLAP_TAG, self.overlap_hours))
        if not timedelta() <= overlap < period:
            hours = overlap / timedelta(hours=1)
            if tags.text(_PERIOD_TAG) and not tags.text(_OVERLAP_TAG):
                allowed = f"longer than the overlap (OVERLAP_HOURS: {hours:g}), or a {_OVERLAP_TAG} of its own"
                raise tags.wrong(_PERIOD_TAG, tags.text(_PERIOD_TAG), allowed)
            raise tags.wrong(
                _OVERLAP_TAG, f"{hours:g}", f"less than the period ({period / timedelta(hours=1):g} hours)"
            )
        return Policy(
            period=period,
            overlap=overlap,
            vault_url=vault,
            secret_name=name,
            secret_format=tags.secret_format("key-rotation-format", self.secret_format),
            paused=tags.text(OPT_IN_TAG).lower() == _PAUSED,
            keeps_format=not tags.text("key-rotation-format"),
            unknown_word=unknown_word_of(resource),
            retire_after=self._retire_after(tags, overlap),
            window=tags.window(_WINDOW_TAG, self.window),
            notice=timedelta(days=tags.number(_NOTICE_TAG, self.notice_days)),
            spread=_spread(resource.id, timedelta(hours=self.spread_hours), period, overlap),
        )

    def _retire_after(self, tags: "_Tags", overlap: timedelta) -> timedelta | None:
        """How long the replaced key lives on; None: until its next turn. Never shorter than clients may need it."""
        hours = tags.number(_RETIRE_TAG, self.retire_after_hours, most=_LONGEST_HOURS)
        if not hours:
            return None
        least = overlap / timedelta(hours=1)
        if hours < least and tags.text(_RETIRE_TAG):
            allowed = f"0 (never), or no less than the overlap ({_OVERLAP_TAG} or OVERLAP_HOURS: {least:g})"
            raise tags.wrong(_RETIRE_TAG, tags.text(_RETIRE_TAG), allowed)
        if hours < least:
            allowed = f"no more than RETIRE_PREVIOUS_AFTER_HOURS ({hours:g}), or a {_RETIRE_TAG} of its own"
            raise tags.wrong(_OVERLAP_TAG, f"{least:g}", allowed)
        return timedelta(hours=hours)


def _spread(resource: ResourceId, whole: timedelta, period: timedelta, overlap: timedelta) -> timedelta:
    """A fixed part of the whole, by the resource's id, so that what was onboarded at once is not always due at once.

    Of a short period it takes a tenth at most, and nothing of the overlap.
    """
    digest = int.from_bytes(hashlib.sha256(resource.key.encode()).digest()[:4])
    part = min(whole, period / 10, period - overlap) * (digest / 2**32)
    return timedelta(seconds=int(part.total_seconds()))


def opted_in(resource: Resource) -> bool:
    """Whether its tag asks for rotation where resources are discovered; a paused one is managed as well."""
    return _Tags(resource).text(OPT_IN_TAG).lower() in {_ENABLED, _PAUSED}


def is_unclear(resource: Resource) -> bool:
    """Whether its tag neither opts in nor out where resources are discovered: a word that the app does not know."""
    return _Tags(resource).text(OPT_IN_TAG).lower() not in {_ENABLED, _PAUSED} | _OPTED_OUT


def unknown_word_of(resource: Resource) -> str:
    """What the tag of a managed resource says instead of a word that keeps it managed; empty where it says nothing.

    Where a setting names the resource, a word that opts out does not do so: it is unknown too.
    """
    word = _Tags(resource).text(OPT_IN_TAG)
    return "" if opted_in(resource) else word


def unknown_word(resource: Resource) -> Misconfigured:
    """The error of a resource whose tag says something else than the words that the app knows."""
    tags = _Tags(resource)
    out = "to opt out, take the tag away, and the resource out of SIGNALR_RESOURCE_IDS"
    allowed = f"{_ENABLED} or {_PAUSED} ({out}). Until then only repairs are made"
    return tags.wrong(OPT_IN_TAG, tags.text(OPT_IN_TAG), allowed)


class _Tags:
    """A resource's tags; ARM compares their names without regard to case."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._tags = {name.lower(): value.strip() for name, value in resource.tags.items()}

    def text(self, tag: str) -> str:
        return self._tags.get(tag, "")

    def window(self, tag: str, default: str) -> RotationWindow | None:
        text = self.text(tag) or default
        if not text or text.lower() == _ALWAYS:
            return None
        try:
            return rotation_window(text)
        except ValueError:
            raise self.wrong(tag, text, f"{_ALWAYS}, or {ALLOWED}") from None

    def number(self, tag: str, default: float, *, zero: bool = True, most: int = _LONGEST_DAYS) -> float:
        text = self.text(tag)
        if not text:
            return default
        try:
            number = float(text)
        except ValueError:
            number = -1
        if not 0 <= number <= most or (number == 0 and not zero):
            raise self.wrong(tag, text, f"a number {'from' if zero else 'above'} 0, up to {most}")
        return number

    def secret_format(self, tag: str, default: SecretFormat) -> SecretFormat:
        text = self.text(tag)
        try:
            return SecretFormat(text.lower()) if text else default
        except ValueError:
            raise self.wrong(tag, text, " or ".join(SecretFormat)) from None

    def wrong(self, tag: str, value: str, allowed: str) -> Misconfigured:
        name = self._resource.id.name
        return Misconfigured(f"tag {tag} of {name} is {value[:80]!r}; allowed is {allowed}", step="observe")
