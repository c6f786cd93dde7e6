"""The whole local cloud: one tenant, one clock, every service on a port of its own."""

import secrets
import socket
from pathlib import Path
from random import Random

from local.azure.arm import errors
from local.azure.arm.deployments import Deployments
from local.azure.arm.scopes import Scopes
from local.azure.arm.service import ResourceManager
from local.azure.arm.signalr_provider import PAGE_SIZE, SignalRProvider
from local.azure.call import Service
from local.azure.certificates import authority, server_context
from local.azure.clock import Clock
from local.azure.event_grid import topic
from local.azure.event_grid.deliveries import Deliveries
from local.azure.event_grid.system_events import key_regenerated, secret_event
from local.azure.event_grid.topic import EventGridTopic
from local.azure.faults import Faults
from local.azure.identity.guard import Guard, Wording
from local.azure.identity.login import Login
from local.azure.identity.managed_identity import Identity
from local.azure.identity.roles import APP_ACTIONS, Roles
from local.azure.identity.tokens import LIFETIME_SECONDS, Authority, Principal
from local.azure.key_vault import errors as key_vault_errors
from local.azure.key_vault.service import KeyVault
from local.azure.key_vault.vault import Secret, Vault, Version
from local.azure.request_log import RequestLog
from local.azure.signalr.at_root import AtRoot
from local.azure.signalr.client_endpoint import ClientEndpoint
from local.azure.signalr.data_plane import DataPlane
from local.azure.signalr.resource import Regeneration, SignalR, Variant
from local.azure.signalr.service import SignalRService
from local.azure.throttling import TokenBuckets, Transactions
from local.azure.wire import Wire

TENANT = "72f98800-0000-4000-8000-000000000001"
SUBSCRIPTION = "5ab5c4b0-0000-4000-8000-000000000001"
GROUP = "live"
APP = Principal("app", "a99c11e0-0000-4000-8000-000000000001", "a990b1ec-0000-4000-8000-000000000001")
"""The user-assigned identity the app runs with."""
OPERATOR = Principal("operator", "09e7a704-0000-4000-8000-000000000001", "09e7b1ec-0000-4000-8000-000000000001")
"""A service principal with a secret that may do anything: for command lines and SDKs other than the app's."""


