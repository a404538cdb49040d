#!/bin/sh
# Makes the broker's own role and its database, once, when the server is new. The broker is no superuser, and whoever
# makes it need not be one: a role that may make roles and databases is enough.
# The password goes from its file to psql: it is in no argument, no environment and no log.
set -eu
cat "$BROKER_PASSWORD_FILE" > /dev/null # or nothing is made
exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
SELECT current_setting('is_superuser') AS super \gset
\if :super
SET log_min_error_statement = panic;
\endif
CREATE ROLE counterfoil LOGIN;
GRANT counterfoil TO CURRENT_USER; -- nobody but a superuser makes a database for a role that it is no member of
CREATE DATABASE counterfoil OWNER counterfoil;
REVOKE CONNECT ON DATABASE counterfoil FROM PUBLIC;
REVOKE counterfoil FROM CURRENT_USER;
\set password `cat "$BROKER_PASSWORD_FILE"`
ALTER ROLE counterfoil PASSWORD :'password';
SQL
