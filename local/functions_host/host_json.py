"""What host.json and the app settings say, in the host's own words.

An app setting such as `AzureFunctionsJobHost__extensions__queues__batchSize` wins over the value whose path it names
("Override host.json values" in Microsoft's host.json reference).
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

DEFAULT_BATCH_SIZE = 16
CORES = os.cpu_count() or 1

FAST_POLLING = {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.5"}
"""For a host whose caller waits, and whose polls cost nothing: an idle queue is looked at twice a second."""

_OVERRIDE = "AzureFunctionsJobHost__"
_UNLIMITED = "-1"


class ConfigurationError(Exception):
    """host.json, a binding or an app setting is not usable. The message names the place and the value."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues` of host.json; defaults are those of Microsoft's host.json reference for Storage queues."""

    max_polling_interval: timedelta = timedelta(minutes=1)
    visibility_timeout: timedelta = timedelta(0)
    batch_size: int = DEFAULT_BATCH_SIZE
    max_dequeue_count: int = 5
    new_batch_threshold: int = DEFAULT_BATCH_SIZE // 2 * CORES
    base64: bool = True

    @classmethod
    def parse(cls, section: dict[str, Any]) -> Self:
        """Read the section; raises `ConfigurationError` for an encoding or a time it does not know."""
        batch_size = int(section.get("batchSize", DEFAULT_BATCH_SIZE))
        encoding = str(section.get("messageEncoding", "base64")).lower()
        if encoding not in {"base64", "none"}:
            raise ConfigurationError(f"host.json: queues.messageEncoding is {encoding!r}, not base64 or none")
        return cls(
            max_polling_interval=_time_span(section.get("maxPollingInterval", "00:01:00"), "maxPollingInterval"),
            visibility_timeout=_time_span(section.get("visibilityTimeout", "00:00:00"), "visibilityTimeout"),
            batch_size=batch_size,
            max_dequeue_count=int(section.get("maxDequeueCount", 5)),
            new_batch_threshold=int(section.get("newBatchThreshold", batch_size // 2 * CORES)),
            base64=encoding == "base64",
        )


@dataclass(frozen=True, slots=True)
class HostJson:
    """The parts of host.json this host acts on; everything else in the file is accepted and left alone."""

    route_prefix: str = "api"
    queues: QueueOptions = QueueOptions()
    function_timeout: timedelta | None = timedelta(minutes=30)

    @classmethod
    def read(cls, app: Path, environ: Mapping[str, str] = os.environ) -> Self:
        """Read `app`/host.json and what `environ` overrides of it.

        Raises `ConfigurationError` when the file is missing, or it or an override is not of the documented form.
        """
        try:
            content = json.loads((app / "host.json").read_text(encoding="utf-8"))
            _override(content, environ)
            extensions = content.get("extensions", {})
            timeout = str(content.get("functionTimeout", "00:30:00"))
            return cls(
                route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
                queues=QueueOptions.parse(extensions.get("queues", {})),
                function_timeout=None if timeout == _UNLIMITED else _time_span(timeout, "functionTimeout"),
            )
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"{app / 'host.json'} cannot be used: {error}") from error


def read_settings(file: Path) -> dict[str, str]:
    """App settings of a local.settings.json (its `Values`) or of a plain JSON object of strings."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    values = content.get("Values", content)
    return {str(name): str(value) for name, value in values.items()}


def resolve(expression: str, where: str) -> str:
    """Put app settings in the place of `%NAME%`. Raises `ConfigurationError` naming the setting that is missing."""

    def setting(found: re.Match[str]) -> str:
        value = os.environ.get(found[1])
        if not value:
            raise ConfigurationError(f"{where}: %{found[1]}% does not resolve: set the app setting {found[1]}")
        return value

    return re.sub(r"%([^%\s]+)%", setting, expression)


def _override(content: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name, value in environ.items():
        if not name.lower().startswith(_OVERRIDE.lower()):
            continue
        *path, last = name[len(_OVERRIDE) :].split("__")
        section = content
        for step in path:
            section = section.setdefault(_spelt(section, step), {})
        section[_spelt(section, last)] = value


def _spelt(section: dict[str, Any], name: str) -> str:
    # Names of the host's configuration know no case.
    return next((known for known in section if known.lower() == name.lower()), name)


def _time_span(text: str, name: str) -> timedelta:
    found = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?", str(text))
    if not found:
        raise ConfigurationError(f"host.json: {name} is {text!r}, not hh:mm:ss")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    fraction = float(f"0.{found[5] or 0}")
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds + fraction)
