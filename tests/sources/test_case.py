"""The shared checks find a bad adapter.

One that breaks one rule at a time must fail the check of that rule.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.sources.base import Channel, Image, License, Region, Source
from builder.sources.common import licenses
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.tables import read_table
from tests.sources.case import SourceTestCase
from tests.sources.files import write_csv, write_image

Images = Callable[[Folder], Iterator[Image]]
STAINS = {"1": "nucleus", "2": "actin"}


def good(folder: Folder) -> Iterator[Image]:
    """Yield fields of two channel files, joined by name."""
    (table,) = folder.named("fields.csv")[:1] or [None]
    if table is None:
        raise LayoutError("looked for fields.csv, anywhere in the folder")
    rows = dict(read_table(folder, table, ("field", "drug")))
    files: dict[str, dict[str, str]] = {}
    for path in folder.paths(".png"):
        name = path.rpartition("/")[2]
        if len(name) == 8 and name[:2] in rows:
            files.setdefault(name[:2], {})[name[3]] = path
        else:
            folder.notes.add("files without a row", path)
    folder.notes.add_all("rows without a file", rows.keys() - files.keys())
    for field, found in files.items():
        channels = tuple(Channel(found[number], shows) for number, shows in STAINS.items() if number in found)
        yield Image(key=field, channels=channels, group=field[0], compound=rows[field])


class Case(SourceTestCase):
    """The expectations of the good adapter.

    ``images`` is the adapter under test.
    """

    dir_name = "bbbc005"
    count = 4
    channel_orders = (("nucleus", "actin"),)
    tokens = {"organism": {"human": 4}, "compound": {"aspirin": 2, "caffeine": 1}}
    rows = {"a1": {"compound": "aspirin", "group": "a"}}
    groups = 2
    repeated = (("a1", "a2"), ("b1", "b2"))
    batches = 0
    unknown_files = {"top/z9_1.png": "files without a row"}
    missing_files = {"top/b2_1.png": None}
    climbing = ("top/fields.csv", "b1", "../../outside/b1")

    def __init__(self, images: Images, **facts: object) -> None:
        made = Source(
            dir_name="bbbc005",
            database="BBBC",
            name="Synthetic cells",
            accession="A1",
            url="https://example.org",
            downloads=(),
            license=licenses.CC0,
            citation="Anon 2020, doi:10.1/1",
            formats=("PNG",),
            images=images,
            constants={"organism": "human"},
            specimen="a patient",
            repeats="two fields",
            batch_unit="not stated",
        )
        self.made = dataclasses.replace(made, **facts)  # type: ignore[arg-type]

    @property
    def source(self) -> Source:
        return self.made

    def tree(self, root: Path) -> None:
        for field, channel in itertools.product(("a1", "a2", "b1", "b2"), "12"):
            write_image(root / f"top/{field}_{channel}.png")
        drugs = {"a1": "Aspirin", "a2": "aspirin", "b1": "Caffeine", "b2": ""}
        write_csv(root / "top/fields.csv", ("field", "drug"), drugs.items())


CHECKS = [name for name in dir(SourceTestCase) if name.startswith("test_") and not name.startswith("test_real_")]


def run(case: Case, check: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    case.tree(root)
    scratch = tmp_path / "scratch" / "inside"
    scratch.mkdir(parents=True)
    copy = scratch / "copy"
    if "copy" in getattr(SourceTestCase, check).__code__.co_varnames:
        copy.mkdir()
        case.tree(copy)
    given = {"root": root, "copy": copy, "tmp_path": scratch}
    wanted = getattr(SourceTestCase, check).__code__
    getattr(case, check)(**{name: given[name] for name in wanted.co_varnames[1 : wanted.co_argcount]})


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_adapter_passes(check: str, tmp_path: Path) -> None:
    run(Case(good), check, tmp_path)


def changed(**values: object) -> Images:
    def images(folder: Folder) -> Iterator[Image]:
        for image in good(folder):
            yield image._replace(**values)  # type: ignore[arg-type]

    return images


def by_listing_order(folder: Folder) -> Iterator[Image]:
    for number, image in enumerate(
        sorted(good(folder), key=lambda i: list(folder._signatures).index(i.channels[0].path))
    ):
        yield image._replace(key=str(number))


def with_depth(folder: Folder) -> Iterator[Image]:
    for image in good(folder):
        yield image._replace(group=image.channels[0].path.split("/")[0])


def swapped(folder: Folder) -> Iterator[Image]:
    for image in good(folder):
        yield image._replace(channels=image.channels[::-1])


def with_first_path(change: Callable[[Folder, str], str]) -> Images:
    def images(folder: Folder) -> Iterator[Image]:
        for image in good(folder):
            first = image.channels[0]
            yield image._replace(channels=(first._replace(path=change(folder, first.path)), *image.channels[1:]))

    return images


def trusting(folder: Folder) -> Iterator[Image]:
    """Reads paths from the table and believes them."""
    (table,) = folder.named("fields.csv")
    for field, drug in read_table(folder, table, ("field", "drug")):
        channels = tuple(Channel(f"top/{field}_{n}.png", shows) for n, shows in STAINS.items())
        yield Image(key=field, channels=channels, group=field[0], compound=drug)


def careless(folder: Folder) -> Iterator[Image]:
    """Read the table as if never broken, by local path."""
    with Path(folder.root, folder.named("fields.csv")[0]).open() as file:
        assert next(csv.reader(file)) == ["field", "drug"]
    yield from good(folder)


def all_or_nothing(folder: Folder) -> Iterator[Image]:
    images = list(good(folder))
    if any(len(image.channels) < 2 for image in images):
        raise LayoutError("a channel is missing")
    yield from images


def silent(folder: Folder) -> Iterator[Image]:
    images = list(good(folder))
    folder.notes.counts.clear()
    yield from images


def mixed(folder: Folder) -> Iterator[Image]:
    for image in good(folder):
        yield image._replace(channels=(image.channels[0]._replace(structure="brightfield"), *image.channels[1:]))


BAD: list[tuple[str, str, Images]] = [
    ("one key for all", "test_rows", changed(key="same")),
    ("keys that count", "test_listing_order_does_not_matter", by_listing_order),
    ("groups from the depth", "test_archive_depth_does_not_matter", with_depth),
    ("groups from the top", "test_stripped_archive", with_depth),
    ("no group", "test_every_row_is_sound", changed(group="")),
    ("a group for each image", "test_specimens", lambda f: (i._replace(group=i.key) for i in good(f))),
    ("one group for all", "test_specimens", changed(group="all")),
    ("a batch that nobody states", "test_specimens", changed(batch="monday")),
    ("cells taken for single objects", "test_specimens", changed(single_object=True)),
    ("a well as the file spells it", "test_every_row_is_sound", changed(well="a1")),
    ("a control of another kind", "test_every_row_is_sound", changed(control="mock")),
    ("no channels", "test_every_row_is_sound", changed(channels=())),
    ("channels in another order", "test_every_row_is_sound", swapped),
    ("brightfield merged with fluorescence", "test_every_row_is_sound", mixed),
    ("an empty region", "test_every_row_is_sound", changed(region=Region(5, 5, 0, 9))),
    ("another compound", "test_tokens", changed(compound="water")),
    ("another compound, by row", "test_rows", changed(compound="water")),
    ("paths with the folder's own", "test_every_row_is_sound", with_first_path(lambda f, p: f"{f.root}/{p}")),
    ("paths that do not exist", "test_images_can_be_read", with_first_path(lambda f, p: p.replace(".png", ".tif"))),
    ("paths believed", "test_climbing_paths", trusting),
    ("files believed", "test_missing_pieces", trusting),
    ("tables believed", "test_broken_tables", careless),
    ("local paths only", "test_any_file_system", careless),
    ("all or nothing", "test_missing_pieces", all_or_nothing),
    ("unknown_files not counted", "test_unknown_files", silent),
    (
        "something out of nothing",
        "test_something_else",
        lambda f: iter([Image("k", (Channel("x.png", "nucleus"),), "g")]),
    ),
]


@pytest.mark.parametrize(("check", "images"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_adapter_is_seen(check: str, images: Images, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, OSError, LayoutError, ValueError, RuntimeError)):
        run(Case(images), check, tmp_path)


@pytest.mark.parametrize(
    ("check", "facts"),
    [
        ("test_facts", {"name": "Synthetic Cells"}),
        ("test_facts", {"database": "IDR"}),
        ("test_facts", {"citation": "Anon"}),
        ("test_facts", {"url": ""}),
        ("test_facts", {"formats": ()}),
        ("test_facts", {"expected_images": 0}),
        ("test_facts", {"expected_tokens": {"color": 1}}),
        ("test_facts", {"specimen": ""}),
        ("test_facts", {"repeats": ""}),
        ("test_facts", {"batch_unit": ""}),
        ("test_facts", {"pixel_size_um": 0.0}),
        ("test_specimens", {"repeats": "none"}),
        ("test_specimens", {"batch_unit": "plate"}),
        ("test_specimens", {"single_object": True}),
        ("test_license", {"license": License("X", "X", "", None, None)}),
        ("test_license", {"license": licenses.SIMULATED}),
        ("test_constants_are_normalised", {"constants": {"organism": "Homo sapiens"}}),
        ("test_constants_are_normalised", {"constants": {"color": "red"}}),
        ("test_registered", {"dir_name": "bbbc006"}),
    ],
)
def test_bad_facts_are_seen(check: str, facts: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises((AssertionError, ValueError)):
        run(Case(good, **facts), check, tmp_path)
