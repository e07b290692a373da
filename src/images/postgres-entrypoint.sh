#!/bin/sh
# Makes the database in an empty PGDATA, with what $SEED_DIR/setup.sql says if there is one (each statement ends in a semicolon
# and an empty line), and runs the server. The data is thrown away with the pod, so nothing is synced.
set -eu
: "${PGDATA:=/var/lib/postgresql/data}" "${SQL_USER:?}" "${SQL_PASSWORD:?}" "${SQL_DBNAME:?}"
: "${SEED_DIR:=/opt/seed}" "${SOCKET_DIR:=/tmp}"
case "$SQL_USER$SQL_PASSWORD$SQL_DBNAME" in
  *[!A-Za-z0-9_-]*) echo 'SQL_USER, SQL_PASSWORD and SQL_DBNAME: letters, digits, - and _ only' >&2; exit 2 ;;
esac

# A crash half way through must not leave a database that looks whole.
if [ ! -e "$PGDATA/seeded" ]; then
  # A directory below the volume: initdb wants one that it owns.
  rm -rf "$PGDATA"
  initdb --pgdata="$PGDATA" --username=postgres --auth-local=trust --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-sync --no-instructions >/dev/null
  {
    echo 'listen_addresses = '"'*'"
    echo "unix_socket_directories = '$SOCKET_DIR'"
    echo 'max_connections = 200'
    echo 'shared_buffers = 32MB'
    echo 'fsync = off'
    echo 'synchronous_commit = off'
    echo 'full_page_writes = off'
    echo 'jit = off'
    echo "timezone = 'UTC'"
    echo "log_timezone = 'UTC'"
    echo 'dynamic_shared_memory_type = mmap' # /dev/shm of a pod is small
  } >>"$PGDATA/postgresql.conf"
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  single() { postgres --single -j -D "$PGDATA" "$1" >/dev/null; }
  printf 'CREATE ROLE "%s" LOGIN PASSWORD '"'%s'"';\n\nCREATE DATABASE "%s" OWNER "%s";\n\n' \
    "$SQL_USER" "$SQL_PASSWORD" "$SQL_DBNAME" "$SQL_USER" | single postgres
  { [ ! -e "$SEED_DIR/setup.sql" ] || cat "$SEED_DIR/setup.sql"; printf 'GRANT ALL ON ALL TABLES IN SCHEMA public TO "%s";\n\n' "$SQL_USER"; } | single "$SQL_DBNAME"
  touch "$PGDATA/seeded"
fi
exec postgres -D "$PGDATA" "$@"
