#!/bin/sh
report first &
first=$!
sleep 1
REPORT_THEN=exit:4 report second
echo "the second ended with $?" >&2
wait $first
