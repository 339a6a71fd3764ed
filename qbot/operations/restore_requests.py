"""`restore`: from what people name to the creation of what takes a deleted environment's place.

Whatever leads here (the command, the button of a card, of a message of the reaper's) asks the same
questions: nothing is half-way, since a branch has one environment at a time and a deletion that
still runs counts as one.
"""

from collections.abc import Sequence

from qbot.domain.bringing_back import Deleted, ensure_restorable, still_here
from qbot.domain.inputs import SyncInput
from qbot.domain.listing import some
from qbot.domain.names import EnvId
from qbot.domain.operation import BranchTaken, QuotaReached, Submitted
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.nearest import alike, did_you_mean
from qbot.operations.requests import Asked, Requests

_NAMED = 5  # of those that could be meant


class RestoreRequests:
    """Submits restores."""

    def __init__(self, context: Context, requests: Requests) -> None:
        self._context = context
        self._requests = requests

    async def restore(self, text: str, asked: Asked) -> Submitted | BranchTaken | QuotaReached:
        """Queue the return of the environment of this branch or name.

        Raises:
            UserError: there is none, or it cannot come back.
        """
        found = await self._context.store.find(text)
        if found is not None and await self._context.store.missing(found.id):
            return await self._made_again(found.id, asked)
        return await self._restore(await self.named(text), asked)

    async def restore_this(
        self, env: EnvId, asked: Asked
    ) -> Submitted | BranchTaken | QuotaReached:
        """The same of exactly this one; for buttons.

        Raises:
            UserError: it cannot come back, or another one of its branch was deleted since.
        """
        known = await self._context.store.environment(env)
        if known is None:
            raise UserError("Nothing is known of it any more.")
        if await self._context.store.missing(env):
            return await self._made_again(env, asked)
        deleted = await self.named(known.branch)
        if deleted.environment.id != env:
            raise UserError(
                "That button is out of date: the branch had another environment since.",
                hint=f"`restore {known.branch}` brings the last one back.",
            )
        return await self._restore(deleted, asked)

    async def named(self, text: str) -> Deleted:
        """The one that somebody means.

        Raises:
            UserError: it lives, or there never was such a one.
        """
        found = await self._context.store.find(text)
        if found is not None and found.phase.alive:
            raise still_here(found)
        deleted = await self._context.store.deleted(text)
        if deleted is None:
            raise await self._unknown(text)
        return deleted

    async def restorable(self) -> Sequence[Deleted]:
        """What can be asked for now, newest first."""
        within, now = self._context.rules.restorable, self._context.clock.now()
        return await self._context.store.deleted_since(now - within)

    async def _made_again(self, env: EnvId, asked: Asked) -> Submitted:
        """It lives, and Argo CD has nothing of it: what is missing is made at the same commits."""
        return await self._requests.resume(env, SyncInput(resume=True), asked)

    async def _restore(
        self, deleted: Deleted, asked: Asked
    ) -> Submitted | BranchTaken | QuotaReached:
        now = self._context.clock.now()
        ensure_restorable(deleted, self._context.catalog, self._context.rules.restorable, now)
        return await self._requests.again(deleted, asked)

    async def _unknown(self, text: str) -> UserError:
        if text in self._context.stages:
            return UserError(
                f"`{text}` is a stage: it is never deleted.",
                hint=f"`rollback {text}` goes back to the versions before.",
            )
        known = {
            str(d.environment.name): str(d.environment.branch) for d in await self.restorable()
        }
        names = {**known, **{branch: branch for branch in known.values()}}
        near = list(dict.fromkeys(names[n] for n in alike(text, names)))[:_NAMED]
        shown = [f"`{branch}`" for branch in dict.fromkeys(known.values())]
        there = f"Can be restored: {some(shown, _NAMED)}." if shown else "Nothing can be restored."
        return UserError(
            f"No environment of `{text[:80]}` was deleted lately. {did_you_mean(near)}".rstrip(),
            hint=there,
        )
