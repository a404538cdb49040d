#!/bin/sh
# Makes the broker's own role and its database, once, when the server is new. The broker is no superuser.
# The password goes from its file to psql: it is in no argument, no environment and no log.
set -eu
exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
SET log_min_error_statement = panic;
\set password `cat "$BROKER_PASSWORD_FILE"`
CREATE ROLE counterfoil LOGIN PASSWORD :'password';
CREATE DATABASE counterfoil OWNER counterfoil;
REVOKE CONNECT ON DATABASE counterfoil FROM PUBLIC;
SQL
