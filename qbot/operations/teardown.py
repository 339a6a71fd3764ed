"""`delete`: an environment goes, in the one order that Argo CD survives, and is proven gone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from qbot.domain.changes import CardsSuperseded, Change, PhaseChanged, StillGoes
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import TeardownInput, clears
from qbot.domain.progress import End, Stage, Step
from qbot.domain.reaping import EVERY_BRANCH, SAID, Goes
from qbot.errors import UserError
from qbot.operations.beginning import begun
from qbot.operations.context import Context
from qbot.operations.endings import ended, refused
from qbot.operations.handler import Outcome
from qbot.operations.proving import proofs_of
from qbot.operations.removal import Removal, StuckError
from qbot.operations.rolling import barred
from qbot.operations.run import Run
from qbot.operations.track import Tracker, opened

_AGAIN = "The environment that the branch has now was left alone."


async def teardown(run: Run, context: Context) -> Outcome:
    """Remove everything and look that nothing is left. What is gone is gone: no way back."""
    with run.ignoring_cancel():
        tracker = await opened(run, context)
        env = tracker.env
        if not env.phase.alive and not clears(run.operation.input):
            gone = UserError(f"The environment of `{env.branch}` is gone already.")
            return await refused(run, context, tracker, Phase.DELETED, gone)
        reaped = _reaped(run)
        if reaped is None and (locked := await barred(run, context, env)):
            return await refused(run, context, tracker, env.phase, locked)
        try:
            await begun(run, context, tracker, *_going(run, env))
        except UserError as kept:  # somebody was faster than the reaper
            return ended(context, tracker, End.REFUSED, env.phase, f"{kept} {kept.hint}".strip())
        return await _remove(run, context, tracker)


def _going(run: Run, env: Environment) -> Sequence[Change]:
    """What begins it; what nobody asked for begins only if nobody has used it since."""
    going = PhaseChanged(env.id, Phase.DELETING)
    if not env.phase.alive:
        return []  # it was deleted before: only what is left of it goes
    asked = run.operation.input
    if not isinstance(asked, TeardownInput) or asked.reaped is None:
        return [going]
    return [StillGoes(env.id, run.operation.created_at, asked.judged), going]


def _reaped(run: Run) -> Goes | None:
    asked = run.operation.input
    return asked.reaped if isinstance(asked, TeardownInput) else None


async def _succeeded(context: Context, env: Environment) -> bool:
    """Whether another environment lives under the name of this one that was deleted before."""
    if env.phase.alive:
        return False
    found = await context.store.find(env.name)
    return found is not None and found.phase.alive and found.name == env.name


async def _remove(run: Run, context: Context, tracker: Tracker) -> Outcome:
    argocd, env = context.instance(tracker.env), tracker.env
    seconds = context.rules.delete_time.total_seconds()
    deadline = await context.deadline(run, "deadline", seconds, env.instance, deploying=False)
    succeeded = await run.call("the database", lambda: _succeeded(context, env))
    removal = Removal(run, context, argocd, tracker, deadline, succeeded=succeeded)
    stuck = ""
    try:
        await removal.everything()
    except StuckError as why:
        stuck = str(why)
    tracker.step(Step.PROVING)
    proofs = await proofs_of(
        run, context, env, base_deleted=removal.base_deleted, succeeded=succeeded
    )
    left = ", ".join(f"{p.thing} ({p.note})" if p.note else p.thing for p in proofs.unproven)
    if left and not stuck:
        stuck = f"Not proven to be gone: {left}."
    if stuck:
        rows = [replace(s, stage=Stage.LEFT) for s in tracker.of(Stage.DELETING)]
        tracker.put(rows, at=context.clock.now())
        phase = Phase.STUCK if env.phase.alive else env.phase
        return ended(context, tracker, End.FAILED, phase, stuck, proofs=proofs.all)
    unseen = " ".join(f"{p.thing}: not checked ({p.note})." for p in proofs.unseen)
    goes = _reaped(run)
    again = _AGAIN if succeeded else ""
    # The addresses come last, where a card may cut them.
    headline = " ".join(text for text in (_itself(goes), again, unseen, _proof(goes)) if text)
    outcome = ended(context, tracker, End.SUCCEEDED, Phase.DELETED, headline, proofs=proofs.all)
    by = f"It went by itself: {goes.because}." if goes else _deleted_by(run)
    said = CardsSuperseded(env.id, by, context.clock.now())
    return Outcome(outcome.end, outcome.headline, [*outcome.changes, said])


def _deleted_by(run: Run) -> str:
    return f"This environment has been deleted by {run.operation.actor.user}."


def _itself(goes: Goes | None) -> str:
    """The reason, since when that was so, and by which times it went."""
    if goes is None:
        return ""
    told = f"; its owner was warned {_utc(goes.warned_at)}" if goes.warned_at else ""
    counted = f"That counted from {_utc(goes.since)}, {_by(goes.rule)}{told}."
    return f"It went by itself: {SAID[goes.cause]}. {counted}"


def _by(key: str) -> str:
    """Where in qbot.yaml its times are."""
    if key == EVERY_BRANCH:
        return f"by the times for all branches ({key} of qbot.yaml)"
    return f"by the rule {key} of qbot.yaml"


def _proof(goes: Goes | None) -> str:
    return f"Proof: {', '.join(goes.proof)}." if goes and goes.proof else ""


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
