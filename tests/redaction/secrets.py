"""Texts that must not be told: one for every form that vendors give to tokens, and hostile ones.

All of them are made up here: no scanner of repositories shall find the form in a file.
"""

_DIGITS = "0123456789abcdefABCDEF"


def _made(start: str, length: int) -> str:
    return start + (_DIGITS * 9)[:length]


TOKENS = {
    "slack-bot": _made("xo" + "xb-1111-2222-", 24),
    "slack-app": _made("xa" + "pp-1-A05-99-", 32),
    "gitlab": _made("gl" + "pat-", 20),
    "gitlab-deploy": _made("gl" + "dt-", 20),
    "gitlab-job": _made("gl" + "cbt-64_", 20),
    "gitlab-runner": _made("GR" + "1348941", 20),
    "github": _made("gh" + "p_", 36),
    "github-fine": _made("github" + "_pat_", 60),
    "aws": "AK" + "IAIOSFODNN7EXAMPLE",
    "google": _made("AI" + "za", 35),
    "stripe": _made("sk" + "_live_", 24),
    "npm": _made("np" + "m_", 36),
    "pypi": _made("py" + "pi-AgEIcHlwaS5vcmc", 40),
    "docker": _made("dckr" + "_pat_", 27),
    "vault": _made("hv" + "s.", 24),
    "sendgrid": _made("S" + "G.", 22) + "." + _made("", 43),
    "huggingface": _made("h" + "f_", 34),
    "openai": _made("s" + "k-proj-", 40),
    "atlassian": _made("ATAT" + "T3xFfGF0", 40),
    "argocd": "ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhcmdvIn0." + _made("", 20),
}
HOSTILE = "<!channel> <@U05ANA4K2M1> <https://evil.example/|invoice> *&*"
