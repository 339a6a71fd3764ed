"""Which services run the branch, and which run what else: one line per source."""

from collections.abc import Sequence

from qbot.domain.progress import Progress, ServiceProgress
from qbot.domain.services import FOLLOWING, Source
from qbot.render.escape import code, mention, prose
from qbot.render.services import source, unchecked
from qbot.render.style import Style
from qbot.render.words import capital, listed, plural, spoken

_NAMES = 8  # spelled out on one line
_FEW = 3  # services on a default branch that are spelled out
_REFS = 6  # sources of a kind with a line each


def progress_lines(progress: Progress) -> list[str]:
    """The same of an operation, and how its services differ from what `--services` asked for."""
    lines = source_lines(progress.services)
    if names := progress.added:
        them = "it" if len(names) == 1 else "them"
        what = listed([prose(n, 40) for n in names], _NAMES)
        lines.append(f"Also included, since {code('--set')} names {them}: {what}")
    if names := progress.left_out:
        have = "it has" if len(names) == 1 else "they have"
        what = listed([prose(n, 40) for n in names], _NAMES)
        lines.append(f"Not included although {have} the branch: {what}")
    return lines


def source_lines(services: Sequence[ServiceProgress]) -> list[str]:
    """Escaped mrkdwn lines of one environment; none while the versions are not known."""
    known = [s for s in services if s.ref or s.version]
    by = {kind: [s for s in known if s.source is kind] for kind in Source}
    lines = [f"{heading}: {_names(group)}" for heading, group in _grouped(by[Source.BRANCH])]
    if by[Source.SET]:
        lines.append(f"Set by hand: {listed([_pair(s) for s in by[Source.SET]], _NAMES)}")
    if by[Source.PINNED]:
        back = [f"{prose(s.service, 40)} at {code(s.version, 40)}" for s in by[Source.PINNED]]
        lines.append(f"Put back until the next sync: {listed(back, _NAMES)}")
    lines += [f"{heading}: {_names(group)}" for heading, group in _grouped(by[Source.FROM])]
    return lines + _defaults(by[Source.DEFAULT], others=bool(lines))


def gone_line(services: Sequence[ServiceProgress], style: Style) -> str:
    """That GitLab has the branch of some services no more, and the ways on; empty: it has it."""
    gone = [s for s in services if s.gone]
    if not gone:
        return ""
    names, ref = spoken(_escaped(gone)[:_NAMES]), gone[0].ref
    if len(gone) > _NAMES:
        names = listed(_escaped(gone), _NAMES)
    whose = f"the repository of {names}, which stays at {code(gone[0].version, 40)}"
    if len(gone) > 1:
        whose = f"the repositories of {names}, which stay at the commits they run"
    line = f":warning: The branch {prose(ref, 120)} no longer exists in {whose}."
    if any(s.source in FOLLOWING and not s.gone for s in services):
        return line
    delete, idle = code(f"{style.command} delete {ref}", 160), code(f"{style.command} list --idle")
    return f"{line} {idle} says when the environment goes by itself; {delete} does that now."


def _grouped(services: Sequence[ServiceProgress]) -> list[tuple[str, list[ServiceProgress]]]:
    """By what they run, in words."""
    groups: dict[str, list[ServiceProgress]] = {}
    for service in services:
        groups.setdefault(capital(source(service)), []).append(service)
    return list(groups.items())[:_REFS]


def _defaults(services: Sequence[ServiceProgress], *, others: bool) -> list[str]:
    """Services on their default branch, by its name."""
    lines = []
    for heading, group in _grouped(services):
        if len(group) <= _FEW:
            what = _names(group)
        else:
            what = f"{len(group)} others" if others else plural(len(group), "service")
        lines.append(f"{heading}: {what}")
    return lines


def _escaped(services: Sequence[ServiceProgress]) -> list[str]:
    return [prose(s.service, 40) for s in services]


def _names(services: Sequence[ServiceProgress]) -> str:
    return listed(_escaped(services), _NAMES)


def _pair(service: ServiceProgress) -> str:
    what = f"image {code(service.version, 60)}" if service.image else prose(service.ref, 60)
    by = f" by {mention(service.by.user)}" if service.by else ""
    return f"{prose(service.service, 40)} = {what}{by}{unchecked(service)}"
