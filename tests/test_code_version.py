"""What counts as a stage's code.

Every module that imports reach does, and nothing that cannot change a result.
"""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import builder.pixels
from builder.code_version import PIXEL_LIBRARIES, PROJECT, code_version, hash_modules, library_versions, reachable
from builder.draw import key64
from builder.engine.statement import statement

FILES = {
    "pkg/__init__.py": "from pkg.aside import unused\n",
    "pkg/entry.py": "from pkg.sub import direct\nfrom pkg import neutral\n\ndef result():\n    import pkg.late\n",
    "pkg/aside.py": "unused = 1\n",
    "pkg/neutral.py": "import pkg.behind_neutral\n",
    "pkg/behind_neutral.py": "",
    "pkg/late.py": "from __future__ import annotations\nfrom . import relative\n",
    "pkg/relative.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pkg.types_only\n",
    "pkg/types_only.py": "",
    "pkg/sub/__init__.py": "",
    "pkg/sub/direct.py": '"""Doc."""\nimport json\nfrom ..deep.module import name\n\nVALUE = 3\n',
    "pkg/sub/table.csv": "a,b\n",
    "pkg/deep/__init__.py": "from pkg.deep.module import name\n",
    "pkg/deep/module.py": "def name():\n    '''Doc.'''\n    return None\n",
}
REACHED = ["pkg", "pkg.deep", "pkg.deep.module", "pkg.entry", "pkg.late", "pkg.relative", "pkg.sub", "pkg.sub.direct"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    return tmp_path / "pkg"


def found_in(project: Path) -> dict[str, Path]:
    return reachable(["pkg.entry"], {"pkg": project}, ["pkg.neutral"])


def version(project: Path) -> str:
    copy = project.parent / f"copy-{len(list(project.parent.iterdir()))}"  # the trees of files are kept by path
    for file in project.rglob("*"):
        if file.is_file():
            target = copy / file.relative_to(project)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return hash_modules(reachable(["pkg.entry"], {"pkg": copy}, ["pkg.neutral"]))


def append(text: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        file.write_text(file.read_text() + text)

    return change


def test_imports_are_followed_wherever_they_stand(project: Path) -> None:
    assert list(found_in(project)) == REACHED


@pytest.mark.parametrize("module", REACHED)
def test_code_of_every_module_reached_counts(project: Path, module: str) -> None:
    before = version(project)
    append("\nADDED = 1\n")(project.parent / found_in(project)[module].relative_to(project.parent))
    assert version(project) != before


@pytest.mark.parametrize("name", ["aside.py", "neutral.py", "behind_neutral.py", "types_only.py"])
def test_code_that_is_not_reached_does_not_count(project: Path, name: str) -> None:
    before = version(project)
    append("\nADDED = 1\n")(project / name)
    assert version(project) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("sub/direct.py", '"""Doc."""', '"""Other words."""'),
        ("deep/module.py", "'''Doc.'''", "'''Other words.'''"),
        ("sub/direct.py", "VALUE = 3", "VALUE   =  3  # a comment"),
        ("__init__.py", "from", '__version__ = "2"\nfrom'),
    ],
)
def test_words_do_not_count(project: Path, name: str, old: str, new: str) -> None:
    before = version(project)
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))
    assert version(project) == before


def test_a_module_added_or_renamed_needs_no_list(project: Path) -> None:
    before = version(project)
    (project / "added.py").write_text("ADDED = 1\n")
    assert version(project) == before, "nothing imports it yet"
    append("from pkg import added\n")(project / "sub" / "direct.py")
    with_added = version(project)
    assert with_added != before
    append("ADDED = 2\n")(project / "added.py")
    assert version(project) != with_added


def test_data_beside_a_package_counts(project: Path) -> None:
    before = version(project)
    (project / "sub" / "table.csv").write_text("a,c\n")
    assert version(project) != before


def test_the_hash_is_the_same_on_every_python(project: Path) -> None:
    """Syntax trees of Python 3.10 to 3.13 differ only slightly.

    Namely in empty fields.
    """
    (project / "sub" / "direct.py").write_text(SYNTAX)
    assert version(project) == "f27875a860a165084b397ec6cb5fcbbc1a23bdc2d8ac87e5200cec7cea3e6ea1"


SYNTAX = """
import dataclasses
from collections.abc import Iterator

@dataclasses.dataclass(frozen=True)
class Point:
    x: int = 0
    y: "float | None" = None

    def __iter__(self, *more, deep=None, **names) -> Iterator[object]:
        yield from (self.x, f"{self.y!r:>{10}} and {1e-300:.2f}", b"\\0", ..., -0.0, 2j)
        match self.x:
            case [1, *rest] if rest:
                return lambda: None
            case {"a": Point(x=0)} | None:
                pass
        try:
            assert (found := [n for n in more if n][::-1])
        except (ValueError, TypeError) as error:
            raise SystemExit from error
"""


def test_libraries_and_files_count(tmp_path: Path) -> None:
    data = tmp_path / "template"
    data.write_text("a")
    versions = {code_version(key64), code_version(key64, libraries=["numpy"])}
    versions |= {code_version(key64, files=[data])}
    data.write_text("b")
    versions |= {code_version(key64, files=[data])}
    assert len(versions) == 4


def test_an_entry_that_does_not_count_is_refused() -> None:
    with pytest.raises(ValueError, match="no modules of builder"):
        code_version("builder.no_such_module")
    with pytest.raises(ValueError, match="no modules of builder"):
        code_version(code_version)


def test_libraries_that_are_not_installed_are_left_out() -> None:
    assert list(library_versions(["numpy", "no-such-library"])) == ["numpy"]


def test_the_version_of_each_library_that_decodes_pixels_counts() -> None:
    """A decoder left out could change pixels unnoticed.

    The old pixels would stay.
    """
    same_bytes = {"numba", "zlib_ng"}  # tests hold that both give the bytes of numpy and zlib
    folder = Path(builder.pixels.__file__).parent
    imported = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
    others = imported - set(sys.stdlib_module_names) - {*PROJECT} - same_bytes
    distributions = importlib.metadata.packages_distributions()
    known = {name.lower() for name in PIXEL_LIBRARIES}
    left_out = {name for name in others if not known & {d.lower() for d in distributions.get(name, [name])}}
    assert {"imagecodecs", "nd2", "numpy", "zarr"} <= others
    assert left_out == set()


def test_a_worker_states_the_same_libraries() -> None:
    assert {*PIXEL_LIBRARIES} <= statement().keys()
