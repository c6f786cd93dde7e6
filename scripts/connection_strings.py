# ruff: noqa: INP001 - a script; scripts/ is no package
"""Writes docs/reference/connection-strings.md: what each known kind of value is read as. `--check` changes nothing.

Run it as `python -m scripts.connection_strings`.
"""

import argparse
import json
import sys
from pathlib import Path

from shared.domain.connection_strings import read_secret_value

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "cases" / "connection_strings.json"
PAGE = ROOT / "docs" / "reference" / "connection-strings.md"
FAULTS = {
    "bad-client-endpoint": "`ClientEndpoint` is not an absolute http or https URL.",
    "bad-port": "`Port` is not a whole number from 1 to 65535.",
    "bad-server-endpoint": "`ServerEndpoint` is not an absolute http or https URL.",
    "bad-tenant-id": "`TenantId` has other characters than letters, digits, `.` and `-`.",
    "bad-version": "`Version` is not `1.` and digits, then letters, digits, `_`, `-` or `.`.",
    "blanks-around-key": "A bare access key begins or ends with white space.",
    "duplicate-name": "A name stands twice, in whatever case.",
    "empty": "The value is empty or white space.",
    "in-quotes": "The whole value stands in quotes.",
    "invisible-characters": "A byte order mark or a zero-width character stands before or after the value.",
    "json": "The value is a JSON object or array.",
    "key-vault-reference": "The value is a reference to a secret, not a secret.",
    "missing-client-credential": "Neither `ClientSecret` nor `ClientCert` for the application.",
    "missing-client-id": "No `ClientId` for the application.",
    "missing-endpoint": "No `Endpoint`.",
    "missing-tenant-id": "No `TenantId` for the application.",
    "not-understood": "Neither a bare access key nor a connection string.",
    "other-service": "The connection string of another service.",
    "single-property": "Only one property: a connection string has at least two.",
    "unusable-endpoint": "`Endpoint` is not an absolute http or https URL.",
}
_HEAD = """# Connection strings

Made by `python -m scripts.connection_strings` from `tests/cases/connection_strings.json` and
`shared/domain/connection_strings.py`. A test fails if it is out of date.

The value of a secret is read by the grammar of Microsoft's .NET SDK, Microsoft.Azure.SignalR 1.34.0. *Microsoft* is the
verdict of that parser. *Shape* is what the app reads:

- `access-key`: a bare access key. The SDK does not take it for a connection string; the app publishes it where the
  format is `access-key`.
- `connection-string`: a connection string with an access key.
- `identity`: passwordless access. There is no access key: 1.34.0 signs in with Entra ID.
- `unknown`: anything else. It is not overwritten.

*Code* says why a value is not accepted. A connection string with a code holds an access key, but no consumer can use
it.
"""


def page() -> str:
    """The page: the codes, then a table for each group of cases."""
    cases = json.loads(CASES.read_text())["cases"]
    lines = ["", "## Codes", "", "| code | meaning |", "| --- | --- |"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in sorted(FAULTS.items())]
    for group in dict.fromkeys(case["group"] for case in cases):
        lines += ["", f"## Group {group}", "", "| case | Microsoft | shape | code |", "| --- | --- | --- | --- |"]
        lines += [_row(case) for case in cases if case["group"] == group]
    return _HEAD + "\n".join([*lines, ""])


def _row(case: dict[str, object]) -> str:
    value, verdict = read_secret_value(str(case["connection_string"])), case["microsoft"]
    microsoft = verdict.get("auth", "rejected") if isinstance(verdict, dict) else ""
    microsoft = {"access-key": "key", "entra": "identity"}.get(microsoft, microsoft)
    note = str(case["note"]).replace("|", "\\|")
    return f"| {note} | {microsoft} | {value.shape} | {f'`{value.fault}`' if value.fault else ''} |"


def main() -> int:
    """Rewrite the page, or only look at it; exit code 1 if it is not, or was not, as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    old = PAGE.read_text() if PAGE.exists() else ""
    new = page()
    if not parser.parse_args().check:
        PAGE.write_text(new)
    return int(new != old)


if __name__ == "__main__":
    sys.exit(main())
