"""What is wrong with a value of qbot.yaml or of a setting, in words of one kind. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is missing",
        "too_short": "must have at least {min_length}",
        "int_parsing": "must be a whole number",
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_parsing": "must be a number",
        "float_type": "must be a number",
        "finite_number": "must be a finite number",
        "bool_parsing": "must be true or false",
        "bool_type": "must be true or false",
        "string_too_short": "must have at least {min_length} characters",
        "string_type": "must be text, in quotes where YAML would take it for something else",
        "string_pattern_mismatch": "must be of the form {pattern}",
        "literal_error": "must be {expected}",
        "enum": "must be {expected}",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
    }
)  # https://docs.pydantic.dev/latest/errors/validation_errors/


def in_words(kind: str, said: str, facts: Mapping[str, Any]) -> str:
    """What has to be there instead; never the value: it may be a secret.

    Args:
        kind: pydantic's name of it.
        said: pydantic's own words, or those of a validator of ours.
        facts: what pydantic has to say of the rule.
    """
    if kind in _WORDS:
        return _WORDS[kind].format_map(facts)
    return said.removeprefix("Value error, ")
