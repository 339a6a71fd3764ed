"""Qbot: one environment per git branch, from Slack, through Argo CD and GitLab."""
