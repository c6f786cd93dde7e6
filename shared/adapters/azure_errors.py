"""How a service's refusal reads in our words: the one place that maps azure-core's exceptions to the error tree.

`azure_refusals` says what each refusal means. The original exception is not chained: azure-core puts the answer's body
into the text of some of them (for example when `regenerateKey` is answered 200 instead of 202), the platform logs whole
chains, and such a body holds keys.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from azure.core.exceptions import AzureError, HttpResponseError, ODataV4Format, ResourceNotFoundError

from shared.adapters.azure_refusals import Refusal, Service, refusal_of
from shared.adapters.refusal_causes import REQUEST
from shared.domain.errors import Retryable, RotationError, Throttled, Unavailable, WrongDirectory
from shared.observability.log_redaction import redacted

LONGEST_QUOTE = 200
_NOT_FOUND = 404
_SERVICES = {
    "ARM": Service.ARM,
    "Key Vault": Service.KEY_VAULT,
    "Blob storage": Service.STORAGE,
    "Queue storage": Service.STORAGE,
    "Event Grid": Service.EVENT_GRID,
    "Managed identity": Service.IDENTITY,
}
_OF_ONE_ANSWER = re.compile(
    r"\b(?:RequestId|Request ID|Time|Timestamp|Trace ID|TrackingId|Tracking ID|Correlation ?Id|ActivityId|ErrorCode)"
    r"\s*[:=]\s*'?[\w:.+-]+'?",
    re.IGNORECASE,
)
_DIRECTORIES = re.compile(r"sts\.windows\.net/([0-9a-f-]{36})", re.IGNORECASE)


@contextmanager
def translated(operation: str, *, needs: str = "", step: str | None = None) -> Iterator[None]:
    """Raise our errors instead of azure-core's. `operation` begins with the service's name, details in parentheses.

    `needs` names the permission that the call takes. Raises what `azure_refusals` says, `Unavailable` where the
    connection was lost or no answer came, and lets our own errors pass.
    """
    try:
        yield
    except HttpResponseError as error:
        raise _answered(error, operation, needs, step) from None
    except (AzureError, TimeoutError, OSError) as error:
        kind = type(error).__name__
        raise Unavailable(f"{operation} could not be reached or did not answer ({kind})", step=step) from None


def refusal(error: HttpResponseError, operation: str) -> Refusal:
    """The row of the table that this answer falls under."""
    return refusal_of(service_named(operation), status_of(error), codes_of(error), message_of(error))


def service_named(operation: str) -> Service:
    """The service that an operation's text begins with."""
    return _SERVICES[operation.partition(" (")[0]]


def status_of(error: HttpResponseError) -> int | None:
    """The HTTP status. azure-eventgrid re-raises a 404 as `ResourceNotFoundError` without the response."""
    return error.status_code or (_NOT_FOUND if isinstance(error, ResourceNotFoundError) else None)


def retry_after(error: HttpResponseError) -> float | None:
    """The seconds that a refusal asks to wait."""
    return seconds_to_wait(getattr(error.response, "headers", None) or {})


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer with these headers asks to wait (`Retry-After`: seconds, or a date)."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def codes_of(error: HttpResponseError) -> tuple[str, ...]:
    """The service's own codes, the one that says most first: Key Vault's inner code, storage's `error_code`."""
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    found = [inner_code(error)]
    if detail := _detail(error):
        found += [str(each.code or "") for each in (detail, *detail.details)]
    stored = getattr(error, "error_code", None) or headers.get("x-ms-error-code", "")
    found.append(str(getattr(stored, "value", stored)))
    return tuple(dict.fromkeys(code for code in found if code))


def inner_code(error: HttpResponseError) -> str:
    """The code inside, where Key Vault says what it really means, such as `SecretDisabled`."""
    detail = _detail(error)
    inner = detail.innererror if detail else None
    return str(inner.get("code", "")) if isinstance(inner, dict) else ""


def message_of(error: HttpResponseError) -> str:
    """What the service said, in its own words. It may hold anything: redact it before it is shown."""
    detail = _detail(error)
    if detail is None:
        return str(error.message or "")
    inner = detail.innererror.get("message", "") if isinstance(detail.innererror, dict) else ""
    told = [detail.message, inner, *(each.message for each in detail.details)]
    return " ".join(str(each) for each in told if each)


def quoted(text: str) -> str:
    """A service's own words, without key material and not too many of them.

    What names one answer, as storage does below its text, is left out: the same failure must read the same each time.
    """
    words = redacted(" ".join(_OF_ONE_ANSWER.sub("", text).split()))
    return words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 1] + "…"


def _detail(error: HttpResponseError) -> ODataV4Format | None:
    return error.error if isinstance(error.error, ODataV4Format) else None


def _answered(error: HttpResponseError, operation: str, needs: str, step: str | None) -> RotationError:
    status, codes, message = status_of(error), codes_of(error), message_of(error)
    row = refusal_of(service_named(operation), status, codes, message)
    kind, wait = row.cause.error, retry_after(error)
    told = f"{operation} answered {' '.join([str(status or 'without a status'), *codes[:1]])}: "
    told += row.cause.means.format(needs=needs or "a permission")
    if issubclass(kind, WrongDirectory) and (named := dict.fromkeys(_DIRECTORIES.findall(message))):
        told += f" (it names the directories {' and '.join(named)})"
    # Where the table says no more than the status, the service's own words do. Only what was parsed: a body may hold
    # anything.
    if (row.cause is REQUEST or not (row.code or row.says)) and codes and message:
        told += f'; it says "{quoted(message)}"'
    told += f". {row.cause.remedy.format(needs=needs or 'the permission')}"
    if issubclass(kind, Throttled):
        return kind(told, step=step, retry_after=wait, service=operation.partition(" (")[0])
    return kind(told, step=step, retry_after=wait) if issubclass(kind, Retryable) else kind(told, step=step)
