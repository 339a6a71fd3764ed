"""Words that no longer count: who said them is told, for they believe to be done."""

from collections.abc import Sequence

from qbot.domain.changes import Change
from qbot.domain.people import Actor
from qbot.domain.promotion import Approval, Verdict
from qbot.errors import PermanentError, TransientError
from qbot.operations.releases.case import Case

_PATIENCE = 20.0  # seconds that Slack is worth: the card says it as well
_TITLES = 2  # commits that are named
_TITLE = 80  # characters of each
_MOST = 3  # commits among which those are sure to be what it is about


async def told_void(case: Case, said: Sequence[Approval]) -> None:
    """Once for all that became void at one time.

    Args:
        case: whose.
        said: everything, in the order in which it came; what is void stays so.
    """
    void = [a for a in said if a.void]
    known = [n for n in range(len(void) + 1) if case.run.has(f"voided:{n}")]
    fresh = void[max(known, default=0) :]
    again = {a.actor for a in said if not a.void}
    new = [a for a in fresh if a.verdict is Verdict.APPROVED and a.actor not in again]
    if not new:
        return
    who = tuple(dict.fromkeys(a.actor for a in new))
    await _told(case, who, new[-1].void, f"voided:{len(void)}")


async def told_off(case: Case, why: str) -> None:
    """Whoever pushed shall find what became of it, also where nobody's word was void by it."""
    await _told(case, (), why, f"taken-off:{case.remakes}")


async def _told(case: Case, who: tuple[Actor, ...], why: str, name: str) -> None:
    notices, shown = case.context.notices, case.tracker.progress

    async def tell() -> str:
        try:
            await case.run.call(
                "Slack", lambda: notices.void(shown, who, why, key=name), within=_PATIENCE
            )
        except (TransientError, PermanentError) as error:
            return str(error)
        return ""

    def changes(problem: str) -> list[Change]:
        whom, end = " ".join(a.key for a in who), "failed" if problem else "done"
        return [case.audited("voided-told", end, whom=whom, why=why, problem=problem)]

    await case.run.step(name, tell, changes=changes)


async def foreign(case: Case, head: str, *, same: bool) -> str:
    """Why a head of the merge request's branch that is not Qbot's voids what was said.

    `same`: what is asked about now is what was asked about before.
    """
    what = await pushed(case, case.merge_request.sha, head)
    before = ", so that what changes is the same as before" if same else ""
    return (
        f"somebody else's commit was added to its branch{what}; Qbot has taken it off again{before}"
    )


async def pushed(case: Case, old: str, new: str) -> str:
    """`, "Fix the tag" by Ben Okafor`: what came between, as far as that is known; outside text."""
    project, repository = case.plan.project, case.context.repository
    found = await case.run.call("GitLab", lambda: repository.compare(project, old, new))
    if found is None or not found.authors or found.commits > _MOST:
        return ""
    titles = ", ".join(f"“{title[:_TITLE]}”" for title in found.titles[:_TITLES])
    by = " and ".join(found.authors)
    return f": {titles} by {by}" if titles else f", by {by}"
