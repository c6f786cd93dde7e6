"""Two resources that map to one secret: a configuration error for both, because each would hide the other's key.

The sweep sees all policies at once and names the rivals in their messages. Whoever comes by another way is found out by
the newest version itself, which says whose key it holds.
"""

from collections.abc import Sequence

from shared.adapters.blob_records import BlobRecords
from shared.domain.errors import Misconfigured
from shared.domain.observation import PublishedSecret
from shared.domain.policy import Policy
from shared.domain.resources import Resource, ResourceId


def contested(resource: ResourceId, rivals: Sequence[str], secret: str = "") -> Misconfigured:
    """The fault of a resource whose secret others publish to as well."""
    named = ", ".join(rivals[:3]) + (f" and {len(rivals) - 3} more" if len(rivals) > 3 else "")  # noqa: PLR2004 - enough to begin with
    return Misconfigured(
        f"{resource} and {named} map to the same secret{f' ({secret})' if secret else ''}: none of them is rotated; "
        "give each a name of its own (SECRET_NAME_TEMPLATE, or the tag key-rotation-secret)",
        step="observe",
    )


async def expect_no_rival(
    ledger: BlobRecords, resource: Resource, policy: Policy, published: PublishedSecret | None
) -> None:
    """Raise `Misconfigured` if the newest version is another resource's, and that one still publishes there.

    A resource that took another's place, in another group or under another name, takes over its secret.
    """
    owner = published.owner if published else None
    if owner is None or owner == resource.id:
        return
    other = await ledger.read(owner)
    seen = other.snapshot if other else None
    if seen and (seen.vault_url.lower(), seen.secret_name.lower()) == (
        policy.vault_url.lower(),
        policy.secret_name.lower(),
    ):
        raise contested(resource.id, [str(owner)], policy.secret_name)
