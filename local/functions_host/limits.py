"""The platform's numbers that a test may want to shorten."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """All in seconds; the defaults are the platform's.

    `answer_within`: an HTTP caller gets 504 after this, the load balancer's idle timeout. `hidden_for`: a received
    queue message comes back after this unless its hiding is renewed; so long waits the work of a killed host, and a
    message that failed on a poison queue. `grace`: what still runs when the host is told to stop without a drain has
    this long. `function_timeout`: how long a function may run, instead of what host.json says.
    """

    answer_within: float = 230
    hidden_for: float = 600
    grace: float = 10
    function_timeout: float | None = None
