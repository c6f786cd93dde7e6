"""The values of secrets are read as Microsoft's parser reads them, and only their access key is changed."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scripts import connection_strings as reference
from shared.domain.connection_strings import SecretValue, Shape, read_secret_value, same_endpoint, with_access_key

CASES = json.loads(reference.CASES.read_text())["cases"]
ACCEPTED = [case for case in CASES if case["microsoft"]["accepted"]]
REJECTED = [case for case in CASES if not case["microsoft"]["accepted"]]
WITH_KEY = [case for case in ACCEPTED if case["microsoft"]["auth"] == "access-key"]

E, K = "https://chat.service.signalr.net", "ZmFrZS1mYWtlLWZha2U="
WELL_FORMED = f"Endpoint={E};AccessKey={K};Version=1.0;"
DOTNET_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
NO_DOTNET_BLANKS = ["\ufeff", "\u200b", "\x1c", "\x1d", "\x1e", "\x1f", "\u180e"]

blanks = st.text(DOTNET_BLANKS, max_size=3)
keys = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";,:<>\"'`(){}[]@\\="), min_size=20
)
keys = st.builds(str.__add__, keys, st.sampled_from(["", "=", "=="]))


def named(case: dict[str, Any]) -> str:
    return str(case["id"])


def spelled(name: str) -> st.SearchStrategy[str]:
    """The name with each letter in either case."""
    return st.tuples(*(st.sampled_from([char.lower(), char.upper()]) for char in name)).map("".join)


def read(text: str) -> tuple[Shape, str, str, str]:
    value = read_secret_value(text)
    return value.shape, value.endpoint, value.reveal(), value.fault


@pytest.mark.parametrize("case", ACCEPTED, ids=named)
def test_what_microsoft_accepts_is_read_as_microsoft_reads_it(case: dict[str, Any]) -> None:
    microsoft = case["microsoft"]
    shape = {"access-key": Shape.CONNECTION_STRING, "entra": Shape.IDENTITY}[microsoft["auth"]]
    expected = (shape, microsoft["endpoint"].rstrip("/"), microsoft.get("access_key", ""), "")

    assert expected == read(case["connection_string"])


@pytest.mark.parametrize("case", REJECTED, ids=named)
def test_what_microsoft_rejects_is_a_bare_key_or_has_a_code(case: dict[str, Any]) -> None:
    value = read_secret_value(case["connection_string"])

    assert value.fault in reference.FAULTS or (Shape.ACCESS_KEY, case["connection_string"]) == (
        value.shape,
        value.reveal(),
    )


def test_the_data_file_is_whole() -> None:
    assert (95, 59, 36) == (len(CASES), len(ACCEPTED), len(REJECTED))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"AccessKey={K}", "missing-endpoint"),
        (f"AccessKey={K};Version=1.0", "missing-endpoint"),
        (f"Endpoint={E};AccessKey={K};Port=abc", "bad-port"),
        (f"Endpoint={E};AccessKey={K};Port=\u0661", "bad-port"),
        (f"Endpoint={E};AccessKey={K};Port={'9' * 5000}", "bad-port"),
        (f"Endpoint={E};AccessKey={K};Version=", "bad-version"),
        (f"Endpoint={E};AccessKey={K};ServerEndpoint=server", "bad-server-endpoint"),
        (f"Endpoint={E};AccessKey={K};CLIENTENDPOINT=wss://a", "bad-client-endpoint"),
        (f"Endpoint={E}:65536;AccessKey={K}", "unusable-endpoint"),
        (f"Endpoint={E}:{'9' * 5000};AccessKey={K}", "unusable-endpoint"),
        (f"Endpoint=https:/x;AccessKey={K}", "unusable-endpoint"),
        (f"Endpoint=https://a b;AccessKey={K}", "unusable-endpoint"),
        (f"Endpoint=https://[::g];AccessKey={K}", "unusable-endpoint"),
        (f"Endpoint=http\u017f://a;AccessKey={K}", "unusable-endpoint"),
        (f"Endpoint=;AccessKey={K}", "unusable-endpoint"),
        (f"Endpoint={E};AccessKey={K};\u00e4=1;\u00c4=2", "duplicate-name"),
        (f"endpoint ={E};AccessKey={K};ENDPOINT={E}", "duplicate-name"),
        (f"'{WELL_FORMED}'", "in-quotes"),
        (f' "{WELL_FORMED}"\n', "in-quotes"),
        (f"\u201c{WELL_FORMED}\u201d", "in-quotes"),
        (f"\ufeff{WELL_FORMED}", "invisible-characters"),
        (f'\ufeff"{WELL_FORMED}"', "in-quotes"),
    ],
)
def test_a_connection_string_that_consumers_refuse_shows_its_key_and_its_fault(text: str, fault: str) -> None:
    value = read_secret_value(text)

    assert (Shape.CONNECTION_STRING, K, fault) == (value.shape, value.reveal(), value.fault)


def test_quotes_around_the_key_of_a_refused_value_are_not_part_of_it() -> None:
    assert (Shape.CONNECTION_STRING, "", K, "unusable-endpoint") == read(f'Endpoint="{E}";AccessKey="{K}"')


def test_quotes_around_the_key_of_an_accepted_value_are_part_of_it() -> None:
    assert (Shape.CONNECTION_STRING, E, f'"{K}"', "") == read(f'Endpoint={E};AccessKey="{K}"')


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "{}",
        json.dumps({"key": K}),
        json.dumps({"ConnectionString": WELL_FORMED}),
        json.dumps([WELL_FORMED], indent=1),
        json.dumps({"a": f"x;Endpoint={E};AccessKey={K};b"}),
        f'<add connectionString="{WELL_FORMED}"/>',
        "@Microsoft.KeyVault(VaultName=v;SecretName=s)",
        E,
        f"{E}/?key={K}",
        "two words",
        f"{K} {K}",
        f"{K}\n{K}",
        f"key: {K}",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        f"cache.example.com:6380,password={K},ssl=True",
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={K};EndpointSuffix=core.windows.net",
        f"Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={K}",
        f"Endpoint=https://a.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={K}",
        f"Endpoint=https://a.azconfig.io;Id=1;Secret={K}",
        f"HostName=a.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey={K}",
        f"AccountEndpoint=https://a.documents.azure.com:443/;AccountKey={K};",
        f"Server=tcp:a.database.windows.net;User ID=u;Password={K}",
        f"Region=eu;AccessKey={K};SecretKey={K}",
        f"SharedAccessKey={K}",
        f"Endpoint={E}",
        f"AccessKey:{K};Endpoint:{E}",
        "Version=1.0",
        ";;;",
        "a;b",
    ],
)
def test_a_value_of_another_kind_is_unknown_and_gives_no_key(text: str) -> None:
    value = read_secret_value(text)

    assert (Shape.UNKNOWN, "", True) == (value.shape, value.reveal(), value.fault in reference.FAULTS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"Endpoint={E};AuthType=azure", ""),
        (f"Endpoint={E};AuthType=Azure.MSI;AccessKey=", ""),
        (f"Endpoint={E};AuthType=azure.app;ClientId=c;TenantId=t;ClientSecret=s", ""),
        (f"Endpoint={E};AuthType=aad;ClientId=c;TenantId=t;ClientCert=/c.pem", ""),
        (f"Endpoint={E};AuthType=azure.app;TenantId=t;ClientSecret=s", "missing-client-id"),
        (f"Endpoint={E};AuthType=azure.msi;AuthType=azure.msi", "duplicate-name"),
        (f'"Endpoint={E};AuthType=azure.msi"', "in-quotes"),
        ("AuthType=azure.msi", "missing-endpoint"),
        (f"Endpoint={E};Acce\u017f\u017fKey={K}", ""),
        (f"Endpoint={E};Access\u212aey={K}", ""),
    ],
)
def test_passwordless_access_gives_no_key_whatever_else_is_wrong(text: str, fault: str) -> None:
    value = read_secret_value(text)

    assert (Shape.IDENTITY, "", fault) == (value.shape, value.reveal(), value.fault)


@pytest.mark.parametrize("key", ["k", "a" * 84, f"{'A' * 43}=", "s3cr3t" * 14, "a-b_c~d.e/f+g=="])
def test_a_single_token_is_a_bare_key(key: str) -> None:
    assert (Shape.ACCESS_KEY, "", key, "") == read(key)


@pytest.mark.parametrize(
    ("text", "fault"),
    [(f"{K}\n", "blanks-around-key"), (f'"{K}"', "in-quotes"), (f"\ufeff{K}", "invisible-characters")],
)
def test_what_stands_around_a_bare_key_is_a_fault(text: str, fault: str) -> None:
    assert (Shape.ACCESS_KEY, "", K, fault) == read(text)


@given(spelled("Endpoint"), spelled("AccessKey"), spelled("Port"), keys)
def test_names_are_read_in_any_case(endpoint: str, access_key: str, port: str, key: str) -> None:
    text = f"{access_key}={key};{port}=8443;{endpoint}={E}"

    assert (Shape.CONNECTION_STRING, f"{E}:8443", key, "") == read(text)


@given(st.lists(blanks, min_size=8, max_size=8), keys)
def test_blanks_do_not_count_wherever_dotnet_trims_them(some: list[str], key: str) -> None:
    a, b, c, d, e, f, g, h = some
    text = f"{a}Endpoint{b}={c}{E}{d};{e}AccessKey{f}={g}{key}{h}"

    assert (Shape.CONNECTION_STRING, E, key, "") == read(text)


@pytest.mark.parametrize("char", NO_DOTNET_BLANKS, ids=ascii)
def test_what_dotnet_does_not_trim_belongs_to_the_key(char: str) -> None:
    assert (Shape.CONNECTION_STRING, E, f"{char}{K}{char}", "") == read(f"Endpoint={E};AccessKey={char}{K}{char}")


@given(st.text(st.characters(exclude_categories=[])))
@example("\ud800;=\ud800;Endpoint=https://\ud800/\ud800")
@example("Endpoint=https://[;AccessKey=k")
@example("Endpoint=https://[fe80::1%25a];AccessKey=k")
def test_no_text_raises(text: str) -> None:
    assert isinstance(read_secret_value(text), SecretValue)


GRAMMAR = [
    "Endpoint",
    "AccessKey",
    "Port",
    "Version",
    "AuthType",
    "=",
    ";",
    "https://",
    "a",
    ":8",
    "\\",
    '"',
    " ",
    "1.0",
]


@given(st.lists(st.sampled_from(GRAMMAR), max_size=16).map("".join))
def test_no_text_of_the_grammar_s_own_pieces_raises(text: str) -> None:
    value = read_secret_value(text)

    assert value.fault in {"", *reference.FAULTS}
    assert (value.reveal() != "") == (value.shape in {Shape.ACCESS_KEY, Shape.CONNECTION_STRING})


@pytest.mark.parametrize("case", WITH_KEY, ids=named)
@given(key=keys)
def test_only_the_key_is_replaced(case: dict[str, Any], key: str) -> None:
    text, old = case["connection_string"], case["microsoft"]["access_key"]

    changed = with_access_key(text, key)

    assert text.replace(old, key) == changed
    assert read_secret_value(changed) == replace(read_secret_value(text), _access_key=key)
    assert text == with_access_key(changed, old)


@given(keys, keys)
def test_a_bare_key_is_replaced_whole(old: str, new: str) -> None:
    assert new == with_access_key(old, new)


@pytest.mark.parametrize(
    "text",
    ["", f"{{{K}}}", f"Endpoint={E};AuthType=azure.msi", f"AccessKey={K};Version=1.0", f'"{WELL_FORMED}"', f"{K}\n"],
)
def test_where_there_is_no_accepted_key_none_is_replaced(text: str) -> None:
    with pytest.raises(ValueError, match="No access key") as raised:
        with_access_key(text, "new")

    assert K not in str(raised.value)


@pytest.mark.parametrize("text", [WELL_FORMED, K])
@pytest.mark.parametrize("key", ["", " ", "new;key", " padded", "padded\n", "a;Endpoint=https://evil"])
def test_a_key_that_could_not_be_read_back_is_not_written(text: str, key: str) -> None:
    with pytest.raises(ValueError, match="could not be read back") as raised:
        with_access_key(text, key)

    assert K not in str(raised.value)
    assert not key.strip() or key not in str(raised.value)


@pytest.mark.parametrize("show", [repr, str, "{}".format])
@pytest.mark.parametrize("text", [K, WELL_FORMED, f"Endpoint=https://user:{K}@chat;AuthType=azure.msi"])
def test_a_value_does_not_show_its_secrets(text: str, show: Any) -> None:
    assert K not in show(read_secret_value(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (E, f"{E}/"),
        (E, f"{E}:443"),
        (E, f" {E.upper()}:443// "),
        ("http://a", "http://A:80/"),
        ("https://a:8443/x", "https://a:08443/x/"),
        ("https://[::1]:1", "https://[0:0::1]:1"),
        ("https://a\\b", "https://a/b"),
        ("https://a/x/../b", "https://a/./b"),
    ],
)
def test_two_spellings_of_an_address_are_one(one: str, other: str) -> None:
    assert same_endpoint(one, other)
    assert same_endpoint(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (E, "http://chat.service.signalr.net"),
        (E, f"{E}:8443"),
        (E, f"{E}/path"),
        (f"{E}/path", f"{E}/Path"),
        (E, "https://chat2.service.signalr.net"),
        ("", ""),
        ("chat", "chat"),
    ],
)
def test_two_addresses_are_two(one: str, other: str) -> None:
    assert not same_endpoint(one, other)


def test_the_reference_page_is_up_to_date() -> None:
    """After a change: `.venv/bin/python -m scripts.connection_strings`."""
    assert reference.page() == reference.PAGE.read_text()
