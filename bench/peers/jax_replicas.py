"""JAX at its best: replicas of the kernel of N inputs, each a net drawn and its kernel computed, all under one jit.

Of the forms below (one replica after the other in a loop of XLA's, or batches of them by vmap) the fastest is timed. It prints the
seconds of a batch of `replicas`; the first run writes, replicas x N, log Theta(x_0, x_0) and the ratios Theta(x_0, x_i) / Theta(x_0, x_0).
"""
import time

import peer

job = peer.read_job()
try:
    import jax
    import jax.numpy as jnp
    import numpy as np
except ImportError as error:
    peer.skip(str(error))

if job.get("device") == "cuda" and jax.default_backend() != "gpu":
    peer.skip("JAX finds no CUDA device")
jax.config.update("jax_enable_x64", job["precision"] == "float64")
x = jnp.asarray(np.load(job["x"]), dtype=job["precision"])
width = job["width"]
count = job["replicas"]


def replica(key):
    """The kernel of a net of its own; deepntk's algorithm, weights stored (in, out), biases 0 but counted."""
    first, hidden, last = jax.random.split(key, 3)
    normal = lambda key, *shape: jax.random.normal(key, shape, x.dtype) * (2 / shape[-2]) ** 0.5
    # The hidden layers' weights in one call: one a layer takes minutes to compile.
    weights = [normal(first, x.shape[1], width), *normal(hidden, job["depth"] - 1, width, width), normal(last, width, 1)]
    activations = [x]
    for weight in weights[:-1]:
        activations.append(jax.nn.relu(activations[-1] @ weight))
    delta = jnp.ones((len(x), 1), x.dtype)
    result = jnp.zeros((len(x), len(x)), x.dtype)
    for l in reversed(range(len(weights))):
        result += (delta @ delta.T) * (activations[l] @ activations[l].T + 1)
        if l > 0:
            delta = (delta @ weights[l].T) * (activations[l] > 0)
    return result


def form(batch):
    def run(key):
        keys = jax.random.split(key, count)
        return jax.lax.map(replica, keys, batch_size=batch) if batch else jax.lax.map(replica, keys)

    return jax.jit(run)


def seconds(run, times=3):
    run(jax.random.key(0)).block_until_ready()
    taken = []
    for i in range(times):
        start = time.perf_counter()
        run(jax.random.key(i)).block_until_ready()
        taken.append(time.perf_counter() - start)
    return min(taken)


# A GPU takes many nets at once.
batches = [100, 1000] if job.get("device") == "cuda" else [None, 10]
forms = {f"vmap of {batch}" if batch else "one after the other": form(batch) for batch in batches}
fastest = min(forms, key=lambda name: seconds(forms[name]))
run = forms[fastest]
number = 0


def compute():
    global number
    number += 1
    kernels = np.asarray(run(jax.random.key(number)))
    diagonal = kernels[:, 0, :1]
    return np.concatenate([np.log(diagonal), kernels[:, 0, 1:] / diagonal], axis=1)


peer.serve(job, {"version": f"jax {jax.__version__}", "note": fastest}, compute)
