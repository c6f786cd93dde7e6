"""Lists of the fleet: what they know of it between two sweeps, what they cost, and what they never hide."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from azure.storage.blob.aio import BlobClient

from shared.composition import App
from shared.dashboard.status import State
from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from shared.http.messages import HttpRequest
from shared.rotation.inventory import PageStart
from tests.scale.conftest import Site


def wish(resource: str, **how: object) -> RotationCommand:
    return RotationCommand("http", ResourceId.parse(resource), Mode.ROTATE, **how)


async def paged(app: App, most: int) -> list[list[str]]:
    """The resources of each page."""
    return [[each.resource for each in page.entries] async for page in app.inventory.pages(most=most)]


async def fleet_page(app: App) -> str:
    """The headline of the dashboard, and its warning."""
    variables = (await app.dashboard.view(HttpRequest("GET", "https://app/api/dashboard", {}))).variables
    return f"{variables['view'].headline}. {variables['warning']}"


@asynccontextmanager
async def fleet_blob(site: Site, app: App) -> AsyncIterator[BlobClient]:
    """Where the last sweep stored what is managed."""
    name = f"fleet/{app.settings.installation}.json.gz"
    blob = BlobClient.from_connection_string(site.storage.connection_string, "signalr-rotation", name)
    async with blob:
        yield blob


def listings(site: Site, mark: int) -> int:
    """How often ARM was asked for a list since then."""
    return site.operations(mark).count("SignalR.list")


# -- what a list costs


async def test_lists_ask_azure_for_nothing_once_a_sweep_has_ended(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    mark = site.mark()

    listed = await paged(app, 100)
    await fleet_page(app)

    assert ([[resource]], []) == (listed, site.operations(mark))


async def test_until_a_sweep_has_ended_arm_is_asked_once(site: Site) -> None:
    app = site.app()
    expected = [[site.resource()] for _ in range(3)]
    mark = site.mark()

    listed = await paged(app, 1)
    await fleet_page(app)

    assert (sorted(expected), 1) == (sorted(each for each in listed if each), listings(site, mark))


async def test_dry_run_of_a_sweep_stores_nothing_for_lists(site: Site) -> None:
    app = site.app()
    site.resource()

    await app.rotations.preview(RotationCommand("http"))

    assert await app.services.swept.read() is None


# -- what is listed


async def test_pages_of_any_size_hold_every_resource_once_and_in_order(site: Site) -> None:
    """Some have a record, some none yet; names are made so that their order differs from that of their blobs' names."""
    begin = f"p{site.subscription[:8]}"
    recorded = [site.resource(name=f"{begin}{end}") for end in ("", "-2", "-10", "0")]
    app = site.app()
    await site.swept(app)
    unrecorded = [site.resource(name=f"{begin}{end}") for end in ("-1", "-3", "1")]
    left = site.resource(name=f"{begin}-4")
    await site.asked(app, wish(left))
    site.azure.update_signalr(left, tags={"key-rotation": "off"})
    site.ahead += timedelta(minutes=1)
    await app.rotations.sweep()

    pages = {most: await paged(app, most) for most in (1, 2, 3, 100)}

    expected = sorted({*recorded, *unrecorded}, key=lambda each: ResourceId.parse(each).order)
    assert [expected] * 4 == [[each for page in listed for each in page] for listed in pages.values()]
    assert [True] * 4 == [all(len(page) <= most for page in listed) for most, listed in pages.items()]


async def test_pages_go_on_where_they_were_whatever_changes_between_them(site: Site) -> None:
    begin = f"q{site.subscription[:8]}"
    app, names = site.app(), [f"{begin}-{number}" for number in range(4)]
    first, *_, last = [site.resource(name=name) for name in names]
    await site.swept(app)
    page, following = await app.inventory.page(most=2, start=PageStart())
    assert following
    site.azure.delete_signalr(first)
    new = site.resource(name=f"{begin}-2-new")
    await site.swept(app)

    rest, end = await app.inventory.page(most=10, start=following)

    seen = [ResourceId.parse(each.resource).name for each in (*page.entries, *rest.entries)]
    assert (sorted([*names, ResourceId.parse(new).name]), None) == (sorted(seen), end)
    assert {new, last} <= {each.resource for each in rest.entries}


