"""Secrets that are known by their own form: vendors' tokens, private keys, passwords in URLs."""

import re

MASK = "[redacted]"
_SECRETS = re.compile(
    r"xox[a-z](?:\.xox[a-z])?-[\w-]+|xapp-[\w-]+"  # Slack
    r"|gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|oas|ffct)-[\w.-]+|whsec_[\w+/=-]+"  # GitLab
    r"|eyJ(?:(?!eyJ)[\w-]){8,}+(?:\.[\w-]+)+"  # a JSON Web Token: Argo CD; each letter is read once
    r"|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{20,}"  # GitHub
    r"|GR1348941[\w-]{10,}|_gitlab_session=[^\s;]+"  # GitLab: an old runner's; a cookie
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|AIza[\w-]{30,}|\bya29\.[\w-]{10,}"  # Google; AWS is above
    r"|\b(?:[sr]k_(?:live|test)|npm|dckr_(?:pat|oat)|dop_v1|shpat|hf)_[A-Za-z0-9]{16,}"
    r"|\bpypi-[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bhv[sbr]\.[\w-]{16,}"  # Vault last
    r"|\bATATT3[\w=-]{20,}|\bsk-[A-Za-z0-9][\w-]{18,}"  # Atlassian; OpenAI, Anthropic
    r"|(?<=[?&]sig=)[\w%/+=]{16,}"  # Azure
    r"|https?://hooks\.slack(?:-gov)?\.com/\S+|wss?://\S+"  # response_url; Socket Mode's ticket
    r"|(?<=://)[^/\s:@]*+:[^\s]{1,500}(?=@)"  # a password in a URL; unbounded it is quadratic
    r"|(?<=://)[\w%~-]{16,}(?=@)"  # a token in a URL
    r"|(?:(?<=\"auth\":)|(?<=\"auth\\\":))\s?\\?\"(?=[a-z]*[A-Z\d+/=])[\w+/=]{8,}\\?\""  # registry
    r"|(?i:(?<=bearer )(?!tokens?(?:[\s.,;]|$))[^\s'\",}\\]+)"
    r"|(?i:(?<=basic ))(?![A-Z]?[a-z]++(?![\w+/=]))[\w+/=]{8,}"  # and no word: Basic Information
)
_PRIVATE = r"-----%s [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
_KEY = re.compile(rf"{_PRIVATE % 'BEGIN'}[\s\S]*?(?:{_PRIVATE % 'END'}|\Z)")
_END, _BODY = re.compile(_PRIVATE % "END"), re.compile(r"\s*[\w+/=]+\s*")


def without_forms(text: str) -> str:
    """The text with a mask for each of them."""
    if "PRIVATE KEY" in text:
        text = _without_ends(_KEY.sub(MASK, text))
    return _SECRETS.sub(MASK, text)


def _without_ends(text: str) -> str:
    """Without what is left of a private key whose beginning is cut off: the last lines of a log."""
    kept: list[str] = []
    for line in text.split("\n"):
        end = _END.search(line)
        if end:
            while kept and _BODY.fullmatch(kept[-1]):
                kept.pop()
            kept.append(MASK + line[end.end() :])
        else:
            kept.append(line)
    return "\n".join(kept)
