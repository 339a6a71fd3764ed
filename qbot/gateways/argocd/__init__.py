"""Argo CD's HTTP API, spoken with httpx and turned into domain words.

Nothing outside this package knows its paths, JSON or errors. Build with `gateway.open_argocd`.
"""
