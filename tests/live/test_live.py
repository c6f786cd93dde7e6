"""`make live`, run against the emulators: the same code, with the addresses overridden."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.azure.client import AzureEmulator
from local.azurite.server import Azurite
from local.functions_host.host_json import FAST_POLLING
from tests.live.claims import CLAIMS
from tests.live.clients import Client
from tests.live.wire import Wire
from tests.recorded.recording import Exchange
from tests.world import ROOT, until

# What nobody serves here: a replica.
NOT_SEEN = {"replica"}
# Long enough for what is asked while a key is being regenerated: six calls.
OPERATION_SECONDS = (2.0, 2.2)


@pytest.fixture(scope="module")
def emulator(folder: Path) -> Iterator[AzureEmulator]:
    with AzureEmulator.start(folder, operation_seconds=OPERATION_SECONDS) as emulator:
        yield emulator


@pytest.fixture
def azure(emulator: AzureEmulator) -> AzureEmulator:
    """A cloud in which nothing has been made or asked yet."""
    emulator.reset()
    emulator.assign("app", ["*"])
    return emulator


def environment(azure: AzureEmulator, storage: Azurite, report: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        **azure.env,
        **FAST_POLLING,
        "REQUESTS_CA_BUNDLE": azure.env["SSL_CERT_FILE"],
        "AzureWebJobsStorage": storage.connection_string,
        "EVENTS_FROM": azure.control,
        "FIRST_POLL_SECONDS": "0.1",
        "POLL_SECONDS": "0.1",
        "SUBSCRIPTION": azure.operator["AZURE_SUBSCRIPTION_ID"],
        "LOCATION": "westeurope",
        "REPORT": str(report),
        **more,
    }


COMMAND = [sys.executable, "-m", "tests.live"]


def live(env: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(COMMAND, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def left(azure: AzureEmulator) -> list[str]:
    """The groups that a run asked for and did not remove."""

    def groups(operation: str) -> set[str]:
        asked = [one for one in azure.requests("arm") if one["operation"] == f"ResourceGroups.{operation}"]
        return {one["path"].partition("?")[0] for one in asked if operation == "create" or one["status"] == 202}

    return sorted(groups("create") - groups("delete"))


@pytest.fixture(scope="module")
def whole(emulator: AzureEmulator, storage: Azurite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run to the end: its exit code, what it said, its report, and the groups it left."""
    emulator.reset()
    emulator.assign("app", ["*"])
    file = tmp_path_factory.mktemp("live") / "live-report.json"
    began = time.monotonic()
    code, said = live(environment(emulator, storage, file, CONFIRM="yes"))
    took = time.monotonic() - began
    text = file.read_text()
    return {"code": code, "said": said, "took": took, "text": text, "left": left(emulator)} | json.loads(text)


def test_a_run_ends_well_and_removes_its_group(whole: dict[str, Any]) -> None:
    assert (0, True, []) == (whole["code"], whole["group removed"], whole["left"]), whole["said"]


def test_a_run_against_the_emulators_takes_less_than_half_a_minute(whole: dict[str, Any]) -> None:
    assert 30 > whole["took"]


def test_every_claim_is_checked_and_holds_of_the_emulators(whole: dict[str, Any]) -> None:
    verdicts = {one["claim"]: one["verdict"] for one in whole["claims"]}

    assert [claim.name for claim in CLAIMS] == list(verdicts)
    assert {"as claimed"} == {verdict for name, verdict in verdicts.items() if name not in NOT_SEEN}, whole["claims"]
    assert {"not seen"} == {verdicts[name] for name in NOT_SEEN}


def test_the_main_job_rotates_twice_and_announces_it(whole: dict[str, Any]) -> None:
    job = whole["job"]

    assert ("Succeeded", "Succeeded", 2, True) == (
        job["rotated"],
        job["rotated again"],
        job["versions"],
        job["published key is valid"],
    )
    assert 2 == job["announced"].count("SignalRKeyRotation.KeyRotated")


def test_a_run_says_what_it_costs(whole: dict[str, Any]) -> None:
    assert "it costs nothing for SignalR (Free_F1)" in whole["said"]


def test_the_report_records_in_the_form_of_the_published_recordings(whole: dict[str, Any]) -> None:
    exchanges = [Exchange.parse(one) for one in whole["recording"]["exchanges"]]
    regeneration = next(one for one in exchanges if one.name == "regenerate primary")

    assert (202, {"keyType": "Primary"}) == (regeneration.status, regeneration.sent)
    assert str(regeneration.header("Azure-AsyncOperation")).endswith("?api-version=2023-02-01&{signature}")


def test_the_report_holds_no_key_no_signature_and_no_name_of_a_place(whole: dict[str, Any]) -> None:
    text = whole["text"]

    assert [] == re.findall(r"AccessKey=(?!\{key-\d+\})[^;]+", text)
    assert [] == re.findall(r"[A-Za-z0-9+]{60,}", text)
    assert [] == [name for name in ("srlive", "5ab5c4b0", "eyJ", "127.0.0.1") if name in text]


