"""Builds the wheel (PEP 517, PEP 660). It needs nothing but Python, so that `pip install .` asks no index for a build tool, and gives the same
octets from the same files. What it knows stands in pyproject.toml under [project].

The wheel holds the package with its data; the templates and what is served as it stands lie beside the package in the project, and within
healthcheck/faces in the wheel.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOVED = {"templates": "healthcheck/faces/templates", "static": "healthcheck/faces/static"}
SOURCES = ("healthcheck", "templates", "static", "pack", "docs")
BESIDE = ("app.py", "pyproject.toml", "requirements.in", "requirements.txt", "README.md", "CHANGELOG.md", "LICENSE")
WHEN = (1980, 1, 1, 0, 0, 0)


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None) -> str:  # noqa: ARG001
    content = {name: path.read_bytes() for name, path in _packaged()}
    return _wheel(Path(wheel_directory), content)


def build_editable(wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None) -> str:  # noqa: ARG001
    return _wheel(Path(wheel_directory), {"__editable__healthcheck.pth": f"{ROOT}\n".encode()})


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:  # noqa: ARG001
    project = _project()
    base = f"{_file_name(project)}"
    with tarfile.open(Path(sdist_directory) / f"{base}.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as out:
        for name, octets in [*((name, path.read_bytes()) for name, path in _sources()), ("PKG-INFO", _metadata(project))]:
            entry = tarfile.TarInfo(f"{base}/{name}")
            entry.size, entry.mode = len(octets), 0o644
            out.addfile(entry, io.BytesIO(octets))
    return f"{base}.tar.gz"


def _project() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def _file_name(project: dict[str, object]) -> str:
    return f"{str(project['name']).replace('-', '_')}-{project['version']}"


def _files(folder: str) -> Iterator[Path]:
    for path in sorted((ROOT / folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".kept") and not path.name.startswith("."):
            yield path


def _packaged() -> Iterator[tuple[str, Path]]:
    for path in _files("healthcheck"):
        yield path.relative_to(ROOT).as_posix(), path
    for folder, place in MOVED.items():
        for path in _files(folder):
            yield f"{place}/{path.relative_to(ROOT / folder).as_posix()}", path


def _sources() -> Iterator[tuple[str, Path]]:
    for folder in SOURCES:
        for path in _files(folder):
            yield path.relative_to(ROOT).as_posix(), path
    for name in BESIDE:
        yield name, ROOT / name


def _metadata(project: dict[str, object]) -> bytes:
    """Core metadata 2.1: https://packaging.python.org/en/latest/specifications/core-metadata/"""
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License: {project['license']['text']}",  # type: ignore[index]
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {need}" for need in project["dependencies"]),  # type: ignore[attr-defined]
        "Description-Content-Type: text/markdown",
        "",
        (ROOT / str(project["readme"])).read_text(encoding="utf-8"),
    ]
    return "\n".join(lines).encode()


def _wheel(folder: Path, content: dict[str, bytes]) -> str:
    """https://packaging.python.org/en/latest/specifications/binary-distribution-format/"""
    project = _project()
    base = _file_name(project)
    info = f"{base}.dist-info"
    scripts = "".join(f"{name} = {place}\n" for name, place in project["scripts"].items())  # type: ignore[attr-defined]
    content |= {
        f"{info}/METADATA": _metadata(project),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: healthcheck_build\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{scripts}".encode(),
        f"{info}/LICENSE": (ROOT / "LICENSE").read_bytes(),
    }
    record = [f"{name},sha256={_hash(octets)},{len(octets)}" for name, octets in sorted(content.items())]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    name = f"{base}-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as out:
        for path, octets in content.items():
            entry = zipfile.ZipInfo(path, WHEN)
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            out.writestr(entry, octets)
    return name


def _hash(octets: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(octets).digest()).rstrip(b"=").decode()
