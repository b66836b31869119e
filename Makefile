# The handful of commands of every day.
.PHONY: setup demo test check format bench

setup:            ## an environment with everything for development
	python3 -m venv .venv
	.venv/bin/pip install -e ".[dev]"

demo:             ## simulate, build, load
	.venv/bin/cytoimagenet demo out/demo

test:
	.venv/bin/python -m pytest -n 2 --dist loadfile

check: test       ## what a change must pass
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench:
	for file in benchmarks/*.py; do .venv/bin/python $$file || exit 1; done
