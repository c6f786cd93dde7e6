# ruff: noqa: INP001 - a script; scripts/ is no package
"""What hooks and life-cycle scripts share: az and azd, lists of ids, and a plan that is shown before it is done.

Standard library only: it runs on the operator's machine.
"""

import json
import locale
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

ROOT = Path(__file__).resolve().parents[1]
SCOPES = ("SIGNALR_RESOURCE_IDS", "SIGNALR_RESOURCE_GROUP_IDS", "SIGNALR_SUBSCRIPTION_IDS")
WEB, EVENT_GRID = "2024-11-01", "2025-02-15"


class Stop(Exception):  # noqa: N818 - it is what a script does
    """The script ends here, with these words for the operator."""


class CommandFailed(Stop):
    """A command of Azure's ended in failure; its own words are in the message."""


def say(text: str) -> None:
    """A line for the operator."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """A line for the operator, on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run(main: Callable[[], int]) -> None:
    """Carry out a script, and end the process with its code."""
    for stream in (sys.stdout, sys.stderr):  # redirected on Windows, they take the characters of its code page only
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    try:
        code = main()
    except Stop as stop:
        warn(str(stop))
        code = 1
    sys.exit(code)


def decoded(output: bytes) -> str:
    """What a command printed. Redirected on Windows, az writes the code page of the machine and not UTF-8."""
    try:
        text = output.decode("utf-8")
    except UnicodeDecodeError:
        text = output.decode(locale.getpreferredencoding(False), errors="replace")  # noqa: FBT003 - so it is called
    return text.replace("\r\n", "\n")


def command(program: str, *words: str) -> str:
    """What a command prints. Raises `CommandFailed` with what it said."""
    # On Windows az is a batch file, found by its whole name only.
    path = shutil.which(program)
    if path is None:
        raise CommandFailed(f"{program} is not installed, or not on the PATH.")
    done = subprocess.run(  # noqa: S603 - a program found on the PATH, words of our own
        [path, *words], capture_output=True, check=False
    )
    if done.returncode:
        raise CommandFailed(f"{program} {' '.join(words[:3])} failed: {decoded(done.stderr).strip()}")
    return decoded(done.stdout)


def shown(program: str, *words: str) -> None:
    """Run a command whose output the operator sees as it comes. Raises `CommandFailed`."""
    path = shutil.which(program)
    if path is None:
        raise CommandFailed(f"{program} is not installed, or not on the PATH.")
    if code := subprocess.run([path, *words], check=False).returncode:  # noqa: S603 - as in `command`
        raise CommandFailed(f"{program} {' '.join(words[:3])} failed with {code}; what it said is above.")


def az(*words: str) -> Any:  # noqa: ANN401 - Azure's answers are JSON
    """What `az` answers, read from its JSON; None where it answers nothing."""
    text = command("az", *words, "--output", "json").strip()
    return json.loads(text) if text else None


