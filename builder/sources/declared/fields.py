"""Fields with the files of their channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from builder.sources.common.folder import Notes
from builder.sources.declared.choice import CHOSEN, choose

Identity = tuple[str, ...]
"""What tells a field from others: its facts."""
Choice = tuple[str, ...]
"""A file's run, time and plane, '' where all are taken."""


class File(NamedTuple):
    """A file of a field, by itself."""

    channel: str
    choice: Choice
    path: str


class FieldFiles(NamedTuple):
    """A field's files, one a channel, of one choice."""

    choice: Choice
    channels: tuple[str, ...]
    paths: tuple[str, ...]


class Fields:
    """Collects the files of fields.

    Those of one choice and of different channels are kept together, which most fields have; others one by one.
    """

    def __init__(self) -> None:
        self._files: dict[Identity, FieldFiles] = {}
        self._mixed: dict[Identity, list[File]] = {}
        self._channels: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, identity: Identity, files: FieldFiles) -> None:
        """Add files of different channels."""
        if identity not in self._files:
            self._files[identity] = files
            return
        for channel, path in zip(files.channels, files.paths, strict=True):
            self.add_one(identity, File(channel, files.choice, path))

    def add_one(self, identity: Identity, file: File) -> None:
        """Add a file, whatever the others are."""
        known = self._files.get(identity)
        if identity in self._mixed:
            self._mixed[identity].append(file)
        elif known is None:
            self._files[identity] = FieldFiles(file.choice, self._same((file.channel,)), (file.path,))
        elif known.choice == file.choice and file.channel not in known.channels:
            channels = self._same((*known.channels, file.channel))
            self._files[identity] = FieldFiles(known.choice, channels, (*known.paths, file.path))
        else:
            self._mixed[identity] = [*one_by_one(known), file]

    def taken(self) -> Iterator[tuple[Identity, FieldFiles | list[File]]]:
        """Yield the fields in order; they are forgotten meanwhile."""
        for identity in sorted(self._files):
            files = self._files.pop(identity)
            yield identity, self._mixed.pop(identity, files)

    def _same(self, channels: tuple[str, ...]) -> tuple[str, ...]:
        return self._channels.setdefault(channels, channels)


def one_by_one(files: FieldFiles) -> list[File]:
    """Return files apart."""
    rows: Sequence[tuple[str, str]] = list(zip(files.channels, files.paths, strict=True))
    return [File(channel, files.choice, path) for channel, path in rows]


def chosen_of(files: Sequence[File], rules: Mapping[str, str | int], notes: Notes) -> dict[str, str]:
    """Return the file of each channel, in order.

    Second files of one are noted. Run and time are the same for all channels; the plane is chosen for each by itself.

    Parameters
    ----------
    rules : of those of run, time and plane that are chosen
    """
    for place, name in enumerate(CHOSEN[:2]):
        if name in rules:
            value = choose(tuple({file.choice[place] for file in files}), rules[name])
            files = [file for file in files if file.choice[place] == value]
    by_channel: dict[str, list[File]] = {}
    for file in files:
        by_channel.setdefault(file.channel, []).append(file)
    chosen: dict[str, str] = {}
    for channel, several in sorted(by_channel.items()):
        if "z" in rules:
            value = choose(tuple({file.choice[2] for file in several}), rules["z"])
            several = [file for file in several if file.choice[2] == value]
        if several:
            chosen[channel] = several[0].path
            left = [file.path for file in several[1:]]
            notes.add_all("second files of one channel of one field, left out", left)
    return chosen
