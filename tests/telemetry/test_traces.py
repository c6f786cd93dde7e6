"""The span tree of a rotation: one that goes well, one that another message resumes, one that fails."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from shared.domain.keys import fingerprint
from tests.leaks import KeyWatch
from tests.telemetry.conftest import Engine, Told


async def test_a_rotation_is_one_trace_with_a_span_for_each_step(engine: Engine, told: Told) -> None:
    resource = engine.resource()

    await engine.work(await engine.ask(resource))

    assert [
        "ask",
        "  work",
        "    rotate Secondary",
        "      regenerate",
        "      verify",
        "      publish",
        "      announce",
    ] == told.tree(told.named("ask")[0].context.trace_id)
    assert {StatusCode.UNSET} == {span.status.status_code for span in told.spans}


async def test_spans_name_resource_slot_fingerprint_and_outcome(engine: Engine, told: Told) -> None:
    resource = engine.resource()

    request = await engine.ask(resource, reason="audit")
    await engine.work(request)

    new = fingerprint(engine.azure.valid_keys(resource)["Secondary"])
    (rotation,) = told.named("rotate Secondary")
    assert rotation.attributes is not None
    assert "Succeeded" == rotation.attributes["rotation.result"]
    assert new == rotation.attributes["rotation.fingerprint"]
    assert "Secondary" == rotation.attributes["rotation.slot"]
    assert request.rotation_id == rotation.attributes["rotation.id"]
    (ask,) = told.named("ask")
    assert ask.attributes is not None
    assert (resource, "audit") == (ask.attributes["rotation.resource"], ask.attributes["rotation.reason"])


async def test_the_queue_message_carries_the_trace(engine: Engine, told: Told) -> None:
    request = await engine.ask(engine.resource())

    (ask,) = told.named("ask")
    assert f"00-{ask.context.trace_id:032x}-{ask.context.span_id:016x}-" == str(request.traceparent)[:53]
    assert SpanKind.PRODUCER is ask.kind


async def test_a_thousand_wishes_of_one_invocation_are_traces_of_their_own_linked_to_it(
    engine: Engine, told: Told
) -> None:
    first, second = engine.resource(), engine.resource()
    with TracerProvider().get_tracer("host").start_as_current_span("invocation") as invocation:
        await engine.ask(first)
        await engine.ask(second)

    asked = told.named("ask")
    assert 2 == len({span.context.trace_id for span in asked})
    assert {invocation.get_span_context().span_id} == {span.links[0].context.span_id for span in asked}


async def test_a_message_delivered_again_goes_on_in_the_same_trace(engine: Engine, told: Told) -> None:
    request = await engine.ask(engine.resource())
    engine.azure.fault("KeyVault.setSecret", status=429, times=20)
    assert await engine.work(request) is None
    engine.azure.clear_faults()

    await engine.work(request)

    (ask,) = told.named("ask")
    first, second = told.tree(ask.context.trace_id)[1:6], told.tree(ask.context.trace_id)[6:]
    assert ["  work", "    rotate Secondary", "      regenerate", "      verify", "      publish"] == first[:5]
    assert [
        "  work",
        "    rotate Secondary",
        "      regenerate",
        "      verify",
        "      publish",
        "      announce",
    ] == second


async def test_what_another_message_resumes_stays_in_its_own_trace(engine: Engine, told: Told) -> None:
    """The rotation was asked for by one message and finished by another: its spans are together, linked to both."""
    resource = engine.resource()
    begun = await engine.ask(resource)
    engine.azure.fault("KeyVault.setSecret", status=429, times=20)
    assert await engine.work(begun) is None
    engine.azure.clear_faults()

    await engine.work(await engine.ask(resource, force=True))

    first, second = told.named("ask")
    resumed = [s for s in told.named("rotate Secondary") if s.attributes and s.attributes.get("rotation.resumed")]
    assert [first.context.trace_id] == [span.context.trace_id for span in resumed]
    assert [second.context.trace_id] == [link.context.trace_id for span in resumed for link in span.links]
    assert [
        "  rotate Secondary",
        "    regenerate",
        "    verify",
        "    publish",
        "    announce",
    ] == told.tree(first.context.trace_id)[-5:]


async def test_giving_up_stays_in_the_rotations_trace(engine: Engine, told: Told) -> None:
    request = await engine.ask(engine.resource())

    await engine.app.worker.dead_letter(request)

    (ask,) = told.named("ask")
    assert ["ask", "  work"] == told.tree(ask.context.trace_id)


async def test_a_failure_marks_the_step_the_rotation_and_its_code(engine: Engine, told: Told) -> None:
    resource = engine.resource()
    engine.azure.fault("KeyVault.setSecret", status=403, times=5)

    await engine.work(await engine.ask(resource))

    failed = {span.name: span for span in told.spans if span.status.status_code is StatusCode.ERROR}
    assert {"publish", "rotate Secondary"} == set(failed)
    attributes = failed["rotate Secondary"].attributes
    assert attributes is not None
    assert ("NotPermitted", "Failed") == (attributes["error.type"], attributes["rotation.result"])
    assert () == failed["publish"].events


async def test_no_span_holds_key_material(engine: Engine, told: Told) -> None:
    resource = engine.resource()
    watch = KeyWatch(engine.azure, resource)

    await engine.work(await engine.ask(resource))

    watch.assert_absent_from([(span.name, span.to_json()) for span in told.spans])


async def test_a_reason_that_holds_a_key_is_redacted_in_spans(engine: Engine, told: Told) -> None:
    resource = engine.resource()
    key = engine.azure.valid_keys(resource)["Primary"]

    await engine.work(await engine.ask(resource, reason=f"leaked: AccessKey={key};"))

    assert told.spans
    assert not [span.name for span in told.spans if key in span.to_json()]


async def test_nothing_is_current_after_the_work(engine: Engine, told: Told) -> None:
    await engine.work(await engine.ask(engine.resource()))

    assert told.spans
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.usefixtures("engine")
async def test_without_a_recorder_a_message_carries_no_trace(engine: Engine) -> None:
    assert (await engine.ask(engine.resource())).traceparent is None
