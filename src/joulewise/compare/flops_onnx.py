"""Counts the arithmetic of an ONNX graph, one row at a time, over shapes that ONNX infers.

Stated conventions: 1 MAC = 2 FLOP; an element of an activation or of an element-wise operator is 1 FLOP, of softmax 4,
of a normalisation 7, of batch normalisation 2, of quantising or its reverse 2; moving data is 0; comparisons in trees
are not FLOP. ONNX Runtime's own operators are counted over stand-ins of the same shape.
"""

# ruff: noqa: SIM905 - long tables of names read better as text

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from joulewise.compare.counting import SHORT_TEXT_TOKENS, Counted, counted
from joulewise.compare.facts.graphs import load
from joulewise.core.runtimes import Artifact

Shape = tuple[int, ...]
_MOVES = frozenset(
    """Reshape Transpose Concat Slice Gather GatherND GatherElements Shape Size Cast CastLike Identity Constant
    ConstantOfShape Expand Flatten Squeeze Unsqueeze Split Pad Tile Range Where Equal Less Greater And Or Not Dropout
    OneHot NonZero Resize DepthToSpace SpaceToDepth ZipMap LabelEncoder ArrayFeatureExtractor FeatureVectorizer
    OneHotEncoder CategoryMapper ArgMax ArgMin TopK MaxPool LessOrEqual GreaterOrEqual IsNaN Trilu StringNormalizer
    EmbedLayerNormalization GlobalMaxPool ScatterND ScatterElements CumSum Imputer Binarizer""".split()
)
_PER_OUTPUT = {
    **dict.fromkeys(
        """Add Sub Mul Div Max Min Pow Sqrt Relu LeakyRelu PRelu Elu Selu Neg Abs Exp Log Tanh Sigmoid HardSigmoid
        HardSwish Erf Clip Softplus Gelu FastGelu QuickGelu Mish Reciprocal Floor Ceil Round Sin Cos Mod Sign Sum Mean
        QLinearAdd QLinearMul QLinearSigmoid Celu Softsign""".split(),
        1,
    ),
    **dict.fromkeys(["Softmax", "LogSoftmax", "QLinearSoftmax"], 4),
    **dict.fromkeys(
        """LayerNormalization InstanceNormalization GroupNormalization RMSNormalization SimplifiedLayerNormalization
        LpNormalization Normalizer""".split(),
        7,
    ),
    **dict.fromkeys(["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"], 8),
    **dict.fromkeys(["BatchNormalization", "QuantizeLinear", "DequantizeLinear", "Scaler", "BiasGelu"], 2),
    "DynamicQuantizeLinear": 4,
}
_PER_INPUT = frozenset(
    """ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp
    GlobalAveragePool QLinearGlobalAveragePool""".split()
)
_MATRIX = frozenset("MatMul MatMulInteger FusedMatMul DynamicQuantizeMatMul MatMulIntegerToFloat QLinearMatMul".split())
_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
_SAME_SHAPE = ("FastGelu QuickGelu BiasGelu Gelu SkipLayerNormalization SkipSimplifiedLayerNormalization "
               "SimplifiedLayerNormalization QLinearSigmoid QLinearSoftmax").split()  # fmt: skip


def count_graph(artifact: Artifact) -> Counted:
    """FLOP of one row and the share of nodes covered; comparisons of trees as `comparisons_at_most` in the details."""
    model = load(artifact.path)
    shapes = _shapes(model)
    flop, known, missed, compared = 0, 0, Counter[str](), 0
    for node in model.graph.node:
        if node.op_type in _TREES:
            compared += _comparisons(node)
            known += 1
            continue
        found = _node_flop(node, shapes)
        if found is None:
            missed[node.op_type] += 1
        else:
            flop += found
            known += 1
    details: dict[str, Any] = {"comparisons_at_most": compared} if compared else {}
    if missed:
        details["flops_not_covered"] = dict(missed.most_common(10))
    total = known + sum(missed.values())
    return counted(flop, known / total if total else 0.0, _source(model), **details)


def _source(model: Any) -> str:
    free = any(
        not dimension.dim_value
        for value in model.graph.input
        for dimension in list(value.type.tensor_type.shape.dim)[1:]
    )
    return "operators of the ONNX graph" + (f", free axes at {SHORT_TEXT_TOKENS}" if free else "")


