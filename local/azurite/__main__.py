"""`python -m local.azurite install`: what the Makefile calls after pip."""

import argparse
import sys

from local.azurite.install import AzuriteNotInstalledError, install


def main() -> int:
    """Exit code 0 when Azurite is installed, 1 with npm's reason on stderr when it is not."""
    parser = argparse.ArgumentParser(prog="python -m local.azurite", description=__doc__)
    parser.add_argument("command", choices=["install"])
    parser.parse_args()
    try:
        install()
    except AzuriteNotInstalledError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
