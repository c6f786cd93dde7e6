"""What counts as SignalR's word that a key works, and what is published without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import jwt
import pytest
from aiohttp import web

from shared.adapters.http_transport import plain_session
from shared.adapters.signalr_probe import SignalRProbe
from shared.adapters.worker_clock import WorkerClock
from shared.domain.keys import AccessKey, Slot
from shared.domain.record import Outcome
from shared.rotation.ports import Verdict
from tests.integration.engine import Engine

NOBODY = {"x-ms-error-code": "Warning.User.NotExisted"}


def published(engine: Engine) -> str:
    return str(engine.versions[-1]["value"]).split("AccessKey=")[1].split(";")[0]


def front(engine: Engine, times: int = 500, **answer: object) -> None:
    """What stands before the data plane answers everybody alike."""
    engine.azure.fault("DataPlane.probe", times=times, resource=engine.resource, **answer)


async def lagging(engine: Engine, seconds: float) -> Outcome:
    """A rotation whose new key takes effect later than ARM says."""
    engine.azure.configure(engine.resource, data_plane_lag=seconds)
    return await engine.rotate()


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 503},
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 404},
        {"status": 404, "headers": {"x-ms-error-code": "Odd"}},
        {"status": 302},
    ],
    ids=str,
)
async def test_a_blip_of_the_data_plane_publishes_no_key_that_signalr_rejects(
    engine: Engine, answer: dict[str, object]
) -> None:
    front(engine, times=3, **answer)

    outcome = await lagging(engine, seconds=0.8)

    assert ("Succeeded", "dataplane") == (outcome.result, outcome.verified)
    assert engine.azure.accepts(engine.resource, published(engine))


@pytest.mark.parametrize("answer", [{"status": 200}, {"status": 404, "headers": NOBODY}], ids=str)
async def test_a_front_that_accepts_everybody_proves_nothing(engine: Engine, answer: dict[str, object]) -> None:
    """A random key is accepted as well. So nothing is published before the window ends, and then by ARM's word."""
    front(engine, **answer)
    began = asyncio.get_running_loop().time()

    outcome = await engine.rotate()

    assert ("Succeeded", "arm") == (outcome.result, outcome.verified)
    assert asyncio.get_running_loop().time() - began > engine.app.services.effect_seconds


async def test_a_front_that_accepts_everybody_for_a_while_is_waited_for(engine: Engine) -> None:
    front(engine, times=4, status=404, headers=NOBODY)

    outcome = await lagging(engine, seconds=0.8)

    assert ("Succeeded", "dataplane") == (outcome.result, outcome.verified)
    assert engine.azure.accepts(engine.resource, published(engine))


async def test_a_key_that_was_rejected_is_not_published_on_arms_word(engine: Engine) -> None:
    """SignalR rejects it, and is out of reach when the window ends: what is known of the key is the rejection."""
    engine.azure.configure(engine.resource, data_plane_lag=30)
    engine.azure.fault("DataPlane.probe", status=503, times=500, skip=7, resource=engine.resource)

    outcome = await engine.rotate()

    assert ("Failed", "KeyRefused") == (outcome.result, outcome.code)
    assert 1 == len(engine.versions)


async def test_a_network_rule_is_not_waited_for(engine: Engine) -> None:
    front(engine, status=403)
    before = len(engine.azure.requests("signalr"))

    outcome = await engine.rotate()

    assert ("Succeeded", "arm") == (outcome.result, outcome.verified)
    assert len(engine.azure.requests("signalr")) - before <= 4


async def test_a_single_403_is_no_network_rule(engine: Engine) -> None:
    front(engine, times=1, status=403)

    outcome = await engine.rotate()

    assert "dataplane" == outcome.verified


async def test_a_random_key_is_tried_once_a_rotation(engine: Engine) -> None:
    """Three probes in all: the new key twice, and the random one."""
    before = len(engine.azure.requests("signalr"))

    await engine.rotate()

    probes = engine.azure.requests("signalr")[before:]
    assert [401, 404, 404] == sorted(probe["status"] for probe in probes)


async def test_a_published_key_that_was_renewed_elsewhere_is_repaired_although_a_front_answers_404(
    engine: Engine,
) -> None:
    await engine.sweep()
    engine.azure.regenerate_in_portal(engine.resource, "Primary")
    front(engine, times=1, status=404)

    outcome = await engine.sweep()

    assert "repair" == outcome.cause
    assert engine.azure.accepts(engine.resource, published(engine))


# -- the probe alone


@asynccontextmanager
async def service(status: int = 401, **headers: str) -> AsyncIterator[tuple[str, list[web.BaseRequest]]]:
    """Something that answers every request alike, and keeps what it was asked."""
    asked: list[web.BaseRequest] = []

    async def reply(request: web.BaseRequest) -> web.Response:
        asked.append(request)
        return web.Response(status=status, headers=headers)

    runner = web.ServerRunner(web.Server(reply))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


