"""Forms that ask for a reason."""

from collections.abc import Sequence

from qbot.domain import actions
from qbot.render.blocks import Block, section
from qbot.render.escape import prose
from qbot.render.forms import View, field, text_input, view
from qbot.render.words import listed

_REASON = 500  # characters
_NAMED = 12


def reject_form(value: str, what: str) -> View:
    """Submitted as `actions.REJECT_SUBMIT`.

    Args:
        value: of the button that was pressed: `P-12:` and the digest's first digits.
        what: the promotion in plain words, for instance `staging → production, 4 services`.
    """
    name = value.partition(":")[0]
    return view(
        f"Reject {name}",
        [
            section(f"*{prose(name, 20)}* ({prose(what, 200)}) ends, and nothing is changed."),
            _reason(actions.REASON_INPUT, "not before the incident is over"),
        ],
        callback=actions.REJECT_SUBMIT,
        metadata=value,
        submit="Reject",
        close="Cancel",
    )


def break_glass_form(
    metadata: str, stage: str, services: Sequence[str], *, dry_run: bool = False
) -> View:
    """Submitted as `actions.BREAK_GLASS_SUBMIT`.

    Args:
        metadata: what the submission has to know, ids only.
        stage: that is rolled back.
        services: of it; none: all that the newest promotion changed.
        dry_run: what comes of it is only shown.
    """
    which = listed([f"*{prose(s, 40)}*" for s in services], _NAMED) or "what was promoted last"
    if dry_run:
        warning = f"Shows what would be rolled back of *{prose(stage, 60)}*. Nothing is changed."
    else:
        warning = _glass(stage, which)
    return view(
        "Emergency rollback",
        [section(warning), _reason(actions.EMERGENCY_INPUT, "checkout is down")],
        callback=actions.BREAK_GLASS_SUBMIT,
        metadata=metadata,
        submit="Preview" if dry_run else "Roll Back Now",
        close="Cancel",
    )


def exception_form(metadata: str, stage: str, services: Sequence[str]) -> View:
    """Submitted as `actions.EXCEPTION_SUBMIT`; arguments as for `break_glass_form`."""
    which = listed([f"*{prose(s, 40)}*" for s in services], _NAMED) or "what came since"
    text = (
        f":no_entry: *{prose(stage, 60)}* is frozen. You may roll back {which} all the same, "
        "with a reason; it still has to be approved."
    )
    return view(
        "Roll back in a freeze",
        [section(text), _reason(actions.EMERGENCY_INPUT, "checkout is down")],
        callback=actions.EXCEPTION_SUBMIT,
        metadata=metadata,
        submit="Roll Back",
        close="Cancel",
    )


def _glass(stage: str, which: str) -> str:
    return (
        f":rotating_light: *{prose(stage, 60)}* is rolled back at once: {which}.\n"
        "Nobody is asked for an approval. Everybody in the channel is told, with your name and "
        "your reason."
    )


def _reason(action: str, placeholder: str) -> Block:
    line = text_input(action, placeholder=placeholder, longest=_REASON)
    return field("Why?", line, hint="It is shown on the card and recorded.")
