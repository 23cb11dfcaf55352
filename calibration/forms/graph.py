"""An ONNX graph that is being rewritten: its constants, and who takes each tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

Array = NDArray[np.generic]


class Graph:
    """A model whose nodes are looked up and replaced.

    Attributes:
        model: as given; changed in place.
        constants: values of the initializers, by name.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.constants: dict[str, Array] = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}

    @property
    def nodes(self) -> list[NodeProto]:
        return list(self.model.graph.node)

    @property
    def inputs(self) -> list[str]:
        """Names of the tensors that the graph is given."""
        return [value.name for value in self.model.graph.input]

    @property
    def outputs(self) -> list[str]:
        """Names of the tensors that the graph gives."""
        return [value.name for value in self.model.graph.output]

    def takers(self, tensor: str) -> list[NodeProto]:
        """Nodes that take a tensor."""
        return [node for node in self.model.graph.node if tensor in node.input]

    def fixed(self) -> set[str]:
        """Names of the tensors that do not depend on what the graph is given: constants and what is made of them."""
        names = {"", *self.constants}
        for node in self.model.graph.node:
            if names.issuperset(node.input):
                names.update(node.output)
        return names

    def shapes(self) -> dict[str, list[int]]:
        """Sizes of each tensor, as far as they can be inferred; 0 where one is not known."""
        inferred = onnx.shape_inference.infer_shapes(self.model).graph
        values = [*inferred.value_info, *inferred.input, *inferred.output]
        return {value.name: [one.dim_value for one in value.type.tensor_type.shape.dim] for value in values}

    def add_constant(self, name: str, value: Array) -> str:
        """A new constant; one of the same name is kept as it is, so that nodes may share it."""
        if name not in self.constants:
            self.constants[name] = value
            self.model.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def replace(self, nodes: Iterable[NodeProto]) -> None:
        """Put nodes in place of all, and drop the constants that none of them takes."""
        kept = list(nodes)
        del self.model.graph.node[:]
        self.model.graph.node.extend(kept)
        taken = {name for node in kept for name in node.input}
        constants = [tensor for tensor in self.model.graph.initializer if tensor.name in taken]
        del self.model.graph.initializer[:]
        self.model.graph.initializer.extend(constants)
        self.constants = {name: value for name, value in self.constants.items() if name in taken}


def attributes(node: NodeProto) -> dict[str, Any]:
    """A node's attributes, by name."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def set_attribute(node: NodeProto, name: str, value: Any) -> None:
    """Change an attribute or add it."""
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])
