"""Files stay mapped as long as they are the same."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from cytoimagenet_reader.maps import Maps


@pytest.mark.skipif(sys.platform == "win32", reason="a mapped file cannot be replaced there")
def test_a_file_is_mapped_once_until_it_is_another(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"first")
    maps = Maps()
    first = maps.content(str(path))
    assert maps.content(str(path)) is first
    other.write_bytes(b"later")
    other.replace(path)
    later = maps.content(str(path))
    assert later.to_pybytes() == b"later"
    assert first.to_pybytes() == b"first"  # whoever holds it keeps what it was
    assert pickle.loads(pickle.dumps(maps)).content(str(path)).to_pybytes() == b"later"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        maps.content(str(path))
