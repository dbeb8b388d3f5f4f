"""JAX at its best: deepntk's own algorithm written by hand, under jit, weights stored (in, out)."""
import peer

job = peer.read_job()
try:
    import jax
    import jax.numpy as jnp
    import numpy as np
except ImportError as error:
    peer.skip(str(error))

jax.config.update("jax_enable_x64", job["precision"] == "float64")
if job.get("device") == "cuda" and jax.default_backend() != "gpu":
    peer.skip("JAX finds no CUDA device")
layers, inputs = peer.load(job)
parameters = [(jnp.asarray(weight.T), jnp.asarray(bias)) for weight, bias in layers]
x = jnp.asarray(inputs)


@jax.jit
def kernel(parameters, x):
    n, outputs = x.shape[0], parameters[-1][0].shape[1]
    activations = [x]
    for weight, bias in parameters[:-1]:
        activations.append(jax.nn.relu(activations[-1] @ weight + bias))
    # delta: (n outputs) x width, the derivative of each output with respect to the preactivations of a layer
    delta = jnp.tile(jnp.eye(outputs, dtype=x.dtype), (n, 1))
    result = jnp.zeros((n, n), x.dtype)
    for l in reversed(range(len(parameters))):
        rows = delta.reshape(n, -1)
        result += (rows @ rows.T) * (activations[l] @ activations[l].T + 1)
        if l > 0:
            delta = (delta @ parameters[l][0].T) * jnp.repeat(activations[l] > 0, outputs, axis=0)
    return result


peer.serve(job, {"version": f"jax {jax.__version__}"}, lambda: kernel(parameters, x).block_until_ready())
