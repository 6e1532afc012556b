#!/usr/bin/env bash
# Starts a PostgreSQL server for the store tests and prints its URL; safe to run again.
# Usage: export JOULEWISE_TEST_POSTGRES="$(tests/contract/start_postgres.sh)"
set -euo pipefail

role=joulewise_test
database=joulewise_test
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
as_postgres() { as_root runuser -u postgres -- "$@"; }

if ! command -v pg_ctlcluster >/dev/null || ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >&2
fi

if [ -z "$(pg_lsclusters -h)" ]; then
  version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
  as_root pg_createcluster "$version" main >&2
fi
read -r version cluster port status _ < <(pg_lsclusters -h | tail -n 1)
if [ "${status%%,*}" != online ]; then
  as_root pg_ctlcluster "$version" "$cluster" start >&2
fi
for _ in $(seq 50); do
  pg_isready -q -h 127.0.0.1 -p "$port" && break
  sleep 0.2
done

sql() { as_postgres psql -p "$port" -v ON_ERROR_STOP=1 -qtAc "$1"; }
if [ "$(sql "SELECT count(*) FROM pg_roles WHERE rolname = '$role'")" = 0 ]; then
  sql "CREATE ROLE $role LOGIN PASSWORD '$role'"
fi
if [ "$(sql "SELECT count(*) FROM pg_database WHERE datname = '$database'")" = 0 ]; then
  sql "CREATE DATABASE $database OWNER $role ENCODING 'UTF8' TEMPLATE template0"
fi
echo "postgresql://$role:$role@127.0.0.1:$port/$database"
