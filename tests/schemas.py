"""JSON Schema. It is read in when a test asks: the grammar of addresses alone takes a second."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft4Validator, Draft202012Validator


def draft4(schema: Any) -> "Draft4Validator":
    """What Swagger 2.0 is written in."""
    from jsonschema import Draft4Validator  # noqa: PLC0415  (see the module's docstring)

    return Draft4Validator(schema)


def draft202012(schema: Any, **others: Any) -> "Draft202012Validator":
    """By the newest draft; `others` is what else the validator takes."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  (see the module's docstring)

    return Draft202012Validator(schema, **others)
