"""What a form may ask for, and from whom it is taken."""

import pytest

from shared.dashboard.forms import (
    MOST_BODY_BYTES,
    Act,
    DashboardForm,
    PageError,
    act_of,
    can_hurt,
    form_fields,
    require_same_origin,
)
from shared.domain.requests import Mode
from shared.http.messages import HttpRequest
from tests.dashboard import fleet

RESOURCE = str(fleet.resource("chat"))
TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105 - a form's token: it opens nothing
FORM = {"act": "rotate", "resource": RESOURCE, "mode": "rotate", "confirmed": "yes", "token": TOKEN}


def sent(body: bytes = b"", kind: str = "application/x-www-form-urlencoded", **headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = "https://app.example/api/dashboard?code=k"
    return HttpRequest("POST", url, {"content-type": kind} | named, body=body)


def refusal(status: int, **fields: str) -> str:
    with pytest.raises(PageError) as caught:
        DashboardForm.of(FORM | fields)
    assert status == caught.value.status
    return caught.value.why


def test_a_form_becomes_a_command_of_the_dashboard() -> None:
    command = DashboardForm.of(FORM | {"mode": "revoke", "reason": "  it leaked "}).command

    assert ("dashboard", Mode.REVOKE, "it leaked") == (command.trigger, command.mode, command.reason)
    assert RESOURCE == str(command.resource)


def test_the_same_form_is_the_same_command() -> None:
    assert DashboardForm.of(FORM).command == DashboardForm.of(FORM).command
    assert DashboardForm.of(FORM).command != DashboardForm.of(FORM | {"token": TOKEN.replace("1", "9")}).command


def test_a_sweep_is_for_all_and_asks_by_no_name() -> None:
    command = DashboardForm.of({"act": "sweep", "confirmed": "yes", "token": TOKEN}).command

    assert (None, Mode.SWEEP) == (command.resource, command.mode)


def test_what_changes_something_needs_the_tick() -> None:
    assert "tick the box" in refusal(400, confirmed="")


def test_the_end_of_a_hold_names_no_resource_and_needs_the_tick() -> None:
    assert Act.RESUME is DashboardForm.of({"act": "resume", "confirmed": "yes", "token": TOKEN}).act
    assert "tick the box" in refusal(400, act="resume", confirmed="")


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        (True, {"act": "resume"}),
        (True, {"act": "rotate", "mode": "revoke"}),
        (False, {"act": "rotate", "mode": "rotate"}),
        (False, {"act": "preview", "mode": "revoke"}),
        (False, {"act": "sweep"}),
        (False, {}),
    ],
)
def test_what_can_hurt_is_told_from_what_cannot(fields: dict[str, str], *, expected: bool) -> None:
    assert expected == can_hurt(fields)


def test_a_dry_run_needs_no_tick() -> None:
    assert Act.PREVIEW is DashboardForm.of(FORM | {"act": "preview", "confirmed": ""}).act


def test_only_what_the_page_offers_can_be_asked() -> None:
    assert "mode is" in refusal(400, mode="sweep")
    assert "mode is" in refusal(400, mode="delete")
    assert "act is" in refusal(400, act="destroy")
    assert "incomplete" in refusal(400, token="again")  # noqa: S106 - no password
    assert "no resource" in refusal(400, resource="")
    assert "not the id" in refusal(404, resource="/subscriptions/x")


def test_a_long_reason_is_cut() -> None:
    assert 256 == len(DashboardForm.of(FORM | {"reason": "x" * 1000}).reason)


def test_nothing_is_a_look() -> None:
    assert Act.VIEW is act_of({})


def test_a_form_is_read_as_it_was_typed() -> None:
    assert {"reason": "a&b=c é"} == form_fields(sent(b"reason=a%26b%3Dc+%C3%A9"))


@pytest.mark.parametrize(
    ("posted", "status"),
    [
        (sent(b"x" * (MOST_BODY_BYTES + 1)), 413),
        (sent(b"{}", "application/json"), 415),
        (sent(b"a=1", "text/plain"), 415),
        (sent(b"a=\xff"), 400),
        (sent(b"a=%ff"), 400),
        (sent(b"&".join(b"a%d=1" % n for n in range(30))), 400),
    ],
)
def test_what_is_no_form_is_refused(posted: HttpRequest, status: int) -> None:
    with pytest.raises(PageError) as caught:
        form_fields(posted)

    assert status == caught.value.status


@pytest.mark.parametrize("headers", [{"sec_fetch_site": "same-origin"}, {"origin": "https://app.example"}])
def test_the_pages_own_form_is_taken(headers: dict[str, str]) -> None:
    require_same_origin(sent(b"", **headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "cross-site", "origin": "https://app.example"},
        {"origin": "https://app.example.evil.example"},
        {"origin": "http://app.example"},
        {"origin": "null"},
    ],
)
def test_any_other_form_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PageError) as caught:
        require_same_origin(sent(b"", **headers))

    assert 403 == caught.value.status


def test_hubs_to_cut_go_with_a_revocation() -> None:
    form = DashboardForm.of(FORM | {"mode": "revoke", "hubs": " chat  news Chat "})

    assert ("chat", "news") == form.command.close_connections


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "rotate", "hubs": "chat"},
        {"mode": "revoke", "hubs": "my-hub"},
        {"mode": "revoke", "hubs": "chat/../users"},
        {"mode": "revoke", "hubs": " ".join(f"hub{number}" for number in range(21))},
    ],
    ids=lambda fields: fields["hubs"][:20],
)
def test_what_is_no_hub_to_cut_is_refused(fields: dict[str, str]) -> None:
    assert "hub" in refusal(400, **fields)