async def test_resource_that_was_asked_for_since_the_sweep_is_listed(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    late = site.resource()
    await site.asked(app, wish(late))

    assert {resource, late} == {each for page in await paged(app, 100) for each in page}


async def test_resources_of_a_scope_that_could_not_be_listed_stay_on_the_list(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    site.azure.fault("SignalR.list", status=403, times=1)
    await site.swept(app)

    assert [[resource]] == await paged(app, 100)


async def test_settings_that_name_others_are_followed_before_the_next_sweep(site: Site) -> None:
    resource = site.resource()
    await site.swept(site.app())
    other = site.resource(subscription=(elsewhere := site.subscription[:-4] + "0001"))

    assert [[other]] == await paged(site.app(SIGNALR_SUBSCRIPTION_IDS=elsewhere), 100)
    assert [[resource]] == await paged(site.app(), 100)


async def test_resource_that_no_sweep_has_found_yet_has_a_page_of_its_own(site: Site) -> None:
    app = site.app()
    site.resource()
    await site.swept(app)
    late = site.resource()

    view = await app.dashboard.view(HttpRequest("GET", f"https://app/api/dashboard?resource={late}", {}))

    assert State.UNSEEN is view.variables["view"].status.state


# -- what is told of each is of now


async def test_rotation_since_the_sweep_shows_at_once(site: Site) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)

    outcome = await site.asked(app, wish(resource, force=True))

    [entry] = (await app.inventory.listing()).entries
    assert outcome
    assert entry.snapshot
    assert (outcome.slot, outcome.fingerprint) == (entry.snapshot.published_slot, entry.snapshot.fingerprint)


async def test_what_failed_since_the_sweep_is_no_all_clear(site: Site) -> None:
    app, resource = site.app(KEY_EFFECT_TIMEOUT_SECONDS=0.2), site.resource()
    site.resource()
    await site.swept(app)
    site.azure.configure(resource, outcome="unchanged")

    await site.asked(app, wish(resource, force=True))

    assert "1 of 2 resources needs attention. " == await fleet_page(app)


# -- the sweep that stores it


async def test_fleet_that_cannot_be_stored_stops_no_sweep_and_is_told(site: Site) -> None:
    """Another client holds a lease on the blob."""
    app = site.app()
    site.resource()
    await site.swept(app)
    site.resource()
    async with fleet_blob(site, app) as blob:
        await blob.acquire_lease()
        swept = await site.swept(app)

    assert 2 == len(swept)
    assert "The last sweep could not store which resources are managed" in await fleet_page(app)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x1f\x8bhalf", id="cut"),
        pytest.param(b"no gzip", id="no gzip"),
        pytest.param(gzip.compress(b"x" * 999)[:10] + b"\xff" * 50, id="damaged"),
        pytest.param(gzip.compress(b"{}"), id="of another shape"),
    ],
)
async def test_stored_fleet_that_cannot_be_read_is_replaced_by_a_look_and_by_the_next_sweep(
    site: Site, content: bytes
) -> None:
    app, resource = site.app(), site.resource()
    await site.swept(app)
    async with fleet_blob(site, app) as blob:
        await blob.upload_blob(content, overwrite=True)
    mark = site.mark()
    looked = await paged(app, 100), listings(site, mark)
    await site.swept(app)
    mark = site.mark()

    assert ([[resource]], 1) == looked
    assert ([[resource]], 0) == (await paged(app, 100), listings(site, mark))


async def test_age_that_the_policy_allows_is_that_of_the_tags(site: Site) -> None:
    app = site.app()
    tagged, usual, wrong = (
        site.resource(tags) for tags in ({"key-rotation-days": "10"}, {}, {"key-rotation-days": "x"})
    )
    await site.swept(app)

    told = {each.resource: each.max_age_days for each in (await app.inventory.listing()).entries}

    assert {tagged: 20, usual: 120, wrong: None} == told


async def test_age_that_the_policy_allows_is_known_of_a_named_resource_too(site: Site) -> None:
    """A sweep does not read its tags: its last snapshot tells."""
    resource = site.resource({"key-rotation-days": "10"})
    app = site.app(SIGNALR_RESOURCE_IDS=resource, SIGNALR_SUBSCRIPTION_IDS="")
    for _ in range(2):
        await site.swept(app)

    assert [20] == [each.max_age_days for each in (await app.inventory.listing()).entries]
