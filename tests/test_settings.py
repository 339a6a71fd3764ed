"""Settings: every problem named at once, no secret shown, three sources in order."""

from pathlib import Path

import pytest

from qbot.errors import PermanentError
from qbot.settings import all_secrets, secret
from qbot.settings.loading import is_open_to_others, load
from qbot.settings.names import variables

GOOD = {
    "QBOT_SLACK__BOT_TOKEN": "xoxb-secret",
    "QBOT_SLACK__SIGNING_SECRET": "signing",
    "QBOT_GITLAB__URL": "https://gitlab.example/",
    "QBOT_GITLAB__TOKEN": "glpat-secret",
    "QBOT_ARGOCD__MAIN__URL": "https://argocd.example",
    "QBOT_ARGOCD__MAIN__TOKEN": "jwt-secret",
}


def test_the_least_that_is_needed_is_enough() -> None:
    settings = load(GOOD)
    assert settings.gitlab.url == "https://gitlab.example"
    assert secret(settings.argocd["main"].token) == "jwt-secret"
    assert not settings.socket_mode


def test_an_app_token_selects_socket_mode_and_needs_no_signing_secret() -> None:
    given = {k: v for k, v in GOOD.items() if "SIGNING" not in k}
    assert load({**given, "QBOT_SLACK__APP_TOKEN": "xapp-1"}).socket_mode


def test_several_argo_cds_are_told_apart_by_name() -> None:
    more = {"QBOT_ARGOCD__west__URL": "https://w.example", "QBOT_ARGOCD__west__TOKEN": "t"}
    assert set(load({**GOOD, **more}).argocd) == {"main", "west"}


def test_jobs_have_secrets_by_name_which_show_nowhere() -> None:
    settings = load({**GOOD, "QBOT_JOBS__Chat": "job-secret"})
    assert secret(settings.jobs["chat"]) == "job-secret"
    assert "job-secret" in all_secrets(settings)
    assert "job-secret" not in repr(settings)
    with pytest.raises(PermanentError, match="QBOT_JOBS__chat__URL: there is no such setting"):
        load({**GOOD, "QBOT_JOBS__chat__URL": "x"})


def test_every_missing_name_is_told_at_once() -> None:
    with pytest.raises(PermanentError) as refused:
        load({})
    for name in GOOD:
        assert f"{name}: is missing" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"QBOT_SLAK__BOT_TOKEN": "x"}, "QBOT_SLAK__BOT_TOKEN: there is no such setting"),
        ({"QBOT_ARGOCD__MAIN__TOKN": "x"}, "QBOT_ARGOCD__MAIN__TOKN: there is no such setting"),
        ({"QBOT_LOG_LEVEL": "loud"}, "QBOT_LOG_LEVEL: must be"),
        ({"QBOT_GITLAB__URL": "gitlab"}, "QBOT_GITLAB__URL: must be an http(s) URL"),
        ({"QBOT_LISTEN": "8080"}, "QBOT_LISTEN: must be HOST:PORT"),
        ({"QBOT_DATABASE_URL": "mysql://x/y"}, "QBOT_DATABASE_URL: must be sqlite:///"),
        ({"QBOT_DATABASE_URL": "sqlite:///"}, "QBOT_DATABASE_URL: must be sqlite:///"),
        ({"QBOT_LISTEN": "127.0.0.1:65536"}, "QBOT_LISTEN: must be HOST:PORT"),
        ({"QBOT_LISTEN": "127.0.0.1:\u0661"}, "QBOT_LISTEN: must be HOST:PORT"),
        ({"QBOT_LISTEN": "::1:80"}, "QBOT_LISTEN: must be HOST:PORT"),
        ({"QBOT_GITLAB__CA_FILE": "/none.pem"}, "QBOT_GITLAB__CA_FILE: /none.pem cannot be read"),
        ({"QBOT_ARGOCD__MAIN__CA_FILE": "/none.pem"}, "__CA_FILE: /none.pem cannot be read"),
        ({"QBOT_LEASE": "1"}, "QBOT_LEASE: must be at least 3"),
        ({"QBOT_SLACK__BOT_TOKEN": " "}, "QBOT_SLACK__BOT_TOKEN: is empty"),
        ({"QBOT_SLACK__COMMAND": "env"}, "QBOT_SLACK__COMMAND: must be of the form"),
        ({"QBOT_SLACK__SIGNING_SECRET": ""}, "QBOT_SLACK__SIGNING_SECRET: is empty"),
        ({"QBOT_CLOCK_URL": "http://127.0.0.1:1/c"}, "QBOT_CLOCK_URL: refused"),
    ],
)
def test_a_bad_value_is_named(change: dict[str, str], says: str) -> None:
    with pytest.raises(PermanentError) as refused:
        load({**GOOD, **change})
    assert says in str(refused.value)


def test_http_mode_without_a_signing_secret_is_refused() -> None:
    given = {k: v for k, v in GOOD.items() if "SIGNING" not in k}
    with pytest.raises(PermanentError, match="QBOT_SLACK__SIGNING_SECRET: is missing"):
        load(given)


