#!/usr/bin/env bash
# Judges runs/candidate against the store's baseline, or alone where there is none yet.
set -euo pipefail

code=0
harness baseline get --out runs/baseline || code=$?
case $code in
    0) against=(--baseline runs/baseline) ;;
    5) against=(--first) ;;
    *) exit "$code" ;;
esac
harness check --candidate runs/candidate "${against[@]}" --policy robustness-policy.yaml \
    --junit runs/gate.xml --comment runs/comment.md --badge runs/badge.json
