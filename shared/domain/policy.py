"""How one resource is to be rotated: the app's settings, overridden by the resource's own tags.

Everyone who may write to the resource can write its tags. So a tag can choose only among what the settings allow:
never a vault that is not on the list.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.errors import Misconfigured
from shared.domain.keys import SecretFormat
from shared.domain.resources import Resource

OPT_IN_TAG = "key-rotation"
_ENABLED, _PAUSED = "enabled", "paused"
_OPTED_OUT = frozenset({"", "disabled", "off"})
_SECRET_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_LONGEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Policy:
    """How one resource is to be rotated.

    `unknown_word`: what its tag `key-rotation` says instead of a word that it knows. Nobody can tell what was meant, so
    no key is changed by schedule.
    """

    period: timedelta
    overlap: timedelta
    vault_url: str
    secret_name: str
    secret_format: SecretFormat
    paused: bool = False
    keeps_format: bool = False  # of an existing secret: the format is the settings', not the resource's tag's
    unknown_word: str = ""


@dataclass(frozen=True, slots=True)
class PolicyDefaults:
    """What the settings say for every resource. `vaults`: all that may be written to."""

    period_days: float
    overlap_hours: float
    vault_url: str
    vaults: frozenset[str]
    secret_name_template: str
    secret_format: SecretFormat

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
        period = timedelta(days=tags.number("key-rotation-days", self.period_days, zero=False))
        overlap = timedelta(hours=tags.number("key-rotation-overlap-hours", self.overlap_hours))
        if not timedelta() <= overlap < period:
            raise tags.wrong("key-rotation-overlap-hours", f"{overlap}", f"less than the period ({period})")
        return Policy(
            period=period,
            overlap=overlap,
            vault_url=vault,
            secret_name=name,
            secret_format=tags.secret_format("key-rotation-format", self.secret_format),
            paused=tags.text(OPT_IN_TAG).lower() == _PAUSED,
            keeps_format=not tags.text("key-rotation-format"),
            unknown_word=tags.text(OPT_IN_TAG) if tags.text(OPT_IN_TAG).lower() not in {"", _ENABLED, _PAUSED} else "",
        )


def opted_in(resource: Resource) -> bool:
    """Whether its tag asks for rotation where resources are discovered; a paused one is managed as well."""
    return _Tags(resource).text(OPT_IN_TAG).lower() in {_ENABLED, _PAUSED}


def is_unclear(resource: Resource) -> bool:
    """Whether its tag neither opts in nor out where resources are discovered: a word that the app does not know."""
    return _Tags(resource).text(OPT_IN_TAG).lower() not in {_ENABLED, _PAUSED} | _OPTED_OUT


def unknown_word(resource: Resource) -> Misconfigured:
    """The error of a resource whose tag says something else than the words that the app knows."""
    tags = _Tags(resource)
    allowed = f"{_ENABLED} or {_PAUSED} (take the tag away to opt out). Until then only repairs are made"
    return tags.wrong(OPT_IN_TAG, tags.text(OPT_IN_TAG), allowed)


class _Tags:
    """A resource's tags; ARM compares their names without regard to case."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._tags = {name.lower(): value.strip() for name, value in resource.tags.items()}

    def text(self, tag: str) -> str:
        return self._tags.get(tag, "")

    def number(self, tag: str, default: float, *, zero: bool = True) -> float:
        text = self.text(tag)
        if not text:
            return default
        try:
            number = float(text)
        except ValueError:
            number = -1
        if not 0 <= number <= _LONGEST_DAYS or (number == 0 and not zero):
            raise self.wrong(tag, text, "a number above 0, up to 3650")
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
