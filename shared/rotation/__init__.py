"""The rotation module: what the timer, the webhook, the queue and the portal call, and the steps of one rotation."""
