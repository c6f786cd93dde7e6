"""What the last sweep found to be managed: one value for the whole fleet, so that a list of it asks ARM for nothing.

It says which resources there are and what their policies ask. What was observed of each is not part of it: that stands
in the resource's own record, which changes between two sweeps.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self

from pydantic import Field

from shared.domain.resources import ResourceId
from shared.domain.wire import Wire

FORMAT = 1


class ManagedResource(Wire):
    """One of them. `max_age_days`: how old its policy lets a key grow; None where its tags were not read, or are wrong.

    A resource that is named by a setting and known already is not read by the sweep.
    """

    resource: str
    max_age_days: float | None = None

    @classmethod
    def of(cls, resource: ResourceId, max_age: timedelta | None) -> Self:
        """One resource and the age that its policy allows."""
        return cls(resource=str(resource), max_age_days=max_age / timedelta(days=1) if max_age else None)


class SweptFleet(Wire):
    """All of them, `as_of` the moment at which the sweep began to look.

    `settings` tells which settings chose them: after another choice it says nothing. `strays` have a record of this
    installation and are not managed any more. `changed_elsewhere` counts how often, lately, the app had to answer
    what was done to a published key outside of it; only where that was more than once.
    """

    format: int = FORMAT
    as_of: datetime
    settings: str = Field(description="Digest of the resources, groups and subscriptions that the settings name")
    managed: tuple[ManagedResource, ...] = ()
    strays: tuple[str, ...] = ()
    changed_elsewhere: Mapping[str, int] = {}

    @classmethod
    def of(
        cls,
        managed: Iterable[ManagedResource],
        strays: Iterable[ResourceId],
        *,
        as_of: datetime,
        settings: str,
        changed_elsewhere: Mapping[str, int] | None = None,
    ) -> Self:
        """These, in the order of lists."""
        members = tuple(sorted(managed, key=lambda each: ResourceId.parse(each.resource).order))
        return cls(
            as_of=as_of,
            settings=settings,
            managed=members,
            strays=tuple(map(str, strays)),
            changed_elsewhere=changed_elsewhere or {},
        )

    @cached_property
    def by_order(self) -> dict[str, ManagedResource]:
        """The managed resources by their place in lists, in that order."""
        return {ResourceId.parse(each.resource).order: each for each in self.managed}

    @cached_property
    def _orders(self) -> list[str]:
        return [*self.by_order]

    @cached_property
    def _stray_orders(self) -> frozenset[str]:
        return frozenset(ResourceId.parse(each).order for each in self.strays)

    def between(self, after: str, until: str | None) -> list[str]:
        """The places of the managed resources after the one, up to and with the other (None: to the end)."""
        end = None if until is None else bisect_right(self._orders, until)
        return self._orders[bisect_right(self._orders, after) : end]

    def includes(self, order: str, *, foreign: bool) -> bool:
        """Whether the resource of a record is managed: found by the sweep, or taken on by name since then.

        `foreign`: another installation wrote the record.
        """
        return order in self.by_order or not (foreign or order in self._stray_orders)

    def replaces(self, stored: Self, now: datetime) -> bool:
        """Whether it is to be written over what is stored: not over a later look of another sweep.

        What was looked at after `now` was looked at by a clock that was wrong, and stands in nobody's way.
        """
        return stored.settings != self.settings or stored.as_of <= self.as_of or stored.as_of > now
