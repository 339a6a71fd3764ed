"""Whose certificates the HTTPS clients believe."""

import ssl
from functools import cache
from pathlib import Path

import httpx


def trusting(ca_file: str | Path | None = None) -> ssl.SSLContext:
    """The authorities in a file, else those that this machine trusts.

    Raises:
        OSError: the file cannot be read, or holds no certificates.
    """
    return ssl.create_default_context(cafile=ca_file) if ca_file else _public()


@cache
def _public() -> ssl.SSLContext:
    """One for all clients: to load them takes 30 ms, in which nothing else happens."""
    folder = ssl.get_default_verify_paths().capath
    return completed(ssl.create_default_context(), Path(folder) if folder else None)


def completed(machine: ssl.SSLContext, folder: Path | None) -> ssl.SSLContext:
    """What the machine trusts, or the authorities that come with httpx where it has none at all.

    Args:
        machine: what it has in one file.
        folder: where it may have others, which are looked up once they are needed.
    """
    filled = folder is not None and any(folder.iterdir())
    if filled or machine.cert_store_stats()["x509_ca"]:
        return machine
    return httpx.create_ssl_context(trust_env=False)
