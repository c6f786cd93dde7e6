"""The first sweep of an installation: what it found is not stored yet, and another sweep may be as far as it is."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.storage.blob.aio import BlobClient

from shared.composition import App
from shared.domain.resources import ResourceId
from shared.domain.swept_fleet import ManagedResource, SweptFleet
from tests.scale.conftest import Site

type Upload = Callable[..., Any]


def found(app: App, resource: str) -> SweptFleet:
    """What a sweep of now finds."""
    managed = ManagedResource.of(ResourceId.parse(resource), timedelta(days=120))
    return SweptFleet.of([managed], [], as_of=app.services.clock(), settings="these")


def uploads(monkeypatch: pytest.MonkeyPatch, changed: Callable[[Upload], Upload]) -> None:
    """Uploads of what a sweep found go through this; all others are as they were."""
    real = BlobClient.upload_blob
    through = changed(real)

    async def upload(blob: BlobClient, *args: Any, **how: Any) -> Any:
        return await (through if blob.blob_name.startswith("fleet") else real)(blob, *args, **how)

    monkeypatch.setattr(BlobClient, "upload_blob", upload)


@pytest.fixture
async def swept_before(site: Site) -> str:
    """A resource. A sweep has made the container, and what it found is gone again."""
    resource, app = site.resource(), site.app()
    await app.rotations.sweep()
    await app.services._container.delete_blob(f"fleet/{app.settings.installation}.json.gz")
    site.ahead += timedelta(minutes=1)
    return resource


def met(real: Upload) -> Upload:
    """The first two writers have both read that nothing is stored before either of them writes."""
    barrier, tries = asyncio.Barrier(2), iter(range(2))

    async def upload(*args: Any, **how: Any) -> Any:
        if next(tries, None) is not None:
            await barrier.wait()
        return await real(*args, **how)

    return upload


def lost(real: Upload) -> Upload:
    """The first one is carried out; its answer is lost, and what was sent again is told that the blob exists."""
    tries = iter(range(1))

    async def upload(*args: Any, **how: Any) -> Any:
        answer = await real(*args, **how)
        if next(tries, None) is not None:
            return await real(*args, **how)
        return answer

    return upload


async def test_of_two_first_looks_at_once_the_later_one_is_stored(
    site: Site, swept_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = site.app(), site.app()
    earlier = found(one, swept_before)
    later = earlier.model_copy(update={"as_of": earlier.as_of + timedelta(seconds=1)})
    site.ahead += timedelta(minutes=1)
    uploads(monkeypatch, met)

    async with asyncio.timeout(30):
        written = await asyncio.gather(one.services.swept.write(earlier), other.services.swept.write(later))

    assert written[1]
    assert later == await site.app().services.swept.read()


async def test_a_first_look_whose_answer_was_lost_is_stored(
    site: Site, swept_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = site.app()
    uploads(monkeypatch, lost)

    assert await app.services.swept.write(found(app, swept_before))


async def test_two_first_sweeps_at_once_both_come_to_their_end(
    site: Site, swept_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = site.app(), site.app()
    uploads(monkeypatch, met)

    async with asyncio.timeout(60):
        sent = await asyncio.gather(one.rotations.sweep(), other.rotations.sweep("another"))

    assert [[swept_before]] * 2 == [[each.resource for each in items] for items in sent]
