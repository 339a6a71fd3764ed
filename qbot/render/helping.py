"""`help` and `help VERB`, from the grammar that also parses."""

from collections.abc import Sequence

from qbot.domain.commands import parse
from qbot.domain.grammar import Spec
from qbot.errors import UserError
from qbot.render.blocks import Message, context, header, message, section
from qbot.render.escape import code, prose
from qbot.render.style import Style

GROUPS = (
    ("Environments", ("create", "list", "show", "sync", "deploy", "delete", "restore")),
    ("Lifetimes", ("extend", "pin", "unpin", "transfer", "reaper")),
    ("Stages", ("promote", "release", "freeze", "unfreeze")),
    ("Both", ("rollback", "diff", "run", "history", "lock", "unlock")),
    ("You", ("digest", "can", "link")),
    ("Qbot", ("doctor",)),
)
"""Every command but `help` itself, once."""


def help_all(specs: Sequence[Spec], style: Style) -> Message:
    """Every command in one line; at most one screen."""
    parts = [
        "\n".join([f"*{heading}*", *(_line(s, style) for s in specs if s.verb in verbs)])
        for heading, verbs in GROUPS
    ]
    bare = f"{code(style.command)} alone shows your environments, with buttons for all of this."
    more = (
        f"{code(f'{style.command} help create')} tells one command in full. "
        "ENV is a branch or the name of an environment."
    )
    heading = "What you can ask for"
    return message(
        "\n".join([heading, *parts, bare, more]),
        [header(heading), *(section(part) for part in parts), section(bare), context(more)],
    )


def help_verb(spec: Spec, style: Style) -> Message:
    """One command: usage, options, examples."""
    usage = code(f"{style.command} {spec.usage}", 300)
    lead = f"{prose(spec.summary[:1].upper() + spec.summary[1:], 300)}.\n{usage}"
    options = "\n".join(
        f"{code(f'--{o.name} {o.metavar}'.strip())} {prose(o.summary, 200)}" for o in spec.options
    )
    examples = "\n".join(code(f"{style.command} {e}", 200) for e in spec.examples)
    heading = f"{style.command} {spec.verb}"
    texts = [heading, lead, options, examples]
    return message(
        "\n".join(t for t in texts if t),
        [
            header(heading),
            section(lead),
            section(options) if options else None,
            section(f"For instance\n{examples}") if examples else None,
        ],
    )


def mentioned(text: str, style: Style) -> Message:
    """The answer to a mention: the same as a command, where it is one."""
    lead = f"I listen to {code(style.command)} only."
    try:
        parse(text)
    except UserError:
        text = ""
    typed = f"Type {code(f'{style.command} {text}', 300)}" if text else ""
    more = f"{code(f'{style.command} help')} lists what there is."
    return message(
        "\n".join(t for t in (lead, typed, more) if t),
        [section(f"{lead} {typed}".strip()), context(more)],
    )


def _line(spec: Spec, style: Style) -> str:
    return f"{code(f'{style.command} {_short(spec)}')} {prose(spec.summary, 200)}"


def _short(spec: Spec) -> str:
    return " ".join([spec.verb, *(a.usage for a in spec.args)])
