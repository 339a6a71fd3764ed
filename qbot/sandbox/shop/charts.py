"""A service's repository: its chart, pipeline and a little source.

Names inside a chart start with the release's name: the services of one environment share a
namespace. The sandbox's clusters honour `sandbox.qbot.dev/seconds`.
"""

from string import Template

from qbot.sandbox.shop.services import Service

_CI = """\
stages: [build, test]
build:
  stage: build
  script: [make image]
test:
  stage: test
  script: [make test]
"""
_VALUES = """\
image:
  repository: registry.example/shop/$name
  tag: latest
replicas: $replicas
logLevel: info
resources:
  cpu: 200m
  memory: 256Mi
ingress:
  domain: shop.example
"""
_VALUES_BRANCH = """\
replicas: 1
logLevel: debug
resources:
  cpu: 50m
  memory: 128Mi
ingress:
  domain: branches.shop.example
"""
_CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  annotations:
    argocd.argoproj.io/sync-wave: "0"
data:
  LOG_LEVEL: {{ .Values.logLevel }}
  ENVIRONMENT: {{ .Release.Namespace }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
  annotations:
    argocd.argoproj.io/sync-wave: "0"
stringData:
  DATABASE_URL: postgresql://db.{{ .Release.Namespace }}/$name
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Release.Name }}
  annotations:
    argocd.argoproj.io/sync-wave: "0"
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
  annotations:
    argocd.argoproj.io/sync-wave: "0"
spec:
  selector:
    app: {{ .Release.Name }}
  ports:
    - port: 80
      targetPort: $port
"""
_CACHE = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .Release.Name }}-cache
  annotations:
    argocd.argoproj.io/sync-wave: "1"
    sandbox.qbot.dev/seconds: "$seconds"
spec:
  serviceName: {{ .Release.Name }}-cache
  replicas: 1
  selector:
    matchLabels:
      app: {{ .Release.Name }}-cache
  template:
    metadata:
      labels:
        app: {{ .Release.Name }}-cache
    spec:
      containers:
        - name: cache
          image: registry.shop.example/library/valkey:8
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels:
    app: {{ .Release.Name }}
    chart: {{ .Chart.Name }}
  annotations:
    argocd.argoproj.io/sync-wave: "2"
    sandbox.qbot.dev/seconds: "$seconds"
spec:
  replicas: {{ .Values.replicas }}
  revisionHistoryLimit: 1
  selector:
    matchLabels:
      app: {{ .Release.Name }}
  template:
    metadata:
      labels:
        app: {{ .Release.Name }}
    spec:
      serviceAccountName: {{ .Release.Name }}
      containers:
        - name: $name
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          ports:
            - containerPort: $port
          envFrom:
            - configMapRef:
                name: {{ .Release.Name }}
          env:
            - name: VERSION
              value: "{{ .Values.image.tag }}"
          resources:
            requests:
              cpu: {{ .Values.resources.cpu }}
              memory: {{ .Values.resources.memory }}
"""
_INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .Release.Name }}
  annotations:
    argocd.argoproj.io/sync-wave: "2"
    sandbox.qbot.dev/seconds: "5"
spec:
  rules:
    - host: {{ .Release.Name }}.{{ .Release.Namespace }}.{{ .Values.ingress.domain }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ .Release.Name }}
                port:
                  number: 80
"""
_JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-$job
  annotations:
    argocd.argoproj.io/hook: $hook
    argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
    sandbox.qbot.dev/seconds: "$seconds"
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: $job
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          args: ["$job"]
"""


def service_files(service: Service) -> dict[str, str]:
    """Every file of a service's repository, by path."""
    name = service.name
    chart = f"apiVersion: v2\nname: {name}\ndescription: The {name} service\nversion: 1.0.0\n"
    files = {
        "README.md": f"# {name}\n\nThe {name} service of the web shop.\n",
        ".gitlab-ci.yml": _CI,
        "src/main.py": f'"""The {name} service."""\n\nPORT = {service.port}\n',
        "chart/Chart.yaml": chart,
        "chart/values.yaml": _fill(_VALUES, name=name, replicas=service.replicas),
        "chart/values-branch.yaml": _VALUES_BRANCH,
    }
    return files | {f"chart/templates/{n}.yaml": text for n, text in _templates(service).items()}


def _templates(service: Service) -> dict[str, str]:
    name, port = service.name, service.port
    found = {
        "config": _fill(_CONFIG, name=name),
        "service": _fill(_SERVICE, port=port),
        "deployment": _fill(_DEPLOYMENT, name=name, port=port, seconds=service.deploy),
    }
    if service.cache:
        found["cache"] = _fill(_CACHE, seconds=service.cache)
    if service.public:
        found["ingress"] = _INGRESS
    hooks = {
        "db-migrate": ("PreSync", service.migrate),
        "seed-data": ("PostSync", service.seed),
        "drop-database": ("PostDelete", service.drop),
        "export-data": ("PreDelete", service.export),
    }
    for job, (hook, seconds) in hooks.items():
        if seconds:
            found[job] = _fill(_JOB, job=job, hook=hook, seconds=seconds)
    return found


def _fill(text: str, **values: object) -> str:
    return Template(text).substitute(values)
