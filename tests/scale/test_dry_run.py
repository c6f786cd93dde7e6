"""A dry run from the dashboard, in a state that no other test has it foresee."""

import uuid
from urllib.parse import urlencode

from azure.storage.blob import BlobServiceClient

from shared.domain.requests import Mode, RotationCommand
from shared.domain.resources import ResourceId
from shared.http.messages import HttpRequest
from tests.scale.conftest import Site


async def test_resource_whose_record_is_lost_has_a_dry_run(site: Site) -> None:
    app, resource = site.app(), site.resource()
    known = ResourceId.parse(resource)
    await site.asked(app, RotationCommand("http", known, Mode.ROTATE))
    with BlobServiceClient.from_connection_string(site.storage.connection_string) as blobs:
        blobs.get_blob_client("signalr-rotation", f"resources/{known.key}.json").delete_blob()
    form = {"act": "preview", "resource": resource, "mode": "rotate", "token": str(uuid.uuid4())}
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}

    view = await app.dashboard.view(
        HttpRequest("POST", "https://app/api/dashboard", headers, body=urlencode(form).encode())
    )

    assert "Dry run: would" in view.variables["message"]
