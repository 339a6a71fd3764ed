"""`doctor`: everything that Qbot stands on is read at once, and judged.

Nothing here changes anything. One neighbour that is away takes nothing but its own part along.
"""
