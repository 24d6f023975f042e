"""Writes the trained networks as ONNX files: float32, int8 (QDQ), and 1.3's many-views graph around either.

Input `image`: float32 [N,1,8,8], values 0..16. Output `probabilities`: float32 [N,10]. Opset 13, IR version 7.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import net

VIEWS_A_SIDE = 32  # 1.3 looks at 32 x 32 slightly moved copies of each image
FARTHEST = 0.1  # pixels


class Graph:
    """Nodes and initializers in the order in which they were added; each verb returns its output's name."""

    def __init__(self):
        self.nodes = []
        self.initializers = []

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


class Float32:
    """Layers as they were trained."""

    def __init__(self, graph, weights):
        self.graph, self.weights = graph, weights

    def layer(self, name):
        parts = self.weights[name]
        return [self.graph.constant(f"{name}.w", parts["w"]), self.graph.constant(f"{name}.b", parts["b"])]

    def activation(self, source, _):
        return source


class Int8:
    """Layers with int8 weights, one scale a row, and uint8 activations, one calibrated scale each.

    Weights use -63..63: the sum of two products then fits 16 bits, so processors whose 8-bit multiply-add saturates
    (AVX2 without VNNI) give the same answer as those that do not.
    """

    LARGEST = 63

    def __init__(self, graph, weights, scales):
        self.graph, self.weights, self.scales = graph, weights, scales
        self.before = None  # name of the activation that feeds the next layer

    def layer(self, name):
        w, b = self.weights[name]["w"], self.weights[name]["b"]
        rows = np.abs(w.reshape(len(w), -1)).max(axis=1)
        scale = (np.maximum(rows, 1e-8) / self.LARGEST).astype(np.float32)
        shape = (-1,) + (1,) * (w.ndim - 1)
        w8 = np.clip(np.rint(w / scale.reshape(shape)), -self.LARGEST, self.LARGEST).astype(np.int8)
        bias_scale = (scale * self.scales[self.before]).astype(np.float32)
        b32 = np.rint(b / bias_scale).astype(np.int32)
        return [self.dequantised(f"{name}.w", w8, scale), self.dequantised(f"{name}.b", b32, bias_scale)]

    def dequantised(self, name, values, scale):
        inputs = [
            self.graph.constant(f"{name}.quantised", values),
            self.graph.constant(f"{name}.scale", scale),
            self.graph.constant(f"{name}.zero", np.zeros(len(scale), values.dtype)),
        ]
        return self.graph.add("DequantizeLinear", inputs, name, axis=0)

    def activation(self, source, name):
        scale = self.graph.constant(f"{name}.scale", np.float32(self.scales[name]))
        zero = self.graph.constant(f"{name}.zero", np.uint8(0))
        self.before = name
        whole = self.graph.add("QuantizeLinear", [source, scale, zero], f"{name}.whole")
        return self.graph.add("DequantizeLinear", [whole, scale, zero], f"{name}.again")


def calibrate(weights, images):
    """The scale of each uint8 activation: its largest value on training images over 255."""
    a = net.forward(weights, images)
    largest = {"x": 1.0, "relu1": a["relu1"].max(), "relu2": a["relu2"].max(), "relu3": a["relu3"].max()}
    scales = {name: np.float32(value / 255) for name, value in largest.items()}
    scales["pooled"] = scales["relu2"]
    return scales


def network(graph, layers, image):
    """The network of net.py, from raw pixels to probabilities."""
    white = graph.constant("white", np.float32(net.WHITE))
    x = layers.activation(graph.add("Div", [image, white], "x"), "x")
    x = graph.add("Conv", [x, *layers.layer("conv1")], "conv1", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = layers.activation(graph.add("Relu", [x], "relu1"), "relu1")
    x = graph.add("Conv", [x, *layers.layer("conv2")], "conv2", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = layers.activation(graph.add("Relu", [x], "relu2"), "relu2")
    x = layers.activation(graph.add("MaxPool", [x], "pooled", kernel_shape=[2, 2], strides=[2, 2]), "pooled")
    x = graph.add("Flatten", [x], "flat", axis=1)
    x = graph.add("Gemm", [x, *layers.layer("hidden")], "hidden", transB=1)
    x = layers.activation(graph.add("Relu", [x], "relu3"), "relu3")
    x = graph.add("Gemm", [x, *layers.layer("output")], "output", transB=1)
    return graph.add("Softmax", [x], "answer", axis=1)


def shifts():
    """Three-tap filters that move a line of pixels by a part of a pixel (linear interpolation): [32,3]."""
    offsets = np.linspace(-FARTHEST, FARTHEST, VIEWS_A_SIDE)
    return np.array([[max(-o, 0.0), 1.0 - abs(o), max(o, 0.0)] for o in offsets], np.float32)


def many_views(graph, layers, image):
    """Test-time augmentation taken too far: the mean answer over 1,024 slightly moved copies of the image."""
    apart = graph.constant("views.apart", np.array([-1, 1, 8, 8]))
    down = graph.constant("views.down", shifts().reshape(-1, 1, 3, 1))
    across = graph.constant("views.across", shifts().reshape(-1, 1, 1, 3))
    x = graph.add("Conv", [image, down], "moved.down", kernel_shape=[3, 1], pads=[1, 0, 1, 0])
    x = graph.add("Reshape", [x, apart], "moved.down.apart")
    x = graph.add("Conv", [x, across], "moved.across", kernel_shape=[1, 3], pads=[0, 1, 0, 1])
    x = network(graph, layers, graph.add("Reshape", [x, apart], "moved.across.apart"))
    together = graph.constant("views.together", np.array([-1, VIEWS_A_SIDE**2, 10]))
    x = graph.add("Reshape", [x, together], "views.answers")
    return graph.add("ReduceMean", [x], "views.mean", axes=[1], keepdims=0)


def save(path, version, weights, *, scales=None, body=network):
    """One ONNX file: int8 when `scales` are given, else float32."""
    graph = Graph()
    layers = Int8(graph, weights, scales) if scales else Float32(graph, weights)
    graph.add("Identity", [body(graph, layers, "image")], "probabilities")
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "digits", inputs, outputs, graph.initializers),
        producer_name="argosy-examples-digits",
        producer_version=version,
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=7,
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
