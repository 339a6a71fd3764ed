"""The chart that every environment starts with: its namespace and what guards it."""

_TEMPLATES = {
    "namespace": """\
apiVersion: v1
kind: Namespace
metadata:
  name: {{ .Release.Namespace }}
  labels:
    shop.example/kind: environment
  annotations:
    sandbox.qbot.dev/seconds: "2"
""",
    "quota": """\
apiVersion: v1
kind: ResourceQuota
metadata:
  name: environment
  namespace: {{ .Release.Namespace }}
  annotations:
    argocd.argoproj.io/sync-wave: "1"
spec:
  hard:
    requests.cpu: {{ .Values.quota.cpu }}
    requests.memory: {{ .Values.quota.memory }}
    pods: "{{ .Values.quota.pods }}"
""",
    "limits": """\
apiVersion: v1
kind: LimitRange
metadata:
  name: containers
  namespace: {{ .Release.Namespace }}
  annotations:
    argocd.argoproj.io/sync-wave: "1"
spec:
  limits:
    - type: Container
      default:
        memory: {{ .Values.limits.memory }}
      defaultRequest:
        cpu: {{ .Values.limits.cpu }}
""",
    "pull-secret": """\
apiVersion: v1
kind: Secret
metadata:
  name: registry
  namespace: {{ .Release.Namespace }}
  annotations:
    argocd.argoproj.io/sync-wave: "1"
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{"auths": {"{{ .Values.registry }}": {} } }'
""",
    "network-policy": """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: same-environment
  namespace: {{ .Release.Namespace }}
  annotations:
    argocd.argoproj.io/sync-wave: "1"
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector: {}
""",
}
_VALUES = """\
registry: registry.example
quota:
  cpu: "24"
  memory: 64Gi
  pods: 400
limits:
  cpu: 50m
  memory: 256Mi
"""


def base_files() -> dict[str, str]:
    """The configuration project's files, by path."""
    chart = "apiVersion: v2\nname: environment\nversion: 1.0.0\n"
    files = {
        "README.md": "# Environments\n\n`base/` is what each branch environment starts with.\n",
        "base/Chart.yaml": chart,
        "base/values.yaml": _VALUES,
    }
    return files | {f"base/templates/{name}.yaml": text for name, text in _TEMPLATES.items()}
