"""Named jobs as steps of an operation."""

from qbot.operations.releases.case import Case


async def ran(case: Case, name: str, *, when: str) -> None:
    """Run a job and wait for it; an empty name is none. Once for each head that was approved.

    Raises:
        UserError: it failed; names it and where its output is.
    """
    raise NotImplementedError
