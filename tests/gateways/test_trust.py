"""Whose certificates are believed where nothing is said."""

import ssl
from pathlib import Path

from qbot.gateways.slack import web_client
from qbot.gateways.trust import completed, trusting


def empty() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def test_a_machine_that_trusts_nobody_believes_what_comes_with_httpx(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        found = completed(empty(), folder)
        assert found.cert_store_stats()["x509_ca"]
        assert found.verify_mode is ssl.CERT_REQUIRED
        assert found.check_hostname


def test_what_a_machine_has_is_not_added_to(tmp_path: Path) -> None:
    (tmp_path / "5ad8a5d6.0").touch()
    machine = empty()
    assert completed(machine, tmp_path) is machine
    assert not machine.cert_store_stats()["x509_ca"]


def test_slack_is_believed_by_the_same_authorities_over_http_and_in_socket_mode() -> None:
    assert web_client("xoxb-x", "").ssl is trusting()
