"""The images of a declared source.

They are fields or rows of a list, with their channels and what is said of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from builder.errors import UserError
from builder.schema import CATEGORIES, TOKEN_SEPARATOR
from builder.sources.base import Image
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.screens import check_understood
from builder.sources.declared.annotate import Annotator
from builder.sources.declared.blocks import Block, Field, blocks, fields_of
from builder.sources.declared.class_folders import FACTS, class_files
from builder.sources.declared.declaration import Declaration
from builder.sources.declared.facts import Wells, plain
from builder.sources.declared.gather import Gatherer
from builder.sources.declared.image_files import image_files
from builder.sources.declared.index_files import channel_names
from builder.sources.declared.layouts import layout_of
from builder.sources.declared.lists import Lists
from builder.sources.declared.maker import Maker, keys_of_facts
from builder.sources.declared.stains import Stains


class Images:
    """An iterable of a folder's images, like an adapter's ``images``."""

    def __init__(self, declared: Declaration) -> None:
        self.declared = declared

    def __call__(self, folder: Folder) -> Iterator[Image]:
        """Yield the images in order.

        Raises
        ------
        LayoutError
            Where files or tables are not as declared, with what was looked for and what was found.
        """
        try:
            if self.declared.listing is not None:
                yield from self._listed(folder)
            elif self.declared.files.class_folders:
                yield from self._of_classes(folder)
            else:
                yield from self._of_names(folder)
        except UserError as error:
            raise LayoutError(f"{folder.root}/source.toml: {error}") from None

    def _of_names(self, folder: Folder) -> Iterator[Image]:
        declared = self.declared
        layout = layout_of(declared.files)
        gatherer = Gatherer(folder, declared.files, layout)
        annotator = Annotator(folder, declared, gatherer.facts, layout.first_row)
        stains = Stains(folder, declared)
        stains.named = channel_names(folder, layout.index)
        maker = Maker(folder, declared, gatherer.facts, annotator, stains)
        found = 0
        for block in gatherer.blocks():
            found += block.size
            yield from maker.images(block, keys_of_facts(gatherer.facts, block))
        annotator.finish()
        check_understood(folder, found, declared.files.pattern or layout.title)

    def _of_classes(self, folder: Folder) -> Iterator[Image]:
        declared = self.declared
        category = declared.files.class_folders
        columns = {category: "class", **declared.columns}
        annotator = Annotator(folder, msgspec.structs.replace(declared, columns=columns), FACTS, one_file=True)
        maker = Maker(folder, declared, FACTS, annotator, Stains(folder, declared))
        for block in class_files(folder, declared.files):
            yield from maker.images(block, block.paths[0])
        annotator.finish()

    def _listed(self, folder: Folder) -> Iterator[Image]:
        declared = self.declared
        listing = declared.listing
        if listing is None:
            return
        lists = Lists(folder, listing, Wells(declared.files, 1))
        annotator, maker = None, None
        found = lists.read()
        for block in found if listing.boxes == "images" else _by_file(found, folder, lists, listing.boxes):
            if annotator is None or maker is None:
                annotator = Annotator(folder, declared, lists.facts, one_file=True)
                maker = Maker(folder, declared, lists.facts, annotator, Stains(folder, declared))
            files = block.paths[0]
            keys = files
            if block.regions is not None:
                rows = zip(files, block.regions, strict=True)
                keys = [f"{file}#{','.join(map(str, region))}" if region else file for file, region in rows]
            yield from maker.images(block, keys, files)
        if annotator is not None:
            annotator.finish()
        folder.notes.add_all("files without a row", [path for path in image_files(folder) if path not in lists.used])


def _by_file(found: Iterator[Block], folder: Folder, lists: Lists, rule: str) -> Iterator[Block]:
    """Yield one row per file, made of all its boxes.

    It has the values on which all agree, or all values joined.
    """
    rows: dict[tuple[str, ...], list[Field]] = {}
    for block in found:
        for row in fields_of(block):
            rows.setdefault(tuple(row.files.values()), []).append(row)
    yield from blocks((_joined(several, folder, lists, rule) for several in rows.values()), len(lists.facts))


def _joined(several: list[Field], folder: Folder, lists: Lists, rule: str) -> Field:
    values = [list(dict.fromkeys(filter(None, column))) for column in zip(*(row.facts for row in several), strict=True)]
    if rule == "agree":
        if any(len(column) > 1 for name, column in zip(lists.facts, values, strict=True) if name in _OF_A_CLASS):
            folder.notes.add("files whose boxes do not agree, without a class", next(iter(several[0].files.values())))
        facts = tuple([column[0] if len(column) == 1 else "" for column in values])
    else:
        facts = tuple([TOKEN_SEPARATOR.join(column) for column in values])
    return several[0]._replace(facts=facts, region=None)


_OF_A_CLASS = frozenset(map(plain, ("category", "class", "label", *CATEGORIES)))
