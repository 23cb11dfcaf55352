"""Does a plan that was just built say what the bundle's graph says? Run on the device, beside OpenVINO FP32.

This finds an engine that is broken (overflow in halves, a tensor read the wrong way), not one that is a little worse:
``python -m calibration report`` judges that, on cloth.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from export.agreement import in_batches, probe_tiles, reference_maps, sqnr_db
from runtime.bundle import Bundle
from runtime.engines.cuda.base import Cuda
from runtime.engines.tensorrt import open_slots, spec_of
from runtime.errors import UserError

LEAST_DB = {"fp16": 30.0, "int8": 0.0}
"""Signal to noise of the map. Halves keep ten bits, so 30 dB is far off; INT8's ranges are those of cloth, which these
tiles are not, so it must only be nearer to the map than the map's mean would be."""


def check(trt: Any, cuda: Cuda, bundle: Bundle, plan: Path, dla_core: int | None, precision: str) -> dict[str, Any]:
    """Compare on tiles of ripple and noise; for the manifest's ``parity``. The device is current.

    Raises:
        UserError: values that are not finite, or too far from the graph's.
    """
    tiles = probe_tiles(bundle)
    wanted = reference_maps(bundle, tiles)
    with ExitStack() as owned:
        tensors, (slot,) = open_slots(trt, cuda, plan, dla_core, spec_of(bundle, 1), 1, owned)
        found = []
        for part in in_batches(tiles, tensors.pixels[1][0]):
            slot.start(part)
            found.append(slot.take()[0].copy())
    decibels = sqnr_db(wanted, np.concatenate(found)[: len(tiles)])
    if not decibels >= LEAST_DB[precision]:
        raise UserError(
            f"The {precision} engine's maps are {decibels:.1f} dB from the graph's, less than {LEAST_DB[precision]:g}: "
            "nothing was written; check the form with 'python -m export gate', and use another precision meanwhile."
        )
    return {"tiles": len(tiles), "against": "openvino fp32 CPU", "map_sqnr_db": round(decibels, 1)}
