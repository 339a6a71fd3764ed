"""What a create of an environment that exists does not do, and which command does it."""

from qbot.domain.commands import Create
from qbot.domain.environment import Environment
from qbot.render.escape import code
from qbot.render.style import Style
from qbot.render.words import spoken, ttl


def unapplied(wanted: Create, env: Environment, style: Style) -> list[str]:
    """Escaped sentences; none where nothing was asked for but the environment itself."""
    given = {
        "--from": bool(wanted.source),
        "--services": bool(wanted.services),
        "--set": bool(wanted.overrides),
        "--ttl": wanted.ttl is not None,
    }
    options = [code(name) for name, is_given in given.items() if is_given]
    nothing = "Nothing would be made" if wanted.dry_run else "Nothing was changed"
    if not options:
        return [f"{nothing}."] if wanted.dry_run else []
    verb = "counts" if len(options) == 1 else "count"
    create = code(f"{style.command} create", 60)
    return [
        f"{nothing}: {spoken(options)} {verb} only in the first {create} of an environment.",
        *_instead(wanted, env, style),
    ]


def _instead(wanted: Create, env: Environment, style: Style) -> list[str]:
    """The command that does the same to one that exists, where there is one."""
    lines = []
    if wanted.overrides:
        pairs = " ".join(f"{name}={ref}" for name, ref in wanted.overrides)
        deploy = code(f"{style.command} deploy {env.branch} {pairs}", 300)
        lines.append(f"{deploy} does what {code('--set')} asks.")
    if here := [s for s in wanted.services if env.plan_of(s)]:
        sync = code(f"{style.command} sync {env.branch} {' '.join(here)}", 300)
        lines.append(f"{sync} brings services that it has to their newest commits.")
    if len(here) < len(wanted.services):
        lines.append("Which services it has was settled when it was made.")
    if wanted.source:
        deploy = code(f"{style.command} deploy {env.branch} svc=ref", 200)
        lines.append(f"{deploy} runs another version of a service.")
    if wanted.ttl is not None:
        extend = code(f"{style.command} extend {env.branch} {ttl(wanted.ttl)}", 200)
        lines.append(f"{extend} lets it live longer.")
    return lines
