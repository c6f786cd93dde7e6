"""The app: what to do with an access key, in which order, and how to verify that it was done."""
