"""GitLab, through python-gitlab in threads of its own, turned into Qbot's words."""

from qbot.gateways.gitlab.examining import GitLabExamination
from qbot.gateways.gitlab.gateway import GitLabGateway, open_gitlab
from qbot.gateways.gitlab.hooks import GitLabHooks
from qbot.gateways.gitlab.lookups import Project
from qbot.gateways.gitlab.oauth import GitLabOAuth
from qbot.gateways.gitlab.people import GitLabPeople, User
from qbot.gateways.gitlab.registry import GitLabImages
from qbot.gateways.gitlab.repository import GitLabRepository

__all__ = [
    "GitLabExamination",
    "GitLabGateway",
    "GitLabHooks",
    "GitLabImages",
    "GitLabOAuth",
    "GitLabPeople",
    "GitLabRepository",
    "Project",
    "User",
    "open_gitlab",
]
