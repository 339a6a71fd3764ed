"""Stand-ins for Slack, GitLab and Argo CD, and the page on which a person plays them.

Nothing here imports another part of Qbot, nor shares a constant with it: two separate
readings of each vendor's documents, so that a misreading shows up as a failing test.
A stand-in refuses what it does not know; one that is kinder than the vendor is a bug.
"""
