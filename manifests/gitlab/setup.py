r"""Give Qbot its token and its webhooks in GitLab; needs Python 3.11 and nothing else.

Run it with a token of an Owner of the group that holds all projects (scope api), which is used
once and not kept:

    GITLAB_TOKEN=... python3 setup.py --gitlab https://gitlab.example.com --group shop \
        --qbot https://qbot.example.com --secrets ./secrets [--dry-run] \
        [--account qbot --config-project shop/production ... --job-project shop/checks ...]

It writes what Qbot reads in QBOT_SECRETS_DIR into the folder, one file a setting:

- QBOT_GITLAB__TOKEN, a group access token: Reporter with `read_api`, for a year less a day. A file
  that is there already is kept, and no token made. GitLab.com has group tokens from Premium on:
  without, put a personal access token of an account of Qbot's own into that file first.
- QBOT_GITLAB__WEBHOOK_SECRET, a secret token and, for GitLab 19 or newer, a signing token. A file
  that is there already is used.

Promotions, jobs and the note on merge requests take --account, the name of an account that is
Qbot's alone, with a personal access token of its own, scope `api`, in that file. It becomes
Reporter of the group, Maintainer of each --config-project and Developer of each --job-project.
A group token would have one role in all projects: GitLab lets its bot be a member only once.

Webhooks are one of the group where GitLab has these (Premium), else one for each project in it;
run it again when projects have come. One with the same address gets the secret of the file.
https://docs.gitlab.com/api/group_access_tokens/, https://docs.gitlab.com/api/members/ and
https://docs.gitlab.com/api/project_webhooks/
"""

import argparse
import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

TOKEN, SECRET = "QBOT_GITLAB__TOKEN", "QBOT_GITLAB__WEBHOOK_SECRET"  # names of files
REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40
LIFE = timedelta(days=364)
PAGE = 100
EVENTS = ("push_events", "merge_requests_events", "pipeline_events")
NO_GROUP_HOOKS = (403, 404)  # GitLab without Premium
MEMBER_ALREADY = 409
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

    def done(self, what: str) -> str:
        """What was done, or would be: `made`."""
        return f"would be {what}" if self._dry else what

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
        try:
            return json.loads(text) if text else {}
        except ValueError:
            raise Refused(f"{method} {path}", answer.status, "no JSON: is this GitLab?") from None

    def each(self, path: str) -> Iterator[dict[str, Any]]:
        """All pages of a list."""
        page = 1
        found: list[dict[str, Any]] = [{}]
        while found:
            sign = "&" if "?" in path else "?"
            found = self.call("GET", f"{path}{sign}per_page={PAGE}&page={page}")
            yield from found
            page += 1


@contextmanager
def kept(path: Path, *, dry: bool) -> Iterator[Callable[[str], object]]:
    """What writes a new secret, for its owner's eyes only; where it cannot, no secret is made."""
    if dry:
        yield lambda _: None
    else:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                yield file.write
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    say(f"{path}: {'would be written' if dry else 'written'}")


def make_token(gitlab: GitLab, group: str, path: Path, *, dry: bool) -> None:
    """A group access token, unless there is one."""
    if path.exists():
        say(f"{path}: is there, and kept")
        return
    body: dict[str, Any] = {
        "name": "qbot",
        "scopes": ["read_api"],
        "access_level": REPORTER,
        "expires_at": (datetime.now(UTC) + LIFE).date().isoformat(),  # noqa: TID251  # no Clock here
    }
    with kept(path, dry=dry) as write:
        made = gitlab.call("POST", f"/groups/{quote(group, safe='')}/access_tokens", body)
        write(made.get("token", ""))
    told = f"token qbot, {body['scopes'][0]}, until {body['expires_at']}"
    say(f"group {group}: {told}, {gitlab.done('made')}")


