"""The contract between making and running: a folder with graph, recipe, engines, thresholds and hashes.

    bundle.yaml                       format, id, hash of every file under model/
    model/graph.onnx, recipe.yaml     written once; the id is the hash of their hashes
    engines/<engine>-<precision>-<device>/   added later, each with a manifest.yaml of its own
    settings.yaml                     thresholds and policy, with a revision; changeable while running
    NOTICE                            licences of what the weights were made from

Nothing in it is pickled. Additions are written beside their place and renamed. A mismatch is refused by name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import UserError
from runtime.geometry import MIN_ROW_STRIDE, TileGeometry
from runtime.types import Kind

FORMAT = 1
MM_PER_PX_TOLERANCE = 0.1
"""How far a camera's pixel size may be from the one that the net was trained at (ratio)."""

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A section of a YAML file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class GeometrySection(Strict):
    """Sizes as in runtime.geometry.TileGeometry."""

    tile: int
    margin: int
    blend: int
    map_stride: int


class Recipe(Strict):
    """What the graph is and what it was made for; part of the bundle's identity."""

    name: str = Field(description="style of cloth, for people")
    model: str
    teacher: str
    geometry: GeometrySection
    channels: int = Field(ge=1, le=3)
    mm_per_px: float = Field(gt=0, description="pixel size of the cloth that it was trained on")
    trained: dict[str, Any] = Field(default_factory=dict, description="rolls, steps, seeds, versions, losses")
    licence: str = Field(description="licence of the weights and of what they were made from")
    intended_use: str

    @property
    def tiles(self) -> TileGeometry:
        return TileGeometry(**self.geometry.model_dump())


class Thresholds(Strict):
    """Raw map values of one engine: a defect opens at ``open`` of its kind and lives down to ``keep``."""

    open: dict[Kind, float]
    keep: float
    calibrated: dict[str, Any] = Field(default_factory=dict, description="rolls, quantile, cells looked at")

    def model_post_init(self, _context: Any) -> None:
        missing = [kind.value for kind in Kind if kind not in self.open]
        if missing:
            raise ValueError(f"thresholds lack the kinds {', '.join(missing)}")
        if self.keep > min(self.open.values()):
            raise ValueError(f"keep {self.keep} is above the lowest opening threshold")


class Policy(Strict):
    """How the stream behaves; may change while it runs."""

    stride_lines: int = Field(default=128, description="lines between the starts of two rows of tiles")
    min_area_mm2: float = Field(default=0.1, ge=0, description="smaller spots never open an event")
    merge_mm: float = Field(default=10.0, ge=0, description="spots nearer than this are one defect")
    merge_line_mm: float = Field(default=50.0, ge=0, description="pieces of one line nearer than this are one defect")
    update_mm: float = Field(default=100.0, gt=0, description="cloth between two updates of a running defect")
    flush_s: float = Field(
        default=1.0, gt=0, description="lines that wait this long (and twice as long as usual) are judged as they are"
    )
    overflow: Annotated[str, Field(pattern="^(skip_newest|block)$")] = Field(
        default="skip_newest", description="what a live camera's lines do when the engine cannot keep up"
    )
    queue_blocks: int = Field(default=64, ge=2, description="blocks of lines that may wait for the engine")


class Settings(Strict):
    """settings.yaml: thresholds by engine key, and policy."""

    revision: int = Field(default=1, ge=1)
    thresholds: dict[str, Thresholds] = Field(default_factory=dict, description="by <engine>-<precision>")
    policy: Policy = Field(default_factory=Policy)


class EngineManifest(Strict):
    """engines/<key>/manifest.yaml."""

    format: int = FORMAT
    bundle_id: str
    engine: str
    precision: str
    device: str
    files: dict[str, str]
    versions: dict[str, str]
    parity: dict[str, Any]


class Index(Strict):
    """bundle.yaml."""

    format: int = FORMAT
    id: str
    created: str
    files: dict[str, str]


