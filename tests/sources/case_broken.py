"""Checks of a source whose download is partial or broken."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from builder.sources import get_source
from builder.sources.base import Image, Source
from builder.sources.common.folder import Folder, LayoutError
from tests.sources.case_checks import TABLES, added_notes, check_sound, signatures, spoilt

_MOST_FILES_MISSED = 30
_MADE: dict[type, Path] = {}


class MadeSource:
    """A source with a made-up tree.

    ``SourceTestCase`` says what its attributes mean.
    """

    dir_name: ClassVar[str]
    notes: ClassVar[Mapping[str, int]] = {}
    unknown_files: ClassVar[Mapping[str, str]] = {}
    missing_files: ClassVar[Mapping[str, str | None]] = {}
    climbing: ClassVar[tuple[str, str, str] | None] = None

    def tree(self, root: Path) -> None:
        """Write the made-up source below ``root`` in its real layout.

        Tiny and seeded, with real misfits.
        """
        raise NotImplementedError

    @pytest.fixture
    def root(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return the made-up tree, which no test may change.

        It is written once per class.
        """
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
        """Return the images, or what the adapter did not understand.

        In that case there are no images.
        """
        try:
            return self.read(folder), ""
        except LayoutError as error:
            return {}, str(error)


class BrokenDownloads(MadeSource):
    """Checks of partial and broken downloads."""

    def test_missing_pieces(self, root: Path) -> None:
        """Take away one file at a time.

        Other images keep their keys, and only a table may be asked for, by name.
        """
        listed = signatures(root)
        keys = set(self.read(Folder(str(root), dict(listed))))
        images = [path for path in listed if not path.lower().endswith(TABLES)]
        tables = [path for path in listed if path.lower().endswith(TABLES)]
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

    def test_missing_files(self, root: Path) -> None:
        """A row without its file is counted.

        Other rows do not change.
        """
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
            assert added_notes(whole, folder) == ({} if kind is None else {kind: 1}), missing

    def test_unknown_files(self, root: Path) -> None:
        """Add a file that no table or naming knows.

        It is counted, and no row changes.
        """
        whole = Folder(str(root), signatures(root))
        before = self.read(whole)
        for stranger, kind in self.unknown_files.items():
            folder = Folder(str(root), {**signatures(root), stranger: 1})
            assert self.read(folder) == before, stranger
            assert added_notes(whole, folder) == {kind: 1}, stranger

    def test_broken_tables(self, root: Path, copy: Path) -> None:
        """Read empty, cut and foreign tables.

        They leave rows out, or end in one LayoutError that names the table.
        """
        for path in [path for path in signatures(root) if path.lower().endswith(TABLES)]:
            content = (copy / path).read_bytes()
            for broken in (b"", content[: len(content) // 2], b'\x00\xff\xfe<html>\r\n,,\t"' * 9, b"[1, {}]\n" * 3):
                (copy / path).write_bytes(broken)
                folder = Folder.listed(str(copy))
                images, error = self.read_or_say(folder)
                check_sound(self.source, folder, images.values(), copy)
                assert not error or str(copy) in error or path.rpartition("/")[2] in error
            (copy / path).write_bytes(content)

    def test_something_else(self, tmp_path: Path) -> None:
        """Folders without the source give no images.

        An empty one, and one with other things; an error says what was looked for.
        """
        for name in ("", "notes.md", "holiday (1).jpg", "table.csv"):
            if name:
                (tmp_path / name).write_text("a,b\n1,2\n")
            images, error = self.read_or_say(Folder.listed(str(tmp_path)))
            assert not images
            assert not error or len(error) > 20

    def test_strange_names(self, root: Path) -> None:
        """Files with corrupted names never stop an adapter.

        Their names have other signs, blanks or alphabets, or lack letters.
        """
        listed = signatures(root)
        rng = random.Random(self.dir_name)
        images = [path for path in listed if not path.lower().endswith(TABLES)]
        names = {spoilt(rng, rng.choice(images)) for _ in range(200)} - listed.keys()
        folder = Folder(str(root), {**listed, **dict.fromkeys(names, 1)})
        images = list(self.source.images(folder))
        check_sound(self.source, folder, images, root)
        assert {image.key for image in images} >= set(self.read(Folder(str(root), listed)))

    def test_climbing_paths(self, copy: Path) -> None:
        """A table's path that leaves the source gives no row."""
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

    def _images_of(self, root: Path, path: str) -> int:
        return sum(any(c.path == path for c in i.channels) for i in self.source.images(Folder.listed(str(root))))
