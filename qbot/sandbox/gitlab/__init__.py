"""The stand-in for GitLab, on real bare git repositories."""

from qbot.sandbox.gitlab.standin import GitLabStandIn

__all__ = ["GitLabStandIn"]
