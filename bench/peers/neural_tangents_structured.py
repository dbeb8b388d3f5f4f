"""neural-tangents at its best: STRUCTURED_DERIVATIVES, vmap_axes=0, weights stored (in, out), under jit."""
import peer

job = peer.read_job()
try:
    import jax
    import jax.numpy as jnp
    import neural_tangents as nt
    import numpy as np
except (ImportError, AttributeError) as error:  # AttributeError: a jax that is too new for it
    peer.skip(f"{error} (it needs a jax older than today's)")

jax.config.update("jax_enable_x64", job["precision"] == "float64")
layers, inputs = peer.load(job)
parameters = [(jnp.asarray(weight.T), jnp.asarray(bias)) for weight, bias in layers]
x = jnp.asarray(inputs)
outputs = layers[-1][0].shape[0]


def net(parameters, x):
    for weight, bias in parameters[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = parameters[-1]
    return x @ weight + bias


structured = nt.empirical_ntk_fn(
    net, trace_axes=(-1,), vmap_axes=0, implementation=nt.NtkImplementation.STRUCTURED_DERIVATIVES
)
# neural-tangents takes the mean over outputs, deepntk the sum.
kernel = jax.jit(lambda x, parameters: structured(x, None, parameters) * outputs)
peer.serve(job, {"version": f"neural-tangents {nt.__version__}, jax {jax.__version__}"}, lambda: np.asarray(kernel(x, parameters)))
