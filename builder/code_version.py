"""Which code and libraries a result depends on, as hashes.

A result depends on every module of the project that its function can reach by imports, found by reading the source
files, so that no list of files has to be kept. Changed code redoes a stage; changed comments and docstrings do not.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

PROJECT: Final = ("builder", "cytoimagenet_reader")
"""Top-level packages whose modules are followed."""

NEUTRAL: Final = ("builder.code_version", "builder.engine", "builder.recipe", "cytoimagenet_reader.retry")
"""What cannot change a result, only whether and when there is one: this module; the running of tasks, reading and
writing of files, progress and logs; the recipe, whose values count by ``Recipe.fingerprint``; retries. Neither followed
nor counted.
"""

PIXEL_LIBRARIES: Final = (
    "imagecodecs",
    "liffile",
    "nd2",
    "numcodecs",
    "numpy",
    "pillow",
    "pylibCZIrw",
    "slideio",
    "tifffile",
    "zarr",
)
"""Decode source images or compute with their pixels. numba is not among them: its loops give the same bytes as plain
numpy, which the tests check.
"""

LIBRARIES: Final = (*PIXEL_LIBRARIES, "jinja2", "matplotlib", "pyarrow")
"""Whose versions may change a byte of a package."""

_BLOCKS: Final = ("body", "orelse", "finalbody", "handlers", "cases")
"""The fields of a syntax tree that hold statements."""


def code_version(*entries: Callable[..., Any] | str, libraries: Iterable[str] = (), files: Iterable[Path] = ()) -> str:
    """Return the SHA-256 (hex) of all code reachable from entries.

    Parameters
    ----------
    entries : functions of modules of the project, or names of such modules
    libraries : distributions whose versions count
    files : data files that count, beside those that lie in the packages of the modules

    Raises
    ------
    ValueError
        For an entry that is no module of the project.
    """
    modules = {entry if isinstance(entry, str) else entry.__module__ for entry in entries}
    found = {"code": _code_version(*sorted(modules))}
    found |= library_versions(libraries)
    found |= {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()


def library_versions(names: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Return distribution -> version of those that are installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # optional, and not installed: nothing depends on it
    return versions


@functools.cache
def _code_version(*entries: str) -> str:
    modules = reachable(entries, _roots())
    if missing := set(entries) - modules.keys():
        raise ValueError(f"no modules of {', '.join(PROJECT)}: {', '.join(sorted(missing))}")
    return hash_modules(modules)


@functools.cache
def _roots() -> dict[str, Path]:
    found = {name: importlib.util.find_spec(name) for name in PROJECT}
    return {name: Path(spec.origin).parent for name, spec in found.items() if spec and spec.origin}


def reachable(entries: Iterable[str], roots: Mapping[str, Path], neutral: Iterable[str] = NEUTRAL) -> dict[str, Path]:
    """Return the modules that the entries import, directly or indirectly.

    The result maps module names to files, sorted by name. Packages around a module are counted, because importing it
    runs them, but their own imports are not followed: the module does not use them. An import inside a function counts
    like any other, one for type checkers only does not.

    Parameters
    ----------
    entries : module names
    roots : top-level package -> its folder; imports of anything else are not followed
    neutral : modules and packages that are left out
    """
    left_out = tuple(neutral)
    found: dict[str, Path] = {}
    followed: set[str] = set()
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        if module in followed or any(module == name or module.startswith(f"{name}.") for name in left_out):
            continue
        followed.add(module)
        path = _file_of(module, roots)
        if path is None:
            continue  # not of the project, or a name within a module
        found[module] = path
        for parent in _parents(module):
            found[parent] = roots[module.partition(".")[0]].joinpath(*parent.split(".")[1:], "__init__.py")
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        waiting += _imported(path, package, lambda name: _file_of(name, roots) is not None)
    return {name: found[name] for name in sorted(found) if found[name].is_file()}


def hash_modules(modules: Mapping[str, Path]) -> str:
    """Return the SHA-256 (hex) of modules and package data files."""
    digest = hashlib.sha256()
    for name, path in modules.items():
        digest.update(f"{name}\0{_meaning(path)}\0".encode())
        if path.name == "__init__.py":
            for data in data_files(path.parent):
                digest.update(f"{name}/{data.name}\0".encode() + hashlib.sha256(data.read_bytes()).digest())
    return digest.hexdigest()


def data_files(folder: Path) -> list[Path]:
    """Return the sorted non-code files of a package's folder."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc", ".typed"))


def _file_of(module: str, roots: Mapping[str, Path]) -> Path | None:
    top, *rest = module.split(".")
    if top not in roots:
        return None
    base = roots[top].joinpath(*rest)
    candidates = (base / "__init__.py", base.parent / f"{base.name}.py") if rest else (base / "__init__.py",)
    return next((path for path in candidates if path.is_file()), None)


def _parents(module: str) -> Iterator[str]:
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def _imported(path: Path, package: str, is_module: Callable[[str], bool]) -> Iterator[str]:
    """Yield the modules that a module may import.

    ``from a import b`` counts as ``a.b`` where that is a module.
    """
    for base, name in _import_statements(path, package):
        module = f"{base}.{name}"
        yield module if name and is_module(module) else base


@functools.cache
def _import_statements(path: Path, package: str) -> list[tuple[str, str]]:
    """Return (module, imported name or "") for each import."""
    found = []
    for node in _run(_parsed(path)):
        if isinstance(node, ast.Import):
            found += [(name.name, "") for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found += [(base, name.name) for name in node.names]
    return found


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the statements that run: all but ``if TYPE_CHECKING``."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
            continue
        for block in _BLOCKS:
            waiting += getattr(node, block, ())


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


@functools.cache
def _meaning(path: Path) -> str:
    """Return a module's syntax tree without docstrings or release version."""
    tree = _parsed(path)
    statements = [node for node in tree.body if not _is_version(node)]
    return _text(ast.Module(statements, []))


def _is_version(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"


def _text(node: object) -> str:
    """Return a syntax tree as text, identical across Python versions.

    Empty fields, which differ between versions, are left out.
    """
    if isinstance(node, list):
        return f"[{','.join([_text(item) for item in node if not _is_docstring(item)])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.JoinedStr):  # Python 3.12 adds empty pieces to some f-strings
        node = ast.JoinedStr([piece for piece in node.values if getattr(piece, "value", None) != ""])
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value is not None and value != []:
            fields.append(f"{name}={_text(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _is_docstring(node: object) -> bool:
    """Return whether a statement is a text that nothing uses."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
