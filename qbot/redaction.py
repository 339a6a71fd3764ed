"""Texts without tokens and passwords, known by their form.

For whatever comes from outside and goes further: logs, errors, cards, the database. A commit
message, a manifest or an error of Argo CD may quote a token that nobody meant to show.
"""

import re

MASK = "[redacted]"
_SECRETS = re.compile(
    r"xox[a-z](?:\.xox[a-z])?-[\w-]+|xapp-[\w-]+"  # Slack
    r"|gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|oas|ffct)-[\w.-]+|whsec_[\w+/=-]+"  # GitLab
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+"  # a JSON Web Token: Argo CD
    r"|https?://hooks\.slack(?:-gov)?\.com/\S+|wss?://\S+"  # response_url; Socket Mode's ticket
    r"|(?<=://)[^/\s:@]*:[^\s]+(?=@)"  # a password in a URL
    r"|(?i:(?<=bearer )[^\s'\",}]+|(?<=basic )[\w+/=]{8,}|(?<=authorization: )\S+"
    r"|(?<=private-token: )\S+|(?<=private_token=)[^\s&'\"]+|(?<=access_token=)[^\s&'\"]+)"
)


def redact(text: str) -> str:
    """The text without what looks like a token or a password."""
    return _SECRETS.sub(MASK, text)
