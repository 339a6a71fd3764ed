"""How commands are described: from these values come the parser, help and the docs table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from types import MappingProxyType

from qbot.domain.names import ServiceName
from qbot.errors import UserError

_DURATION = re.compile(r"(\d{1,9})(w|d|h|m)")
_LONG = re.compile(r"(?<=\d)(weeks?|days?|hours?|minutes?|mins?)")
IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "ENV": "an environment: its branch or its name",
        "STAGE": "a stage",
        "STAGE|ENV": "a stage or an environment",
        "FROM": "where the versions are from, and the stage that they go to",
        "TO": "the stage that the versions go to",
        "A": "two stages or environments",
        "B": "a second stage or environment",
        "verb": "the name of a command",
        "job": "the name of a job",
        "2d": "how much longer it may live, such as `2d`",
        "@user": "the person who is to have it",
    }
)
"""What a missing word is called in a sentence."""
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60}


@dataclass(frozen=True, slots=True)
class Arg:
    """A positional word, or (`many`) all that are left."""

    name: str
    required: bool = True
    many: bool = False
    unit: bool = False  # a duration, which people write in two words as well: `2 days`

    @property
    def usage(self) -> str:
        """As shown in a usage line."""
        shown = f"{self.name}..." if self.many else self.name
        return shown if self.required else f"[{shown}]"


@dataclass(frozen=True, slots=True)
class Option:
    """`--name` or, with a metavar, `--name VALUE`."""

    name: str
    summary: str
    metavar: str = ""
    repeat: bool = False
    free: bool = False  # its value is text: in quotes, if it has more than one word
    unit: bool = False  # a duration, or what may be one, as of an `Arg`

    @property
    def usage(self) -> str:
        """As shown in a usage line."""
        shown = f"--{self.name} {self.metavar}".rstrip()
        return f"[{shown}]..." if self.repeat else f"[{shown}]"


@dataclass(frozen=True, slots=True)
class Spec:
    """One verb."""

    verb: str
    summary: str
    args: tuple[Arg, ...] = ()
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
    exclusive: tuple[str, ...] = ()  # at most one of these options

    @property
    def usage(self) -> str:
        """The verb with its words and options, without the slash command's name."""
        return " ".join(
            [self.verb, *(a.usage for a in self.args), *(o.usage for o in self.options)]
        )


@dataclass(frozen=True, slots=True)
class Parsed:
    """The words of one command, sorted by the verb's spec."""

    args: Mapping[str, str]
    rest: Sequence[str]
    values: Mapping[str, Sequence[str]]

    def flag(self, name: str) -> bool:
        """Whether `--name` was given."""
        return name in self.values

    def value(self, name: str) -> str | None:
        """The value of `--name`, if given."""
        return self.values[name][-1] if name in self.values else None


def parse_words(spec: Spec, given: Sequence[str]) -> Parsed:
    """Sort the words after the verb.

    Raises:
        UserError: an unknown, doubled or incomplete option, or too few or many words.
    """
    options = {o.name: o for o in spec.options}
    values: dict[str, list[str]] = {}
    plain: list[str] = []
    queue = list(given)
    while queue:
        word = queue.pop(0)
        if word.startswith("--") and len(word) > len("--"):
            name, equals, inline = word[2:].partition("=")
            option = options.get(name) or _unknown_option(spec, name)
            value = _option_value(spec, option, inline if equals else None, queue)
            if name in values and not option.repeat:
                raise UserError(f"`--{name}` was given twice.", hint=_usage_hint(spec))
            values.setdefault(name, []).append(value)
        else:
            plain.append(word)
    if len(both := [n for n in spec.exclusive if n in values]) > 1:
        raise UserError(
            f"`{spec.verb}` takes `--{both[0]}` or `--{both[1]}`, one at a time.",
            hint=_usage_hint(spec),
        )
    args, rest = _positional(spec, plain)
    return Parsed(args, rest, values)


