"""Messages that go to people by themselves: please look, the glass is broken, it is still held."""

from collections.abc import Sequence

from qbot.domain.barriers import Hold
from qbot.domain.people import Actor
from qbot.domain.promotion import Version
from qbot.domain.release import StageProgress
from qbot.render.blocks import Message, context, message, section
from qbot.render.escape import WHEN, code, mention, moment, prose
from qbot.render.releases import versions
from qbot.render.releases.approving import in_the_way, question
from qbot.render.releases.buttons import decision
from qbot.render.releases.titles import name, what
from qbot.render.style import Style
from qbot.render.words import joined, listed

_NAMED = 10
_MENTIONED = 20


def reminder(progress: StageProgress, card_url: str, style: Style) -> Message:
    """Asks one person to look; what they say here counts as on the card.

    Args:
        progress: of a promotion that waits for approvals.
        card_url: Slack's own link to its card; empty: not known, or it opens for nobody else.
        style: the installation.
    """
    asked = f"{prose(what(progress), 200)}, asked for by {mention(progress.actor.user)}"
    lines = [
        f"*{name(progress)}* waits for an approval, and yours would count.",
        f"{asked}: {versions.names(progress.items)}" if progress.items else asked,
        *in_the_way(progress.barriers, style),
        go_to(card_url),
    ]
    expires = f"expires {moment(progress.expires_at, WHEN)}" if progress.expires_at else ""
    small = joined([question(progress), expires])
    kept = [line for line in lines if line]
    return message(
        "\n".join([*kept, small]),
        [section("\n".join(kept)), context(small), decision(progress)],
    )


def shout(progress: StageProgress, card_url: str = "", who: Sequence[Actor] = ()) -> Message:
    """Tells everybody that approvals were left out, by whom and why.

    Args:
        progress: of the emergency.
        card_url: Slack's own link to its card; empty: not known, or it opens for nobody else.
        who: may approve otherwise; they are mentioned.
    """
    people = listed([mention(actor.user) for actor in who], _MENTIONED)
    where, by = prose(progress.stage, 60), mention(progress.actor.user)
    lines = [
        f":rotating_light: *EMERGENCY in {where}: {by} goes ahead without approvals.*",
        f"Reason: {prose(progress.reason, 600) or 'none was given'}",
        f"{name(progress)}: {prose(what(progress), 200)} ({versions.names(progress.items)})",
        *(f"In spite of: {prose(said, 300)}" for said in progress.exempted[:_NAMED]),
        f"Not asked, although they may approve or have locked it: {people}" if who else "",
        go_to(card_url),
    ]
    text = "\n".join(line for line in lines if line)
    return message(text, [section(text)])


def voided(progress: StageProgress, who: Sequence[Actor], why: str) -> Message:
    """For people whose word counts no more: whoever has approved believes to be done.

    With nobody to tell, what it was that voids whatever is said.
    """
    people = " ".join(mention(actor.user) for actor in who[:_MENTIONED])
    text = f"*{name(progress)}*: {prose(why, 400)}."
    if who:
        text = (
            f"{people} *{name(progress)}* needs you again, your approval no longer counts: "
            f"{prose(why, 400)}. Approve or reject what its card shows now."
        )
    return message(text, [section(text)])


def hold_reminder(holds: Sequence[Hold], style: Style) -> Message:
    """For the person whose rollback holds these services of one stage; at least one."""
    first = holds[0]
    stage = prose(first.stage, 60)
    held = [
        f"*{prose(h.service, 40)}* at {code(versions.short(Version(h.version)), 40)}" for h in holds
    ]
    since = moment(min(h.since for h in holds), WHEN)
    them = "it" if len(holds) == 1 else "them"
    lead = f":lock: Still held in *{stage}* since {since}: {listed(held, _NAMED)}."
    names = " ".join(h.service for h in holds) if len(holds) <= _NAMED else ""
    free = code(f"{style.command} release {first.stage} {names}".rstrip(), 300)
    hint = f"Nothing newer of {them} is promoted until you release {them}: {free}"
    return message(f"{lead}\n{hint}", [section(lead), context(hint)])


def go_to(card_url: str) -> str:
    """Slack's own link to a card; empty where there is none."""
    if not card_url.startswith(("https://", "http://")):
        return ""
    return f"<{prose(card_url, 500)}|Go to its card>"
