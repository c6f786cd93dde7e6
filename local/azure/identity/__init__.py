"""Managed identity, sign-in, tokens, and who may do what."""
