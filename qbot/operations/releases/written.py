"""What stands in a stage's configuration at the tip of its branch."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from qbot.domain.names import ServiceName
from qbot.domain.promotion import Edit
from qbot.domain.repository_ports import Files
from qbot.domain.stages import Stage
from qbot.errors import PermanentError, UserError
from qbot.operations.configfiles import current
from qbot.operations.releases.context import ReleaseContext


@dataclass(frozen=True, slots=True)
class Written:
    """The versions of one stage at one commit; a service without file or key is not in `texts`."""

    stage: Stage
    tip: str
    files: Files
    texts: Mapping[ServiceName, str]

    def need(self, service: ServiceName) -> str:
        """The version of a service.

        Raises:
            UserError: its file or key is not there; says which.
        """
        if service in self.texts:
            return self.texts[service]
        config, name = self.stage.config, self.stage.name
        file, key = config.file_of(service, name), config.key_of(service, name)
        what = f"`{key}` is not in `{file}`" if self.files.get(file) else f"`{file}` is not there"
        raise UserError(
            f"`{name}` has no version of `{service}`: {what} ({config.project}, {config.branch}).",
            hint="Add it once by hand, or put `config` of the stage in qbot.yaml right.",
        )

    def edit(self, service: ServiceName, new: str) -> Edit:
        """What has to change for the service to have another version."""
        config, name = self.stage.config, self.stage.name
        return Edit(
            service=service,
            file=config.file_of(service, name),
            key=config.key_of(service, name),
            old=self.texts[service],
            new=new,
        )


async def written(
    context: ReleaseContext, stage: Stage, services: Collection[ServiceName], ref: str = ""
) -> Written:
    """Read the versions of these services, at a commit or else at the tip.

    Raises:
        UserError: a file is no YAML, or a value none that Qbot could change.
        PermanentError: the branch is not there.
    """
    config = stage.config
    tip = ref or await context.repository.head(config.project, config.branch)
    if tip is None:
        raise PermanentError(
            f"{config.project} has no branch {config.branch}, which {stage.name} follows. "
            "Put `config` of the stage in qbot.yaml right."
        )
    paths = {config.file_of(service, stage.name) for service in services}
    files = await context.repository.files(config.project, tip, paths)
    return Written(stage, tip, files, _texts(stage, services, files))


def _texts(stage: Stage, services: Collection[ServiceName], files: Files) -> dict[ServiceName, str]:
    found = {}
    for service in services:
        path = stage.config.file_of(service, stage.name)
        file = files.get(path)
        if file is None:
            continue
        try:
            text = current(stage.config.format, file.text, stage.config.key_of(service, stage.name))
        except UserError as error:
            raise UserError(f"`{path}`: {error}", hint=error.hint) from None
        if text is not None:
            found[service] = text
    return found
