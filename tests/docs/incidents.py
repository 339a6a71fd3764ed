"""What went wrong elsewhere, what Qbot does about it, and which tests show it.

A test shows it by its mark, `@pytest.mark.incident("<class>")`; marks are read from the source, so
that one file of tests can be run alone.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
MARK = "mark.incident("
_CVE = "https://nvd.nist.gov/vuln/detail/"
_GHSA = "https://github.com/advisories/"
_GO = "https://pkg.go.dev/vuln/"
_GITHUB = "https://github.com/"
_GITLAB = "https://gitlab.com/gitlab-org/"


@dataclass(frozen=True)
class Incident:
    """One class of incidents.

    Attributes:
        happened: elsewhere, in a sentence.
        sources: public advisories and reports, by their own names (`owner/repository#number`).
        does: what Qbot does, in a sentence.
    """

    happened: str
    sources: tuple[str, ...]
    does: str


INCIDENTS: Mapping[str, Incident] = {
    "forged-identity": Incident(
        "A valid slash command was believed about who typed it, and could be made to name somebody"
        " else",
        ("CVE-2023-5356", "gitlab#427154"),
        "Only ids inside the bytes that Slack signed say who acts; no other field or header does",
    ),
    "missing-proof": Incident(
        "A token was compared where one came, and where none came nothing was",
        ("zendesk/samson",),
        "What is missing, empty, old or wrong is refused at each address, before its body is read"
        " for meaning",
    ),
    "lasting-access": Incident(
        "Blocked people went on using chat commands, and revoked sessions stayed open",
        ("GHSA-qj8w-vx7m-776m", "GO-2024-3006"),
        "Account and role are looked up when somebody acts and again before what was approved is"
        " merged; no answer is a no",
    ),
    "second-door": Incident(
        "A new API forgot the check that the old one had",
        ("CVE-2026-27111",),
        "One function decides for commands, buttons, forms, routes and jobs; a test walks them all",
    ),
    "command-without-rule": Incident(
        "Commands for administrators asked for no role",
        ("CVE-2026-3117",),
        "Nothing is allowed that no rule allows, and without a rule for each way in nothing starts",
    ),
    "leaking-route": Incident(
        "A route that had lost its check gave the key away that signs tokens",
        ("GHSA-8wpc-j9q9-j5m2",),
        "Every route is declared and has a rule; none answers with a setting or with anything"
        " that was sent to it",
    ),
    "late-commit": Incident(
        "What was pushed between the command and its work was deployed with it",
        ("github/branch-deploy#315", "zizmorcore/zizmor#935"),
        "A ref becomes a commit, an image a digest, when it is shown; only that is merged, and"
        " Git's host is told which",
    ),
    "approval-reused": Incident(
        "An approval outlived what it was given for",
        ("runatlantis/atlantis#1508", "runatlantis/atlantis#1122", "akuity/kargo#6562"),
        "An approval is for one digest of all that changes, ends with it, and expires",
    ),
    "timed-comparison": Incident(
        "The time that a comparison took told how much of a token was right",
        ("CVE-2022-24912",),
        "The functions that judge what came compare in constant time and in no other way; elsewhere"
        " nothing that is called a secret is compared by `==`",
    ),
    "unbounded-body": Incident(
        "A body was read whole before anybody asked who sent it, until memory was used up",
        ("GO-2024-3002", "CVE-2026-42294"),
        "Bodies, headers, connections and waiting have limits; a token is checked before a body"
        " is read",
    ),
    "readable-credentials": Incident(
        "A token that could read a project could read the credentials of its repositories",
        ("CVE-2025-55190",),
        "The account has the rights of the manual and no more, and `qbot doctor` names a version"
        " of Argo CD that has a published flaw",
    ),
    "secret-in-text": Incident(
        "Differences and errors showed Secrets and passwords",
        ("CVE-2026-42880", "CVE-2021-23135", "GHSA-mv6w-j4xc-qpfw"),
        "Whatever is shown, logged or stored as an error passes one redaction, and content of"
        " Secrets is never shown",
    ),
    "hostile-text": Incident(
        "Links in annotations ran scripts, and texts that were sent to Slack led elsewhere",
        ("CVE-2024-28175", "CVE-2022-31035", "CVE-2022-0124"),
        "Outside text is escaped where it is shown, and links go to configured hosts by http(s)"
        " alone",
    ),
    "wrong-deletion": Incident(
        "An empty list deleted living applications; names that looked alike deleted the wrong one",
        ("argoproj/argo-cd#11464", "argoproj/argo-cd#18480", "gitlab#428625"),
        "A branch is gone by two answers that say so; many at once wait for a person; stages"
        " cannot be deleted; the branch is compared before anything goes",
    ),
    "name-as-identity": Incident(
        "Rights hung on display names, or on being in a channel",
        ("skoczen/will#394", "gravitational/teleport-plugins#121"),
        "Ids of person and workspace decide; guests, bots and other organisations are refused",
    ),
    "borrowed-rights": Incident(
        "A bot did what anybody in a channel asked, with one person's rights",
        ("kubeshop/botkube",),
        "The credential is Qbot's and the right is the asker's; the audit names the rule that"
        " allowed it",
    ),
    "open-setup": Incident(
        "An address for setting up answered the first caller with the keys",
        ("runatlantis/atlantis#6622", "runatlantis/atlantis#2301"),
        "Nothing is set up over the network; health and metrics have a port of their own, where"
        " nothing is written",
    ),
    "error-storm": Incident(
        "What a limit refused was sent again at once, and reports of errors went the same way",
        ("argoproj-labs/argocd-notifications#211", "home-assistant/core#30665"),
        "One budget for Slack that heeds Retry-After; errors of Slack are logged and never told"
        " in Slack",
    ),
    "doubled-work": Incident(
        "Slack repeated what was answered late, and it was done twice",
        ("slackapi/bolt-python#1027", "slackapi/bolt-python#868"),
        "Answered first, then done; each press and command has a key that counts once in the"
        " database",
    ),
    "super-token": Incident(
        "A bot needed a token with which it could approve as other people",
        ("smarkets/marge-bot",),
        "Qbot never acts as somebody else and approves nothing at GitLab; it asks for no such"
        " scope",
    ),
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Shown:
    """A test that shows it; `path` is below tests/."""

    path: str
    name: str


@cache
def shown() -> Mapping[str, tuple[Shown, ...]]:
    """The tests of each class that is marked anywhere."""
    found: defaultdict[str, list[Shown]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if MARK in text:
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    for name in _marked(node):
                        found[name].append(Shown(str(path.relative_to(TESTS)), node.name))
    return {name: tuple(sorted(tests)) for name, tests in found.items()}


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and ast.unparse(decorator.func) == "pytest.mark.incident"
        ):
            for argument in decorator.args:
                yield str(ast.literal_eval(argument))


def source(name: str) -> str:
    """A source as a link."""
    if name.startswith("CVE-"):
        return f"[{name}]({_CVE}{name})"
    if name.startswith("GHSA-"):
        return f"[{name}]({_GHSA}{name})"
    if name.startswith("GO-"):
        return f"[{name}]({_GO}{name})"
    repository, _, number = name.partition("#")
    if repository == "gitlab":
        return f"[{name}]({_GITLAB}{name.replace('#', '/-/issues/')})"
    return f"[{name}]({_GITHUB}{repository}{f'/issues/{number}' if number else ''})"


def table() -> str:
    """The classes as they stand in docs/security.md."""
    lines = ["| incident class | elsewhere | Qbot | tests |", "| --- | --- | --- | --- |"]
    for name, incident in INCIDENTS.items():
        tests = ", ".join(f"[`{t.name}`](../tests/{t.path})" for t in shown()[name])
        sources = ", ".join(map(source, incident.sources))
        lines.append(f"| `{name}` | {incident.happened} ({sources}) | {incident.does} | {tests} |")
    return "\n".join(lines)
