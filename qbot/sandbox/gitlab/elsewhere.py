"""Paths that a real GitLab has and the stand-in has not: they are answered 501, not 404.

`:` stands for one segment, a trailing `*` for any number of further ones.
"""

_PATTERNS = """
admin/* application/* applications/* avatar broadcast_messages/* events/* geo/* hooks/* import/*
jobs/* keys/* license/* markdown namespaces/* personal_access_tokens/* runners/* search/* snippets/*
todos/* topics/* user/* users/* groups projects merge_requests
groups/:/access_requests/* groups/:/access_tokens/* groups/:/approval_rules/*
groups/:/audit_events/* groups/:/badges/* groups/:/descendant_groups groups/:/deploy_tokens/*
groups/:/epics/* groups/:/hooks/* groups/:/invitations/* groups/:/issues groups/:/labels/*
groups/:/members/* groups/:/milestones/* groups/:/packages groups/:/protected_environments/*
groups/:/registry/* groups/:/releases groups/:/runners groups/:/search groups/:/share/*
groups/:/subgroups groups/:/users groups/:/variables/* groups/:/wikis/*
projects/:/access_requests/* projects/:/access_tokens/* projects/:/approval_rules/*
projects/:/approvals projects/:/archive projects/:/audit_events/* projects/:/badges/*
projects/:/deploy_keys/* projects/:/deploy_tokens/* projects/:/deployments/*
projects/:/environments/* projects/:/events projects/:/export/* projects/:/feature_flags/*
projects/:/fork/* projects/:/forks projects/:/groups projects/:/hooks/* projects/:/import/*
projects/:/integrations/* projects/:/invitations/* projects/:/issues/* projects/:/jobs
projects/:/jobs/:/* projects/:/labels/* projects/:/languages projects/:/members/*
projects/:/merge_requests/:/* projects/:/merge_trains/* projects/:/milestones/*
projects/:/packages/* projects/:/pages/* projects/:/pipeline_schedules/* projects/:/pipelines/:/*
projects/:/protected_branches/* projects/:/protected_environments/* projects/:/protected_tags/*
projects/:/push_rule projects/:/registry/* projects/:/releases/* projects/:/runners/*
projects/:/search projects/:/share/* projects/:/snippets/* projects/:/star projects/:/statistics
projects/:/transfer projects/:/trigger/* projects/:/triggers/* projects/:/unarchive
projects/:/uploads/* projects/:/users projects/:/variables/* projects/:/wikis/*
projects/:/repository/archive projects/:/repository/blobs/:/* projects/:/repository/changelog
projects/:/repository/contributors
projects/:/repository/merged_branches projects/:/repository/submodules/:
projects/:/repository/commits/:/cherry_pick projects/:/repository/commits/:/comments
projects/:/repository/commits/:/discussions/* projects/:/repository/commits/:/revert
projects/:/repository/commits/:/sequence projects/:/repository/commits/:/signature
projects/:/repository/files/:/blame projects/:/repository/tags/:/signature
"""
_KNOWN = [tuple(pattern.split("/")) for pattern in _PATTERNS.split()]


def exists_elsewhere(segments: tuple[str, ...]) -> bool:
    """Whether GitLab has an endpoint at this path below `/api/v4`, cut at each slash."""
    return any(_fits(pattern, segments) for pattern in _KNOWN)


def _fits(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    if pattern[-1] == "*":
        pattern = pattern[:-1]
        segments = segments[: len(pattern)]
    return len(pattern) == len(segments) and all(
        wanted in (":", given) for wanted, given in zip(pattern, segments, strict=True)
    )
