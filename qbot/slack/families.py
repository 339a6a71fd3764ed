"""What a family of listeners is: what it answers, by the ids that Slack sends."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from qbot.domain.people import Actor
from qbot.operations.rights import Grounds
from qbot.render.blocks import Message
from qbot.slack.guard import no_grounds
from qbot.slack.payload import Body, Delivery

Reply = Message | None


async def _nothing(_: str, __: Actor) -> Grounds:
    return await no_grounds()


@dataclass(frozen=True, slots=True)
class Press:
    """One button or menu.

    `answer` gets the payload, the element's value and the delivery. `submits`: it becomes an
    operation or an approval, whose own key tells a repeated delivery, or what does nothing more
    when it is done again. `grounds` says of a value what it is done to.
    """

    answer: Callable[[Body, str, Delivery], Awaitable[Reply]]
    submits: bool = False
    grounds: Callable[[str, Actor], Awaitable[Grounds]] = _nothing


@dataclass(frozen=True, slots=True)
class Form:
    """One form that can be submitted.

    `answer` gets what is in it, its metadata and the delivery; an error that names no input is
    shown below `first`. `grounds` says of inputs and metadata what it is done to.
    """

    answer: Callable[[dict[str, Any], str, Delivery], Awaitable[Reply]]
    first: str
    grounds: Callable[[dict[str, Any], str, Actor], Awaitable[Grounds]]


async def read_later(_: Body, __: str, ___: Delivery) -> Reply:
    """A menu or box of a form, read when that is sent; or a link, which is open already."""
    return None
