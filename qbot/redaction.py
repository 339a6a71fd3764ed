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
    r"|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{20,}"  # GitHub
    r"|GR1348941[\w-]{10,}|_gitlab_session=[^\s;]+"  # GitLab: an old runner's; a cookie
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|(?i:(?<=secret_access_key=)|(?<=x-amz-signature=))[\w/+=]+"
    r"|AIza[\w-]{30,}|\bya29\.[\w-]{10,}"  # Google; AWS is above
    r"|\b(?:[sr]k_(?:live|test)|npm|dckr_(?:pat|oat)|dop_v1|shpat|hf)_[A-Za-z0-9]{16,}"
    r"|\bpypi-[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bhv[sbr]\.[\w-]{16,}"  # Vault last
    r"|\bATATT3[\w=-]{20,}|\bsk-[A-Za-z0-9][\w-]{18,}"  # Atlassian; OpenAI, Anthropic
    r"|(?<=[?&]sig=)[\w%/+=]{16,}|(?<=AccountKey=)[\w/+=]{16,}"  # Azure
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"
    r"|https?://hooks\.slack(?:-gov)?\.com/\S+|wss?://\S+"  # response_url; Socket Mode's ticket
    r"|(?<=://)[^/\s:@]*:[^\s]+(?=@)"  # a password in a URL
    r"|(?i:(?<=passwd=)|(?<=password=)|(?<=secret=)|(?<=token=)|(?<=api_key=)|(?<=apikey=))"
    r"['\"]?(?!\[redacted\])[^\s&'\",;]+"  # VARIABLE=value, as programs print their settings
    r"|(?i:(?<=bearer )[^\s'\",}]+|(?<=basic )[\w+/=]{8,}|(?<=authorization: )\S+"
    r"|(?<=private-token: )\S+|(?<=private_token=)[^\s&'\"]+|(?<=access_token=)[^\s&'\"]+)"
)


def redact(text: str) -> str:
    """The text without what looks like a token or a password."""
    return _SECRETS.sub(MASK, text)
