# Each target installs what it needs. You need only Python 3.11 or newer and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTHONS = 3.11 3.12 3.13 3.14
FUZZED = tests/test_fuzz_images.py tests/bench/test_fuzz_records.py tests/collect/test_damaged.py \
  tests/collect/test_hostile_http.py
FUZZERS = fuzz or random_damage or no_response_ends_in
ISOLATED = $(BIN)/uv run --isolated --no-project --with-editable ".[dev]"

.PHONY: demo test check wheel sample-weights soak fuzz python-versions oldest audit release clean

demo: $(VENV)/.installed
	$(BIN)/bench run all --dataset sample
	@echo "Open results/sample/report.html"

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

check: test

wheel: $(VENV)/.installed-dev
	$(BIN)/python -m build --wheel

# The weights that the sample's runs start from, made from drawings of the other things.
sample-weights: $(VENV)/.installed
	$(BIN)/collect bus truck motorcycle scooter tractor train airplane boat --source synthetic --train 500 --test 40 \
	  --name sample-pretraining
	$(BIN)/bench pretrain --dataset sample-pretraining --arch vgg16_bn --width 0.25 --size 32 --epochs 6 \
	  --set lr=0.001 --set head=pooled --half --out bench/sample_weights/vgg16_bn-width0.25-32px.safetensors

soak: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.soak $(if $(SECONDS),--seconds $(SECONDS))

# All fuzzers for an hour each.
fuzz: $(VENV)/.installed-dev
	FUZZ_SECONDS=$(or $(SECONDS),3600) $(BIN)/pytest -n 2 --timeout 0 -k "$(FUZZERS)" $(FUZZED)

# uv fetches a Python that is missing.
python-versions: $(VENV)/.installed-dev
	for version in $(PYTHONS); do $(ISOLATED) --python $$version python -m pytest -n 2 || exit 1; done

# The oldest versions that pyproject.toml allows. They may warn of what newer ones deprecate.
oldest: $(VENV)/.installed-dev
	$(ISOLATED) --python $(firstword $(PYTHONS)) --resolution lowest-direct python -m pytest -n 2 -o filterwarnings=

audit: $(VENV)/.installed-dev
	$(BIN)/pip list --format=freeze --exclude-editable > $(VENV)/versions.txt
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement $(VENV)/versions.txt

release: $(VENV)/.installed-dev
	.ci/release $(BIN)

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
