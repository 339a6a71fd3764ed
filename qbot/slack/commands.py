"""`/env`: one function a command. Reads answer privately; changes answer with their card."""

from qbot.domain.commands import (
    SPECS,
    Command,
    Create,
    Delete,
    Help,
    List,
    Overview,
    Show,
    Sync,
    spec_of,
)
from qbot.domain.doctor_grammar import Doctor
from qbot.domain.lifetime_grammar import Extend, PinIt, Transfer, Unpin
from qbot.domain.morning_grammar import OwnDigest
from qbot.domain.reaper_grammar import Reaper
from qbot.domain.release_commands import Deploy, Diff, History, Rollback, RunJob
from qbot.domain.restore_grammar import Restore
from qbot.operations.failing import failing
from qbot.operations.locking import with_locks
from qbot.render.blocks import Message
from qbot.render.doctor import doctor
from qbot.render.helping import help_all, help_verb
from qbot.render.listing import Page
from qbot.render.overview import overview
from qbot.render.style import Style
from qbot.slack import mornings, reaper
from qbot.slack.desk import Desk, with_failing
from qbot.slack.forms import Forms
from qbot.slack.lifetimes import LifetimeDesk
from qbot.slack.payload import Delivery
from qbot.slack.releases.commands import ReleaseCommands
from qbot.slack.restores import RestoreDesk
from qbot.slack.versions import Versions

OfEnvironments = Overview | Help | Create | List | Show | Sync | Delete


class Commands:
    """Answers what was typed."""

    def __init__(
        self,
        desk: Desk,
        forms: Forms,
        *,
        releases: ReleaseCommands,
        versions: Versions,
        lifetimes: LifetimeDesk,
        restores: RestoreDesk,
    ) -> None:
        self._desk = desk
        self._forms = forms
        self._releases = releases
        self._versions = versions
        self._lifetimes = lifetimes
        self._restores = restores

    async def answer(self, command: Command, delivery: Delivery) -> Message | None:
        """The private answer, or None where the card, a form or a later message is the answer.

        Raises:
            UserError: something about the command cannot be done.
        """
        match command:
            case Rollback(place) | History(place) if not self._releases.is_stage(place):
                return await self._versions.answer(command, delivery)
            case Show(place) if self._releases.showing.knows(place):
                return await self._releases.showing.show(place)
            case Extend() | PinIt() | Unpin() | Transfer():
                return await self._lifetimes.answer(command, delivery)
            case Restore():
                return await self._restores.answer(command, delivery)
            case OwnDigest():
                return await mornings.answer(self._desk, command, delivery)
            case Reaper():
                return await reaper.answer(self._desk, command, delivery)
            case Doctor():
                return doctor(await self._desk.examine(), self._style)
            case Deploy() | Diff() | RunJob():
                return await self._versions.answer(command, delivery)
            case Overview() | Help() | Create() | List() | Show() | Sync() | Delete():
                return await self._of_environments(command, delivery)
            case _:
                return await self._releases.answer(command, delivery)

    async def _of_environments(self, command: OfEnvironments, delivery: Delivery) -> Message | None:
        match command:
            case Overview():
                return await self._overview(delivery)
            case Help(verb):
                return help_verb(spec_of(verb), self._style) if verb else self._help()
            case Create(branch=None):
                return await self._forms.open_create(delivery)
            case Create():
                answer = await self._desk.requests.create(command, delivery.asked)
                asker = delivery.asked.actor
                return await self._desk.submitted(answer, command, asker=asker)
            case List(which, text):
                return await self._desk.listed(Page(0, which, text), delivery.asked.actor)
            case Show(env):
                found = await self._desk.requests.living(env)
                return await self._desk.shown(found, delivery.asked.actor)
            case Sync():
                done = await self._desk.requests.sync(command, delivery.asked)
                return await self._desk.submitted(done)
            case Delete(""):
                return await self._forms.open_delete(delivery)
            case Delete(env):
                found = await self._desk.requests.living(env, guess=False)
                return await self._forms.question(found, delivery)

    @property
    def _style(self) -> Style:
        return self._desk.style

    def _help(self) -> Message:
        return help_all(SPECS, self._style)

    async def _overview(self, delivery: Delivery) -> Message:
        context, actor = self._desk.context, delivery.asked.actor
        rows = await context.store.environments()
        mine = [r for r in rows if r.environment.owner == actor]
        counts = await failing(context, [r.environment for r in mine])
        known = await with_locks(context.locks, with_failing(mine, counts))
        now = context.clock.now()
        away = context.outages.now()
        return overview(known, len(rows), self._style, now=now, known=counts is not None, away=away)
