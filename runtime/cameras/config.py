"""cameras.yaml: which cameras there are; and how a name or a short URI becomes a camera."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from runtime.cameras.base import Camera
from runtime.cameras.entries import OWN, GentlConfig, GigeConfig, PylonConfig, ReplayConfig, SimulatedConfig, Usb3Config
from runtime.cameras.gige import GigeCamera
from runtime.cameras.gige_simulated import SimulatedGige
from runtime.errors import UserError
from runtime.types import Scale

SHIPPED = Path(__file__).resolve().parent.parent / "cameras.yaml"
AnyCamera = Annotated[
    GigeConfig | Usb3Config | GentlConfig | PylonConfig | ReplayConfig | SimulatedConfig,
    Field(discriminator="backend"),
]
CameraName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
Cameras = dict[CameraName, AnyCamera]
_FILE: TypeAdapter[Cameras] = TypeAdapter(Cameras)
_ONE: TypeAdapter[AnyCamera] = TypeAdapter(AnyCamera)
URI_FORMS = "gige:192.168.0.10, replay:PATH, sim:twill22?width=2048"
DEFAULT_LINE_RATE_HZ = 1000.0


def load_cameras(path: Path | None = None) -> Cameras:
    """The cameras of a cameras.yaml by name; of the one that comes with the package if ``path`` is None.

    Raises:
        UserError: the file cannot be read or says something it must not.
    """
    path = SHIPPED if path is None else path
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        return _FILE.validate_python({} if content is None else content)
    except ValidationError as error:
        raise UserError(f"{path}: {complaints(error, depth=1)}") from error


def complaints(error: ValidationError, depth: int) -> str:
    """What pydantic found wrong, as one sentence; ``depth`` is where it names the backend as if it were a key."""
    parts = []
    for found in error.errors():
        place = [str(key) for at, key in enumerate(found["loc"]) if at != depth or key == "[key]"]
        parts.append(f"{'.'.join(place) or 'the file'}: {found['msg']}")
    return "; ".join(parts)


def make_camera(name_or_uri: str, cameras: Mapping[str, AnyCamera]) -> Camera:
    """The camera that ``describe`` finds."""
    return build(*describe(name_or_uri, cameras))


def describe(name_or_uri: str, cameras: Mapping[str, AnyCamera]) -> tuple[str, AnyCamera]:
    """Name and entry of the camera of that name in ``cameras``, or of the one that a short URI describes.

    URIs: ``gige:IP``, ``replay:PATH`` and ``sim:STYLE``, with the keys of cameras.yaml behind a ``?``, as
    in ``replay:roll7?line_rate_hz=500&mm_per_px=0.2``; what else stands behind ``sim:`` describes the cloth.

    Raises:
        UserError: neither a name nor a URI, or a key that is not known.
    """
    if name_or_uri in cameras:
        return name_or_uri, cameras[name_or_uri]
    scheme, _, rest = name_or_uri.partition(":")
    if scheme not in ("gige", "replay", "sim") or not rest:
        known = ", ".join(cameras) or "none"
        raise UserError(
            f"there is no camera '{name_or_uri}': cameras.yaml names {known}; a camera can also be given as a URI: "
            f"{URI_FORMS}"
        )
    try:
        config = _ONE.validate_python(_described(scheme, rest))
    except ValidationError as error:
        raise UserError(f"{name_or_uri}: {complaints(error, depth=0)}") from error
    return f"{scheme}-{Path(rest.partition('?')[0]).name}", config


def roll_uri(roll: str, mm_per_px: float) -> str:
    """A roll as a camera's URI: a path is replayed, and the scale is asked for unless the roll says its own."""
    uri = roll if roll.startswith(("sim:", "replay:")) else f"replay:{roll}"
    if "mm_per_px=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}mm_per_px={mm_per_px:g}"


def _described(scheme: str, rest: str) -> dict[str, str]:
    """A URI as an entry of cameras.yaml."""
    place, _, query = rest.partition("?")
    keys = dict(parse_qsl(query, keep_blank_values=True))
    if scheme == "gige":
        return {**keys, "backend": "gige", "ip": place}
    if scheme == "replay":
        return {**keys, "backend": "replay", "path": place}
    own = {key: keys.pop(key) for key in list(keys) if key in SimulatedConfig.model_fields}
    cloth = f"sim:{place}" + (f"?{urlencode(keys)}" if keys else "")
    return {**own, "backend": "simulated", "source": cloth}


