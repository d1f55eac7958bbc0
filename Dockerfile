# syntax=docker/dockerfile:1
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/mmt
# The dependencies first: they change less often than the code, and only as the lock says.
COPY deploy/locks/runtime.lock deploy/locks/
RUN /opt/mmt/bin/pip install --require-hashes -r deploy/locks/runtime.lock
COPY pyproject.toml README.md CHANGELOG.md ./
COPY mmt_grpc mmt_grpc
COPY generated generated
RUN python -m pip wheel --no-deps --wheel-dir /wheels . && /opt/mmt/bin/pip install --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="mmt" \
      org.opencontainers.image.description="Managed Tokens: keeps exchange credentials, refreshes them, hands them out"
RUN groupadd --system --gid 10001 mmt \
    && useradd --system --uid 10001 --gid mmt --home-dir /var/lib/mmt --no-create-home --shell /usr/sbin/nologin mmt \
    && install --directory --owner=mmt --group=mmt --mode=0700 /var/lib/mmt
COPY --from=build /opt/mmt /opt/mmt
ENV PATH=/opt/mmt/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/mmt
# The replica's own state: it has to survive a restart of the container.
VOLUME /var/lib/mmt
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["mmt", "health"]
ENTRYPOINT ["mmt"]
CMD ["serve"]
