# syntax=docker/dockerfile:1
#
#   docker build -t dualscale .                       CPU
#   docker build --target gpu -t dualscale:gpu .      NVIDIA GPU, x64; run with --gpus all
#
#   docker run --init --rm -p 8080:8080 -v "$PWD/photos:/photos:ro" -e DUALSCALE_IMAGES=/photos dualscale
#
# docs/docker.md says what has been tried and what has not.

ARG NODE_IMAGE=node:24-slim
ARG CUDA_IMAGE=nvidia/cuda:13.0.3-cudnn-runtime-ubuntu24.04

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build
# The server puts IPX behind the plugin; for the package it is a development and peer dependency, which pruning would remove.
RUN npm pkg set "dependencies.ipx=$(npm pkg get devDependencies.ipx | tr -d '"')" \
    && npm pkg delete devDependencies.ipx \
    && npm prune --omit=dev --no-audit --no-fund \
    && rm -rf node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32 src
COPY LICENSE README.md CHANGELOG.md plugin.json ./
# The job API answers with its own description.
COPY docs/openapi.json ./docs/
COPY models ./models
COPY examples/photos ./examples/photos

FROM build AS build-gpu
# The provider's libraries are too large for the npm registry; this script of onnxruntime-node fetches them from NuGet.
RUN ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js

FROM ${CUDA_IMAGE} AS gpu
# The node binary of the Debian image runs on the newer glibc of Ubuntu 24.04.
COPY --from=build /usr/local/bin/node /usr/local/bin/node
RUN apt-get update \
    && apt-get install -y --no-install-recommends libatomic1 libjemalloc2 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s "$(dpkg -L libjemalloc2 | grep '/libjemalloc\.so\.2$')" /usr/local/lib/libjemalloc.so.2 \
    && useradd --system --uid 1001 --home-dir /app --shell /usr/sbin/nologin dualscale \
    && node --version
WORKDIR /app
COPY --from=build-gpu /app ./
# ONNX Runtime says too late, and only in a log, that its CUDA provider does not fit the image: it then runs on the CPU.
# libcuda comes from the host's driver when the container starts.
RUN provider=node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so; \
    if [ ! -f "$provider" ]; then echo "there is no CUDA provider for $(uname -m)"; exit 1; fi; \
    missing="$(ldd "$provider" | grep 'not found' | grep -v 'libcuda\.so' || true)"; \
    if [ -n "$missing" ]; then \
      echo "this CUDA image does not fit the provider; choose another with --build-arg CUDA_IMAGE=..."; \
      echo "$missing"; exit 1; \
    fi
# One memory arena per thread keeps what the pictures of a burst took; jemalloc gives it back.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 LD_PRELOAD=/usr/local/lib/libjemalloc.so.2
USER dualscale
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/cli/main.js", "serve"]

# Last, so that it is what a build without --target makes.
FROM ${NODE_IMAGE} AS cpu
RUN apt-get update \
    && apt-get install -y --no-install-recommends libjemalloc2 \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s "$(dpkg -L libjemalloc2 | grep '/libjemalloc\.so\.2$')" /usr/local/lib/libjemalloc.so.2
WORKDIR /app
COPY --from=build /app ./
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 LD_PRELOAD=/usr/local/lib/libjemalloc.so.2
USER node
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/cli/main.js", "serve"]
