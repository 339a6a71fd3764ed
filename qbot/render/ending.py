"""The reply that tells the end in the card's thread: it mentions the person, so it is short."""

from qbot.domain.people import QBOT
from qbot.domain.progress import End, Hook, Kind, Progress
from qbot.render.attention import attention, failed
from qbot.render.blocks import Message, message, section
from qbot.render.card import job_name, proof_lines
from qbot.render.errors import with_command
from qbot.render.escape import link, mention, prose
from qbot.render.sources import gone_line
from qbot.render.style import Style
from qbot.render.words import done_to, hook_words, noun_of, span

_ROWS = 3


def end_reply(progress: Progress, style: Style) -> Message:
    """Success in one line; a failure with the first services and their reasons."""
    lines = [f"{_whom(progress)} {_sentence(progress, style)}".strip()]
    if progress.end is End.FAILED:
        lines += attention(progress.services, style, ended=True, most=_ROWS, env=progress.name)
        lines += [
            line
            for line, proof in zip(proof_lines(progress), progress.proofs, strict=False)
            if proof.gone is False
        ][:_ROWS]
    if progress.kind is not Kind.TEARDOWN and (gone := gone_line(progress.services, style)):
        lines.append(gone)
    text = "\n".join(lines)
    return message(text, [section(text)])


def _whom(progress: Progress) -> str:
    """Who asked; where nobody did, the owner, unless all is as it was but newer."""
    if progress.actor != QBOT:
        return mention(progress.actor.user)
    is_news = progress.end is not End.SUCCEEDED or progress.kind is Kind.CREATE
    return mention(progress.owner.user) if is_news and progress.owner else ""


def _sentence(progress: Progress, style: Style) -> str:
    branch = f"*{prose(progress.branch, 120)}*"
    took = f" after {span(progress.worked_from, progress.ended_at)}" if progress.ended_at else ""
    headline = with_command(prose(progress.headline, 400), style.command)
    reason = f" {headline}" if headline else ""
    kind = progress.purpose
    if progress.job is not None:
        return _of_job(progress, f"{took}.{reason}", style)
    noun = noun_of(progress)
    match progress.end:
        case End.SUCCEEDED if progress.leftovers:
            return f"What a deleted environment of {branch} had left is gone{took}.{reason}"
        case End.FAILED if progress.leftovers:
            return f"Something of a deleted environment of {branch} is still there.{reason}"
        case End.SUCCEEDED:
            ready = kind in {Kind.CREATE, Kind.DEPLOY} and not progress.brings_back
            done = "ready" if ready else done_to(progress)
            after = _owner(progress) if kind is Kind.TEARDOWN else _where(progress, style)
            yours = (
                f" It is yours: {hook_words(made)} has made it."
                if (made := _made(progress))
                else ""
            )
            return f"{branch} is {done}{took}.{reason}{after}{yours}"
        case End.FAILED if kind is Kind.TEARDOWN:
            return f"{branch} is not fully deleted.{reason}"
        case End.FAILED:
            count, total = len(failed(progress.services)), len(progress.services)
            which = "" if reason or not count else f" {count} of {total} services failed."
            return f"{noun} of {branch} failed{took}.{reason}{which}"
        case End.CANCELLED:
            return f"{noun} of {branch} was cancelled{_canceller(progress)}{took}.{reason}"
        case _:
            return f"{branch} was not {done_to(progress)}.{reason}"


def _made(progress: Progress) -> Hook | None:
    """What has made an environment for somebody who did not ask for it."""
    return progress.hook if progress.kind is Kind.CREATE else None


def _of_job(progress: Progress, rest: str, style: Style) -> str:
    word = {End.SUCCEEDED: "passed", End.FAILED: "failed"}.get(
        progress.end or End.FAILED, f"was cancelled{_canceller(progress)}"
    )
    url = progress.job.url if progress.job else ""
    shown = link(url, "Its output", style.hosts)
    output = "" if shown == "Its output" else f" {shown}"
    return f"{job_name(progress)} of *{prose(progress.branch, 120)}* {word}{rest}{output}"


def _canceller(progress: Progress) -> str:
    """Somebody else; whoever cancelled their own knows it."""
    if progress.ended_by is None or progress.ended_by == progress.actor:
        return ""
    return f" by {mention(progress.ended_by.user)}"


def _owner(progress: Progress) -> str:
    """Whoever's environment somebody else has deleted learns of it."""
    if progress.owner is None or progress.owner == progress.actor:
        return ""
    return f" It was {mention(progress.owner.user)}'s."


def _where(progress: Progress, style: Style) -> str:
    if not progress.url:
        return ""
    return f" {link(progress.url, progress.url, style.hosts)}"
