"""The guards of each invariant, and how each is taken out: what `make mutants` tries, one after the other.

A guard that no test misses is either not needed or not tested. docs/reference/evidence.md shows the
list, beside the tests.
"""

from tests.faults.guards_keys import KEYS
from tests.faults.guards_lasting import LASTING
from tests.faults.guards_state import STATE
from tests.faults.guards_told import TOLD
from tests.faults.mutation import Mutation

__all__ = ["MUTATIONS", "Mutation"]

MUTATIONS = (*KEYS, *STATE, *TOLD, *LASTING)
