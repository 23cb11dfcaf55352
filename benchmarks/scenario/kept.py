"""Cloth that is judged by several thresholds, drawn once and looked at by the net once."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from itertools import islice

from runtime.cameras.base import Camera, CameraInfo
from runtime.engines.base import Engine, EngineSession
from runtime.types import Float32, LineBlock, NotInspected, TileBatch, TileMaps

Items = list[LineBlock | NotInspected]


class KeptLines:
    """See runtime.cameras.base.Camera: what another camera gave once is given again without asking it."""

    def __init__(self, camera: Camera, kept: Items) -> None:
        """``kept``: what a camera over the same cloth gave so far; what this one gives is added."""
        self._camera, self._kept = camera, kept

    def open(self) -> CameraInfo:
        return self._camera.open()

    def items(self) -> Iterator[LineBlock | NotInspected]:
        yield from self._kept.copy()
        for item in islice(self._camera.items(), len(self._kept), None):
            self._kept.append(item)
            yield item

    def close(self) -> None:
        self._camera.close()


class KeptMaps:
    """See runtime.engines.base.Engine: the maps of tiles with the very same pixels are given again.

    Memory grows with the cloth until ``forget``: about 0.15 of its pixels' bytes.
    """

    def __init__(self, engine: Engine) -> None:
        """Keep what an engine says; it is closed with this one."""
        self.spec, self.name = engine.spec, engine.name
        self._engine = engine
        self._kept: dict[bytes, Float32] = {}

    def stream(self, camera: str) -> EngineSession:
        """See runtime.engines.base.Engine."""
        return _Session(self._engine.stream(camera), self._kept, self.spec.max_in_flight)

    def forget(self) -> None:
        """Other cloth comes."""
        self._kept.clear()

    def close(self) -> None:
        """See runtime.engines.base.Engine."""
        self._engine.close()


class _Session:
    """See runtime.engines.base.EngineSession."""

    def __init__(self, session: EngineSession, kept: dict[bytes, Float32], most: int) -> None:
        self._session, self._kept, self._most = session, kept, most
        self._waiting: deque[tuple[TileBatch, bytes, Float32 | None]] = deque()

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    def submit(self, batch: TileBatch) -> None:
        if self.in_flight >= self._most:
            raise ValueError(f"{self._most} batches are in flight")
        key = hashlib.blake2b(batch.pixels, digest_size=16).digest()
        maps = self._kept.get(key)
        if maps is None:
            self._session.submit(batch)
        self._waiting.append((batch, key, maps))

    def collect(self, timeout_s: float = 0.0) -> TileMaps | None:
        if not self._waiting:
            return None
        batch, key, maps = self._waiting[0]
        if maps is None:
            found = self._session.collect(timeout_s)
            if found is None:
                return None
            maps = self._kept[key] = found.maps
        self._waiting.popleft()
        return TileMaps(batch, maps)

    def reset(self) -> None:
        self._session.reset()

    def close(self) -> None:
        self._waiting.clear()
        self._session.close()
