"""Which services run the branch, and which are borrowed from where: one line per source."""

from collections.abc import Sequence

from qbot.domain.progress import Progress, ServiceProgress
from qbot.domain.services import Source
from qbot.render.escape import code, mention, prose
from qbot.render.words import listed, plural

_NAMES = 8  # spelled out on one line
_FEW = 3  # borrowed services that are spelled out
_REFS = 6  # refs with a line each


def progress_lines(progress: Progress) -> list[str]:
    """The same of an operation, and which services it leaves out although they have the branch."""
    lines = source_lines(progress.services, progress.taken_from)
    if names := progress.left_out:
        have = "it has" if len(names) == 1 else "they have"
        what = listed([prose(n, 40) for n in names], _NAMES)
        lines.append(f"Not included although {have} the branch: {what}")
    return lines


def source_lines(services: Sequence[ServiceProgress], taken_from: str = "") -> list[str]:
    """Escaped mrkdwn lines; none while the versions are not known.

    Args:
        services: of one environment.
        taken_from: the branch of the environment that `--from` named.
    """
    known = [s for s in services if s.ref or s.version]
    by = {source: [s for s in known if s.source is source] for source in Source}
    lines = []
    if by[Source.BRANCH]:
        lines.append(f"From the branch: {_names(by[Source.BRANCH])}")
    if by[Source.SET]:
        lines.append(f"Set by hand: {listed([_pair(s) for s in by[Source.SET]], _NAMES)}")
    if by[Source.PINNED]:
        back = [f"{prose(s.service, 40)} at {code(s.version, 40)}" for s in by[Source.PINNED]]
        lines.append(f"Put back until the next sync: {listed(back, _NAMES)}")
    if by[Source.FROM]:
        origin = prose(taken_from, 80) or "another environment"
        lines.append(f"As in {origin}: {_names(by[Source.FROM])}")
    return lines + _borrowed(by[Source.DEFAULT], others=bool(lines))


def _borrowed(services: Sequence[ServiceProgress], *, others: bool) -> list[str]:
    """Services on their default branch, by its name."""
    refs: dict[str, list[ServiceProgress]] = {}
    for service in services:
        refs.setdefault(service.ref, []).append(service)
    lines = []
    for ref, group in list(refs.items())[:_REFS]:
        if len(group) <= _FEW:
            what = _names(group)
        else:
            what = f"{len(group)} others" if others else plural(len(group), "service")
        lines.append(f"From {prose(ref, 60) or 'the default branch'}: {what}")
    return lines


def _names(services: Sequence[ServiceProgress]) -> str:
    return listed([prose(s.service, 40) for s in services], _NAMES)


def _pair(service: ServiceProgress) -> str:
    what = service.version if service.image else service.ref
    by = f" by {mention(service.by.user)}" if service.by else ""
    return f"{prose(service.service, 40)} = {prose(what, 60)}{by}"
