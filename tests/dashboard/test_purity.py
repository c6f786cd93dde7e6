"""What the page shows is decided by functions of values: they need no service, no web framework and no template."""

import subprocess
import sys

from tests.world import ROOT

PURE = (
    "filters",
    "status",
    "fleet_view",
    "dry_run_text",
    "forms",
    "progress",
    "resource_view",
    "timeline",
    "time_format",
)


def test_the_views_import_no_service_and_no_template_engine() -> None:
    modules = ", ".join(f"shared.dashboard.{name}" for name in PURE)
    look = (
        f"import sys, {modules}; print(*sorted(n for n in sys.modules if n.startswith(('azure', 'aiohttp', 'jinja2'))))"
    )

    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "" == done.stdout.strip()


def test_the_engine_starts_without_the_template_engine() -> None:
    """A worker that only rotates never pays for pages."""
    look = "import sys, shared.composition; print('jinja2' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "False" == done.stdout.strip()
