"""Which code a stage's results depend on, as a hash: changed code redoes the stage, changed comments do not."""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path

from builder.templates import template_folder

_ROOT = Path(__file__).resolve().parent.parent
_TEMPLATES = "dataset_card"
_PNG = ("../cytoimagenet_reader/png", "../cytoimagenet_reader/words.py")
_CODE = {
    "annotate": ("sources", "vocabulary", "stages/annotate/annotate_source.py", "schema.py"),
    "label": ("stages/label", "vocabulary", "draw.py", "schema.py"),
    "standardize": ("pixels", *_PNG, "stages/standardize", "draw.py", "schema.py"),
    "release": ("pixels", *_PNG, "release/convert.py", "schema.py"),
    "select": ("stages/select", "stages/standardize/part_rows.py", "draw.py", "schema.py"),
    # pixels: --size makes them anew
    "shard": ("pixels", *_PNG, "stages/shard/write_shard.py", "stages/shard/part_images.py", "schema.py"),
    "finish": ("package", "schema.py", _TEMPLATES),
}


@functools.cache
def code_version(stage: str) -> str:
    """Return the sha256 (hex) of the code of a stage: syntax trees without docstrings, and data files as they are."""
    digest = hashlib.sha256()
    for pattern in _CODE[stage]:
        path = template_folder() if pattern == _TEMPLATES else _ROOT / pattern
        files = sorted(path.rglob("*") if path.is_dir() else _ROOT.glob(pattern))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(file.name.encode() + b"\0" + _meaning(file) + b"\0")
    return digest.hexdigest()


def _meaning(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix != ".py":
        return content
    tree = ast.parse(content)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value.value = ""
    return ast.dump(tree).encode()
