"""The parts that the OpenAPI document is made of: operations, responses, problems, parameters."""

from typing import Any

from pydantic import BaseModel

from scripts.openapi.schemas import published_name, ref
from shared.http.fleet_sheet import MEDIA_TYPE as SHEET
from shared.http.headers import LONGEST_WAIT_SECONDS, MOST_PER_PAGE, PER_PAGE
from shared.http.messages import JSON
from shared.http.problem_details import PROBLEM, PROBLEMS, TYPE_PREFIX
from shared.http.rotate_request import ARM_ID

_MEANING = {
    "Location": "Address of the operation status, when there is just one",
    "Retry-After": "When to look next [s]",
    "Preference-Applied": "The preference that was met",
}
ROTATE_HEADERS: list[dict[str, Any]] = [
    {
        "name": "Prefer",
        "in": "header",
        "description": "wait=N (RFC 7240): answer when it has ended, after N seconds at the latest, of which "
        f"{LONGEST_WAIT_SECONDS} are the most",
        "schema": {"type": "string"},
        "examples": {"wait": {"value": "wait=60"}},
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same request under the same key is one request, however often it is sent",
        "schema": {"type": "string", "pattern": r'^([!#-~]([ -~]{0,253}[!-~])?|"[!-~]([ -~]{0,253}[!-~])?")$'},
        "examples": {"uuid": {"value": "5b8a2f6e-0f2c-4d0e-9f52-4f7d3f6c2a11"}},
    },
]
ROTATION_ID: list[dict[str, Any]] = [
    {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
]
PAGING: list[dict[str, Any]] = [
    {
        "name": "maxPageSize",
        "in": "query",
        "description": "How many resources a page may hold",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": PER_PAGE},
    },
    {"name": "skipToken", "in": "query", "description": "From a nextLink, as it is", "schema": {"type": "string"}},
]
ONE_RESOURCE: list[dict[str, Any]] = [
    {
        "name": "resource",
        "in": "query",
        "description": "ARM id of the one resource to look at",
        "schema": {"type": "string", "pattern": ARM_ID},
    }
]


def operation(
    name: str,
    summary: str,
    responses: dict[str, Any],
    *,
    parameters: list[dict[str, Any]] | None = None,
    body: tuple[dict[str, Any], tuple[str, ...], bool] | None = None,
    key: bool = True,
) -> dict[str, Any]:
    """One operation. `body`: its schema, its media types, and whether there must be one."""
    common = problems("MethodNotAllowed")
    if key:
        common |= {"401": {"description": "No function key, or a wrong one: answered by the platform, without a body"}}
        common = merged(common, problems("Misconfigured", "NotPermitted", "Unavailable"))
        common = merged(common, problems("RoleMissing", "AuthenticationNotEnabled"))
    content: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": dict(sorted(merged(responses, common).items())),
    }
    if parameters:
        content["parameters"] = parameters
    if body:
        schema, media_types, required = body
        content["requestBody"] = {"required": required, "content": {each: {"schema": schema} for each in media_types}}
    return content if key else content | {"security": []}


def response(
    description: str,
    *models: type[BaseModel],
    headers: tuple[str, ...] = (),
    links: dict[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """A success, holding one of the models; `links` name the operation that an id in the response is for."""
    content: dict[str, Any] = {"description": description}
    refs = [ref(published_name(model.__name__)) for model in models]
    if refs:
        content["content"] = {JSON: {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}}
    if headers:
        content["headers"] = {each: {"description": _MEANING[each], "schema": {"type": "string"}} for each in headers}
    if links:
        content["links"] = {
            each: {"operationId": target, "parameters": {"id": source}} for each, (target, source) in links.items()
        }
    return content


def or_sheet(described: dict[str, Any]) -> dict[str, Any]:
    """The same, which may be asked for as a sheet too."""
    return described | {"content": described["content"] | {SHEET: {"schema": {"type": "string"}}}}


def plain(description: str, status: dict[str, Any] | None = None) -> dict[str, Any]:
    """A success that holds any object; `status`: the schema of that member."""
    schema = {"type": "object"} | ({"properties": {"status": status}, "required": ["status"]} if status else {})
    return {"description": description, "content": {JSON: {"schema": schema}}}


def problems(*codes: str) -> dict[str, Any]:
    """The problems with these codes, by HTTP status."""
    found: dict[str, Any] = {}
    for code in codes:
        status, title = PROBLEMS[code]
        example = {"type": TYPE_PREFIX + code, "title": title, "status": status, "detail": title, "code": code}
        schema = ref("Problem")
        content = {"schema": schema, "examples": {code: {"value": example}}}
        found = merged(found, {str(status): {"description": f"{title} ({code})", "content": {PROBLEM: content}}})
    return found


def merged(some: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Both sets of responses; problems of one status stand together."""
    result = dict(some)
    for status, added in more.items():
        earlier = result.get(status)
        if earlier is None:
            result[status] = added
            continue
        examples = earlier["content"][PROBLEM]["examples"] | added["content"][PROBLEM]["examples"]
        content = {"schema": ref("Problem"), "examples": examples}
        description = "; ".join(f"{PROBLEMS[code][1]} ({code})" for code in examples)
        result[status] = {"description": description, "content": {PROBLEM: content}}
    return result
