"""How much is tried: a fast slice in every test run, all of it in `make chaos`, enough to notice in `make mutants`."""

import os

from hypothesis import Phase

CHAOS, MUTANT = "CHAOS" in os.environ, "MUTANT" in os.environ
EXAMPLES = 3000 if CHAOS else 2000 if MUTANT else 50
STEPS = 25
# A mutant is to be noticed, not explained.
PHASES = (Phase.generate,) if MUTANT else (Phase.generate, Phase.shrink)
