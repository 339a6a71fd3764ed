"""In: webhooks of GitLab and notifications of Argo CD. Each is a reason to look, never the truth.

What proves the sender is checked before anything is decoded; what it says is written down before
it is answered. GitLab never sends again what failed: sweeps find what was lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Hooks:
    """The routes, and whether any of them is set up: else they only say that they are not."""

    routes: Sequence[web.RouteDef]
    wanted: bool
