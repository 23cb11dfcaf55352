"""CUDA graphs through the driver itself: pycuda (2026.1) knows nothing of them.

Functions and constants are those of the CUDA Driver API, "Stream Management" and "Graph Management".
"""

from __future__ import annotations

import ctypes
from typing import Any

from runtime.engines.cuda.base import CudaError, Stream

CAPTURE_MODE_THREAD_LOCAL = 1
"""CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may go on allocating meanwhile."""


class DriverGraphs:
    """Capture and launch by the functions of libcuda."""

    def __init__(self, libcuda: Any) -> None:
        """Use a loaded library (ctypes.CDLL)."""
        self._cuda = libcuda

    def begin(self, stream: Stream) -> None:
        self._check("cuStreamBeginCapture_v2", ctypes.c_void_p(stream.handle), CAPTURE_MODE_THREAD_LOCAL)

    def end(self, stream: Stream) -> DriverGraph:
        """The captured graph, ready to launch."""
        graph, ready = ctypes.c_void_p(), ctypes.c_void_p()
        self._check("cuStreamEndCapture", ctypes.c_void_p(stream.handle), ctypes.byref(graph))
        try:
            self._check("cuGraphInstantiateWithFlags", ctypes.byref(ready), graph, ctypes.c_ulonglong(0))
        finally:
            self._check("cuGraphDestroy", graph)  # the executable graph is a copy
        return DriverGraph(self, ready)

    def launch(self, ready: ctypes.c_void_p, stream: Stream) -> None:
        self._check("cuGraphLaunch", ready, ctypes.c_void_p(stream.handle))

    def destroy(self, ready: ctypes.c_void_p) -> None:
        self._check("cuGraphExecDestroy", ready)

    def _check(self, function: str, *arguments: Any) -> None:
        code = getattr(self._cuda, function)(*arguments)
        if code != 0:
            raise CudaError(f"{function} failed with the driver's error {code}.")


class DriverGraph:
    """See runtime.engines.cuda.base.Graph."""

    def __init__(self, graphs: DriverGraphs, ready: ctypes.c_void_p) -> None:
        self._graphs = graphs
        self._ready = ready

    def launch(self, stream: Stream) -> None:
        self._graphs.launch(self._ready, stream)

    def free(self) -> None:
        self._graphs.destroy(self._ready)
