#!/bin/sh
set -e
umask 027
export PREPARED=yes
exec "$@"
