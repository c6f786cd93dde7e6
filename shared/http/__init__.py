"""The HTTP API: routes, what callers may send, what they get back."""