def test_a_clock_may_be_followed_where_slack_is_on_this_machine() -> None:
    local = {
        "QBOT_SLACK__API_URL": "http://127.0.0.1:9/slack/api/",
        "QBOT_CLOCK_URL": "http://127.0.0.1:9/drive/clock",
    }
    assert load({**GOOD, **local}).clock_url


def test_no_secret_is_shown_by_an_error_or_by_the_settings_themselves() -> None:
    with pytest.raises(PermanentError) as refused:
        load({**GOOD, "QBOT_LOG_LEVEL": "loud", "QBOT_X": "y"})
    shown = f"{refused.value!s} {load(GOOD)!r}"
    for value in ("xoxb-secret", "glpat-secret", "jwt-secret", "signing'"):
        assert value not in shown


@pytest.mark.parametrize(
    ("mode", "is_open"), [(0o600, False), (0o640, False), (0o644, True), (0o642, True)]
)
def test_an_env_file_that_is_neither_its_owners_nor_its_groups_alone_is_noticed(
    tmp_path: Path, mode: int, *, is_open: bool
) -> None:
    path = tmp_path / "env"
    path.touch(mode=0o600)
    path.chmod(mode)
    assert is_open_to_others(path) is is_open


def test_the_environment_wins_over_the_file_and_the_file_over_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, value in GOOD.items():
        (folder / name).write_text(f"{value}\n")
    (folder / "QBOT_LISTEN").write_text("127.0.0.1:1\n")
    (folder / "QBOT_CONFIG").write_text("folder.yaml")
    (folder / "QBOT_LOG_LEVEL").write_text("error")
    file = tmp_path / "env"
    file.write_text(
        f'QBOT_SECRETS_DIR="{folder}"\nQBOT_CONFIG=file.yaml\nQBOT_LOG_LEVEL=warning\nOTHER=1\n'
    )
    settings = load({"QBOT_LOG_LEVEL": "info"}, env_file=file)
    assert (settings.listen, str(settings.config), settings.log_level) == (
        "127.0.0.1:1",
        "file.yaml",
        "info",
    )
    assert secret(settings.slack.bot_token) == "xoxb-secret"


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"nowhere\.env does not exist"):
        load(GOOD, env_file=tmp_path / "nowhere.env")
    with pytest.raises(PermanentError, match="is not a folder"):
        load({**GOOD, "QBOT_SECRETS_DIR": str(tmp_path / "none")})


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "QBOT_GITLAB__TOKEN"
    file.write_bytes(b"\xff\xfe")
    for source in ({"QBOT_SECRETS_DIR": str(tmp_path)}, {}):
        with pytest.raises(PermanentError, match="QBOT_GITLAB__TOKEN cannot be read: it is not"):
            load({**GOOD, **source}, env_file=None if source else file)


def test_a_certificate_authority_of_ones_own_may_be_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    settings = load({**GOOD, "QBOT_GITLAB__CA_FILE": str(file)})
    assert settings.gitlab.ca_file == file


def test_ipv6_addresses_stand_in_brackets() -> None:
    assert load({**GOOD, "QBOT_LISTEN": "[::1]:0"}).listen == "[::1]:0"


def test_every_secret_and_the_database_s_password_is_known_for_redaction() -> None:
    given = {
        **GOOD,
        "QBOT_DATABASE_URL": "postgresql://qbot:p%40ss@db/qbot",
        "QBOT_ARGOCD__west__URL": "https://w.example",
        "QBOT_ARGOCD__west__TOKEN": "west-secret",
    }
    assert all_secrets(load(given)) == {
        "xoxb-secret", "signing", "glpat-secret", "jwt-secret", "west-secret", "p%40ss", "p@ss",
    }  # fmt: skip


def test_the_lease_is_a_setting_of_its_own() -> None:
    assert "taken over" in variables()["QBOT_LEASE"]
    assert load({**GOOD, "QBOT_LEASE": "12"}).lease == 12


def test_every_variable_has_a_description() -> None:
    for name, text in variables().items():
        assert name.startswith("QBOT_")
        assert text


LINKING = {
    "QBOT_PUBLIC_URL": "https://qbot.example/",
    "QBOT_GITLAB__OAUTH_ID": "id",
    "QBOT_GITLAB__OAUTH_SECRET": "gloas-secret",
}


def test_linking_accounts_takes_three_settings() -> None:
    assert load({**GOOD, **LINKING}).linking
    assert load({**GOOD, **LINKING}).public_url == "https://qbot.example"
    assert not load(GOOD).linking
    assert not load({**GOOD, "QBOT_PUBLIC_URL": "https://qbot.example"}).linking


@pytest.mark.parametrize("missing", LINKING)
def test_half_of_linking_is_refused(missing: str) -> None:
    given = {k: v for k, v in LINKING.items() if k != missing}
    with pytest.raises(PermanentError, match=f"{missing}: is missing"):
        load({**GOOD, **given})


def test_a_line_of_the_env_file_that_is_none_is_refused_by_its_number_alone(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("# of Qbot\nQBOT_LEASE=30\n\nhush hush\nexport OTHER=1\nhushed\n", "utf-8")
    with pytest.raises(PermanentError) as refused:
        load(GOOD, env_file=path)
    assert str(refused.value).splitlines() == [
        f"{path}:4: must be NAME=value, quotes closed",
        f"{path}:6: must be NAME=value, quotes closed",
    ]
