"""The table of refusals: each row reads as it says, for an answer in the service's own form."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import StorageErrorCode as BlobCode
from azure.storage.queue import StorageErrorCode as QueueCode

from shared.adapters.azure_errors import LONGEST_QUOTE, retry_after, translated
from shared.adapters.azure_refusals import REFUSALS, Refusal, Service
from shared.domain.errors import NotFound, NotPermitted, Rejected, RotationError, Terminal, Unavailable

_OPERATIONS = {
    Service.ARM: "ARM (get chat)",
    Service.KEY_VAULT: "Key Vault (get chat)",
    Service.STORAGE: "Blob storage (write)",
    Service.EVENT_GRID: "Event Grid",
    Service.IDENTITY: "Managed identity",
    Service.ANY: "ARM (get chat)",
}
_NEEDS = "the permission Some.Provider/read"
_NAMES_A_PERMISSION = {"role", "deny assignment", "access policy"}


@dataclass
class Answer:
    """As much of a response as azure-core's errors look at."""

    status_code: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = "as it is"
    content_type: str = "application/json"

    def text(self, encoding: str | None = None) -> str:  # noqa: ARG002 - azure-core's protocol
        return json.dumps(self.body)


def answer(service: Service, status: int | None, code: str, message: str) -> HttpResponseError:
    """A refusal as the service words it: Key Vault's real code is an inner one, storage's stands in a header."""
    status = status or 409
    if service is Service.STORAGE:
        return HttpResponseError(message, response=Answer(status, {}, {"x-ms-error-code": code}))
    detail: dict[str, Any] = {"code": code or "Odd", "message": message}
    if service is Service.KEY_VAULT:
        detail = {"code": "Forbidden", "message": message, "innererror": {"code": code}}
    return HttpResponseError(response=Answer(status, {"error": detail}))


def told(error: Exception, operation: str) -> RotationError:
    with pytest.raises(RotationError) as raised, translated(operation, needs=_NEEDS, step="observe"):
        raise error
    return raised.value


def named(row: Refusal) -> str:
    return f"{row.service} {row.status or 'any'} {row.code} {row.says}".strip()


@pytest.mark.parametrize("row", REFUSALS, ids=named)
def test_a_refusal_is_told_as_its_row_says(row: Refusal) -> None:
    refused = answer(row.service, row.status, row.code, f"It is {row.says}.")

    error = told(refused, _OPERATIONS[row.service])

    assert row.cause.error is type(error)
    assert row.cause.remedy.format(needs=_NEEDS) in error.message


@pytest.mark.parametrize("row", REFUSALS, ids=named)
def test_a_permission_is_named_where_one_is_missing_and_nowhere_else(row: Refusal) -> None:
    error = told(answer(row.service, row.status, row.code, f"It is {row.says}."), _OPERATIONS[row.service])

    assert (row.cause.fault in _NAMES_A_PERMISSION) == (_NEEDS in error.message)
    assert row.cause.fault == "role" or not re.search(r"\brole\b", error.message)


def test_no_two_rows_stand_for_the_same_answer() -> None:
    assert len(REFUSALS) == len({named(row) for row in REFUSALS})


def test_what_the_table_does_not_know_is_told_in_the_services_own_words() -> None:
    error = told(answer(Service.ARM, 418, "Teapot", "Short and stout."), "ARM (get chat)")

    assert isinstance(error, Rejected)
    assert "418 Teapot" in error.message
    assert '"Short and stout."' in error.message


@pytest.mark.parametrize(("status", "kind"), [(400, Rejected), (403, NotPermitted), (599, Unavailable)])
def test_an_unknown_code_is_judged_by_its_status(status: int, kind: type[RotationError]) -> None:
    assert kind is type(told(answer(Service.ARM, status, "New", "Something new."), "ARM (get chat)"))


_OTHER_SERVICES = re.compile(
    "Share|File|Path|Directory|DeletePending|ClientCache|ReadOnly|LeaseName|ContainerQuota|Parent|"
    "ContentLengthMustBeZero|SourceUri|InvalidPropertyName|InvalidSourceOrDestination|SharingViolation|InvalidFlush"
)


def test_every_code_of_storage_that_the_sdks_know_has_a_row() -> None:
    """Those of files and Data Lake, which the SDKs list as well, aside."""
    listed = {str(each.value) for each in (*BlobCode, *QueueCode) if not _OTHER_SERVICES.search(str(each.value))}

    assert set() == listed - {row.code for row in REFUSALS if row.service is Service.STORAGE}


def test_the_same_failure_reads_the_same_each_time() -> None:
    """Else what stands in the way for a week would be announced with every sweep, and not once a day."""
    words = "Teapots are not served here.\nRequestId:{}\nTime:{}"
    told_twice = [
        told(answer(Service.STORAGE, 418, "Teapot", words.format(*each)), "Blob storage (write)").message
        for each in (("1f2e", "2026-11-26T20:00:00.1234567Z"), ("9a8b", "2026-11-26T21:00:00.7654321Z"))
    ]

    assert told_twice[0] == told_twice[1]
    assert '"Teapots are not served here."' in told_twice[0]


def test_a_request_that_is_not_taken_is_told_in_the_services_own_words_too() -> None:
    error = told(answer(Service.ARM, 400, "InvalidParameter", "The value of keyType is odd."), "ARM (get chat)")

    assert '"The value of keyType is odd."' in error.message


def test_a_services_own_words_are_cut_and_redacted() -> None:
    key = "Aa1" * 15
    error = told(answer(Service.ARM, 400, "Odd", f"The key {key} is odd. " + "So it is. " * 100), "ARM (get chat)")

    assert key not in error.message
    assert len(error.message) < LONGEST_QUOTE + 150


def test_both_directories_are_named_where_the_answer_names_them() -> None:
    ours, theirs = "0a110000-0000-4000-8000-00000000aaaa", "0a110000-0000-4000-8000-00000000bbbb"
    words = f"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{theirs}/, found https://sts.windows.net/{ours}/."

    error = told(answer(Service.KEY_VAULT, 401, "Unauthorized", words), "Key Vault (get chat)")

    assert "WrongDirectory" == error.code
    assert ours in error.message
    assert theirs in error.message


def test_a_topic_that_is_gone_is_not_found_although_its_client_drops_the_response() -> None:
    error = told(ResourceNotFoundError("Resource not found."), "Event Grid")

    assert isinstance(error, NotFound)
    assert isinstance(error, Terminal)


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("", None), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_a_wait_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert seconds == retry_after(HttpResponseError(response=Answer(429, {}, {"Retry-After": value})))


def test_our_own_errors_pass_as_they_are() -> None:
    mine = Unavailable("the identity")

    assert mine is told(mine, "ARM (get chat)")
