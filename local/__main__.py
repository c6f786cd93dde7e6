"""`python -m local demo | run | azure`: the app with no Azure account."""

import argparse
import sys


def main() -> int:
    """Do what the command says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="rotate keys while clients use them, and count what is rejected")
    run = commands.add_parser("run", help="serve the app until Ctrl-C")
    run.add_argument("--port", type=int, default=7071, help="on 127.0.0.1")
    commands.add_parser("azure", help="serve only the emulators of Azure until Ctrl-C")
    arguments = parser.parse_args()
    # Each command is imported when it is the one: they bring very different things along.
    match arguments.command:
        case "demo":
            from local.demo import demo  # noqa: PLC0415

            return demo()
        case "run":
            from local.serve import serve_app  # noqa: PLC0415

            return serve_app(arguments.port)
        case _:
            from local.serve import serve_azure  # noqa: PLC0415

            return serve_azure()


if __name__ == "__main__":
    sys.exit(main())
