"""Who may approve, and what approvals amount to: one row for each refusal."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.approvals import Person, may_approve, may_reject, standing
from qbot.domain.names import PromotionId
from qbot.domain.policy import Allowed, Denied
from qbot.domain.promotion import Approval, Promotion, PromotionState, Verdict
from qbot.domain.stages import ApprovalRule
from tests.domain.promoting import (
    ANA,
    BEN,
    CART,
    CHLOE,
    DAN,
    MANAGERS,
    NOW,
    PAYMENTS,
    PROMOTION,
    among,
    edit,
    person,
    plan,
    said,
    without,
)

RULE = ApprovalRule(2, (MANAGERS,))
ANYBODY = ApprovalRule(1)
TEAMED = replace(RULE, teams={PAYMENTS: ("payments-team",)})
PAT = person(5, "payments-team")
BOTH = replace(PROMOTION, plan=plan(edit(CART), edit(PAYMENTS)))
OTHER_SLACK_OF_ANA = person(9, MANAGERS, account=1)
OTHER_SLACK_OF_CHLOE = person(9, MANAGERS, account=3)
OTHER_GITLAB_OF_CHLOE = person(3, MANAGERS, account=33)
NO_OF_DAN = said(DAN, verdict=Verdict.REJECTED)


def at(state: PromotionState) -> Promotion:
    return replace(PROMOTION, state=state)


ABANDONED = replace(at(PromotionState.CANCELLED), merge_sha="f" * 40)
REPLACED = replace(ABANDONED, superseded_by=PromotionId(8))


@pytest.mark.parametrize(
    ("promotion", "rule", "who", "approvals", "word", "says"),
    [
        (PROMOTION, RULE, person(1, MANAGERS), (), "self", "yourself"),
        (PROMOTION, RULE, OTHER_SLACK_OF_ANA, (), "self", "yourself"),
        (PROMOTION, ANYBODY, ANA, (), "self", "yourself"),
        (PROMOTION, RULE, CHLOE, (said(CHLOE),), "twice", "already"),
        (PROMOTION, RULE, OTHER_SLACK_OF_CHLOE, (said(CHLOE),), "twice", "already"),
        (PROMOTION, RULE, OTHER_GITLAB_OF_CHLOE, (said(CHLOE),), "twice", "already"),
        (PROMOTION, RULE, person(3, MANAGERS, account=None), (), "unmapped", "`link` connects"),
        (PROMOTION, RULE, replace(CHLOE, active=False), (), "inactive", "deactivated"),
        (PROMOTION, RULE, BEN, (), "role", "`release-managers`"),
        (PROMOTION, TEAMED, PAT, (), "role", "Only `release-managers` may"),
        (BOTH, TEAMED, BEN, (), "role", "`payments-team` or `release-managers`"),
        (PROMOTION, RULE, CHLOE, (NO_OF_DAN,), "rejected", "P-7"),
        (replace(PROMOTION, expires_at=NOW), RULE, CHLOE, (), "expired", "P-7"),
        (replace(PROMOTION, plan=None), RULE, CHLOE, (), "not-ready", "P-7"),
        (at(PromotionState.RESOLVING), RULE, CHLOE, (), "not-ready", "worked out"),
        (at(PromotionState.APPROVED), RULE, CHLOE, (), "approved", "all the approvals"),
        (at(PromotionState.MERGED), RULE, CHLOE, (), "merged", "P-7"),
        (at(PromotionState.DONE), RULE, CHLOE, (), "done", "P-7"),
        (at(PromotionState.FAILED), RULE, CHLOE, (), "failed", "P-7"),
        (at(PromotionState.REJECTED), RULE, CHLOE, (), "rejected", "P-7"),
        (at(PromotionState.EXPIRED), RULE, CHLOE, (), "expired", "Ask for it again"),
        (at(PromotionState.CLOSED), RULE, CHLOE, (), "closed", "merge request of P-7"),
        (at(PromotionState.CANCELLED), RULE, CHLOE, (), "withdrawn", "P-7 was withdrawn"),
        (ABANDONED, RULE, CHLOE, (), "withdrawn", "P-7 was abandoned"),
        (REPLACED, RULE, CHLOE, (), "withdrawn", "P-7 was superseded"),
        (at(PromotionState.REFUSED), RULE, CHLOE, (), "refused", "P-7"),
    ],
)
def test_an_approval_is_refused(
    promotion: Promotion,
    rule: ApprovalRule,
    who: Person,
    approvals: tuple[Approval, ...],
    word: str,
    says: str,
) -> None:
    decision = may_approve(promotion, rule, who, approvals, now=NOW)
    assert isinstance(decision, Denied)
    assert decision.rule == word
    assert says in decision.reason
    assert decision.reason.endswith(".")


@pytest.mark.parametrize(
    ("promotion", "rule", "who", "approvals", "word"),
    [
        (PROMOTION, RULE, CHLOE, (), "approver:release-managers"),
        (PROMOTION, RULE, DAN, (said(CHLOE),), "approver:release-managers"),
        (PROMOTION, ANYBODY, BEN, (), "approver"),
        (PROMOTION, replace(ANYBODY, by_requester=True), ANA, (), "approver"),
        (PROMOTION, replace(ANYBODY, by_requester=True), person(9, account=1), (), "approver"),
        (BOTH, TEAMED, PAT, (), "approver:payments-team"),
        (replace(PROMOTION, expires_at=None), RULE, CHLOE, (), "approver:release-managers"),
        (
            replace(PROMOTION, expires_at=NOW + timedelta(seconds=1)),
            RULE,
            CHLOE,
            (),
            "approver:release-managers",
        ),
        (replace(PROMOTION, account=None), RULE, CHLOE, (), "approver:release-managers"),
        # one's own earlier word does not stand any more
        (BOTH, RULE, CHLOE, (said(CHLOE),), "approver:release-managers"),
        (PROMOTION, RULE, CHLOE, (replace(said(CHLOE), void="x"),), "approver:release-managers"),
        (PROMOTION, RULE, CHLOE, (replace(NO_OF_DAN, void="x"),), "approver:release-managers"),
    ],
)
def test_an_approval_is_allowed(
    promotion: Promotion,
    rule: ApprovalRule,
    who: Person,
    approvals: tuple[Approval, ...],
    word: str,
) -> None:
    assert may_approve(promotion, rule, who, approvals, now=NOW) == Allowed(word)


@pytest.mark.parametrize(
    ("promotion", "who", "word"),
    [
        (PROMOTION, BEN, "role"),
        (PROMOTION, person(3, MANAGERS, account=None), "unmapped"),
        (PROMOTION, replace(CHLOE, active=False), "inactive"),
        (PROMOTION, replace(ANA, active=False), "inactive"),
        (at(PromotionState.MERGED), CHLOE, "merged"),
        (at(PromotionState.MERGED), ANA, "merged"),
        (at(PromotionState.REJECTED), CHLOE, "rejected"),
        (at(PromotionState.RESOLVING), ANA, "not-ready"),
    ],
)
def test_a_rejection_is_refused(promotion: Promotion, who: Person, word: str) -> None:
    decision = may_reject(promotion, RULE, who)
    assert isinstance(decision, Denied)
    assert decision.rule == word


@pytest.mark.parametrize(
    ("promotion", "who", "word"),
    [
        (PROMOTION, CHLOE, "approver:release-managers"),
        (at(PromotionState.APPROVED), CHLOE, "approver:release-managers"),
        (PROMOTION, ANA, "requester"),
        (PROMOTION, replace(ANA, account=None), "requester"),
        (PROMOTION, OTHER_SLACK_OF_ANA, "requester"),
    ],
)
def test_a_rejection_is_allowed(promotion: Promotion, who: Person, word: str) -> None:
    assert may_reject(promotion, RULE, who) == Allowed(word)


def test_two_people_with_the_role_are_enough() -> None:
    one = standing(PROMOTION, RULE, (said(CHLOE),), among())
    assert (one.missing, one.enough) == (1, False)
    two = standing(PROMOTION, RULE, (said(CHLOE), said(DAN)), among())
    assert (two.missing, two.enough, two.void) == (0, True, ())
    assert two.counted == (said(CHLOE), said(DAN))


def test_a_rule_that_asks_for_nobody_is_fulfilled_at_once() -> None:
    assert standing(PROMOTION, ApprovalRule(0), (), among()).enough


def test_without_a_plan_no_approval_counts() -> None:
    unplanned = replace(PROMOTION, plan=None)
    assert not standing(unplanned, ANYBODY, (said(CHLOE),), among()).counted


@pytest.mark.incident("approval-reused")
@pytest.mark.parametrize(
    ("approval", "rule", "changed", "says"),
    [
        (replace(said(CHLOE), digest="d"), RULE, (), "the change is another one now"),
        (replace(said(CHLOE), promotion=PromotionId(6)), RULE, (), "the change is another one now"),
        (said(CHLOE), RULE, (without(CHLOE),), "no longer has the role"),
        (said(CHLOE), RULE, (replace(CHLOE, active=False),), "deactivated or blocked"),
        (said(CHLOE), RULE, (replace(CHLOE, account=None),), "not linked to GitLab any more"),
        (said(CHLOE), RULE, (OTHER_GITLAB_OF_CHLOE,), "another GitLab account"),
        (said(person(8, MANAGERS)), RULE, (), "deactivated or blocked"),
        (said(ANA), ANYBODY, (), "what they asked for"),
        (said(OTHER_SLACK_OF_ANA), RULE, (OTHER_SLACK_OF_ANA,), "what they asked for"),
        (replace(said(CHLOE), void="as it was said then"), RULE, (), "as it was said then"),
    ],
)
def test_an_approval_is_void(
    approval: Approval, rule: ApprovalRule, changed: tuple[Person, ...], says: str
) -> None:
    found = standing(PROMOTION, rule, (approval,), among(*changed))
    assert found.counted == ()
    assert found.missing == rule.count
    assert says in found.void[0].void
    assert replace(found.void[0], void=approval.void) == approval


def test_who_linked_an_account_after_the_request_does_not_approve_by_another() -> None:
    asked_unlinked = replace(PROMOTION, account=None)
    found = standing(asked_unlinked, RULE, (said(OTHER_SLACK_OF_ANA),), among(OTHER_SLACK_OF_ANA))
    assert found.counted == ()
    assert "what they asked for" in found.void[0].void


@pytest.mark.parametrize("again", [CHLOE, OTHER_SLACK_OF_CHLOE])
def test_the_same_person_counts_once(again: Person) -> None:
    found = standing(PROMOTION, RULE, (said(CHLOE), said(again)), among(again))
    assert (len(found.counted), found.missing) == (1, 1)
    assert "same person" in found.void[0].void


def test_a_word_given_again_after_a_change_counts() -> None:
    before = replace(said(CHLOE), digest="before")
    found = standing(PROMOTION, RULE, (before, said(CHLOE), said(DAN)), among())
    assert found.enough
    assert [a.digest for a in found.void] == ["before"]


def test_a_rejection_outweighs_every_approval() -> None:
    found = standing(PROMOTION, ANYBODY, (said(CHLOE), NO_OF_DAN), among())
    assert (found.missing, found.rejected, found.enough) == (0, NO_OF_DAN, False)


def test_a_teams_service_needs_the_teams_yes_too() -> None:
    people = among(PAT)
    managers = standing(BOTH, TEAMED, (said(CHLOE, BOTH), said(DAN, BOTH)), people)
    assert (managers.missing, managers.enough) == (0, False)
    assert managers.teams == {PAYMENTS: ("payments-team",)}
    everybody = (said(CHLOE, BOTH), said(DAN, BOTH), said(PAT, BOTH))
    assert standing(BOTH, TEAMED, everybody, people).enough


def test_a_teams_yes_is_none_of_the_managers() -> None:
    found = standing(BOTH, TEAMED, (said(CHLOE, BOTH), said(PAT, BOTH)), among(PAT))
    assert (found.missing, dict(found.teams)) == (1, {})


def test_one_person_may_be_of_the_team_and_a_manager() -> None:
    dan = person(4, MANAGERS, "payments-team")
    assert standing(BOTH, TEAMED, (said(CHLOE, BOTH), said(dan, BOTH)), among(dan)).enough


def test_a_team_is_asked_only_where_its_service_changes() -> None:
    assert standing(PROMOTION, TEAMED, (said(CHLOE), said(DAN)), among()).enough


ROLES = st.sets(st.sampled_from([MANAGERS, "payments-team"]))
CROWD = st.lists(
    st.builds(
        lambda slack, gitlab, roles, active: replace(
            person(slack, *roles, account=gitlab), active=active
        ),
        st.integers(1, 5),
        st.integers(1, 4),
        ROLES,
        st.booleans(),
    ),
    unique_by=lambda p: p.actor,
)
RULES = st.builds(
    lambda count, roles, own: replace(TEAMED, count=count, roles=roles, by_requester=own),
    st.integers(1, 3),
    st.sampled_from([(), (MANAGERS,)]),
    st.booleans(),
)


@given(CROWD, RULES, st.data())
def test_whatever_may_approve_counts_and_nothing_else(
    crowd: list[Person], rule: ApprovalRule, data: st.DataObject
) -> None:
    """The press and the execution judge alike, whoever presses in whatever order."""
    people = {p.actor: p for p in crowd}
    given_in_turn: list[Approval] = []
    presses = data.draw(st.lists(st.sampled_from(crowd), max_size=8)) if crowd else []
    for who in presses:
        before = standing(BOTH, rule, given_in_turn, people)
        decision = may_approve(BOTH, rule, who, given_in_turn, now=NOW)
        if who.account is None:
            continue
        after = standing(BOTH, rule, (*given_in_turn, said(who, BOTH)), people)
        grew = len(after.counted) > len(before.counted)
        assert grew == isinstance(decision, Allowed)
        if grew:
            given_in_turn.append(said(who, BOTH))
    found = standing(BOTH, rule, given_in_turn, people)
    assert found.void == ()
    accounts = [a.account.id for a in found.counted]
    assert len(set(accounts)) == len(accounts)
    assert rule.by_requester or 1 not in accounts


def test_authors_approve_unless_the_rule_says_otherwise() -> None:
    assert PROMOTION.plan
    (item,) = PROMOTION.plan.items
    assert CHLOE.account
    mine = replace(item, wrote=(CHLOE.account.id,))
    asked = replace(PROMOTION, plan=replace(PROMOTION.plan, items=(mine,)))
    strict = replace(RULE, by_authors=False)
    assert isinstance(may_approve(asked, RULE, CHLOE, (), now=NOW), Allowed)
    refused = may_approve(asked, strict, CHLOE, (), now=NOW)
    assert isinstance(refused, Denied)
    assert refused.rule == "author"
    assert isinstance(may_approve(asked, strict, DAN, (), now=NOW), Allowed)
