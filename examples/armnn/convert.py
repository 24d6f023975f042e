#!/usr/bin/python3
"""Writes digits-1.1.tflite: the float32 network of ../digits/models/digits-1.1-fp32.onnx in TensorFlow Lite's form.

Needs Debian's python3-numpy, python3-onnx and python3-flatbuffers. The numbers of fields are those of TensorFlow's
schema.fbs, the version 3 of which every reader knows.
"""
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
from onnx import numpy_helper

HERE = Path(__file__).resolve().parent
FLOAT32, INT32 = 0, 2
RELU = 1
# Operators: their code, and the number and the fields (slot, type, value) of their options.
CONVOLUTION = (3, 1, [(1, "Int32", 1), (2, "Int32", 1), (3, "Int8", RELU), (4, "Int32", 1), (5, "Int32", 1)])
POOL = (17, 5, [(0, "Int8", 1), (1, "Int32", 2), (2, "Int32", 2), (3, "Int32", 2), (4, "Int32", 2)])
DENSE_RELU = (9, 8, [(0, "Int8", RELU)])
DENSE = (9, 8, [])
SOFTMAX = (25, 9, [(0, "Float32", 1.0)])
RESHAPE = (22, 17, [])


class Writer:
    def __init__(self):
        self.builder = flatbuffers.Builder(1 << 18)

    def table(self, fields):
        """Fields are (slot, kind, value); references were made before."""
        self.builder.StartObject(max((slot for slot, _, _ in fields), default=-1) + 1)
        for slot, kind, value in fields:
            if kind == "Reference":
                self.builder.PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                getattr(self.builder, f"Prepend{kind}Slot")(slot, value, 0 if kind != "Float32" else 0.0)
        return self.builder.EndObject()

    def references(self, items):
        self.builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            self.builder.PrependUOffsetTRelative(item)
        return self.builder.EndVector()

    def numbers(self, values):
        return self.builder.CreateNumpyVector(np.asarray(values, np.int32))


def network():
    """Tensors (name, shape, constant or None) and operators (kind, inputs, output) in the order of their run."""
    graph = onnx.load(HERE.parent / "digits/models/digits-1.1-fp32.onnx").graph
    w = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    ohwi = (0, 2, 3, 1)  # TensorFlow has channels last
    hidden = w["hidden.w"].reshape(64, 32, 4, 4).transpose(ohwi).reshape(64, 512)
    tensors = [
        ("image", (1, 8, 8, 1), None),
        ("conv1.w", None, (w["conv1.w"] / w["white"]).transpose(ohwi)), ("conv1.b", None, w["conv1.b"]),
        ("conv1", (1, 8, 8, 16), None),
        ("conv2.w", None, w["conv2.w"].transpose(ohwi)), ("conv2.b", None, w["conv2.b"]),
        ("conv2", (1, 8, 8, 32), None),
        ("pooled", (1, 4, 4, 32), None),
        ("shape", None, np.array([1, 512], np.int32)),
        ("flat", (1, 512), None),
        ("hidden.w", None, hidden), ("hidden.b", None, w["hidden.b"]),
        ("hidden", (1, 64), None),
        ("output.w", None, w["output.w"]), ("output.b", None, w["output.b"]),
        ("output", (1, 10), None),
        ("probabilities", (1, 10), None),
    ]
    operators = [
        (CONVOLUTION, ["image", "conv1.w", "conv1.b"], "conv1"),
        (CONVOLUTION, ["conv1", "conv2.w", "conv2.b"], "conv2"),
        (POOL, ["conv2"], "pooled"),
        (RESHAPE, ["pooled", "shape"], "flat"),
        (DENSE_RELU, ["flat", "hidden.w", "hidden.b"], "hidden"),
        (DENSE, ["hidden", "output.w", "output.b"], "output"),
        (SOFTMAX, ["output"], "probabilities"),
    ]
    return tensors, operators


def write(tensors, operators):
    out = Writer()
    codes = sorted({kind[0] for kind, _, _ in operators})
    place = {name: index for index, (name, _, _) in enumerate(tensors)}
    buffers, tensor_tables = [out.table([])], []  # the first buffer is empty, for tensors that are computed
    for name, shape, constant in tensors:
        buffer = 0
        if constant is not None:
            constant = np.ascontiguousarray(constant, np.int32 if constant.dtype == np.int32 else np.float32)
            data = out.builder.CreateNumpyVector(np.frombuffer(constant.tobytes(), np.uint8))
            buffer, shape = len(buffers), constant.shape
            buffers.append(out.table([(0, "Reference", data)]))
        kind = INT32 if constant is not None and constant.dtype == np.int32 else FLOAT32
        fields = [(0, "Reference", out.numbers(shape)), (1, "Int8", kind), (2, "Uint32", buffer),
                  (3, "Reference", out.builder.CreateString(name))]
        tensor_tables.append(out.table(fields))
    steps = []
    for (code, options_kind, options), inputs, output in operators:
        fields = [(0, "Uint32", codes.index(code)), (1, "Reference", out.numbers([place[name] for name in inputs])),
                  (2, "Reference", out.numbers([place[output]])), (3, "Uint8", options_kind),
                  (4, "Reference", out.table(options))]
        steps.append(out.table(fields))
    subgraph = out.table([(0, "Reference", out.references(tensor_tables)), (1, "Reference", out.numbers([place["image"]])),
                          (2, "Reference", out.numbers([place["probabilities"]])), (3, "Reference", out.references(steps))])
    code_tables = [out.table([(0, "Int8", code), (2, "Int32", 1), (3, "Int32", code)]) for code in codes]
    model = out.table([(0, "Uint32", 3), (1, "Reference", out.references(code_tables)),
                       (2, "Reference", out.references([subgraph])), (4, "Reference", out.references(buffers))])
    out.builder.Finish(model, b"TFL3")
    return bytes(out.builder.Output())


if __name__ == "__main__":
    (HERE / "digits-1.1.tflite").write_bytes(write(*network()))
