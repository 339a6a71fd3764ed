"""A plan as it is made: before anything is written anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qbot.domain.names import ServiceName, StageName
from qbot.domain.promotion import Plan, Version
from qbot.domain.release import Diff
from qbot.operations.configfiles import changed
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.items import Move, items
from qbot.operations.releases.lines import changed_lines
from qbot.operations.releases.versions import with_commits
from qbot.operations.releases.written import Written


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the changed lines, and the tip of the stage's branch that both were read at."""

    plan: Plan
    changes: Diff
    tip: str


async def drafted(
    context: ReleaseContext, target: Written, source: StageName | str, moves: Sequence[Move]
) -> Planned:
    """The plan that writes the new versions of these moves into the target.

    Raises:
        UserError: a file cannot be edited.
        TransientError: GitLab does not answer.
    """
    stage = target.stage
    edits = tuple(target.edit(move.service, move.new.text) for move in moves)
    texts: dict[str, tuple[str, str]] = {}
    for edit in edits:
        file = target.files[edit.file]
        before, now = texts.get(edit.file) or ((file.text, file.text) if file else ("", ""))
        texts[edit.file] = before, changed(stage.config.format, now, edit.key, edit.new)
    plan = Plan(
        stage=stage.name,
        source=str(source),
        project=stage.config.project,
        branch=stage.config.branch,
        items=await items(context, await _with_commits(context, target, moves)),
        edits=edits,
    )
    return Planned(plan, changed_lines(texts, context.redact), target.tip)


async def _with_commits(
    context: ReleaseContext, target: Written, moves: Sequence[Move]
) -> Sequence[Move]:
    """Both versions of each move are what the target's own template says."""
    stage = target.stage
    old: Mapping[ServiceName, Version] = {m.service: m.old for m in moves}
    new: Mapping[ServiceName, Version] = {m.service: m.new for m in moves}
    old = await with_commits(context, stage, old)
    new = await with_commits(context, stage, new)
    return [m.between(old[m.service], new[m.service]) for m in moves]
