# A machine with what `make demo` and `make test` need, and everything installed:
#   docker build -t comodels . && docker run --rm -it comodels make demo
FROM python:3.11-slim-bookworm

# Node.js 20 runs the local chain's launcher; Chromium is for the browser tests, which are skipped without it, and libatomic for
# what drives it.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates chromium-headless-shell curl git libatomic1 make xz-utils \
    && rm -rf /var/lib/apt/lists/*
ARG NODE=20.20.2
RUN case "$(uname -m)" in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "no Node.js for $(uname -m)" >&2; exit 1 ;; esac \
    && curl -fsSL "https://nodejs.org/dist/v$NODE/node-v$NODE-linux-$arch.tar.xz" \
    | tar -xJ -C /usr/local --strip-components=1 --exclude='*.md' --exclude=LICENSE

RUN useradd --create-home dev && install -d -o dev /home/dev/comodels
USER dev
WORKDIR /home/dev/comodels
# The lock files first: a change of anything else does not install everything again.
COPY --chown=dev Makefile requirements.txt package.json package-lock.json ./
RUN make setup
COPY --chown=dev . .
RUN make compile
CMD ["make", "help"]
