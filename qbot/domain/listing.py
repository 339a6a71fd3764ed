"""Lists in a sentence that stays short: the first few, and how many there are besides. Pure."""

from collections.abc import Sequence


def some(texts: Sequence[str], most: int, *, between: str = ", ") -> str:
    """`a, b and 4 more`; what is more than a name is better parted: `a: x; b: y; and 4 more`."""
    said, more = between.join(texts[:most]), len(texts) - most
    if more <= 0:
        return said
    return f"{said}{'' if between == ', ' else between.rstrip()} and {more} more"
