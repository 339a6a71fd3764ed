"""How much of what repeats is run: by `make test` a part, by `make acceptance` all of it."""

import os

FULL = os.environ.get("QBOT_ACCEPTANCE") == "full"
_PART = 3  # each run has other examples


def examples(full: int) -> int:
    """How many of them hypothesis tries."""
    return full if FULL else -(-full // _PART)