def _shapes(model: Any) -> dict[str, Shape]:
    """Shapes of all values for a batch of one. Free axes other than the batch are counted at 32."""
    import onnx

    shadow = onnx.ModelProto()
    shadow.CopyFrom(model)
    stored = {each.name: tuple(each.dims) for each in shadow.graph.initializer}
    for value in shadow.graph.input:
        if value.name not in stored:
            _fix(value.type.tensor_type)
    _forget(shadow.graph)
    for node in shadow.graph.node:
        _stand_in(node, stored, shadow.graph)
    try:
        inferred = onnx.shape_inference.infer_shapes(shadow, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
        inferred = shadow
    found = dict(stored)
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(each.HasField("dim_value") for each in dimensions):
            found[value.name] = tuple(each.dim_value for each in dimensions)
    for node in inferred.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.HasField("t"):
                found[node.output[0]] = tuple(attribute.t.dims)
    return found


def _fix(tensor: Any) -> None:
    for axis, dimension in enumerate(tensor.shape.dim):
        if axis == 0:
            dimension.dim_value = 1
        elif not dimension.dim_value:
            dimension.dim_value = SHORT_TEXT_TOKENS


def _forget(graph: Any) -> None:
    """Shapes that the exporter wrote hold its names for free axes: they are inferred anew. Element types, too: those
    of a stand-in may be others."""
    del graph.value_info[:]
    for value in graph.output:
        if value.type.HasField("tensor_type"):
            value.type.Clear()


def _stand_in(node: Any, stored: dict[str, Shape], graph: Any) -> None:
    """Turn an operator of ONNX Runtime into a standard one whose output has the same shape."""
    import onnx

    kind, inputs = node.op_type, list(node.input)
    if kind in ("FusedConv", "QLinearConv", "ConvInteger"):
        weight = 3 if kind == "QLinearConv" else 1
        _become(
            node, "Conv", [inputs[0], inputs[weight]], keep=("kernel_shape", "pads", "strides", "dilations", "group")
        )
    elif kind == "MatMulNBits":
        sizes = {each.name: each.i for each in node.attribute}
        stored[f"{node.output[0]}/weight"] = (sizes["K"], sizes["N"])
        graph.initializer.append(
            onnx.TensorProto(name=f"{node.output[0]}/weight", dims=[sizes["K"], sizes["N"]], data_type=1)
        )
        _become(node, "MatMul", [inputs[0], f"{node.output[0]}/weight"])
    elif kind in _MATRIX and kind != "MatMul":
        _become(node, "MatMul", [inputs[0], inputs[3 if kind == "QLinearMatMul" else 1]])
    elif kind in _SAME_SHAPE and (node.domain or kind != "Gelu"):
        _become(node, "Identity", inputs[:1])
    elif kind in ("QLinearAdd", "QLinearMul"):
        _become(node, "Add", [inputs[0], inputs[3]])
    elif kind == "QLinearGlobalAveragePool":
        _become(node, "GlobalAveragePool", inputs[:1])


def _become(node: Any, kind: str, inputs: Sequence[str], keep: Sequence[str] = ()) -> None:
    kept = [attribute for attribute in node.attribute if attribute.name in keep]
    del node.attribute[:], node.input[:]
    node.attribute.extend(kept)
    node.input.extend(inputs)
    node.op_type, node.domain = kind, ""
    del node.output[1:]


def _node_flop(node: Any, shapes: dict[str, Shape]) -> int | None:
    kind = node.op_type
    if kind in _MOVES or "NHWC" in kind:
        return 0
    try:
        if kind in _PER_OUTPUT:
            return _PER_OUTPUT[kind] * prod(shapes.get(node.output[0]) or shapes[node.input[0]])
        if kind in _PER_INPUT:
            return prod(shapes[node.input[0]])
        rule = _RULES.get(kind) or (_matrix if kind in _MATRIX else None)
        return rule(node, shapes) if rule else None
    except (KeyError, IndexError):
        return None


def _attributes(node: Any) -> dict[str, Any]:
    return {each.name: list(each.ints) or list(each.floats) or each.s or each.i for each in node.attribute}


def _conv(node: Any, shapes: dict[str, Shape]) -> int:
    """2 x outputs x (channels in per group x kernel), and the bias."""
    at = 3 if node.op_type == "QLinearConv" else 1
    weight = shapes[node.input[at]]
    outputs = prod(shapes[node.output[0]])
    has_bias = len(node.input) > (8 if at == 3 else 2) and node.op_type != "ConvInteger"
    return 2 * outputs * prod(weight[1:]) + (outputs if has_bias else 0)


def _conv_transpose(node: Any, shapes: dict[str, Shape]) -> int:
    return 2 * prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])


