"""The files by which the shop's stages are configured: a chart, values, overlays, CI.

People write such files by hand, so they have comments, several styles of quoting and odd gaps.
The sandbox's clusters honour `sandbox.qbot.dev/seconds`, its runners `SANDBOX_SECONDS`.
"""

from string import Template

from qbot.sandbox.shop.services import Service

REGISTRY = "registry.example/shop"
CI = """\
spec:
  inputs:
    job:
      default: ""
    service:
      default: ""
---
# Merge requests are checked; jobs around a promotion are started through the API.
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_PIPELINE_SOURCE == "api"
    - if: $CI_PIPELINE_SOURCE == "web"

stages: [check, run]

variables:
  JOB: $[[ inputs.job ]]
  SERVICE: $[[ inputs.service ]]

validate:
  stage: check
  variables:
    SANDBOX_SECONDS: "1"
  script:
    - ./scripts/render-all
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
$jobs"""
_CI_JOB = """
$job:
  stage: run
  variables:
    SANDBOX_SECONDS: "$seconds"
  script:
    - ./scripts/$job "$$SERVICE"
  rules:
    - if: $$JOB == "$job"
"""
JOBS = {"announce": 2, "end-to-end": 12, "seed-data": 8}  # seconds before the sandbox's speed
_CHART = "apiVersion: v2\nname: service\ndescription: One service of the shop\nversion: 1.4.0\n"
_CHART_VALUES = """\
# Each stage overrides what it needs.
replicas: 1
logLevel: info
image:
  repository: ""
  tag: ""
migration:
  hook: Skip   # PreSync for a service with a database
  seconds: 20
deployment:
  seconds: 30
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
  STAGE: {{ .Release.Namespace }}
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
      targetPort: 8080
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels:
    app: {{ .Release.Name }}
  annotations:
    argocd.argoproj.io/sync-wave: "2"
    sandbox.qbot.dev/seconds: "{{ .Values.deployment.seconds }}"
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      app: {{ .Release.Name }}
  template:
    metadata:
      labels:
        app: {{ .Release.Name }}
    spec:
      containers:
        - name: {{ .Release.Name }}
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          envFrom:
            - configMapRef:
                name: {{ .Release.Name }}
"""
_MIGRATION = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-db-migrate
  annotations:
    argocd.argoproj.io/hook: {{ .Values.migration.hook }}
    argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
    sandbox.qbot.dev/seconds: "{{ .Values.migration.seconds }}"
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: db-migrate
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          args: ["db-migrate"]
"""
_VALUES = """\
# $name$where. Versions move by promotion; sizes belong to the team.
replicas: $replicas   # see the capacity plan
'logLevel': info

image:
  repository: $registry/$name
  # The commit of shop/$name that runs here.
  tag: "$version"  # full id, never shortened

migration:  {hook: $hook, seconds: "$migrate"}
deployment:
    seconds: '$deploy'
"""
_KUSTOMIZATION = """\
# $name in $stage
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization

resources:
  - ../../base/$name   # the same in every stage

images:
# Moved by promotion, never by hand.
- name: $registry/$name
  newTag: "$version"  # a commit of shop/$name
"""
_FIELDS = {
    "Release.Name": "$name", "Release.Namespace": "stage", "Values.replicas": "$replicas",
    "Values.logLevel": "info", "Values.image.repository": "$registry/$name",
    "Values.deployment.seconds": "$deploy", "Values.migration.hook": "PreSync",
    "Values.migration.seconds": "$migrate",
}  # fmt: skip


def ci_text() -> str:
    """The pipelines of a configuration project."""
    jobs = (Template(_CI_JOB).substitute(job=job, seconds=s) for job, s in JOBS.items())
    return CI.replace("$jobs", "".join(jobs))


def chart_files() -> dict[str, str]:
    """The chart that all services share, by path below its folder."""
    return {
        "Chart.yaml": _CHART,
        "values.yaml": _CHART_VALUES,
        "templates/config.yaml": _CONFIG,
        "templates/service.yaml": _SERVICE,
        "templates/deployment.yaml": _DEPLOYMENT,
        "templates/db-migrate.yaml": _MIGRATION,
    }


def values_text(service: Service, version: str, *, stage: str = "", replicas: int) -> str:
    """A service's Helm values; without a stage they are the same in all of them."""
    return _fill(
        _VALUES,
        service,
        where=f" in {stage}" if stage else "",
        replicas=replicas,
        version=version,
        hook="PreSync" if service.migrate else "Skip",
    )


def overlay_text(service: Service, version: str, stage: str) -> str:
    """A service's kustomization in one stage."""
    return _fill(_KUSTOMIZATION, service, version=version, stage=stage)


def base_files(service: Service) -> dict[str, str]:
    """A service's Kustomize base, by path below its folder."""
    found = {"deployment.yaml": _DEPLOYMENT, "service.yaml": _SERVICE, "config.yaml": _CONFIG}
    if service.migrate:
        found["db-migrate.yaml"] = _MIGRATION
    files = {path: _plain(text, service) for path, text in found.items()}
    resources = "".join(f"  - {path}\n" for path in files)
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    return files | {"kustomization.yaml": f"{head}resources:\n{resources}"}


def _plain(template: str, service: Service) -> str:
    """A template of the chart with a service's own values: an image without a tag."""
    text = template.replace(":{{ .Values.image.tag }}", "")
    for field, value in _FIELDS.items():
        text = text.replace("{{ ." + field + " }}", value)
    return _fill(text, service, replicas=service.replicas)


def _fill(text: str, service: Service, **values: object) -> str:
    known = {
        "name": service.name,
        "registry": REGISTRY,
        "deploy": service.deploy,
        "migrate": service.migrate or 20,
    }
    return Template(text).substitute(known | values)
