"""From a payload to the work that the guard runs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from qbot.domain.commands import SPECS, parse, submits, verb_typed
from qbot.domain.names import thing_in
from qbot.domain.people import Actor
from qbot.domain.reaper_grammar import Reaper, Wish
from qbot.domain.subjects import (
    PAUSE,
    Subject,
    of_action,
    of_choice,
    of_command,
    of_event,
    of_view,
    verb_of,
)
from qbot.errors import QbotError
from qbot.operations.rights import Grounds
from qbot.render.helping import mentioned
from qbot.slack import events, payload
from qbot.slack.actions import Actions
from qbot.slack.commands import Commands
from qbot.slack.desk import Desk
from qbot.slack.families import Form, Press, Reply, read_later
from qbot.slack.forms import Forms, InputError
from qbot.slack.grounds import Grounding, place_of
from qbot.slack.guard import Work
from qbot.slack.keeping import ReaperDesk
from qbot.slack.lifetimes import LifetimeDesk
from qbot.slack.orphans import OrphanDesk
from qbot.slack.payload import Body, Delivery
from qbot.slack.releases.actions import ReleaseActions
from qbot.slack.releases.commands import ReleaseCommands
from qbot.slack.releases.desk import ReleaseDesk
from qbot.slack.releases.forms import ReleaseForms
from qbot.slack.restores import RestoreDesk
from qbot.slack.versions import Versions

_NO_USE = frozenset({"", "delete", "transfer", "unpin"})


@dataclass(slots=True)
class Submitted:
    """What a form answers to its inputs, by block id."""

    errors: dict[str, str] = field(default_factory=dict)


class Listeners:
    """One method a kind of payload."""

    def __init__(self, desk: Desk, releases: ReleaseDesk, versions: Versions) -> None:
        self._desk = desk
        self._releases = releases
        self._grounding = Grounding(releases)
        forms = Forms(desk, self._grounding)
        release_forms = ReleaseForms(releases, self._grounding)
        lifetimes = LifetimeDesk(releases, self._grounding)
        restores = RestoreDesk(desk, self._grounding)
        self._commands = Commands(
            desk,
            forms,
            releases=ReleaseCommands(releases, release_forms, self._grounding),
            versions=versions,
            lifetimes=lifetimes,
            restores=restores,
        )
        self._presses: dict[str, Press] = {
            **Actions(desk, forms, self._grounding).table,
            **ReleaseActions(releases, release_forms, self._grounding).table,
            **versions.table,
            **lifetimes.table,
            **restores.table,
            **OrphanDesk(desk).table,
            **ReaperDesk(desk, self._grounding).table,
        }
        self._forms: dict[str, Form] = {**forms.table, **release_forms.table}

    @property
    def forms(self) -> Collection[str]:
        """Callback ids of the forms that can be submitted."""
        return self._forms.keys()

    def subjects(self) -> Sequence[Subject]:
        """Every way in: what is typed, pressed and submitted."""
        return [
            of_command("overview"),
            PAUSE,
            *(of_command(spec.verb) for spec in SPECS),
            *(of_action(action_id) for action_id in self._presses),
            *(of_view(callback_id) for callback_id in self._forms),
        ]

    def groups_changed(self) -> None:
        """Slack says that a user group is not what it was."""
        self._releases.context.people.forget_groups()

    def command(self, text: str, delivery: Delivery) -> Work:
        """A typed line.

        Raises:
            UserError: it is no command.
        """
        command, asker, verb = parse(text), delivery.asked.actor, verb_typed(text)

        async def run(admitted: Delivery) -> Reply:
            answer = await self._commands.answer(command, admitted)
            self._used(verb, asker, place_of(command))
            return answer

        async def grounds() -> Grounds:
            return await self._grounding.of_command(command, asker)

        once = not submits(command)
        pauses = isinstance(command, Reaper) and command.wish in (Wish.PAUSE, Wish.RESUME)
        return Work(PAUSE if pauses else of_command(verb), run, once, grounds)

    def mention(self, text: str) -> Work:
        """`@qbot create feat/x`: it is done by typing, and this says what to type."""

        async def run(_: Delivery) -> Reply:
            return mentioned(text, self._desk.style)

        return Work(of_event(events.MENTION), run, once=True)

    def action(self, body: Body, delivery: Delivery) -> Work:
        """A press; one that nothing is known of has no rule either, and is refused by that."""
        action_id = str(payload.first_action(body).get("action_id", ""))
        value, actor = payload.value(body), delivery.asked.actor
        press = self._presses.get(action_id) or Press(read_later)
        subject = of_choice(action_id, value)

        async def run(admitted: Delivery) -> Reply:
            answer = await press.answer(body, value, admitted)
            self._used(verb_of(subject) or "", actor, thing_in(value))
            return answer

        async def grounds() -> Grounds:
            return await press.grounds(value, actor)

        return Work(subject, run, not press.submits, grounds)

    def _used(self, verb: str, by: Actor, thing: str) -> None:
        """Whoever deletes an environment, or gives it away, does not use it."""
        if verb not in _NO_USE:
            self._desk.used(verb, by, thing)

    def form(self, body: Body, delivery: Delivery, outcome: Submitted) -> Work:
        """A submitted form. Its errors go to `outcome`; a repeated one submits nothing new."""
        view: dict[str, Any] = body.get("view") or {}
        callback_id = str(view.get("callback_id", ""))
        form, inputs, metadata = (
            self._forms[callback_id],
            payload.inputs(view),
            payload.metadata(view),
        )

        async def run(admitted: Delivery) -> Reply:
            try:
                return await form.answer(inputs, metadata, admitted)
            except QbotError as error:
                shown = error.field if isinstance(error, InputError) else form.first
                outcome.errors = {shown: self._desk.plain(error)}
                raise

        async def grounds() -> Grounds:
            return await form.grounds(inputs, metadata, delivery.asked.actor)

        return Work(of_view(callback_id), run, once=False, grounds=grounds)
