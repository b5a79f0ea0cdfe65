# make run    builds .venv and serves http://127.0.0.1:8000 (PORT= changes it), demo world on
# make test   builds what it needs and runs every test that this machine can run
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT   ?= 8000
BIN    := .venv/bin

.PHONY: run test check format bench cases docs lock clean real

run: .venv/ready
	PORT=$(PORT) $(BIN)/python app.py --demo

test: .venv/ready-dev
	$(BIN)/python -m pytest -q

check: .venv/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

format: .venv/ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/ready-dev
	$(BIN)/python docs/generate.py

bench: .venv/ready-dev
	$(BIN)/python bench/scan.py
	$(BIN)/python bench/explain.py
	$(BIN)/python bench/startup.py

# The API against its own description: 5,000 cases and more, eight minutes.
cases: .venv/ready-dev
	$(BIN)/python bench/api_cases.py

# The servers and the browser that the tests with real parts need (Debian, Ubuntu; as root).
real:
	.ci/real-parts

lock: .venv/ready-dev
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header -o requirements.txt requirements.in
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header -o requirements-dev.txt requirements-dev.in

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/made:
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 or later, and none was found; python3 is $$(python3 -V 2>&1). With one elsewhere: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv || { echo "python3 -m venv failed. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

.venv/ready: requirements.txt | .venv/made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/ready-dev: requirements-dev.txt | .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
