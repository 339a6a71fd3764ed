"""What containers print: a few plausible lines, and of a failing one also awkward ones.

People log secrets, control characters and what strangers have typed; whoever shows logs has to
cope with all of it.
"""

from qbot.sandbox.argocd.engine.cluster import Live
from qbot.sandbox.argocd.objects import Json

_FAILING = (
    '{"level":"error","msg":"connect","db":{"user":"shop","password":"js0n-pa55","port":5432}}',
    "spring.datasource.password: d0tted-pa55",
    "SECRET_KEY=dj4ngo-key DB_PASS=sh0rt-pa55 AWS_SECRET_ACCESS_KEY: aws-s3cr3t",
    "> Authorization: Token t0ken-of-a-scheme",
    "> X-Api-Key: ap1-key",
    "> Cookie: theme=dark; session=c00kie",
    '{"tls":"-----BEGIN PRIVATE KEY-----\\nMIIEb0dy\\n-----END PRIVATE KEY-----"}',
    '{"headers":{"X-Vault-Token":"va0lt-token"}}',
    "Config(user='shop', password='pyth0n-pa55') {User:shop Password:g0-pa55 Host:db}",
    "connecting with password=hunter2 token glpat-xxxxxxxxxxxxxxxxxxxx",
    "DATABASE_URL=postgresql://shop:s3cr3t-pa55@db.internal:5432/shop",
    'GET /orders 500 header "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzaG9wIn0.c2ln"',
    "last order by <!channel> <@U05ANA4K2M1> <https://evil.example/|your invoice> *&* `rm -rf`",
    "\x1b[31mERROR\x1b[0m\tretrying\u202e ti degnahc I",
    f"payload {'A' * 5000}",
)


def lines(live: Live, status: str, message: str) -> list[str]:
    """The log of a workload's pod so far; a failing one ends with the reason."""
    name = live.manifest.name
    start = [f"{name}: starting", *(f"{name}: image {each}" for each in live.manifest.images)]
    match status:
        case "Degraded":
            return [*start, *_FAILING, f"{name}: error: {message}"]
        case "Healthy":
            return [*start, f"{name}: done" if live.is_hook else f"{name}: ready"]
        case _:
            return start


def containers(live: Live) -> list[str]:
    """The names of a workload's containers."""
    template: Json = (live.manifest.body.get("spec") or {}).get("template") or {}
    spec: Json = template.get("spec") or {}
    named = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return [each["name"] for each in named if each.get("name")]
