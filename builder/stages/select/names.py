"""Names of class folders and files (method, section 6).

They are safe in paths, URLs and on every file system.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

_PAPER = ((" -- ", "-"), (" ", "_"), ("/", "-"), (",", "_"))  # in this order
_SPELLED = {"+": "plus", "%": "percent", "&": "and"}
# What is left are the unreserved characters of URLs (RFC 3986, section 2.3) but "~", which shells expand.
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_LONGEST = 120  # of 255 bytes that file systems allow: a file name repeats the folder's


def class_folders(labels: Iterable[str]) -> dict[str, str]:
    """Return a unique folder name for each label.

    Names differ even where case is ignored. Of labels that would share a folder the first in code point order gets it,
    the others get it with eight hexadecimal digits of their sha256.
    """
    folders: dict[str, str] = {}
    used: set[str] = set()
    for label in sorted(set(labels)):
        plain = folder = _folder(label)
        digest = hashlib.sha256(label.encode()).hexdigest()
        digits = 8
        while folder.lower() in used:
            folder = f"{plain}-{digest[:digits]}"
            digits += 1
        used.add(folder.lower())
        folders[label] = folder
    return folders


def _folder(label: str) -> str:
    name = label
    for found, instead in _PAPER:
        name = name.replace(found, instead)
    name = "".join(_plain(letter) for letter in unicodedata.normalize("NFKC", name))
    name = _UNSAFE.sub("_", name)[:_LONGEST]
    if name.startswith("."):
        name = "_" + name[1:]
    if name.endswith("."):
        name = name[:-1] + "_"
    if _RESERVED.fullmatch(name):
        name = "_" + name
    return name or "_"


def _plain(letter: str) -> str:
    """Return a plain-letter equivalent of a character, or itself."""
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    name = unicodedata.name(base, "") if len(base) == 1 else ""
    if name.startswith("GREEK") and " LETTER " in name:
        return name.rsplit(" ", 1)[-1].lower().replace("lamda", "lambda")  # Unicode spells it without b
    return _SPELLED.get(base, base)


def file_names(folder: str, count: int) -> Sequence[str]:
    """Return the file names of a class of ``count`` images.

    They are binary numbers from 0, as wide as ``count`` in binary.
    """
    width = count.bit_length()
    return [f"{folder}-{number:0{width}b}.png" for number in range(count)]
