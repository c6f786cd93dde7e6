"""Due resources whose tag says a word that nobody knows: no sweep rotates them, and so they keep nobody waiting."""

from shared.domain.decision import Code
from tests.scale.conftest import Site
from tests.scale.test_rollout import changed, due, swept


async def test_eleven_that_are_due_and_not_understood_begin_no_rollout(site: Site) -> None:
    """Each sweep would begin one, and what falls due meanwhile would wait for waves that never end."""
    resources = await due(site, 11)
    for each in resources:
        site.azure.update_signalr(each, tags={"key-rotation": "pasued"})
    await swept(site, site.app(ROTATION_WAVES="100%"))
    app = site.app()

    outcomes = await swept(site, app)

    assert {Code.MISCONFIGURED} == {outcomes[each].code for each in resources}
    assert (None, []) == ((await app.services.rollouts.read()).rollout, changed(site, resources))
