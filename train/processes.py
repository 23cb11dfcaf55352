"""One process, or several started by ``torchrun``, and the arithmetic that their device is good at."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn

from runtime.errors import UserError

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Arithmetic:
    """How convolutions are computed in training; losses are float32 in any case. Call it to enter it.

    Attributes:
        name: float32 or bfloat16. device: its type.
    """

    name: str
    device: str

    def __call__(self) -> AbstractContextManager[object]:
        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self.device, dtype=torch.bfloat16)


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Attributes:
        device: to train on. rank: from 0. count: of all processes.
    """

    device: torch.device
    rank: int = 0
    count: int = 1

    @classmethod
    @contextmanager
    def joined(cls, device: str, batch: int) -> Iterator[Processes]:
        """Meet the other processes that ``torchrun`` started, if it did; part from them at the end.

        Raises:
            UserError: no such device here, or a batch that cannot be shared alike.
        """
        count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        if batch % count:
            raise UserError(f"--batch {batch} cannot be shared alike by {count} processes: choose a multiple.")
        place = open_device(device, int(os.environ.get("LOCAL_RANK", "0")))
        if count == 1:
            yield cls(place)
            return
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
        try:
            yield cls(place, rank, count)
            dist.barrier()  # nobody leaves while another still waits for its part
        finally:
            gc.collect()  # the wrapper that averages gradients has threads that must end before the group does
            dist.destroy_process_group()

    @property
    def first(self) -> bool:
        """Evaluates and writes; the others only train."""
        return self.rank == 0

    def share(self, batch: NDArray[Scalar]) -> NDArray[Scalar]:
        """This process's part of a batch, every ``count``-th of it: together they are the batch of one process."""
        return batch[self.rank :: self.count]

    def averaging(self, model: nn.Module) -> nn.Module:
        """The model, called through a wrapper that averages gradients over the processes where there are several."""
        if self.count == 1 or not any(p.requires_grad for p in model.parameters()):
            return model
        # Buffers stay each process's own: batch statistics are those of its share, and the first one's are kept.
        return nn.parallel.DistributedDataParallel(model, broadcast_buffers=False, find_unused_parameters=True)

    def half_precision(self, wanted: str) -> Arithmetic:
        """``auto``: bfloat16 where the device computes it natively; ``on``, ``off``."""
        native = torch.cuda.is_bf16_supported() if self.device.type == "cuda" else cpu_has_bfloat16()
        half = native if wanted == "auto" else wanted == "on"
        return Arithmetic("bfloat16" if half else "float32", self.device.type)


def cpu_has_bfloat16() -> bool:
    """The processor multiplies bfloat16 itself (AVX-512 BF16, AMX); emulated it would be slower than float32."""
    told = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(told.get("avx512_bf16") or told.get("amx_bf16") or told.get("bf16"))


def open_device(name: str, local_rank: int = 0) -> torch.device:
    """The device to train on; of several GPUs each process takes its own.

    Raises:
        UserError: there is no such device here.
    """
    if name == "cuda":
        if not torch.cuda.is_available():
            raise UserError("--device cuda: torch sees no CUDA device here; use --device cpu.")
        return torch.device("cuda", local_rank)
    return torch.device(name)
