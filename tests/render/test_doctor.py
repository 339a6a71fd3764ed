"""What doctor found, as people read it in Slack, on a terminal and in a script."""

import json

from qbot.domain.diagnosis.findings import Area, Notes, Report, report
from qbot.render.doctor import as_json, as_text, doctor
from tests.render.conftest import Golden
from tests.render.samples import STYLE

LINE = "p, role:qbot, applications, sync, staging/*, allow"


def found(count: int = 1) -> Report:
    argocd, slack = Notes.of(Area.ARGOCD), Notes.of(Area.SLACK)
    for number in range(count):
        argocd.broken(
            f"argocd.main.{number}",
            "The account qbot of Argo CD main lacks `sync` of applications staging/*.",
            cause="Syncs cannot be started or stopped.",
            remedy="Add to policy.qbot.csv in argocd-rbac-cm:",
            lines=(LINE,),
        )
    slack.lacking("slack.scope.files:write", "The Slack app lacks the scope files:write.")
    slack.unchecked("slack.app", "The slash command", "Slack tells nothing of it.")
    slack.well.append("Slack: 12 of 13 scopes")
    return report(slack, argocd)


def test_in_slack(golden: Golden) -> None:
    golden("doctor", doctor(found(), STYLE))
    golden("doctor_many", doctor(found(40), STYLE))
    golden("doctor_well", doctor(Report((), ("Slack: 13 of 13 scopes",)), STYLE))


def test_on_a_terminal_the_worst_comes_first_and_has_the_line_to_add() -> None:
    lines = list(as_text(found(), colours=False))
    assert lines == [
        (
            "broken       Argo CD: The account qbot of Argo CD main lacks `sync` of applications "
            "staging/*."
        ),
        "             Syncs cannot be started or stopped.",
        "             Add to policy.qbot.csv in argocd-rbac-cm:",
        f"               {LINE}",
        "lacking      Slack: The Slack app lacks the scope files:write.",
        "             (accept it: --accept slack.scope.files:write)",
        "not checked  Slack: The slash command",
        "             Slack tells nothing of it.",
        "well         Slack: 12 of 13 scopes",
        "2 things to mend",
    ]


def test_colours_are_for_eyes_and_change_no_word() -> None:
    plain, painted = (list(as_text(found(), colours=seen)) for seen in (False, True))
    assert painted[0].startswith("\x1b[31;1mbroken")
    bare = [line.replace("\x1b[0m", "").rpartition("m")[2] for line in painted[:1]]
    assert bare[0].endswith(plain[0].rpartition("m")[2])


def test_a_script_gets_all_of_it() -> None:
    told = json.loads(json.dumps(as_json(found())))
    assert told["exit_status"] == 1
    assert [f["severity"] for f in told["findings"]] == ["broken", "lacking", "not checked"]
    assert told["findings"][0]["lines"] == [LINE]
    assert told["well"] == ["Slack: 12 of 13 scopes"]


def test_outside_text_neither_paints_nor_calls_anybody() -> None:
    notes = Notes.of(Area.GITLAB)
    notes.broken(
        "x", "The project \x1b[31m<!channel>\u202e", cause="`x` <@U1>\nnext", lines=("a\nb",)
    )
    said = list(as_text(report(notes), colours=False))
    assert not any("\x1b" in line or "\n" in line or "\u202e" in line for line in said)
    assert "<!channel>" not in doctor(report(notes), STYLE).text
    assert "<@U1>" not in doctor(report(notes), STYLE).text
