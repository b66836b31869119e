"""The images of a declared source.

They are fields or rows of a list, with their channels and what is said of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import add
from typing import Any, Final

import msgspec

from builder.errors import UserError
from builder.schema import CATEGORIES, TOKEN_SEPARATOR
from builder.sources.base import Image, Region
from builder.sources.common.folder import Folder, LayoutError
from builder.sources.common.screens import check_understood
from builder.sources.declared.annotate import Annotator, Said
from builder.sources.declared.class_folders import FACTS, class_files
from builder.sources.declared.declaration import Declaration
from builder.sources.declared.facts import Wells, fill, plain
from builder.sources.declared.gather import Gatherer
from builder.sources.declared.image_files import image_files
from builder.sources.declared.index_files import channel_names
from builder.sources.declared.layouts import layout_of
from builder.sources.declared.lists import Lists, Row
from builder.sources.declared.planned import Shown
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
        plate = gatherer.facts.index("plate") if "plate" in gatherer.facts else None
        made = _Maker(folder, declared, gatherer.facts)
        named = ["" if name in ("plate", "well") else name for name in gatherer.facts]  # those are known by their looks
        found = 0
        for facts, files in gatherer.fields():
            said = annotator.say(facts)
            found += 1
            if said.left_out:
                folder.notes.add_all(said.left_out, files.values())
                continue
            if all(facts):
                key = "/".join(map(add, named, facts))
            else:
                key = "/".join([name + fact for name, fact in zip(named, facts, strict=True) if fact])
            for shown in stains.shown(files, facts[plate] if plate is not None else ""):
                yield made.image(key, facts, said, shown)
        annotator.finish()
        check_understood(folder, found, declared.files.pattern or layout.title)

    def _of_classes(self, folder: Folder) -> Iterator[Image]:
        declared = self.declared
        category = declared.files.class_folders
        columns = {category: "class", **declared.columns}
        annotator = Annotator(folder, msgspec.structs.replace(declared, columns=columns), FACTS, one_file=True)
        stains, made = Stains(folder, declared), _Maker(folder, declared, FACTS)
        for facts, files in class_files(folder, declared.files):
            said = annotator.say(facts)
            if said.left_out:
                folder.notes.add_all(said.left_out, files.values())
                continue
            for shown in stains.shown(files, ""):
                yield made.image(files[""], facts, said, shown)
        annotator.finish()

    def _listed(self, folder: Folder) -> Iterator[Image]:
        declared = self.declared
        listing = declared.listing
        if listing is None:
            return
        lists = Lists(folder, listing, Wells(declared.files, 1))
        annotator, made = None, None
        stains = Stains(folder, declared)
        rows = lists.read() if listing.boxes == "images" else _by_file(lists.read(), folder, lists, listing.boxes)
        plated = None
        for row in rows:
            if annotator is None or made is None:
                plated = lists.facts.index("plate") if "plate" in lists.facts else None
                annotator = Annotator(folder, declared, lists.facts, one_file=True)
                made = _Maker(folder, declared, lists.facts)
            said = annotator.say(row.facts)
            if said.left_out:
                folder.notes.add_all(said.left_out, row.files.values())
                continue
            file = next(iter(row.files.values()))
            key = f"{file}#{','.join(map(str, row.region))}" if row.region else file
            for shown in stains.shown(row.files, "" if plated is None else row.facts[plated]):
                yield made.image(key, row.facts, said, shown, row.region, file)
        if annotator is not None:
            annotator.finish()
        unlisted = (path for path in image_files(folder) if path not in lists.used)
        folder.notes.add_all("files without a row", unlisted)


_new: Final = tuple.__new__  # half the time of a NamedTuple's own constructor


_DEFAULTS: Final = tuple(Image._field_defaults[name] for name in Image._fields[3:])
_PLACES: Final = {name: place for place, name in enumerate(Image._fields[3:])}
_VISIBLE, _MICROSCOPY, _BATCH, _WELL = (_PLACES[name] for name in ("cell_visible", "microscopy", "batch", "well"))


class _Maker:
    """Builds a field's or row's image from selected channels."""

    def __init__(self, folder: Folder, declared: Declaration, known: tuple[str, ...]) -> None:
        self._folder, self._declared, self._known = folder, declared, known
        self._well = known.index("well") if "well" in known else None
        self._by_facts = bool(declared.key)

    def image(
        self,
        key: str,
        facts: tuple[str, ...],
        said: Said,
        shown: Shown,
        region: Region | None = None,
        group: str = "",
    ) -> Image:
        """Return the image.

        ``key`` and ``group`` are used where the declaration makes none of the facts.
        """
        tail = None if region or self._by_facts or shown.columns else self._tail(facts, said, shown)
        if tail is not None:
            return _new(Image, (key + shown.suffix, shown.channels, said.group or group or key, *tail))
        return self._image(key, facts, said, shown, region, group)

    def _tail(self, facts: tuple[str, ...], said: Said, shown: Shown) -> tuple[Any, ...]:
        """Return the fields behind an image's group, remembered."""
        well = None if self._well is None else facts[self._well] or None
        alike = (shown[2], shown[3], well)
        tail = said.made.get(alike)
        if tail is None:
            found = [*_DEFAULTS]
            for column, value in said.columns.items():
                found[_PLACES[column]] = value
            if shown.microscopy is not None:
                found[_MICROSCOPY], found[_VISIBLE] = shown.microscopy, shown.cell_visible
            elif found[_VISIBLE] is None and not self._declared.cell_visible:
                found[_VISIBLE] = shown.cell_visible
            found[_BATCH] = said.batch
            if self._well is not None:
                found[_WELL] = well
            tail = said.made[alike] = tuple(found)
        for note in said.notes:
            self._folder.notes.add(note, shown.channels[0].path)
        return tail

    def _image(
        self, key: str, facts: tuple[str, ...], said: Said, shown: Shown, region: Region | None, group: str
    ) -> Image:
        """Return an image with a box, key or own facts."""
        image = Image("", (), "", *self._tail(facts, said, shown))
        columns = {**shown.columns, **said.columns}
        if self._declared.pixel_size_um is not None:
            columns.pop("pixel_size_um", None)
        more: dict[str, Any] = {column: columns.get(column) for column in shown.columns}
        if self._declared.key:
            named = {**said.facts, **dict(zip(self._known, facts, strict=True)), "channel": shown.channel}
            named |= {"row": named["well"][:-2], "col": named["well"][-2:]} if named.get("well") else {}
            key = fill(self._declared.key, named)
            shown = shown if "{channel}" not in self._declared.key else shown._replace(suffix="")
        return image._replace(
            key=key + shown.suffix,
            channels=shown.channels,
            group=said.group or group or key,
            region=region,
            **more,
        )


def _by_file(rows: Iterator[Row], folder: Folder, lists: Lists, rule: str) -> Iterator[Row]:
    """Yield one row per file, made of all its boxes.

    It has the values on which all agree, or all values joined.
    """
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row.files.values()), []).append(row)
    for several in found.values():
        values = [
            list(dict.fromkeys(filter(None, column))) for column in zip(*(row.facts for row in several), strict=True)
        ]
        if rule == "agree":
            if any(len(column) > 1 for name, column in zip(lists.facts, values, strict=True) if name in _OF_A_CLASS):
                folder.notes.add(
                    "files whose boxes do not agree, without a class", next(iter(several[0].files.values()))
                )
            facts = tuple([column[0] if len(column) == 1 else "" for column in values])
        else:
            facts = tuple([TOKEN_SEPARATOR.join(column) for column in values])
        yield several[0]._replace(facts=facts, region=None)


_OF_A_CLASS = frozenset(map(plain, ("category", "class", "label", *CATEGORIES)))
