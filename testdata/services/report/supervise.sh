#!/bin/sh
echo "supervising" >&2
report --from script "$@"
code=$?
echo "ended with $code" >&2
exit $code
