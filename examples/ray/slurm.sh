#!/bin/bash
#SBATCH --job-name=robustness
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --exclusive
#SBATCH --time=04:00:00
#SBATCH --requeue
# sbatch slurm.sh MODEL [options of harness run]; requeued or sent again it goes on.
set -euo pipefail

export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
RAY_AUTH_TOKEN=$(python -c "import secrets; print(secrets.token_hex(32))") # of this job alone
export RAY_AUTH_TOKEN

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
port=$((20000 + SLURM_JOB_ID % 10000))
address=$(getent ahostsv4 "${nodes[0]}" | awk 'NR == 1 { print $1 }'):$port

ray start --head --node-ip-address="${address%:*}" --port="$port" --include-dashboard=false
for node in "${nodes[@]:1}"; do
    srun --nodes=1 --ntasks=1 --nodelist="$node" ray start --address="$address" --block &
done
trap 'ray stop; kill $(jobs -p) 2>/dev/null || true' EXIT

harness run --model "$1" "${@:2}" --ray "$address" --quiet