def rest(method: str, path: str, version: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
    """One call of ARM. The command line's own verbs change their answers with its version; ARM's do not."""
    words = ["rest", "--method", method, "--url", path if "api-version=" in path else f"{path}?api-version={version}"]
    if "&" in path:  # az is a batch file on Windows, whose shell takes it for the end of the command
        address, _, query = path.partition("?")
        words = [*words[:-1], address, "--url-parameters", *(f"{name}={value}" for name, value in parse_qsl(query))]
    return az(*words, *(["--body", json.dumps(body)] if body is not None else []))


def listed(path: str, version: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    while path:
        page = rest("get", path, version) or {}
        found += page.get("value") or []
        path = page.get("nextLink") or ""
    return found


def system_topics(*subscriptions: str) -> list[dict[str, Any]]:
    """The system topics of these subscriptions, each once."""
    paths = (f"/subscriptions/{id_}/providers/Microsoft.EventGrid/systemTopics" for id_ in dict.fromkeys(subscriptions))
    return [topic for path in paths for topic in listed(path, EVENT_GRID)]


def event_subscriptions(function_app: str) -> tuple[str, str]:
    """Names of an installation's event subscriptions: as infra/events.bicep makes them, and to a webhook once."""
    return f"{function_app}-events", function_app


def azd_set(name: str, value: str) -> None:
    """Keep a value in azd's environment."""
    command("azd", "env", "set", name, value)


def settings() -> dict[str, str]:
    """The variables of the installation: those of the process, and where azd is at hand, of its environment."""
    found = dict(os.environ)
    if "AZURE_ENV_NAME" not in found and shutil.which("azd"):
        # As JSON: in lines, azd escapes what JSON does not, and takes the quotes off what looks like a number.
        found |= json.loads(command("azd", "env", "get-values", "--output", "json").strip() or "{}")
    return found


def needed(given: dict[str, str], *names: str) -> tuple[str, ...]:
    """These variables. Raises `Stop` that names each one that is missing."""
    if missing := [name for name in names if not given.get(name)]:
        raise Stop(f"Not set: {', '.join(missing)}. Run this by azd, or export the outputs of infra/main.bicep.")
    return tuple(given[name] for name in names)


def names_to_keep(given: dict[str, str]) -> str:
    """The last part of its names, where a version made the installation that hashed names otherwise. Else empty.

    That version put out no INSTALLATION_ID. Without the names a provision would make a second set of everything.
    """
    kept = given.get("INSTALLATION_ID") or given.get("NAME_TOKEN")
    return "" if kept else given.get("FUNCTION_APP_NAME", "").removeprefix("func-")


def arm_ids(text: str) -> list[str]:
    """ARM ids as infra/lists.bicep reads them: lower case, one slash at the start, none at the end, each once."""
    parts = ([part for part in entry.lower().split("/") if part] for entry in re.split(r"[,;\s]+", text) if entry)
    return list(dict.fromkeys("/" + "/".join(part) for part in parts))


def guids(text: str) -> list[str]:
    """GUIDs, written alone or as /subscriptions/{guid}."""
    return list(dict.fromkeys(id_.rsplit("/", 1)[-1] for id_ in arm_ids(text)))


@dataclass
class Plan:
    """Steps that are shown first and carried out when the operator agrees."""

    title: str
    steps: list[tuple[str, Callable[[], Any], bool]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    def add(self, text: str, act: Callable[[], Any], *, after_all: bool = False) -> None:
        """One more step; `after_all`: only if every step before it was done."""
        self.steps.append((text, act, after_all))

    def change(self, text: str) -> None:
        """Something that a step changes, and that the operator is to read before."""
        self.changes.append(text)

    def leave(self, text: str) -> None:
        """Something the operator may look for, and that stays."""
        self.left.append(text)

    def show(self) -> None:
        """Everything that would be done, and what would not."""
        say(self.title)
        for text in self.changes:
            say(f"  ! {text}")
        for text, *_ in self.steps:
            say(f"  - {text}")
        if not self.steps:
            say("  nothing to do")
        if self.left:
            say("Left alone:")
        for text in self.left:
            say(f"  - {text}")

    def carry_out(self, *, what_if: bool, yes: bool, word: str) -> int:
        """Show, ask, act. A step that fails is reported and others go on: another run does what is left."""
        self.show()
        if what_if or not self.steps:
            return 0
        if not yes:
            sys.stdout.write(f"Type {word} to go on: ")
            sys.stdout.flush()
            if sys.stdin.readline().strip() != word:
                raise Stop("Nothing was changed.")
        failed = 0
        for text, act, after_all in self.steps:
            if failed and after_all:
                failed += 1
                warn(f"Not begun: {text}")
                continue
            try:
                act()
            except CommandFailed as error:
                failed += 1
                warn(f"Not done: {text}\n  {error}")
            else:
                say(f"done: {text}")
        if failed:
            warn(f"{failed} of {len(self.steps)} steps failed. Run this again when the cause is gone.")
        return 1 if failed else 0


@dataclass(frozen=True)
class Installation:
    """One installation, found by what azd's environment or the outputs of infra/main.bicep say of it."""

    subscription: str
    group: str
    principal: str
    hash: str
    function_app: str

    @classmethod
    def of(cls, given: dict[str, str]) -> "Installation":
        """Read the outputs."""
        names = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "IDENTITY_PRINCIPAL_ID", "INSTALLATION_ID")
        return cls(*needed(given, *names, "FUNCTION_APP_NAME"))

    @property
    def group_id(self) -> str:
        """ARM id of its resource group, in lower case."""
        return f"/subscriptions/{self.subscription}/resourcegroups/{self.group}".lower()

    def assignments(self, subscriptions: Iterable[str]) -> list[dict[str, Any]]:
        """The rights of its identity outside its own resource group."""
        return [
            given
            for id_ in subscriptions
            for given in az("role", "assignment", "list", "--all", "--subscription", id_) or []
            if given["principalId"] == self.principal and not _within(given["scope"], self.group_id)
        ]

    def roles(self, subscriptions: Iterable[str]) -> list[tuple[str, str, str]]:
        """(subscription, GUID, name) of the custom roles that it made."""
        return [
            (id_, role["name"], role["roleName"])
            for id_ in subscriptions
            for role in az("role", "definition", "list", "--custom-role-only", "true", "--subscription", id_) or []
            if f"Installation {self.hash}." in (role.get("description") or "")
            and f"/subscriptions/{id_}".lower() in [scope.lower() for scope in role["assignableScopes"]]
        ]


def subscriptions(given: str) -> list[str]:
    """The subscriptions to look into: those named, or all that the operator can see."""
    if given:
        return guids(given)
    return [found["id"] for found in az("account", "list", "--all") or [] if found.get("state") == "Enabled"]


def take_away(plan: Plan, assignment: dict[str, Any]) -> None:
    """Plan to delete one role assignment."""
    plan.add(
        f"take away the role {assignment['roleDefinitionName']!r} on {assignment['scope']}",
        lambda: az("role", "assignment", "delete", "--ids", assignment["id"]),
    )


def delete_role(plan: Plan, role: tuple[str, str, str]) -> None:
    """Plan to delete one custom role; its assignments must be gone by then."""
    subscription, guid, name = role
    plan.add(
        f"delete the custom role {name!r} of subscription {subscription}",
        lambda: az(
            *("role", "definition", "delete", "--custom-role-only", "true", "--name", guid),
            *("--scope", f"/subscriptions/{subscription}", "--subscription", subscription),
        ),
    )


def _within(scope: str, group: str) -> bool:
    return f"{scope.lower()}/".startswith(f"{group}/")
