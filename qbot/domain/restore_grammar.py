"""The command that brings a deleted environment back, and its grammar."""

from collections.abc import Callable
from dataclasses import dataclass

from qbot.domain.grammar import Arg, Parsed, Spec


@dataclass(frozen=True, slots=True)
class Restore:
    """`restore ENV`; without one it is said which there are."""

    env: str = ""


RESTORES: tuple[tuple[Spec, Callable[[Parsed], Restore]], ...] = (
    (
        Spec(
            "restore",
            "bring a deleted environment back with the versions that it ran",
            (Arg("ENV", required=False),),
            examples=("restore feat/checkout", "restore"),
        ),
        lambda p: Restore(p.args.get("ENV", "")),
    ),
)
