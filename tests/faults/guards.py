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
_RETRIES = "tests/integration/test_retries.py"
_OPERATIONS = "tests/integration/test_operations.py"
_MESSAGES = "tests/integration/test_messages.py"
_UNSTARTED = "tests/integration/test_unstarted.py"
_INSTALLATIONS = "tests/integration/test_installations.py"

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
        3,
        "change an operation that has ended",
        "shared/adapters/blob_operations.py",
        "                if known and known.final:\n                    return known\n",
        "",
        "tests/conformance/test_operations.py::test_an_operation_that_has_ended_is_never_changed",
    ),
    Mutation(
        3,
        "end the operation of a run that is open",
        "shared/rotation/worker.py",
        "        if outcome.result is not Result.ABANDONED and not is_open:",
        "        if outcome.result is not Result.ABANDONED:",
        f"{_OPERATIONS}::test_a_run_that_goes_on_is_running_with_its_last_error_as_a_note",
    ),
    Mutation(
        3,
        "do for another installation what it accepted",
        "shared/rotation/queue_messages.py",
        "        if await self._is_foreign(message):",
        "        if False:",
        f"{_INSTALLATIONS}::test_a_message_of_the_other_is_put_back_and_done_by_its_owner",
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
        "shared/domain/events.py",
        '        return f"{self.rotation_id}-{self.kind}"',
        '        return f"{self.rotation_id}-{self.kind}-{datetime.now()}"',
        f"{_RECORDS}::test_a_redelivery_after_the_record_was_lost_changes_nothing",
    ),
    Mutation(
        4,
        "take a lost record for an announcement",
        "shared/domain/decision.py",
        "    if not observation.announced:\n        return Announce()\n",
        "",
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
        "    earlier = newest.retirement if newest else None",
        "    earlier = None",
        f"{_RECORDS}::test_a_retirement_is_carried_over_by_a_version_that_comes_before_it",
    ),
    Mutation(
        6,
        "leave a blip to the platform's few retries",
        "shared/rotation/worker.py",
        "                await self._schedule(retry, error)\n                return None\n",
        "                raise\n",
        f"{_RETRIES}::test_a_blip_is_retried_later_and_reported_to_nobody",
    ),
    Mutation(
        6,
        "fail for a message that can't be read",
        "shared/rotation/queue_messages.py",
        "            return None\n        if await self._is_foreign",
        "            raise\n        if await self._is_foreign",
        f"{_MESSAGES}::test_an_unreadable_message_ends_once_with_a_log_line",
    ),
    Mutation(
        6,
        "refuse what a newer version adds to a message",
        "shared/domain/requests.py",
        '    model_config = ConfigDict(extra="allow")',
        '    model_config = ConfigDict(extra="forbid")',
        f"{_MESSAGES}::test_what_a_newer_version_adds_is_ignored",
    ),
    Mutation(
        6,
        "forget a request whose message is gone",
        "shared/rotation/submit.py",
        "        await self._unstarted.look()\n",
        "",
        f"{_UNSTARTED}::test_a_request_whose_message_is_gone_is_done_under_its_id",
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
        "close an operation after the lease is given back",
        "shared/rotation/worker.py",
        "            if item.tracked:\n                await self._end_operation(leased, outcome)\n        return",
        "        if item.tracked:\n            await self._end_operation(leased, outcome)\n        return",
        f"{_OPERATIONS}::test_an_operation_is_closed_while_its_worker_has_the_lease",
    ),
    Mutation(
        7,
        "go on after the storage said that the lease is lost",
        "shared/adapters/blob_records.py",
        '        raise LeaseLost("the lease of this resource was lost:',
        '        return\n        raise LeaseLost("the lease of this resource was lost:',
        "tests/faults/test_lease.py::test_who_lost_the_lease_stops_before",
    ),
)
