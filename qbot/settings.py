"""Secrets and addresses: environment variables, an env file, or files in QBOT_SECRETS_DIR.

Everything else is in qbot.yaml (see `qbot.catalog`). Unknown `QBOT_*` names are refused and
missing ones named, all at once.
"""

import io
import os
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource
from typing_extensions import override

from qbot.errors import PermanentError

PREFIX = "QBOT_"
_PORT_DIGITS, _LAST_PORT = 5, 65_535
SECRETS_DIR = "QBOT_SECRETS_DIR"


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http(s) URL")
    return text.rstrip("/")


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= _PORT_DIGITS else -1
    bare = ":" not in host or (host.startswith("[") and host.endswith("]"))
    if not host or not bare or not 0 <= number <= _LAST_PORT:
        raise ValueError("must be HOST:PORT, for instance 0.0.0.0:8080 or [::]:8080")
    return text


def _file(path: Path) -> Path:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    return path


def _not_empty(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("is empty")
    return secret


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Address = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
CaFile = Annotated[Path, AfterValidator(_file)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SlackSettings(_Part):
    """The Slack app. An app token selects Socket Mode, a signing secret alone HTTP mode."""

    bot_token: Secret = Field(description="Bot User OAuth Token, xoxb-...")
    app_token: Secret | None = Field(
        None, description="App-Level Token, xapp-..., with connections:write: selects Socket Mode"
    )
    signing_secret: Secret | None = Field(
        None, description="Signing Secret of the app; needed in HTTP mode"
    )
    api_url: HttpUrl = Field("https://slack.com/api", description="Root of the Web API")
    command: str = Field("/env", description="Name of the slash command", pattern=r"^/[a-z0-9_-]+$")
    team_id: str = Field("", description="The one workspace that is served; others are refused")


class GitLabSettings(_Part):
    """GitLab's API."""

    url: HttpUrl = Field(description="Root of GitLab, for instance https://gitlab.example.com")
    token: Secret = Field(description="Access token with the scope read_api (api for promotions)")
    webhook_secret: Secret | None = Field(None, description="Secret token of GitLab's webhooks")
    oauth_id: str | None = Field(
        None,
        min_length=1,
        description="Application ID, where people may link their accounts; scope read_user",
    )
    oauth_secret: Secret | None = Field(None, description="Secret of that application")
    ca_file: CaFile | None = Field(None, description="Certificate authority, if not a public one")


class ArgoCDSettings(_Part):
    """One Argo CD instance."""

    url: HttpUrl = Field(description="Root of Argo CD, for instance https://argocd.example.com")
    token: Secret = Field(description="API key of Qbot's local account")
    webhook_token: Secret | None = Field(None, description="Bearer token of its notifications")
    ca_file: CaFile | None = Field(None, description="Certificate authority, if not a public one")


class Settings(BaseSettings):
    """The whole tree; frozen."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    slack: SlackSettings = Field(description="The Slack app")
    gitlab: GitLabSettings = Field(description="GitLab")
    argocd: dict[str, ArgoCDSettings] = Field(description="Argo CD instances by name")
    jobs: dict[str, Secret] = Field(
        default_factory=dict,
        description="Secret of an HTTP job, by the name that `secret` in qbot.yaml has",
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///qbot.db"), description="sqlite:///path or postgresql://..."
    )
    config: Path = Field(Path("qbot.yaml"), description="Path of qbot.yaml")
    listen: Address = Field(
        "0.0.0.0:8080",
        description="For Slack in HTTP mode, and /link: all that is open here in Socket Mode",
    )
    public_url: HttpUrl | None = Field(
        None, description="What leads to QBOT_LISTEN from a browser; needed to link accounts"
    )
    admin_listen: Address = Field(
        "127.0.0.1:8081", description="/healthz, /readyz and /metrics; nothing that writes"
    )
    lease: float = Field(
        30, ge=3, le=300, description="Seconds after which a silent replica's work is taken over"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged"
    )
    log_format: Literal["console", "json"] = Field("json", description="Form of log lines")
    clock_url: HttpUrl | None = Field(
        None, description="Only for the sandbox: a clock to follow; needs a loopback Slack"
    )

    @property
    def linking(self) -> bool:
        """Whether people may link their GitLab accounts."""
        return self.gitlab.oauth_id is not None

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is reached by Socket Mode."""
        return self.slack.app_token is not None

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` collected; it has merged the sources already."""
        return (init_settings,)


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
    problems = [f"{name}: there is no such setting" for name in _unknown(flat)]
    problems += _neither(flat)
    try:
        settings = Settings(**_Collected(flat)())
    except ValidationError as error:
        raise PermanentError(_report([*problems, *_problems(error)])) from None
    problems += _contradictions(settings)
    if problems:
        raise PermanentError(_report(problems))
    return settings


def _collect(env: Mapping[str, str], env_file: Path | None) -> dict[str, str]:
    named = {k: v for k, v in env.items() if k.upper().startswith(PREFIX)}
    from_file: dict[str, str] = {}
    if env_file is not None:
        if not env_file.is_file():
            raise PermanentError(f"The env file {env_file} does not exist.")
        read = dotenv_values(stream=io.StringIO(_text(env_file)), interpolate=False)
        from_file = {k: v or "" for k, v in read.items() if k.upper().startswith(PREFIX)}
    folder = named.pop(SECRETS_DIR, "") or from_file.pop(SECRETS_DIR, "")
    from_file.pop(SECRETS_DIR, None)
    return {**_secrets(folder), **from_file, **named}


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


def variables() -> dict[str, str]:
    """Every variable; `<instance>` and `<name>` stand for names of one's own."""
    return {SECRETS_DIR: "Folder with one file a setting, named like the variable"} | dict(
        _variables(Settings, PREFIX)
    )


def _variables(model: type[BaseModel], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, _Part):
            found += _variables(inner, f"{prefix}{name.upper()}__")
        elif name == "argocd":
            found += _variables(ArgoCDSettings, f"{prefix}ARGOCD__<instance>__")
        elif name == "jobs":
            found.append((f"{prefix}JOBS__<name>", field.description or ""))
        else:
            found.append((f"{prefix}{name.upper()}", field.description or ""))
    return found


def _unknown(flat: Mapping[str, str]) -> list[str]:
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


def _problems(error: ValidationError) -> list[str]:
    """Pydantic's findings by variable name, without the values (they may be secrets)."""
    found = []
    for item in error.errors(include_input=False, include_url=False):
        if item["type"] == "extra_forbidden":
            continue  # named already, by what was typed
        where = [str(p).upper() for p in item["loc"]]
        names = _missing_names(where) if item["type"] == "missing" else [PREFIX + "__".join(where)]
        text = "is missing" if item["type"] == "missing" else item["msg"]
        found += [f"{name}: {text.removeprefix('Value error, ')}" for name in names]
    return found


def _missing_names(where: list[str]) -> list[str]:
    """A missing part stands for all of its required fields."""
    whole: dict[str, type[_Part]] = {
        "SLACK": SlackSettings,
        "GITLAB": GitLabSettings,
        "ARGOCD": ArgoCDSettings,
    }
    model = whole.get("__".join(where))
    if model is None:
        return [PREFIX + "__".join(where)]
    if model is ArgoCDSettings:
        where = [*where, "main"]
    required = [n.upper() for n, f in model.model_fields.items() if f.is_required()]
    return [PREFIX + "__".join([*where, n]) for n in required]


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


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


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


def secret(value: SecretStr | None) -> str:
    """The text of a secret at the moment of its use."""
    return value.get_secret_value() if value else ""


def all_secrets(settings: Settings) -> frozenset[str]:
    """The texts that must show nowhere: every secret, and the password of the database."""
    found = set(_secret_texts(settings)) - {secret(settings.database_url)}
    password = urlsplit(secret(settings.database_url)).password or ""
    return frozenset({*found, password, unquote(password)} - {""})


def _secret_texts(part: BaseModel) -> Iterator[str]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        for item in value.values() if isinstance(value, dict) else (value,):
            if isinstance(item, BaseModel):
                yield from _secret_texts(item)
            elif isinstance(item, SecretStr):
                yield item.get_secret_value()
