"""Fifty triggers of every kind at once, for one resource, in two host processes, while somebody uses the key."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.consumer import Consumer
from local.functions_host.client import FunctionsHost
from local.negotiate_server import NegotiateServer
from tests.world import ROOT, SUBSCRIPTION, app_settings, running_host, secret_name, until

TRIGGERS = 50


@pytest.fixture(scope="module")
def hosts(azure: AzureEmulator, hosts_storage: Azurite, folder: Path) -> Iterator[list[FunctionsHost]]:
    """Two hosts of one app: one storage account, one queue. The timer of one of them fires every second by itself."""
    every_second = app_settings(azure, hosts_storage, ROTATION_SCHEDULE="* * * * * *")
    with (
        running_host(azure, hosts_storage, folder) as one,
        FunctionsHost.start(ROOT, every_second, schedule=True, log=folder / "host-timer.log") as two,
    ):
        yield [one, two]


def near_expiry(secret_id: str, number: int) -> dict[str, object]:
    """What Event Grid delivers when a version is about to expire (Key Vault as Event Grid source)."""
    vault, _, name, version = secret_id.removeprefix("https://").split("/")
    return {
        "id": f"crowd-{number}",
        "topic": "/subscriptions/0/resourceGroups/live/providers/Microsoft.KeyVault/vaults/local",
        "subject": name,
        "eventType": "Microsoft.KeyVault.SecretNearExpiry",
        "eventTime": datetime.now(UTC).isoformat(),
        "dataVersion": "1",
        "data": {"Id": secret_id, "VaultName": vault, "ObjectType": "Secret", "ObjectName": name, "Version": version},
    }


def deliver(host: FunctionsHost, event: dict[str, object]) -> None:
    headers = {"aeg-event-type": "Notification"}
    host.request(
        "POST", host.event_grid_path("incoming_event"), key=None, json=[event], headers=headers
    ).raise_for_status()


def triggers(hosts: list[FunctionsHost], resource: str, secret_id: str) -> list[Callable[[], object]]:
    """A run of the timer by hand, a sweep and a rotation over HTTP, and an event, in turns, on both hosts."""
    kinds: list[Callable[[FunctionsHost, int], object]] = [
        lambda host, _: host.run("sweep"),
        lambda host, _: host.request("POST", "/api/rotate"),
        lambda host, _: host.request("POST", "/api/rotate", json={"resource": resource}).raise_for_status(),
        lambda host, n: deliver(host, near_expiry(secret_id, n)),
    ]
    return [lambda n=n: kinds[n % len(kinds)](hosts[n // len(kinds) % len(hosts)], n) for n in range(TRIGGERS)]


def test_fifty_triggers_at_once_are_one_rotation(azure: AzureEmulator, hosts: list[FunctionsHost]) -> None:
    resource = azure.create_signalr(f"crowd{os.getpid()}", subscription=SUBSCRIPTION, tags={"key-rotation": "enabled"})
    secret, key = secret_name(resource), azure.valid_keys(resource)["Primary"]
    value = f"Endpoint={azure.connection_endpoint(resource)};AccessKey={key};Version=1.0;"
    long_ago = datetime.now(UTC) - timedelta(days=61)
    version = azure.put_secret(secret, value, tags={"CredentialId": "Primary"}, created=long_ago).rsplit("/", 1)[-1]
    secret_id = f"{azure.vaults[0]}/secrets/{secret}/{version}"
    with NegotiateServer.start(azure.env, secret, read_again_seconds=0.2) as server:
        consumer = Consumer.start(azure.env, [server.url])
        with ThreadPoolExecutor(TRIGGERS) as crowd:
            done = [crowd.submit(trigger) for trigger in triggers(hosts, resource, secret_id)]
        for host in hosts:
            host.idle()
        newest = azure.secrets()[secret][-1]["version"]
        until(lambda: server.health()["version"] == newest or None)
        report = consumer.stop()

    assert [] == [each.exception() for each in done if each.exception()]
    assert ["Secondary"] == [each["keyType"] for each in azure.regenerations(resource)]
    assert 2 == len(azure.secrets()[secret]), "one version to begin with, and one more"
    events = [event for event in azure.events() if event["source"] == resource]
    assert {"SignalRKeyRotation.KeyRotated"} == {event["type"] for event in events}, json.dumps(events, indent=1)
    assert 1 == len({event["id"] for event in events})
    assert (0, 0) == (report.rejected, report.unanswered)
    assert report.calls > TRIGGERS // 2