@pytest.fixture
async def probe() -> AsyncIterator[SignalRProbe]:
    async with plain_session(keep_open=False) as session:
        yield SignalRProbe(session, WorkerClock())


@pytest.mark.parametrize(
    "endpoint",
    [
        *("", "https://", "https:///", "nonsense", "https://host:port", "https://host:99999", "https://[::1", "//host"),
        *("https://exa mple", "https://münchen.example.invalid", "https://" + "ü" * 70, "ftp://host", "https://host\n"),
        *("https://.", "https://host:-1", "https://user@:0", "\ud800", "https://\ud800.example", "https://\x00"),
        *("https://xn--\u00df", "https://" + "a" * 300, "javascript:1", "http://127.0.0.1:1", "https://host:0"),
    ],
)
async def test_no_endpoint_makes_a_probe_raise(probe: SignalRProbe, endpoint: str) -> None:
    verdict = await probe.probe(AccessKey(Slot.PRIMARY, endpoint, "key" * 20))

    assert verdict in {Verdict.UNREACHABLE, Verdict.CLOSED}
    assert not await probe.discriminates(endpoint)


@pytest.mark.parametrize("key", ["", "ü", "\ud800", "-----BEGIN PUBLIC KEY-----", "ssh-rsa AAAA", "k" * 10_000])
async def test_no_key_makes_a_probe_raise(probe: SignalRProbe, key: str) -> None:
    async with service() as (endpoint, _):
        assert await probe.probe(AccessKey(Slot.PRIMARY, endpoint, key)) in {Verdict.REJECTED, Verdict.UNREACHABLE}


async def test_each_probe_has_a_connection_of_its_own(probe: SignalRProbe) -> None:
    async with service() as (endpoint, asked):
        ports = set()
        for _ in range(3):
            await probe.probe(AccessKey(Slot.PRIMARY, endpoint, "key" * 20))
            ports.add((asked[-1].transport and asked[-1].remote) or len(asked))

        assert 3 == len({id(request.protocol) for request in asked})


async def test_a_name_that_does_not_resolve_is_closed(probe: SignalRProbe) -> None:
    verdict = await probe.probe(AccessKey(Slot.PRIMARY, "https://chat.service.signalr.invalid", "key" * 20))

    assert verdict in {Verdict.CLOSED, Verdict.UNREACHABLE}, "UNREACHABLE where there is no resolver to tell"


def at(seconds_ahead: float) -> str:
    """The Date header that a worker whose clock is ahead by so much sees."""
    return format_datetime(datetime.now(UTC) - timedelta(seconds=seconds_ahead), usegmt=True)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, 0), (30, 0), (-200, 0), (-290, 0), (-660, -660), (90, 90), (3600, 3600)]
)
async def test_a_clock_that_tokens_cannot_bear_is_told(probe: SignalRProbe, seconds: int, expected: int) -> None:
    async with service(Date=at(seconds)) as (endpoint, _):
        for _ in range(2):
            await probe.probe(AccessKey(Slot.PRIMARY, endpoint, "key" * 20))

    assert expected == pytest.approx(probe.clock_error_seconds, abs=2)


async def test_a_clock_that_was_set_right_is_no_finding_any_more(probe: SignalRProbe) -> None:
    found = []
    for seconds in (-900, -900, 0):
        async with service(Date=at(seconds)) as (endpoint, _):
            await probe.probe(AccessKey(Slot.PRIMARY, endpoint, "key" * 20))
        found.append(probe.clock_error_seconds)

    assert [False, True, False] == [error < 0 for error in found], "one answer's word is none"


async def test_a_token_is_dated_a_minute_back_and_lives_five_minutes(probe: SignalRProbe) -> None:
    async with service() as (endpoint, asked):
        await probe.probe(AccessKey(Slot.PRIMARY, endpoint, "key" * 20))
    claims = jwt.decode(asked[0].headers["Authorization"].split()[1], options={"verify_signature": False})

    now = datetime.now(UTC).timestamp()
    assert (-60, -60, 300) == tuple(pytest.approx(claims[name] - now, abs=2) for name in ("nbf", "iat", "exp"))
    assert asked[0].path == "/" + claims["aud"].partition("://")[2].partition("/")[2]


async def test_a_rejected_key_costs_one_request(probe: SignalRProbe) -> None:
    """The audience without the query is enough: the service heeds no query."""
    async with service() as (endpoint, asked):
        await probe.probe(AccessKey(Slot.PRIMARY, endpoint, "key" * 20))

    assert 1 == len(asked)
