"""What the peers in Python share: a net and inputs from files, and the conversation with run.js.

A peer gets the path of a job, a JSON object: net (.safetensors, float64), x and kernel (.npy; kernel is where the result goes),
precision, threads, device (cpu or cuda). It prints one JSON line about itself; then, for every line that it reads, it runs once and prints the
seconds that took. The first run (which may compile) writes the kernel.
"""
import json
import os
import sys
import time


def read_job():
    """Reads the job, and keeps the libraries that are imported after it to its threads."""
    with open(sys.argv[1]) as file:
        job = json.load(file)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(job["threads"])
    if job.get("device") != "cuda":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ["JAX_PLATFORMS"] = "cpu"
    if job["threads"] == 1 and job.get("device") != "cuda":
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return job


def skip(reason):
    """Says why this peer cannot run here, and ends."""
    print(json.dumps({"skipped": reason}), flush=True)
    sys.exit(0)


def load(job):
    """Weights (out x in) and biases of each layer, and the inputs, N x n_0, as NumPy arrays of the job's precision."""
    import numpy as np
    from safetensors.numpy import load_file

    tensors = load_file(job["net"])
    layers = [
        (tensors[name], tensors[name[: -len("weight")] + "bias"])
        for name in sorted((n for n in tensors if n.endswith("weight")), key=lambda n: int(n.split(".")[-2]))
    ]
    cast = lambda array: np.ascontiguousarray(array, dtype=job["precision"])
    return [(cast(w), cast(b)) for w, b in layers], cast(np.load(job["x"]))


def torch_device(job, torch):
    """The device of a job; where it is a GPU that PyTorch does not have, this peer ends."""
    device = job.get("device", "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        skip("PyTorch finds no CUDA device")
    return device


def torch_timer(device, torch):
    """Seconds by the GPU's own events; of a CPU by the clock."""
    if device != "cuda":
        return by_clock

    def by_events(compute):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        kernel = compute()
        end.record()
        torch.cuda.synchronize()
        return kernel, begin.elapsed_time(end) / 1000

    return by_events


def by_clock(compute):
    start = time.perf_counter()
    kernel = compute()
    return kernel, time.perf_counter() - start


def serve(job, about, compute, timed=by_clock):
    """`compute()` gives the kernel, N x N, in memory (by `timed`'s clock on the device): nothing is left to be done lazily."""
    import numpy as np

    print(json.dumps(about), flush=True)
    first = True
    for _ in sys.stdin:
        kernel, seconds = timed(compute)
        if first:
            on_host = kernel.cpu() if hasattr(kernel, "cpu") else kernel
            np.save(job["kernel"], np.asarray(on_host, dtype=np.float64))
            first = False
        print(json.dumps({"seconds": seconds}), flush=True)
