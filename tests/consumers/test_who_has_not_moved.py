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