def account(gitlab: GitLab, name: str, path: Path) -> int:
    """The number of Qbot's account; its token is there."""
    if not path.exists():
        sys.exit(f"{path} is missing: put a personal access token of {name} there, scope api")
    found: list[dict[str, Any]] = gitlab.call("GET", f"/users?username={quote(name)}")
    if not found:
        sys.exit(f"GitLab knows no account {name}")
    say(f"{path}: is there, and kept")
    return int(found[0]["id"])


def make_member(gitlab: GitLab, place: str, user: int, level: int) -> None:
    """The account in a group or project; the role that it has there already is not changed."""
    try:
        gitlab.call("POST", f"{place}/members", {"user_id": user, "access_level": level})
    except Refused as refused:
        if refused.status != MEMBER_ALREADY:
            raise
        say(f"{place}: is a member already, and keeps its role; wanted is {level}")
    else:
        say(f"{place}: member with role {level}, {gitlab.done('made')}")


def webhook_secret(path: Path, *, dry: bool) -> tuple[str, str]:
    """The secret token and the signing token; made, if they are not there."""
    if path.exists():
        words = path.read_text().split()
        say(f"{path}: is there, and used")
    else:
        signing = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        words = [secrets.token_urlsafe(32), signing]
        with kept(path, dry=dry) as write:
            write(" ".join(words))
    plain = next((word for word in words if not word.startswith("whsec_")), "")
    return plain, next((word for word in words if word.startswith("whsec_")), "")


def make_hook(gitlab: GitLab, place: str, body: dict[str, Any]) -> None:
    """One webhook of a group or a project; the one of the same address is changed."""
    same = [hook for hook in gitlab.each(f"{place}/hooks") if hook["url"] == body["url"]]
    if same:
        gitlab.call("PUT", f"{place}/hooks/{same[0]['id']}", body)
    else:
        gitlab.call("POST", f"{place}/hooks", body)
    say(f"{place}: webhook {gitlab.done('changed' if same else 'made')}")


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


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gitlab", required=True, help="root of GitLab")
    parser.add_argument("--group", required=True, help="path of the group of all projects")
    parser.add_argument("--qbot", required=True, help="what leads to QBOT_LISTEN, from GitLab")
    parser.add_argument("--secrets", required=True, type=Path, help="folder that is written")
    parser.add_argument("--account", help="name of Qbot's account, for stages and jobs")
    parser.add_argument("--config-project", action="append", default=[], help="path, of a stage")
    parser.add_argument("--job-project", action="append", default=[], help="path, of jobs")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    asked = parser.parse_args()
    for name, url in (("--gitlab", asked.gitlab), ("--qbot", asked.qbot)):
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            parser.error(f"{name} must be an address like https://gitlab.example.com")
    if (asked.config_project or asked.job_project) and not asked.account:
        parser.error("roles in single projects take --account: a group token has one in all")
    return asked


def make_access(gitlab: GitLab, asked: argparse.Namespace) -> None:
    """A token of the group, or the roles of the account."""
    path = asked.secrets / TOKEN
    if not asked.account:
        make_token(gitlab, asked.group, path, dry=asked.dry_run)
        return
    user = account(gitlab, asked.account, path)
    make_member(gitlab, f"/groups/{quote(asked.group, safe='')}", user, REPORTER)
    for level, named in ((MAINTAINER, asked.config_project), (DEVELOPER, asked.job_project)):
        for project in named:
            make_member(gitlab, f"/projects/{quote(project, safe='')}", user, level)


def main() -> None:
    """The command."""
    asked = options()
    token = os.environ.get("GITLAB_TOKEN", "")
    if not token:
        sys.exit("GITLAB_TOKEN is missing: a token of an Owner of the group, scope api")
    dry = asked.dry_run
    gitlab = GitLab(asked.gitlab, token, dry=dry)
    try:
        gitlab.call("GET", f"/groups/{quote(asked.group, safe='')}?with_projects=false")
        make_access(gitlab, asked)
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
    except (OSError, HTTPException) as error:
        where = "" if getattr(error, "filename", None) else f"{asked.gitlab}: "
        sys.exit(f"{where}{error}")


if __name__ == "__main__":
    main()
