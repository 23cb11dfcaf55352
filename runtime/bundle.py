"""The contract between making and running: a folder with graph, recipe, engines, thresholds and hashes.

    bundle.yaml                       format, id, hash of every file under model/
    model/graph.onnx, recipe.yaml     written once; the id is the hash of their hashes
    forms/<form>/graph.onnx           added later: the graph in fewer bits, each with a manifest.yaml of its own
    engines/<engine>-<precision>-<device>/   added later: what a device runs, each with a manifest.yaml of its own
    reports/<engine>-<precision>-<device>/   added later: an engine's verdict.yaml and the page that shows it
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
from typing import Any, TypeVar

from pydantic import Field

from runtime.errors import UserError
from runtime.geometry import MIN_ROW_STRIDE, TileGeometry
from runtime.settings import Policy, Settings, Thresholds, Tuning
from runtime.yaml_files import FORMAT, Strict, file_hash, read_yaml, write_yaml

MM_PER_PX_TOLERANCE = 0.1
"""How far a camera's pixel size may be from the one that the net was trained at (ratio)."""


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


class FormManifest(Strict):
    """forms/<form>/manifest.yaml: the bundle's graph written in other numbers, from which engines are built.

    Attributes:
        made: how: ranges' method, hashes of the tiles, nodes that were left alone.
    """

    format: int = FORMAT
    bundle_id: str
    form: str
    files: dict[str, str]
    versions: dict[str, str]
    made: dict[str, Any]


class EngineManifest(Strict):
    """engines/<key>/manifest.yaml.

    Attributes:
        form: what it was built from: "model" (the bundle's own graph) or a name under forms/.
        parity: what was measured against the graph.
        built: what an engine that belongs to one device needs to know it again (GPU, compute capability, L4T), and
            the precision that each layer got.
    """

    format: int = FORMAT
    bundle_id: str
    engine: str
    precision: str
    device: str
    form: str = "model"
    files: dict[str, str]
    versions: dict[str, str]
    parity: dict[str, Any]
    built: dict[str, Any] = Field(default_factory=dict)


class Index(Strict):
    """bundle.yaml."""

    format: int = FORMAT
    id: str
    created: str
    files: dict[str, str]


Addition = TypeVar("Addition", FormManifest, EngineManifest)


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
            engine, _, precision = engine_key.partition("-")
            raise UserError(
                f"Bundle '{self.path}' has no thresholds for {engine_key}: run 'python -m calibration threshold "
                f"--bundle {self.path} --engine {engine} --precision {precision} --rolls ...' on normal cloth."
            )
        return found

    def tuning(self, engine: str, precision: str, device: str) -> Tuning | None:
        """What an engine was tuned to on a machine with as many cores as this one has; None: nothing."""
        found = self.settings().tuning.get(engine_name(engine, precision, device))
        return found if found and found.cores == os.cpu_count() else None

    def engine(self, engine: str, precision: str, device: str) -> tuple[Path, EngineManifest]:
        """Folder and manifest of an engine in the bundle, hashes checked.

        Raises:
            UserError: there is no such engine, or it belongs to another bundle, or a file was changed.
        """
        return self._addition("engines", engine_name(engine, precision, device), EngineManifest)

    def form(self, name: str) -> tuple[Path, FormManifest]:
        """Folder and manifest of the graph in another form, hashes checked; the graph is its ``graph.onnx``.

        Raises:
            UserError: there is no such form, or it belongs to another bundle, or a file was changed.
        """
        return self._addition("forms", name, FormManifest)

    def engines(self) -> list[EngineManifest]:
        """Manifests of all engines in the bundle, by name."""
        return [read_yaml(p, EngineManifest) for p in sorted((self.path / "engines").glob("*/manifest.yaml"))]

    def forms(self) -> list[FormManifest]:
        """Manifests of all forms in the bundle, by name."""
        return [read_yaml(p, FormManifest) for p in sorted((self.path / "forms").glob("*/manifest.yaml"))]

    def add_engine(
        self,
        engine: str,
        precision: str,
        device: str,
        files: dict[str, Path],
        versions: dict[str, str],
        parity: dict[str, Any],
        form: str = "model",
        built: dict[str, Any] | None = None,
    ) -> Path:
        """Copy an engine's files into the bundle, in one step, in place of one of the same key.

        Args:
            files: name in the bundle to file on disk.
            versions: of the libraries that made it.
            parity, form, built: as in EngineManifest.

        Returns:
            The engine's folder.
        """
        manifest = EngineManifest(
            bundle_id=self.id,
            engine=engine,
            precision=precision,
            device=device,
            form=form,
            files=hashes(files),
            versions=versions,
            parity=parity,
            built=built or {},
        )
        return self._add("engines", engine_name(engine, precision, device), files, manifest)

    def add_form(self, name: str, graph: Path, versions: dict[str, str], made: dict[str, Any]) -> Path:
        """Copy the graph in another form into the bundle, in one step, in place of one of the same name.

        Args:
            graph: ONNX file. versions, made: as in FormManifest.

        Returns:
            The form's folder.
        """
        files = {"graph.onnx": graph}
        manifest = FormManifest(bundle_id=self.id, form=name, files=hashes(files), versions=versions, made=made)
        return self._add("forms", name, files, manifest)

    def _addition(self, kind: str, name: str, manifest: type[Addition]) -> tuple[Path, Addition]:
        folder, word = self.path / kind / name, kind.removesuffix("s")
        if not folder.is_dir():
            have = ", ".join(sorted(p.parent.name for p in (self.path / kind).glob("*/manifest.yaml"))) or "none"
            raise UserError(f"Bundle '{self.path}' has no {word} {name}; it has: {have}.")
        read = read_yaml(folder / "manifest.yaml", manifest)
        if read.bundle_id != self.id:
            raise UserError(
                f"{word.capitalize()} '{folder}' was made for bundle {read.bundle_id}, not for {self.id}: "
                "make it again."
            )
        self._check_files(read.files, folder)
        return folder, read

    def _add(self, kind: str, name: str, files: dict[str, Path], manifest: FormManifest | EngineManifest) -> Path:
        folder = self.path / kind / name
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as made:
            aside = Path(made) / name
            aside.mkdir()
            for file, source in files.items():
                shutil.copyfile(source, aside / file)
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


def hashes(files: dict[str, Path]) -> dict[str, str]:
    """sha256 of each file, by its name in the bundle, names in order."""
    return {name: file_hash(files[name]) for name in sorted(files)}


def engine_name(engine: str, precision: str, device: str) -> str:
    """An engine's name in its bundle: ``<engine>-<precision>-<device>``."""
    return f"{engine}-{precision}-{device_key(device)}"


def device_key(device: str) -> str:
    """A device's name as part of a folder's name ('dla:0' becomes 'dla_0')."""
    return device.replace(":", "_")
