"""The main job, end to end, with no Azure account: keys rotate by every trigger while clients use them.

Nothing is mocked: the app runs in the platform's worker library and talks through the real SDKs over TLS. The clients
get their tokens from the negotiate server of docs/consumers/python, one for each resource, to which the topic sends its
events.
"""

from contextlib import ExitStack
from datetime import timedelta

from local.consumer import Consumer
from local.demo_output import DemoOutput
from local.environment import NAMES, LocalEnvironment, local_environment
from local.negotiate_server import NegotiateServer

_OPERATION_SECONDS = (3.0, 4.0)  # 13-19 s in Azure; too long to watch three times
_FIRST_POLL_SECONDS = 2.0
_SCHEDULE = "0 7 * * * *"
_WORK = ("running", "messages", "waiting")


def demo() -> int:
    """Run the demo; 0 when every client was served, none was rejected and no negotiate server was restarted."""
    print("Starting emulators of Azure, storage and the Functions app …", flush=True)
    with (
        local_environment(
            operation_seconds=_OPERATION_SECONDS,
            first_poll_seconds=_FIRST_POLL_SECONDS,
            schedule=_SCHEDULE,
            policy={"RETIRE_PREVIOUS_AFTER_HOURS": "72"},
        ) as env,
        ExitStack() as stack,
    ):
        output = DemoOutput(env.host)
        output.note(
            f"three SignalR resources ({', '.join(NAMES)}), a Key Vault, an Event Grid topic; app on {env.host.url}"
        )
        servers = {name: stack.enter_context(NegotiateServer.start(env.azure.env, _secret(name))) for name in NAMES}
        for server in servers.values():
            env.azure.deliver_events_to(server.events_url)
        consumer = Consumer.start(env.azure.env, [server.url for server in servers.values()])
        try:
            _adopt(env, output)
            _scheduled(env, output)
            _http_request(env, output)
            _portal(env, output)
            _retirement(env, output)
            _window(env, output)
            output.follow(lambda: all(_up_to_date(env, name, server) for name, server in servers.items()))
        finally:
            report = consumer.stop()
        output.heading("Result")
        output.table(
            [
                ("resource", "published slot, before → after", "secret version", "event id"),
                *(_row(env, name) for name in NAMES),
            ]
        )
        restarted = not all(server.alive for server in servers.values())
        output.note(f"the negotiate servers hold the newest versions{'' if restarted else ' and never restarted'}")
        good = not restarted and report.rejected == report.unanswered == report.unserved == 0
        output.verdict(f"clients: {report.calls} tokens used, {report.rejected} rejected", good=good)
        return 0 if good else 1


def _adopt(env: LocalEnvironment, output: DemoOutput) -> None:
    output.heading("Day 0 · the first sweep adopts the resources: it publishes the key in use and changes none")
    env.host.run("sweep")
    output.follow(lambda: _told(env, len(NAMES)))


def _scheduled(env: LocalEnvironment, output: DemoOutput) -> None:
    output.heading(
        "Day 60 · the timer fires by itself: every key is due, the unpublished one of each pair is regenerated"
    )
    now = env.azure.clock()
    due = now + timedelta(days=60, minutes=1)
    firing = due.replace(minute=7, second=0, microsecond=0) + timedelta(hours=1)
    # Right after it: before it, the timer would fire at once for the days that were skipped, and again for this one.
    _travel(env, firing - now + timedelta(seconds=2))
    output.follow(lambda: _told(env, 2 * len(NAMES)))


def _http_request(env: LocalEnvironment, output: DemoOutput) -> None:
    output.heading("Day 62 · HTTP request: POST /api/rotate for chat")
    _travel_past_a_sweep(env, output, timedelta(days=2))
    answer = env.host.request("POST", "/api/rotate", json={"resource": env.resources["chat"], "reason": "offboarding"})
    answer.raise_for_status()
    output.note(f"{answer.status_code}, Location: {answer.headers['Location'].removeprefix(env.host.url)}")
    output.follow(lambda: _told(env, 2 * len(NAMES) + 1))


