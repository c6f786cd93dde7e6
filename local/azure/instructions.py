"""How to point an SDK or a command line at running emulators: what a person reads, and what conformance tests do."""

import shlex

from local.azure.client import AzureEmulator


def app_settings(azure: AzureEmulator) -> dict[str, str]:
    """For an app that signs in with its managed identity, in Python (aio and sync) or JavaScript."""
    return {**azure.env, **trust(azure)}


def trust(azure: AzureEmulator) -> dict[str, str]:
    """What makes OpenSSL, requests and Node trust the emulators' certificates."""
    certificate = azure.env["SSL_CERT_FILE"]
    return {"SSL_CERT_FILE": certificate, "REQUESTS_CA_BUNDLE": certificate, "NODE_EXTRA_CA_CERTS": certificate}


def cli_settings(azure: AzureEmulator) -> dict[str, str]:
    """For the Azure CLI: trust, no questions to the public cloud about an authority it does not know, no telemetry."""
    return {
        "REQUESTS_CA_BUNDLE": azure.env["SSL_CERT_FILE"],
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
    }


def cli_commands(azure: AzureEmulator) -> tuple[tuple[str, ...], ...]:
    """What to tell the Azure CLI once, before all else: the cloud by its ARM endpoint alone, then who signs in."""
    who = azure.operator
    principal = ("--username", who["AZURE_CLIENT_ID"], "--password", who["AZURE_CLIENT_SECRET"])
    return (
        ("cloud", "register", "--name", "Local", "--endpoint-resource-manager", azure.arm),
        ("cloud", "set", "--name", "Local"),
        ("login", "--service-principal", *principal, "--tenant", who["AZURE_TENANT_ID"]),
    )


def instructions(azure: AzureEmulator) -> str:
    """All of it, to be read by a person and pasted into a shell."""
    sections = (
        ("An app with a managed identity:", _exports(app_settings(azure))),
        ("Or a service principal that may do anything:", _exports({**trust(azure), **azure.operator})),
        (
            "Or the Azure CLI (its --vault-name is 127, the start of the vault's address):",
            _exports(cli_settings(azure)),
        ),
    )
    lines = [line for title, exports in sections for line in (f"# {title}", *exports, "")]
    lines[-1:] = [f"az {shlex.join(command)}" for command in cli_commands(azure)]
    services = {
        "Resource Manager": azure.arm,
        "sign-in": azure.login,
        "SignalR": azure.signalr,
        "control": azure.control,
    }
    return "\n".join([*lines, "", *(f"# {name}: {url}" for name, url in services.items())])


def _exports(variables: dict[str, str]) -> list[str]:
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
