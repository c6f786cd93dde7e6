"""What a measurement found: figures with their spread, the goal each is held to, and the verdict."""

import statistics
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure's median is held to."""

    sense: Literal["at most", "at least", "exactly"]
    limit: float

    def met(self, value: float) -> bool:
        """Whether this value reaches it."""
        match self.sense:
            case "at most":
                return value <= self.limit
            case "at least":
                return value >= self.limit
            case _:
                return value == self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured, once or several times."""

    name: str
    values: tuple[float, ...]
    unit: str
    goal: Goal | None = None
    digits: int = 2

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        return "met" if self.goal.met(self.median) else "missed"

    @property
    def spread(self) -> str:
        """Least and most, where it was measured more than once."""
        if len(self.values) < 2:  # noqa: PLR2004 - one value has no spread
            return ""
        return f"{self._said(min(self.values))} to {self._said(max(self.values))}, n = {len(self.values)}"

    @property
    def shown(self) -> str:
        """The median with its unit."""
        return f"{self._said(self.median)} {self.unit}".strip()

    @property
    def goal_shown(self) -> str:
        """The goal as a table shows it."""
        return f"{self.goal.sense} {self.goal.limit:g} {self.unit}".strip() if self.goal else ""

    def as_json(self) -> dict[str, Any]:
        """All of it, for the results file."""
        return {
            "name": self.name,
            "unit": self.unit,
            "values": [round(value, 4) for value in self.values],
            "median": round(self.median, 4),
            "goal": f"{self.goal.sense} {self.goal.limit:g}" if self.goal else None,
            "verdict": self.verdict or None,
        }

    def _said(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One of the eight measurements. `notes` say how it was made and what the figures mean."""

    number: int
    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    seconds: float = field(default=0, compare=False)

    def as_json(self) -> dict[str, Any]:
        """All of it, for the results file."""
        return {
            "number": self.number,
            "title": self.title,
            "seconds": round(self.seconds, 1),
            "figures": [figure.as_json() for figure in self.figures],
            "notes": list(self.notes),
        }
