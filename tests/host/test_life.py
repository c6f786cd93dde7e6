"""Start, log, stop, kill: the host as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from local.azurite import Azurite
from local.functions_host import FunctionsHost, HostDiedError, Limits
from tests.host.sample import APPS, NEVER, Sample, eventually


def gone(pid: int) -> bool:
    """A process that ended but was not waited for yet counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def settings(azurite: Azurite, queue: str) -> dict[str, str]:
    """What the sample app needs."""
    return {
        "AzureWebJobsStorage": azurite.connection_string,
        "SAMPLE_QUEUE": queue,
        "SAMPLE_SCHEDULE": NEVER,
        "SAMPLE_SLOW_SCHEDULE": NEVER,
    }


def parent(script: str, *arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:  # noqa: A002 - as in run()
    """Run a script that starts something and then kills itself."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, input=input, capture_output=True, text=True, check=False)


def test_functions_are_described(sample: Sample) -> None:
    assert {
        "type": "httpTrigger",
        "route": "echo/{word?}",
        "methods": ["GET", "POST"],
        "authLevel": "function",
    } == sample.host.functions["echo"]
    assert {"type": "timerTrigger", "schedule": NEVER} == sample.host.functions["tick"]
    assert {"type": "queueTrigger", "queue": sample.queue.queue_name} == sample.host.functions["work"]


def test_app_line_names_its_function_and_invocation(sample: Sample) -> None:
    sample.host.request("GET", "/api/echo/named")

    (line,) = sample.logged("echoed", word="named")
    assert ("INFO", "sample", "echo") == (line["level"], line["logger"], line["function"])
    assert sample.logged("function succeeded", invocation_id=line["invocation_id"])


def test_line_from_a_sync_functions_thread_names_its_function(sample: Sample) -> None:
    sample.host.request("GET", "/api/sync")

    assert "sync" == sample.logged("from a thread")[0]["function"]


def test_failure_is_logged_with_the_apps_traceback(sample: Sample) -> None:
    sample.host.request("GET", "/api/boom")

    line = sample.logged("function failed", function="boom")[0]
    assert "ERROR" == line["level"]
    assert "RuntimeError: asked to fail" in line["exception"]


def test_what_the_app_prints_is_in_the_log(sample: Sample) -> None:
    assert sample.logged("imported")


def test_hosts_own_polling_is_not_in_the_log(sample: Sample) -> None:
    sample.host.idle()

    assert [] == [line for line in sample.host.logs() if str(line.get("logger")).startswith("azure.core")]


def test_app_that_cannot_be_imported_says_why() -> None:
    with pytest.raises(HostDiedError, match="no such flux capacitor"):
        FunctionsHost.start(APPS / "broken", {})


def test_unset_setting_is_named(azurite: Azurite) -> None:
    env = {"AzureWebJobsStorage": azurite.connection_string, "SAMPLE_QUEUE": "unset"}

    with pytest.raises(HostDiedError, match="SAMPLE_SCHEDULE"):
        FunctionsHost.start(APPS / "sample", env)


def test_missing_storage_is_named() -> None:
    with pytest.raises(HostDiedError, match="AzureWebJobsStorage"):
        FunctionsHost.start(
            APPS / "sample", {"SAMPLE_QUEUE": "none", "SAMPLE_SCHEDULE": NEVER, "SAMPLE_SLOW_SCHEDULE": NEVER}
        )


def test_keys_file_is_made_once_and_kept(azurite: Azurite, tmp_path: Path) -> None:
    env = settings(azurite, "kept-keys")
    keys = tmp_path / "keys.json"

    with FunctionsHost.start(APPS / "sample", env, keys=keys) as first:
        assert first.master_key == json.loads(keys.read_text())["master"]
    with FunctionsHost.start(APPS / "sample", env, keys=keys) as second:
        assert first.master_key == second.master_key
        assert first.function_keys == second.function_keys
    assert 0o600 == keys.stat().st_mode & 0o777


def test_stop_waits_for_what_runs(start: Callable[..., Sample]) -> None:
    sample = start()
    sample.queue.create_queue()
    sample.send("wait 1.5")
    assert eventually(lambda: sample.logged("worked", body="wait 1.5"))

    sample.host.stop()

    assert sample.logged("done", body="wait 1.5")
    assert 0 == sample.queue.get_queue_properties().approximate_message_count


def test_stop_takes_no_new_work(start: Callable[..., Sample]) -> None:
    sample = start()
    with ThreadPoolExecutor() as pool:
        held = pool.submit(sample.host.request, "GET", "/api/hold/stop")
        assert eventually(lambda: sample.host.activity()["running"])
        os.kill(sample.host.pid, signal.SIGTERM)

        def refused() -> bool:
            try:
                return not requests.get(sample.host.url + "/admin/host/ping", timeout=5).ok
            except requests.ConnectionError:
                return True

        assert eventually(refused)
        assert not held.done()
        sample.host.kill()


def test_stop_gives_up_after_its_grace_and_the_message_comes_back(start: Callable[..., Sample]) -> None:
    sample = start(limits=Limits(grace=0.2, hidden_for=1))
    sample.queue.create_queue()
    sample.send("hold forever")
    assert eventually(lambda: sample.logged("worked", body="hold forever"))

    sample.host.stop()

    assert [False] == [line["finished"] for line in sample.logged("host stopped")]
    assert eventually(sample.queue.peek_messages)


def test_ten_seconds_are_what_runs_has_when_the_host_is_told_to_stop() -> None:
    assert 10 == Limits().grace


def test_function_that_runs_too_long_fails_and_takes_others_with_it(start: Callable[..., Sample]) -> None:
    """The platform replaces the worker process two seconds after the limit; both messages are released."""
    sample = start(limits=Limits(function_timeout=1.5), **{"AzureWebJobs.poisoned.Disabled": "true"})
    sample.queue.create_queue()
    sample.send("hold long")
    assert eventually(lambda: sample.logged("worked", body="hold long"))
    sample.send("wait 0.2")

    failed = eventually(lambda: sample.logged("function failed", function="work"))

    assert "FunctionTimeoutException" in failed[0]["exception"]
    assert sample.logged("done", body="wait 0.2")
    assert [1, 2] == eventually(
        lambda: len(lines := sample.logged("worked", body="hold long")) >= 2 and [line["attempt"] for line in lines]
    )
    sample.host.kill()


def test_what_still_runs_two_seconds_after_a_timeout_goes_down_with_the_worker(start: Callable[..., Sample]) -> None:
    sample = start(limits=Limits(function_timeout=5))
    sample.queue.create_queue()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(sample.host.request, "GET", "/api/hold/first")
        assert eventually(lambda: sample.host.activity()["running"])
        sample.send("wait 3")
        assert eventually(lambda: sample.logged("done", body="wait 3"))
        second = pool.submit(sample.host.request, "GET", "/api/hold/second")

        assert [500, 500] == [first.result().status_code, second.result().status_code]
    reasons = [line["exception"] for line in sample.logged("function failed", function="hold")]
    assert "FunctionTimeoutException" in reasons[0]
    assert "replaced" in reasons[1]
    sample.host.kill()


def test_host_ends_with_the_process_that_started_it(azurite: Azurite) -> None:
    env = settings(azurite, "orphan")
    script = (
        "import json, os, pathlib, sys; from local.functions_host import FunctionsHost;"
        "app, env = json.loads(sys.stdin.read());"
        "print(FunctionsHost.start(pathlib.Path(app), env).pid, flush=True); os.kill(os.getpid(), 9)"
    )
    asked = json.dumps([str(APPS / "sample"), env])

    done = parent(script, input=asked)

    assert eventually(lambda: gone(int(done.stdout)))


def test_storage_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys; from local.azurite import Azurite;"
        "print(Azurite.start(pathlib.Path(sys.argv[1])).pid, flush=True); os.kill(os.getpid(), 9)"
    )

    done = parent(script, str(tmp_path))

    assert eventually(lambda: gone(int(done.stdout)))
