"""How a service's refusal reads in our words: the one place that maps azure-core's exceptions to the error tree.

The original exception is not chained. azure-core puts the answer's body into the text of some of them (for example
when `regenerateKey` is answered 200 instead of 202), the platform logs whole chains, and such a body holds keys.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
)

from shared.domain.errors import NotFound, NotPermitted, Rejected, RotationError, Throttled, Unavailable


@contextmanager
def translated(service: str, *, needs: str, step: str | None = None) -> Iterator[None]:
    """Raise our errors instead of azure-core's. `needs` names the permission that a 403 means is missing.

    Raises `NotPermitted` for 401 and 403, `NotFound` for 404, `Throttled` for 429, `Unavailable` for 408, 5xx and lost
    connections, `Rejected` for any other answer.
    """
    try:
        yield
    except HttpResponseError as error:
        if isinstance(error, ClientAuthenticationError) and error.response is None:
            raise NotPermitted(f"{service}: no token to be had: check the app's identity", step=step) from None
        raise _answered(error, service, needs, step) from None
    except (AzureError, TimeoutError, OSError) as error:
        kind = type(error).__name__
        raise Unavailable(f"{service} could not be reached or did not answer ({kind})", step=step) from None


def retry_after(error: HttpResponseError) -> float | None:
    """The seconds an answer asks to wait (`Retry-After`), if it says so in seconds."""
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def service_code(error: HttpResponseError) -> str:
    """The service's own error code, such as `AuthorizationFailed`; empty when it gave none."""
    detail = error.error if isinstance(error.error, ODataV4Format) else None
    return str(detail.code) if detail and detail.code else ""


def inner_code(error: HttpResponseError) -> str:
    """The code inside, where Key Vault says what it really means, such as `SecretDisabled`."""
    detail = error.error if isinstance(error.error, ODataV4Format) else None
    inner = detail.innererror if detail else None
    return str(inner.get("code", "")) if isinstance(inner, dict) else ""


def _answered(error: HttpResponseError, service: str, needs: str, step: str | None) -> RotationError:
    status = error.status_code
    code = inner_code(error) or service_code(error)
    said = f"{service} answered {status}" + (f" {code}" if code else "")
    if status in {401, 403}:
        return NotPermitted(f"{said}: the app's identity needs {needs}", step=step)
    if status == 404:  # noqa: PLR2004 - HTTP's own number
        return NotFound(f"{said}: it does not exist", step=step)
    wait = retry_after(error)
    if status == 429:  # noqa: PLR2004 - HTTP's own number
        return Throttled(f"{said}: too many requests", step=step, retry_after=wait, service=service.partition(" (")[0])
    if status is None or status in {408, 409} or status >= 500:  # noqa: PLR2004 - HTTP's own numbers
        return Unavailable(said, step=step, retry_after=wait)
    return Rejected(said, step=step)
