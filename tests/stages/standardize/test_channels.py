from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import fsspec
import numpy as np
import pytest
import tifffile
from PIL import Image

from builder.stages.standardize import channels as channels_module
from builder.stages.standardize.channels import ChannelReader
from builder.stages.standardize.item import Item


def item(*files: str, region: tuple[int, int, int, int] | None = None) -> Item:
    return Item("s-1", "s", files, (0,) * len(files), region, 1, 7)


def image(path: Path, seed: int) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 4096, (20, 30)).astype(np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels)
    return pixels


pytestmark = pytest.mark.usefixtures("no_patience")


@pytest.fixture
def reader(tmp_path: Path) -> ChannelReader:
    return ChannelReader(str(tmp_path), {}, 10_000)


def test_channels_come_in_order_at_native_depth(tmp_path: Path, reader: ChannelReader) -> None:
    names = [f"a b/[w{n}]#%µ,.tif" for n in range(12)]
    pixels = {name: image(tmp_path / "s" / name, n) for n, name in enumerate(names)}
    items = [item(*names[start : start + 3]) for start in range(0, 12, 3)]
    with reader:
        found = list(reader.read_all(items))
    assert [entry[0] for entry in found] == items
    for wanted, channels, left_out, _ in found:
        assert left_out == []
        for name, channel in zip(wanted.files, channels, strict=True):
            assert channel.dtype == np.uint16
            np.testing.assert_array_equal(channel, pixels[name])


def test_a_broken_channel_is_left_out_and_named(tmp_path: Path, reader: ChannelReader) -> None:
    image(tmp_path / "s" / "good.tif", 1)
    (tmp_path / "s" / "empty.tif").write_bytes(b"")
    with reader:
        [(_, channels, left_out, unavailable)] = reader.read_all([item("good.tif", "empty.tif")])
    assert len(channels) == 1
    assert [text.partition(":")[0] for text in left_out] == ["empty.tif"]
    assert unavailable is None


def test_nothing_is_said_of_an_image_whose_file_cannot_be_had(tmp_path: Path, reader: ChannelReader) -> None:
    image(tmp_path / "s" / "good.tif", 1)
    (tmp_path / "s" / "folder.png").mkdir()
    (tmp_path / "s" / "dangling.png").symlink_to(tmp_path / "nowhere")
    odd = ("missing.tif", "folder.png", "dangling.png")
    with reader:
        found = list(reader.read_all([item("good.tif", name) for name in odd] + [item("good.tif")]))
    for name, read in zip(odd, found, strict=False):
        assert (read.channels, read.left_out) == ([], [])
        assert name in str(read.unavailable)
    assert len(found[-1].channels) == 1