class Bundle:
    """A bundle on disk whose hashes were checked.

    Attributes:
        path: the folder. id: hex, 16 characters. index, recipe: as read.
    """

    def __init__(self, path: Path) -> None:
        """Read and check.

        Raises:
            UserError: no bundle there, a newer format, a file that is missing or was changed.
        """
        self.path = path
        if not (path / "bundle.yaml").is_file():
            raise UserError(
                f"No bundle at '{path}': a bundle is a folder with a bundle.yaml, made by 'python -m export bundle'."
            )
        self.index = read_yaml(path / "bundle.yaml", Index)
        self._check_files(self.index.files, path)
        if identity(self.index.files) != self.index.id:
            raise UserError(f"Bundle '{path}': bundle.yaml's id does not belong to its files; it was edited by hand.")
        self.recipe = read_yaml(path / "model" / "recipe.yaml", Recipe)

    @property
    def id(self) -> str:
        return self.index.id

    @property
    def graph(self) -> Path:
        return self.path / "model" / "graph.onnx"

    def settings(self) -> Settings:
        """settings.yaml as it is now."""
        return read_yaml(self.path / "settings.yaml", Settings)

    def write_settings(self, settings: Settings) -> None:
        """Replace settings.yaml in one step."""
        write_yaml(self.path / "settings.yaml", settings)

    def thresholds(self, engine_key: str) -> Thresholds:
        """Thresholds set for an engine.

        Raises:
            UserError: none were set for it.
        """
        found = self.settings().thresholds.get(engine_key)
        if found is None:
            raise UserError(
                f"Bundle '{self.path}' has no thresholds for {engine_key}: "
                f"run 'python -m calibration threshold --bundle {self.path} --rolls ...' on normal cloth."
            )
        return found

    def engine(self, engine: str, precision: str, device: str) -> tuple[Path, EngineManifest]:
        """Folder and manifest of an engine in the bundle, hashes checked.

        Raises:
            UserError: there is no such engine, or it belongs to another bundle, or a file was changed.
        """
        folder = self.path / "engines" / f"{engine}-{precision}-{device_key(device)}"
        if not folder.is_dir():
            have = ", ".join(sorted(p.name for p in (self.path / "engines").glob("*-*"))) or "none"
            raise UserError(f"Bundle '{self.path}' has no engine {folder.name}; it has: {have}.")
        manifest = read_yaml(folder / "manifest.yaml", EngineManifest)
        if manifest.bundle_id != self.id:
            raise UserError(
                f"Engine '{folder}' was made for bundle {manifest.bundle_id}, not for {self.id}: make it again."
            )
        self._check_files(manifest.files, folder)
        return folder, manifest

    def engines(self) -> list[EngineManifest]:
        """Manifests of all engines in the bundle, by name."""
        return [read_yaml(p, EngineManifest) for p in sorted((self.path / "engines").glob("*/manifest.yaml"))]

    def add_engine(
        self,
        engine: str,
        precision: str,
        device: str,
        files: dict[str, Path],
        versions: dict[str, str],
        parity: dict[str, Any],
    ) -> Path:
        """Copy an engine's files into the bundle, in one step, in place of one of the same key.

        Args:
            files: name in the bundle to file on disk.
            versions: of the libraries that made it.
            parity: what was measured against the graph's source.

        Returns:
            The engine's folder.
        """
        folder = self.path / "engines" / f"{engine}-{precision}-{device_key(device)}"
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as made:
            aside = Path(made) / folder.name
            aside.mkdir()
            for name, source in files.items():
                shutil.copyfile(source, aside / name)
            manifest = EngineManifest(
                bundle_id=self.id,
                engine=engine,
                precision=precision,
                device=device,
                files={name: file_hash(aside / name) for name in sorted(files)},
                versions=versions,
                parity=parity,
            )
            write_yaml(aside / "manifest.yaml", manifest)
            if folder.exists():
                folder.rename(Path(made) / "old")
            aside.rename(folder)
        return folder

    def check_scale(self, mm_per_px: float, camera: str) -> None:
        """Refuse a camera whose pixels are of another size than those the net was trained on.

        Raises:
            UserError: more than MM_PER_PX_TOLERANCE apart.
        """
        ratio = mm_per_px / self.recipe.mm_per_px
        if abs(ratio - 1) > MM_PER_PX_TOLERANCE:
            raise UserError(
                f"Bundle '{self.recipe.name}' ({self.id}) was made for {self.recipe.mm_per_px:g} mm per px, camera "
                f"'{camera}' has {mm_per_px:g}: train one for this camera, or correct mm_per_px in cameras.yaml."
            )

    @staticmethod
    def _check_files(files: dict[str, str], folder: Path) -> None:
        for name, wanted in files.items():
            if not (folder / name).is_file():
                raise UserError(f"Bundle file '{folder / name}' is missing: copy the bundle again.")
            if file_hash(folder / name) != wanted:
                raise UserError(
                    f"Bundle file '{folder / name}' does not match its hash: it was changed or damaged; "
                    "copy the bundle again."
                )


