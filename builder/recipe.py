"""All numbers of the method, in one place.

Read from TOML and from ``key=value``; unknown keys are refused.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, get_type_hints

from builder.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_METHODS: Mapping[str, Mapping[str, Any]] = {
    "ours": {"single_objects_whole": True, "min_contrast": 0.08, "blank_redraws": 4, "dim_by_windows": True},
    "paper": {"single_objects_whole": False, "min_contrast": 0.0, "blank_redraws": 0, "dim_by_windows": False},
}
"""Departures from the paper that are choices; what was a defect of the paper's code does not come back."""


DESCRIBING = ("title", "description", "citation", "license", "tags", "published", "doi")
"""Keys that say what a package is called; nothing in its data depends on them."""
_DOI = re.compile(r"10\.\d{4,9}/[-._;()/:A-Za-z0-9]+")


def _of(stage: str, default: Any, doc: str) -> Any:
    """Declare a field: affected stage, default and meaning."""
    metadata = {"stage": stage, "doc": doc}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The numbers of the method (arXiv 2111.11646, sections 2-4).

    The defaults are the paper's or marked as ours.

    Raises
    ------
    UserError
        From the constructors below, for an unknown key or a value that cannot be used.
    """

    seed: int = _of("all", 0, "every draw comes from this number and a name")

    min_images: int = _of("label", 287, "rows a token needs to become a label")
    class_size: int = _of("label", 1000, "most images of a class")
    presample_size: int = _of("label", 10_000, "labels with more rows are first drawn down to this many")
    presample_strata: tuple[str, ...] = _of("label", ("name", "organism", "cell_type"), "strata of that first draw")
    strata: tuple[str, ...] = _of(
        "label",
        ("organism", "cell_type", "cell_visible", "sirna", "compound", "phenotype"),
        "strata of the draw down to class_size",
    )
    categories: tuple[str, ...] = _of(
        "label",
        ("compound", "sirna", "gene", "phenotype", "cell_visible", "cell_type", "organism"),
        "columns that give labels, in the order that settles ties",
    )
    drop_labels: tuple[str, ...] = _of("label", (), "tokens that must not become labels")
    rename_labels: dict[str, str] = _of("label", {}, "token -> label of its images")  # noqa: RUF009 -- a default_factory
    crop_steps: tuple[float, ...] = _of(
        "label", (1.0, 0.55, 0.4), "shares of class_size; a class below each of them gets one crop per image more"
    )

    low_percentile: float = _of("standardize", 0.1, "grey level that becomes black")
    high_percentile: float = _of("standardize", 99.9, "grey level that becomes white")
    method: str = _of("none", "ours", "ours, or paper: what the four keys below are where they are not set")
    single_objects_whole: bool = _of("standardize", None, "images of a single object are not cut into crops")
    min_contrast: float = _of(
        "standardize",
        None,
        "a window is blank if its range, or that of its inner part, is below this share of the image's, or below three "
        "times that and it is noise",
    )
    blank_redraws: int = _of("standardize", None, "how often a blank window is drawn again before it is refused")
    dim_by_windows: bool = _of("standardize", None, "an image is dim only where none of its windows passes")
    min_side: int = _of("standardize", 140, "pixels; images with a smaller side stay whole")
    min_crop_side: int = _of("standardize", 70, "pixels; scales that give a smaller crop are left out")
    scalings: tuple[float, ...] = _of("standardize", (0.5, 0.25, 0.125, 0.0625), "a crop's side over the image's")
    crop_mean_above: float = _of("standardize", 1.0, "0-255 scale; a crop with a mean of this or less is too dark")
    crop_mean_below: float = _of("standardize", 254.0, "0-255 scale; a crop with a mean of this or more is too bright")
    dim_percentile: float = _of("standardize", 75.0, "an image or crop whose grey level here is 0 is dim")
    max_pixels: int = _of("standardize", 150_000_000, "a channel with more pixels is rejected before it is decoded")
    part_images: int = _of("none", 200, "images a task standardises")

    min_class_size: int = _of("select", 500, "a class with fewer images after quality control is dropped")
    validation_share: float = _of("select", 0.1, "share of each class that is validation")
    max_validation_share: float = _of(
        "select", 0.0, "share of all examples that validation never exceeds; 0 is twice validation_share"
    )
    split_by: str = _of(
        "select", "group", "what is never on both sides: group (the specimen), or batch (the plate ...)"
    )
    near_duplicates: str = _of(
        "select",
        "keep",
        "groups of images that look alike: keep them apart, or merge_groups, so that they are on one side",
    )

    title: str = _of(
        "finish", "", "the package's title; CytoImageNet, or that of the only source of your own, if empty"
    )
    description: str = _of("finish", "", "a sentence or a few on what the package is: card, croissant, CITATION.cff")
    citation: str = _of(
        "finish", "", "how to cite the package, as Who (year): title, DOI; the paper's where it is empty"
    )
    license: str = _of(
        "finish", "", "licence of the package as a whole, an SPDX id; examples keep those of their sources"
    )
    published: str = _of("finish", "", "date of publication, YYYY-MM-DD: for croissant and CITATION.cff")
    doi: str = _of("finish", "", "DOI of the package, such as 10.57967/hf/1: for card, croissant and CITATION.cff")
    tags: tuple[str, ...] = _of("finish", (), "tags of the card beside those of every package")

    size: int = _of("shard", 0, "pixels of the longer side to which images are reduced; 0 keeps them as they are")
    shard_bytes: int = _of("select", 400_000_000, "bytes of images a shard should hold")
    batch_rows: int = _of("shard", 100, "most rows of a record batch (the hub's viewer refuses more)")
    batch_bytes: int = _of("shard", 100_000_000, "most bytes of a record batch (likewise)")

    def __post_init__(self) -> None:
        """Fill in values from ``method``; refuse impossible ones."""
        if self.method not in _METHODS:
            raise UserError(f"recipe: method must be {' or '.join(_METHODS)}, not {self.method!r}")
        for name, value in _METHODS[self.method].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if not 0 <= self.min_contrast < 1:
            raise UserError(f"recipe: min_contrast must lie in [0, 1), not {self.min_contrast}")
        if self.blank_redraws < 0:
            raise UserError(f"recipe: blank_redraws must not be negative, but is {self.blank_redraws}")
        positive = ("min_images", "class_size", "presample_size", "min_side", "min_crop_side", "max_pixels")
        for name in (*positive, "part_images", "min_class_size", "shard_bytes", "batch_rows", "batch_bytes"):
            if getattr(self, name) < 1:
                raise UserError(f"recipe: {name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.low_percentile < self.high_percentile <= 100:
            raise UserError("recipe: needs 0 <= low_percentile < high_percentile <= 100")
        if not 0 <= self.validation_share < 1:
            raise UserError(f"recipe: validation_share must lie in [0, 1), not {self.validation_share}")
        if self.max_validation_share and not self.validation_share <= self.max_validation_share <= 1:
            raise UserError(
                f"recipe: max_validation_share must be 0 (twice the share) or lie in [{self.validation_share}, 1], "
                f"not {self.max_validation_share}"
            )
        for name, choices in (("split_by", ("group", "batch")), ("near_duplicates", ("keep", "merge_groups"))):
            if getattr(self, name) not in choices:
                raise UserError(f"recipe: {name} is one of {', '.join(choices)}, not {getattr(self, name)!r}")
        if not all(0 < step <= 1 for step in self.crop_steps):
            raise UserError(
                f"recipe: crop_steps are shares of class_size, in (0, 1], such as [1, 0.55, 0.4], "
                f"not {list(self.crop_steps)}"
            )
        if not self.scalings or not all(0 < s <= 0.5 for s in self.scalings):
            raise UserError("recipe: scalings must lie in (0, 0.5]: a crop fits in its quadrant")
        if self.size < 0:
            raise UserError(f"recipe: size must be 0 (as they are) or a number of pixels, not {self.size}")
        if self.published and not _is_date(self.published):
            raise UserError(f"recipe: published is a date such as 2026-05-31, not {self.published!r}")
        if self.doi and not _DOI.fullmatch(self.doi):
            raise UserError(f"recipe: doi is the DOI alone, such as 10.57967/hf/1, not {self.doi!r}")
        for name in ("categories", "strata", "presample_strata"):
            _known_columns(name, getattr(self, name), categories_only=name == "categories")

    def crops_wanted(self, class_images: int) -> int:
        """Return the number of crops wanted from each image.

        Its class has ``class_images`` images (method, section 4).
        """
        # As the decimal fractions that they are written as: 0.55 of 20 is 11, not a little more.
        return 1 + sum(class_images < Fraction(str(step)) * self.class_size for step in self.crop_steps)

    @property
    def validation_limit(self) -> float:
        """Share of all examples that validation never exceeds."""
        return self.max_validation_share or min(1.0, 2 * self.validation_share)

    def fingerprint(self, *stages: str) -> str:
        """Return the sha256 (hex) of the fields of these stages.

        Those are the fields that change what the stages make; without names, all.
        """
        wanted = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if not stages or field.metadata["stage"] in (*stages, "all")
        }
        return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values, in declaration order."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    @classmethod
    def load(cls, path: str | Path | None = None, settings: Iterable[str] = ()) -> Recipe:
        """Read a TOML file, then ``key=value`` settings."""
        return cls.of(cls.values(path, settings))

    @staticmethod
    def values(path: str | Path | None = None, settings: Iterable[str] = ()) -> dict[str, Any]:
        """Return what a TOML file and ``key=value`` settings say.

        Keys are flat; the values of settings are TOML too, or bare words.
        """
        values: dict[str, Any] = {}
        if path is not None:
            try:
                values = tomllib.loads(Path(path).read_text("utf-8"))
            except FileNotFoundError:
                raise UserError(f"no recipe file {path}") from None
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise UserError(f"recipe {path}: {error}") from None
            except RecursionError:
                raise UserError(f"recipe {path}: is nested too deeply; it is a flat list of keys") from None
        for setting in settings:
            key, equals, text = setting.partition("=")
            if not equals:
                raise UserError(f"--set wants key=value, not {setting!r}")
            values[key.strip()] = _toml_value(text.strip())
        return values

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Recipe:
        """Make a recipe from plain values.

        Unknown keys and wrong types are refused by name.
        """
        hints = get_type_hints(cls)
        for key in values:
            if key not in hints:
                near = difflib.get_close_matches(key, hints, n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(hints)}"
                raise UserError(f"recipe: unknown key {key!r}{hint}")
        return cls(**{key: _typed(key, value, hints[key]) for key, value in values.items()})


def _is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _known_columns(field: str, names: tuple[str, ...], categories_only: bool) -> None:
    from builder.schema import CATEGORIES

    known = CATEGORIES if categories_only else (*CATEGORIES, "name", "database", "dir_name", "microscopy")
    for name in names:
        if name not in known:
            raise UserError(f"recipe: {field} names {name!r}; it can hold {', '.join(known)}")
    if len(set(names)) != len(names):
        raise UserError(f"recipe: {field} names a column twice")


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _typed(key: str, value: Any, hint: Any) -> Any:
    """Convert a TOML value to the field's type.

    Otherwise say what was wanted.
    """
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (int, float, str, bool) and type(value) is hint:
        return value
    if hint == dict[str, str] and isinstance(value, dict) and all(isinstance(v, str) for v in value.values()):
        return value
    if getattr(hint, "__origin__", None) is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_typed(key, item, hint.__args__[0]) for item in items)
    wanted = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(
        hint, "a table of texts"
    )
    raise UserError(f"recipe: {key} wants {wanted}, not {value!r}")
