# The web app, built from its source: what is committed under pb_public is checked against it in CI.
FROM node:20-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/pb_public ./pb_public
ARG VERSION=docker
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /anteroom .

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin anteroom && install -d -o anteroom -g anteroom -m 0700 /data
COPY --from=build /anteroom /usr/local/bin/anteroom
USER anteroom
WORKDIR /data
# one volume: the data in /data/clinic, the keys beside it in /data/clinic.keys
VOLUME /data
EXPOSE 8090
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD curl -fsS http://127.0.0.1:8090/readyz >/dev/null
ENTRYPOINT ["anteroom", "--dir", "/data/clinic"]
CMD ["serve", "--http", "0.0.0.0:8090"]
