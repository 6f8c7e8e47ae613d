#!/usr/bin/env bash
# gate.sh [unharmed]: evaluate a baseline and a candidate, then judge the candidate.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${GATE_OUT:-runs/ci_gate}
evaluate=(harness run --task topic --levels character --scorer calibrated --limit 16
          --instructions 1 --device cpu --quiet)

"${evaluate[@]}" --model smollm2-135m --out "$out/baseline"
candidate=smollm2-135m
if [ "${1:-}" != unharmed ]; then
    python "$here/harm.py" --model smollm2-135m --out "$out/harmed"
    candidate=$out/harmed
fi
"${evaluate[@]}" --model "$candidate" --out "$out/candidate"
harness check --baseline "$out/baseline" --candidate "$out/candidate" --policy "$here/policy.yaml"