def _gemm(node: Any, shapes: dict[str, Shape]) -> int:
    first = shapes[node.input[0]]
    depth = first[0] if _attributes(node).get("transA") else first[1]
    outputs = prod(shapes[node.output[0]])
    return 2 * outputs * depth + (outputs if len(node.input) > 2 else 0)


def _matrix(node: Any, shapes: dict[str, Shape]) -> int:
    return 2 * prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _few_bits(node: Any, shapes: dict[str, Shape]) -> int:
    told = _attributes(node)
    return 2 * prod(shapes[node.input[0]][:-1]) * int(told["K"]) * int(told["N"])


def _einsum(node: Any, shapes: dict[str, Shape]) -> int:
    equation = _attributes(node)["equation"].decode().replace(" ", "")
    terms = equation.partition("->")[0].split(",")
    sizes = {
        letter: size
        for term, name in zip(terms, node.input, strict=True)
        for letter, size in zip(term, shapes[name], strict=False)
    }
    return 2 * prod(sizes.values())


def _attention(node: Any, shapes: dict[str, Shape]) -> int:
    """ONNX Runtime's fused attention: the three projections, scores, and their sum over values."""
    batch, length, width = shapes[node.input[0]]
    outputs = shapes[node.input[1]][1]
    return 2 * batch * length * width * outputs + 4 * batch * length * length * (outputs // 3)


def _standard_attention(node: Any, shapes: dict[str, Shape]) -> int:
    query, key = shapes[node.input[0]], shapes[node.input[1]]
    return 4 * prod(query) * key[-2]


def _recurrent(node: Any, shapes: dict[str, Shape]) -> int:
    length, batch, _ = shapes[node.input[0]]
    return 2 * length * batch * (prod(shapes[node.input[1]]) + prod(shapes[node.input[2]]))


def _pool(node: Any, shapes: dict[str, Shape]) -> int:
    return prod(shapes[node.output[0]]) * int(prod(_attributes(node)["kernel_shape"]))


def _linear_operator(node: Any, shapes: dict[str, Shape]) -> int:
    del shapes
    told = _attributes(node)
    return 2 * len(told["coefficients"]) + len(told.get("intercepts") or ())


_RULES: dict[str, Callable[[Any, dict[str, Shape]], int]] = {
    "Attention": lambda node, shapes: (_attention if node.domain else _standard_attention)(node, shapes),
    "AveragePool": _pool,
    "Conv": _conv,
    "ConvInteger": _conv,
    "ConvTranspose": _conv_transpose,
    "Einsum": _einsum,
    "FusedConv": _conv,
    "GRU": _recurrent,
    "Gemm": _gemm,
    "FusedGemm": _gemm,
    "LSTM": _recurrent,
    "LinearClassifier": _linear_operator,
    "LinearRegressor": _linear_operator,
    "MatMulNBits": _few_bits,
    "QLinearConv": _conv,
    "RNN": _recurrent,
}


def _comparisons(node: Any) -> int:
    """The longest way through every tree, added up."""
    told = {each.name: each for each in node.attribute}
    if "nodes_treeids" not in told:
        return 0
    trees, ids = list(told["nodes_treeids"].ints), list(told["nodes_nodeids"].ints)
    yes, no = list(told["nodes_truenodeids"].ints), list(told["nodes_falsenodeids"].ints)
    modes = [mode.decode() for mode in told["nodes_modes"].strings]
    children = {
        (tree, node_id): [(tree, yes[at]), (tree, no[at])]
        for at, (tree, node_id) in enumerate(zip(trees, ids, strict=True))
        if modes[at] != "LEAF"
    }
    below = {child for pair in children.values() for child in pair}
    level = [(tree, node_id) for tree, node_id in zip(trees, ids, strict=True) if (tree, node_id) not in below]
    depth_of: Counter[int] = Counter()
    while level:
        for tree in {each[0] for each in level if each in children}:
            depth_of[tree] += 1
        level = [child for each in level for child in children.get(each, ())]
    return sum(depth_of.values())
