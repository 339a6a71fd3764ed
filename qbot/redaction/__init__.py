"""Texts without tokens and passwords, known by their form or by the key that they stand under.

For whatever comes from outside and goes further: logs, errors, cards, the database. A commit
message, a manifest or an error of Argo CD may quote a token that nobody meant to show.
"""

from qbot.redaction.forms import MASK, without_forms
from qbot.redaction.pairs import without_values

__all__ = ["MASK", "redact"]


def redact(text: str) -> str:
    """The text without what looks like a token or a password."""
    return without_values(without_forms(text))
