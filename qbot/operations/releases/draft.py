"""A plan as it is made: before anything is written anywhere."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qbot.domain.names import ServiceName, StageName
from qbot.domain.promotion import Edit, Plan, Version
from qbot.domain.release import Diff
from qbot.domain.repository_ports import Files
from qbot.domain.stages import ApprovalRule, Stage
from qbot.errors import UserError
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
    files: Files = field(default_factory=dict)  # as they are at the tip; not recorded


async def drafted(
    context: ReleaseContext,
    target: Written,
    source: StageName | str,
    moves: Sequence[Move],
    rule: ApprovalRule | None,
) -> Planned:
    """The plan that writes the new versions of these moves into the target.

    `rule`: by which it is to be approved; None: nobody is asked.

    Raises:
        UserError: a file cannot be edited.
        TransientError: GitLab does not answer.
        PermanentError: as for `items`.
    """
    stage = target.stage
    edits = tuple(target.edit(move.service, move.new.text) for move in moves)
    changes = await asyncio.to_thread(lines, context, stage, edits, target.files)
    plan = Plan(
        stage=stage.name,
        source=str(source),
        project=stage.config.project,
        branch=stage.config.branch,
        items=await items(
            context,
            await _with_commits(context, target, moves),
            surely=rule is not None and not rule.by_authors,
        ),
        edits=edits,
    )
    return Planned(plan, changes, target.tip, target.files)


def lines(context: ReleaseContext, stage: Stage, edits: Sequence[Edit], files: Files) -> Diff:
    """What the edits change. A hundred files take half a second to parse: in a thread.

    Raises:
        UserError: as for `edited`.
    """
    after = edited(stage, edits, files)
    texts = {path: (text_of(files, path), text) for path, text in after.items()}
    return changed_lines(texts, context.redact)


def edited(stage: Stage, edits: Sequence[Edit], files: Files) -> dict[str, str]:
    """The new text of each file.

    Raises:
        UserError: a file or a key is not there.
    """
    texts: dict[str, str] = {}
    for edit in edits:
        before = texts.get(edit.file) or text_of(files, edit.file)
        texts[edit.file] = changed(stage.config.format, before, edit.key, edit.new)
    return texts


def text_of(files: Files, path: str) -> str:
    """A file's text.

    Raises:
        UserError: the repository has no such file.
    """
    found = files.get(path)
    if found is None:
        raise UserError(
            f"`{path}` is not in the configuration repository.",
            hint="The stage's `config` in qbot.yaml says which file holds a service's version.",
        )
    return found.text


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
