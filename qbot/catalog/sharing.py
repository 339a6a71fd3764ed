"""What two stages, or two services of one, must not have in common."""

from collections.abc import Iterator, Sequence

from qbot.catalog.parts import Loc
from qbot.catalog.stages import StagePart

Problem = tuple[Loc, str]


def shared(stages: Sequence[StagePart], *, services: Sequence[int]) -> Iterator[Problem]:
    """Files, keys and Applications, each told at the later stage of two.

    `services`: how many each of the stages has.
    """
    for index, stage in enumerate(stages):
        if services[index] > 1 and not any("{service}" in text for text in _written(stage)):
            why = "is one version for all services: it or the key must contain {service}"
            yield _of_file(index, stage), why
        for earlier in stages[:index]:
            if _meet(_place(stage), _place(earlier)):
                yield _of_file(index, stage), f"{earlier.name} has its versions there as well"
            if _applications(stage) == _applications(earlier):
                why = f"{earlier.name} consists of the same Applications"
                yield ("stages", index, "applications"), why


def _of_file(index: int, stage: StagePart) -> Loc:
    form = "helm" if stage.config.helm else "kustomize"
    return ("stages", index, "config", form, "file")


def _written(stage: StagePart) -> tuple[str, str]:
    """File and key, as qbot.yaml has them."""
    if stage.config.helm is not None:
        return stage.config.helm.file, stage.config.helm.key
    if stage.config.kustomize is not None:
        return stage.config.kustomize.file, stage.config.kustomize.image
    raise TypeError(stage)


def _place(stage: StagePart) -> tuple[str, ...]:
    """Where versions are written."""
    file, key = (text.replace("{stage}", stage.name) for text in _written(stage))
    return (stage.config.project, stage.config.branch, file, key)


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two places may be one; a key that is left out may be any."""
    *file, key = one
    *other_file, other_key = other
    return file == other_file and (key == other_key or not (key and other_key))


def _applications(stage: StagePart) -> tuple[str, ...]:
    found = stage.applications
    pattern = found.pattern.replace("{stage}", stage.name)
    return (stage.argocd, pattern, found.selector.replace(" ", ""), found.label)
