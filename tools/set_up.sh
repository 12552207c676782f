#!/bin/sh
# Runs one step of the set-up: prints its title and its seconds, and the command's output only when it fails.
# Use: sh tools/set_up.sh TITLE COMMAND [ARGUMENT...]
title=$1
shift
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
started=$(date +%s)
printf 'set-up: %s ... ' "$title"
if "$@" >"$output" 2>&1; then
    printf '%s s\n' $(($(date +%s) - started))
else
    code=$?
    printf 'failed after %s s\n' $(($(date +%s) - started))
    cat "$output" >&2
    exit $code
fi
