"""Images of a block of fields, by columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Any, Final

from builder.sources.base import Image
from builder.sources.common.folder import Folder
from builder.sources.declared.annotate import ANNOTATION_FIELDS, Annotations, Annotator
from builder.sources.declared.blocks import Block
from builder.sources.declared.declaration import Declaration
from builder.sources.declared.facts import fill
from builder.sources.declared.planned import Shown
from builder.sources.declared.stains import Part, Stains

_new: Final = tuple.__new__  # half the time of a NamedTuple's own constructor
_PLACES: Final = {name: place for place, name in enumerate(ANNOTATION_FIELDS)}
_VISIBLE, _MICROSCOPY, _REGION = (_PLACES[name] for name in ("cell_visible", "microscopy", "region"))


def keys_of_facts(known: Sequence[str], block: Block) -> list[str]:
    """Return the key of each field, made of its facts.

    These have their names but for plate and well."""
    named = ["" if name in ("plate", "well") else name for name in known]
    rows = list(zip(*block.facts, strict=True)) or [()] * block.size
    whole = "/".join(f"{name}%s" for name in named).__mod__  # names of facts have no %

    def without_gaps(facts: tuple[str, ...]) -> str:
        return "/".join([name + fact for name, fact in zip(named, facts, strict=True) if fact])

    return [without_gaps(facts) if "" in facts else whole(facts) for facts in rows]


class Maker:
    """Makes images of what is said and shown of fields.

    Parameters
    ----------
    known : plain names of the fields' facts
    """

    def __init__(
        self, folder: Folder, declared: Declaration, known: Sequence[str], annotator: Annotator, stains: Stains
    ) -> None:
        self._folder, self._declared, self._known = folder, declared, known
        self._annotator, self._stains = annotator, stains
        self._plate = known.index("plate") if "plate" in known else None

    def images(self, block: Block, keys: Sequence[str], groups: Sequence[str] | None = None) -> Iterable[Image]:
        """Return the images of a block's fields, in their order.

        ``keys`` and ``groups`` are used where the declaration makes none of the facts; a group is the key where both
        say none.
        """
        said = self._annotator.annotate(block)
        if any(of.left_out for of in said):
            kept = [place for place, of in enumerate(said) if not of.left_out]
            for place, of in enumerate(said):
                if of.left_out:
                    self._folder.notes.add_all(of.left_out, block.files(place).values())
            block, keys, said = block.taken(kept), [keys[n] for n in kept], [said[n] for n in kept]
            groups = None if groups is None else [groups[n] for n in kept]
        if not block.size:
            return ()
        plates = None if self._plate is None else block.facts[self._plate]
        return chain.from_iterable(
            self._of_part(block, part, keys, groups, said) for part in self._stains.shown(block, plates)
        )

    def _of_part(
        self, block: Block, part: Part, keys: Sequence[str], groups: Sequence[str] | None, said: Sequence[Annotations]
    ) -> Iterable[Image]:
        start, stop, shown_all = part
        some = said[start:stop]
        if any(of.notes for of in some):
            for place, of in enumerate(some):
                for note in of.notes:
                    for _, channels in shown_all:
                        self._folder.notes.add(note, channels[place][0].path)
        found = []
        for shown, channels in shown_all:
            made = self._keys(block, part, shown, some) if self._declared.key else keys[start:stop]
            own = [of.group or key for of, key in zip(some, groups[start:stop] if groups else made, strict=True)]
            suffix = "" if self._declared.key and "{channel}" in self._declared.key else shown.suffix
            made = [key + suffix for key in made] if suffix else made
            columns = self._columns(some, shown)
            if block.regions is not None:
                columns[_REGION] = block.regions[start:stop]
            rows = zip(made, channels, own, *columns, strict=True)
            found.append(map(_new, repeat(Image), rows))
        return found[0] if len(found) == 1 else chain.from_iterable(zip(*found, strict=True))

    def _columns(self, said: Sequence[Annotations], shown: Shown) -> list[Iterable[Any]]:
        """Return the columns ``ANNOTATION_FIELDS`` of images that show alike."""
        columns: list[Iterable[Any]] = list(zip(*[of.columns for of in said], strict=True))
        if shown.microscopy is not None:
            columns[_MICROSCOPY], columns[_VISIBLE] = [shown.microscopy] * len(said), [shown.cell_visible] * len(said)
        elif shown.cell_visible is not None and not self._declared.cell_visible:
            columns[_VISIBLE] = [shown.cell_visible if value is None else value for value in columns[_VISIBLE]]
        for name, value in shown.columns.items():
            place = _PLACES[name]
            columns[place] = [value if own is None else own for own in columns[place]]
            if name == "pixel_size_um" and self._declared.pixel_size_um is not None:
                columns[place] = [None] * len(said)
        return columns

    def _keys(self, block: Block, part: Part, shown: Shown, said: Sequence[Annotations]) -> list[str]:
        """Return the declared key of each field."""
        keys = []
        for place, of in enumerate(said, part.start):
            facts = {name: column[place] for name, column in zip(self._known, block.facts, strict=True)}
            named = {**of.facts, **facts, "channel": shown.channel}
            named |= {"row": named["well"][:-2], "col": named["well"][-2:]} if named.get("well") else {}
            keys.append(fill(self._declared.key, named))
        return keys
