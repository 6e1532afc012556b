#!/bin/sh
# Measure any command, in any language: its input, output, signals and exit code pass through unchanged.
set -eu
joulewise run --name sort --zone DE --tag example=cli -- sh -c 'seq 300000 | sort -R | sort -n | tail -n 1'
joulewise runs
joulewise show last
joulewise explain last:emissions
