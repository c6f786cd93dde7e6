"""Posts RotationFailed, RotationOverdue, RotationsHeld and RotationUpcoming to a channel of Microsoft Teams or Slack.

    CHAT_WEBHOOK_URL=https://… python notify_chat.py teams|slack <event.json

Reads one event on stdin and needs nothing but Python. The address is a secret of its own: who has it can post. For
Teams it is that of a workflow ("Post to a channel when a webhook request is received"), for Slack that of an incoming
webhook. The same event can come twice, always with the same id: the message shows its first characters.
"""  # noqa: INP001 - a script of its own

import json
import os
import sys
import urllib.request
from typing import Any

TITLES = {
    "RotationFailed": "SignalR key rotation failed",
    "RotationOverdue": "SignalR key rotation is overdue",
    "RotationsHeld": "Scheduled SignalR key rotations are on hold",
    "RotationUpcoming": "A SignalR key will be rotated",
}
NAMES = {"code": "Code", "step": "Step", "keyType": "Key", "dueAt": "Due", "beginsAt": "Begins", "retryable": "Retried"}
CARD = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4"}


def message(event: dict[str, Any], chat: str) -> dict[str, Any] | None:
    """The body to post; None for an event that is not one of these."""
    title, data = TITLES.get(str(event["type"]).rpartition(".")[2]), event["data"]
    if title is None:
        return None
    facts = {"Resource": str(event["source"]).rpartition("/")[2]}
    facts |= {label: str(data[member]) for member, label in NAMES.items() if member in data}
    facts["Event"] = str(event["id"])[:13]
    return (blocks if chat == "slack" else card)(title, str(data.get("message") or title), facts)


def blocks(title: str, text: str, facts: dict[str, str]) -> dict[str, Any]:
    """For Slack: plain text, so that nothing an event says is taken for markup."""
    plain = [{"type": "plain_text", "text": f"{label}: {value}"} for label, value in facts.items()]
    header = {"type": "header", "text": {"type": "plain_text", "text": title}}
    section = {"type": "section", "text": {"type": "plain_text", "text": text[:3000]}}
    return {"text": f"{title}: {facts['Resource']}", "blocks": [header, section, {"type": "section", "fields": plain}]}


def card(title: str, text: str, facts: dict[str, str]) -> dict[str, Any]:
    """For Teams: an Adaptive Card."""
    header = {"type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "color": "Attention"}
    table = {"type": "FactSet", "facts": [{"title": label, "value": value} for label, value in facts.items()]}
    content = CARD | {"body": [header, {"type": "TextBlock", "text": text, "wrap": True}, table]}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}
    return {"type": "message", "attachments": [attachment]}


if __name__ == "__main__":
    if body := message(json.load(sys.stdin), sys.argv[1]):
        headers, sent = {"Content-Type": "application/json"}, json.dumps(body).encode()
        request = urllib.request.Request(os.environ["CHAT_WEBHOOK_URL"], sent, headers)  # noqa: S310 - the operator's
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - raises HTTPError
    print("posted" if body else "nothing to do")  # noqa: T201 - a command line tool
