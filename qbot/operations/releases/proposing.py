"""The commit and the merge request that carry a promotion; made, found again, made anew."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from qbot.domain.changes import Change as DomainChange
from qbot.domain.progress import Step
from qbot.domain.promotion import Edit, MergeRequestRef, Plan, branch_of
from qbot.domain.release import Diff
from qbot.domain.release_changes import ApprovalsVoided, PromotionOpened, PromotionPlanned
from qbot.domain.repository_ports import FileEdit, Files, Moved
from qbot.domain.services import short_image
from qbot.errors import TransientError
from qbot.operations.configfiles import current
from qbot.operations.releases.case import Case
from qbot.operations.releases.draft import edited, lines, text_of
from qbot.operations.releases.voiding import pushed

_TITLE = 200  # characters of a merge request's title


async def proposed(case: Case, plan: Plan, tip: str) -> None:
    """Make the branch, its one commit and the merge request, once.

    Args:
        case: whose row has no merge request yet.
        plan: what to change.
        tip: of the stage's branch, at which the plan's old values were read.
    """
    case.tracker.show(step=Step.PROPOSING)
    extra = [PromotionPlanned(case.promotion.id, plan)]
    await _write(case, plan, tip, name="propose", extra=extra)


async def remade(case: Case, plan: Plan, tip: str, *, seen: str, why: str) -> None:
    """The same merge request with a new commit at a new tip.

    Approvals stay where the plan's digest is the same, and are void where it is not, or where
    `why` says that something else stood in the way, each time. `seen` is the head that was found.
    """
    number, turn = case.promotion.id, case.remakes
    why = await _noted(case, turn, why)
    if not why and plan.digest != case.plan.digest:
        what = await pushed(case, case.merge_request.base, tip)
        why = f"what the stage runs has changed since{what}"
    extra: list[DomainChange] = [PromotionPlanned(number, plan, await _lines(case, plan, tip))]
    if why:
        extra += [
            ApprovalsVoided(number, why),
            case.found("voided", why=why, head=seen),
        ]
    await _write(case, plan, tip, name=f"remade:{turn}", extra=extra)
    case.made.add(case.merge_request.sha)


async def _noted(case: Case, turn: int, why: str) -> str:
    """Recorded before the head is replaced: nothing else tells of it after a crash."""
    name = f"void:{turn}"

    async def note() -> str:
        return why

    return await case.run.step(name, note) if why or case.run.has(name) else ""


async def _lines(case: Case, plan: Plan, tip: str) -> Diff | None:
    """The lines that it changes at this tip; None: as before, which is so of a whole branch."""
    if plan.merges:
        return None
    files = await case.run.call("GitLab", lambda: case.files(plan, tip))
    return await asyncio.to_thread(lines, case.context, case.stage, plan.edits, files)


async def _write(
    case: Case, plan: Plan, tip: str, *, name: str, extra: Sequence[DomainChange]
) -> None:
    repository, run = case.context.repository, case.run
    branch = branch_of(case.promotion.id)
    expires = await _expires(case, plan)

    async def write() -> list[object]:
        head = await _commit(case, plan, tip, branch)
        merge_request = await repository.open_merge_request(
            plan.project,
            source=branch,
            target=plan.branch,
            title=_title(case, plan),
            description=_description(case, plan),
        )
        return [merge_request.iid, merge_request.url, head, tip]

    def changes(made: list[object]) -> list[DomainChange]:
        ref = _ref(plan, branch, made)
        return [
            PromotionOpened(case.promotion.id, ref, expires),
            case.audited(
                "proposed",
                "done",
                merge_request=ref.url,
                sha=ref.sha,
                digest=plan.digest,
                **_images(plan),
            ),
            *extra,
        ]

    made = await run.step(name, write, changes=changes)
    ref = _ref(plan, branch, made)
    case.promotion = replace(case.promotion, plan=plan, merge_request=ref, expires_at=expires)
    await shown(case)


async def _expires(case: Case, plan: Plan) -> datetime:
    """Once for each change: whoever tries again or makes it anew has no more time for it."""
    known = case.promotion.expires_at
    if known is not None and case.plan.digest == plan.digest:
        return known
    seconds = case.rule.expires.total_seconds()
    return await case.run.deadline(f"expires:{plan.digest}", seconds)


def _ref(plan: Plan, branch: str, made: Sequence[object]) -> MergeRequestRef:
    iid, url, sha, base = made
    return MergeRequestRef(plan.project, int(str(iid)), str(url), branch, str(sha), str(base))


async def shown(case: Case) -> None:
    """The card knows what is proposed, also where a crash came between the proposal and it."""
    ref, number = case.merge_request, case.promotion.id
    changes = await case.run.call("the database", lambda: case.context.promotions.changes(number))
    case.tracker.show(
        source=case.plan.source,
        items=case.plan.items,
        changes=changes,
        digest=case.plan.digest,
        merge_request=ref.url,
        merge_request_iid=ref.iid,
        expires_at=case.promotion.expires_at,
    )


async def _commit(case: Case, plan: Plan, tip: str, branch: str) -> str:
    """The branch's head: the one that is there, if it is exactly this change."""
    repository = case.context.repository
    head = await repository.head(plan.project, branch)
    if head is not None and await is_exactly(case, plan, tip, head):
        return head
    if plan.merges:
        return await repository.commit(
            plan.project, branch, start=plan.merges, message="", edits=()
        )
    files = await case.files(plan, tip)
    # A hundred files take half a second to parse: not on the event loop.
    texts = await asyncio.to_thread(edited, case.stage, plan.edits, files)
    try:
        return await repository.commit(
            plan.project,
            branch,
            start=tip,
            message=_message(case, plan),
            edits=[FileEdit(path, text, _last_commit(files, path)) for path, text in texts.items()],
        )
    except Moved as error:
        raise TransientError(
            f"GitLab: {plan.project} changed at the same moment: {error}"
        ) from None


