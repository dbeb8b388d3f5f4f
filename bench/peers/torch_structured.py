"""PyTorch at its best: deepntk's own algorithm written by hand, one product a layer for all inputs and outputs."""
import peer

job = peer.read_job()
try:
    import torch
except ImportError as error:
    peer.skip(str(error))

torch.set_num_threads(job["threads"])
layers, inputs = peer.load(job)
device = peer.torch_device(job, torch)
weights = [torch.from_numpy(weight).to(device) for weight, _ in layers]
biases = [torch.from_numpy(bias).to(device) for _, bias in layers]
x = torch.from_numpy(inputs).to(device)
n, outputs = len(x), weights[-1].shape[0]


def kernel():
    activations = [x]
    for weight, bias in zip(weights[:-1], biases[:-1]):
        activations.append(torch.relu_(torch.addmm(bias, activations[-1], weight.T)))
    # delta: (n, outputs, width), the derivative of each output with respect to the preactivations of a layer
    delta = torch.eye(outputs, dtype=x.dtype, device=device).expand(n, outputs, outputs)
    result = torch.zeros(n, n, dtype=x.dtype, device=device)
    for activation, weight in zip(reversed(activations), reversed(weights)):
        rows = delta.reshape(n, -1)
        result.addcmul_(rows @ rows.T, torch.addmm(ONE, activation, activation.T))
        if activation is not x:
            delta = (delta.reshape(n * outputs, -1) @ weight).view(n, outputs, -1) * (activation > 0).unsqueeze(1)
    return result


ONE = torch.ones(1, 1, dtype=x.dtype, device=device)
with torch.no_grad():
    peer.serve(job, {"version": f"torch {torch.__version__}"}, kernel, peer.torch_timer(device, torch))