def _option_value(spec: Spec, option: Option, inline: str | None, queue: list[str]) -> str:
    if not option.metavar:
        if inline is not None:
            raise UserError(f"`--{option.name}` takes no value.", hint=_usage_hint(spec))
        return ""
    value = inline if inline is not None else (queue.pop(0) if queue else "")
    if not value or (inline is None and value.startswith("--")):
        raise UserError(
            f"`--{option.name}` needs a value: {option.metavar}.", hint=_usage_hint(spec)
        )
    if option.unit:
        value = _with_unit(value, queue)
    if option.free and " " not in value and queue and not queue[0].startswith("--"):
        raise UserError(
            f"`{queue[0]}` after `--{option.name} {value}` may be more of that text, or a word of "
            "its own.",
            hint=f'Put the text in quotes, `--{option.name} "{value} {queue[0]}"`; '
            f"other words go before `--{option.name}`.",
        )
    return value


def _unknown_option(spec: Spec, name: str) -> Option:
    near = get_close_matches(name, [o.name for o in spec.options], n=1)
    meant = f" Did you mean `--{near[0]}`?" if near else ""
    raise UserError(f"`{spec.verb}` has no option `--{name}`.{meant}", hint=_usage_hint(spec))


def _positional(spec: Spec, plain: list[str]) -> tuple[dict[str, str], list[str]]:
    args: dict[str, str] = {}
    queue = list(plain)
    for arg in spec.args:
        if arg.many:
            return args, queue
        if queue:
            word = queue.pop(0)
            args[arg.name] = _with_unit(word, queue) if arg.unit else word
        elif arg.required:
            raise UserError(
                f"`{spec.verb}` needs {IN_WORDS.get(arg.name, arg.name)}.", hint=_usage_hint(spec)
            )
    if queue:
        raise UserError(
            f"`{spec.verb}` does not know what to do with `{queue[0]}`.", hint=_usage_hint(spec)
        )
    return args, []


def _with_unit(word: str, queue: list[str]) -> str:
    """With the word behind a number that is alone, which is no duration: `2 days`."""
    if word.isdecimal() and queue and not queue[0].startswith("--"):
        return f"{word} {queue.pop(0)}"
    return word


def _usage_hint(spec: Spec) -> str:
    example = f", for instance `{spec.examples[0]}`" if spec.examples else ""
    return f"Usage: `{spec.usage}`{example}"


def duration(text: str, *, option: str = "") -> timedelta:
    """`3d`, `2 days`, `4h`, or a sum such as `1d12h`; `option` is where it was typed, if it was.

    Raises:
        UserError: not a duration, nothing, or more than a year.
    """
    short = _LONG.sub(lambda found: found[1][0], "".join(text.lower().split()))
    parts = _DURATION.findall(short)
    seconds = sum(int(n) * _SECONDS[unit] for n, unit in parts)
    where = f" for `--{option}`" if option else ""
    write = "Write `90m`, `4h`, `3d`, `1w` or `1d12h`."
    if not text or "".join(n + u for n, u in parts) != short:
        raise UserError(f"`{text}` is not a duration{where}.", hint=write)
    if not seconds:
        raise UserError(f"`{text}` is no time at all{where}.", hint=write)
    if seconds > 366 * _SECONDS["d"]:
        raise UserError(f"`{text}` is too long{where}.", hint="The most is one year.")
    return timedelta(seconds=seconds)


def services(texts: Sequence[str]) -> tuple[ServiceName, ...]:
    """Service names separated by commas or spaces, without repeats, in the order given."""
    names = [part.strip().lower() for text in texts for part in text.split(",")]
    return tuple(dict.fromkeys(ServiceName(n) for n in names if n))


def pair(text: str, *, before: str) -> tuple[ServiceName, str]:
    """`service=ref`; `before` is what stands in front of it in an example.

    Raises:
        UserError: one side is missing.
    """
    name, _, ref = text.partition("=")
    if not name or not ref:
        raise UserError(
            f"`{text}` is not of the form service=ref.",
            hint=f"For instance `{before} cart=fix/cart-rounding`.",
        )
    return ServiceName(name.strip().lower()), ref.strip()


def pairs(texts: Sequence[str], *, before: str) -> tuple[tuple[ServiceName, str], ...]:
    """Several of them, each service once.

    Raises:
        UserError: as `pair`, or two refs for one service.
    """
    found = [pair(text, before=before) for text in texts]
    refs = dict(found)
    for name, ref in found:
        if refs[name] != ref:
            raise UserError(
                f"`{name}` is named twice: `{ref}` and `{refs[name]}`.", hint="Choose one of them."
            )
    return tuple(refs.items())
