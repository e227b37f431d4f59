# syntax=docker/dockerfile:1

FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpq-dev libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The dependencies are a layer of their own: a change of our sources does not fetch them again.
COPY Package.swift Package.resolve[d] ./
RUN swift package resolve
COPY Sources Sources
COPY Tests Tests
COPY sql sql
RUN swift build --configuration release --product settled --static-swift-stdlib \
    && install -D --strip .build/release/settled /out/settled

FROM debian:bookworm-slim
# libc6 of bookworm has the GBK conversion tables that iconv needs.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libpq5 libssl3 libstdc++6 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/settled --create-home settled
COPY --from=build /out/settled /usr/local/bin/settled
USER settled
WORKDIR /var/lib/settled
# Inside a container, metrics and health must be reachable from outside its own loopback.
ENV SETTLED_HTTP_ADMIN_LISTEN=0.0.0.0:9090
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["settled", "healthcheck"]
ENTRYPOINT ["settled"]
CMD ["run"]
