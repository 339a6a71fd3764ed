"""The command about Qbot's own set-up, and its grammar."""

from collections.abc import Callable
from dataclasses import dataclass

from qbot.domain.grammar import Parsed, Spec


@dataclass(frozen=True, slots=True)
class Doctor:
    """`doctor`."""


DOCTOR: tuple[tuple[Spec, Callable[[Parsed], Doctor]], ...] = (
    (
        Spec(
            "doctor",
            "whether Qbot has every token, right and name that it needs, and what to add where not",
            examples=("doctor",),
        ),
        lambda _: Doctor(),
    ),
)
