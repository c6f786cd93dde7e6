"""A storage account and hosts of the sample app, each on a queue of its own so that none takes another's messages."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from local.functions_host import FunctionsHost, Limits
from tests.host.sample import APPS, NEVER, Sample


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite.start(tmp_path_factory.mktemp("azurite")) as azurite:
        yield azurite


@pytest.fixture(scope="session")
def start(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Sample]]:
    """Start a host of the sample app; all are gone at the end of the session."""
    numbers = itertools.count()
    hosts: list[FunctionsHost] = []
    service = QueueServiceClient.from_connection_string(azurite.connection_string)

    def start(
        *,
        schedule: bool = False,
        limits: Limits | None = None,
        queue: str | None = None,
        app: str = "sample",
        **settings: str,
    ) -> Sample:
        name = queue or f"sample-{next(numbers)}"
        env = {"AzureWebJobsStorage": azurite.connection_string, "SAMPLE_QUEUE": name, "SAMPLE_SCHEDULE": NEVER}
        env |= {"SAMPLE_SLOW_SCHEDULE": NEVER, "AzureFunctionsWebHost__hostid": name} | settings
        log = tmp_path_factory.mktemp("log") / "host.jsonl"
        host = FunctionsHost.start(APPS / app, env, schedule=schedule, limits=limits, log=log)
        hosts.append(host)
        return Sample(host, service.get_queue_client(name), service.get_queue_client(f"{name}-poison"), env)

    yield start
    for host in hosts:
        host.kill()


@pytest.fixture(scope="session")
def sample(start: Callable[..., Sample]) -> Sample:
    """One host that tests share as long as they leave its clock and its life alone."""
    shared = start()
    shared.queue.create_queue()
    return shared


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Chain and key of 127.0.0.1, and the authority that signed them."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    chain, key, trust = folder / "chain.pem", folder / "key.pem", folder / "ca.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trust)
    return chain, key, trust
