"""How much is tried: a fast slice in every test run, all of it in `make chaos`."""

import os

CHAOS = "CHAOS" in os.environ
EXAMPLES = 2000 if CHAOS else 60
