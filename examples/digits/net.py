"""A small convolutional network for 8x8 images, trained with plain numpy.

image [N,1,8,8], values 0..16 -> conv 3x3 (16) -> relu -> conv 3x3 (32) -> relu -> max pool 2x2
-> hidden layer (64) -> relu -> output (10) -> softmax. About 38,000 parameters, float32 throughout.
"""

import numpy as np

WHITE = 16.0  # the data's largest pixel value
LAYERS = ("conv1", "conv2", "hidden", "output")
SHAPES = {"conv1": (16, 1, 3, 3), "conv2": (32, 16, 3, 3), "hidden": (64, 512), "output": (10, 64)}


def initial_weights(rng):
    """He initialisation (He et al., 2015, arXiv:1502.01852): normal, variance 2 / fan-in; biases zero."""
    weights = {}
    for layer in LAYERS:
        shape = SHAPES[layer]
        deviation = np.sqrt(2.0 / np.prod(shape[1:]))
        weights[layer] = {
            "w": (rng.standard_normal(shape) * deviation).astype(np.float32),
            "b": np.zeros(shape[0], np.float32),
        }
    return weights


def patches(x):
    """[N,C,H,W] -> [N*H*W, C*9]: the 3x3 surroundings of each pixel, zero outside the image."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.ascontiguousarray(windows.transpose(0, 2, 3, 1, 4, 5)).reshape(n * h * w, c * 9)


def unpatch(columns, shape):
    """The transpose of `patches`: adds each surrounding's gradient back to the pixels that it came from."""
    n, c, h, w = shape
    columns = columns.reshape(n, h, w, c, 3, 3).transpose(0, 3, 1, 2, 4, 5)
    padded = np.zeros((n, c, h + 2, w + 2), np.float32)
    for i in range(3):
        for j in range(3):
            padded[:, :, i : i + h, j : j + w] += columns[:, :, :, :, i, j]
    return padded[:, :, 1:-1, 1:-1]


def convolve(columns, layer, n):
    out = columns @ layer["w"].reshape(layer["w"].shape[0], -1).T + layer["b"]
    return out.reshape(n, 8, 8, -1).transpose(0, 3, 1, 2)


def forward(weights, images):
    """Every activation by name; `logits` is the last. `images` hold raw values 0..16."""
    a = {"x": images.astype(np.float32) / np.float32(WHITE)}
    n = len(images)
    a["columns1"] = patches(a["x"])
    a["relu1"] = np.maximum(convolve(a["columns1"], weights["conv1"], n), 0)
    a["columns2"] = patches(a["relu1"])
    a["relu2"] = np.maximum(convolve(a["columns2"], weights["conv2"], n), 0)
    blocks = a["relu2"].reshape(n, 32, 4, 2, 4, 2)
    a["pooled"] = blocks.max(axis=(3, 5))
    a["flat"] = a["pooled"].reshape(n, 512)
    a["relu3"] = np.maximum(a["flat"] @ weights["hidden"]["w"].T + weights["hidden"]["b"], 0)
    a["logits"] = a["relu3"] @ weights["output"]["w"].T + weights["output"]["b"]
    return a


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def gradients(weights, images, labels):
    """The gradient of the mean cross-entropy for every weight."""
    a = forward(weights, images)
    n = len(images)
    d_logits = softmax(a["logits"])
    d_logits[np.arange(n), labels] -= 1
    d_logits /= n
    grads = {"output": {"w": d_logits.T @ a["relu3"], "b": d_logits.sum(0)}}
    d_hidden = (d_logits @ weights["output"]["w"]) * (a["relu3"] > 0)
    grads["hidden"] = {"w": d_hidden.T @ a["flat"], "b": d_hidden.sum(0)}
    d_pooled = (d_hidden @ weights["hidden"]["w"]).reshape(n, 32, 4, 4)
    winners = a["relu2"].reshape(n, 32, 4, 2, 4, 2) == a["pooled"][:, :, :, None, :, None]
    d_conv2 = (d_pooled[:, :, :, None, :, None] * winners).reshape(n, 32, 8, 8) * (a["relu2"] > 0)
    rows = d_conv2.transpose(0, 2, 3, 1).reshape(-1, 32)
    grads["conv2"] = {"w": (rows.T @ a["columns2"]).reshape(SHAPES["conv2"]), "b": rows.sum(0)}
    d_relu1 = unpatch(rows @ weights["conv2"]["w"].reshape(32, -1), a["relu1"].shape)
    rows = (d_relu1 * (a["relu1"] > 0)).transpose(0, 2, 3, 1).reshape(-1, 16)
    grads["conv1"] = {"w": (rows.T @ a["columns1"]).reshape(SHAPES["conv1"]), "b": rows.sum(0)}
    return grads


def train(weights, images, labels, rng, *, epochs, rate, layers=LAYERS, batch=32, shift=False):
    """Adam (Kingma and Ba, 2015, arXiv:1412.6980) on `layers`; the other layers stay equal to the last bit."""
    weights = {name: dict(layer) for name, layer in weights.items()}
    keys = [(layer, part) for layer in layers for part in ("w", "b")]
    mean = {key: 0.0 for key in keys}
    variance = {key: 0.0 for key in keys}
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            x = shifted(images[chosen], rng) if shift else images[chosen]
            grads = gradients(weights, x, labels[chosen])
            step += 1
            for key in keys:
                layer, part = key
                g = grads[layer][part]
                mean[key] = 0.9 * mean[key] + 0.1 * g
                variance[key] = 0.999 * variance[key] + 0.001 * g * g
                ahead = mean[key] / (1 - 0.9**step)
                scale = np.sqrt(variance[key] / (1 - 0.999**step)) + 1e-8
                weights[layer][part] = (weights[layer][part] - rate * ahead / scale).astype(np.float32)
    return weights


def shifted(images, rng):
    """Half of the images moved by one pixel in a random direction: the augmentation for fine-tuning."""
    moved = images.copy()
    for i in np.flatnonzero(rng.random(len(images)) < 0.5):
        moved[i] = np.roll(images[i], rng.integers(-1, 2, size=2), axis=(1, 2))
    return moved


def accuracy(weights, images, labels):
    return float((forward(weights, images)["logits"].argmax(1) == labels).mean())
