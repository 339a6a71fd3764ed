"""What owners are told of what goes, and what the channel of the reaper is asked."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from qbot.domain.environment import Environment, Pin
from qbot.domain.lifetime import Moved
from qbot.domain.names import BranchName, EnvId
from qbot.domain.reaper_ports import Alert, Answer, Candidate, Fate, Question, Warned
from qbot.domain.reaping import EVERY_BRANCH, Cause, Goes
from qbot.render.braking import alert, decided, outdated, question
from qbot.render.lifetimes import extended
from qbot.render.warnings import MOST, Around, reminder, signed, warning
from tests.render.blockcheck import check_message
from tests.render.conftest import Golden
from tests.render.samples import ANA, BEN, NOW, STYLE, environment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MERGE = "https://gitlab.acme.dev/shop/cart/-/merge_requests/12"
NASTY = ("<!channel>", "`*_~", "a" * 900, "&lt;", "\u202e")
DM, CHANNEL = ANA.user, "C0REAPER"


def living(number: int) -> Environment:
    env = replace(environment(number), id=EnvId(f"e{number:012x}"))
    return replace(env, url=f"https://ticket-{number}.envs.acme.dev")


def warned(
    env: Environment, cause: Cause = Cause.IDLE, fate: Fate = Fate.OPEN, **more: object
) -> Warned:
    proof = {Cause.MERGED: (MERGE,), Cause.GONE: ("shop/cart",)}.get(cause, ())
    goes = Goes(env.id, cause, NOW - DAY, NOW + 4 * HOUR, "reaper.rules[0]", proof)
    of = Warned(env.id, env.name, env.branch, env.owner, goes, fate)
    return replace(of, **more)  # type: ignore[arg-type]  # by name


def around(*envs: Environment, back: datetime | None = None) -> Around:
    until = {env.id: back for env in envs} if back else {}
    return Around({env.id: env for env in envs}, until)


def test_a_warning_says_what_goes_when_why_and_what_runs_there(golden: Golden) -> None:
    env = living(0)
    golden("warning", warning([warned(env)], around(env), STYLE, to=DM))


def test_what_no_rule_of_its_own_fits_goes_by_the_times_for_all() -> None:
    env = living(0)
    one = warned(env)
    general = replace(one, goes=replace(one.goes, rule=EVERY_BRANCH))
    shown = str(warning([general], around(env), STYLE, to=DM).blocks)
    assert "By the times for all branches (`reaper` of qbot.yaml)" in shown


def test_of_what_is_merged_nobody_can_wait_for_the_merge(golden: Golden) -> None:
    env = living(0)
    shown = warning([warned(env, Cause.MERGED)], around(env), STYLE, to=CHANNEL)
    golden("warning_merged_in_channel", shown)
    assert ":merge" not in str(shown.blocks)
    assert shown.text.startswith(f"<@{ANA.user}> ")


def test_the_same_message_says_who_kept_it(golden: Golden) -> None:
    env = living(0)
    kept = warned(env, fate=Fate.STAYS, why="kept", by=BEN)
    golden("warning_stays", warning([kept], around(env), STYLE, to=DM))
    used = warning([replace(kept, why="", by=None)], around(env), STYLE, to=DM)
    assert used.text == ":white_check_mark: *feat/checkout* stays."


def test_the_same_message_says_that_it_was_deleted_why_and_how_to_undo_that(
    golden: Golden,
) -> None:
    env = living(0)
    going = warning([warned(env, Cause.MERGED, Fate.GOING)], around(env), STYLE, to=DM)
    golden("warning_going", going)
    gone = warned(env, Cause.MERGED, Fate.GONE)
    golden("warning_gone", warning([gone], around(env, back=NOW + 7 * DAY), STYLE, to=DM))
    by_hand = warning([replace(gone, by=BEN)], around(env, back=NOW + DAY), STYLE, to=DM)
    assert by_hand.text == f":white_circle: *feat/checkout* was deleted by <@{BEN.user}>."
    back = replace(gone, fate=Fate.RESTORED, by=BEN)
    restored = warning([back], around(env, back=NOW + DAY), STYLE, to=DM)
    assert f"*feat/checkout* was deleted, and is restored by <@{BEN.user}>" in restored.text
    assert "Restore" not in str(restored.blocks)
    over = warning([gone], around(env), STYLE, to=DM)
    assert "Restore" not in str(over.blocks)


def test_several_of_one_owner_are_one_message_with_buttons_for_each(golden: Golden) -> None:
    envs = [living(n) for n in range(3)]
    all_ = [
        warned(envs[0], Cause.GONE),
        warned(envs[1], fate=Fate.STAYS, why="extended until tomorrow", by=ANA),
        warned(envs[2], Cause.OVER),
    ]
    golden("warning_several", warning(all_, around(*envs), STYLE, to=DM))
    heads = {
        (Fate.STAYS, Fate.STAYS): "*2 environments of yours stay*",
        (Fate.GONE, Fate.GOING): "*2 environments of yours were deleted*",
        (Fate.STAYS, Fate.GONE): "*2 environments of yours: 1 kept, 1 deleted*",
        (Fate.STAYS, Fate.NEWER): "*1 environment of yours stays*",
        (Fate.NEWER, Fate.NEWER): "*2 environments of yours: newer warnings stand for these*",
        (Fate.GONE, Fate.NEWER): "*1 environment of yours was deleted*",
        (Fate.OPEN, Fate.GONE): "*1 environment of yours is about to be deleted*",
    }
    for fates, head in heads.items():
        two = [warned(env, fate=fate) for env, fate in zip(envs, fates, strict=False)]
        assert warning(two, around(*envs), STYLE, to=DM).text.startswith(f"{head}\n")


def test_as_many_as_fit_with_nasty_names_are_whole() -> None:
    envs = [replace(living(n), branch=BranchName(NASTY[n % 5])) for n in range(MOST)]
    shown = warning([warned(env, Cause.GONE) for env in envs], around(*envs), STYLE, to=DM)
    check_message(shown.text, list(shown.blocks))
    assert "<!channel>" not in shown.text
    assert str(shown.blocks).count("'env_reaper_keep'") == MOST


def test_a_reminder_mentions_the_owner_since_only_that_is_heard(golden: Golden) -> None:
    golden("warning_reminder", reminder([warned(living(0))], STYLE))
    several = reminder([warned(living(n)) for n in range(3)], STYLE)
    assert several.text.startswith(f"<@{ANA.user}> These will soon be deleted:")
    again = reminder([warned(living(0))], STYLE, again=True)
    assert again.text.startswith(
        f"<@{ANA.user}> *feat/checkout* was used, and will now be deleted <!date"
    )


def test_extending_what_has_no_end_says_until_when_it_is_left_alone() -> None:
    endless = replace(living(0), expires_at=None)
    told = extended(Moved(endless, endless), STYLE, by=DAY, now=NOW)
    assert f"is not deleted before <!date^{int((NOW + DAY).timestamp())}" in told.text


@pytest.mark.parametrize("capped", [False, True])
def test_extending_what_is_pinned_says_that_nothing_makes_it_go_before(capped: bool) -> None:
    held = replace(living(0), pin=Pin(ANA, NOW, NOW + 7 * DAY, "a demo"))
    told = extended(Moved(held, held, capped=capped), STYLE, by=HOUR, now=NOW).text
    pin, end = int((NOW + 7 * DAY).timestamp()), int((NOW + 8 * DAY).timestamp())
    assert f"is pinned by <@{ANA.user}> until <!date^{pin}" in told
    assert f"Then it has until <!date^{end}" in told
    assert "it may go" not in told
    assert ("allows no more" in told) is capped


def asked(count: int, **more: object) -> Question:
    envs = [living(n) for n in range(count)]
    found = Question(
        "q17",
        ("30 of 45 would go now; more than 10 are asked about first.", "shop/cart lost 9 of 12."),
        tuple(Candidate(e.id, e.branch, e.owner, Cause.GONE, NOW) for e in envs),
        NOW,
    )
    return replace(found, **more)  # type: ignore[arg-type]  # by name


def test_the_brake_asks_which_may_go_and_why_it_holds(golden: Golden) -> None:
    shown = question(asked(30))
    golden("reaper_question", shown)
    assert all(env.branch in str(shown.blocks) for env in asked(30).envs)  # whoever says Go saw all
    assert "and 15 more" in str(question(asked(55)).blocks)
    check_message(question(asked(1_000)).text, list(question(asked(1_000)).blocks))


@pytest.mark.parametrize(
    ("warned", "follows"),
    [
        ([True], "After a Go it goes when due."),
        ([True, True], "After a Go they go when due."),
        ([False], "After a Go its owner is told first; it goes 4 h after that."),
        ([False, False], "told first; they go 4 h to 5 h after that."),
        ([True, False, False], "of the other 2 are told first, and those go 5 h to 6 h after"),
        ([True, True, False], "After a Go 2 of them go when due; the owners of the other 1"),
    ],
)
def test_the_question_its_confirm_and_the_answer_say_what_follows_from_a_go(
    warned: list[bool], follows: str
) -> None:
    envs = [
        replace(one, warned=said, grace=(4 + n) * HOUR)
        for n, (one, said) in enumerate(zip(asked(len(warned)).envs, warned, strict=True))
    ]
    open_ = asked(0, envs=tuple(envs))
    shown = question(open_)
    (row,) = [b for b in shown.blocks if b["type"] == "actions"]
    sure = row["elements"][0]["confirm"]
    assert follows in sure["text"]["text"]
    assert sure["text"]["text"].endswith("restored for days.")  # all of it fits
    said = decided(replace(open_, answer=Answer.GO), STYLE).text
    assert follows.replace("After a Go", "Now") in said
    assert follows in str(shown.blocks[-2])
    assert ("after its owner is told" in shown.text) is not all(warned)


def test_one_environment_is_spoken_of_as_one() -> None:
    one = asked(1)
    assert "1 environment goes with all its services" in str(question(one).blocks)
    assert "No-go: 1 environment stays for now" in question(replace(one, answer=Answer.NO_GO)).text
    assert "1 environment stays for now." in decided(replace(one, answer=Answer.NO_GO), STYLE).text


def test_a_no_go_says_when_it_is_asked_again_and_has_go_for_whoever_knows_better() -> None:
    shown = question(asked(2, answer=Answer.NO_GO, by=BEN, at=NOW))
    assert f"Asked again <!date^{int((NOW + DAY).timestamp())}" in str(shown.blocks)
    (row,) = [b for b in shown.blocks if b["type"] == "actions"]
    assert [e["text"]["text"] for e in row["elements"]] == ["Go", "Show Plan"]


def test_a_warning_that_is_held_says_why_it_stays_and_that_it_is_due_still() -> None:
    held = [replace(w, held="the reaper is paused") for w in (warned(living(0)), warned(living(1)))]
    said = signed(held[0], STYLE)
    assert "stays for now: the reaper is paused. Due <!date" in said
    assert "will be deleted" not in said
    both = warning(held, around(), STYLE, to=ANA.user)
    assert "*2 environments of yours stay for now*" in both.text
    half = warning([warned(living(0)), held[1]], around(), STYLE, to=ANA.user)
    assert "*1 environment of yours is about to be deleted*" in half.text


@pytest.mark.parametrize("answer", [Answer.GO, Answer.NO_GO, Answer.OVER])
def test_who_answered_takes_the_place_of_the_buttons(answer: Answer, golden: Golden) -> None:
    by = None if answer is Answer.OVER else BEN
    said = asked(2, answer=answer, by=by, at=NOW if by else None)
    golden(f"reaper_question_{answer}", question(said))
    told = outdated(said).text
    assert ("<@U0BEN> said" in told) is (by is not None)
    assert "Nothing was changed." in told


def test_an_alert_is_taken_back_in_its_own_place(golden: Golden) -> None:
    said = Alert(("No whole answer from GitLab about shop/cart: what runs it stays.",), NOW)
    golden("reaper_alert", alert(said))
    golden("reaper_alert_over", alert(replace(said, over_at=NOW + HOUR)))
