"""What a client of the host sees over HTTP."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from local.functions_host import Limits
from tests.host.sample import Sample, eventually


def test_request_reaches_the_function_as_sent(sample: Sample) -> None:
    answer = sample.host.request("POST", "/api/echo/hi%20there?a=1", json={"x": 1}).json()

    assert "POST" == answer["method"]
    assert f"{sample.host.url}/api/echo/hi%20there?a=1" == answer["url"]
    assert {"word": "hi there"} == answer["route"]
    assert {"a": "1"} == answer["params"]
    assert {"x": 1} == json.loads(answer["body"])


def test_header_names_arrive_in_lower_case(sample: Sample) -> None:
    answer = sample.host.request("GET", "/api/echo", headers={"X-Some-Thing": "Value"}).json()

    assert "Value" == answer["headers"]["x-some-thing"]


def test_encoded_slash_stays_encoded_in_a_route_parameter(sample: Sample) -> None:
    assert {"word": "a b%2Fc"} == sample.host.request("GET", "/api/echo/a%20b%2Fc").json()["route"]


def test_home_is_a_page(sample: Sample) -> None:
    answer = sample.host.request("GET", "/", key=None)

    assert (200, "text/html") == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])


def test_function_may_be_named_like_the_hosts_own_routes(sample: Sample) -> None:
    assert "only a name" == sample.host.request("GET", "/api/adm").text
    assert "admin_of_nothing" in sample.host.functions


def test_empty_query_values_are_dropped_and_repeated_ones_joined(sample: Sample) -> None:
    answer = sample.host.request("GET", "/api/echo?empty=&twice=1&twice=2").json()

    assert {"twice": "1,2"} == answer["params"]


def test_optional_route_parameter_may_be_missing(sample: Sample) -> None:
    assert {} == sample.host.request("GET", "/api/echo").json()["route"]


def test_catch_all_parameter_takes_the_rest_of_the_path(sample: Sample) -> None:
    assert "a/b/c.txt" == sample.host.request("GET", "/api/files/a/b/c.txt").text


def test_constraint_keeps_other_values_out(sample: Sample) -> None:
    assert "a number -12" == sample.host.request("GET", "/api/numbers/-12").text
    assert 404 == sample.host.request("GET", "/api/numbers/twelve").status_code


def test_literal_route_comes_before_a_parameter(sample: Sample) -> None:
    assert "a constant" == sample.host.request("GET", "/api/numbers/pi").text


def test_route_matches_in_any_case(sample: Sample) -> None:
    assert 200 == sample.host.request("GET", "/API/Echo").status_code


@pytest.mark.parametrize("path", ["/echo", "/api", "/api/none"])
def test_path_of_no_function_is_not_found(sample: Sample, path: str) -> None:
    assert 404 == sample.host.request("GET", path).status_code


def test_method_that_is_not_the_functions_own_is_not_found(sample: Sample) -> None:
    assert 404 == sample.host.request("PUT", "/api/echo").status_code


def test_answer_keeps_status_headers_and_bytes(sample: Sample) -> None:
    answer = sample.host.request("GET", "/api/answer")

    assert (202, "7", "application/octet-stream", b"\x00\x01") == (
        answer.status_code,
        answer.headers["Retry-After"],
        answer.headers["Content-Type"],
        answer.content,
    )


def test_cookie_keeps_its_attributes(sample: Sample) -> None:
    pair, *attributes = sample.host.request("GET", "/api/answer").headers["Set-Cookie"].split("; ")
    expires = next(each.removeprefix("Expires=") for each in attributes if each.startswith("Expires="))

    assert "visit=1" == pair
    assert {"Path=/", "Secure", "SameSite=Strict"} <= set(attributes)
    assert parsedate_to_datetime("Wed, 21 Oct 2026 07:28:00 GMT") == parsedate_to_datetime(expires)


@pytest.mark.parametrize("route", ["boom", "nothing"])
def test_function_that_fails_or_returns_none_is_an_empty_500(sample: Sample, route: str) -> None:
    answer = sample.host.request("GET", f"/api/{route}")

    assert (500, b"") == (answer.status_code, answer.content)


def test_missing_key_is_an_empty_401(sample: Sample) -> None:
    answer = sample.host.request("GET", "/api/echo", key=None)

    assert (401, b"") == (answer.status_code, answer.content)


def test_wrong_key_is_401(sample: Sample) -> None:
    assert 401 == sample.host.request("GET", "/api/echo", key="wrong").status_code


def test_key_of_another_function_is_401(sample: Sample) -> None:
    assert 401 == sample.host.request("GET", "/api/echo", key=sample.host.function_keys["boom"]).status_code


@pytest.mark.parametrize("key", ["own", "function", "master"])
def test_own_default_and_master_key_open_a_function(sample: Sample, key: str) -> None:
    key = sample.host.function_keys["echo"] if key == "own" else key

    assert 200 == sample.host.request("GET", "/api/echo", key=key).status_code


def test_key_in_the_query_opens_and_is_passed_on(sample: Sample) -> None:
    answer = sample.host.request("GET", f"/api/echo?code={sample.host.function_key}", key=None)

    assert {"code": sample.host.function_key} == answer.json()["params"]


def test_empty_key_header_wins_over_a_key_in_the_query(sample: Sample) -> None:
    path = f"/api/echo?code={sample.host.function_key}"

    assert 401 == sample.host.request("GET", path, key="").status_code


@pytest.mark.parametrize(
    ("query", "status"), [("CODE={key}", 200), ("code={key}&code=wrong", 200), ("code=wrong&code={key}", 401)]
)
def test_name_of_the_key_parameter_is_in_any_case_and_the_first_counts(sample: Sample, query: str, status: int) -> None:
    path = f"/api/echo?{query.format(key=sample.host.function_key)}"

    assert status == sample.host.request("GET", path, key=None).status_code


def test_function_of_level_admin_takes_the_master_key_alone(sample: Sample) -> None:
    assert 401 == sample.host.request("GET", "/api/guarded").status_code
    assert 200 == sample.host.request("GET", "/api/guarded", key="master").status_code


def test_anonymous_function_asks_for_no_key(sample: Sample) -> None:
    assert 200 == sample.host.request("GET", "/api/open", key=None).status_code


def test_principal_header_is_passed_on_as_without_easy_auth(sample: Sample) -> None:
    answer = sample.host.request("GET", "/api/open", key=None, headers={"X-MS-CLIENT-PRINCIPAL": "forged"})

    assert "forged" == answer.text


def test_disabled_function_is_not_found_without_the_master_key(start: Callable[..., Sample]) -> None:
    host = start(**{"AzureWebJobs.echo.Disabled": "true"}).host

    assert 404 == host.request("GET", "/api/echo").status_code
    assert 200 == host.request("GET", "/api/echo", key="master").status_code
    host.stop()


def test_late_answer_is_cut_and_the_function_goes_on(start: Callable[..., Sample]) -> None:
    sample = start(limits=Limits(answer_within=0.2))

    assert 504 == sample.host.request("GET", "/api/hold/late").status_code
    sample.host.request("GET", "/api/release/late")
    assert eventually(lambda: sample.logged("let go", gate="late"))
    sample.host.stop()


def test_requests_run_beside_each_other(sample: Sample) -> None:
    with ThreadPoolExecutor() as pool:
        held = pool.submit(sample.host.request, "GET", "/api/hold/beside")
        assert eventually(lambda: sample.host.activity()["running"])
        sample.host.request("GET", "/api/release/beside")

        assert "let go" == held.result().text


def test_host_answers_while_the_app_blocks_its_loop(sample: Sample) -> None:
    with ThreadPoolExecutor() as pool:
        jammed = pool.submit(sample.host.request, "GET", "/api/jam?seconds=2")
        assert eventually(lambda: sample.host.activity()["running"])

        assert not jammed.done()
        assert "free again" == jammed.result().text


def test_host_listens_on_loopback_only(sample: Sample) -> None:
    """Any other address of this machine refuses the port."""
    port = urlsplit(sample.host.url).port

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)