def build(name: str, config: AnyCamera) -> Camera:
    """The camera that an entry of cameras.yaml describes."""
    if isinstance(config, GigeConfig):
        return _build_gige(name, config)
    if isinstance(config, Usb3Config):
        from runtime.cameras.usb3 import Usb3Camera

        return Usb3Camera(name, config.serial, config.scale(), config.settings())
    if isinstance(config, GentlConfig):
        from runtime.cameras.gentl import GentlCamera

        return GentlCamera(name, config.wanted(), config.scale(), config.settings())
    if isinstance(config, PylonConfig):
        from runtime.cameras.pylon import PylonCamera

        return PylonCamera(name, config.serial, config.user_name, config.scale(), config.settings())
    if isinstance(config, ReplayConfig):
        return _build_replay(name, config)
    from runtime.cameras.simulated import SimulatedCamera
    from runtime.cameras.uri import open_source

    return SimulatedCamera(
        name,
        open_source(_at_scale(config.source, config.scale())),
        config.scale(),
        line_rate_hz=config.line_rate_hz,
        block_lines=config.block_lines,
        lines=config.lines,
    )


def _build_replay(name: str, config: ReplayConfig) -> Camera:
    """Image files, or a recorded roll, which knows its own scale and blocks."""
    from runtime.cameras.recording import KNOWN, Part, RecordingCamera
    from runtime.cameras.replay import ReplayCamera
    from runtime.recordings.format import is_recording

    path = Path(config.path)
    part = Part(config.from_line, config.from_m, config.lines, config.metres)
    if is_recording(path):
        said = {key: getattr(config, key) for key in KNOWN if key in config.model_fields_set}
        return RecordingCamera(name, path, part, config.line_rate_hz, said)
    if part != Part():
        raise UserError(f"camera '{name}': '{path}' is no recording, and only of one can a part be replayed")
    return ReplayCamera(
        name,
        path,
        config.scale(),
        channels=config.channels,
        block_lines=config.block_lines,
        line_rate_hz=config.line_rate_hz,
    )


def _build_gige(name: str, config: GigeConfig) -> Camera:
    """A real camera, or, only where the entry says ``simulated``, a simulated one."""
    scale = config.scale()
    ip = config.address(name)
    camera = GigeCamera(
        name,
        ip,
        scale,
        block_lines=config.block_lines,
        line_rate_hz=config.line_rate_hz,
        exposure_us=config.exposure_us,
        gain_db=config.gain_db,
        width=config.width,
        pixel_format=config.pixel_format,
        client=config.client,
        packet_bytes=config.packet_bytes,
        resend=config.resend,
        packet_socket=config.packet_socket,
        stamped=config.encoder is None or config.encoder.stamped,
        features=config.features,
        own_flat_field=config.flat_field == OWN,
    )
    simulated = config.simulated
    if simulated is None:
        return camera
    options = {
        "source": _at_scale(simulated.source, scale),
        "ip": ip,
        "serial": name,
        "line-rate": config.line_rate_hz or DEFAULT_LINE_RATE_HZ,
        "height": config.block_lines,
        "counts-per-line": (scale.counts_per_mm or 0.0) * scale.mm_per_line,
        "loss": simulated.loss,
        "seed": simulated.seed,
    }
    return SimulatedGige(camera, name, [f"--{key}={value}" for key, value in options.items()])


def _at_scale(source: str, scale: Scale) -> str:
    """Simulated cloth drawn at the camera's scale, unless its URI asks for another."""
    if not source.startswith("sim:"):
        return source
    place, _, query = source.partition("?")
    keys = dict(parse_qsl(query, keep_blank_values=True))
    here = {"mm_per_px": f"{scale.mm_per_px:g}", "mm_per_line": f"{scale.mm_per_line:g}"}
    return f"{place}?{urlencode({**here, **keys})}"
