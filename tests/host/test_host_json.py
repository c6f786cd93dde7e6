"""host.json as the host reads it."""

from datetime import timedelta
from pathlib import Path

import pytest

from local.functions_host.host_json import CORES, ConfigurationError, HostJson, QueueOptions


def read(folder: Path, text: str, **environ: str) -> HostJson:
    (folder / "host.json").write_text(text)
    return HostJson.read(folder, environ)


def test_defaults_are_the_platforms(tmp_path: Path) -> None:
    assert HostJson("api", QueueOptions(timedelta(minutes=1), timedelta(0), 16, 5, 8 * CORES, base64=True)) == read(
        tmp_path, '{"version": "2.0"}'
    )


def test_queue_section_is_read(tmp_path: Path) -> None:
    section = (
        '{"maxPollingInterval": "00:00:00.25", "visibilityTimeout": "1.00:00:30", "batchSize": 4, "maxDequeueCount": 3,'
        ' "messageEncoding": "none"}'
    )

    assert QueueOptions(timedelta(seconds=0.25), timedelta(days=1, seconds=30), 4, 3, 2 * CORES, base64=False) == (
        read(tmp_path, f'{{"extensions": {{"queues": {section}}}}}').queues
    )


def test_app_setting_wins_over_the_value_whose_path_it_names(tmp_path: Path) -> None:
    text = '{"extensions": {"queues": {"maxPollingInterval": "00:00:05", "batchSize": 4}}}'
    prefix = "AzureFunctionsJobHost__"
    interval = f"{prefix}extensions__Queues__maxpollinginterval"
    overrides = {interval: "00:00:00.5", f"{prefix}functionTimeout": "00:01:00"}

    found = read(tmp_path, text, **overrides, extensions__queues__batchSize="9")

    assert (timedelta(seconds=0.5), 4, timedelta(minutes=1)) == (
        found.queues.max_polling_interval,
        found.queues.batch_size,
        found.function_timeout,
    )


def test_override_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="maxPollingInterval"):
        read(tmp_path, "{}", AzureFunctionsJobHost__extensions__queues__maxPollingInterval="soon")


@pytest.mark.parametrize(("given", "expected"), [("v1", "v1"), ("", ""), ("/a/b/", "a/b")])
def test_route_prefix_is_read_without_outer_slashes(tmp_path: Path, given: str, expected: str) -> None:
    assert expected == read(tmp_path, f'{{"extensions": {{"http": {{"routePrefix": "{given}"}}}}}}').route_prefix


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"extensions": {"queues": {"messageEncoding": "utf-7"}}}',
        '{"extensions": {"queues": {"visibilityTimeout": "30"}}}',
        '{"extensions": {"queues": {"batchSize": "many"}}}',
    ],
)
def test_file_that_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"host\.json"):
        read(tmp_path, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"host\.json"):
        HostJson.read(tmp_path)
