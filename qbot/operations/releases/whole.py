"""Where stages are branches: a promotion of everything merges one branch into the other."""

from dataclasses import replace

from qbot.domain.repository_ports import Files
from qbot.domain.stages import Stage
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.draft import Planned
from qbot.operations.releases.lines import changed_lines
from qbot.operations.releases.written import Written, written


async def merged_whole(
    context: ReleaseContext, source: Stage, target: Written, found: Planned
) -> Planned:
    """The same plan as a merge of the source's tip, if git's merge brings exactly its versions.

    It does not where the target has had a version of its own since both were one, as after a
    rollback: git would keep that, or call it a conflict. Then the versions alone are written.
    """
    config = source.config
    tip = await context.repository.head(config.project, config.branch)
    base = tip and await context.repository.merge_base(config.project, target.tip, tip)
    if not tip or not base or base == tip:
        return found
    services = found.plan.services
    before = await written(context, target.stage, services, base)
    after = await written(context, target.stage, services, tip)
    wanted = {edit.service: edit.new for edit in found.plan.edits}
    plain = all(
        before.texts.get(s) == target.texts[s] and after.texts.get(s) == wanted[s] for s in services
    )
    compared = await context.repository.compare(config.project, target.tip, tip)
    if not plain or compared is None:
        return found
    old = await context.repository.files(config.project, base, compared.files)
    new = await context.repository.files(config.project, tip, compared.files)
    texts = {path: (_text(old, path), _text(new, path)) for path in compared.files}
    return replace(
        found,
        plan=replace(found.plan, merges=tip),
        changes=changed_lines(texts, context.redact),
    )


def _text(files: Files, path: str) -> str:
    found = files.get(path)
    return found.text if found else ""
