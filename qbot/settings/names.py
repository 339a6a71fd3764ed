"""The names of the variables, derived from the tree."""

from collections.abc import Mapping

from pydantic import BaseModel

from qbot.settings import (
    PREFIX,
    SECRETS_DIR,
    ArgoCDSettings,
    GitLabSettings,
    Part,
    Settings,
    SlackSettings,
)


def variables() -> dict[str, str]:
    """Every variable; `<instance>` and `<name>` stand for names of one's own."""
    return {SECRETS_DIR: "Folder with one file a setting, named like the variable"} | dict(
        _variables(Settings, PREFIX)
    )


def _variables(model: type[BaseModel], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Part):
            found += _variables(inner, f"{prefix}{name.upper()}__")
        elif name == "argocd":
            found += _variables(ArgoCDSettings, f"{prefix}ARGOCD__<INSTANCE>__")
        elif name == "jobs":
            found.append((f"{prefix}JOBS__<name>", field.description or ""))
        else:
            found.append((f"{prefix}{name.upper()}", field.description or ""))
    return found


def unknown(flat: Mapping[str, str]) -> list[str]:
    """Those of these that are no setting, sorted."""
    known = {name.upper() for name in variables()}
    unknown = []
    for name in flat:
        match name.upper().split("__"):
            case ["QBOT_ARGOCD", _, field]:
                form = f"QBOT_ARGOCD__<INSTANCE>__{field}"
            case ["QBOT_JOBS", _]:
                form = "QBOT_JOBS__<NAME>"
            case _:
                form = name.upper()
        if form not in known:
            unknown.append(name)
    return sorted(unknown)


def missing_names(where: list[str]) -> list[str]:
    """A missing part stands for all of its required fields."""
    whole: dict[str, type[Part]] = {
        "SLACK": SlackSettings,
        "GITLAB": GitLabSettings,
        "ARGOCD": ArgoCDSettings,
    }
    model = whole.get("__".join(where))
    if model is None:
        return [PREFIX + "__".join(where)]
    if model is ArgoCDSettings:
        where = [*where, "MAIN"]
    required = [n.upper() for n, f in model.model_fields.items() if f.is_required()]
    return [PREFIX + "__".join([*where, n]) for n in required]
