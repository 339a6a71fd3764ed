"""Why something could not be done, in words that are no vendor's: the log has the call itself."""

import re

_SLACK = re.compile(
    r"Slack(?:'s answer (?:was lost|cannot be read)| failed| is not available| cannot be reached"
    r"| limits)(?: \((?P<call>[\w.]+)(?:: [\w ]+)?\)| (?P<limited>[\w.]+))\.?"
)
_REFUSES = {
    "chat.postEphemeral": "takes no messages",
    "chat.postMessage": "takes no messages",
    "chat.update": "takes no messages",
    "conversations.info": "does not say which channel this is",
    "conversations.open": "opens no direct message",
    "response_url": "takes no messages",
    "usergroups.list": "does not say who is in its user groups",
    "users.info": "does not say whose account this is",
    "views.open": "opens no form",
    "views.publish": "takes no App Home",
    "views.update": "does not change the form",
}
"""What Slack does not do where this call fails; of any other: it does not answer."""
_OFTEN = ": it was asked too often"
_GITLAB = (
    (re.compile(r"GitLab answered (\d{3}) for .*"), r"GitLab does not answer (\1)"),
    (
        re.compile(r"A page instead of GitLab's API \((\d{3})\) for .*"),
        r"GitLab does not answer, a page came instead (\1)",
    ),
    (
        re.compile(r"GitLab's answer about .* is not (?:JSON )?of the documented form\.?"),
        "GitLab's answer cannot be read",
    ),
    (
        re.compile(r"GitLab's answer about .* (is not whole|has no end)\.?"),
        r"GitLab's answer \1",
    ),
    (re.compile(r"GitLab cannot be reached for .*"), "GitLab cannot be reached"),
    (re.compile(r"GitLab does not answer in time about .*"), "GitLab does not answer in time"),
    (re.compile(r"GitLab limits Qbot's requests \(.*\)\.?"), f"GitLab does not answer{_OFTEN}"),
)


def cause(said: str) -> str:
    """Who was in the way and what that one does not do, without a full stop."""
    if found := _SLACK.fullmatch(said):
        call = found["call"] or found["limited"]
        often = _OFTEN if found["limited"] else ""
        return f"Slack {_REFUSES.get(call, 'does not answer')}{often}"
    for pattern, words in _GITLAB:
        if found := pattern.fullmatch(said):
            return found.expand(words)
    return said
