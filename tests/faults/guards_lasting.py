"""The guards of what a second obstacle must not make the app forget, and how each is taken out."""

from tests.faults.mutation import Mutation

_LASTING = "tests/faults/test_not_forgotten.py"
_LEAVING = "tests/faults/test_leaving.py"
_DEPARTURES = "tests/integration/test_departures.py"
_REPAIRS = "tests/faults/test_repairs_meanwhile.py"

LASTING = (
    Mutation(
        2,
        "take what an older name holds for what was published last",
        "shared/rotation/attempt.py",
        "observation.published_slot and not observation.left_behind(policy):",
        "observation.published_slot:",
        f"{_LASTING}::test_a_key_that_clients_of_the_other_name_hold_outlives_a_move_that_fails",
    ),
    Mutation(
        2,
        "take a key that was moved lately for as old as under its first name",
        "shared/domain/observation.py",
        "published.since < (known.written_at or known.since)",
        "published.since < known.since",
        f"{_LASTING}::test_a_key_that_came_to_another_name_lately_is_no_older_than_what_was_written_here_meanwhile",
    ),
    Mutation(
        2,
        "forget with a look at the first name that the key was moved to another one later",
        "shared/domain/observation.py",
        '"written_at": max(times, default=None)}',
        '"written_at": self.written_at}',
        f"{_LASTING}::test_a_key_that_was_seen_under_its_first_name_again_is_as_late_as_under_the_second",
    ),
    Mutation(
        2,
        "go on as if the move that failed had been made",
        "shared/rotation/attempt.py",
        "    failed_now = outcome.result is Result.FAILED and not isinstance(action, Resume)",
        "    failed_now = False",
        f"{_LASTING}::test_a_move_that_failed_is_made_up_for",
    ),
    Mutation(
        2,
        "keep the overlap of a rotation only as long as the policy says",
        "shared/domain/decision.py",
        "max(policy.overlap, observation.promised_overlap(policy))",
        "policy.overlap",
        f"{_LASTING}::test_a_longer_overlap_that_a_rotation_was_requested_with_is_kept",
    ),
    Mutation(
        6,
        "forget a revocation that SignalR does not follow within a day",
        "shared/rotation/verdicts.py",
        "(observation.revoking or now < late.at + LATE_PATIENCE)",
        "now < late.at + LATE_PATIENCE",
        f"{_LASTING}::test_a_revocation_outlasts_a_day_in_which_nothing_can_be_done",
    ),
    Mutation(
        4,
        "drop the events of what has left",
        "shared/adapters/blob_records.py",
        "    listed = not record.removed or record.outbox",
        "    listed = not record.removed",
        f"{_DEPARTURES}::test_what_was_not_told_yet_is_told_after_it_has_left",
    ),
    Mutation(
        6,
        "forget a revocation under way when its resource leaves",
        "shared/rotation/departure.py",
        "    leaked = late is not None and bool(late.leaked)",
        "    leaked = False",
        f"{_DEPARTURES}::test_a_revocation_whose_new_key_signalr_does_not_take_is_reported_and_not_forgotten",
    ),
    Mutation(
        2,
        "go on with a rotation that ARM has rejected so far, although the resource has left",
        "shared/rotation/attempt.py",
        "        begun = record.journal is not None and not record.journal.harmless",
        "        begun = record.journal is not None",
        f"{_DEPARTURES}::test_a_rotation_that_arm_has_refused_so_far_ends_without_a_look_at_its_vault",
    ),
    Mutation(
        2,
        "send a regeneration again that was opted out",
        "shared/rotation/regenerate.py",
        "    if run.departed and not run.journal.is_promised:",
        "    if False:",
        f"{_LEAVING}::test_an_unanswered_regeneration_is_not_sent_again_after_the_opt_out",
    ),
    Mutation(
        1,
        "invalidate the only key that clients of what has left hold",
        "shared/rotation/departure.py",
        " or (observation.published is None and leaked is observation.known_slot):",
        ":",
        f"{_LEAVING}::test_the_only_key_that_clients_hold_is_not_regenerated",
    ),
    Mutation(
        2,
        "rotate at once where the published key is gone with its secret",
        "shared/domain/decision.py",
        "    if observation.publication and not request.force:",
        "    if False:",
        f"{_LASTING}::test_the_only_key_that_works_is_not_regenerated_where_the_published_one_is_gone_with_its_secret",
    ),
    Mutation(
        8,
        "finish a run where the settings say, although the tags are gone",
        "shared/rotation/departure.py",
        "secret_name=place.secret_name) if place else policy",
        "secret_name=place.secret_name) if False else policy",
        f"{_DEPARTURES}::test_a_run_that_has_begun_publishes_where_it_was_planned_for",
    ),
    Mutation(
        6,
        "leave a dead published key alone while a regeneration may still run",
        "shared/rotation/repair_meanwhile.py",
        "not await is_accepted(run.services, other):",
        "True:",
        f"{_REPAIRS}::test_a_published_key_that_is_replaced_while_a_regeneration_may_still_run_is_repaired",
    ),
    Mutation(
        10,
        "keep quiet about a failure that came back",
        "shared/domain/record.py",
        " or self.failing is None:\n            return False",
        ":\n            return False",
        f"{_LASTING}::test_a_failure_that_comes_back_after_a_good_look_is_reported_again",
    ),
)
