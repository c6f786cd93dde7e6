"""Who comes in, and what a visitor gets when something is in the way: refusals and errors are pages too."""

import logging
from datetime import UTC, datetime

from shared import composition
from shared.dashboard.forms import Refused, Visit
from shared.dashboard.render import Page, render
from shared.domain.errors import RotationError
from shared.http import app_roles
from shared.http.problem_details import Problem, problem_of

log = logging.getLogger("rotation.dashboard")


async def answered(visit: Visit) -> Page:
    """The page of a visit, whatever happens; an error that nobody foresaw is the platform's."""
    try:
        app = composition.app()
        app_roles.require_role(app.settings.REQUIRED_APP_ROLE, visit.headers)
        shown = await app.dashboard.answer(visit)
    except Refused as refused:
        return _sorry(visit, refused.status, "Not done", refused.why)
    except Problem as problem:
        return _sorry(visit, problem.answer.status, problem.code, problem.detail)
    except RotationError as error:
        log.exception("page failed", extra={"code": error.code})
        return _sorry(visit, problem_of(error).answer.status, error.code, error.message)
    return render(shown.template, shown.facts, now=shown.now, bare=visit.bare)


def _sorry(visit: Visit, status: int, title: str, why: str) -> Page:
    return render("sorry.html", {"title": title, "why": why}, now=datetime.now(UTC), status=status, bare=visit.bare)
