"""A figure of where an example comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from builder.engine.store import Store
from builder.errors import RejectedError, UserError
from builder.inspect.explain import Facts
from builder.inspect.source_images import SourceImages
from builder.package.examples_at import examples_at
from builder.package.manifest import read_manifest
from builder.pixels.normalize import Merged
from builder.plotting import INK, SOFT, encode, new_figure, settings
from builder.recipe import Recipe
from cytoimagenet_reader.decode import decode

if TYPE_CHECKING:
    from matplotlib.axes import Axes

U8 = npt.NDArray[np.uint8]

_COLUMNS: Final = 4
_WIDTH: Final = 1120  # pixels, like all below
_TITLE: Final = 62
_LINE: Final = 14  # of the text below each image
_LONGEST: Final = 34  # characters of such a line: those of a name in capitals are as wide as an image
_MARGIN: Final = 18
_FRAMES: Final = ("#e0a100", "#2f9fd0", "#d65fa5", "#3f9d5a")
_SMALL: Final = 8.2  # points
_SHOWN: Final = 420  # pixels of an image's longer side that are drawn
_SPACE: Final = 12


class Panel(NamedTuple):
    """One image of the figure.

    Parameters
    ----------
    pixels : (H, W)
    limits : what is black and white
    title, text : above and below it
    frames : windows drawn on it: x_min, x_max, y_min, y_max
    colour : of its border, or None
    """

    pixels: npt.NDArray[Any]
    limits: tuple[float, float]
    title: str
    text: str = ""
    frames: Sequence[tuple[int, int, int, int]] = ()
    colour: str | None = None


def trace_figure(package: Store, found: Facts, data: str, file_format: str = "png") -> bytes:
    """Draw an image's channels, merged image, windows and examples.

    Of each channel the two percentiles that the method takes for black and white are given, in the file's own numbers.

    Parameters
    ----------
    found : what `facts_of` says of the image
    data : folder or URL that holds one folder per source

    Raises
    ------
    UserError
        Where its files cannot be read.
    """
    manifest = read_manifest(package)
    recipe = Recipe.of(manifest["recipe"])
    idx, dir_name = found["idx"], found["dir_name"]
    images = list(SourceImages(data, recipe).channels(dir_name, {idx}))
    if not images:
        raise UserError(f"the files of {idx} cannot be read in {data}/{dir_name}: nothing to show")
    [(_, channels)] = images
    percents = recipe.low_percentile, recipe.high_percentile
    panels = [_channel(number, pixels, found, percents) for number, pixels in enumerate(channels)]
    windows = [_window(example) for example in found["examples"]]
    panels.append(_merged(channels, percents, [window for window in windows if window]))
    places = [(example["shard"], example["position"]) for example in found["examples"]]
    framed = 0
    for example, window, png in zip(
        found["examples"], windows, examples_at(package, manifest["files"], places), strict=True
    ):
        colour = _FRAMES[framed % len(_FRAMES)] if window else None
        framed += window is not None
        panels.append(_example(example, window, decode(png), colour))
    label = f"{found['label']} ({found['category']})" if found["label"] else "no label"
    return _drawn(
        panels,
        f"{idx}: {label}",
        f"{found['key']}, group {found['group']}; {found['outcome']}: {found['why']}",
        file_format,
    )


def _channel(number: int, pixels: npt.NDArray[Any], found: Facts, percents: tuple[float, float]) -> Panel:
    plane = pixels if pixels.ndim == 2 else pixels[..., :3].mean(axis=2)
    finite = plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane
    low, high = (float(value) for value in np.percentile(finite, percents)) if finite.size else (0.0, 0.0)
    files, planes = found["files"], found["planes"]
    name = files[number] if number < len(files) else files[-1]
    place = f", plane {planes[number]}" if number < len(planes) and planes[number] else ""
    text = f"{_cut(name + place)}\n{pixels.dtype}, black {low:g}, white {high:g}"
    return Panel(plane, (low, high), f"channel {number + 1}", text)


def _merged(
    channels: Sequence[npt.NDArray[Any]], percents: tuple[float, float], windows: Sequence[tuple[int, int, int, int]]
) -> Panel:
    try:
        whole: U8 = Merged(channels, *percents).quantized()
    except RejectedError as refused:
        return Panel(np.zeros((1, 1), np.uint8), (0, 255), "merged", textwrap.fill(str(refused), _LONGEST))
    text = f"{whole.shape[1]} × {whole.shape[0]} pixels, the mean of {len(channels)}"
    return Panel(whole, (0, 255), "merged", text, windows)


def _example(example: Facts, window: tuple[int, int, int, int] | None, pixels: U8, colour: str | None) -> Panel:
    where = "the whole image" if window is None else "x {} to {}, y {} to {}".format(*window)
    text = f"{_cut(example['filename'])}\n{where}, {pixels.shape[1]} × {pixels.shape[0]} pixels"
    return Panel(pixels, (0, 255), f"example, {example['split']}", text, (), colour)


def _window(example: Facts) -> tuple[int, int, int, int] | None:
    if not example["crop"]:
        return None
    return example["x_min"], example["x_max"], example["y_min"], example["y_max"]


def _drawn(panels: Sequence[Panel], title: str, text: str, file_format: str) -> bytes:
    rows = -(-len(panels) // _COLUMNS)
    side = (_WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _SPACE) / _COLUMNS
    texts = [panel.text.split("\n") for panel in panels]
    cell = side + 24 + _LINE * (max(map(len, texts)) + 2)
    height = 2 * _MARGIN + _TITLE + rows * cell
    with settings():
        figure = new_figure(_WIDTH, height)
        figure.text(_MARGIN / _WIDTH, 1 - (_MARGIN + 16) / height, title, fontsize=14, color=INK)
        figure.text(_MARGIN / _WIDTH, 1 - (_MARGIN + 38) / height, _end(text, 150), color=SOFT)
        for number, panel in enumerate(panels):
            row, column = divmod(number, _COLUMNS)
            left = _MARGIN + column * (side + _SPACE)
            top = _MARGIN + _TITLE + row * cell + 24
            axes = figure.add_axes((left / _WIDTH, 1 - (top + side) / height, side / _WIDTH, side / height))
            _draw(axes, panel)
            figure.text(left / _WIDTH, 1 - (top - 7) / height, panel.title, color=panel.colour or INK, fontsize=10.5)
            for place, line in enumerate(texts[number]):
                below = top + side + 15 + _LINE * place
                figure.text(left / _WIDTH, 1 - below / height, line, color=SOFT, fontsize=_SMALL)
        return encode(figure, file_format)


def _draw(axes: Axes, panel: Panel) -> None:
    from matplotlib.patches import Rectangle

    height, width = panel.pixels.shape
    step = max(1, -(-max(height, width) // (2 * _SHOWN)))
    low, high = panel.limits
    axes.imshow(
        panel.pixels[::step, ::step].astype(np.float64),
        cmap="gray",
        vmin=low,
        vmax=high if high > low else low + 1,
        extent=(0, width, height, 0),
        interpolation="antialiased",
    )
    for number, (x_min, x_max, y_min, y_max) in enumerate(panel.frames):
        colour = _FRAMES[number % len(_FRAMES)]
        axes.add_patch(
            Rectangle((x_min, y_min), x_max - x_min, y_max - y_min, fill=False, edgecolor=colour, linewidth=1.6)
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_anchor("NW")
    for spine in axes.spines.values():
        spine.set_color(panel.colour or SOFT)
        spine.set_linewidth(1.6 if panel.colour else 0.5)


def _cut(name: str) -> str:
    """Break a name into lines no wider than an image.

    Names of files have no spaces where they could be broken.
    """
    return "\n".join(name[start : start + _LONGEST] for start in range(0, len(name), _LONGEST))


def _end(text: str, most: int) -> str:
    """Return a text's last characters: of a path the name."""
    return text if len(text) <= most else f"…{text[1 - most :]}"