def create(out: Path, recipe: Recipe, graph: Path, notice: str) -> Bundle:
    """Write a new bundle with its graph and recipe; engines and settings' thresholds come later.

    Raises:
        UserError: ``out`` exists and is not empty, or cannot be written.
    """
    require_unused(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".new-") as made:
            aside = Path(made) / "bundle"
            (aside / "model").mkdir(parents=True)
            shutil.copyfile(graph, aside / "model" / "graph.onnx")
            write_yaml(aside / "model" / "recipe.yaml", recipe)
            (aside / "NOTICE").write_text(notice)
            files = {name: file_hash(aside / name) for name in ("model/graph.onnx", "model/recipe.yaml")}
            created = datetime.now(timezone.utc).isoformat(timespec="seconds")
            write_yaml(aside / "bundle.yaml", Index(id=identity(files), created=created, files=files))
            write_yaml(aside / "settings.yaml", Settings(policy=default_policy(recipe.tiles)))
            if out.exists():
                out.rmdir()
            aside.rename(out)
    except OSError as error:
        raise UserError(f"Cannot write a bundle to '{out}': {error.strerror}.") from error
    return Bundle(out)


def require_unused(out: Path) -> None:
    """Raise UserError unless a new bundle can be written at ``out``: nothing there, or an empty folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"'{out}' exists already: a bundle is written once; name another folder or remove this one.")


def default_policy(tiles: TileGeometry) -> Policy:
    """Policy of a new bundle."""
    return Policy(stride_lines=max(MIN_ROW_STRIDE, min(128, tiles.max_step)))


def identity(files: dict[str, str]) -> str:
    """Id of a bundle: hash of the names and hashes under model/, 16 hex characters."""
    text = "".join(f"{name} {files[name]}\n" for name in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def device_key(device: str) -> str:
    """A device's name as part of a folder's name ('dla:0' becomes 'dla_0')."""
    return device.replace(":", "_")


def file_hash(path: Path) -> str:
    """sha256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into a model, with one sentence for what is wrong with it.

    Raises:
        UserError: unreadable, not YAML, a newer format, unknown or ill-typed keys.
    """
    try:
        data = yaml.safe_load(path.read_bytes().decode())
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"'{path}' is not YAML: {str(error).splitlines()[0]}.") from error
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
        raise UserError(f"'{path}' has format {data['format']}; this version reads up to {FORMAT}: update weftwatch.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"'{path}': {place}: {first['msg']}.") from error


def write_yaml(path: Path, data: BaseModel) -> None:
    """Write a model as YAML in one step: aside, then renamed.

    Raises:
        UserError: it cannot be written.
    """
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("w") as file:
            yaml.safe_dump(data.model_dump(mode="json"), file, sort_keys=False)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except OSError as error:
        raise UserError(f"Cannot write '{path}': {error.strerror}.") from error
