"""The dashboard's endpoint: app role, the page itself, and errors as pages."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from shared.dashboard.forms import PageError, can_hurt, form_fields
from shared.dashboard.pages import Dashboard, View
from shared.dashboard.render import NO_HEADERS, render
from shared.domain.errors import RotationError
from shared.http import app_roles
from shared.http.messages import HttpRequest, HttpResponse
from shared.http.problem_details import Problem, problem_of
from shared.settings import Settings

log = logging.getLogger("rotation.dashboard")


class Site(Protocol):
    """What the dashboard needs of the app; `composition.App` offers it."""

    @property
    def settings(self) -> Settings:
        """The app's settings."""

    @property
    def dashboard(self) -> Dashboard:
        """Chooses what a request shows."""


async def handle(request: HttpRequest, app: Callable[[], Site]) -> HttpResponse:
    """Answer a request with a page. A `Problem`, `PageError` or `RotationError` becomes a page that says what failed.

    `app` builds the app at its first call, and raises `Misconfigured` while a setting is wrong.
    """
    status, headers = 200, NO_HEADERS
    try:
        site = app()
        app_roles.require_role(site.settings.REQUIRED_APP_ROLE, request.headers)
        if request.method == "POST" and can_hurt(form_fields(request)):
            app_roles.require_admin(site.settings.REQUIRED_ADMIN_ROLE, request.headers)
        view = await site.dashboard.view(request)
    except PageError as error:
        status, headers, view = error.status, error.headers, _error_view("Request rejected", error.why)
    except Problem as problem:
        status, view = problem.response.status, _error_view(problem.code, problem.detail)
    except RotationError as error:
        log.exception("page failed", extra={"code": error.code})
        status, view = problem_of(error).response.status, _error_view(error.code, error.message)
    # The page's own script has the style sheet and itself already.
    return render(view, status=status, headers=headers, bare="x-dashboard-part" in request.headers)


def _error_view(title: str, why: str) -> View:
    return View("error.html", datetime.now(UTC), {"title": title, "why": why})
