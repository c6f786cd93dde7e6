"""The negotiate server of docs/consumers/python: one process, started once, and what SignalR says to its tokens."""

from collections.abc import Iterator
from contextlib import contextmanager

import jwt
import pytest
import requests

from local.consumer import Consumer
from local.negotiate_server import NegotiateServer
from tests.http.conftest import HttpWorld
from tests.world import secret_name, until

NEVER = 86400.0


@contextmanager
def server(
    world: HttpWorld, resource: str, *, subscribed: bool = True, read_again_seconds: float = NEVER
) -> Iterator[NegotiateServer]:
    """A negotiate server for the resource. Held to the end: it is the process that was started."""
    with NegotiateServer.start(
        world.azure.env, secret_name(resource), read_again_seconds=read_again_seconds
    ) as negotiate:
        if subscribed:
            world.azure.deliver_events_to(negotiate.events_url)
        yield negotiate
        assert negotiate.alive


def accepted(world: HttpWorld, negotiate: NegotiateServer) -> int:
    """What SignalR answers to a client that negotiates."""
    _, given = negotiate.request("POST", "/negotiate")
    url = given["url"].replace("/client/?", "/client/negotiate?")
    headers = {"Authorization": f"Bearer {given['accessToken']}"}
    return requests.post(url, headers=headers, verify=world.azure.env["SSL_CERT_FILE"], timeout=10).status_code


def negotiated(world: HttpWorld, resource: str, since: int) -> set[int]:
    """What SignalR has answered to clients of the resource since then."""
    made = world.azure.requests("signalr", since)
    return {one["status"] for one in made if f"/{resource.rsplit('/', 1)[1]}/client/negotiate" in one["path"]}


def newest(world: HttpWorld, resource: str) -> str:
    return str(world.versions(resource)[-1]["version"])


@pytest.mark.parametrize("at_root", [False, True])
def test_its_token_is_accepted(world: HttpWorld, at_root: bool) -> None:  # noqa: FBT001 - a parameter of the test
    resource = world.resource()
    if at_root:
        world.azure.serve_at_root(resource)
    world.ended(world.rotate({"resource": resource, "mode": "resync"}))

    with server(world, resource) as negotiate:
        assert 200 == accepted(world, negotiate)


def test_new_key_is_taken_up_on_the_event(world: HttpWorld) -> None:
    """Two rotations: after the second, a token signed with the first key would be rejected."""
    resource = world.adopted()
    with server(world, resource) as negotiate:
        before = negotiate.health()

        for _ in range(2):
            world.rotated(resource)
            version = newest(world, resource)
            until(lambda version=version: negotiate.health()["version"] == version or None)

        assert 200 == accepted(world, negotiate)
        assert before["started"] == negotiate.health()["started"]


def test_event_is_of_its_secret_whatever_the_case_of_the_name(world: HttpWorld) -> None:
    """Names of Key Vault have none."""
    resource = world.adopted()
    with NegotiateServer.start(world.azure.env, secret_name(resource).upper(), read_again_seconds=NEVER) as negotiate:
        world.azure.deliver_events_to(negotiate.events_url)
        negotiate.health()
        world.rotated(resource)

        until(lambda: negotiate.health()["version"] == newest(world, resource) or None)


def test_new_key_is_taken_up_on_a_401(world: HttpWorld) -> None:
    """No event reaches it: it learns from the service that its key is invalid, and the call succeeds all the same."""
    resource = world.adopted()
    with server(world, resource, subscribed=False) as negotiate:
        before = negotiate.health()
        world.rotated(resource)
        world.rotated(resource)

        status, _ = negotiate.request("POST", "/send", "hello")

        assert 204 == status
        assert {"started": before["started"], "version": newest(world, resource)} == negotiate.health()
        assert 200 == accepted(world, negotiate)


def test_new_key_is_taken_up_after_a_while(world: HttpWorld) -> None:
    resource = world.adopted()
    with server(world, resource, subscribed=False, read_again_seconds=0.5) as negotiate:
        world.rotated(resource)

        until(lambda: negotiate.health()["version"] == newest(world, resource) or None)


