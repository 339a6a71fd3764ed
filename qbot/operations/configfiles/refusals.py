"""Why a value cannot be changed, told alike wherever it is found out."""

from qbot.errors import UserError


def refused(key: str, cause: str, *, hint: str = "") -> UserError:
    """An error that names the key; values of the file are none of it: they may be secret."""
    return UserError(f"`{key}` in the configuration cannot be used: {cause}.", hint=hint)
