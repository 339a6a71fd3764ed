"""What GitLab says of a create before anything is reserved, for who can still correct it."""

from qbot.domain.commands import Create
from qbot.domain.images import names_image
from qbot.domain.inputs import CreateInput
from qbot.domain.names import ServiceName
from qbot.operations.context import Context
from qbot.operations.gathering import gather
from qbot.operations.overrides import at_ref
from qbot.operations.registered import doubt
from qbot.operations.resolve import ensure_branch, wish


async def look_for_branch(context: Context, wanted: Create) -> None:
    """Whether a repository has the branch.

    Raises:
        UserError: none has it; the hint has the nearest names.
        TransientError, PermanentError: GitLab does not say.
    """
    if wanted.branch is None:
        return
    known = await context.store.find(wanted.branch)
    if known is None or not known.phase.alive:
        asked = CreateInput(wanted.branch, wanted.services, wanted.overrides)
        await ensure_branch(context.gitlab, wish(asked, context.catalog, None))


async def look_for_versions(context: Context, wanted: Create) -> None:
    """Whether there is what single services are asked to run.

    Raises:
        UserError: there is not; the hint has the nearest names.
        TransientError, PermanentError: GitLab does not say.
    """

    async def look(name: ServiceName, text: str) -> None:
        if names_image(text):
            await doubt(context.images, context.catalog[name], text)
        else:
            await at_ref(context.gitlab, context.catalog[name], text, None)

    for found in await gather([look(*pair) for pair in wanted.overrides]):
        if isinstance(found, Exception):
            raise found
