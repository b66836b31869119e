# The handful of commands of every day.
.PHONY: setup demo test check format docs bench
# not annotate_full, which needs the real tables
BENCHMARKS = annotate audit convert declared full_build gpu labels loading package_format pixels remote remote_data report reupload scale selection

setup:            ## an environment with everything for development
	python3 -m venv .venv
	.venv/bin/pip install -e ".[dev]"

demo:             ## simulate, build, load
	.venv/bin/cytoimagenet demo out/demo

test:
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: test       ## what a change must pass; .ci/run does more
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs:             ## the site, in out/site
	.venv/bin/mkdocs build --strict --site-dir out/site

bench:            ## what peers need is installed here, once: PyTorch and others, some GB
	.venv/bin/pip install -e ".[bench]"
	for name in $(BENCHMARKS); do echo "== $$name"; .venv/bin/python -m benchmarks.$$name || exit 1; done