def test_clients_of_a_server_that_follows_are_not_rejected_and_of_one_that_does_not_are(world: HttpWorld) -> None:
    """What `make demo` counts can be other than nought."""
    resource = world.adopted()
    with server(world, resource) as follows, server(world, resource, subscribed=False) as stays:
        stays.health()
        clients = [Consumer.start(world.azure.env, [one.url]) for one in (follows, stays)]
        for _ in range(2):
            world.rotated(resource)
            version = newest(world, resource)
            until(lambda version=version: follows.health()["version"] == version or None)
        since = world.azure.requests()[-1]["n"]
        until(lambda: {200, 401} <= negotiated(world, resource, since) or None)

        good, bad = (client.stop() for client in clients)

    assert (0, 0) == (good.rejected, good.unanswered)
    assert good.calls > 0
    assert bad.rejected > 0


@pytest.mark.parametrize("status", [403, 404, 429, 503])
def test_whatever_signalr_answers_but_200_counts_as_rejected(world: HttpWorld, status: int) -> None:
    """What `make demo` counts are tokens that served a client, and not those that no key was at fault for."""
    resource = world.adopted()
    with server(world, resource, subscribed=False) as negotiate:
        since = world.azure.requests()[-1]["n"]
        world.azure.fault("Client.negotiate", resource=resource, status=status, times=1)
        client = Consumer.start(world.azure.env, [negotiate.url])
        until(lambda: {200, status} == negotiated(world, resource, since) or None)

        report = client.stop()

    assert (1, 0) == (report.rejected, report.unserved)


def test_server_that_gives_no_token_counts_as_unserved(world: HttpWorld) -> None:
    """Else one server's clients would hide that another's never came."""
    served, without_secret = world.adopted(), world.resource()
    with server(world, served, subscribed=False) as gives, server(world, without_secret, subscribed=False) as does_not:
        since = world.azure.requests()[-1]["n"]
        client = Consumer.start(world.azure.env, [gives.url, does_not.url])
        until(lambda: {200} == negotiated(world, served, since) or None)

        report = client.stop()

    assert (0, 0, 1) == (report.rejected, report.unanswered, report.unserved)


def test_vault_that_fails_leaves_the_key_in_use(world: HttpWorld) -> None:
    resource = world.adopted()
    with server(world, resource, subscribed=False, read_again_seconds=0.0) as negotiate:
        negotiate.health()
        world.azure.fault("KeyVault.getSecret", resource=_address(world, resource), status=403, times=1)

        assert 200 == accepted(world, negotiate)
        assert newest(world, resource) == negotiate.health()["version"]


def test_newest_version_that_is_no_connection_string_leaves_the_key_in_use(world: HttpWorld) -> None:
    resource = world.adopted()
    with server(world, resource, subscribed=False, read_again_seconds=0.0) as negotiate:
        held = negotiate.health()
        world.azure.put_secret(secret_name(resource), "not a connection string")

        assert 200 == accepted(world, negotiate)
        assert held == negotiate.health()


def test_without_a_secret_it_answers_503(world: HttpWorld) -> None:
    with server(world, world.resource(), subscribed=False) as negotiate:
        assert 503 == negotiate.request("POST", "/negotiate")[0]


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_events_need_the_code(world: HttpWorld, method: str) -> None:
    with server(world, world.adopted()) as negotiate:
        assert 401 == negotiate.request(method, "/events?code=guessed", "{}")[0]


def test_token_holds_no_key_and_lives_an_hour(world: HttpWorld) -> None:
    resource = world.adopted()
    with server(world, resource) as negotiate:
        _, given = negotiate.request("POST", "/negotiate")

    claims = jwt.decode(given["accessToken"], options={"verify_signature": False})
    assert {"aud", "exp"} == set(claims)
    assert f"{world.azure.connection_endpoint(resource)}/client/?hub=chat" == claims["aud"] == given["url"]


def _address(world: HttpWorld, resource: str) -> str:
    return f"{world.azure.vaults[0]}/secrets/{secret_name(resource)}"
