"""The forms for people who prefer them to typing: create and delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from qbot.domain import actions
from qbot.domain.environment import Environment, Phase
from qbot.domain.names import MAX_BRANCH
from qbot.domain.people import Actor
from qbot.render.blocks import Block, Message, button, context, message, section
from qbot.render.blocks import actions as row
from qbot.render.escape import code, mention, prose
from qbot.render.forms import (
    View,
    checkbox,
    choice,
    field,
    option,
    sorted_choice,
    text_input,
    view,
)
from qbot.render.words import PHASES, plural, rough, ttl

_SET = 1_000  # characters
_WARNING = (
    "It goes with all its services and data. It can be restored for some days, with the same "
    "versions, but without its data. The git branch stays."
)


@dataclass(frozen=True, slots=True)
class CreateForm:
    """What the form offers, and where its answer goes.

    Attributes:
        channel: id of the channel that the card belongs to; becomes the private metadata.
        services: of the catalog; choosing none means all.
        environments: to take over versions from.
        lifetimes: to choose from; none: no such question.
        lifetime: the one that is chosen at first.
        branch: filled in already.
    """

    channel: str
    services: Sequence[str]
    environments: Sequence[Environment] = ()
    lifetimes: Sequence[timedelta] = ()
    lifetime: timedelta | None = None
    branch: str = ""


def create_form(form: CreateForm) -> View:
    """Submitted as `actions.CREATE_SUBMIT`; each input's block id is its action id."""
    branch = text_input(
        actions.BRANCH_INPUT, placeholder="feat/checkout", initial=form.branch, longest=MAX_BRANCH
    )
    blocks: list[Block | None] = [
        field("Branch", branch, hint="Services without this branch run their default branch."),
        _services(form),
        _versions(),
        _source(form),
        _lifetime(form),
        field(
            "Dry run",
            checkbox(actions.DRY_RUN_INPUT, "Only show what would be made", "dry-run"),
            optional=True,
        ),
    ]
    return view(
        "Create Environment",
        blocks,
        callback=actions.CREATE_SUBMIT,
        metadata=form.channel,
        submit="Create",
        close="Cancel",
    )


def _services(form: CreateForm) -> Block | None:
    if not form.services:
        return None
    menu = choice(
        actions.SERVICES_INPUT,
        [option(s, s) for s in form.services],
        placeholder="All services",
        many=True,
    )
    return field("Services", menu, hint="Leave it empty for all of them.", optional=True)


def _versions() -> Block:
    lines = text_input(
        actions.SET_INPUT, placeholder="cart=fix/cart-rounding", longest=_SET, lines=True
    )
    hint = "service=branch, tag or commit; one a line. A service that is only here is made as well."
    return field("Other versions of some services", lines, hint=hint, optional=True)


def _source(form: CreateForm) -> Block | None:
    if not form.environments:
        return None
    menu = choice(
        actions.FROM_INPUT,
        [option(e.branch, e.id) for e in form.environments],
        placeholder="The default branches",
    )
    hint = "Services without the branch run what this environment runs."
    return field("Take other versions from", menu, hint=hint, optional=True)


def _lifetime(form: CreateForm) -> Block | None:
    if not form.lifetimes:
        return None
    choices = {t: option(rough(t.total_seconds()), ttl(t)) for t in form.lifetimes}
    menu = choice(actions.TTL_INPUT, list(choices.values()), placeholder="As usual")
    if form.lifetime in choices:
        menu["initial_option"] = choices[form.lifetime]
    return field("Lifetime", menu, optional=True)


def delete_form(channel: str, environments: Sequence[Environment], asker: Actor) -> View:
    """Submitted as `actions.DELETE_SUBMIT`; without environments it only says so.

    It leads to `delete_confirmation`, which names the owner and what would go.
    """
    title, callback = "Delete Environment", actions.DELETE_SUBMIT
    if not environments:
        nothing = section("There is no environment that you could delete.")
        return view(title, [nothing], callback=callback, metadata=channel)
    kinds: dict[str, list[Block]] = {"Yours": [], "Of others": []}
    for env in environments:
        kind = "Yours" if env.owner == asker else "Of others"
        kinds[kind].append(option(f"{env.branch} ({PHASES[env.phase][0]})", env.id))
    menu = sorted_choice(actions.ENVIRONMENT_INPUT, kinds, placeholder="Choose one")
    return view(
        title,
        [field("Environment", menu), context(f"You are asked once more. {_WARNING}")],
        callback=callback,
        metadata=channel,
        submit="Next",
        close="Cancel",
    )


def delete_confirmation(environment: Environment) -> Message:
    """The private question after a typed `delete`: names exactly what would go."""
    name = prose(environment.branch, 200)
    count = plural(len(environment.plans), "service")
    whose = f"{code(environment.name)}, owned by {mention(environment.owner.user)}, with {count}"
    text = f"Delete the environment of *{name}*?\n{whose}. {_WARNING}"
    if environment.phase is Phase.CREATING:
        text += " It is still being created: that is cancelled first."
    buttons = row(
        [
            button("Delete", actions.DELETE_CONFIRM, environment.id, style="danger"),
            button("Keep", actions.KEEP, environment.id),
        ],
        block_id=f"delete:{environment.id}",
    )
    return message(text, [section(text), buttons])
