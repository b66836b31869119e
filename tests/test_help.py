"""Every command's help has an example and its exit codes.

It has the options that all commands of a kind have, too.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from builder.cli import main
from builder.commands.shown import Command
from builder.recipe import Recipe
from builder.schema import REASONS

COMMANDS = sorted(main.commands)
FACTS = ("status", "diff", "verify", "label", "trace", "build", "convert", "sources", "recipe", "doctor")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_has_examples_and_exit_codes(name: str) -> None:
    text = CliRunner().invoke(main, [name, "--help"]).output
    assert f"cytoimagenet {name}" in text.partition("Examples:")[2]
    codes = text.partition("Exit codes:")[2]
    for code in ("0", "1", "2", "130"):
        assert f"\n  {code} " in codes


@pytest.mark.parametrize("name", COMMANDS)
def test_each_example_is_a_line_that_the_command_takes(name: str) -> None:
    command = main.commands[name]
    assert isinstance(command, Command)
    for example in command.examples:
        arguments = example.partition(">")[0].split()
        assert arguments[0] == name
        command.make_context(name, arguments[1:], resilient_parsing=False)


@pytest.mark.parametrize("name", FACTS)
def test_what_prints_facts_has_json(name: str) -> None:
    assert any("--json" in option.opts for option in main.commands[name].params if isinstance(option, click.Option))


def test_help_names_the_shells_that_complete() -> None:
    text = CliRunner().invoke(main, ["--help"]).output
    for word in ("bash_source", "zsh_source", "fish_source"):
        assert word in text


def test_recipe_lists_every_key_and_gives_itself_back(tmp_path: Path) -> None:
    keys = json.loads(CliRunner().invoke(main, ["recipe", "--json"]).output)
    assert [entry["key"] for entry in keys] == list(Recipe().as_dict())
    assert all(entry["meaning"] for entry in keys)
    text = CliRunner().invoke(main, ["recipe", "--set", "min_images=20", "--set", 'drop_labels=["a \\"b\\""]']).output
    (tmp_path / "recipe.toml").write_text(text, "utf-8")
    assert Recipe.load(tmp_path / "recipe.toml") == Recipe(min_images=20, drop_labels=('a "b"',))
    every = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line)
    (tmp_path / "every.toml").write_text(every, "utf-8")
    assert Recipe.load(tmp_path / "every.toml").min_images == 20


def test_reasons_of_retry_rejects_are_those_of_the_schema() -> None:
    from builder.stages.standardize.rejects import OF_READING

    assert set(OF_READING) <= REASONS.keys()
