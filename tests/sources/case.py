"""What every source must do; a subclass states the source and what its made-up tree holds, and inherits the checks.

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
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest

from builder.schema import ACQUISITION, CATEGORIES, CONTROLS
from builder.sources import get_source, source_names
from builder.sources.base import MAX_PROJECTION, MIDDLE_PLANE, Image, License, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.wells import parse_well
from builder.vocabulary import normalize
from tests.sources.alike import same_in_other_groups
from tests.sources.catalogue import CATALOGUE

Row = dict[str, Any]

_COLUMNS = (*CATEGORIES, "microscopy")
_TABLES = (".csv", ".tsv", ".txt", ".json", ".lst", ".xls", ".xlsx", ".gz", ".zip", ".screen", ".companion")
_MOST_FILES_MISSED = 30


class SourceTestCase:
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

    dir_name: ClassVar[str]
    count: ClassVar[int]
    tokens: ClassVar[Mapping[str, Mapping[str, int]]]
    channel_orders: ClassVar[tuple[tuple[str, ...], ...]]
    rows: ClassVar[Mapping[str, Row]]
    groups: ClassVar[int]
    repeated: ClassVar[tuple[tuple[str, ...], ...]]
    batches: ClassVar[int]
    single_objects: ClassVar[int] = 0
    notes: ClassVar[Mapping[str, int]] = {}
    unknown_files: ClassVar[Mapping[str, str]] = {}
    missing_files: ClassVar[Mapping[str, str | None]] = {}
    climbing: ClassVar[tuple[str, str, str] | None] = None
    bare: ClassVar[bool] = True
    real_count: ClassVar[int | None] = None
    real_rows: ClassVar[Mapping[str, Row]] = {}

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Leave out the checks that cannot apply: a skipped test should mean that something is missing here."""
        super().__init_subclass__(**arguments)
        applies = {
            "test_climbing_paths": cls.climbing is not None,
            "test_real_rows": cls.real_count is not None,
            "test_real_specimens": bool(cls.real_count),
        }
        for check, wanted in applies.items():
            if check not in vars(cls) and getattr(cls, check) in (None, getattr(SourceTestCase, check)):
                setattr(cls, check, getattr(SourceTestCase, check) if wanted else None)

    def tree(self, root: Path) -> None:
        """Write the made-up source below ``root`` in its real layout: tiny, seeded, with real misfits."""
        raise NotImplementedError

    # -- what the checks stand on ------------------------------------------------------------------------------------

    @pytest.fixture
    def root(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The made-up tree; written once a class, never changed by a test."""
        made = _MADE.get(type(self))
        if made is None:
            made = _MADE[type(self)] = tmp_path_factory.mktemp(self.dir_name) / "source"
            made.mkdir()
            self.tree(made)
        return made

    @pytest.fixture
    def copy(self, root: Path, tmp_path: Path) -> Path:
        """A copy of the tree that a test may change."""
        return Path(shutil.copytree(root, tmp_path / "inside" / "copy"))

    @property
    def source(self) -> Source:
        return get_source(self.dir_name)

    def read(self, folder: Folder) -> dict[str, Image]:
        """Return the images by key; keys must be unique."""
        images = list(self.source.images(folder))
        by_key = {image.key: image for image in images}
        twice = [key for key, count in Counter(image.key for image in images).items() if count > 1]
        assert not twice, f"keys that come twice: {twice[:3]}"
        return by_key

    def read_or_say(self, folder: Folder) -> tuple[dict[str, Image], str]:
        """Return the images, or none and what the adapter did not understand."""
        try:
            return self.read(folder), ""
        except LayoutError as error:
            return {}, str(error)

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
            assert column in _COLUMNS
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
        """What shows one specimen shares a group; groups, batches and single objects are as many as the tree holds."""
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
            shows = tuple(channel.shows for channel in image.channels)
            assert any(_is_subsequence(shows, whole) for whole in self.channel_orders), f"{image.key} shows {shows}"

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
        """One folder more, as when each archive is unpacked into a folder of its own, changes no row but its paths."""
        before = _without_paths(self.read(Folder.listed(str(root))))
        deeper = copy.parent / "deeper"
        (deeper / "un packed [1]").mkdir(parents=True)
        copy.rename(deeper / "un packed [1]" / "download")
        assert _without_paths(self.read(Folder.listed(str(deeper)))) == before

    def test_stripped_archive(self, root: Path, copy: Path) -> None:
        """One folder less, as when an archive is unpacked without its top folder."""
        tops = sorted(copy.iterdir())
        if not self.bare or len(tops) != 1 or not tops[0].is_dir():
            pytest.skip("no single top folder that could be stripped")
        before = _without_paths(self.read(Folder.listed(str(root))))
        assert _without_paths(self.read(Folder.listed(str(tops[0])))) == before

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

    # -- partial and broken downloads --------------------------------------------------------------------------------

    def test_missing_pieces(self, root: Path) -> None:
        """Any one file may be missing: other images keep their keys; only a table may be asked for, by name."""
        listed = signatures(root)
        keys = set(self.read(Folder(str(root), dict(listed))))
        images = [path for path in listed if not path.lower().endswith(_TABLES)]
        tables = [path for path in listed if path.lower().endswith(_TABLES)]
        step = max(1, len(images) // _MOST_FILES_MISSED)
        for missing in [*tables, *images[::step]]:
            folder = Folder(str(root), {path: facts for path, facts in listed.items() if path != missing})
            images, error = self.read_or_say(folder)
            if error:
                assert missing in tables, f"{error}, without {missing}"
                continue
            check_sound(self.source, folder, images.values(), root)
            assert not any(channel.path == missing for image in images.values() for channel in image.channels)
            if missing in images:
                assert len(keys - set(images)) <= max(1, self._images_of(root, missing)), missing

    def test_losses(self, root: Path) -> None:
        """A row without its file is counted, and other rows do not change."""
        listed = signatures(root)
        whole = Folder(str(root), dict(listed))
        before = self.read(whole)
        for missing, kind in self.missing_files.items():
            assert missing in listed
            folder = Folder(str(root), {path: facts for path, facts in listed.items() if path != missing})
            after = self.read(folder)
            touched = {key for key, image in before.items() if missing in [c.path for c in image.channels]}
            assert {k: v for k, v in after.items() if k not in touched} == {
                k: v for k, v in before.items() if k not in touched
            }
            assert _added(whole, folder) == ({} if kind is None else {kind: 1}), missing

    def test_strangers(self, root: Path) -> None:
        """A file that the source's table or naming does not know is counted, and no row changes."""
        whole = Folder(str(root), signatures(root))
        before = self.read(whole)
        for stranger, kind in self.unknown_files.items():
            folder = Folder(str(root), {**signatures(root), stranger: 1})
            assert self.read(folder) == before, stranger
            assert _added(whole, folder) == {kind: 1}, stranger

    def test_broken_tables(self, root: Path, copy: Path) -> None:
        """An empty, cut or foreign table ends in rows left out or in one LayoutError that names it, in nothing else."""
        for path in [path for path in signatures(root) if path.lower().endswith(_TABLES)]:
            content = (copy / path).read_bytes()
            for broken in (b"", content[: len(content) // 2], b'\x00\xff\xfe<html>\r\n,,\t"' * 9, b"[1, {}]\n" * 3):
                (copy / path).write_bytes(broken)
                folder = Folder.listed(str(copy))
                images, error = self.read_or_say(folder)
                check_sound(self.source, folder, images.values(), copy)
                assert not error or str(copy) in error or path.rpartition("/")[2] in error
            (copy / path).write_bytes(content)

    def test_something_else(self, tmp_path: Path) -> None:
        """An empty folder and one with other things give nothing or say what was looked for."""
        for name in ("", "notes.md", "holiday (1).jpg", "table.csv"):
            if name:
                (tmp_path / name).write_text("a,b\n1,2\n")
            images, error = self.read_or_say(Folder.listed(str(tmp_path)))
            assert not images
            assert not error or len(error) > 20

    def test_strange_names(self, root: Path) -> None:
        """Copies under spoilt names (signs, blanks, other alphabets, letters lost) never stop an adapter."""
        listed = signatures(root)
        rng = random.Random(self.dir_name)
        images = [path for path in listed if not path.lower().endswith(_TABLES)]
        spoilt = {_spoilt(rng, rng.choice(images)) for _ in range(200)} - listed.keys()
        folder = Folder(str(root), {**listed, **dict.fromkeys(spoilt, 1)})
        images = list(self.source.images(folder))
        check_sound(self.source, folder, images, root)
        assert {image.key for image in images} >= set(self.read(Folder(str(root), listed)))

    def test_climbing_paths(self, copy: Path) -> None:
        """A path in a table that leaves the source gives no row."""
        assert self.climbing is not None
        table, text, instead = self.climbing
        content = (copy / table).read_text("utf-8")
        assert text in content
        (copy / table).write_text(content.replace(text, instead), "utf-8")
        outside = copy.parent / instead.rpartition("/")[2]
        outside.write_bytes(b"outside")
        whole, folder = Folder.listed(str(copy)), Folder.listed(str(copy))
        images = self.read(folder)
        check_sound(self.source, whole, images.values(), copy)
        assert folder.notes.counts != dict(self.notes), "nobody was told"

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
        """No two groups show the same, judged from the pixels alone."""
        root = real_data / self.dir_name
        assert not same_in_other_groups(root, self.read(Folder.listed(str(root))).values())

    def _images_of(self, root: Path, path: str) -> int:
        return sum(any(c.path == path for c in i.channels) for i in self.source.images(Folder.listed(str(root))))


_MADE: dict[type, Path] = {}


def signatures(root: Path) -> dict[str, int]:
    """Return the files that a listing of the folder keeps, in sorted order, each with some file_signature."""
    return dict.fromkeys(Folder.listed(str(root)).paths(), 1)


def normalised(source: Source, image: Image) -> Row:
    """Return a row as the method's section 1 wants it: the image's own values, else the source's, normalised."""
    row: Row = {}
    for column in _COLUMNS:
        value = getattr(image, column)
        row[column] = normalize(column, source.constants.get(column) if value is None else value)
    row["group"] = image.group
    row |= {column: getattr(image, column) for column, _ in ACQUISITION}
    row["pixel_size_um"] = source.pixel_size_um if image.pixel_size_um is None else image.pixel_size_um
    row["single_object"] = source.single_object or image.single_object
    row["region"] = None if image.region is None else tuple(image.region)
    row["size"] = image.size
    row["files"] = tuple(channel.path for channel in image.channels)
    row["channels"] = tuple(channel.shows for channel in image.channels)
    row["planes"] = tuple(channel.plane for channel in image.channels)
    return row


def check_rows(source: Source, images: Mapping[str, Image], expected: Mapping[str, Row]) -> None:
    """Compare the rows named, by key or first file, with what is expected of them."""
    assert expected, "no row is expected: a test that can hardly fail"
    by_name = {image.channels[0].path: image for image in images.values()} | dict(images)
    for name, values in expected.items():
        assert name in by_name, f"no row {name!r}; the keys begin with {sorted(images)[:3]}"
        row = normalised(source, by_name[name])
        assert {column: row[column] for column in values} == values, name


def check_sound(source: Source, folder: Folder, images: Iterable[Image], root: Path) -> None:
    """Check what holds for every row of every source, whole or broken."""
    for image in images:
        assert image.key
        assert image.group
        assert image.channels, f"{image.key} has no file"
        for text in (image.key, image.group, image.batch or "-"):
            assert not text.startswith("/")
            assert str(root) not in text
        for channel in image.channels:
            assert channel.path in folder, f"{image.key}: {channel.path} is no file of the source"
            assert ".." not in channel.path.split("/")
            assert channel.shows == normalize("cell_visible", channel.shows)
            assert "|" not in channel.shows, "one word a channel; 'actin + golgi' where it shows both"
            assert channel.plane >= 0 or channel.plane in (MIDDLE_PLANE, MAX_PROJECTION)
        paths = [(channel.path, channel.plane) for channel in image.channels]
        assert len(set(paths)) == len(paths), f"{image.key} names a plane twice"
        if image.region is not None:
            assert 0 <= image.region.x_min < image.region.x_max
            assert 0 <= image.region.y_min < image.region.y_max
        for column in _COLUMNS:
            value = normalize(column, getattr(image, column))
            assert normalize(column, value) == value
        assert image.batch != ""
        assert image.well is None or (image.well == parse_well(image.well) and image.well[-2:].isdecimal()), image.well
        assert image.control in (None, *CONTROLS)
        assert image.timepoint != ""
        assert image.z is None or isinstance(image.z, int)
        assert image.pixel_size_um is None or 0.01 < image.pixel_size_um < 20
        kinds = {channel.shows in ("brightfield", "darkfield") for channel in image.channels}
        assert len(kinds) == 1, f"{image.key} merges brightfield with fluorescence"


def _spoilt(rng: random.Random, path: str) -> str:
    """Return the path with one place changed, doubled or lost."""
    place = rng.randrange(len(path))
    sign = rng.choice(
        [*"#%[](){}*?+ ,;'\"|\\_-.0aZ", "é", "Σ", "\u202e", "漢", "\n", "", "", path[place] * 2, "99999999999"]
    )
    return (path[:place] + sign + path[place + 1 :]).replace("//", "/").lstrip("/")


def _without_paths(images: Mapping[str, Image]) -> dict[str, Row]:
    plain: Callable[[Image], Row] = Image._asdict
    return {
        key: {**plain(image), "channels": [(c.path.rpartition("/")[2], c.shows, c.plane) for c in image.channels]}
        for key, image in images.items()
    }


def _added(before: Folder, after: Folder) -> dict[str, int]:
    """Return the notes that came on top."""
    return dict(Counter(after.notes.counts) - Counter(before.notes.counts))


def _is_subsequence(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)
