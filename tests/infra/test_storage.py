"""What the storage account forgets is what the app writes under names that nobody deletes, and no more."""

import re

from tests.world import ROOT


def test_only_what_is_kept_by_rotation_id_is_forgotten() -> None:
    template = (ROOT / "infra/modules/storage.bicep").read_text()
    forgotten = set(re.findall(r"\$\{rotationName\}/(\w+)/", template))
    written = {
        folder
        for module in ("adapters/blob_records", "adapters/blob_operations", "domain/heartbeat")
        for folder in re.findall(r'"(\w+)/', (ROOT / f"shared/{module}.py").read_text())
    }

    # `open` is emptied by the app itself, and there is one heartbeat for each installation.
    assert {"resources", "rotations", "idempotency", "open", "heartbeats"} == written
    assert {"rotations", "idempotency"} == forgotten
