"""Report of tokens that look alike but are not merged.

A curator should read it before a release.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from builder.vocabulary.compounds import connectivities

_MIN_LENGTH: Final = 5  # of tokens compared by edit distance: shorter ones are nearly all codes
_CODES: Final = frozenset(("gene", "sirna"))  # symbols and catalogue numbers that differ by design in one letter
_CODE_WORDS: Final = re.compile(r"\w*\d\w*|\b\w\b")


class LookAlike(NamedTuple):
    """Two similar tokens of one category, with the reason.

    The more frequent token comes first.
    """

    category: str
    token: str
    rows: int
    other: str
    other_rows: int
    why: str  # "identifier", "punctuation", "plural" or "spelling"


def lookalikes(tokens_by_category: Mapping[str, Mapping[str, int]]) -> list[LookAlike]:
    """Return pairs of tokens that look alike.

    They share an identifier, or differ only in punctuation, number or about one letter. Identifiers are those that
    ``compounds.csv`` knows: two names with the same connectivity of their structures, which were kept apart or not yet
    reviewed. Spelling means that one character left out of each, at most, makes them equal (edit distance 2 or less: an
    insertion, a substitution, a transposition). Words that hold a digit and single letters are codes (``il-17b``,
    ``activin-a``): names with different codes are never alike by spelling. Genes and siRNAs are compared by punctuation
    only. Time grows with the total length of the tokens, not with the number of pairs.

    Parameters
    ----------
    tokens_by_category : category -> token -> rows that hold it

    Returns
    -------
    pairs sorted by category, then by the rows of the rarer token (most first), then by name; each pair once, with the
    first reason of identifier, punctuation, plural, spelling
    """
    found: dict[tuple[str, str, str], LookAlike] = {}
    for category, rows in sorted(tokens_by_category.items()):
        for why, keys in _WAYS:
            if why != "punctuation" and category in _CODES:
                continue
            if why == "identifier" and category != "compound":
                continue
            for one, two in _pairs(rows, keys):
                token, other = sorted((one, two), key=lambda name: (-rows[name], name))
                pair = LookAlike(category, token, rows[token], other, rows[other], why)
                found.setdefault((category, token, other), pair)
    return sorted(found.values(), key=lambda pair: (pair.category, -pair.other_rows, pair.token, pair.other))


def _pairs(tokens: Iterable[str], keys: Callable[[str], Iterable[str]]) -> Iterator[tuple[str, str]]:
    by_key: defaultdict[str, set[str]] = defaultdict(set)
    for token in tokens:
        for key in keys(token):
            by_key[key].add(token)
    for names in by_key.values():
        if len(names) > 1:
            yield from itertools.combinations(sorted(names), 2)


def _without_punctuation(token: str) -> list[str]:
    """Remove punctuation but keep separated parts apart.

    ``il-1 2`` is not ``il-12``, whatever the sign.
    """
    apart = re.sub(r"(?<=\d)[\W_]+(?=\d)", ",", token)
    return [re.sub(r"(?<!\d)[\W_]+|[\W_]+(?!\d)", "", apart)]


def _stems(token: str) -> list[str]:
    """Return the guessed English and Latin singular stems.

    They are for comparison only: nothing is ever renamed by them.
    """
    words = token.split()
    return [f"s {' '.join(map(_english_stem, words))}", f"i {' '.join(map(_latin_stem, words))}"]


def _english_stem(word: str) -> str:
    if len(word) < 4 or word.endswith(("ss", "us", "is")):
        return word
    for plural, singular in (("ies", "y"), ("ses", "s"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", "")):
        if word.endswith(plural):
            return word.removesuffix(plural) + singular
    return word


def _latin_stem(word: str) -> str:
    if len(word) > 4:
        for ending in ("ion", "ium", "ia", "us", "i", "ae", "a"):
            if word.endswith(ending):
                return word.removesuffix(ending) + "~"
    return word


def _one_left_out(token: str) -> Iterator[str]:
    if len(token) < _MIN_LENGTH:
        return
    codes = " ".join(_CODE_WORDS.findall(token))
    yield f"{codes}\n{token}"
    for i in range(len(token)):
        shorter = token[:i] + token[i + 1 :]
        if " ".join(_CODE_WORDS.findall(shorter)) == codes:
            yield f"{codes}\n{shorter}"


def _structures(token: str) -> Iterable[str]:
    return connectivities().get(token, ())


_WAYS: Final = (
    ("identifier", _structures),
    ("punctuation", _without_punctuation),
    ("plural", _stems),
    ("spelling", _one_left_out),
)
