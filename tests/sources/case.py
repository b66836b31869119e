"""The checks that every source must pass.

A subclass states the source and what its made-up tree holds, and inherits the checks.

::

    class TestBbbc005(SourceTestCase):
        dir_name = "bbbc005"
        count = 4
        channel_orders = (("cell body",), ("nucleus",))
        tokens = {"organism": {"human": 4}, "cell_type": {"u2os": 4}, "cell_visible": {"cell body": 2, "nucleus": 2}}
        rows = {"A14_C57_F1_s21_w1": {"cell_visible": "cell body", "well": "A14"}}
        groups = 1
        repeated = (("A14_C57_F1_s21_w1", "A14_C57_F1_s21_w2"), ("A14_C57_F1_s21_w1", "B14_C57_F4_s21_w1"))

        def tree(self, root: Path) -> None:
            write_tiff(root / "BBBC005_v1_images/SIMCEPImages_A14_C57_F1_s21_w1.TIF", dtype="uint8")
            ...

Expected values are written down by hand from what is known of the source, never taken from the adapter. A row is named
by its key, or, where keys are nobody's business, by the path of its first file; its values are compared after
normalisation: the seven categories and ``microscopy``, ``group``, the columns of ``schema.ACQUISITION``,
``single_object``, ``region`` (a 4-tuple), ``files`` (paths), ``channels`` (what each shows) and ``planes``.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest

from builder.schema import CATEGORIES
from builder.sources import source_names
from builder.sources.base import License
from builder.sources.common import licenses
from builder.sources.common.folder import Folder
from builder.vocabulary import normalize
from tests.sources.alike import same_in_other_groups
from tests.sources.case_broken import BrokenDownloads
from tests.sources.case_checks import (
    COLUMNS,
    Row,
    check_rows,
    check_sound,
    is_subsequence,
    normalised,
    signatures,
    without_paths,
)
from tests.sources.catalogue import CATALOGUE


class SourceTestCase(BrokenDownloads):
    """Checks for one source.

    Attributes
    ----------
    dir_name : the source
    count : images of the made-up tree
    tokens : category -> token -> rows that hold it, of the made-up tree, complete: a category left out has no token
    channel_orders : the sequences of ``shows`` that a whole image may have; one with missing files is a subsequence
    rows : key or first file -> what is expected of this row (any of the names above)
    groups : distinct groups of the made-up tree
    repeated : sets of images (keys or first files) that show one specimen and so must share a group: the tree holds one
        for each way in which ``Source.repeats`` says that a specimen is imaged again, and none where it says "none"
    batches : distinct batches of the made-up tree; 0 where the source does not state one
    single_objects : images of the made-up tree that show a single object
    notes : kind -> count of what the adapter notes about the whole made-up tree, complete
    unknown_files : file to add -> kind of note that it adds; no row changes. Joins: an image without a row of the table
    missing_files : file to take away -> kind of note that it adds, or None; other rows stay. Joins: the image of a row
    climbing : (table, text in it, text put instead), which makes a path leave the folder: no such row comes out; None
        where no table holds paths
    bare : False where a folder's name is part of an image's name even at the top, so it cannot be stripped
    real_count, real_rows : the same for the real, trimmed files, where there are some
    """

    count: ClassVar[int]
    tokens: ClassVar[Mapping[str, Mapping[str, int]]]
    channel_orders: ClassVar[tuple[tuple[str, ...], ...]]
    rows: ClassVar[Mapping[str, Row]]
    groups: ClassVar[int]
    repeated: ClassVar[tuple[tuple[str, ...], ...]]
    batches: ClassVar[int]
    single_objects: ClassVar[int] = 0
    bare: ClassVar[bool] = True
    real_count: ClassVar[int | None] = None
    real_rows: ClassVar[Mapping[str, Row]] = {}

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Remove the checks that cannot apply.

        A skipped test should mean that something is missing here.
        """
        super().__init_subclass__(**arguments)
        applies = {
            "test_climbing_paths": cls.climbing is not None,
            "test_real_rows": cls.real_count is not None,
            "test_real_specimens": bool(cls.real_count),
        }
        for check, wanted in applies.items():
            if check not in vars(cls) and getattr(cls, check) in (None, getattr(SourceTestCase, check)):
                setattr(cls, check, getattr(SourceTestCase, check) if wanted else None)

    # -- the facts ---------------------------------------------------------------------------------------------------

    def test_registered(self) -> None:
        assert self.dir_name in source_names()
        assert self.source.dir_name == self.dir_name

    def test_facts(self) -> None:
        source = self.source
        assert (source.database, source.name) == CATALOGUE[self.dir_name]
        assert source.accession
        assert source.url.startswith("https://")
        assert source.formats
        assert re.search(r"doi:10\.|arXiv|https://", source.citation)
        assert re.search(r"\b(19|20)\d\d\b", source.citation), "a citation has a year"
        for download in source.downloads:
            assert re.match(r"(https?|ftp|aspera|s3|gs)://|kaggle ", download.url), download.url
            assert download.size is None or download.size > 0
        assert source.expected_images is None or source.expected_images > 0
        assert set(source.expected_tokens) <= set(CATEGORIES)
        assert not source.simulated
        for text in (source.specimen, source.repeats, source.batch_unit):
            assert 0 < len(text) <= 90, "the table of sources says in a few words what a group and a batch are"
        assert source.pixel_size_um is None or 0.01 < source.pixel_size_um < 20

    def test_license(self) -> None:
        known = [value for value in vars(licenses).values() if isinstance(value, License)]
        assert self.source.license in known
        assert self.source.license is not licenses.SIMULATED

    def test_constants_are_normalised(self) -> None:
        for column, value in self.source.constants.items():
            assert column in COLUMNS
            assert normalize(column, value) == value

    # -- the rows ----------------------------------------------------------------------------------------------------

    def test_rows(self, root: Path) -> None:
        folder = Folder.listed(str(root))
        images = self.read(folder)
        assert len(images) == self.count
        check_rows(self.source, images, self.rows)
        assert folder.notes.counts == dict(self.notes), folder.notes.examples

    def test_tokens(self, root: Path) -> None:
        counted: dict[str, Counter[str]] = {category: Counter() for category in CATEGORIES}
        for image in self.read(Folder.listed(str(root))).values():
            row = normalised(self.source, image)
            for category in CATEGORIES:
                counted[category].update((row[category] or "").split("|") if row[category] else ())
        assert {c: dict(tokens) for c, tokens in counted.items() if tokens} == {
            c: dict(t) for c, t in self.tokens.items()
        }

    def test_specimens(self, root: Path) -> None:
        """Images of one specimen share a group.

        Groups, batches and single objects are as many as the tree holds.
        """
        images = self.read(Folder.listed(str(root)))
        rows = {key: normalised(self.source, image) for key, image in images.items()}
        assert len({row["group"] for row in rows.values()}) == self.groups
        assert len({row["batch"] for row in rows.values()} - {None}) == self.batches
        assert (self.source.batch_unit == "not stated") == (self.batches == 0)
        assert sum(row["single_object"] for row in rows.values()) == self.single_objects
        assert (self.source.repeats == "none") == (not self.repeated), "the tree holds a specimen that is imaged again"
        by_name = {row["files"][0]: row for row in rows.values()} | rows
        for specimen in self.repeated:
            assert len(set(specimen)) > 1
            assert len({by_name[name]["group"] for name in specimen}) == 1, specimen

    def test_every_row_is_sound(self, root: Path) -> None:
        folder = Folder.listed(str(root))
        images = self.read(folder)
        assert images
        check_sound(self.source, folder, images.values(), root)
        for image in images.values():
            shows = tuple(channel.structure for channel in image.channels)
            assert any(is_subsequence(shows, whole) for whole in self.channel_orders), f"{image.key} shows {shows}"

    def test_images_can_be_read(self, root: Path) -> None:
        """The adapter's planes exist and its files are images."""
        from builder.pixels.read import read

        for image in list(self.read(Folder.listed(str(root))).values())[:5]:
            for channel in image.channels:
                assert read((root / channel.path).read_bytes(), channel.plane).ndim in (2, 3)

    # -- where and how it lies ---------------------------------------------------------------------------------------

    def test_listing_order_does_not_matter(self, root: Path) -> None:
        listed = signatures(root)
        shuffled = list(listed.items())
        random.Random(0).shuffle(shuffled)
        assert self.read(Folder(str(root), dict(shuffled))) == self.read(Folder(str(root), listed))

    def test_archive_depth_does_not_matter(self, root: Path, copy: Path) -> None:
        """Add a folder level, as archives unpacked separately do.

        No row changes but its paths.
        """
        before = without_paths(self.read(Folder.listed(str(root))))
        deeper = copy.parent / "deeper"
        (deeper / "un packed [1]").mkdir(parents=True)
        copy.rename(deeper / "un packed [1]" / "download")
        assert without_paths(self.read(Folder.listed(str(deeper)))) == before

    def test_stripped_archive(self, root: Path, copy: Path) -> None:
        """An archive may be unpacked without its top folder."""
        tops = sorted(copy.iterdir())
        if not self.bare or len(tops) != 1 or not tops[0].is_dir():
            pytest.skip("no single top folder that could be stripped")
        before = without_paths(self.read(Folder.listed(str(root))))
        assert without_paths(self.read(Folder.listed(str(tops[0])))) == before

    def test_any_file_system(self, root: Path) -> None:
        memory = fsspec.filesystem("memory")
        base = f"/sources/{self.dir_name}"
        for path in signatures(root):
            memory.pipe_file(f"{base}/{path}", (root / path).read_bytes())
        try:
            images = self.read(Folder.listed(f"memory:/{base}"))
        finally:
            memory.rm(base, recursive=True)
        assert images == self.read(Folder.listed(str(root)))

    # -- real files --------------------------------------------------------------------------------------------------

    @pytest.mark.real
    def test_real_rows(self, real_data: Path) -> None:
        root = real_data / self.dir_name
        folder = Folder.listed(str(root))
        images = self.read(folder)
        assert len(images) == self.real_count, folder.notes.examples
        check_sound(self.source, folder, images.values(), root)
        check_rows(self.source, images, self.real_rows)

    @pytest.mark.real
    def test_real_specimens(self, real_data: Path) -> None:
        """No two groups show the same, by pixels alone."""
        root = real_data / self.dir_name
        assert not same_in_other_groups(root, self.read(Folder.listed(str(root))).values())
