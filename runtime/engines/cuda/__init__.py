"""The CUDA seam: a device through pycuda or, where that is not installed, through cuda-python."""

from __future__ import annotations

from importlib.util import find_spec

from runtime.engines.cuda.base import Cuda
from runtime.errors import MissingExtra


def open_cuda(ordinal: int) -> Cuda:
    """The device of that number.

    Raises:
        MissingExtra: neither package is installed.
        CudaError: no driver, or no such device.
    """
    if find_spec("pycuda") is not None:
        from runtime.engines.cuda.pycuda import PyCuda

        return PyCuda(ordinal)
    if find_spec("cuda") is not None:
        from runtime.engines.cuda.cuda_python import CudaPython

        return CudaPython(ordinal)
    raise MissingExtra("pycuda", "tensorrt", "The TensorRT engine")
