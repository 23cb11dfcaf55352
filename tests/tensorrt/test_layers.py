"""What the engine inspector says, in the words of several versions."""

from __future__ import annotations

import pytest

from export.tensorrt_layers import kind


@pytest.mark.parametrize(
    ("tensor", "wanted"),
    [
        ({"Format/Datatype": "Thirty-two wide channel vectorized row major Int8 format."}, "int8"),
        ({"Format/Datatype": "Row major linear FP16 format"}, "fp16"),
        ({"Format/Datatype": "Row major linear FP32 format (kLINEAR)"}, "fp32"),
        ({"Format/Datatype": "Half"}, "fp16"),
        ({"DataType": "Float", "Format": "Row major linear"}, "fp32"),
        ({"Datatype": "Int8"}, "int8"),
        ({"Format/Datatype": "N/A due to dynamic shapes"}, "other"),
        ({"Format/Datatype": "UInt8"}, "other"),
        ({"Format/Datatype": "BFloat16"}, "other"),
        ({}, "other"),
    ],
)
def test_a_tensor_is_read_in_all_words(tensor: dict[str, str], wanted: str) -> None:
    assert kind(tensor) == wanted
