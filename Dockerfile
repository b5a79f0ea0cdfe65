# docker build -t healthcheck .
# docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges -p 127.0.0.1:8000:8000 healthcheck
# docker run --rm healthcheck scan example.com
#
# The base image is named by its tag; whoever builds for production adds the digest that `docker buildx imagetools inspect` shows for it:
#   docker build --build-arg PYTHON=python:3.13-slim-bookworm@sha256:… -t healthcheck .
# The libraries are pinned by hash in requirements.txt, whatever the base.
ARG PYTHON=python:3.13-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements.txt ./
RUN python -m venv /opt/healthcheck && /opt/healthcheck/bin/python -m pip install --require-hashes -r requirements.txt
COPY . ./
# the first answer writes down what it worked out of the knowledge base, since nothing can be written later
RUN /opt/healthcheck/bin/python -m pip install --no-deps --no-index . \
 && echo "550 5.1.1 no such user" | /opt/healthcheck/bin/healthcheck explain --offline - > /dev/null

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Mail health check" org.opencontainers.image.licenses="MIT"
RUN groupadd --system --gid 10001 healthcheck && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin healthcheck
COPY --from=build /opt/healthcheck /opt/healthcheck
ENV PATH=/opt/healthcheck/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PORT=8000
USER 10001:10001
WORKDIR /work
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
STOPSIGNAL SIGINT
ENTRYPOINT ["healthcheck"]
CMD ["serve", "--host", "0.0.0.0"]
