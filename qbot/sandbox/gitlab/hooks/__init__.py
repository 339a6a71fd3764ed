"""Webhooks: their settings, what is sent to them and when, and what became of it."""
