"""A stream's cameras recorded while they are inspected: what comes out of each, before the flat field."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from runtime.cameras.base import Camera, CameraInfo
from runtime.recordings.recorder import Recorder
from runtime.types import LineBlock, NotInspected, ScoreMap


class Recorded:
    """A camera whose items are recorded on their way. See runtime.cameras.base.Camera.

    Args:
        camera: the camera.
        begin: makes its recorder, once it is opened.
    """

    def __init__(self, camera: Camera, begin: Callable[[CameraInfo], Recorder]) -> None:
        self._camera, self._begin = camera, begin
        self._recorder: Recorder | None = None

    def open(self) -> CameraInfo:
        """Open the camera and begin its recording.

        Raises:
            UserError: as the camera's own, and as Recorder.
        """
        info = self._camera.open()
        self._recorder = self._begin(info)
        return info

    def items(self) -> Iterator[LineBlock | NotInspected]:
        """The camera's own."""
        assert self._recorder is not None, "the camera is not opened"
        for item in self._camera.items():
            self._recorder.take(item)
            yield item

    def close(self) -> None:
        """Close the camera. Its recording is open until ``Recordings.close``: lines may still be on their way."""
        self._camera.close()


class Recordings:
    """The recordings of a stream.

    Args:
        folder: of one camera's recording; of several, it holds a folder for each, called as the camera is.
        tell: hears the camera's name and a sentence when a disk ends its recording.
    """

    def __init__(self, folder: Path, tell: Callable[[str, str], None]) -> None:
        self._folder, self._tell = folder, tell
        self._cameras = 0
        self._recorders: dict[str, Recorder] = {}
        self._told: set[str] = set()

    def of(self, camera: Camera) -> Recorded:
        """The camera, recorded from its opening on; all are made before the first is opened."""
        self._cameras += 1
        return Recorded(camera, self._begin)

    def seen(self, item: LineBlock | ScoreMap) -> None:
        """The pipeline's ``on_strip``: the moment at which a camera's trouble is told, once."""
        recorder = self._recorders[item.camera]
        if recorder.trouble and item.camera not in self._told:
            self._told.add(item.camera)
            self._tell(item.camera, f"{recorder.trouble} Inspection goes on.")

    def close(self) -> bool:
        """End them, and print an account of each; do they hold all that their cameras gave?"""
        recorders = self._recorders.values()
        for name, recorder in self._recorders.items():
            print(f"{name}: {recorder.close()}", file=sys.stderr)
        return not any(recorder.lost or recorder.trouble for recorder in recorders)

    def _begin(self, info: CameraInfo) -> Recorder:
        folder = self._folder if self._cameras == 1 else self._folder / info.name
        return self._recorders.setdefault(info.name, Recorder(folder, info))
