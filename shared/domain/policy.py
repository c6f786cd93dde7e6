"""How one resource is to be rotated."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.keys import SecretFormat


@dataclass(frozen=True, slots=True)
class Policy:
    """How one resource is to be rotated: the app's settings, overridden by the resource's own tags."""

    period: timedelta
    overlap: timedelta
    vault_url: str
    secret_name: str
    secret_format: SecretFormat
    paused: bool = False
