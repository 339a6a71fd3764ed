# Qbot's image, in two stages.
#   build: a virtual environment from the lock, hashes checked, first without Qbot's own source
#          (so that a change of code reuses the layer with the dependencies), then with it.
#   final: that environment on the bare interpreter; of programs only python and qbot.
# It runs as an unprivileged numeric user on a read-only root, and holds no secret and no default
# for one. State is what QBOT_DATABASE_URL names: PostgreSQL, or a SQLite file on a volume that
# uid 10001 may write to. Configuration comes as QBOT_* variables or files in QBOT_SECRETS_DIR.
ARG PYTHON=3.12

FROM docker.io/library/python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv --without-pip /opt/qbot

COPY requirements.lock ./
RUN pip --python /opt/qbot/bin/python install --compile --require-hashes -r requirements.lock

# The build backend is locked with the development tools; only its part is installed, and here only.
COPY requirements-dev.lock ./
RUN awk '/^[a-z0-9]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } wanted' \
        requirements-dev.lock > build.lock \
    && pip install --require-hashes -r build.lock

COPY pyproject.toml README.md LICENSE ./
COPY qbot ./qbot
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/qbot/bin/python install --compile --no-deps --no-index /wheels/*.whl

# sqlite-utils asks for pip, for a command that Qbot has no use for; others bring programs as well.
RUN pip --python /opt/qbot/bin/python uninstall --yes pip \
    && find /opt/qbot/bin -type f ! -name qbot -delete

FROM docker.io/library/python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Qbot" \
      org.opencontainers.image.description="Branch environments from Slack, through Argo CD and GitLab" \
      org.opencontainers.image.licenses="Apache-2.0"
# Bytecode is compiled already and the root may be read-only: nothing is to be written at run time.
ENV PATH=/opt/qbot/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=build /opt/qbot /opt/qbot
RUN install --directory --owner 10001 --group 10001 /data
# Numeric, so that Kubernetes can prove runAsNonRoot.
USER 10001:10001
WORKDIR /data
# 8080: Slack's requests and webhooks. 8081: health and metrics, on loopback unless told otherwise.
EXPOSE 8080 8081
ENTRYPOINT ["qbot"]
CMD ["serve"]
