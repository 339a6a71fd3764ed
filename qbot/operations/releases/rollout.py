"""A stage's Applications come to run the merge commit."""

from qbot.operations.releases.case import Case


async def deployed(case: Case) -> None:
    """Let Argo CD look, ask each changed Application to sync once, wait for all of them.

    Raises:
        UserError: one failed or did not get there in time; the tracker shows which, with its
            last log lines.
    """
    raise NotImplementedError
