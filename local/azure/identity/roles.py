"""Who may do what where: role assignments by action and scope, as Azure RBAC evaluates them."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

SIGNALR = "Microsoft.SignalRService"
KEY_VAULT_SECRETS = "Microsoft.KeyVault/vaults/secrets"

APP_ACTIONS = (
    f"{SIGNALR}/SignalR/read",
    f"{SIGNALR}/SignalR/listkeys/action",
    f"{SIGNALR}/SignalR/regeneratekey/action",
    f"{SIGNALR}/SignalR/operationStatuses/read",
    f"{SIGNALR}/SignalR/operationResults/read",
    f"{SIGNALR}/locations/operationStatuses/signalR/read",
    f"{SIGNALR}/locations/operationResults/signalR/read",
    f"{KEY_VAULT_SECRETS}/*",
    "Microsoft.EventGrid/events/send/action",
)
"""What the app's identity may do: its custom role, Key Vault Secrets Officer and EventGrid Data Sender."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One principal (object id), some actions (`*` matches anything), one scope and all below it."""

    principal: str
    actions: tuple[str, ...]
    scope: str


class Roles:
    """All assignments."""

    def __init__(self) -> None:
        self._assignments: list[Assignment] = []
        self._denied: set[tuple[str, str]] = set()
        self._answers: dict[tuple[str, str, str], bool] = {}

    def assign(self, principal: str, actions: Iterable[str], scope: str) -> None:
        """Grant. An action taken away by `revoke` is the principal's again."""
        actions = tuple(actions)
        granted = {action.lower() for action in actions}
        self._denied -= {(who, action) for who, action in self._denied if who == principal and action in granted}
        self._assignments.append(Assignment(principal, actions, scope.rstrip("/")))
        self._answers.clear()

    def revoke(self, principal: str, action: str) -> None:
        """Take one action from a principal wherever it was granted, also where a wildcard granted it."""
        self._denied.add((principal, action.lower()))
        self._answers.clear()

    def revoke_all(self, principal: str) -> None:
        """Take everything from a principal."""
        self._assignments = [entry for entry in self._assignments if entry.principal != principal]
        self._answers.clear()

    def clear(self) -> None:
        """Nobody may do anything."""
        self._assignments.clear()
        self._denied.clear()
        self._answers.clear()

    def of(self, principal: str | None = None) -> list[Assignment]:
        """The assignments, of one principal or of all."""
        return [entry for entry in self._assignments if principal in (None, entry.principal)]

    def allow(self, principal: str, action: str, scope: str) -> bool:
        """Whether the principal may do it there. Actions and scopes know no case."""
        question = (principal, action.lower(), scope.lower())
        if question not in self._answers:
            if len(self._answers) > 10_000:  # noqa: PLR2004  # only so that a long run does not grow without end
                self._answers.clear()
            self._answers[question] = self._evaluate(*question)
        return self._answers[question]

    def _evaluate(self, principal: str, action: str, scope: str) -> bool:
        if (principal, action) in self._denied:
            return False
        return any(
            entry.principal == principal
            and f"{scope}/".startswith(f"{entry.scope.lower()}/")
            and any(fnmatchcase(action, pattern.lower()) for pattern in entry.actions)
            for entry in self._assignments
        )