def test_a_file_that_cannot_be_decoded_where_memory_is_short_says_nothing(
    tmp_path: Path, reader: ChannelReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    monkeypatch.setattr(channels_module, "headroom", lambda: 1000)
    with reader, pytest.raises(MemoryError):
        list(reader.read_all([item("broken.png")]))


def test_a_path_that_climbs_out_is_not_read(tmp_path: Path, reader: ChannelReader) -> None:
    image(tmp_path / "secret.tif", 1)
    with reader:
        found = list(reader.read_all([item("../secret.tif"), item(str(tmp_path / "secret.tif"))]))
    assert [channels for _, channels, *_ in found] == [[], []]
    assert "leaves" in found[0][2][0]


def test_regions_are_cut_with_upper_bounds_excluded_and_clipped(tmp_path: Path, reader: ChannelReader) -> None:
    pixels = image(tmp_path / "s" / "a.tif", 1)
    regions = [(2, 5, 1, 9), (-4, 3, 15, 99), (30, 40, 0, 5)]
    with reader:
        found = list(reader.read_all([item("a.tif", region=region) for region in regions]))
    np.testing.assert_array_equal(found[0][1][0], pixels[1:9, 2:5])
    np.testing.assert_array_equal(found[1][1][0], pixels[15:20, 0:3])
    assert found[2][1] == []
    assert "outside" in found[2][2][0]


def test_a_file_is_decoded_once_for_all_its_boxes(
    tmp_path: Path, reader: ChannelReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    image(tmp_path / "s" / "a.tif", 1)
    reads = []

    def counted(data: bytes, plane: int, max_pixels: int, oriented: bool) -> tuple[np.ndarray, ...]:
        reads.append(plane)
        return (tifffile.imread(io.BytesIO(data)),)

    monkeypatch.setattr("builder.stages.standardize.channels.read_channels", counted)
    with reader:
        assert len(list(reader.read_all([item("a.tif", region=(n, n + 5, 0, 9)) for n in range(9)]))) == 9
    assert reads == [0]


def turned_jpeg(path: Path, orientation: int) -> np.ndarray:
    """Write a JPEG with an orientation; return its stored pixels.

    16 x 40 pixels are stored.
    """
    stored = np.repeat(np.random.default_rng(orientation).integers(0, 256, (2, 5), dtype=np.uint8), 8, 0).repeat(8, 1)
    exif = Image.Exif()
    exif[274] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stored).save(path, "JPEG", exif=exif, quality=95)
    return np.asarray(Image.open(path))


def test_boxes_count_pixels_of_the_image_as_it_is_seen(tmp_path: Path, reader: ChannelReader) -> None:
    stored = turned_jpeg(tmp_path / "s" / "a.jpg", 6)  # seen after a quarter turn to the right: 16 wide, 40 high
    seen = np.rot90(stored, -1)
    with reader:
        found = list(reader.read_all([item("a.jpg", region=(2, 16, 20, 40)), item("a.jpg")]))
    np.testing.assert_array_equal(found[0][1][0], seen[20:40, 2:16])
    np.testing.assert_array_equal(found[1][1][0], stored)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_size_that_a_table_states_is_that_of_the_file_as_it_is_seen(
    tmp_path: Path, reader: ChannelReader, orientation: int
) -> None:
    turned_jpeg(tmp_path / "s" / "a.jpg", orientation)
    image(tmp_path / "s" / "b.tif", 1)
    seen = (40, 16) if orientation == 1 else (16, 40)
    items = [item("a.jpg")._replace(size=size) for size in (seen, seen[::-1], (41, 16))]
    with reader:
        found = list(reader.read_all([*items, item("b.tif", "a.jpg")._replace(size=(30, 20))]))
    assert [len(channels) for _, channels, *_ in found] == [1, 0, 0, 0]
    width, height = seen
    for _, _, left_out, _ in found[1:]:
        assert f"mismatched: the file shows {width} x {height} pixels, its source's table says" in left_out[0]


def test_samples_side_by_side_are_channels(tmp_path: Path, reader: ChannelReader) -> None:
    stains = np.random.default_rng(1).integers(0, 256, (20, 30, 5), dtype=np.uint8)
    (tmp_path / "s").mkdir()
    for count in (2, 4, 5):
        tifffile.imwrite(
            tmp_path / "s" / f"{count}.tif", stains[..., :count], photometric="minisblack", planarconfig="contig"
        )
    with reader:
        found = list(reader.read_all([item(f"{count}.tif") for count in (2, 4, 5)]))
    for count, (_, channels, left_out, _) in zip((2, 4, 5), found, strict=True):
        assert left_out == []
        np.testing.assert_array_equal(channels, np.moveaxis(stains[..., :count], -1, 0))


def test_a_file_too_large_for_its_pixels_is_not_even_read(tmp_path: Path, reader: ChannelReader) -> None:
    (tmp_path / "s").mkdir()
    with (tmp_path / "s" / "huge.tif").open("wb") as file:
        file.truncate(50_000_000)
    with reader:
        [(_, channels, left_out, _)] = reader.read_all([item("huge.tif")])
    assert channels == []
    assert "too_large" in left_out[0]


def test_a_file_system_that_fails_is_not_the_images_fault(
    tmp_path: Path, reader: ChannelReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    image(tmp_path / "s" / "a.tif", 1)

    def stale(*_: object) -> bytes:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(os, "read", stale)
    with reader:
        [read] = reader.read_all([item("a.tif")])
    assert "Stale file handle" in str(read.unavailable)


def test_remote_files_are_read_and_missing_ones_are_faults() -> None:
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels)
    memory = fsspec.filesystem("memory")
    memory.pipe("/channels/s/a.tif", buffer.getvalue())
    with ChannelReader("memory://channels", {}, 10_000) as remote:
        there, missing = remote.read_all([item("a.tif"), item("a.tif", "b.tif")])
    np.testing.assert_array_equal(there.channels[0], pixels)
    assert "b.tif cannot be read (FileNotFoundError" in str(missing.unavailable)


def test_planes_of_a_file_and_channels_used_again_later_are_fetched_and_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = np.random.default_rng(0).integers(0, 4096, (3, 20, 30)).astype(np.uint16)
    (tmp_path / "s").mkdir()
    tifffile.imwrite(tmp_path / "s" / "stack.tif", stack, photometric="minisblack")
    flat = image(tmp_path / "s" / "flat.tif", 1)
    fetched: list[str] = []
    plain = os.open

    def opened(path: str, flags: int) -> int:
        fetched.append(Path(path).name)
        return plain(path, flags)

    monkeypatch.setattr(os, "open", opened)
    one = Item("s-1", "s", ("stack.tif", "flat.tif", "stack.tif"), (0, 0, 1), None, 1, 7)
    two = Item("s-2", "s", ("stack.tif", "flat.tif", "stack.tif"), (2, 0, 0), None, 1, 7)
    with ChannelReader(str(tmp_path), {}, 10_000) as reader:
        found = [channels for _, channels, *_ in reader.read_all([one, two])]
    for channels, wanted in zip(found, ([stack[0], flat, stack[1]], [stack[2], flat, stack[0]]), strict=True):
        for channel, pixels in zip(channels, wanted, strict=True):
            np.testing.assert_array_equal(channel, pixels)
    assert sorted(fetched) == ["flat.tif", "stack.tif"]


def test_more_channels_than_are_kept_are_read_again(tmp_path: Path, reader: ChannelReader) -> None:
    names = [f"{n}.tif" for n in range(12)]
    pixels = [image(tmp_path / "s" / name, n) for n, name in enumerate(names)]
    with reader:
        found = list(reader.read_all([item(*names), item(*names[::-1])]))
    for (_, channels, *_), wanted in zip(found, (pixels, pixels[::-1]), strict=True):
        for channel, one in zip(channels, wanted, strict=True):
            np.testing.assert_array_equal(channel, one)


def test_an_answer_that_was_cut_says_nothing_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system sees no error in such an answer.

    A server that states no length, or a proxy, may give one.
    """
    image(tmp_path / "whole.tif", 1)
    content = (tmp_path / "whole.tif").read_bytes()
    memory = fsspec.filesystem("memory")
    for name, written in (("cut", content), ("broken", content[: len(content) // 2])):
        memory.pipe_file(f"/{tmp_path.name}/s/{name}.tif", written)
    plain = type(memory).cat_file

    def cut(system: object, path: str, **how: object) -> bytes:
        found: bytes = plain(system, path, **how)
        return found[: len(found) // 2] if path.endswith("cut.tif") else found

    monkeypatch.setattr(type(memory), "cat_file", cut)
    with ChannelReader(f"memory://{tmp_path.name}", {}, 10_000) as reader:
        of_cut, of_broken = reader.read_all([item("cut.tif"), item("broken.tif")])
    assert f"{len(content) // 2} bytes came, not {len(content)}" in str(of_cut.unavailable)
    assert of_cut.left_out == []
    assert of_broken.unavailable is None, "it is broken in its place: a fact about the image"
    assert len(of_broken.left_out) == 1
