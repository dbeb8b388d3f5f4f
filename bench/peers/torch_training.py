"""The peer of bench/training.js and bench/cuda.js: full-batch steps of Adam in PyTorch, eager, as its users write them.

    python torch_training.py --dtype float64 --threads 2      # one JSON line: median, minimum and all seconds of a step

With --device cuda on the GPU; where PyTorch finds none, the line says "skipped". Needs torch. One step: forward, loss (sum over outputs of (f - y)^2, halved, mean over samples), backward, Adam.
"""
import argparse
import json
import statistics
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--samples", type=int, default=2000)
parser.add_argument("--depth", type=int, default=20)
parser.add_argument("--width", type=int, default=300)
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--threads", type=int, default=0)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
args = parser.parse_args()
if args.threads:
    torch.set_num_threads(args.threads)
if args.device == "cuda" and not torch.cuda.is_available():
    print(json.dumps({"skipped": "PyTorch finds no CUDA device"}))
    raise SystemExit
torch.set_default_device(args.device)
torch.set_default_dtype(getattr(torch, args.dtype))
torch.manual_seed(1)

INPUTS, OUTPUTS = 784, 10
widths = [INPUTS] + [args.width] * args.depth + [OUTPUTS]
layers = []
for fan_in, width in zip(widths, widths[1:]):
    linear = torch.nn.Linear(fan_in, width)
    torch.nn.init.normal_(linear.weight, std=(2 / fan_in) ** 0.5)
    torch.nn.init.zeros_(linear.bias)
    layers += [linear, torch.nn.ReLU()]
net = torch.nn.Sequential(*layers[:-1])
x = torch.rand(args.samples, INPUTS)
y = torch.nn.functional.one_hot(torch.arange(args.samples) % OUTPUTS, OUTPUTS).to(x.dtype)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)


def step():
    optimizer.zero_grad()
    loss = 0.5 * ((net(x) - y) ** 2).sum() / args.samples
    loss.backward()
    optimizer.step()


def finish():
    if args.device == "cuda":
        torch.cuda.synchronize()


for _ in range(2):
    step()
finish()
seconds, processor_seconds = [], []
for _ in range(args.steps):
    start, processor_start = time.perf_counter(), time.process_time()
    step()
    finish()
    seconds.append(time.perf_counter() - start)
    processor_seconds.append(time.process_time() - processor_start)
print(json.dumps({"peer": "torch", "version": torch.__version__, "dtype": args.dtype, "threads": torch.get_num_threads(),
                  "median": statistics.median(seconds), "min": min(seconds), "seconds": seconds, "processor_seconds": processor_seconds}))
