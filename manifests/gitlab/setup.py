r"""Give Qbot its token and its webhooks in GitLab; needs Python 3.11 and nothing else.

Run it with a token of an Owner of the group that holds all projects (scope api), which is used
once and not kept:

    GITLAB_TOKEN=... python3 setup.py --gitlab https://gitlab.example.com --group shop \
        --qbot https://qbot.example.com --secrets ./secrets [--stages] [--dry-run]

It writes what Qbot reads in QBOT_SECRETS_DIR into the folder, one file a setting:

- QBOT_GITLAB__TOKEN, a group access token: Reporter with `read_api`; with --stages (promotions,
  jobs, the note on merge requests) Maintainer with `api`. It lasts a year less a day. A file that
  is there already is kept, and no token made. GitLab.com has group tokens from Premium on:
  without, put a personal access token of an account of Qbot's own into that file first.
- QBOT_GITLAB__WEBHOOK_SECRET, a secret token and, for GitLab 19 or newer, a signing token. A file
  that is there already is used.

Webhooks are one of the group where GitLab has these (Premium), else one for each project in it;
run it again when projects have come. One with the same address gets the secret of the file.
https://docs.gitlab.com/api/group_access_tokens/ and https://docs.gitlab.com/api/project_webhooks/
"""

import argparse
import base64
import json
import os
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

TOKEN, SECRET = "QBOT_GITLAB__TOKEN", "QBOT_GITLAB__WEBHOOK_SECRET"  # names of files
REPORTER, MAINTAINER = 20, 40
LIFE = timedelta(days=364)
PAGE = 100
EVENTS = ("push_events", "merge_requests_events", "pipeline_events")
NO_GROUP_HOOKS = (403, 404)  # GitLab without Premium
READS = ("GET",)


class Refused(Exception):  # noqa: N818  # it is no error of this script
    """GitLab's answer where it is not 2xx."""

    def __init__(self, what: str, status: int, text: str) -> None:
        super().__init__(f"{what}: {status} {text[:300]}")
        self.status = status


class GitLab:
    """Its API, one connection a call; with `dry` nothing is written."""

    def __init__(self, url: str, token: str, *, dry: bool) -> None:
        self._url = urlsplit(url.rstrip("/"))
        self._token = token
        self._dry = dry

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON.

        Raises:
            Refused: it is not 2xx.
        """
        if self._dry and method not in READS:
            return {}
        secure = self._url.scheme == "https"
        kind = HTTPSConnection if secure else HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=30)
        headers = {"PRIVATE-TOKEN": self._token, "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        try:
            connection.request(method, f"{self._url.path}/api/v4{path}", sent, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status // 100 != 2:  # noqa: PLR2004  # the class of HTTP's answers
            raise Refused(f"{method} {path}", answer.status, text)
        return json.loads(text) if text else {}

    def each(self, path: str) -> Iterator[dict[str, Any]]:
        """All pages of a list."""
        page = 1
        found: list[dict[str, Any]] = [{}]
        while found:
            sign = "&" if "?" in path else "?"
            found = self.call("GET", f"{path}{sign}per_page={PAGE}&page={page}")
            yield from found
            page += 1


def keep(path: Path, value: str, *, dry: bool) -> None:
    """Write a secret for its owner's eyes only."""
    if not dry:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value)
    say(f"{path}: {'would be written' if dry else 'written'}")


def make_token(gitlab: GitLab, group: str, path: Path, *, stages: bool, dry: bool) -> None:
    """A group access token, unless there is one."""
    if path.exists():
        say(f"{path}: is there, and kept")
        return
    body: dict[str, Any] = {
        "name": "qbot",
        "scopes": ["api" if stages else "read_api"],
        "access_level": MAINTAINER if stages else REPORTER,
        "expires_at": (datetime.now(UTC) + LIFE).date().isoformat(),  # noqa: TID251  # no Clock here
    }
    made = gitlab.call("POST", f"/groups/{quote(group, safe='')}/access_tokens", body)
    say(f"group {group}: token qbot, {body['scopes'][0]}, until {body['expires_at']}")
    keep(path, made.get("token", ""), dry=dry)


def webhook_secret(path: Path, *, dry: bool) -> tuple[str, str]:
    """The secret token and the signing token; made, if they are not there."""
    if path.exists():
        words = path.read_text().split()
        say(f"{path}: is there, and used")
    else:
        signing = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        words = [secrets.token_urlsafe(32), signing]
        keep(path, " ".join(words), dry=dry)
    plain = next((word for word in words if not word.startswith("whsec_")), "")
    return plain, next((word for word in words if word.startswith("whsec_")), "")


def make_hook(gitlab: GitLab, place: str, body: dict[str, Any]) -> None:
    """One webhook of a group or a project; the one of the same address is changed."""
    same = [hook for hook in gitlab.each(f"{place}/hooks") if hook["url"] == body["url"]]
    if same:
        gitlab.call("PUT", f"{place}/hooks/{same[0]['id']}", body)
    else:
        gitlab.call("POST", f"{place}/hooks", body)
    say(f"{place}: webhook {'changed' if same else 'made'}")


def make_hooks(gitlab: GitLab, group: str, body: dict[str, Any]) -> None:
    """One for the group, or else one for each of its projects."""
    place = f"/groups/{quote(group, safe='')}"
    try:
        make_hook(gitlab, place, body)
    except Refused as refused:
        if refused.status not in NO_GROUP_HOOKS:
            raise
        say(f"{place}: no webhooks of groups here, so one for each project")
        listed = f"{place}/projects?include_subgroups=true&archived=false&simple=true"
        for project in gitlab.each(listed):
            make_hook(gitlab, f"/projects/{project['id']}", body)


def say(text: str) -> None:
    """What was done."""
    sys.stdout.write(f"{text}\n")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gitlab", required=True, help="root of GitLab")
    parser.add_argument("--group", required=True, help="path of the group of all projects")
    parser.add_argument("--qbot", required=True, help="what leads to QBOT_LISTEN, from GitLab")
    parser.add_argument("--secrets", required=True, type=Path, help="folder that is written")
    parser.add_argument("--stages", action="store_true", help="there are stages or jobs")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    asked = parser.parse_args()
    token = os.environ.get("GITLAB_TOKEN", "")
    if not token:
        sys.exit("GITLAB_TOKEN is missing: a token of an Owner of the group, scope api")
    dry = asked.dry_run
    gitlab = GitLab(asked.gitlab, token, dry=dry)
    try:
        make_token(gitlab, asked.group, asked.secrets / TOKEN, stages=asked.stages, dry=dry)
        plain, signing = webhook_secret(asked.secrets / SECRET, dry=dry)
        body = {
            "url": f"{asked.qbot.rstrip('/')}/webhooks/gitlab",
            "token": plain,
            "signing_token": signing,
            "enable_ssl_verification": True,
            **dict.fromkeys(EVENTS, True),
        }
        make_hooks(gitlab, asked.group, {key: value for key, value in body.items() if value})
    except Refused as refused:
        sys.exit(f"GitLab refuses: {refused}")


if __name__ == "__main__":
    main()
