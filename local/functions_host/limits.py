"""The platform's numbers that a test may want to shorten."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """All in seconds; the defaults are the platform's.

    `answer_within`: an HTTP caller gets 504 after this, the load balancer's idle timeout. `hidden_for`: a received
    queue message comes back after this unless its hiding is renewed, so this is how long a killed host's work waits.
    `grace`: what still runs when the host is told to stop has this long.
    """

    answer_within: float = 230
    hidden_for: float = 600
    grace: float = 30
