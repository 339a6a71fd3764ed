"""The Events API (https://docs.slack.dev/apis/events-api/): three retries, then never again."""

import secrets
from collections.abc import Iterable

from qbot.sandbox.kernel import Kernel
from qbot.sandbox.slack import seed
from qbot.sandbox.slack.delivery.courier import Courier
from qbot.sandbox.slack.delivery.outcome import Outcome, Retry
from qbot.sandbox.slack.model import Json

DELAYS = (0.0, 60.0, 300.0)  # seconds before each retry


class Events:
    """`subscribed` are the bot events of the app's manifest; nothing else is sent."""

    def __init__(self, kernel: Kernel, courier: Courier, subscribed: Iterable[str]) -> None:
        self._kernel = kernel
        self._courier = courier
        self.subscribed = frozenset(subscribed)

    @property
    def home_tab(self) -> bool:
        """Whether the app has a Home tab: one that it cannot fill is turned off."""
        return "app_home_opened" in self.subscribed

    def emit(self, event: Json) -> None:
        """Deliver in the background, with retries."""
        if event["type"] in self.subscribed:
            _ = self._kernel.spawn(self.send(event), f"slack: event {event['type']}")

    async def send(self, event: Json) -> Outcome:
        """Deliver and see it through; the outcome of the last try."""
        payload = self._callback(event)
        outcome = (await self._courier.deliver("event", payload))[0]
        for number, delay in enumerate(DELAYS, 1):
            if outcome.status == 200 or outcome.no_retry:
                break
            await self._kernel.clock.sleep(delay)
            retry = Retry(number, outcome.reason)
            outcome = (await self._courier.deliver("event", payload, retry))[0]
        return outcome

    def _callback(self, event: Json) -> Json:
        now = self._kernel.clock.time()
        return {
            "token": "unused-verification-token",
            "team_id": seed.TEAM,
            "api_app_id": seed.APP,
            "event": {**event, "event_ts": f"{now:.6f}"},
            "type": "event_callback",
            "event_id": "Ev05" + secrets.token_hex(5).upper(),
            "event_time": int(now),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": seed.TEAM,
                    "user_id": seed.BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": secrets.token_hex(20),
        }
