"""What a tear-down finds still there, and how it is said."""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any

from qbot.domain.health import AppState
from qbot.domain.listing import some
from qbot.domain.names import ServiceName
from qbot.operations.run import Run

_NAMED = 3

Read = Callable[[ServiceName], Coroutine[Any, Any, AppState | None]]


async def there(
    run: Run, read: Read, names: Collection[ServiceName]
) -> Mapping[ServiceName, AppState]:
    """Those that are there by a look at each: a list may be behind, either way.

    Raises:
        PermanentError: and TransientError, as the look at one of them does.
    """
    asked = sorted(names)
    found = await run.gather([read(n) for n in asked])
    for error in (each for each in found if isinstance(each, Exception)):
        raise error
    pairs = zip(asked, found, strict=True)
    return {name: state for name, state in pairs if isinstance(state, AppState)}


def holder(state: AppState) -> str:
    """Who holds a deletion up, in Argo CD's words."""
    errors = [text for kind, text in state.conditions if kind == "DeletionError"]
    # Its message is about a sync of before the deletion.
    return next(iter(errors), state.waits_for if state.deleting else "")


def named(apps: Mapping[ServiceName, AppState], refused: Mapping[ServiceName, str]) -> str:
    """What did not go, and why: what Argo CD refused, in its words, is no matter of time."""
    said = []
    if told := _once({str(s.name): refused[n] for n, s in apps.items() if n in refused}):
        said.append(_some(told, "{}"))
    late = [(str(s.name), holder(s)) for n, s in apps.items() if n not in refused]
    if late:
        texts = [f"{name}: {why}" if why else name for name, why in late]
        said.append(_some(texts, "Not deleted in time: {}"))
    return " ".join(said)


def _once(told: Mapping[str, str]) -> list[str]:
    """What Argo CD says of several Applications alike stands once, of the first."""
    alike: dict[str, list[str]] = {}
    for name, text in told.items():
        alike.setdefault(text.replace(name, ""), []).append(name)
    return [_for_all(told[names[0]], names[1:]) for names in alike.values()]


def _for_all(text: str, others: Sequence[str]) -> str:
    if not others:
        return text
    return f"{text.rstrip('.')} (the same of {some(others, _NAMED)})"


def _some(texts: Sequence[str], sentence: str) -> str:
    """One sentence with the first of them; an error's own full stop is not doubled."""
    first = some([text.rstrip(".") for text in texts], _NAMED, between="; ")
    return f"{sentence.replace('{}', first)}."
