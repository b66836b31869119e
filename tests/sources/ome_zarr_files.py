"""Writes made-up OME-Zarr images and plates.

As the specifications 0.4 and 0.5 lay them out.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

zarr = pytest.importorskip("zarr", minversion="3.1", reason="zarr-python 3 needs Python 3.11")

TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def stack(shape: Sequence[int], seed: int = 0) -> npt.NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(1, 4096, tuple(shape), np.uint16)


def write_group(path: Path, version: str, attributes: Mapping[str, Any]) -> None:
    group = zarr.open_group(path, mode="a", zarr_format=2 if version == "0.4" else 3)
    group.attrs.update(dict(attributes) if version == "0.4" else {"ome": {"version": version, **attributes}})


def write_image(
    path: Path,
    data: npt.NDArray[Any],
    axes: str = "tczyx",
    version: str = "0.4",
    labels: Sequence[str] = (),
    chunks: Sequence[int] | None = None,
    shards: Sequence[int] | None = None,
    pixel: float | None = 0.65,
    **more: Any,
) -> None:
    """Write full resolution as "0" and half as "1"."""
    transform = [{"type": "scale", "scale": [pixel or 1.0] * len(axes)}]
    unit = {"unit": "micrometer"} if pixel else {}
    scales = {
        "axes": [{"name": a, "type": TYPES[a], **(unit if a in "zyx" else {})} for a in axes],
        "datasets": [{"path": str(level), "coordinateTransformations": transform} for level in (0, 1)],
        **({"version": version} if version == "0.4" else {}),
    }
    attributes: dict[str, Any] = {"multiscales": [scales], **more}
    if labels:
        attributes["omero"] = {"channels": [{"label": label, "color": "FFFFFF"} for label in labels]}
    write_group(path, version, attributes)
    for level in (0, 1):
        pixels = data[..., :: level + 1, :: level + 1]
        zarr.create_array(
            store=str(path / str(level)),
            data=np.ascontiguousarray(pixels),
            chunks=tuple(chunks or (1,) * (data.ndim - 2) + pixels.shape[-2:]),
            shards=None if shards is None else tuple(shards),
            zarr_format=2 if version == "0.4" else 3,
            chunk_key_encoding={"name": "v2", "separator": "/"} if version == "0.4" else None,
            overwrite=True,
        )


def write_plate(path: Path, wells: Mapping[str, int], version: str = "0.4", labels: Sequence[str] = ("DAPI",)) -> None:
    """Write a plate.

    ``wells``: paths (``B/03``) -> numbers of fields.
    """
    rows, columns = ([*dict.fromkeys(well.split("/")[part] for well in wells)] for part in (0, 1))
    listed = [
        {"path": well, "rowIndex": rows.index(well.split("/")[0]), "columnIndex": columns.index(well.split("/")[1])}
        for well in wells
    ]
    names = {"rows": [{"name": row} for row in rows], "columns": [{"name": column} for column in columns]}
    write_group(path, version, {"plate": {"version": version, **names, "wells": listed}})
    for row in rows:
        write_group(path / row, version, {})
    for seed, (well, fields) in enumerate(wells.items()):
        write_group(path / well, version, {"well": {"images": [{"path": str(field)} for field in range(fields)]}})
        for field in range(fields):
            data = stack((len(labels), 16, 20), seed * 100 + field)
            write_image(path / well / str(field), data, "cyx", version, labels)


def zipped(path: Path, archive: Path) -> None:
    """Move a store into an uncompressed archive (RFC 9)."""
    with zipfile.ZipFile(archive, "w") as file:
        for found in sorted(path.rglob("*")):
            if found.is_file():
                file.write(found, found.relative_to(path).as_posix())
    shutil.rmtree(path)
