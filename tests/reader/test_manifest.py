"""Bad manifests and class lists are refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cytoimagenet_reader.manifest import ManifestError, parse_classes, parse_manifest, path_fault
from tests.package.made import make_package

SHARD = "data/compound/train-00000-of-00001.arrow"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    make_package(folder, shards=1, per_class=5)
    return folder


def test_what_the_builder_writes_is_read_with_every_key(package: Path) -> None:
    for name, parse in (("manifest.json", parse_manifest), ("classes.json", parse_classes)):
        content = (package / name).read_bytes()
        assert parse(content) == json.loads(content)


@pytest.mark.parametrize(
    "path", ["../a", "data/../../a", "/etc/a", "C:/a", "c:a", "a\\..\\b", "a//b", "./a", "a/.", "", "a\x1b[2Jb", "a\nb"]
)
def test_a_path_that_leads_out_or_acts_on_a_terminal_is_refused(package: Path, path: str) -> None:
    manifest = json.loads((package / "manifest.json").read_bytes())
    manifest["files"][path] = {"bytes": 1, "sha256": "0" * 64}
    assert path_fault(path)
    with pytest.raises(ManifestError) as caught:
        parse_manifest(json.dumps(manifest).encode())
    assert len(str(caught.value).splitlines()) == 1
    assert "\x1b" not in str(caught.value)


def _set(*keys: str | int, to: Any) -> Any:
    def change(value: Any) -> None:
        for key in keys[:-1]:
            value = value[key]
        value[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_set("files", to=[]), r"Expected `object`, got `array` - at `\$\.files`"),
        (_set("images", to=-1), r"Expected `int` >= 0 - at `\$\.images`"),
        (_set("images", to=True), r"Expected `int`, got `bool` - at `\$\.images`"),
        (_set("format", to="csv"), "Invalid enum value 'csv'"),
        (_set("sources", to=[{}]), r"missing required field .* - at `\$\.sources\[0\]`"),
        (_set("files", SHARD, "sha256", to="x"), "matching regex"),
        (_set("files", SHARD, "config", to="gene"), "is given to 'gene', 'train'"),
        (_set("files", SHARD, to={"bytes": 1, "sha256": "0" * 64}), "has no rows"),
        (
            _set("files", "data/compound/train-00001-of-00001.arrow", to={"bytes": 1, "sha256": "0" * 64}),
            "no data file",
        ),
        (lambda manifest: manifest.pop("package"), "missing required field `package`"),
        (lambda manifest: manifest["files"][SHARD]["batch_rows"].append(1), "do not add up to its rows"),
        (lambda manifest: manifest["files"][SHARD]["batch_rows"].append(0), "do not add up to its rows"),
        (lambda manifest: manifest["files"][SHARD]["batch_offsets"].pop(), "not as many batch_offsets"),
        (lambda manifest: manifest["files"][SHARD]["batch_offsets"].reverse(), "do not follow one another"),
        (_set("files", SHARD, "batch_offsets", 0, to=0), "do not follow one another"),
        (_set("files", SHARD, "batch_offsets", 0, to="0"), "Expected `int`, got `str`"),
        (_set("columns", 0, to={"name": "image"}), r"missing required field `type` - at `\$\.columns\[0\]`"),
        (_set("columns", 1, "name", to="image"), "two columns have one name"),
        (_set("files", SHARD, "footer_offset", to=99), "a footer_offset, which is of Parquet"),
    ],
)
def test_a_manifest_of_another_form_is_refused(package: Path, change: Any, says: str) -> None:
    manifest = json.loads((package / "manifest.json").read_bytes())
    change(manifest)
    with pytest.raises(ManifestError, match=says):
        parse_manifest(json.dumps(manifest).encode())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b'{"full": "\x9b"}', "is not JSON"),
        (b'{"a": "\\ud800"}', "is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"full": 1}', "Expected `object`, got `int`"),
        (b"{}", "has no config 'full'"),
        (b'{"full": {"names": ["a", "a"], "counts": {}}}', "names a class of 'full' twice"),
        (b'{"full": {"names": ["a"], "counts": {"train": {"b": 1}}}}', "that it does not name"),
        (b'{"full": {"names": [], "counts": {}}, "genes": {"names": [], "counts": {}}}', "unknown config 'genes'"),
    ],
)
def test_a_class_list_of_another_form_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        parse_classes(content)


def test_brackets_in_names_are_no_nesting() -> None:
    name = "[" * 500 + '\\"'
    content = json.dumps({"full": {"names": [name], "counts": {"train": {name: 1}}}}).encode()
    assert parse_classes(content)["full"]["names"] == [name]
