#!/bin/bash
#SBATCH --job-name=ntk-sweep
#SBATCH --array=0-15
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
# A sweep in 16 shards, one for each task of the array. A task that is requeued continues its file. Keep part-*.csv.meta.jsonl beside part-*.csv.
# When all are finished: deepntk merge part-*.csv --out sweep.csv
set -euo pipefail
npx deepntk sweep --sw2 1:3:0.1 --depth 10:200:10 --width 100,300 --replicas 20000 --seed 1 \
  --threads "${SLURM_CPUS_PER_TASK:-1}" --shard slurm/16 --out "part-${SLURM_ARRAY_TASK_ID}.csv"
