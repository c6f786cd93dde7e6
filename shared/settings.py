"""Every setting of the app, validated together: all faults are reported at once, each by its name.

The names are the app settings of the Functions app (environment variables), upper case, as in
`local.settings.sample.json`. Unset and empty mean the same: the portal cannot tell them apart either.
"""

import hashlib
import os
import re
import socket
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.domain.errors import Misconfigured
from shared.domain.keys import SecretFormat
from shared.domain.policy import PolicyDefaults
from shared.domain.resources import ResourceId, Scope
from shared.domain.rollout import Waves
from shared.domain.rotation_window import rotation_window
from shared.domain.schedule import longest_gap

ARM_ENDPOINTS = {
    "AzureCloud": "https://management.azure.com",
    "AzureUSGovernment": "https://management.usgovcloudapi.net",
    "AzureChinaCloud": "https://management.chinacloudapi.cn",
}
SCHEDULE = "0 7 * * * *"
FUNCTION_TIMEOUT_SECONDS = 1800
"""`functionTimeout` in host.json: the platform ends the worker process, with all its runs, after that."""
OTHER_STEPS_SECONDS = 200
"""What a run takes besides waiting for operations and for keys to take effect, at most."""
_SECRET_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_EXAMPLE_GUID = "11111111-2222-3333-4444-555555555555"
_HOURLY = timedelta(hours=1)
_SOONEST_SILENCE = timedelta(minutes=15)


def _list(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever it was given
    if isinstance(value, str):
        return tuple(part.strip() for part in re.split(r"[,;\s]+", value) if part.strip())
    return value


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc:
        raise ValueError("must be an https:// URL")
    return url.rstrip("/")


def _vault(url: str) -> str:
    """Host names are compared without regard to case, so there is one spelling of each."""
    return _https(url).lower()


def _subscription_ids(ids: tuple[str, ...]) -> tuple[str, ...]:
    for text in ids:
        if not _GUID.fullmatch(text):
            raise ValueError(f"not the id of a subscription: {text[:100]!r}; expected a GUID such as {_EXAMPLE_GUID}")
    return ids


def _resource_ids(ids: tuple[str, ...]) -> tuple[str, ...]:
    for text in ids:
        ResourceId.parse(text)
    return ids


def _resource_group_ids(ids: tuple[str, ...]) -> tuple[str, ...]:
    for text in ids:
        Scope.of_group(text)
    return ids


def _secret_template(template: str) -> str:
    try:
        name = template.format(name="a", group="a")
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError("may only use the placeholders {name} and {group}") from error
    if not _SECRET_NAME.fullmatch(name):
        raise ValueError("must make names of 1-127 letters, digits and dashes (Key Vault's rule)")
    return template


def _window(text: str) -> str:
    return rotation_window(text).text if text else ""


HttpsUrl = Annotated[str, AfterValidator(_https)]
VaultUrl = Annotated[str, AfterValidator(_vault)]
CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_list)]