async def is_exactly(case: Case, plan: Plan, tip: str, head: str) -> bool:
    """Whether a commit makes this change at `tip`, all of it and nothing else.

    Its message is part of it: pipelines read it, and it says who asked for what.
    """
    if plan.merges:
        return head == plan.merges
    repository = case.context.repository
    if await repository.parents(plan.project, head) != (tip,):
        return False
    if (await repository.message_of(plan.project, head)).strip() != _message(case, plan).strip():
        return False
    compared = await repository.compare(plan.project, tip, head)
    paths = {edit.file for edit in plan.edits}
    if compared is None or set(compared.files) != paths or compared.modes:
        return False
    before, after = await asyncio.gather(case.files(plan, tip), case.files(plan, head))
    wanted = await asyncio.to_thread(edited, case.stage, plan.edits, before)
    return all((found := after[path]) is not None and found.text == wanted[path] for path in paths)


def values(case: Case, edits: Sequence[Edit], files: Files) -> dict[tuple[str, str], str]:
    """What stands at each edit's place, by (file, key); a missing one is empty."""
    return {
        (e.file, e.key): current(case.stage.config.format, text_of(files, e.file), e.key) or ""
        for e in edits
    }


def _last_commit(files: Files, path: str) -> str:
    found = files.get(path)
    return found.last_commit if found else ""


def _images(plan: Plan) -> dict[str, str]:
    """`cart=sha256:...`, of every version whose image is known."""
    known = [f"{i.service}={i.pin.digest}" for i in plan.items if i.pin.digest]
    return {"images": " ".join(known)} if known else {}


def _title(case: Case, plan: Plan) -> str:
    names = ", ".join(plan.services)
    what = f"Roll back {names} in" if case.back else f"Promote {names} to"
    return f"{case.promotion.name}: {what} {plan.stage}"[:_TITLE]


def _message(case: Case, plan: Plan) -> str:
    lines = [f"{e.service}: {_plain(e.old) or 'nothing'} -> {_plain(e.new)}" for e in plan.edits]
    return "\n".join([_title(case, plan), "", *lines, "", *trailers(case, plan)])


def _description(case: Case, plan: Plan) -> str:
    pins = {item.service: item.pin.digest for item in plan.items}
    rows = [
        f"| {e.service} | {_cell(e.old)} | {_cell(e.new)} | {_cell(short_image(pins[e.service]))} |"
        for e in plan.edits
    ]
    table = ["| service | from | to | image |", "| --- | --- | --- | --- |", *rows]
    return "\n".join(
        [
            f"Made by Qbot for {case.promotion.name}, which is approved and merged from Slack.",
            "A commit that is added here is taken off again, and voids its approvals.",
            "",
            *table,
            "",
            *trailers(case, plan),
        ]
    )


def _plain(text: str) -> str:
    """On one line: at the start of a line GitLab reads commands that it carries out as Qbot."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _cell(text: str) -> str:
    """A cell of a Markdown table that says nothing but this text."""
    plain = _plain(text).replace("`", "'").replace("|", "\\|")
    return f"`{plain or '-'}`"


def trailers(case: Case, plan: Plan) -> list[str]:
    """What ties a commit to the audit log."""
    account = case.promotion.account
    who = case.promotion.requester.user + (f" ({account.username})" if account else "")
    return [
        f"Qbot-Promotion: {case.promotion.name}",
        f"Qbot-Requested-By: {who}",
        f"Qbot-Digest: {plan.digest}",
    ]
