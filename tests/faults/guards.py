"""The guards of each invariant, and how each is taken out: what `make mutants` tries, one after the other.

A guard that no test misses is either not needed or not tested. docs/invariants.md shows the list, beside the tests.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """A guard taken out: `old`, which stands once in `file`, becomes `new`. `test` fails then."""

    invariant: int
    name: str
    file: str
    old: str
    new: str
    test: str


_HISTORIES = "tests/faults/test_interleavings.py"
_CUTS = "tests/integration/test_regeneration.py"
_RECORDS = "tests/integration/test_records.py"
_OBSTACLES = "tests/integration/test_obstacles.py"
_NAMES = "tests/integration/test_secret_names.py"
_TOPIC = "tests/integration/test_topic.py"
_STANDING = "tests/integration/test_standing_failures.py"
_RETIREMENTS = "tests/integration/test_retirements.py"
_SWEEP = "tests/scale/test_sweep.py"

MUTATIONS = (
    Mutation(
        1,
        "publish without proof",
        "shared/rotation/regenerate.py",
        "    if key.fingerprint == run.verified:\n        return key",
        "    return key",
        f"{_OBSTACLES}::test_a_key_that_signalr_refuses_is_not_published",
    ),
    Mutation(
        1,
        "leave a dead published key for the schedule",
        "shared/domain/decision.py",
        "    return Publish(named, Cause.REPAIR)",
        "    return Skip(Code.NOT_DUE)",
        _HISTORIES,
    ),
    Mutation(
        1,
        "regenerate the published slot",
        "shared/domain/decision.py",
        "        return Skip(Code.OVERLAP_ACTIVE, until)\n    return Rotate(slot.other)",
        "        return Skip(Code.OVERLAP_ACTIVE, until)\n    return Rotate(slot)",
        _HISTORIES,
    ),
    Mutation(
        1,
        "carry out a plan whose slot has been published since",
        "shared/rotation/regenerate.py",
        "    if (newest.version if newest else None) != journal.previous_version or journal.slot is None:\n"
        "        return False\n",
        "    return True\n",
        "tests/integration/test_regeneration.py::test_key_published_elsewhere_between_plan_and_post_is_left_alone",
    ),
    Mutation(
        2,
        "rotate inside the overlap",
        "shared/domain/decision.py",
        "    inside_overlap = now < until and not request.force",
        "    inside_overlap = False",
        _HISTORIES,
    ),
    Mutation(
        2,
        "retire before the time",
        "shared/domain/decision.py",
        "    if retirement and now >= retirement.after and",
        "    if retirement and",
        _HISTORIES,
    ),
    Mutation(
        2,
        "forget a longer overlap that was asked for",
        "shared/domain/decision.py",
        "    return max(until, retirement.after) if retirement and promised else until",
        "    return until",
        f"{_RECORDS}::test_a_longer_overlap_that_was_asked_for_outlasts_the_policys",
    ),
    Mutation(
        3,
        "read a lost answer as not done",
        "shared/rotation/regenerate.py",
        "    if journal.unrefused and not operation_failed and now < deadline:",
        "    if False and now < deadline:",
        _HISTORIES,
    ),
    Mutation(
        3,
        "send the POST again after a server error",
        "shared/adapters/arm_signalr.py",
        "                    retry_total=0,\n",
        "                    retry_total=3,\n",
        f"{_CUTS}::test_a_server_error_after_arm_acted_is_no_second_regeneration",
    ),
    Mutation(
        3,
        "read a 408 as a refusal",
        "shared/adapters/arm_signalr.py",
        "400 <= status < 500 and status != 408",
        "400 <= status < 500",
        f"{_CUTS}::test_a_408_is_no_refusal",
    ),
    Mutation(
        3,
        "let aiohttp repeat a PUT",
        "shared/adapters/http_transport.py",
        '        if request.method != "PUT":\n            raise\n',
        "        raise\n",
        "tests/integration/test_transport.py::test_a_request_that_changes_something_is_sent_once",
    ),
    Mutation(
        3,
        "begin what has ended again",
        "shared/domain/record.py",
        "        return next((each for each in known if each.result is not Result.ABANDONED), None)",
        "        return next((each for each in known if each.result is Result.SKIPPED), None)",
        "tests/integration/test_records.py::test_a_salt_whose_ticket_is_lost_is_not_renewed_again",
    ),
    Mutation(
        3,
        "add the version again when resuming",
        "shared/rotation/publish.py",
        "    if made is None:\n        return False\n",
        "    return False\n",
        _HISTORIES,
    ),
    Mutation(
        3,
        "trust the record alone for what was made",
        "shared/rotation/worker.py",
        "        return made is not None\n",
        "        return False\n",
        f"{_RECORDS}::test_a_redelivery_after_record_and_newest_version_are_gone_changes_nothing",
    ),
    Mutation(
        4,
        "close without announcing",
        "shared/adapters/event_grid.py",
        "                await self._client.send([cloud_event])",
        "                pass",
        f"{_RECORDS}::test_a_version_that_was_overtaken_before_its_answer_came_is_not_made_again",
    ),
    Mutation(
        4,
        "give each announcement an id of its own",
        "shared/domain/outgoing_event.py",
        "(self.rotation_id, self.kind, self.distinction)",
        "(self.rotation_id, self.kind, str(datetime.now()))",
        f"{_RECORDS}::test_a_redelivery_after_the_record_was_lost_changes_nothing",
    ),
    Mutation(
        4,
        "take a lost record for an announcement",
        "shared/rotation/observe.py",
        "        announced=is_announced(published, resource.id, record),",
        "        announced=True,",
        _HISTORIES,
    ),
    Mutation(
        5,
        "show a key in its repr",
        "shared/domain/keys.py",
        "    _value: str = field(repr=False)",
        "    _value: str = field()",
        "tests/unit/test_keys.py::test_a_key_does_not_show_itself",
    ),
    Mutation(
        5,
        "chain a service's own error",
        "shared/adapters/azure_errors.py",
        "        raise _answered(error, service, needs, step) from None",
        "        raise _answered(error, service, needs, step) from error",
        f"{_CUTS}::test_no_answer_that_holds_keys_gets_into_a_log_or_an_exception",
    ),
    Mutation(
        6,
        "stop at a record that can't be read",
        "shared/adapters/blob_records.py",
        '            log.warning("record unreadable",',
        '            raise\n            log.warning("record unreadable",',
        f"{_RECORDS}::test_an_unreadable_record_is_as_good_as_lost",
    ),
    Mutation(
        6,
        "leave an open journal to whoever opened it",
        "shared/rotation/observe.py",
        "        run_open=record is not None and record.journal is not None,",
        "        run_open=False,",
        _HISTORIES,
    ),
    Mutation(
        6,
        "forget a retirement when another version comes",
        "shared/rotation/publish.py",
        "    earlier = run.leased.record.retirement or (newest.retirement if newest else None)",
        "    earlier = None",
        f"{_RECORDS}::test_a_retirement_is_carried_over_by_a_version_that_comes_before_it",
    ),
    Mutation(
        7,
        "publish without making sure of the lease",
        "shared/rotation/publish.py",
        "    await run.leased.renew()\n    timeout = run.leased.timeout_seconds",
        "    timeout = 30.0",
        _HISTORIES,
    ),
    Mutation(
        7,
        "go on after the storage said that the lease is lost",
        "shared/adapters/blob_records.py",
        '        raise LeaseLost("the lease of this resource was lost:',
        '        return\n        raise LeaseLost("the lease of this resource was lost:',
        "tests/faults/test_lease.py::test_who_lost_the_lease_stops_before",
    ),
    Mutation(
        6,
        "forget what was published under another name",
        "shared/domain/decision.py",
        "        return _moved(observation) or _first(request)",
        "        return _first(request)",
        f"{_NAMES}::test_a_purged_secret_costs_no_client_its_key",
    ),
    Mutation(
        6,
        "keep a promised retirement in the tags alone",
        "shared/domain/observation.py",
        "for each in (self.promised, tagged) if each",
        "for each in (tagged,) if each",
        f"{_RETIREMENTS}::test_the_new_value_written_back_without_tags_does_not_undo_it",
    ),
    Mutation(
        6,
        "believe a single 404",
        "shared/rotation/departure.py",
        "_MISSING_FOR = timedelta(minutes=15)",
        "_MISSING_FOR = timedelta(days=-1)",
        f"{_STANDING}::test_a_404_that_a_sweep_meets_loses_nothing",
    ),
    Mutation(
        6,
        "wait for a resource whose last change failed",
        "shared/domain/decision.py",
        '{"Creating", "Updating",',
        '{"Failed", "Canceled", "Creating", "Updating",',
        f"{_STANDING}::test_a_resource_whose_last_change_failed_is_rotated_all_the_same",
    ),
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
        "shared/rotation/worker.py",
        "        conflicts = item.conflicts if sweeping else await self._sweep.conflicts_of(resource.id)",
        "        conflicts = item.conflicts",
        f"{_SWEEP}::test_two_resources_on_one_secret_are_refused_by_name_too",
    ),
    Mutation(
        8,
        "refuse the owner of a secret as well",
        "shared/rotation/worker.py",
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
        "        _log_waiting(record.outbox, error)\n    if record",
        "        raise\n    if record",
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
        10,
        "leave a failure that is over on the dashboard",
        "shared/rotation/worker.py",
        "record if isinstance(action, Wait) else record.well()",
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
)
