# `make` alone prints what can be made. Each target builds .venv from the lock when it is missing or stale.
PYTHON ?= python3
BIN := .venv/bin
PLATFORMS := x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin x86_64-pc-windows-msvc

.PHONY: help run site test bench lab jax notebooks papers lock clean
.DEFAULT_GOAL := help

help:  ## print this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */\1\t/' | expand -t 12

# a params file, and what is changed in it: name=value, separated by spaces, so that no value may hold one
STUDY = params/default.yml
SET =

run: .venv/ready  ## run the notebooks of a study, params/default.yml unless STUDY=file, with SET="name=value name=value"
	@$(BIN)/forefolio run '$(STUDY)' $(CHANGES)

site: run  ## make the run's pages in its folder site/, with both papers' notebooks as they are committed: open site/index.html
	@$(BIN)/forefolio site '$(or $(FOREFOLIO_OUTPUTS),outputs)/$(NAME)'

NAME = $(shell $(BIN)/forefolio check '$(STUDY)' $(CHANGES) | sed -n "s/^study: '*\([^' ]*\).*/\1/p")
CHANGES = $(foreach change,$(SET),--set '$(change)')

test: .venv/ready  ## run every test: the notebooks, the unit tests, the doctests
	$(BIN)/python -m pytest --numprocesses 2

bench: .venv/ready  ## measure speed and memory into benchmarks/results.json, as ratios (half an hour, nothing else running)
	$(BIN)/python -m benchmarks

lab: .venv/ready  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.app_settings_dir=.jupyter notebooks/01_data.ipynb

jax: .venv/ready  ## add JAX to the environment, another backend of the networks: KERAS_BACKEND=jax
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements.lock --editable '.[jax]'

CHROMIUM = $(firstword $(shell command -v chromium chromium-browser google-chrome))

notebooks: .venv/ready  ## execute the notebooks in place, as they are committed, and renew the pictures of the README
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False notebooks/0*.ipynb notebooks/solutions/*.ipynb
	$(BIN)/forefolio sweep params/sweeps/risk_aversion.yml
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False notebooks/sweep.ipynb
	mkdir -p notebooks/figures && cp outputs/default/figures/06_readme.png notebooks/figures/readme.png
	$(BIN)/forefolio site outputs/default
	$(CHROMIUM) --headless --no-sandbox --hide-scrollbars --window-size=1280,1500 --virtual-time-budget=9000 \
		--screenshot=notebooks/figures/site.png "file://$(CURDIR)/outputs/default/site/index.html"

# the prices of both papers' markets, which are not in this repository: a folder with these files
MARKETS ?= $(FOREFOLIO_MARKETS)
STOCKS = --set prices_path=$(MARKETS)/vn100_prices.csv --set benchmark_path=$(MARKETS)/vn100_index.csv
COINS = --set source=csv --set prices_path=$(MARKETS)/crypto21_prices.csv --set allow_missing_tickers=true

papers: .venv/ready  ## execute the notebooks of both papers as they are committed, and the sweeps they show (hours): MARKETS=folder
	@test -f "$(MARKETS)/vn100_prices.csv" || { echo "set MARKETS to a folder with vn100_prices.csv, vn100_index.csv and crypto21_prices.csv"; exit 2; }
	$(BIN)/forefolio run params/nguyen2025.yml $(STOCKS) --to 07_evidence
	$(BIN)/forefolio run params/zouaoui2025.yml $(COINS) --to 07_evidence
	for sweep in nguyen_lstm_grid nguyen_cnn_grid nguyen_choices; do $(BIN)/forefolio sweep params/sweeps/$$sweep.yml $(STOCKS) || exit 1; done
	$(BIN)/forefolio sweep params/sweeps/zouaoui_choices.yml $(COINS)
	$(BIN)/python -m benchmarks.papers tables
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False notebooks/papers/*.ipynb
	$(BIN)/python -m benchmarks.papers pictures notebooks/papers/*.ipynb

lock: .venv/ready  ## resolve requirements.lock anew, and check that every platform has a wheel for all of it
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		pyproject.toml --output-file requirements.lock
	for version in 3.11 3.12 3.13; do for platform in $(PLATFORMS); do \
		$(BIN)/uv pip compile --quiet --no-deps --only-binary :all: --python-version $$version --python-platform $$platform \
			requirements.lock > /dev/null || exit 1; done; done

clean:  ## remove the environment; results in outputs/ stay
	rm -rf .venv

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.exit("$(PYTHON) is Python %d.%d, and TensorFlow has wheels for 3.11 to 3.13 only: name another with make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "building .venv from requirements.lock (a minute or two)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.lock)"
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --editable .
	@touch $@
