# Build:  docker build -t parley .
# Run:    docker run -d --name parley -p 5222:5222 -p 5223:5223 -p 5281:5281 -v parley-data:/data -v ./parley.json:/etc/parley/parley.json:ro parley
# Look:   docker logs parley          (the first start prints the administrator's one-time password)
# Manage: docker exec -it parley parley user add alice@example.org
#
# The configuration says "dataDir": "/data". For the health check, listen.http must be on port 5280.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
COPY test ./test
COPY bench ./bench
COPY tools ./tools
COPY web ./web
RUN node_modules/.bin/tsc -p . && node tools/bundle.mjs && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=4 PARLEY_CONFIG=/etc/parley/parley.json
WORKDIR /opt/parley
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist/src ./dist/src
COPY --from=build /build/dist/web ./dist/web
COPY bin ./bin
COPY tools/prepare.mjs ./tools/
COPY config.example.json config.schema.json ./
RUN ln -s /opt/parley/bin/parley.mjs /usr/local/bin/parley \
 && mkdir -p /data /etc/parley \
 && echo '{ "dataDir": "/data" }' > /etc/parley/parley.json \
 && chown node:node /data && chmod 700 /data
USER node
VOLUME /data
EXPOSE 5222 5223 5280 5281
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:5280/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["parley"]
CMD ["serve"]
