"""docs/consumers/who-has-not-moved.kql is right to Microsoft's Kusto language service. Nothing here can run it."""

from tests.telemetry.kusto import language
from tests.world import ROOT

QUERY = (ROOT / "docs" / "consumers" / "who-has-not-moved.kql").read_text()


def test_language_service_has_no_complaint() -> None:
    language.install()

    assert {"query": []} == language.complaints({"query": QUERY})


def test_it_gives_what_the_how_to_says() -> None:
    """Last read, how often, from where; of identities that are not the publisher's."""
    shown = QUERY.rsplit("summarize", 1)[1]

    assert all(f"{column} = " in shown for column in ("LastRead", "Reads", "From"))
    assert "Identity != Publisher" in QUERY


def test_secret_without_a_logged_publication_is_listed_as_unknown() -> None:
    """Every `where` after the join keeps it, and the join does."""
    _, _, after = QUERY.partition("| join kind=leftouter Newest")

    filters = [line for line in after.splitlines() if line.startswith("| where ")]
    assert [True, True] == [line.startswith("| where isnull(Published) or ") for line in filters]
    assert 'Moved = iff(isnull(Published), "unknown: publication not in the log"' in after


def test_the_how_to_says_when_an_empty_list_says_nothing() -> None:
    page = (ROOT / "docs" / "how-to" / "find-who-has-not-moved.md").read_text()

    assert "Empty says nothing unless the log holds a `SecretSet` of the secret." in page
