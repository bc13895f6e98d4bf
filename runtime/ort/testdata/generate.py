"""Writes the .onnx fixtures of runtime/ort, beside itself.

Needs only the onnx package (1.12 or newer): python3 generate.py
The same bytes come out every time.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

HERE = os.path.dirname(os.path.abspath(__file__))


def save(name, nodes, inputs, outputs, inits=(), opsets=(("", 13),)):
    graph = h.make_graph(nodes, name, inputs, outputs, list(inits))
    model = h.make_model(
        graph, opset_imports=[h.make_opsetid(d, v) for d, v in opsets], ir_version=7,
        producer_name="kdonnx-fixtures")
    onnx.checker.check_model(model)
    with open(os.path.join(HERE, name + ".onnx"), "wb") as f:
        f.write(model.SerializeToString(deterministic=True))


def value(name, dtype, shape):
    return h.make_tensor_value_info(name, dtype, shape)


def const(name, array):
    return nh.from_array(np.asarray(array), name)


def mlp(name, batch, dtype=np.float32, onnx_type=T.FLOAT):
    """(N, 4) -> Gemm 8 -> Relu -> Gemm 3; weights are small fractions, so sums are exact."""
    w1 = (np.arange(32).reshape(4, 8) % 7 - 3) / 4
    w2 = (np.arange(24).reshape(8, 3) % 5 - 2) / 4
    b1, b2 = np.arange(8) / 8, np.array([0.5, -0.5, 0.25])
    save(name,
         [h.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
          h.make_node("Relu", ["h"], ["r"]),
          h.make_node("Gemm", ["r", "w2", "b2"], ["logits"])],
         [value("x", onnx_type, [batch, 4])], [value("logits", onnx_type, [batch, 3])],
         [const("w1", w1.astype(dtype)), const("b1", b1.astype(dtype)),
          const("w2", w2.astype(dtype)), const("b2", b2.astype(dtype))])


def identity(name, onnx_type, shape_in, shape_out=None):
    save(name, [h.make_node("Identity", ["x"], ["y"])],
         [value("x", onnx_type, shape_in)], [value("y", onnx_type, shape_out or shape_in)])


def loop():
    """Runs 2^62 iterations of a cheap body: no answer in a lifetime."""
    body = h.make_graph(
        [h.make_node("Identity", ["cond_in"], ["cond_out"]),
         h.make_node("Add", ["acc_in", "acc_in"], ["acc_out"])],
        "body",
        [value("i", T.INT64, []), value("cond_in", T.BOOL, []), value("acc_in", T.FLOAT, None)],
        [value("cond_out", T.BOOL, []), value("acc_out", T.FLOAT, None)])
    save("loop",
         [h.make_node("Loop", ["trips", "go", "x"], ["y"], body=body)],
         [value("x", T.FLOAT, ["N", 1])], [value("y", T.FLOAT, ["N", 1])],
         [const("trips", np.int64(2**62)), const("go", np.bool_(True))])


def eater():
    """Appends 32 MiB to a sequence per iteration, without end."""
    body = h.make_graph(
        [h.make_node("Identity", ["cond_in"], ["cond_out"]),
         h.make_node("ConstantOfShape", ["size"], ["chunk"],
                     value=h.make_tensor("v", T.FLOAT, [1], [1.0])),
         h.make_node("SequenceInsert", ["seq_in", "chunk"], ["seq_out"])],
        "body",
        [value("i", T.INT64, []), value("cond_in", T.BOOL, []),
         h.make_tensor_sequence_value_info("seq_in", T.FLOAT, None)],
        [value("cond_out", T.BOOL, []),
         h.make_tensor_sequence_value_info("seq_out", T.FLOAT, None)])
    save("eater",
         [h.make_node("SequenceConstruct", ["x"], ["seq"]),
          h.make_node("Loop", ["trips", "go", "seq"], ["all"], body=body),
          h.make_node("SequenceLength", ["all"], ["y"])],
         [value("x", T.FLOAT, ["N"])], [value("y", T.INT64, [])],
         [const("trips", np.int64(2**62)), const("go", np.bool_(True)),
          const("size", np.array([8 * 2**20], np.int64))])


def expand():
    """Asks for one tensor of 2^42 bytes."""
    save("expand", [h.make_node("Expand", ["x", "shape"], ["y"])],
         [value("x", T.FLOAT, ["N", 1])], [value("y", T.FLOAT, ["a", "b"])],
         [const("shape", np.array([2**20, 2**20], np.int64))])


def classifier(name, keys):
    """scikit-learn style: labels (N) and a ZipMap of probabilities (N maps)."""
    maps = onnx.TypeProto()
    maps.map_type.key_type = T.STRING if "classlabels_strings" in keys else T.INT64
    maps.map_type.value_type.CopyFrom(h.make_tensor_type_proto(T.FLOAT, []))
    save(name,
         [h.make_node("Softmax", ["x"], ["p"], axis=1),
          h.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
          h.make_node("ZipMap", ["p"], ["probabilities"], domain="ai.onnx.ml", **keys)],
         [value("x", T.FLOAT, ["N", 3])],
         [value("label", T.INT64, ["N"]),
          h.make_value_info("probabilities", h.make_sequence_type_proto(maps))],
         opsets=(("", 13), ("ai.onnx.ml", 1)))


def main():
    mlp("mlp", "N")
    mlp("mlp_batch1", 1)
    mlp("mlp_batch4", 4)
    mlp("mlp_float16", "N", np.float16, T.FLOAT16)
    loop()
    eater()
    expand()
    classifier("zipmap_string", {"classlabels_strings": ["cat", "ant", "bee"]})
    classifier("zipmap_int64", {"classlabels_int64s": [10, 2, 7]})
    for name, t in (("float64", T.DOUBLE), ("float16", T.FLOAT16), ("bfloat16", T.BFLOAT16),
                    ("int8", T.INT8), ("uint8", T.UINT8), ("int16", T.INT16), ("uint16", T.UINT16),
                    ("int32", T.INT32), ("uint32", T.UINT32), ("int64", T.INT64),
                    ("uint64", T.UINT64), ("bool", T.BOOL), ("string", T.STRING)):
        identity("identity_" + name, t, ["N", 2])
    save("flat_float16", [h.make_node("Flatten", ["x"], ["y"], axis=0)],
         [value("x", T.FLOAT16, ["N", "M"])], [value("y", T.FLOAT16, ["a", "b"])])
    save("mean", [h.make_node("ReduceMean", ["x"], ["y"], keepdims=0)],
         [value("x", T.FLOAT, ["N", 2])], [value("y", T.FLOAT, [])])
    save("nonzero", [h.make_node("NonZero", ["x"], ["y"])],
         [value("x", T.FLOAT, ["N", 2])], [value("y", T.INT64, ["a", "b"])])
    save("two_inputs",
         [h.make_node("MatMul", ["a", "w"], ["aw"]), h.make_node("Add", ["aw", "b"], ["sum"]),
          h.make_node("Mul", ["sum", "sum"], ["square"])],
         [value("a", T.FLOAT, ["N", 2]), value("b", T.FLOAT, ["N", 2])],
         [value("sum", T.FLOAT, ["N", 2]), value("square", T.FLOAT, ["N", 2])],
         [const("w", np.array([[1, 2], [3, 4]], np.float32))])
    save("reshape", [h.make_node("Reshape", ["x", "shape"], ["y"])],
         [value("x", T.FLOAT, ["N", 2])], [value("y", T.FLOAT, ["a", "b"])],
         [const("shape", np.array([-1, 5], np.int64))])
    save("cnn",
         [h.make_node("Reshape", ["x", "image"], ["i"]),
          h.make_node("Conv", ["i", "k1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
          h.make_node("Relu", ["c1"], ["r1"]),
          h.make_node("Conv", ["r1", "k2"], ["c2"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
          h.make_node("Relu", ["c2"], ["r2"]),
          h.make_node("MaxPool", ["r2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
          h.make_node("GlobalAveragePool", ["p2"], ["g"]),
          h.make_node("Flatten", ["g"], ["f"]),
          h.make_node("Gemm", ["f", "w"], ["logits"])],
         [value("x", T.FLOAT, ["N", 784])], [value("logits", T.FLOAT, ["N", 10])],
         [const("image", np.array([-1, 1, 28, 28], np.int64)),
          const("k1", ((np.arange(16 * 9).reshape(16, 1, 3, 3) % 7 - 3) / 8).astype(np.float32)),
          const("k2", ((np.arange(24 * 16 * 9).reshape(24, 16, 3, 3) % 5 - 2) / 16).astype(np.float32)),
          const("w", ((np.arange(240).reshape(24, 10) % 9 - 4) / 8).astype(np.float32))])


main()
