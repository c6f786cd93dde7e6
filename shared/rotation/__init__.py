"""The rotation module: what the triggers (timer, HTTP, queues, Azure's events) call, and the steps of one rotation."""
