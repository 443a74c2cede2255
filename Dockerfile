# One node in a container: `docker run -p 8400:8400 -v stackchain:/data stackchain`
# The container runs `up`; what follows the image's name is handed to it, for example
# `--connect http://host.docker.internal:8400 --no-mining`.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY test/tools ./test/tools
RUN npm ci
COPY . .
RUN npm run build

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production STACKCHAIN_DATA_DIR=/data
COPY package.json package-lock.json .npmrc ./
COPY test/tools ./test/tools
RUN npm ci --omit=dev
COPY bin ./bin
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8400
# Node as the first process takes SIGTERM itself and ends within seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "bin/stackchain.js", "up", "--host", "0.0.0.0"]
