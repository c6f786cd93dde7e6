"""Which resources are managed, and under which policy each of them is.

Settings name resources, or groups and subscriptions to discover them in; a resource's own tags override the policy. A
tag is written by whoever may write to the resource, so it can choose only among what the settings allow: never a vault
that is not on the list.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from shared.adapters.arm_signalr import ArmSignalR
from shared.domain.errors import Misconfigured, NotFound, RotationError
from shared.domain.keys import SecretFormat
from shared.domain.policy import Policy
from shared.domain.resources import Resource, ResourceId, Scope
from shared.settings import Settings

log = logging.getLogger("rotation.fleet")

OPT_IN_TAG = "key-rotation"
_AT_ONCE = 8
_ENABLED, _PAUSED = "enabled", "paused"
_SECRET_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found: every managed resource, with what ARM's list says of it (None: it was only named).

    `unreadable` are the subscriptions and groups that could not be listed, and why.
    """

    found: Mapping[ResourceId, Resource | None]
    unreadable: Mapping[Scope, RotationError]


class Fleet:
    """The managed resources."""

    def __init__(self, settings: Settings, signalr: ArmSignalR) -> None:
        self._settings = settings
        self._signalr = signalr

    async def survey(self) -> Discovery:
        """Every managed resource, each once: those named first, then those discovered by their tag.

        Subscriptions and groups are listed side by side, and one that can't be does not stop the others. Raises what
        ARM raises only where nothing at all is found.
        """
        found: dict[ResourceId, Resource | None] = dict.fromkeys(self._settings.resources)
        unreadable: dict[Scope, RotationError] = {}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def look(scope: Scope) -> list[Resource]:
            async with slots:
                try:
                    return [resource async for resource in self._signalr.discover(scope)]
                except RotationError as error:
                    log.error("subscription not listed", extra={"subscription": scope.name, "code": error.code})  # noqa: TRY400 - its text is in the record
                    unreadable[scope] = error
                    return []

        for listed in await asyncio.gather(*map(look, self._settings.scopes)):
            found |= {each.id: each for each in listed if self.includes(each)}
        if unreadable and not found:
            raise next(iter(unreadable.values()))
        return Discovery(found, unreadable)

    async def find(self) -> AsyncIterator[ResourceId]:
        """Every managed resource that `survey` finds."""
        for resource in (await self.survey()).found:
            yield resource

    async def describe(self, resources: Iterable[ResourceId]) -> dict[ResourceId, Resource]:
        """What ARM knows of each of these. One that can't be read is left out: it is told when its turn comes."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def look(resource: ResourceId) -> Resource | None:
            async with slots:
                try:
                    return await self._signalr.get(resource)
                except RotationError:
                    return None

        return {each.id: each for each in await asyncio.gather(*map(look, resources)) if each}

    def names(self, resource: ResourceId) -> bool:
        """Whether the settings name this very resource."""
        return resource in self._settings.resources

    def includes(self, resource: Resource) -> bool:
        """Whether it is managed: named, or opted in by its tag where resources are discovered."""
        return self.names(resource.id) or (self._searches(resource.id) and _opted_in(resource))

    async def manages(self, resource: ResourceId) -> bool:
        """Whether a request may name this resource. One that does not exist may not be named."""
        if self.names(resource):
            return True
        if not self._searches(resource):
            return False
        with suppress(NotFound):
            return _opted_in(await self._signalr.get(resource))
        return False

    def _searches(self, resource: ResourceId) -> bool:
        return any(scope.covers(resource) for scope in self._settings.scopes)

    def policy(self, resource: Resource) -> Policy:
        """The settings, overridden by the resource's tags. Raises `Misconfigured` that names the tag."""
        settings, tags = self._settings, {name.lower(): value.strip() for name, value in resource.tags.items()}
        name = tags.get("key-rotation-secret") or settings.SECRET_NAME_TEMPLATE.format(
            name=resource.id.name, group=resource.id.group
        )
        if not _SECRET_NAME.fullmatch(name):
            raise _bad(resource, "key-rotation-secret", name, "1-127 letters, digits and dashes")
        vault = (tags.get("key-rotation-vault") or settings.KEY_VAULT_URL).rstrip("/")
        if vault not in settings.vaults:
            raise _bad(resource, "key-rotation-vault", vault, "a vault listed in ALLOWED_KEY_VAULT_URLS")
        period = timedelta(days=_number(resource, tags, "key-rotation-days", settings.ROTATION_PERIOD_DAYS))
        overlap = timedelta(hours=_number(resource, tags, "key-rotation-overlap-hours", settings.OVERLAP_HOURS))
        if not timedelta() <= overlap < period:
            raise _bad(resource, "key-rotation-overlap-hours", f"{overlap}", f"less than the period ({period})")
        return Policy(
            period=period,
            overlap=overlap,
            vault_url=vault,
            secret_name=name,
            secret_format=_format(resource, tags, settings.SECRET_FORMAT),
            paused=tags.get(OPT_IN_TAG, "").lower() == _PAUSED,
        )


def _opted_in(resource: Resource) -> bool:
    tags = {name.lower(): value.strip().lower() for name, value in resource.tags.items()}
    return tags.get(OPT_IN_TAG) in {_ENABLED, _PAUSED}


def _number(resource: Resource, tags: Mapping[str, str], tag: str, default: float) -> float:
    text = tags.get(tag)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 3650 or (number == 0 and tag == "key-rotation-days"):  # noqa: PLR2004 - ten years
        raise _bad(resource, tag, text, "a number above 0, up to 3650")
    return number


def _format(resource: Resource, tags: Mapping[str, str], default: SecretFormat) -> SecretFormat:
    text = tags.get("key-rotation-format")
    try:
        return SecretFormat(text.lower()) if text else default
    except ValueError:
        raise _bad(resource, "key-rotation-format", str(text), " or ".join(SecretFormat)) from None


def _bad(resource: Resource, tag: str, value: str, allowed: str) -> Misconfigured:
    return Misconfigured(f"tag {tag} of {resource.id.name} is {value[:80]!r}; allowed is {allowed}", step="observe")
