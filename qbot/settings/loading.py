"""From environment, env file and folder to the tree; every problem is told at once."""

import io
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_settings.sources import EnvSettingsSource
from typing_extensions import override

from qbot.domain.wrong_values import in_words
from qbot.errors import PermanentError
from qbot.settings import PREFIX, SECRETS_DIR, Settings, is_loopback, secret
from qbot.settings.names import missing_names, unknown


class _Collected(EnvSettingsSource):
    """Turns a flat mapping of names into the tree, with pydantic-settings' own rules."""

    def __init__(self, flat: Mapping[str, str]) -> None:
        self._flat = {name.lower(): value for name, value in flat.items()}
        super().__init__(Settings)

    @override
    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._flat


def load(env: Mapping[str, str], *, env_file: Path | None = None) -> Settings:
    """Read the settings; the environment wins over the file, the file over the secrets folder.

    Raises:
        PermanentError: every problem at once, one a line, by the variable's name.
    """
    flat = _collect(env, env_file)
    problems = _unknown(flat) + _neither(flat)
    try:
        settings = Settings(**_Collected(flat)())
    except ValidationError as error:
        raise PermanentError(_report([*problems, *_problems(error)])) from None
    problems += _contradictions(settings)
    if problems:
        raise PermanentError(_report(problems))
    return settings


def is_open_to_others(env_file: Path) -> bool:
    """Whether any account of this machine may read or change its secrets.

    Its group may: that is how a service reads what root keeps.
    """
    return bool(env_file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))


def load_database_url(env: Mapping[str, str], *, env_file: Path | None = None) -> str:
    """The one setting that reading the database takes, from where the others come from.

    Raises:
        PermanentError: there is a name that is no setting: it may be this one, misspelt.
    """
    flat = _collect(env, env_file)
    if problems := _unknown(flat):
        raise PermanentError(_report(problems))
    given = {name.upper(): value for name, value in flat.items()}
    return given.get("QBOT_DATABASE_URL") or secret(Settings.model_fields["database_url"].default)


def _unknown(flat: Mapping[str, str]) -> list[str]:
    return [f"{name}: there is no such setting" for name in unknown(flat)]


def _collect(env: Mapping[str, str], env_file: Path | None) -> dict[str, str]:
    named = {k: v for k, v in env.items() if k.upper().startswith(PREFIX)}
    from_file: dict[str, str] = {}
    if env_file is not None:
        if not env_file.is_file():
            raise PermanentError(f"The env file {env_file} does not exist.")
        read = _lines(env_file)
        from_file = {k: v for k, v in read.items() if k.upper().startswith(PREFIX)}
    folder = named.pop(SECRETS_DIR, "") or from_file.pop(SECRETS_DIR, "")
    from_file.pop(SECRETS_DIR, None)
    return {**_secrets(folder), **from_file, **named}


def _lines(env_file: Path) -> dict[str, str]:
    """Of an env file; what is wrong with a line is told without it: it may hold a secret."""
    found, wrong = {}, []
    for read in parse_stream(io.StringIO(_text(env_file))):
        if read.error or (read.key is not None and read.value is None):
            begun = read.original.string
            blank = len(begun) - len(begun.lstrip())
            wrong.append(read.original.line + begun[:blank].count("\n"))
        elif read.key is not None:
            found[read.key] = read.value or ""
    if wrong:
        raise PermanentError(
            "\n".join(f"{env_file}:{line}: must be NAME=value, quotes closed" for line in wrong)
        )
    return found


def _secrets(folder: str) -> dict[str, str]:
    """One file a setting, named like the variable; the newline at its end does not count."""
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise PermanentError(f"{SECRETS_DIR}: {folder} is not a folder.")
    files = (p for p in Path(folder).iterdir() if p.name.upper().startswith(PREFIX) and p.is_file())
    return {p.name: _text(p).rstrip("\r\n") for p in files}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise PermanentError(f"{path} cannot be read: it is not UTF-8.") from None


def _problems(error: ValidationError) -> list[str]:
    """Pydantic's findings by variable name, without the values (they may be secrets)."""
    found = []
    for item in error.errors(include_input=False, include_url=False):
        if item["type"] == "extra_forbidden":
            continue  # named already, by what was typed
        where = [str(p).upper() for p in item["loc"]]
        names = missing_names(where) if item["type"] == "missing" else [PREFIX + "__".join(where)]
        text = in_words(item["type"], item["msg"], item.get("ctx", {}))
        found += [f"{name}: {text}" for name in names]
    return found


def _neither(flat: Mapping[str, str]) -> list[str]:
    """One of two is needed; told by name, also where something else is wrong as well."""
    if {"QBOT_SLACK__APP_TOKEN", "QBOT_SLACK__SIGNING_SECRET"} & {name.upper() for name in flat}:
        return []
    why = "needed in HTTP mode; or set QBOT_SLACK__APP_TOKEN for Socket Mode"
    return [f"QBOT_SLACK__SIGNING_SECRET: is missing ({why})"]


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.clock_url and not is_loopback(settings.slack.api_url):
        problems.append(
            "QBOT_CLOCK_URL: refused, because QBOT_SLACK__API_URL is not a loopback address; "
            "only the sandbox may move the clock"
        )
    return [*problems, *_half_linked(settings)]


def _half_linked(settings: Settings) -> list[str]:
    """Linking accounts takes three settings, or none of them."""
    gitlab = settings.gitlab
    given = {
        "QBOT_PUBLIC_URL": settings.public_url,
        "QBOT_GITLAB__OAUTH_ID": gitlab.oauth_id,
        "QBOT_GITLAB__OAUTH_SECRET": gitlab.oauth_secret,
    }
    if not (gitlab.oauth_id or gitlab.oauth_secret):
        return []  # the address alone may serve other ends
    others = "linking GitLab accounts takes all of " + ", ".join(given)
    return [f"{name}: is missing ({others})" for name, value in given.items() if value is None]


def _report(problems: list[str]) -> str:
    lines = ["The settings are not usable:", *(f"  {p}" for p in problems)]
    if any(": is missing" in p for p in problems):
        lines.append(f"They come from --env-file, the environment, or files in {SECRETS_DIR}.")
    return "\n".join(lines)


def from_process(env_file: Path | None = None) -> Settings:
    """The settings of this process.

    Raises:
        PermanentError: see `load`.
    """
    return load(os.environ, env_file=env_file)
