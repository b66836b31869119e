"""Detection of how images are described: names, folders, list."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from builder.errors import UserError
from builder.sources.common.folder import Folder
from builder.sources.common.wells import parse_well
from builder.sources.declared.declaration import Files
from builder.sources.declared.facts import Wells, plain
from builder.sources.declared.image_files import DEFAULT, image_files, not_read
from builder.sources.declared.layouts import layout_of, layouts
from builder.sources.declared.names import Names
from builder.sources.declared.non_images import NonImages
from builder.sources.proposed.name_parts import template_of
from builder.sources.proposed.tables import Found

_SAMPLE: Final = 600  # names that are looked at, from all over the folder
_MOST: Final = 0.9  # share of them that a layout has to fit
_PLACES: Final = {"well", "row", "col", "wellnumber"}


class Scheme(NamedTuple):
    """Content of ``[files]`` or ``[list]``, and its facts.

    ``values`` are those of each fact in a sample of the names, by its plain name.
    """

    key: str  # layout, pattern, class_folders or list
    value: str
    values: dict[str, set[str]]
    said: str  # how it was recognised, for people
    listing: Found | None = None


def image_paths(folder: Folder) -> list[str]:
    """Return the paths that may be images.

    Raises
    ------
    UserError
        Where there is none.
    """
    non_images = NonImages(Files(), None)
    found = [path for path in image_files(folder) if not non_images.why(path)]
    if not found:
        raise UserError(
            f"{folder.root} holds no image that can be read ({', '.join(DEFAULT)}); it holds {folder.contents()}"
            f"{not_read(folder)}"
        )
    return found


def scheme_of(images: Sequence[str], tables: Iterable[Found]) -> Scheme:
    """Return how the images are told apart and annotated.

    A list of images says most; then names as an instrument writes them, wells or channels in names, class folders.
    """
    listing = next((table for table in tables if table.kind in ("list", "coco")), None)
    if listing is not None:
        values = {plain(name): {*listing.column(name)} for name in listing.header if name}
        what = "COCO file" if listing.kind == "coco" else "table with a row per image"
        return Scheme("list", listing.file, values, f"{listing.file} is a {what}", listing)
    sample = images[:: len(images) // _SAMPLE + 1]
    best = max(layouts().items(), key=lambda item: _fitting(Names(item[1]), sample))
    if _fitting(Names(best[1]), sample) >= _MOST * len(sample):
        return Scheme("layout", best[0], _values(Files(layout=best[0]), sample), f"names as of {best[1].title}")
    template = template_of(sample)
    if template is not None and {"well", "row", "channel"} & {*template.names}:
        return Scheme(
            "pattern", template.pattern, _values(Files(pattern=template.pattern), sample), "guessed from names"
        )
    classes = sorted({path.split("/")[-2] for path in sample if "/" in path})
    if len(classes) > 1 and all("/" in path for path in sample) and not all(map(parse_well, classes)):
        some = ", ".join(classes[:4]) + (" …" if len(classes) > 4 else "")
        return Scheme("class_folders", "phenotype", {"class": {*classes}}, f"{len(classes)} folders of images: {some}")
    pattern = template.pattern if template is not None else "{name}.*"
    said = "guessed from names" if template is not None else "names that say nothing: join a table by {name}"
    return Scheme("pattern", pattern, _values(Files(pattern=pattern), sample), said)


def _fitting(names: Names, sample: Sequence[str]) -> int:
    """Return how many names fit, counting equal facts once."""
    return len({*names.read(sample)} - {None})


def _values(files: Files, sample: Sequence[str]) -> dict[str, set[str]]:
    """Return each fact's values in a sample of names."""
    layout = layout_of(files)
    names, wells = Names(layout), Wells(files, layout.first_row)
    groups = [plain(name) for name in names.groups]
    found: dict[str, set[str]] = {name: set() for name in groups if name not in {*map(plain, layout.ignore)}}
    placed = bool(_PLACES & {*groups})
    for values in itertools.filterfalse(lambda one: one is None, names.read(sample)):
        facts = dict(zip(groups, values or (), strict=True))
        if placed:
            found.setdefault("well", set()).add(wells.of(facts) or "")
        for name in found:
            if name != "well":
                found[name].add(facts.get(name) or "")
    return found
