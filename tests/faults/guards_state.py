"""The guards of invariants 6 and 7, and how each is taken out: convergence and fencing."""

from tests.faults.mutation import Mutation

_KNOWN = "tests/faults/test_known_histories.py"
_RECORDS = "tests/integration/test_records.py"
_NAMES = "tests/integration/test_secret_names.py"
_STANDING = "tests/integration/test_standing_failures.py"
_RETIREMENTS = "tests/integration/test_retirements.py"
_TROUBLE = "tests/scale/test_sweep_in_trouble.py"
_WAITS = "tests/integration/test_waits.py"
_REFUSALS = "tests/integration/test_refusals.py"
_RETRIES = "tests/integration/test_retries.py"
_MESSAGES = "tests/integration/test_messages.py"
_UNSTARTED = "tests/integration/test_unstarted.py"
_OPERATIONS = "tests/integration/test_operations.py"
_POLICIES = "tests/integration/test_policies.py"
_ROLLOUT = "tests/scale/test_rollout.py"

STATE = (
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
        "take a lock for something that passes",
        "shared/adapters/arm_signalr.py",
        "    stays = known.cause.terminal and bool(known.code or known.says)",
        "    stays = False",
        f"{_REFUSALS}::test_what_does_not_go_away_by_itself_ends_the_request_with_its_name",
    ),
    Mutation(
        6,
        "sleep for as long as an answer asks",
        "shared/adapters/http_transport.py",
        "        return not (wait and wait > LONGEST_WAIT_SECONDS) and",
        "        return",
        f"{_WAITS}::test_a_long_retry_after_is_told_at_once_with_its_wait",
    ),
    Mutation(
        6,
        "leave an open journal to whoever opened it",
        "shared/rotation/observe.py",
        "        run_open=record is not None and record.journal is not None,",
        "        run_open=False,",
        f"{_KNOWN}::test_a_sweep_finishes_what_another_worker_began",
    ),
    Mutation(
        6,
        "let a replaced key live on that the policy ends",
        "shared/domain/decision.py",
        "    retires = policy.retire_after is not None",
        "    retires = False",
        "tests/faults/test_policies.py",
    ),
    Mutation(
        6,
        "let a window hold the retirement of a leaked key back",
        "shared/domain/decision.py",
        "        opens_at = policy.opens_at(now) if retirement.by_policy else None",
        "        opens_at = policy.opens_at(now)",
        f"{_POLICIES}::test_a_closed_window_holds_the_policys_retirement_back_and_no_leaks",
    ),
    Mutation(
        6,
        "put a promised retirement off",
        "shared/rotation/publish.py",
        "    promised = earlier is not None and earlier.fingerprint == journal.retire and by_policy",
        "    promised = False",
        f"{_POLICIES}::test_a_key_renewed_in_place_puts_no_retirement_off",
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
        6,
        "name every resource of a conflict in every message",
        "shared/rotation/sweep.py",
        "others = [other for other in first if other != resource][:NAMED_CONFLICTS]",
        "others = [other for other in sharing if other != resource]",
        f"{_TROUBLE}::test_four_hundred_resources_on_one_secret_do_not_stop_the_sweep",
    ),
    Mutation(
        6,
        "stop the sweep at a message that is not taken",
        "shared/rotation/bounded_gather.py",
        "if not succeeded and len(failed) >= limit and not isinstance(error, Rejected):",
        "if True:",
        f"{_TROUBLE}::test_message_that_the_queue_does_not_take_costs_its_own_resource_alone",
    ),
    Mutation(
        6,
        "ask ARM for what no setting covers any more",
        "shared/rotation/attempt.py",
        "        if stray and record.journal is None and not promised:",
        "        if False:",
        f"{_TROUBLE}::test_resource_of_a_scope_that_was_taken_out_is_not_asked_of_arm",
    ),
    Mutation(
        6,
        "start telemetry with every call while a setting is wrong",
        "shared/composition.py",
        "@cache\ndef _watch() -> None:",
        "def _watch() -> None:",
        "tests/http/test_telemetry_costs_nothing.py::test_health_starts_no_more_threads_while_a_setting_is_wrong",
    ),
    Mutation(
        6,
        "have no words for an action in a dry run",
        "shared/dashboard/dry_run_text.py",
        '        case Resume():\n            return "would finish the rotation that was begun, then decide again"\n',
        "",
        "tests/dashboard/test_dry_run_text.py::test_a_decision_is_said_in_words",
    ),
    Mutation(
        6,
        "look at the same sixteen resources each time",
        "shared/rotation/health.py",
        "    chosen = random.sample(new, k=min(most, len(new)))",
        "    chosen = new[:most]",
        "tests/scale/test_deep_health.py::test_each_look_takes_another_sample",
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
        6,
        "forget a new key that SignalR did not accept in time",
        "shared/rotation/run.py",
        "        record = _remembering(run, error, now)\n",
        "        pass\n",
        "tests/integration/test_rejected_keys.py::test_a_key_that_takes_effect_late_is_published_by_the_next_sweep",
    ),
    Mutation(
        6,
        "take every 409 of storage for a blob that exists",
        "shared/adapters/blob_container.py",
        '        if refusal(error, "Blob storage").cause.terminal:\n            raise\n',
        "",
        "tests/integration/test_refused_records.py::test_a_record_that_is_immutable_ends_the_request_with_its_name_and_the_remedy",
    ),
    Mutation(
        6,
        "go on after three failures in a row",
        "shared/domain/rollout.py",
        "        if len(failures) < FAILURES_TO_HOLD:",
        "        if failures:",
        f"{_ROLLOUT}::test_three_of_thirty_fail_and_the_rest_is_left_alone_until_an_operator_resumes",
    ),
    Mutation(
        6,
        "rotate a whole fleet in the first wave",
        "shared/domain/rollout.py",
        "        if self.rollout and not self.rollout.covers(resource):",
        "        if False:",
        f"{_ROLLOUT}::test_thirty_are_rotated_one_then_three_then_all",
    ),
    Mutation(
        6,
        "forget what was published under another name",
        "shared/domain/decision.py",
        "        return _moved(observation) or _first(observation, request, policy)",
        "        return _first(observation, request, policy)",
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
        6,
        "adopt a key whose retirement was promised",
        "shared/domain/decision.py",
        "    if revoked and not (request.mode",
        "    if False and not (request.mode",
        f"{_KNOWN}::test_a_key_whose_retirement_was_promised_is_not_adopted_under_another_name",
    ),
    Mutation(
        6,
        "follow an expiring secret by the record alone",
        "shared/rotation/incoming_events.py",
        "        hint = newest.owner if newest else None\n",
        "        hint = None\n",
        "tests/scale/test_expiring_secrets.py::test_managed_secret_is_followed_without_a_record",
    ),
    Mutation(
        6,
        "look at one resource after the other in deep health, for as long as it takes",
        "shared/rotation/preflight.py",
        "                async with asyncio.timeout_at(until):\n"
        "                    return await self._preview(item, topic)\n"
        "            except TimeoutError:\n"
        '                return Preview(item, finding=Unavailable("not looked at in time: ask for this resource alone"))\n'
        "\n"
        "        return await bounded_gather(preview, items, limit=_AT_ONCE)",
        "                async with asyncio.timeout(None):\n"
        "                    return await self._preview(item, topic)\n"
        "            except TimeoutError:\n"
        '                return Preview(item, finding=Unavailable("not looked at in time: ask for this resource alone"))\n'
        "\n"
        "        return await bounded_gather(preview, items, limit=1)",
        "tests/scale/test_deep_health.py::test_outage_is_reported_within_a_minute",
    ),
    Mutation(
        7,
        "publish without making sure of the lease",
        "shared/rotation/publish.py",
        "    await run.leased.renew()\n    timeout = run.leased.timeout_seconds",
        "    timeout = 30.0",
        f"{_KNOWN}::test_a_worker_that_slept_through_its_lease_publishes_nothing",
    ),
    Mutation(
        7,
        "let a run whose lease is lost go on to its next write",
        "shared/adapters/blob_records.py",
        "                run.reschedule(loop.time())",
        "                pass",
        f"{_WAITS}::test_a_run_whose_lease_is_lost_is_cancelled_where_it_stands",
    ),
    Mutation(
        7,
        "go on after the storage said that the lease is lost",
        "shared/adapters/blob_records.py",
        '        raise LeaseLost(_LOST, step="ledger") from error',
        "        return",
        "tests/faults/test_lease.py::test_who_lost_the_lease_stops_before",
    ),
    Mutation(
        7,
        "close an operation after the lease is given back",
        "shared/rotation/attempt.py",
        "            if item.tracked:\n                await end_operation(self._services",
        "        if item.tracked:\n            await end_operation(self._services",
        f"{_OPERATIONS}::test_an_operation_is_closed_while_its_worker_has_the_lease",
    ),
)
