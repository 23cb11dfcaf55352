"""The CUDA seam's two adapters, over stubs with the names of the real packages; and what is said where CUDA is not."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runtime.command import USER_ERROR, status
from runtime.engines import cuda as seam
from runtime.engines.cuda import open_cuda
from runtime.engines.cuda.base import Cuda, CudaError, DeviceFacts, NoDevice, NoDriver, OutOfMemory, Stream
from runtime.errors import MissingExtra
from runtime.stream import main as stream
from tests.runtime.bundles import MM_PER_PX, make_bundle
from tests.tensorrt.stub_cuda_python import StubRuntime
from tests.tensorrt.stub_pycuda import Stub

ORIN = DeviceFacts("Orin", (8, 7), True, (12, 6))


def install_pycuda(monkeypatch: pytest.MonkeyPatch, stub: Any) -> None:
    package = ModuleType("pycuda")
    package.driver = stub  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", stub)
    monkeypatch.setattr(seam, "find_spec", lambda name: name == "pycuda" or None)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: stub)


def install_cuda_python(monkeypatch: pytest.MonkeyPatch, stub: Any) -> None:
    bindings = ModuleType("cuda.bindings")
    bindings.runtime = stub  # type: ignore[attr-defined]
    for name, module in (("cuda", ModuleType("cuda")), ("cuda.bindings", bindings), ("cuda.bindings.runtime", stub)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(seam, "find_spec", lambda name: name == "cuda" or None)


ADAPTERS = {"pycuda": (install_pycuda, Stub), "cuda-python": (install_cuda_python, StubRuntime)}


@pytest.fixture(params=ADAPTERS)
def stub(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    install, make = ADAPTERS[request.param]
    made = make()
    install(monkeypatch, made)
    return made


def test_each_call_of_the_seam_reaches_the_package_and_everything_is_given_back(stub: Any) -> None:
    cuda = open_cuda(0)
    assert cuda.facts == ORIN
    assert cuda.facts.sm == "sm87"
    room = stub.room
    with cuda.current():
        stream, begun, ended = cuda.stream(), cuda.event(), cuda.event()
        host, device = cuda.host_buffer(100), cuda.device_buffer(100)
        assert (stream.handle, host.address, device.address, host.array.shape) == (77, 8192, 4096, (100,))
        host.array[:] = 3
        begun.record(stream)
        cuda.upload(device, host, stream)
        cuda.download(host, device, stream)
        ended.record(stream)
        assert ended.reached()
        ended.wait()
        stream.synchronise()
        assert ended.ms_since(begun) == 1.5
        cuda.begin_capture(stream)
        graph = cuda.end_capture(stream)
        graph.launch(stream)
        for thing in (graph, host, device, begun, ended, stream):
            thing.free()
    cuda.close()
    assert (stub.room, stub.pushed) == (room, 0)
    assert stub.did == list(stub.WANTED)


def capture(cuda: Cuda, stream: Stream) -> None:
    cuda.begin_capture(stream)
    cuda.end_capture(stream)


def test_a_capture_that_fails_says_so_and_frees_what_was_captured(stub: Any) -> None:
    cuda = open_cuda(0)
    with cuda.current():
        stream = cuda.stream()
        for function in stub.CAPTURING:
            stub.codes = {function: 900}
            with pytest.raises(CudaError, match="900"):
                capture(cuda, stream)
        assert stub.did[-1] == stub.DESTROY


def test_full_memory_a_lost_device_and_an_absent_one_are_sentences(stub: Any) -> None:
    cuda = open_cuda(0)
    stub.room = 10
    with cuda.current():
        with pytest.raises(OutOfMemory, match=r"No device memory is left for 0.0 MB: stop what else uses the device"):
            cuda.device_buffer(100)
        with pytest.raises(OutOfMemory, match="No page-locked host memory"):
            cuda.host_buffer(100)
        event = cuda.event()
        stub.lost = True
        with pytest.raises(CudaError, match=r"CUDA failed at running the graph: .*illegal memory access"):
            event.reached()
        stub.lost = False
    with pytest.raises(NoDevice, match="no CUDA device cuda:1 here: the driver counts 1, from cuda:0 on"):
        open_cuda(1)
    stub.devices = 0
    with pytest.raises(NoDevice, match="the driver finds none"):
        open_cuda(0)


def test_without_a_driver_each_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unloadable(ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise ImportError("libcuda.so.1: cannot open shared object file")

    install_pycuda(monkeypatch, Stub())
    monkeypatch.setitem(sys.modules, "pycuda", Unloadable("pycuda"))
    monkeypatch.delitem(sys.modules, "pycuda.driver")
    with pytest.raises(NoDriver, match="TensorRT needs an NVIDIA driver"):
        open_cuda(0)
    refusing = Stub()
    refusing.init = lambda: refusing._current("init")  # type: ignore[method-assign]
    refusing.pushed, refusing.lost = 1, True
    install_pycuda(monkeypatch, refusing)
    with pytest.raises(NoDriver, match=r"none can be loaded here: .*illegal"):
        open_cuda(0)
    old = StubRuntime()
    old.codes = {"cudaGetDeviceCount": 35}
    install_cuda_python(monkeypatch, old)
    with pytest.raises(NoDriver, match="error 35"):
        open_cuda(0)


def test_without_either_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seam, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"needs the Python package 'pycuda'.*weftwatch\[tensorrt\]"):
        open_cuda(0)
    install_cuda_python(monkeypatch, StubRuntime())
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    monkeypatch.delitem(sys.modules, "cuda.bindings.runtime")
    with pytest.raises(MissingExtra, match="'cuda-bindings'"):
        open_cuda(0)


@pytest.mark.parametrize("missing", ["tensorrt", "its libraries", "pycuda"])
def test_streaming_with_tensorrt_where_there_is_none_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    (tmp_path / "engine.plan").write_bytes(b"")
    bundle.add_engine("tensorrt", "fp16", "cuda:0", {"engine.plan": tmp_path / "engine.plan"}, {}, {})
    monkeypatch.setattr(seam, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "tensorrt", None if missing == "tensorrt" else ModuleType("tensorrt"))
    if missing == "its libraries":
        monkeypatch.delitem(sys.modules, "tensorrt")
        (tmp_path / "tensorrt.py").write_text("raise ImportError('libnvinfer.so.10: cannot open shared object file')")
        monkeypatch.syspath_prepend(tmp_path)
    camera = f"sim:plain?width=600&mm_per_px={MM_PER_PX}"
    arguments = ["--camera", camera, "--bundle", str(bundle.path), "--engine", "tensorrt", "--precision", "fp16"]
    assert status(stream, arguments) == USER_ERROR
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    named = {"tensorrt": "package 'tensorrt'", "its libraries": "libnvinfer.so.10", "pycuda": "package 'pycuda'"}
    assert named[missing] in said.err
