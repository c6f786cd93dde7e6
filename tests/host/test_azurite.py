"""The storage the local app stands on."""

from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite, AzuriteDiedError, install
from tests.host.sample import entra_token


class Bearer:
    """A credential that holds one token."""

    def __init__(self, audience: str) -> None:
        self._token = AccessToken(*entra_token(audience))

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return self._token


def test_installed_storage_is_not_installed_again() -> None:
    assert install() is False


def test_messages_survive_a_restart_when_persistent(tmp_path: Path) -> None:
    with Azurite.start(tmp_path, persistent=True) as first:
        queues = QueueServiceClient.from_connection_string(first.connection_string)
        queues.create_queue("kept").send_message("still here")

    with Azurite.start(tmp_path, persistent=True) as second:
        queues = QueueServiceClient.from_connection_string(second.connection_string)
        assert ["still here"] == [message.content for message in queues.get_queue_client("kept").peek_messages()]


def test_nothing_is_written_unless_persistent(tmp_path: Path) -> None:
    with Azurite.start(tmp_path) as azurite:
        QueueServiceClient.from_connection_string(azurite.connection_string).create_queue("kept")

    assert [] == list(tmp_path.iterdir())


def test_bearer_tokens_are_taken_over_tls(tmp_path: Path, certificates: tuple[Path, Path, Path]) -> None:
    chain, key, trust = certificates
    with Azurite.start(tmp_path, oauth=True, certificates=(chain, key)) as azurite:
        credential = Bearer("https://storage.azure.com")
        queues = QueueServiceClient(azurite.queue_url, credential=credential, connection_verify=str(trust))

        assert "by-token" == queues.create_queue("by-token").queue_name


def test_token_for_another_service_is_refused(tmp_path: Path, certificates: tuple[Path, Path, Path]) -> None:
    chain, key, trust = certificates
    with Azurite.start(tmp_path, oauth=True, certificates=(chain, key)) as azurite:
        credential = Bearer("https://vault.azure.net")
        queues = QueueServiceClient(azurite.queue_url, credential=credential, connection_verify=str(trust))

        with pytest.raises(ClientAuthenticationError):
            queues.create_queue("by-token")


def test_storage_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(AzuriteDiedError, match="no-such-file"):
        Azurite.start(tmp_path, certificates=(tmp_path / "no-such-file.pem", tmp_path / "no-such-file.key"))


def test_key_of_the_account_is_not_shown(azurite: Azurite) -> None:
    key = azurite.connection_string.partition("AccountKey=")[2].partition(";")[0]

    assert key
    assert key not in repr(azurite)
