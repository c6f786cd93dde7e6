"""How the demo speaks: headings, the steps of each rotation as they happen, and a closing table."""

import sys
import time
from collections.abc import Callable

from local.functions_host.client import FunctionsHost

_STEPS = {
    "rotation planned": "planned",
    "key regenerated": "regenerated",
    "key published": "published",
    "rotation announced": "announced",
}
_NOTHING = "nothing done"


class Story:
    """Prints what happens. Coloured on a terminal only."""

    def __init__(self, host: FunctionsHost) -> None:
        self._host = host
        self._told = 0
        self._colour = sys.stdout.isatty()
        self._began = time.monotonic()

    def heading(self, text: str) -> None:
        """Begin a chapter."""
        print(f"\n{self._paint(text, '1;36')}", flush=True)

    def note(self, text: str) -> None:
        """A line of explanation."""
        print(f"  {self._paint(text, '2')}", flush=True)

    def follow(self, done: Callable[[], bool], timeout_seconds: float = 60) -> None:
        """Tell each step from the app's own log until `done`. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            ended = done()
            self._tell_new_lines()
            if ended:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"the demo waited {timeout_seconds:g} s in vain; the app's log ends:\n{self._tail()}"
                )
            time.sleep(0.1)

    def table(self, rows: list[tuple[str, ...]]) -> None:
        """Rows under their first row, in columns."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for number, row in enumerate(rows):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            print(f"  {self._paint(line, '1') if number == 0 else line}", flush=True)

    def verdict(self, text: str, *, good: bool) -> None:
        """The last line."""
        print(f"\n{self._paint(text, '1;32' if good else '1;31')}", flush=True)

    def _tell_new_lines(self) -> None:
        lines = self._host.logs()
        for line in lines[self._told :]:
            step = _STEPS.get(str(line.get("message")))
            extra = line.get("extra", line)
            if step:
                name = str(extra.get("resource", "")).rsplit("/", 1)[-1]
                slot, print_ = extra.get("slot") or "Salt", extra.get("fingerprint")
                about = {"published": f"version {str(extra.get('version'))[:8]}", "regenerated": f"key {print_}"}
                elapsed = f"{time.monotonic() - self._began:5.1f} s"
                print(f"  {elapsed}  {name:<7} {slot:<10} {step:<12} {about.get(step, '')}".rstrip(), flush=True)
        self._told = len(lines)

    def _tail(self) -> str:
        return self._host.log_text()[-2000:]

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
