"""The emulators as every test here meets them: fresh, and seen through clients nobody here wrote."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.eventgrid.aio import EventGridPublisherClient
from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.signalr.aio import SignalRManagementClient

from local.azure.client import AzureEmulator


@pytest.fixture(scope="session")
def emulators(folder: Path) -> Iterator[AzureEmulator]:
    with AzureEmulator.start(folder, operation_seconds=(0.1, 0.2)) as azure:
        yield azure


@pytest.fixture
def azure(emulators: AzureEmulator, monkeypatch: pytest.MonkeyPatch) -> AzureEmulator:
    """As new, with the process's environment pointing at it as the Functions platform would."""
    emulators.reset()
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, emulators.env[name])
    # The synchronous clients are built on requests, which looks here and not at SSL_CERT_FILE.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", emulators.env["SSL_CERT_FILE"])
    return emulators


@dataclass(frozen=True)
class Chat:
    """One SignalR resource."""

    id: str
    group: str = "live"
    name: str = "chat"

    @property
    def subscription(self) -> str:
        return self.id.split("/")[2]


@pytest.fixture
def chat(azure: AzureEmulator) -> Chat:
    return Chat(azure.create_signalr("chat", tags={"team": "web"}))


@pytest.fixture
async def credential(azure: AzureEmulator) -> AsyncIterator[ManagedIdentityCredential]:
    async with ManagedIdentityCredential(client_id=azure.env["AZURE_CLIENT_ID"]) as credential:
        yield credential


@pytest.fixture
async def arm(
    azure: AzureEmulator, chat: Chat, credential: ManagedIdentityCredential
) -> AsyncIterator[SignalRManagementClient]:
    """The aio client with its retries off, so that each test sees the first answer."""
    async with SignalRManagementClient(
        credential, chat.subscription, base_url=azure.arm, retry_total=0, polling_interval=0.05
    ) as client:
        yield client


@pytest.fixture
async def vault(azure: AzureEmulator, credential: ManagedIdentityCredential) -> AsyncIterator[SecretClient]:
    async with SecretClient(azure.vaults[0], credential, verify_challenge_resource=False, retry_total=0) as client:
        yield client


@pytest.fixture
async def topic(azure: AzureEmulator, credential: ManagedIdentityCredential) -> AsyncIterator[EventGridPublisherClient]:
    async with EventGridPublisherClient(azure.env["EVENT_GRID_TOPIC_ENDPOINT"], credential, retry_total=0) as client:
        yield client
