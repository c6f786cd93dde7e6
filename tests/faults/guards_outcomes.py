"""The guards of invariants 8 to 10, and how each is taken out: ownership, announcing, one account of what happened."""

from tests.faults.mutation import Mutation

_NAMES = "tests/integration/test_secret_names.py"
_TOPIC = "tests/integration/test_topic.py"
_STANDING = "tests/integration/test_standing_failures.py"
_RETIREMENTS = "tests/integration/test_retirements.py"
_SWEEP = "tests/scale/test_sweep.py"
_LISTS = "tests/scale/test_lists.py"

OUTCOMES = (
    Mutation(
        8,
        "write over whatever a tag names",
        "shared/rotation/observe.py",
        "    if published is None or not published.enabled:\n        return True\n    known",
        "    return True\n    known",
        f"{_NAMES}::test_a_tag_cannot_have_a_foreign_secret_overwritten",
    ),
    Mutation(
        8,
        "ask no other resource about a secret without a version",
        "shared/rotation/attempt.py",
        "        conflicts, count = known if sweeping else await self._sweep.conflicts_of(resource.id)",
        "        conflicts, count = known",
        f"{_SWEEP}::test_two_resources_on_one_secret_are_refused_by_name_too",
    ),
    Mutation(
        8,
        "refuse the owner of a secret as well",
        "shared/rotation/attempt.py",
        "        if observation.published is not None:\n            return\n        sweeping",
        "        sweeping",
        f"{_SWEEP}::test_the_owner_of_a_secret_goes_on_whatever_another_resources_tag_says",
    ),
    Mutation(
        8,
        "rebuild the connection string",
        "shared/rotation/ports.py",
        "        if kept and before and before.shape is Shape.CONNECTION_STRING:",
        "        if False and before:",
        f"{_NAMES}::test_what_an_operator_wrote_into_the_connection_string_stays",
    ),
    Mutation(
        8,
        "overwrite a value that is not understood",
        "shared/domain/decision.py",
        "            return Refuse(Code.SECRET_NOT_UNDERSTOOD)",
        "            return None",
        f"{_NAMES}::test_a_value_of_a_third_shape_is_never_overwritten",
    ),
    Mutation(
        9,
        "let the topic stand in the way",
        "shared/rotation/outbox.py",
        "            _log_waiting(record.outbox, error)\n            break",
        "            raise",
        f"{_TOPIC}::test_a_rotation_succeeds_whatever_the_topic_says",
    ),
    Mutation(
        9,
        "forget what waits to be announced",
        "shared/rotation/run.py",
        "    run.leased.stage(record.announcing(event))",
        "    run.leased.stage(record)",
        f"{_TOPIC}::test_all_is_announced_once_the_topic_is_back",
    ),
    Mutation(
        9,
        "give two failures one id",
        "shared/domain/events.py",
        'distinction=f"{error.code}-{now:%Y-%m-%d}"',
        'distinction=""',
        f"{_TOPIC}::test_two_different_failures_are_two_events",
    ),
    Mutation(
        9,
        "cut connections while the leaked key is valid",
        "shared/rotation/close_connections.py",
        "    if not await _is_rejected(run, key):",
        "    if False:",
        f"{_RETIREMENTS}::test_while_signalr_does_not_reject_the_leaked_key_nothing_is_cut",
    ),
    Mutation(
        9,
        "let a hub that refuses stand in the way",
        "shared/rotation/close_connections.py",
        "            except (RotationError, TimeoutError) as error:",
        "            except TimeoutError as error:",
        f"{_RETIREMENTS}::test_a_hub_that_is_not_closed_does_not_stand_in_the_way",
    ),
    Mutation(
        9,
        "forget which hubs are to be cut",
        "shared/rotation/publish.py",
        '    return retirement.model_copy(update={"close_connections": hubs})',
        "    return retirement",
        f"{_RETIREMENTS}::test_connections_are_cut_hub_by_hub_once_the_leaked_key_is_rejected",
    ),
    Mutation(
        10,
        "leave a failure that is over on the dashboard",
        "shared/rotation/attempt.py",
        "record if untried else record.well()",
        "record",
        f"{_STANDING}::test_a_failure_that_is_over_does_not_stay_on_the_dashboard",
    ),
    Mutation(
        10,
        "let failures push successes out of the history",
        "shared/domain/record.py",
        "        if others and outcome.repeats(others[-1]):",
        "        if False:",
        f"{_STANDING}::test_a_failure_of_fifty_days_pushes_no_success_out",
    ),
    Mutation(
        10,
        "let a sweep that looked earlier replace what a later one found",
        "shared/domain/swept_fleet.py",
        "stored.as_of <= self.as_of",
        "True",
        "tests/conformance/test_stores.py::test_a_sweep_that_looked_earlier_does_not_replace_a_later_look",
    ),
    Mutation(
        10,
        "list what a sweep by other settings found",
        "shared/rotation/inventory.py",
        "        if stored and stored.settings == self._fleet.digest:",
        "        if stored:",
        f"{_LISTS}::test_settings_that_name_others_are_followed_before_the_next_sweep",
    ),
)
