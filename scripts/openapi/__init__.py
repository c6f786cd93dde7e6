"""Writes the app's OpenAPI document from the classes that read its requests and make its responses."""
