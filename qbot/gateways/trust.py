"""Whose certificates the HTTPS clients believe."""

import ssl
from functools import cache
from pathlib import Path


def trusting(ca_file: str | Path | None = None) -> ssl.SSLContext:
    """The authorities in a file, else those that this machine trusts.

    Raises:
        OSError: the file cannot be read, or holds no certificates.
    """
    return ssl.create_default_context(cafile=ca_file) if ca_file else _public()


@cache
def _public() -> ssl.SSLContext:
    """One for all clients: to load them takes 30 ms, in which nothing else happens."""
    return ssl.create_default_context()