def test_without_confirmation_nothing_is_done(azure: AzureEmulator, storage: Azurite, tmp_path: Path) -> None:
    code, said = live(environment(azure, storage, tmp_path / "report.json"))

    assert (2, []) == (code, azure.requests("arm"))
    assert "CONFIRM=yes" in said
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize("name", ["SUBSCRIPTION", "LOCATION"])
def test_what_is_missing_is_named(azure: AzureEmulator, storage: Azurite, tmp_path: Path, name: str) -> None:
    code, said = live(environment(azure, storage, tmp_path / "report.json", CONFIRM="yes", **{name: ""}))

    assert (2, []) == (code, azure.requests("arm"))
    assert f"set {name}" in said


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("Deployments.get", {"status": 500, "body": {"properties": {"provisioningState": "Failed"}}}),
        ("Deployments.create", {"cut": "after-effect"}),
        ("ResourceGroups.create", {"cut": "after-effect"}),
    ],
    ids=["the deployment fails", "its answer is lost", "the group's answer is lost"],
)
def test_the_group_is_removed_when_the_run_breaks_off(
    azure: AzureEmulator, storage: Azurite, tmp_path: Path, operation: str, fault: dict[str, Any]
) -> None:
    azure.fault(operation, **fault)

    code, _ = live(environment(azure, storage, tmp_path / "report.json", CONFIRM="yes"))

    report = json.loads((tmp_path / "report.json").read_text())
    assert (1, True, []) == (code, report["group removed"], left(azure))
    assert report["broke off"]


def test_a_fault_in_the_middle_leaves_a_question_open_and_no_group(
    azure: AzureEmulator, storage: Azurite, tmp_path: Path
) -> None:
    """Two connections are lost among the claims, and the first answer to the removal as well."""
    azure.fault("DataPlane.close", cut="before-effect")
    azure.fault("Locks.create", cut="after-effect")
    azure.fault("ResourceGroups.delete", cut="before-effect")

    live(environment(azure, storage, tmp_path / "report.json", CONFIRM="yes"))

    report = json.loads((tmp_path / "report.json").read_text())
    assert NOT_SEEN | {"close", "locked"} <= {one["claim"] for one in report["claims"] if one["verdict"] == "not seen"}
    assert "as claimed" == next(one["verdict"] for one in report["claims"] if one["claim"] == "salt")
    assert (True, []) == (report["group removed"], left(azure))


def test_the_group_is_removed_when_the_run_is_told_to_stop(
    azure: AzureEmulator, storage: Azurite, tmp_path: Path
) -> None:
    env = environment(azure, storage, tmp_path / "report.json", CONFIRM="yes")
    with subprocess.Popen(COMMAND, env=env, cwd=ROOT, stdout=subprocess.DEVNULL) as running:
        until(lambda: [one for one in azure.requests("arm") if one["operation"] == "Deployments.get"] or None)
        running.terminate()
        running.wait(60)

    report = json.loads((tmp_path / "report.json").read_text())
    assert (True, "interrupted", []) == (report["group removed"], report["broke off"], left(azure))


def test_connection_that_is_cut_off_is_not_taken_for_an_open_one() -> None:
    class CutOff(Client):
        async def _hold(self, session: aiohttp.ClientSession) -> None:
            self._opened.set()
            raise aiohttp.ClientPayloadError(f"reset, {session.closed=}")

    client = CutOff("https://nowhere", "key", "ServerSentEvents")
    client.start()

    assert until(lambda: client.closed_after) > 0


def test_no_token_goes_to_another_host() -> None:
    wire = Wire("https://management.azure.com", lambda: "token")

    with pytest.raises(ValueError, match="another host"):
        wire.ask("poll", "GET", "https://management.azure.com.example/operations/1")


def test_what_must_stay_secret_is_redacted() -> None:
    wire = Wire("https://arm", lambda: "", places={"chat-7": "{name}"})
    key = "k" * 84

    shown = wire.redacted(
        {
            "primaryKey": key,
            "primaryConnectionString": f"Endpoint=https://chat-7;AccessKey={key};Version=1.0;",
            "id": "/x/5ab5c4b0-0000-4000-8000-000000000001",
            "next": "https://arm/x?api-version=1&t=1&c=2&s=3",
            "said": "eyJhbGci.eyJhdWQi.c2ln",
            "createdBy": "ann@contoso.example",
            "externalIP": "203.0.113.7",
        }
    )

    assert {
        "primaryKey": "{key-1}",
        "primaryConnectionString": "Endpoint=https://{name};AccessKey={key-1};Version=1.0;",
        "id": "/x/{uuid}",
        "next": "https://arm/x?api-version=1&{signature}",
        "said": "{token}",
        "createdBy": "{who}",
        "externalIP": "{ip}",
    } == shown
