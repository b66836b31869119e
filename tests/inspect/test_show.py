"""``show`` and ``trace --show``: figures of what they are given."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.textpath import TextPath
from PIL import Image

from builder.cli import main
from builder.draw import Draw
from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect.show_class import class_sheet
from builder.inspect.show_trace import trace_figure
from builder.inspect.source_images import SourceImages
from builder.pixels.candidates import candidates
from builder.recipe import Recipe
from builder.sources import source_at
from builder.sources.common.folder import Folder
from builder.stages.annotate.annotate_source import image_number
from tests.package.made import make_package

pytestmark = pytest.mark.slow

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show") / "cytoimagenet"
    make_package(folder, classes={"organism": ("human", "yes"), "compound": ("dmso",)}, per_class=20)
    return folder


def test_a_contact_sheet_has_the_examples_of_its_class(package: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["show", str(package), "human", "-o", str(tmp_path / "human.png")])
    assert (run.exit_code, run.output.strip()) == (0, str(tmp_path / "human.png"))
    image = Image.open(tmp_path / "human.png").convert("L")
    again = class_sheet(str(package), "human")
    assert again == (tmp_path / "human.png").read_bytes(), "the same bytes"
    few = Image.open(io.BytesIO(class_sheet(str(package), "human", most=4)))
    assert few.height < image.height
    dark = np.asarray(image) < 128  # noise is dark by half, the ground is light
    assert dark.mean() > 0.1


@pytest.mark.parametrize(
    ("label", "category", "said"),
    [
        ("humon", None, "no class 'humon'; is it human"),
        ("human", "gene", "no class 'human'"),
        ("zzz", None, "no class 'zzz'$"),
    ],
)
def test_a_class_that_is_not_there_is_one_line(package: Path, label: str, category: str | None, said: str) -> None:
    with pytest.raises(UserError, match=said):
        class_sheet(str(package), label, category)


def found_image(simulated: Path) -> tuple[str, str]:
    """Return idx and key of a simulated source's first image."""
    root = str(simulated / "bbbc022")
    image = next(iter(source_at(root, "bbbc022", {}).images(Folder.listed(root, {}))))
    return f"bbbc022-{image_number(image.key)}", image.key


def test_a_figure_names_files_limits_and_windows(package: Path, simulated: Path) -> None:
    idx, key = found_image(simulated)
    data = SourceImages(str(simulated), Recipe())
    [(_, channels)] = data.channels("bbbc022", {idx})
    crop = next(one for one in candidates(channels, 4, Draw(0, idx, "crops"), Recipe()) if one.crop)
    row = {
        "shard": "data/organism/train-00000-of-00002",
        "position": 1,
        "split": "train",
        "filename": "human-1.png",
        "crop": True,
        **{name: getattr(crop, name) for name in ("x_min", "x_max", "y_min", "y_max")},
    }
    record = data.records("bbbc022", {idx})[idx]
    facts = {
        "idx": idx,
        "key": key,
        "dir_name": "bbbc022",
        "group": "bbbc022:A01",
        "files": [channel.path for channel in record.channels],
        "planes": [channel.plane for channel in record.channels],
        "label": "human",
        "category": "organism",
        "outcome": "in the package",
        "why": "1 example",
        "examples": [row],
    }
    svg = ElementTree.fromstring(trace_figure(Store(str(package)), facts, str(simulated), "svg"))
    texts = [text.text or "" for text in svg.iter(f"{SVG}text")]
    assert f"{idx}: human (organism)" in texts
    for channel, pixels in zip(record.channels, channels, strict=True):
        low, high = np.percentile(pixels, (0.1, 99.9))
        assert channel.path in "".join(texts), "whole, on several lines"
        assert f"{pixels.dtype}, black {low:g}, white {high:g}" in texts
    assert max(map(width_of, small_texts(svg))) <= 262, "no text runs into that of the next image"
    assert f"x {crop.x_min} to {crop.x_max}, y {crop.y_min} to {crop.y_max}, " in " ".join(texts)
    assert len(list(svg.iter(f"{SVG}image"))) == len(channels) + 2, "channels, the merged image, the example"
    png = trace_figure(Store(str(package)), facts, str(simulated))
    assert Image.open(io.BytesIO(png)).width == 2240
    with pytest.raises(UserError, match="cannot be read"):
        trace_figure(Store(str(package)), facts | {"idx": "bbbc022-1"}, str(simulated))


def small_texts(svg: ElementTree.Element) -> list[str]:
    """Return the texts below the images, by their size."""
    return [text.text or "" for text in svg.iter(f"{SVG}text") if "8.2px" in text.attrib["style"]]


def width_of(text: str) -> float:
    """Return a text's width in pixels, in matplotlib's own font."""
    return float(TextPath((0, 0), text, size=8.2).get_extents().width) * 96 / 72


def test_show_without_the_sources_or_of_another_format_is_one_line(package: Path, tmp_path: Path) -> None:
    for arguments, said in ((["--show", "a.png"], "--data"), (["--data", str(tmp_path), "--show", "a.tiff"], ".svg")):
        run = CliRunner().invoke(main, ["trace", str(package), "bbbc900-1", *arguments])
        assert run.exit_code == 1
        assert said in run.output
