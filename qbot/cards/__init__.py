"""The dispatcher: desired state of cards -> rendered messages, within one central Slack budget.

What waits is never a message but the state that a message should show; it is rendered when it
is sent, so a late one is the newest one.
"""
