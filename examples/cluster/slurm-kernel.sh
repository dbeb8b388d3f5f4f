#!/bin/bash
#SBATCH --job-name=ntk-kernel
#SBATCH --array=0-15
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=04:00:00
#SBATCH --requeue
# A kernel in 16 parts, one a task of the array. A part that is requeued goes on behind its last whole tile.
# When all are finished: deepntk merge part-*.part --out K.npy
set -euo pipefail
# Machines with other CPUs would choose other kernels of OpenBLAS, and merge refuses parts that differ in that.
export OPENBLAS_CORETYPE=Haswell
npx deepntk kernel --x X.npy --depth 20 --width 300 --seed 1 --precision mixed --dtype float32 --memory 3G \
  --threads "${SLURM_CPUS_PER_TASK:-1}" --shard slurm/16 --out "part-${SLURM_ARRAY_TASK_ID}.part"
