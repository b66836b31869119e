"""Tiny valid files for made-up sources.

Their pixels come from their names, so all differ and none changes.
"""

from __future__ import annotations

import csv
import gzip
import io
import struct
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import tifffile
from PIL import Image as Image

from builder.draw import key64


def pixels(name: str, shape: tuple[int, ...] = (8, 9), dtype: str = "uint8") -> np.ndarray:
    """Return pseudo-random pixels, the same for the same name."""
    high = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1.0
    return (np.random.default_rng(key64(name)).random(shape) * high).astype(dtype)


def write_tiff(
    path: Path, shape: tuple[int, ...] = (8, 9), dtype: str = "uint16", compression: str | None = None
) -> None:
    """Write a TIFF of the given shape.

    (H, W), (H, W, 3) for RGB, or (pages, H, W).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = len(shape) == 3 and shape[-1] in (3, 4)
    photometric = "rgb" if rgb else "minisblack"
    tifffile.imwrite(path, pixels(path.name, shape, dtype), photometric=photometric, compression=compression)


def write_image(path: Path, shape: tuple[int, ...] = (8, 9), dtype: str = "uint8", kind: str = "") -> None:
    """Write a PNG, BMP or JPEG.

    The ending (or ``kind``) says which; (H, W), (H, W, 3) or (H, W, 4); uint16 is for PNG only.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = kind or {".jpg": "JPEG", ".jpeg": "JPEG"}.get(path.suffix.lower(), path.suffix[1:].upper())
    Image.fromarray(pixels(path.name, shape, dtype)).save(path, format=kind)


def write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a text, packed if named ``.gz`` or ``.zip``."""
    content = text.encode(encoding)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    elif path.suffix == ".zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(path.stem), content, zipfile.ZIP_DEFLATED)
        content = out.getvalue()
    write_bytes(path, content)


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",", newline: str = "\n"
) -> None:
    """Write a table with a header line.

    None where ``header`` is empty.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline)
    if header:
        writer.writerow(header)
    writer.writerows(rows)
    write_text(path, out.getvalue())


def write_dib(path: Path, shape: tuple[int, int] = (8, 10)) -> None:
    """Write 16-bit grey pixels as a DIB.

    They follow a BITMAPINFOHEADER and 12 more bytes, as the sizes of the real files suggest.
    """
    height, width = shape
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 0, 0, 0, 0, 0, 0)
    write_bytes(path, header + bytes(12) + pixels(path.name, shape, "uint16").astype("<u2").tobytes())


def write_xlsx(path: Path, rows: Iterable[Sequence[str | int]]) -> None:
    """Write a workbook of one sheet.

    ECMA-376: texts in the cells, and nothing but what a reader must have.
    """
    cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}">'
        '<sheets><sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="sheet1.xml"/></Relationships>',
        "xl/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    write_bytes(path, out.getvalue())


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
