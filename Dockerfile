# One image for the API and the workers: the command chooses which (see docker-compose.yml).
FROM node:26-slim AS packages
WORKDIR /kiln
COPY . .
RUN npm ci --omit=dev --workspace=@kiln/api --workspace=@kiln/worker

FROM node:26-slim
ENV NODE_ENV=production KILN_DATA_DIR=/var/lib/kiln
WORKDIR /kiln
COPY --from=packages /kiln .
RUN install -d -o node -g node -m 700 /var/lib/kiln
USER node
ENTRYPOINT ["node"]
CMD ["--max-semi-space-size=8", "apps/api/src/main.ts"]
