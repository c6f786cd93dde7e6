"""The script that everybody writes first: `begin_regenerate_key().result()`, `list_keys`, `set_secret`, all defaults.

Not what this project recommends: it is here to be measured beside it.
"""

import os
import sys

from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.mgmt.signalr import SignalRManagementClient
from azure.mgmt.signalr.models import RegenerateKeyParameters

ARM_SCOPE = "https://management.azure.com/.default"


def main(resource: str, arm: str, vault: str, client_id: str) -> None:
    """Regenerate the secondary key of one resource and write it to the vault."""
    parts = resource.split("/")
    subscription, group, name = parts[2], parts[4], parts[-1]
    credential = ManagedIdentityCredential(client_id=client_id)
    signalr = SignalRManagementClient(credential, subscription, base_url=arm, credential_scopes=[ARM_SCOPE]).signal_r
    signalr.begin_regenerate_key(group, name, RegenerateKeyParameters(key_type="Secondary")).result()
    keys = signalr.list_keys(group, name)
    secrets = SecretClient(vault, credential, verify_challenge_resource=False)
    secrets.set_secret(f"{name}-plain", str(keys.secondary_connection_string))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], os.environ["AZURE_CLIENT_ID"])
