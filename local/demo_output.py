"""How the demo speaks: headings, the steps of each rotation as they happen, and a closing table.

On a terminal each rotation is one line that fills up step by step. Piped into a file, every step is a line of its own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.functions_host.client import FunctionsHost

_STEPS = {
    "rotation planned": "planned",
    "key regenerated": "regenerated",
    "key verified": "verified",
    "key published": "published",
    "rotation announced": "announced",
}
# By kind: the steps that it does not have, or does not show.
_LEFT_OUT = {"publish": ("regenerated", "verified"), "retire": ("published",)}
_NO_ROTATION = {"RotationUpcoming", "RotationOverdue", "RotationsHeld"}  # announced as well, and no step of a rotation
_POLL_SECONDS = 0.1


@dataclass
class _Line:
    """One rotation: whose, which slot, and which steps were seen after how many seconds."""

    name: str
    slot: str
    kind: str
    began: float
    seen: dict[str, float] = field(default_factory=dict)

    @property
    def expected(self) -> list[str]:
        return [step for step in _STEPS.values() if step not in _LEFT_OUT.get(self.kind, ())]


class DemoOutput:
    """Prints what happens, from the app's own log. Coloured on a terminal only."""

    def __init__(self, host: FunctionsHost) -> None:
        self._host = host
        self._told = 0
        self._console = Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._lines: dict[str, _Line] = {}

    def heading(self, text: str) -> None:
        """Begin a chapter."""
        self._console.print(f"\n{text}", style="bold cyan", markup=False)

    def note(self, text: str) -> None:
        """A line of explanation."""
        self._console.print(f"  {text}", style="dim", markup=False)

    def follow(self, done: Callable[[], bool], timeout_seconds: float = 60) -> None:
        """Tell each step until `done`. Raises `TimeoutError` with the end of the app's log."""
        deadline = time.monotonic() + timeout_seconds
        with Live(console=self._console, auto_refresh=False, transient=False) as live:
            while True:
                ended = done()
                self._read()
                if self._console.is_terminal:
                    live.update(self._picture(), refresh=True)
                if ended:
                    live.transient = not self._lines  # else an empty picture leaves an empty line
                    self._lines.clear()  # what is drawn stays; who follows on begins below it
                    return
                if time.monotonic() > deadline:
                    tail = self._host.log_text()[-2000:]
                    raise TimeoutError(f"the demo waited {timeout_seconds:g} s in vain; the app's log ends:\n{tail}")
                time.sleep(_POLL_SECONDS)

    def table(self, rows: list[tuple[str, ...]]) -> None:
        """Rows under their first row, in columns."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for number, row in enumerate(rows):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self._console.print(f"  {line}", style="bold" if number == 0 else None, markup=False)

    def verdict(self, text: str, *, good: bool) -> None:
        """The last line."""
        self._console.print(f"\n{text}", style="bold green" if good else "bold red", markup=False)

    def _read(self) -> None:
        lines = self._host.logs()
        for line in lines[self._told :]:
            facts = line.get("extra", line)
            step = _STEPS.get(str(line.get("message")))
            if step and facts.get("event") not in _NO_ROTATION:
                self._take(step, facts)
        self._told = len(lines)

    def _take(self, step: str, facts: dict[str, object]) -> None:
        elapsed = time.monotonic() - self._began
        name = str(facts.get("resource", "")).rsplit("/", 1)[-1]
        if facts.get("event") == "RotationFailed":
            self.note(f"event RotationFailed for {name}")
            return
        line = self._lines.setdefault(
            str(facts["rotation_id"]),
            _Line(name, str(facts.get("slot") or "Salt"), str(facts.get("kind")), elapsed),
        )
        line.seen[step] = elapsed
        if not self._console.is_terminal:
            about = {
                "regenerated": f"key {facts.get('fingerprint')}",
                "verified": "SignalR accepts it" if facts.get("by") == "dataplane" else "ARM shows it",
                "published": f"version {facts.get('version')}",
            }
            said = f"{elapsed:5.1f} s  {name:<7} {line.slot:<10} {step:<12} {about.get(step, '')}"
            self._console.print(f"  {said.rstrip()}", markup=False)

    def _picture(self) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        for line in self._lines.values():
            steps = Text("  ").join(
                Text(f"● {step}", style="green") if step in line.seen else Text(f"○ {step}", style="dim")
                for step in line.expected
            )
            last = max(line.seen.values(), default=line.began)
            table.add_row(f"  {line.name}", line.slot, steps, Text(f"{last - line.began:4.1f} s", style="dim"))
        return table
