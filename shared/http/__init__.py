"""The HTTP API: endpoints, requests, responses and problems. The dashboard stands on the same messages."""