class Cloud:
    """All services and the state they share. Construct, `open`, use, `close`."""

    def __init__(self, folder: Path, *, seed: int, vaults: int, variant: Variant, short_keys: bool = False) -> None:
        self.clock = Clock()
        self.random = Random(seed)
        self.faults = Faults()
        self.log = RequestLog()
        self.roles = Roles()
        self.authority = Authority(TENANT, self.clock, self.random)
        self.deliveries = Deliveries(self.clock, self.random)
        self.signalr = SignalRService(self.clock, self.random, variant, short_keys=short_keys)
        self.signalr.on_regenerated = self._regenerated
        self.groups: set[tuple[str, str]] = set()
        self.vaults: dict[str, Vault] = {}
        self.buckets = TokenBuckets(self.clock)
        self.transactions: list[Transactions] = []
        self._folder = folder
        self._wires: list[tuple[Wire, bool]] = []
        self._at_root: dict[str, str] = {}
        # Not from the seed: whoever knows the seed must not know what lets the app in.
        self._identity_secret = secrets.token_hex(16)
        self._operator_secret = secrets.token_hex(16)
        self._serve_all(vaults)
        self.reset()

    def reset(self) -> None:
        """As new: no resources, secrets, events, faults or subscriptions, real time, the usual roles.

        Addresses, the signing key and the sequence of random numbers go on.
        """
        for part in (self.signalr, self.faults, self.log, self.roles, self.deliveries, self.buckets):
            part.clear()
        for vault, transactions in zip(self.vaults.values(), self.transactions, strict=True):
            vault.clear()
            transactions.clear()
        self.topic.events.clear()
        self.clock.reset()
        self.authority.lifetime_seconds = LIFETIME_SECONDS
        self.provider.page_size = PAGE_SIZE
        self._at_root.clear()
        self.groups.clear()
        self.groups.add((SUBSCRIPTION, GROUP))
        self.roles.assign(APP.object_id, APP_ACTIONS, "/")
        self.roles.assign(OPERATOR.object_id, ["*"], "/")

    def _serve_all(self, vaults: int) -> None:
        listeners = {name: _listener() for name in ("arm", "signalr", "eventgrid", "identity", "login")}
        self.urls = {name: _url(listener, tls=name != "identity") for name, listener in listeners.items()}
        self._serve(Login(self.authority, [(OPERATOR, self._operator_secret)]), listeners["login"])
        for number in range(1, vaults + 1):
            self._serve_vault(f"vault-{number}", _listener(), self.urls["login"])
        self.provider = SignalRProvider(self.signalr, self.endpoint)
        scopes = Scopes(TENANT, self.urls["login"], next(iter(self.vaults)), self.groups)
        guard = self._guard((*errors.AUDIENCES, self.urls["arm"]), errors.wording(TENANT))
        deployments = Deployments(self.signalr, self.groups, self._outputs)
        routes = (*self.provider.routes(), *deployments.routes())
        self._serve(ResourceManager(routes, scopes, guard, self.buckets), listeners["arm"])
        self._data_plane = ClientEndpoint(DataPlane(self.signalr, self.clock), self.signalr, self.clock)
        self._serve(self._data_plane, listeners["signalr"])
        self.topic = EventGridTopic(
            self._guard((topic.AUDIENCE,), topic.wording()),
            _scope("Microsoft.EventGrid/topics", "rotations"),
            self.clock.now,
        )
        self.topic.on_event = lambda event: self.deliveries.deliver("topic", event)
        self._serve(self.topic, listeners["eventgrid"])
        self._serve(Identity(self.authority, self._identity_secret, [APP]), listeners["identity"], tls=False)

    def _serve_vault(self, name: str, listener: socket.socket, login: str) -> None:
        vault = Vault(name, _url(listener), _scope("Microsoft.KeyVault/vaults", name), self.clock, self.random)
        vault.on_new_version = self._new_version
        self.vaults[vault.url] = vault
        guard = self._guard((key_vault_errors.AUDIENCE,), key_vault_errors.wording(login, TENANT, name))
        transactions = Transactions(self.clock)
        self.transactions.append(transactions)
        self._serve(KeyVault(vault, guard, transactions), listener)

    def throttle(self, *, enabled: bool) -> None:
        """Switch Resource Manager's and Key Vault's limits on or off."""
        self.buckets.enabled = enabled
        for vault in self.transactions:
            vault.enabled = enabled

    def endpoint(self, resource: SignalR) -> str:
        """What a resource's connection strings name as its endpoint."""
        return self._at_root.get(resource.id) or f"{self.urls['signalr']}/{resource.name.lower()}"

    async def serve_at_root(self, resource: SignalR) -> str:
        """Give a resource an address without a path; its connection strings name that from now on."""
        listener = _listener()
        wire = Wire(AtRoot(self._data_plane, resource.name), listener, self.faults, self.log, self.clock)
        self._wires.append((wire, True))
        await wire.open(server_context(self._folder))
        self._at_root[resource.id] = _url(listener)
        return self._at_root[resource.id]

    @property
    def env(self) -> dict[str, str]:
        """The app settings that point an app at this cloud."""
        vaults = list(self.vaults)
        return {
            "SSL_CERT_FILE": str(authority(self._folder)),
            "IDENTITY_ENDPOINT": f"{self.urls['identity']}/msi/token",
            "IDENTITY_HEADER": self._identity_secret,
            "AZURE_CLIENT_ID": APP.client_id,
            "AZURE_RESOURCE_MANAGER_URL": self.urls["arm"],
            "KEY_VAULT_URL": vaults[0],
            "ALLOWED_KEY_VAULT_URLS": ",".join(vaults),
            "EVENT_GRID_TOPIC_ENDPOINT": f"{self.urls['eventgrid']}/api/events",
        }

    def _outputs(self) -> dict[str, str]:
        return {"vault": next(iter(self.vaults)), "topic": f"{self.urls['eventgrid']}/api/events"}

    @property
    def operator(self) -> dict[str, str]:
        """How to sign in as the operator."""
        return {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_CLIENT_ID": OPERATOR.client_id,
            "AZURE_CLIENT_SECRET": self._operator_secret,
            "AZURE_AUTHORITY_HOST": self.urls["login"],
        }

    async def open(self) -> None:
        """Serve all of it."""
        tls = server_context(self._folder)
        for wire, secure in self._wires:
            await wire.open(tls if secure else None)

    async def close(self) -> None:
        """Stop serving."""
        await self.deliveries.close()
        for wire, _ in self._wires:
            await wire.close()

    def _serve(self, service: Service, listener: socket.socket, *, tls: bool = True) -> None:
        self._wires.append((Wire(service, listener, self.faults, self.log, self.clock), tls))

    def _guard(self, audiences: tuple[str, ...], wording: Wording) -> Guard:
        return Guard(self.authority, self.roles, audiences, wording)

    def _regenerated(self, resource: SignalR, regeneration: Regeneration) -> None:
        event = key_regenerated(self.random, self.clock.now(), TENANT, resource, regeneration)
        self.deliveries.deliver("resources", event)

    def _new_version(self, vault: Vault, secret: Secret, version: Version) -> None:
        event = secret_event(self.random, "NewVersionCreated", vault, secret, version)
        self.deliveries.deliver("keyvault", event)


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


def _url(listener: socket.socket, *, tls: bool = True) -> str:
    return f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"


def _scope(kind: str, name: str) -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{kind}/{name}"
