"""Sources of the Image Data Resource, with their real tables.

Their images are not at hand.

``joined`` names files of the real layout, made empty (no adapter opens pixels), and what the real, trimmed tables say
of them: read by eye in the tables, ten files a source where there are as many.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from builder.sources.common.folder import Folder
from tests.sources.case import SourceTestCase
from tests.sources.case_checks import Row, check_rows, check_sound, without_paths
from tests.sources.files import pixels, write_bytes

LINKED = " %% url=http://www.ensembl.org/id/%s"
"""What tables of 2015 and 2016 append to a column's name."""


class IdrTestCase(SourceTestCase):
    """The checks of ``SourceTestCase``, and the real tables' join.

    They are joined with files of the real names.

    Attributes
    ----------
    joined : file to make -> the row that comes of it; further files that it needs stand in ``companions``
    companions : files to make that are not the first of a row
    unjoined : files of ``joined`` and ``companions`` that no row of the real tables describes
    """

    joined: ClassVar[Mapping[str, Row]] = {}
    companions: ClassVar[tuple[str, ...]] = ()
    unjoined: ClassVar[int] = 0

    def test_stripped_archive(self, root: Path, copy: Path) -> None:
        """Images without their top folders give the same rows.

        Only the paths change; the tables stay where they are.
        """
        before = without_paths(self.read(Folder.listed(str(root))))
        for top in [path for path in copy.iterdir() if path.is_dir()]:
            shutil.copytree(top, copy, dirs_exist_ok=True)
            shutil.rmtree(top)
        assert without_paths(self.read(Folder.listed(str(copy)))) == before

    @pytest.mark.real
    def test_real_tables(self, real_data: Path, tmp_path: Path) -> None:
        if not self.joined:
            pytest.skip("no real table of this source at hand")
        root = tmp_path / self.dir_name
        shutil.copytree(real_data / self.dir_name, root, copy_function=shutil.copyfile)
        for path in (*self.joined, *self.companions):
            write_bytes(root / path, b"")
        folder = Folder.listed(str(root))
        images = self.read(folder)
        check_sound(self.source, folder, images.values(), root)
        check_rows(self.source, images, self.joined)
        assert len(images) == len(self.joined)
        assert folder.notes.counts.get("files without a row", 0) == self.unjoined, folder.notes.examples
        assert folder.notes.counts["rows without a file"] > 0


def write_dv(path: Path, sections: int = 1, shape: tuple[int, int] = (8, 9)) -> None:
    """Write a DeltaVision file of uint16 sections.

    A header of 1,024 bytes (columns, rows, sections, mode 6: uint16), then the sections. Layout:
    https://docs.openmicroscopy.org/bio-formats/ (DeltaVision).
    """
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, shape[1], shape[0], sections, 6)
    struct.pack_into("<h", header, 96, -16224)
    write_bytes(path, bytes(header) + pixels(path.name, (sections, *shape), "uint16").tobytes())