class Settings(BaseSettings):
    """The app settings. `docs/reference/configuration.md` explains each; `load()` reads them from the environment."""

    model_config = SettingsConfigDict(case_sensitive=True, env_ignore_empty=True, extra="ignore", frozen=True)

    AzureWebJobsStorage: str | None = Field(None, description="Storage connection string; local work only")
    AzureWebJobsStorage__accountName: str | None = Field(None, description="Storage account, reached by identity")
    AzureWebJobsStorage__blobServiceUri: HttpsUrl | None = Field(None, description="Blob endpoint, where unusual")
    AzureWebJobsStorage__queueServiceUri: HttpsUrl | None = Field(None, description="Queue endpoint, where unusual")

    SIGNALR_RESOURCE_IDS: Annotated[CommaList, AfterValidator(_resource_ids)] = Field(
        (), description="ARM ids of the SignalR resources to rotate, separated by commas"
    )
    SIGNALR_RESOURCE_GROUP_IDS: Annotated[CommaList, AfterValidator(_resource_group_ids)] = Field(
        (), description="ARM ids of resource groups in which resources tagged key-rotation=enabled are rotated"
    )
    SIGNALR_SUBSCRIPTION_IDS: Annotated[CommaList, AfterValidator(_subscription_ids)] = Field(
        (), description="Subscriptions in which resources tagged key-rotation=enabled are rotated"
    )
    KEY_VAULT_URL: VaultUrl = Field(description="The vault that holds the published secrets")
    ALLOWED_KEY_VAULT_URLS: Annotated[tuple[VaultUrl, ...], NoDecode, BeforeValidator(_list)] = Field(
        (), description="Vaults that a resource's tag may name; KEY_VAULT_URL always may"
    )
    SECRET_NAME_TEMPLATE: Annotated[str, AfterValidator(_secret_template)] = Field(
        "{name}-connection-string", description="Name of the secret; {name} and {group} are the resource's"
    )
    SECRET_FORMAT: SecretFormat = Field(SecretFormat.CONNECTION_STRING, description="What the secret holds")
    EVENT_GRID_TOPIC_ENDPOINT: HttpsUrl = Field(description="Endpoint of the topic that every change is published to")
    EVENT_TYPE_PREFIX: str = Field("SignalRKeyRotation", pattern=r"^[A-Za-z][A-Za-z0-9.]*$", description="Event types")
    ROTATION_SCHEDULE: str = Field(SCHEDULE, description="NCRONTAB of the sweep; the platform reads it")
    ROTATION_PERIOD_DAYS: float = Field(60, gt=0, le=3650, description="Days between two rotations of a resource")
    OVERLAP_HOURS: float = Field(48, ge=0, le=2160, description="Hours both keys stay valid after a new one is out")
    RETIRE_PREVIOUS_AFTER_HOURS: float = Field(
        0, ge=0, le=87600, description="Hours after a rotation at which the key it replaced is invalidated; 0: never"
    )
    ROTATION_WINDOW: Annotated[str, AfterValidator(_window)] = Field(
        "", description="When scheduled rotations and retirements may begin; empty: at any time"
    )
    NOTICE_DAYS: float = Field(
        7, ge=0, le=365, description="Days before a rotation is due that it is announced; 0: none"
    )
    ROTATION_SPREAD_HOURS: float = Field(
        24, ge=0, le=2160, description="Over how many hours what was onboarded at once is due; 0: at once"
    )
    KEY_EFFECT_TIMEOUT_SECONDS: float = Field(120, gt=0, le=533, description="How long a new key may take to work")
    FIRST_POLL_SECONDS: float = Field(
        13, gt=0, le=60, description="Seconds before ARM's operation is first polled; sooner where few run"
    )
    OPERATION_TIMEOUT_SECONDS: float = Field(600, gt=0, le=800, description="How long ARM's operation may take")
    OVERDUE_GRACE_HOURS: float = Field(48, gt=0, le=2160, description="Hours past due after which an alert is raised")
    ROTATION_WAVES: str = Field(
        "1,10%,100%", description="How many of more than ten due resources are rotated, wave by wave; 100%: all at once"
    )
    WAVE_INTERVAL_MINUTES: float = Field(15, ge=1, le=1440, description="Minutes between two waves, at least")
    AZURE_CLOUD: Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] = Field(
        "AzureCloud", description="Which Azure"
    )
    AZURE_RESOURCE_MANAGER_URL: HttpsUrl | None = Field(None, description="ARM's endpoint, instead of the cloud's own")
    AZURE_CLIENT_ID: str | None = Field(None, description="Client id of the user-assigned identity")

    REQUIRED_APP_ROLE: str = Field("", description="App role that HTTP callers must have on top of a key")
    REQUIRED_ADMIN_ROLE: str = Field(
        "", description="App role for what can reject clients (force, revoke, a shorter overlap) or ends a hold"
    )

    @field_validator("ROTATION_WAVES")
    @classmethod
    def _waves(cls, text: str) -> str:
        Waves.parse(text, timedelta())
        return text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.SIGNALR_RESOURCE_IDS and not self.scopes:
            raise ValueError(
                "set SIGNALR_RESOURCE_IDS, SIGNALR_RESOURCE_GROUP_IDS or SIGNALR_SUBSCRIPTION_IDS: "
                "there is nothing to rotate"
            )
        by_uri = self.AzureWebJobsStorage__blobServiceUri and self.AzureWebJobsStorage__queueServiceUri
        if not (self.AzureWebJobsStorage or self.AzureWebJobsStorage__accountName or by_uri):
            raise ValueError(
                "set AzureWebJobsStorage__accountName, or both AzureWebJobsStorage__blobServiceUri and "
                "AzureWebJobsStorage__queueServiceUri (or AzureWebJobsStorage for local work)"
            )
        if self.longest_run_seconds > FUNCTION_TIMEOUT_SECONDS:
            raise ValueError(
                "two OPERATION_TIMEOUT_SECONDS and three KEY_EFFECT_TIMEOUT_SECONDS must end "
                f"{OTHER_STEPS_SECONDS} s before functionTimeout in host.json ({FUNCTION_TIMEOUT_SECONDS} s)"
            )
        if self.OVERLAP_HOURS >= self.ROTATION_PERIOD_DAYS * 24:
            raise ValueError("OVERLAP_HOURS must be shorter than ROTATION_PERIOD_DAYS: no rotation would ever be due")
        if 0 < self.RETIRE_PREVIOUS_AFTER_HOURS < self.OVERLAP_HOURS:
            raise ValueError(
                f"RETIRE_PREVIOUS_AFTER_HOURS ({self.RETIRE_PREVIOUS_AFTER_HOURS:g}) must be 0 or no less than "
                f"OVERLAP_HOURS ({self.OVERLAP_HOURS:g}): clients may hold the replaced key until then"
            )
        return self

    @cached_property
    def resources(self) -> tuple[ResourceId, ...]:
        """The explicitly named resources, each once."""
        return tuple(dict.fromkeys(ResourceId.parse(text) for text in self.SIGNALR_RESOURCE_IDS))

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """Where resources are discovered, each once: a group of a subscription that is searched anyway adds nothing."""
        whole = dict.fromkeys(Scope(text.lower()) for text in self.SIGNALR_SUBSCRIPTION_IDS)
        groups = dict.fromkeys(Scope.of_group(text) for text in self.SIGNALR_RESOURCE_GROUP_IDS)
        return (*whole, *(group for group in groups if Scope(group.subscription) not in whole))

    @property
    def longest_run_seconds(self) -> float:
        """How long one run can take: an operation that changes nothing is repeated once, then the key is verified."""
        waits = 2 * self.OPERATION_TIMEOUT_SECONDS + 3 * self.KEY_EFFECT_TIMEOUT_SECONDS
        return waits + OTHER_STEPS_SECONDS

    @property
    def waves(self) -> Waves:
        """How scheduled rotations are spread where many are due at once."""
        return Waves.parse(self.ROTATION_WAVES, timedelta(minutes=self.WAVE_INTERVAL_MINUTES))

    @property
    def vaults(self) -> frozenset[str]:
        """Every vault the app may write to."""
        return frozenset({self.KEY_VAULT_URL, *self.ALLOWED_KEY_VAULT_URLS})

    @property
    def silent_after(self) -> timedelta:
        """How long without a sweep is too long: three periods. A schedule that can't be read counts as hourly."""
        return max(3 * (longest_gap(self.ROTATION_SCHEDULE) or _HOURLY), _SOONEST_SILENCE)

    @property
    def policy_defaults(self) -> PolicyDefaults:
        """What holds for every resource whose tags say nothing else."""
        return PolicyDefaults(
            period_days=self.ROTATION_PERIOD_DAYS,
            overlap_hours=self.OVERLAP_HOURS,
            vault_url=self.KEY_VAULT_URL,
            vaults=self.vaults,
            secret_name_template=self.SECRET_NAME_TEMPLATE,
            secret_format=self.SECRET_FORMAT,
            retire_after_hours=self.RETIRE_PREVIOUS_AFTER_HOURS,
            window=self.ROTATION_WINDOW,
            notice_days=self.NOTICE_DAYS,
            spread_hours=self.ROTATION_SPREAD_HOURS,
        )

    @cached_property
    def installation(self) -> str:
        """The name of this installation, the same after every restart: the function app's, or else the machine's.

        With it goes a digest of vault and topic: two installations on one machine differ in those. What the app manages
        is no part of it, so that a resource that is no longer named has left, and is not somebody else's.
        """
        site = os.environ.get("WEBSITE_SITE_NAME") or socket.gethostname()
        publishes_to = f"{self.KEY_VAULT_URL}\n{self.EVENT_GRID_TOPIC_ENDPOINT}".lower()
        name = re.sub(r"[^a-z0-9-]+", "-", site.lower()).strip("-")[:60] or "local"
        return f"{name}-{hashlib.sha256(publishes_to.encode()).hexdigest()[:8]}"

    @property
    def arm_endpoint(self) -> str:
        """Where Azure Resource Manager answers."""
        return self.AZURE_RESOURCE_MANAGER_URL or ARM_ENDPOINTS[self.AZURE_CLOUD]

    @property
    def arm_scope(self) -> str:
        """The scope of ARM tokens: the cloud's own, wherever its endpoint is reached."""
        return f"{ARM_ENDPOINTS[self.AZURE_CLOUD]}/.default"


def load() -> Settings:
    """Read the environment. Raises `Misconfigured` that lists every fault with the setting's name."""
    try:
        return Settings()
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(fault["loc"][0]) if fault["loc"] else ""
            message = fault["msg"].removeprefix("Value error, ")
            faults.append(f"{name}: {message}" if name else message)
        # Not chained: pydantic's own text quotes the values it was given.
        raise Misconfigured("app settings: " + "; ".join(faults)) from None


def names() -> tuple[str, ...]:
    """Every setting there is, in the order of the class."""
    return tuple(Settings.model_fields)
