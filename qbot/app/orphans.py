"""Who looks whether Argo CD has what Qbot wants there, and nothing besides."""

from qbot.app.ground import Ground
from qbot.operations.context import Context
from qbot.operations.orphans import OrphanSweeper


def orphan_sweeper(ground: Ground, context: Context) -> OrphanSweeper:
    """Looks every hour."""
    database = ground.database
    return OrphanSweeper(
        argocd=context.argocd,
        store=database.store,
        rows=database.orphans,
        clock=ground.clock,
        channel=ground.catalog.reaper.channel,
    )
