"""The modes of a rotation, each with the state it starts from and what it may change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.azure.client import AzureEmulator
from shared.domain.keys import KeyType, fingerprint
from shared.domain.requests import Mode as Wanted
from shared.domain.requests import RotationCommand, WorkItem
from shared.domain.resources import ResourceId


@dataclass(frozen=True, slots=True)
class Mode:
    """One way through the engine. `changes` and `versions`: how many keys it renews and versions it adds, at most.

    `age_days` is how old the published version is, None where there is none; `dead`: its key is no live one;
    `leaked`: it asks for the other key to be retired, now. Where a state or a wish costs somebody a refusal by its
    nature, `refuses` is true. `renamed`: since it was published, a tag has given the secret another name. `unheard`:
    the topic is gone, until all that secures keys is done.
    """

    name: str
    wish: Mapping[str, object]
    changes: int = 1
    versions: int = 1
    age_days: float | None = 2
    dead: bool = False
    leaked: bool = False
    refuses: bool = False
    renamed: bool = False
    unheard: bool = False

    def __str__(self) -> str:
        return self.name

    def arrange(self, azure: AzureEmulator, resource: str, endpoint: str) -> str | None:
        """Bring the resource into the mode's state; the value that is published then."""
        if self.age_days is None:
            return None
        keys = azure.valid_keys(resource)
        key = "a-key-that-was-renewed-elsewhere" if self.dead else keys["Primary"]
        value = f"Endpoint={endpoint};AccessKey={key};Version=1.0;"
        now = datetime.now(UTC)
        tags = {"CredentialId": "Primary", "ProviderAddress": resource}
        if self.leaked:
            tags["RetireFingerprint"] = fingerprint(keys["Secondary"])
            tags["RetireAfter"] = (now - timedelta(minutes=1)).isoformat()
        created = now - timedelta(days=self.age_days)
        azure.put_secret(secret_name(resource), value, tags=tags, created=created)
        return value

    def request(self, resource: str) -> WorkItem:
        """The message that asks for it."""
        wish = RotationCommand(trigger="http", resource=ResourceId.parse(resource), **self.wish)
        return wish.for_resource(ResourceId.parse(resource), datetime.now(UTC))


def sweep_of(resource: str) -> WorkItem:
    """The message of the next sweep."""
    return RotationCommand(trigger="timer", tracked=False).for_resource(ResourceId.parse(resource), datetime.now(UTC))


def secret_name(resource: str) -> str:
    """The secret that the default template gives the resource."""
    return f"{resource.rsplit('/', 1)[1]}-connection-string"


def key_of(value: str) -> str:
    """The access key in a secret's value, or in the JSON of a `set_secret`."""
    value = json.loads(value)["value"] if value.startswith("{") else value
    return value.partition("AccessKey=")[2].partition(";")[0]


MODES = (
    Mode("adopt", {"mode": Wanted.SWEEP}, changes=0, age_days=None),
    Mode("first", {"mode": Wanted.ROTATE}, age_days=None),
    Mode("due", {"mode": Wanted.SWEEP}, age_days=70),
    Mode("rotate", {"mode": Wanted.ROTATE}),
    Mode("revoke", {"mode": Wanted.REVOKE, "overlap_hours": 0}, changes=2),
    Mode("switch", {"mode": Wanted.ROTATE, "key_type": KeyType.PRIMARY}, changes=0),
    Mode("retire", {"mode": Wanted.SWEEP}, versions=0, leaked=True),
    Mode("repair", {"mode": Wanted.SWEEP}, changes=0, dead=True, refuses=True),
    Mode("resync", {"mode": Wanted.RESYNC}, changes=0, dead=True, refuses=True),
    Mode("forced", {"mode": Wanted.ROTATE, "key_type": KeyType.PRIMARY, "force": True}, refuses=True),
    Mode("salt", {"mode": Wanted.ROTATE, "key_type": KeyType.SALT}, versions=0),
    # The key that all hold, in its overlap: it is published under the new name as it is, and what was asked is refused.
    Mode("renamed", {"mode": Wanted.ROTATE}, changes=0, age_days=0.5, renamed=True),
    Mode("unheard", {"mode": Wanted.REVOKE, "overlap_hours": 0}, changes=2, unheard=True),
)
