"""What a form may ask for, and from whom it is taken."""

import pytest

from shared.dashboard.forms import MOST_BODY_BYTES, Act, Asked, Refused, Visit, act_of
from shared.domain.requests import Mode
from tests.dashboard import fleet

RESOURCE = str(fleet.resource("chat"))
TOKEN = "11111111-2222-4333-8444-555555555555"  # noqa: S105 - a form's token: it opens nothing
FORM = {"act": "rotate", "resource": RESOURCE, "mode": "rotate", "confirmed": "yes", "token": TOKEN}


def sent(body: bytes = b"", kind: str = "application/x-www-form-urlencoded", **headers: str) -> Visit:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Visit(
        "POST", "https://app.example/api/dashboard?code=k", {"code": "k"}, {"content-type": kind} | named, body
    )


def refusal(status: int, **fields: str) -> str:
    with pytest.raises(Refused) as caught:
        Asked.of(FORM | fields)
    assert status == caught.value.status
    return caught.value.why


def test_a_form_becomes_a_wish_of_the_dashboard() -> None:
    wish = Asked.of(FORM | {"mode": "revoke", "reason": "  it leaked "}).wish

    assert ("dashboard", Mode.REVOKE, "it leaked") == (wish.trigger, wish.mode, wish.reason)
    assert RESOURCE == str(wish.resource)


def test_the_same_form_is_the_same_wish() -> None:
    assert Asked.of(FORM).wish == Asked.of(FORM).wish
    assert Asked.of(FORM).wish != Asked.of(FORM | {"token": TOKEN.replace("1", "9")}).wish


def test_a_sweep_is_for_all_and_asks_by_no_name() -> None:
    wish = Asked.of({"act": "sweep", "confirmed": "yes", "token": TOKEN}).wish

    assert (None, Mode.SWEEP) == (wish.resource, wish.mode)


def test_what_changes_something_needs_the_tick() -> None:
    assert "tick the box" in refusal(400, confirmed="")


def test_a_dry_run_needs_no_tick() -> None:
    assert Act.PREVIEW is Asked.of(FORM | {"act": "preview", "confirmed": ""}).act


def test_only_what_the_page_offers_can_be_asked() -> None:
    assert "mode is" in refusal(400, mode="sweep")
    assert "mode is" in refusal(400, mode="delete")
    assert "act is" in refusal(400, act="destroy")
    assert "incomplete" in refusal(400, token="again")  # noqa: S106 - no password
    assert "no resource" in refusal(400, resource="")
    assert "not the id" in refusal(404, resource="/subscriptions/x")


def test_a_long_reason_is_cut() -> None:
    assert 256 == len(Asked.of(FORM | {"reason": "x" * 1000}).reason)


def test_nothing_is_a_look() -> None:
    assert Act.VIEW is act_of({})


def test_a_form_is_read_as_it_was_typed() -> None:
    assert {"reason": "a&b=c é"} == sent(b"reason=a%26b%3Dc+%C3%A9").fields


@pytest.mark.parametrize(
    ("visit", "status"),
    [
        (sent(b"x" * (MOST_BODY_BYTES + 1)), 413),
        (sent(b"{}", "application/json"), 415),
        (sent(b"a=1", "text/plain"), 415),
        (sent(b"a=\xff"), 400),
        (sent(b"a=%ff"), 400),
        (sent(b"&".join(b"a%d=1" % n for n in range(30))), 400),
    ],
)
def test_what_is_no_form_is_refused(visit: Visit, status: int) -> None:
    with pytest.raises(Refused) as caught:
        visit.fields  # noqa: B018 - reading is what is tried

    assert status == caught.value.status


@pytest.mark.parametrize("headers", [{"sec_fetch_site": "same-origin"}, {"origin": "https://app.example"}])
def test_the_pages_own_form_is_taken(headers: dict[str, str]) -> None:
    sent(b"", **headers).require_same_origin()


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
    with pytest.raises(Refused) as caught:
        sent(b"", **headers).require_same_origin()

    assert 403 == caught.value.status
