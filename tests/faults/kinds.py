"""The ways in which a call goes wrong."""

from tests.faults.proxy import Fault

CUTS = (
    Fault("cut before", effect=False, answer="cut"),
    Fault("cut after", answer="cut"),
    Fault("reset halfway", answer="half"),
    Fault("500", effect=False, answer=500),
    Fault("503", effect=False, answer=503),
    Fault("503 after", answer=503),
    Fault("429", effect=False, answer=429),
    Fault("409", effect=False, answer=409),
    Fault("timeout before", effect=False, answer="none"),
    Fault("timeout after", answer="none"),
)
STOLEN = Fault("lease lost", hook="before")
KILLS = (
    Fault("kill before", effect=False, answer="none", hook="before"),
    Fault("kill after", answer="none", hook="after"),
)
KINDS = (*CUTS, STOLEN, *KILLS)
# Where a mode makes the calls of another one in a world that differs: what tells done from not done, and who goes on.
FEW = (CUTS[0], CUTS[1], STOLEN, *KILLS)
