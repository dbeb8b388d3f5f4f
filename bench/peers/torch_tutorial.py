"""torch.func as PyTorch's tutorial on neural tangent kernels uses it: the Jacobian of every input, contracted by einsum.

The Jacobian of N inputs has N K P numbers; batches are cut so that two blocks of it take at most MEMORY bytes.
"""
import peer

MEMORY = 4e9

job = peer.read_job()
try:
    import torch
    from torch.func import functional_call, jacrev, vmap
except ImportError as error:
    peer.skip(str(error))

torch.set_num_threads(job["threads"])
layers, inputs = peer.load(job)
modules = []
for weight, bias in layers:
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.from_numpy(weight).dtype)
    linear.weight = torch.nn.Parameter(torch.from_numpy(weight))
    linear.bias = torch.nn.Parameter(torch.from_numpy(bias))
    modules += [linear, torch.nn.ReLU()]
device = peer.torch_device(job, torch)
net = torch.nn.Sequential(*modules[:-1]).to(device)
parameters = {name: value.detach() for name, value in net.named_parameters()}
x = torch.from_numpy(inputs).to(device)

count = sum(value.numel() for value in parameters.values())
bytes_of_input = count * layers[-1][0].shape[0] * inputs.itemsize
block = max(1, min(len(x), int(MEMORY / 2 / bytes_of_input)))


def output(parameters, x):
    return functional_call(net, parameters, (x.unsqueeze(0),)).squeeze(0)


def jacobian(x):
    return [part.flatten(2) for part in vmap(jacrev(output), (None, 0))(parameters, x).values()]


def contract(left, right):
    return sum(torch.einsum("nkp,mkp->nm", a, b) for a, b in zip(left, right))


def kernel():
    blocks = [slice(start, start + block) for start in range(0, len(x), block)]
    result = torch.empty(len(x), len(x), dtype=x.dtype, device=device)
    for i, rows in enumerate(blocks):
        left = jacobian(x[rows])
        for columns in blocks[i:]:
            right = left if columns is rows else jacobian(x[columns])
            part = contract(left, right)
            result[rows, columns] = part
            result[columns, rows] = part.T
            del right
    return result


with torch.no_grad():
    peer.serve(job, {"version": f"torch {torch.__version__}", "note": f"blocks of {block} inputs"}, kernel, peer.torch_timer(device, torch))
