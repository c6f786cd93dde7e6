"""The main job, end to end, with no Azure account: keys rotate by every trigger while a consumer uses them.

Nothing is mocked: the app runs in the platform's worker library and talks through the real SDKs over TLS.
"""

import json
from datetime import timedelta

from local.consumer import Consumer
from local.demo_output import Story
from local.environment import NAMES, Stage, stage

_OPERATION_SECONDS = (3.0, 4.0)  # 13-19 s in Azure; nobody wants to watch that three times
_FIRST_POLL_SECONDS = 2.0
_SCHEDULE = "0 7 * * * *"


def demo() -> int:
    """Tell the story; 0 when nobody was refused."""
    print("Starting stand-ins of Azure, storage and the Functions app …", flush=True)
    with stage(operation_seconds=_OPERATION_SECONDS, first_poll_seconds=_FIRST_POLL_SECONDS, schedule=_SCHEDULE) as on:
        story = Story(on.host)
        story.note(
            f"three SignalR resources ({', '.join(NAMES)}), a Key Vault, an Event Grid topic; app on {on.host.url}"
        )
        consumer = Consumer.start(on.azure.env, [_secret(name) for name in NAMES])
        try:
            _adopt(on, story)
            _scheduled(on, story)
            _webhook(on, story)
            _portal(on, story)
        finally:
            report = consumer.stop()
        story.heading("What is different now")
        story.table(
            [
                ("resource", "published slot, before → after", "secret version", "event id"),
                *(_row(on, name) for name in NAMES),
            ]
        )
        story.verdict(f"consumer: {report.calls} calls, {report.refused} refused", good=report.refused == 0)
        return 1 if report.refused or not report.calls else 0


def _adopt(on: Stage, story: Story) -> None:
    story.heading(
        "Day 0 · the sweep meets the resources for the first time and publishes the key in use, changing none"
    )
    on.host.run("sweep")
    story.follow(lambda: _told(on, len(NAMES)))


def _scheduled(on: Stage, story: Story) -> None:
    story.heading("Day 60 · the timer fires by itself: every key is due, the unpublished one of each pair is renewed")
    now = on.azure.clock()
    due = now + timedelta(days=60, minutes=1)
    firing = due.replace(minute=7, second=0, microsecond=0) + timedelta(hours=1)
    _travel(on, firing - now - timedelta(seconds=2))
    story.follow(lambda: _told(on, 2 * len(NAMES)))


def _webhook(on: Stage, story: Story) -> None:
    story.heading("Day 62 · somebody calls the webhook: POST /api/rotate for chat")
    _travel(on, timedelta(days=2))
    answer = on.host.request("POST", "/api/rotate", json={"resource": on.resources["chat"], "reason": "offboarding"})
    answer.raise_for_status()
    story.note(f"{answer.status_code}, Location: {answer.headers['Location'].removeprefix(on.host.url)}")
    story.follow(lambda: _told(on, 2 * len(NAMES) + 1))


def _portal(on: Stage, story: Story) -> None:
    story.heading("Day 62 · an operator presses Test/Run in the portal, for games")
    on.host.run("rotate", json.dumps({"resource": on.resources["games"], "reason": "run by hand"}))
    story.follow(lambda: _told(on, 2 * len(NAMES) + 2))


def _travel(on: Stage, time: timedelta) -> None:
    # The consumer lives in real time: its tokens must stay good while the services' calendar leaps.
    on.azure.travel(time.total_seconds(), clients_too=False)
    on.host.travel(time.total_seconds())


def _told(on: Stage, events: int) -> bool:
    return len(on.azure.events()) >= events and not on.host.activity()["running"]


def _secret(name: str) -> str:
    return f"{name}-connection-string"


def _row(on: Stage, name: str) -> tuple[str, ...]:
    versions = on.azure.secrets()[_secret(name)]
    slots = " → ".join(version["tags"]["CredentialId"] for version in versions)
    event = next(e for e in reversed(on.azure.events()) if e["source"] == on.resources[name])
    return (name, slots, versions[-1]["version"], event["id"])
