"""What doctor judges of facts: the parts that the sandbox cannot show."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from qbot.domain.diagnosis.accepting import unused
from qbot.domain.diagnosis.argocd import ArgoCDFacts, judge_argocd
from qbot.domain.diagnosis.clock import judge_clock
from qbot.domain.diagnosis.database import DatabaseFacts, judge_database
from qbot.domain.diagnosis.findings import Area, Notes, Report, Severity, Unread, report
from qbot.domain.diagnosis.gitlab import (
    GitLabFacts,
    GitLabNeeds,
    GitLabToken,
    Level,
    SeenProject,
    Use,
    judge_blind,
    judge_gitlab,
    level_of,
)
from qbot.domain.diagnosis.hooks import Hook, HookFacts, HookNeeds, Running, judge_hooks
from qbot.domain.diagnosis.rights import ArgoCDNeeds, SeenApp, StageNeeds, rights_of
from qbot.domain.diagnosis.running import judge_running
from qbot.domain.diagnosis.slack import (
    Room,
    SlackFacts,
    SlackNeeds,
    SlackToken,
    judge_slack,
)
from qbot.domain.diagnosis.versions import flaws, version_of
from qbot.errors import PermanentError

STAGE = StageNeeds("production", ("cart",), {"cart": "production-cart"})
ARGOCD = ArgoCDNeeds("main", "qbot", (STAGE,))
APP = SeenApp("production-cart", "live", "argocd", "cart")
TODAY = date(2026, 11, 21)
TOKEN = GitLabToken("qbot", admin=False, scopes=frozenset({"api"}), expires=None)
GITLAB = GitLabNeeds(
    (Use("shop/config", Level.DEVELOPER, "merging versions", "main"),),
    {},
    writes=True,
    notes=True,
    signed=False,
)
SOUND = DatabaseFacts(where="qbot.db", schema=26, newest=26, writable=True, free=2**40, wal=True)
PATH = "/webhooks/gitlab"
EVENTS = frozenset({"push_events", "merge_requests_events", "pipeline_events"})
HOOK = Hook(f"https://qbot.example.com{PATH}", EVENTS, last="200")
HOOKS = HookNeeds(wanted=True, path=PATH)


def ids(notes: Notes, *severities: Severity) -> set[str]:
    wanted = severities or (Severity.BROKEN, Severity.LACKING)
    return {finding.id for finding in notes.findings if finding.severity in wanted}


@pytest.mark.incident("readable-credentials")
@pytest.mark.parametrize(
    ("version", "cves"),
    [
        ("v2.12.9", ["CVE-2025-55190"]),
        ("v2.13.8", ["CVE-2025-55190"]),
        ("v2.13.9", []),
        ("v2.14.15+1a2b", ["CVE-2025-55190"]),
        ("v3.0.13", ["CVE-2025-55190"]),
        ("v3.0.14", []),
        ("v3.1.1", ["CVE-2025-55190"]),
        ("v3.1.2", []),
        ("v3.2.10", ["CVE-2026-42880"]),
        ("v3.2.11", []),
        ("v3.3.8", ["CVE-2026-42880"]),
        ("v3.3.9", []),
        ("v3.5.1+109ca7c", []),
    ],
)
def test_versions_of_argo_cd_with_published_flaws_are_known(version: str, cves: list[str]) -> None:
    known = version_of(version)
    assert known is not None
    assert [flaw.cve for flaw, _ in flaws(known)] == cves
    facts = ArgoCDFacts(version, "qbot", "argocd", {"production": [APP]}, {})
    assert ids(judge_argocd(ARGOCD, facts)) == {f"argocd.main.{cve}" for cve in cves}


def test_a_version_that_is_none_is_not_checked() -> None:
    facts = ArgoCDFacts("latest", "qbot", "argocd", {"production": [APP]}, {})
    assert "argocd.main.version" in ids(judge_argocd(ARGOCD, facts), Severity.UNCHECKED)


def test_rights_of_a_stage_are_asked_for_its_own_appproject_and_namespace() -> None:
    lines = [r.line for r in rights_of(ARGOCD, {"production": [APP]}, "argocd")]
    assert "p, role:qbot, applications, sync, live/*, allow" in lines
    elsewhere = {"production": [replace(APP, namespace="team-a")]}
    lines = [r.line for r in rights_of(ARGOCD, elsewhere, "argocd")]
    assert "p, role:qbot, applications, sync, live/team-a/*, allow" in lines
    (thing,) = {r.thing for r in rights_of(ARGOCD, elsewhere, "argocd") if "live" in r.thing}
    assert thing == "live/team-a/production-cart"
    unseen = rights_of(ARGOCD, {"production": Unread("away")}, "argocd")
    assert "production/production-cart" in {r.thing for r in unseen}


def test_an_instance_that_is_for_nothing_needs_no_right() -> None:
    assert not rights_of(ArgoCDNeeds("other", ""), {}, "argocd")


@pytest.mark.parametrize(
    ("account", "finding"), [("", "argocd.main.token"), ("proj:live:ci", "argocd.main.token")]
)
def test_a_token_of_nobody_or_of_a_project_is_told_alone(account: str, finding: str) -> None:
    assert ids(judge_argocd(ARGOCD, ArgoCDFacts("v3.5.1", account, "", {}, {}))) == {finding}


def test_an_account_that_cannot_be_told_is_not_checked() -> None:
    facts = ArgoCDFacts("v3.5.1", Unread("refused"), "", {}, {})
    assert ids(judge_argocd(ARGOCD, facts)) == set()
    away = replace(facts, account=Unread("no answer", away=True))
    assert ids(judge_argocd(ARGOCD, away)) == {"argocd.main"}


def gitlab(needs: GitLabNeeds = GITLAB, **other: Any) -> Notes:
    seen = {"shop/config": SeenProject(Level.MAINTAINER, archived=False, default_branch="main")}
    facts = GitLabFacts(TOKEN, "19.1.1", seen, {}, TODAY)
    return judge_gitlab(needs, replace(facts, **other))


def test_what_a_branchs_protection_asks_for_counts() -> None:
    low = SeenProject(Level.DEVELOPER, archived=False, default_branch="main")
    assert ids(gitlab(projects={"shop/config": low})) == set()
    guarded = replace(low, merging={"main": Level.MAINTAINER})
    notes = gitlab(projects={"shop/config": guarded})
    assert ids(notes) == {"gitlab.role.merging-versions"}
    assert notes.findings[-1].lines == ("qbot: Maintainer",)
    admin = replace(TOKEN, admin=True)
    assert ids(gitlab(projects={"shop/config": guarded}, token=admin)) == set()


@pytest.mark.parametrize(
    ("version", "signed", "found"),
    [
        ("18.11.2", True, {"gitlab.version"}),
        ("19.0.0", True, set()),
        ("17.2.1", False, {"gitlab.version"}),
        ("17.3.0-ee", False, set()),
    ],
)
def test_old_versions_of_gitlab_lack_something(
    version: str, *, signed: bool, found: set[str]
) -> None:
    assert ids(gitlab(replace(GITLAB, signed=signed), version=version)) == found


@pytest.mark.parametrize(
    ("writes", "notes", "severity"),
    [(True, True, Severity.BROKEN), (False, True, Severity.LACKING), (False, False, None)],
)
def test_how_bad_it_is_without_the_scope_api_depends_on_what_is_asked_for(
    *, writes: bool, notes: bool, severity: Severity | None
) -> None:
    token = replace(TOKEN, scopes=frozenset({"read_api"}))
    found = gitlab(replace(GITLAB, writes=writes, notes=notes), token=token).findings
    assert [f.severity for f in found] == ([severity] if severity else [])


@pytest.mark.parametrize(("writes", "wanted"), [(True, "api"), (False, "read_api")])
def test_a_token_that_reads_nothing_is_broken_whatever_its_account_is(
    *, writes: bool, wanted: str
) -> None:
    token = replace(TOKEN, scopes=frozenset({"read_user"}), admin=True)
    assert token.reads_nothing
    found = judge_blind(replace(GITLAB, writes=writes, notes=writes), token)
    assert ids(found) == {f"gitlab.scope.{wanted}"}
    assert not replace(token, scopes=frozenset({"read_api"})).reads_nothing
    assert not replace(token, scopes=Unread("nothing is told")).reads_nothing


def test_kinds_of_tokens_that_tell_nothing_are_not_checked() -> None:
    token = replace(TOKEN, scopes=Unread("nothing is told"))
    assert ids(gitlab(token=token), Severity.UNCHECKED) == {"gitlab.scope"}


def test_levels_between_those_that_are_known_count_as_the_lower() -> None:
    assert [level_of(n) for n in (0, 5, 10, 25, 45, 60)] == [
        Level.NONE,
        Level.NONE,
        Level.GUEST,
        Level.SECURITY_MANAGER,
        Level.MAINTAINER,
        Level.OWNER,
    ]


def hooks(hook: Hook = HOOK, **other: Any) -> set[str]:
    facts = HookFacts({"shop/cart": [hook]}, {}, Running())
    return ids(judge_hooks(HOOKS, replace(facts, **other)))


def test_each_setting_of_a_webhook_that_loses_something_is_told() -> None:
    assert hooks() == set()
    assert hooks(replace(HOOK, events=frozenset())) == {"webhooks.events"}
    assert hooks(replace(HOOK, branches="main")) == {"webhooks.branches"}
    assert hooks(replace(HOOK, status="disabled")) == {"webhooks.disabled"}
    assert hooks(replace(HOOK, proved=False)) == {"webhooks.secret"}
    assert hooks(replace(HOOK, verifies=False)) == {"webhooks.tls"}
    assert hooks(replace(HOOK, last="500")) == {"webhooks.deliveries"}
    assert hooks(replace(HOOK, url="https://elsewhere.example.com/")) == {"webhooks.none"}


def test_where_nothing_was_delivered_it_is_said_of_which_projects() -> None:
    found = judge_hooks(HOOKS, HookFacts({"shop/cart": [replace(HOOK, last=None)]}, {}, Running()))
    (told,) = [f for f in found.findings if f.id == "webhooks.deliveries"]
    assert "nothing to tell of the services' projects for seven days" in str(told)


def test_a_webhook_of_the_group_is_enough() -> None:
    none: dict[str, list[Hook]] = {"shop/cart": []}
    assert hooks(projects=none) == {"webhooks.none"}
    assert hooks(projects=none, groups={"shop": [HOOK]}) == set()
    assert hooks(projects={"shop/cart": Unread("no Maintainer")}) == set()


def test_refused_webhooks_are_told_with_what_was_wrong() -> None:
    running = Running(webhooks={("gitlab", "signature"): 3, ("argocd", "token"): 1})
    assert hooks(running=running) == {"webhooks.refused.gitlab", "webhooks.refused.argocd"}


def test_notifications_that_have_come_are_well() -> None:
    needs = replace(HOOKS, notifications=("main",))
    running = Running(webhooks={("argocd", "heard"): 2})
    notes = judge_hooks(needs, HookFacts({"shop/cart": [HOOK]}, {}, running))
    assert "webhooks: 2 notifications of Argo CD since Qbot began" in notes.well


def test_what_slack_has_closed_is_a_note_and_bad_signatures_are_more() -> None:
    running = Running({"chat.update": 50}, {"chat.update": 12}, {"chat.update": 2})
    notes = judge_running(running)
    assert ids(notes, Severity.NOTE) == {"slack.limited.chat.update"}
    assert ids(notes) == set()
    assert "chat.update 12 of 50" in notes.well[0]
    assert ids(judge_running(replace(running, refused={"signature": 1}))) == {"slack.signatures"}
    assert ids(judge_running(Unread("nobody serves")), Severity.UNCHECKED) == {"slack.budget"}


@pytest.mark.parametrize(
    ("offsets", "severities"),
    [
        ({"Slack": 1.0, "GitLab": -3.0}, []),
        ({"Slack": 90.0, "GitLab": 91.0}, [Severity.LACKING]),
        ({"Slack": -400.0, "GitLab": -399.0}, [Severity.BROKEN]),
        ({"Slack": 400.0, "GitLab": 0.0}, [Severity.LACKING]),
        ({}, [Severity.UNCHECKED]),
    ],
)
def test_the_clock_is_wrong_only_where_all_say_so(
    offsets: dict[str, float], severities: list[Severity]
) -> None:
    assert [f.severity for f in judge_clock(offsets).findings] == severities


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (SOUND, set()),
        (replace(SOUND, schema=None), set()),
        (replace(SOUND, schema=25), set()),
        (replace(SOUND, schema=27), {"database.schema"}),
        (replace(SOUND, writable=False), {"database.writable"}),
        (replace(SOUND, wal=False), {"database.wal"}),
        (replace(SOUND, free=500 * 2**20), {"database.disk"}),
        (replace(SOUND, free=2**20), {"database.disk"}),
        (replace(SOUND, free=None, wal=None, server=17), set()),
        (replace(SOUND, free=None, wal=None, server=12), {"database.version"}),
        (replace(SOUND, free=None, wal=None, server=17, standby=True), {"database.standby"}),
        (Unread("it does not answer"), {"database"}),
    ],
)
def test_the_database(facts: DatabaseFacts | Unread, found: set[str]) -> None:
    assert ids(judge_database(facts)) == found


SLACK = SlackNeeds({"commands": "x", "channels:read": "y", "groups:read": "z"}, team="T1")
BOT = SlackToken("T1", bot=True, scopes=frozenset(SLACK.lost))


def slack(token: SlackToken = BOT, **rooms: Room | Unread | None) -> set[str]:
    needs = replace(SLACK, channels=dict.fromkeys(rooms, "reaper.channel"))
    return ids(judge_slack(needs, SlackFacts(token, rooms, None)))


def test_a_token_of_a_person_or_of_another_workspace_is_told() -> None:
    assert slack() == set()
    assert slack(replace(BOT, bot=False)) == {"slack.token"}
    assert slack(replace(BOT, team="T2")) == {"slack.team"}
    assert slack(replace(BOT, scopes=frozenset())) == set()  # Slack did not say


def test_channels_that_cannot_be_used_are_told() -> None:
    room = Room("releases", member=True, archived=False, external=False)
    assert slack(C1=room, C2=Unread("away")) == set()
    wrong: dict[str, Any] = {
        "C1": None,
        "C2": replace(room, member=False),
        "C3": replace(room, archived=True),
        "C4": replace(room, external=True),
    }
    assert slack(**wrong) == {f"slack.channel.{channel}" for channel in wrong}


def test_the_worst_comes_first_and_what_is_accepted_does_not_count() -> None:
    slack_notes, clock = Notes.of(Area.SLACK), Notes.of(Area.CLOCK)
    slack_notes.unchecked("a", "A", "why")
    slack_notes.lacking("b", "B")
    clock.broken("c", "C")
    found = report(slack_notes, clock)
    assert [f.id for f in found.findings] == ["c", "b", "a"]
    assert found.exit_status == 1
    assert found.without({"b", "c"}).exit_status == 0
    assert Report(()).exit_status == 0


def test_an_id_that_nothing_can_have_is_refused_and_one_that_nothing_has_is_told() -> None:
    notes = Notes.of(Area.SLACK)
    notes.lacking("slack.scope.files:write", "It lacks it.")
    found = report(notes)
    assert unused(found, ["slack.scope.files:write"]) == []
    (said,) = unused(found, ["slack.scope.files:wrte"])
    assert "did you mean slack.scope.files:write?" in said
    (said,) = unused(found, ["gitlab.expiry"])
    assert said == "--accept gitlab.expiry: nothing of this id was found"
    with pytest.raises(PermanentError, match="--accept nonsense: there is no such id"):
        unused(found, ["nonsense"])
    with pytest.raises(PermanentError, match=r"did you mean slack\.scope\.files:write\?"):
        unused(found, ["slak.scope.files:write"])