def _portal(env: LocalEnvironment, output: DemoOutput) -> None:
    output.heading("Day 62 · an operator presses Test/Run in the portal, for games")
    by_hand = {"resource": env.resources["games"], "reason": "run by hand"}
    # From the browser, with a function key: a run through /admin/functions has no request to give an HTTP function.
    headers = {"Origin": "https://portal.azure.com"}
    env.host.request("POST", "/api/rotate", json=by_hand, headers=headers).raise_for_status()
    output.follow(lambda: _told(env, 2 * len(NAMES) + 2))


def _retirement(env: LocalEnvironment, output: DemoOutput) -> None:
    output.heading("Day 66 · 72 hours after each rotation the sweep regenerates the replaced key: its old value fails")
    _travel_past_a_sweep(env, output, timedelta(days=4))
    output.follow(lambda: _told(env, 2 * len(NAMES) + 2, "KeyRetired", len(NAMES)))


def _window(env: LocalEnvironment, output: DemoOutput) -> None:
    output.heading(
        "Day 121 · alerts is due, and its rotation window is closed: the schedule waits, a request by name does not"
    )
    opens = (env.azure.clock() + timedelta(days=58)).strftime("%a")
    tags = {"key-rotation": "enabled", "key-rotation-window": f"{opens} 09:00-12:00 UTC"}
    env.azure.update_signalr(env.resources["alerts"], tags=tags)
    _travel_past_a_sweep(env, output, timedelta(days=55))
    answer = env.host.request("POST", "/api/rotate", json={"dryRun": True})
    answer.raise_for_status()
    decisions = {each["resource"]: each["decision"] for each in answer.json()["previews"]}
    decision = decisions[env.resources["alerts"]]
    output.note(f"dry run for alerts: {decision['action']} {decision.get('code')} until {decision.get('until')}")
    by_name = {"resource": env.resources["alerts"], "reason": "before the window"}
    env.host.request("POST", "/api/rotate", json=by_name).raise_for_status()
    output.follow(lambda: _told(env, 2 * len(NAMES) + 3))


def _travel(env: LocalEnvironment, time: timedelta) -> None:
    # The consumer lives in real time: its tokens must stay good while the services' calendar leaps.
    env.azure.travel(time.total_seconds(), clients_too=False)
    env.host.travel(time.total_seconds())


def _travel_past_a_sweep(env: LocalEnvironment, output: DemoOutput, time: timedelta) -> None:
    """A leap over whole days of the schedule: the timer fires once. Its work ends before anything else is asked."""

    def sweeps() -> int:
        return sum(line.get("message") == "sweep finished" for line in env.host.logs())

    before = sweeps()
    _travel(env, time)
    output.follow(lambda: sweeps() > before and not any(env.host.activity()[what] for what in _WORK))


def _told(env: LocalEnvironment, published: int, kind: str = "KeyRetired", of_kind: int = 0) -> bool:
    """Whether so many publications and so many events of another kind are announced, and nothing runs."""
    kinds = [event["type"].rpartition(".")[2] for event in env.azure.events()]
    there = kinds.count("KeyRotated") + kinds.count("KeyPublished") >= published and kinds.count(kind) >= of_kind
    return there and not env.host.activity()["running"]


def _secret(name: str) -> str:
    return f"{name}-connection-string"


def _up_to_date(env: LocalEnvironment, name: str, server: NegotiateServer) -> bool:
    return server.health()["version"] == str(env.azure.secrets()[_secret(name)][-1]["version"])


def _row(env: LocalEnvironment, name: str) -> tuple[str, ...]:
    versions = env.azure.secrets()[_secret(name)]
    slots = " → ".join(version["tags"]["CredentialId"] for version in versions)
    told = (e for e in reversed(env.azure.events()) if e["source"] == env.resources[name])
    event = next(e for e in told if e["type"].rpartition(".")[2] in {"KeyRotated", "KeyPublished"})
    return (name, slots, versions[-1]["version"], event["id"])
