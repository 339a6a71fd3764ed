"""What a tear-down says of what is still there."""

from qbot.domain.health import AppState
from qbot.domain.names import AppName, EnvId, ServiceName
from qbot.operations.remains import named

NAMES = [ServiceName(n) for n in ("cart", "orders", "web", "mail", "search")]
APPS = {n: AppState(AppName(f"qbot-x-{n}"), EnvId("e1"), n, 1) for n in NAMES}
REFUSED = "Argo CD could not delete the Application {}: 403: Qbot's role lacks a right."


def test_one_refusal_of_many_applications_stands_once() -> None:
    said = named(APPS, {n: REFUSED.format(app.name) for n, app in APPS.items()})
    assert said.count("403") == 1
    assert "the same of qbot-x-orders, qbot-x-web, qbot-x-mail and 1 more" in said


def test_different_refusals_stand_side_by_side() -> None:
    said = named(APPS, {NAMES[0]: "It is kept.", NAMES[1]: "No right."})
    assert said.startswith("It is kept; No right. Not deleted in time: qbot-x-web;")
