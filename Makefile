# Every target first sets up .venv, which takes a moment if it is up to date. Another Python: make demo PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup translations docs pages demo test test-fresh test-editors test-farm screenshots check bench bench-peers bench-server bench-farm fuzz soak reliability figure explain-figure controls filmstrip presets quality judge release clean

help:
	@echo "make demo           restyle the sample pictures"
	@echo "make test           run the tests"
	@echo "make test-fresh     run make demo and make test on a fresh minimal Debian (as root)"
	@echo "make test-editors   run the tests in a real Krita and a real GIMP (as root, it installs them in a separate system)"
	@echo "make test-farm      run the tests on a real Ray cluster of two nodes on this machine"
	@echo "make screenshots    run make test-editors with all measurements, and update the screenshots in docs/"
	@echo "make check          run ruff, mypy, import-linter and codespell, and build the site"
	@echo "make translations   extract the texts, merge them into the catalogues, compile those; see docs/translating.md"
	@echo "make docs           build the site from docs/ in build/docs"
	@echo "make pages          update docs/settings.md and the manuals inside the editors, from the code and docs/"
	@echo "make release        build the wheel, the sdist and the editors' zips in dist/, with checksums"
	@echo "make bench          measure this machine"
	@echo "make bench-peers PEERS=options   compare Velatura with the style transfer programs that are installed"
	@echo "make bench-server   measure the server alone with up to 2,000 peers; writes docs/farm/server.json"
	@echo "make bench-farm     compare the Ray executor with the local one, and two workers with one; see docs/farm.md"
	@echo "make fuzz SECONDS=60      fuzz the parsers of messages and files, for this time each; writes docs/reliability/fuzz.md"
	@echo "make soak SECONDS=1800    run 50 editors at one daemon for this time; writes docs/reliability/soak.json and .png"
	@echo "make reliability    make fuzz with 10 minutes for each target, then make soak for 30 (over 2.5 hours)"
	@echo "make figure         update docs/front.jpg and docs/demo.jpg, in good quality"
	@echo "make controls       update the pictures of docs/controls.md (ten minutes on two cores)"
	@echo "make filmstrip      update docs/film.jpg (two minutes on two cores)"
	@echo "make presets        update the presets that come with Velatura, and docs/presets.jpg"
	@echo "make quality        update the pictures of docs/quality.md"
	@echo "make explain-figure update docs/explain.jpg"
	@echo "make judge PICTURES=folder  restyle scenes with paintings and score the results; writes a table and a sheet to judged/"

setup:
	@$(PYTHON) .ci/make_venv.py dev

demo: setup
	$(BIN)/velatura demo -o demo-out

# Two processes; the tests of a file run in the same one, because they share a daemon. Plain `pytest` uses one process.
test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 40 --durations-min 5

# The two commands of the README on a fresh minimal Debian: nothing else is installed, /tmp and the home folder are empty.
test-fresh:
	$(PYTHON) -m tests.fresh

# Two editors at a time, each with a home and a daemon of its own; JOBS=0: one. SELECT: more options of pytest.
JOBS ?= 2
SELECT ?=
test-editors: setup
	$(BIN)/python -m pytest tests/editors -o norecursedirs= --timeout 900 -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations 40 $(SELECT)

test-farm: setup
	$(BIN)/python -m pytest tests/farm -o norecursedirs= --timeout 300

screenshots:
	VELATURA_PAGES=1 $(MAKE) test-editors
	$(BIN)/python -m tests.editors.screenshots

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy shared/velatura daemon/velatura_daemon plugin_krita/velatura_krita plugin_gimp/velatura_gimp tests/support
	$(BIN)/lint-imports
	$(BIN)/codespell .ci .github daemon docs plugin_gimp plugin_krita shared tests *.md Makefile pyproject.toml
	@$(MAKE) --no-print-directory docs

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

translations: setup
	$(BIN)/python .ci/translations.py

# A warning is an error, and so is a script, a font or a picture from elsewhere (docs/conf.py).
docs:
	@$(PYTHON) .ci/make_venv.py dev,docs
	$(BIN)/sphinx-build --fresh-env --fail-on-warning --keep-going --quiet --jobs auto -b html docs build/docs

pages: setup
	$(BIN)/python .ci/settings_page.py
	$(BIN)/python .ci/manual.py

# The same commit gives the same bytes: every date is the commit's.
release: setup
	$(BIN)/python .ci/release.py dist

bench: setup
	$(BIN)/velatura bench
	$(BIN)/python -m tests.bench

# PEERS: options, such as --neural-style-pt FOLDER; see python -m velatura_daemon.bench.peers --help
bench-peers: setup
	$(BIN)/python -m velatura_daemon.bench.peers $(PEERS)

bench-server: setup
	$(BIN)/python -m tests.bench.server $(if $(wildcard /dev/shm),--under /dev/shm) --out docs/farm/server.json

bench-farm: setup
	$(BIN)/python -m tests.bench.farm

# If atheris has no wheel for this Python, the command says so.
fuzz: setup
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)
	$(BIN)/python -m pytest tests/server/test_hostile.py --timeout 0 --hypothesis-profile hostile

soak: setup
	@$(PYTHON) .ci/make_venv.py dev,plot
	$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),1800)

# Rewrites docs/reliability/fuzz.json, fuzz.md, soak.json and soak.png. It needs one core for 100 minutes and for the
# examples of the state machine after them, then two cores for half an hour.
reliability:
	$(MAKE) fuzz SECONDS=600
	$(MAKE) soak SECONDS=1800

figure: setup
	$(BIN)/velatura demo -o demo-out --quality good --strength 50
	$(BIN)/python -c "from PIL import Image; Image.open('demo-out/contact-sheet.jpg').save('docs/demo.jpg', quality=80)"
	$(BIN)/python -m velatura_daemon.samples harbour_town 768 576 demo-out/photo.png
	$(BIN)/python -m velatura_daemon.samples night_swirls 768 576 demo-out/painting.png
	$(BIN)/velatura restyle demo-out/photo.png --style demo-out/painting.png -o demo-out/result.png --force
	$(BIN)/python docs/front.py demo-out/photo.png demo-out/painting.png demo-out/result.png docs/front.jpg

controls: setup
	$(BIN)/python docs/controls.py

filmstrip: setup
	$(BIN)/python docs/film.py

presets: setup
	$(BIN)/python docs/presets.py

quality: setup
	$(BIN)/python docs/quality.py

explain-figure: setup
	$(BIN)/python -m velatura_daemon.samples harbour_town 768 576 demo-out/harbour_town.png
	$(BIN)/python -m velatura_daemon.samples night_swirls 768 576 demo-out/night_swirls.png
	$(BIN)/velatura explain demo-out/harbour_town.png --style demo-out/night_swirls.png -o docs/explain.jpg --force

judge: setup
	$(BIN)/python -m velatura_daemon.bench.quality $(if $(PICTURES),--pictures $(PICTURES)) --out judged

clean:
	rm -rf $(VENV) demo-out editors-out judged fuzz-out
