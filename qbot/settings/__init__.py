"""Secrets and addresses: environment variables, an env file, or files in QBOT_SECRETS_DIR.

Everything else is in qbot.yaml (see `qbot.catalog`). `loading` refuses unknown `QBOT_*` names and
names missing ones, all at once.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

PREFIX = "QBOT_"
_PORT_DIGITS, _LAST_PORT = 5, 65_535
SECRETS_DIR = "QBOT_SECRETS_DIR"
SIGNING = "whsec_"  # what GitLab's signing tokens begin with


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


def _database_url(url: SecretStr) -> SecretStr:
    if not re.match(r"(sqlite:///|postgres(ql)?://).", url.get_secret_value()):
        raise ValueError("must be sqlite:///path/to/file or postgresql://user@host/database")
    return url


def _webhook_secrets(secret: SecretStr) -> SecretStr:
    for one in secret.get_secret_value().split():
        if one.startswith(SIGNING):
            try:
                key = b64decode(one.removeprefix(SIGNING), validate=True)
            except binascii.Error:
                raise ValueError(f"a signing token is {SIGNING} followed by base64") from None
            if not key:
                raise ValueError("the signing token is empty")
    return _not_empty(secret)


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Address = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
WebhookSecrets = Annotated[SecretStr, AfterValidator(_webhook_secrets)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
CaFile = Annotated[Path, AfterValidator(_file)]


class Part(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SlackSettings(Part):
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


class GitLabSettings(Part):
    """GitLab's API."""

    url: HttpUrl = Field(description="Root of GitLab, for instance https://gitlab.example.com")
    token: Secret = Field(description="Access token, scope read_api (api for stages and jobs)")
    webhook_secret: WebhookSecrets | None = Field(
        None,
        description="Secret token or signing token (whsec_...) of GitLab's webhooks; "
        "both, with a space between, while one takes the place of the other",
    )
    oauth_id: str | None = Field(
        None,
        min_length=1,
        description="Application ID, where people may link their accounts; scope read_user",
    )
    oauth_secret: Secret | None = Field(None, description="Secret of that application")
    ca_file: CaFile | None = Field(None, description="Certificate authority, if not a public one")


class ArgoCDSettings(Part):
    """One Argo CD instance."""

    url: HttpUrl = Field(description="Root of Argo CD, for instance https://argocd.example.com")
    token: Secret = Field(description="API key of Qbot's local account")
    webhook_token: Secret | None = Field(
        None,
        description="Bearer token of its notifications, if it sends any; they are in manifests/",
    )
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
    database_url: DatabaseUrl = Field(
        SecretStr("sqlite:///qbot.db"), description="sqlite:///path or postgresql://..."
    )
    config: Path = Field(Path("qbot.yaml"), description="Path of qbot.yaml")
    listen: Address = Field(
        "0.0.0.0:8080",
        description="For Slack in HTTP mode, for /webhooks and /link; in Socket Mode open only "
        "where one of these is set up",
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
    def webhook_secrets(self) -> tuple[str, ...]:
        """What GitLab's webhooks are proved by; empty: they are not set up."""
        return tuple(secret(self.gitlab.webhook_secret).split())

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


def secret(value: SecretStr | None) -> str:
    """The text of a secret at the moment of its use."""
    return value.get_secret_value() if value else ""


def all_secrets(settings: Settings) -> frozenset[str]:
    """The texts that must show nowhere: every secret, and the password of the database."""
    found = set(_secret_texts(settings)) - {secret(settings.database_url)}
    found.update(settings.webhook_secrets)
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


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
