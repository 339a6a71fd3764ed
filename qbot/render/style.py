"""What the renderers must know of the installation."""

from dataclasses import dataclass, field
from urllib.parse import quote

from qbot.domain.names import AppName, EnvName


@dataclass(frozen=True, slots=True)
class Style:
    """Handed to every renderer that links or names the slash command.

    Attributes:
        command: the slash command, with its slash.
        bot: the bot's handle, for `/invite`.
        argocd_url: Argo CD's own pages; empty: no button to it.
        hosts: hosts that links may go to; ".x.dev" means everything below x.dev.
    """

    command: str = "/env"
    bot: str = "qbot"
    argocd_url: str = ""
    hosts: frozenset[str] = field(default_factory=frozenset)

    def application(self, name: AppName) -> str:
        """Argo CD's page of one Application, with its resources and their logs."""
        return (
            f"{self.argocd_url.rstrip('/')}/applications/{quote(name, errors='replace')}"
            if self.argocd_url
            else ""
        )

    def argocd(self, name: EnvName) -> str:
        """Argo CD's list of one environment's Applications: its AppProject has its name."""
        if not self.argocd_url:
            return ""
        return f"{self.argocd_url.rstrip('/')}/applications?proj={quote(name)}"
