# One image for both daemons. BASE_IMAGE must have Python 3.11 or newer with venv, and needs nothing else.
ARG BASE_IMAGE=python:3.12-slim

FROM ${BASE_IMAGE} AS build
# [ship] adds the storage library of `fgm ship`; the two daemons need no extra.
ARG EXTRAS=
COPY pyproject.toml constraints.txt README.md LICENSE /source/
COPY src /source/src
# The tests of libraries, pip and setuptools are removed. The bytecode contains hashes instead of times, so that two builds
# have the same files. PIP_CONSTRAINT applies to build dependencies, too.
RUN export PIP_CONSTRAINT=/source/constraints.txt && python3 -m venv --copies /opt/fgm \
    && /opt/fgm/bin/python -m pip install --no-cache-dir --no-compile --quiet "/source${EXTRAS}" \
    && /opt/fgm/bin/python -m pip uninstall --quiet --yes pip setuptools \
    && find /opt/fgm/lib -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} + \
    && find /opt/fgm/lib \( -name '*.c' -o -name '*.pyx' \) -delete \
    && find /opt/fgm/bin ! -type d ! -name 'python*' ! -name 'fgm*' ! -name fine-grained-monitor -delete \
    && /opt/fgm/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/fgm/lib

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="fine-grained-monitor" \
      org.opencontainers.image.description="Records every container of a node once a second, and shows it" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/fgm /opt/fgm
RUN ln -s /opt/fgm/bin/fine-grained-monitor /opt/fgm/bin/fgm-viewer /opt/fgm/bin/fgm /usr/local/bin/
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# An unprivileged user. The manifest runs the collector as root, because its data directory on the node belongs to root.
USER 65532:65532
CMD ["/usr/local/bin/fgm", "--help"]
