"""The control endpoint: what a test may do to the cloud and see of it, and its client."""
