"""Traces, metrics and redacted logs."""
