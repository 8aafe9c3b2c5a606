# Everything sets up what it needs in .venv first; again, that takes a moment. Another Python: make demo PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo test test-fresh test-editors test-farm screenshots check bench bench-front bench-farm fuzz soak figure explain-figure controls quality judge clean

help:
	@echo "make demo    set up, restyle the sample pictures, say where the results lie"
	@echo "make test    set up, run the tests"
	@echo "make test-fresh     make demo and make test on a minimal Debian of their own (as root)"
	@echo "make test-editors   set up, run the tests in a real Krita and a real GIMP (as root they make a place for it themselves)"
	@echo "make test-farm      set up, run the tests on a real Ray cluster of two nodes, on this machine"
	@echo "make screenshots    the same, and the screenshots in docs/ anew"
	@echo "make check   set up, run ruff, mypy and import-linter"
	@echo "make bench   set up, measure this machine"
	@echo "make bench-front   set up, measure the front alone with up to 2,000 peers; docs/farm/front.json"
	@echo "make bench-farm    set up, measure the Ray executor against the local one, and two workers against one; docs/farm.md"
	@echo "make fuzz SECONDS=60    set up, fuzz what strangers and files can send, so long for each target; docs/reliability/fuzz.md"
	@echo "make soak SECONDS=1800  set up, 32 clients at one daemon for so long; docs/reliability/soak.json and .png"
	@echo "make figure  set up, make docs/demo.jpg again, in good quality"
	@echo "make controls   set up, make the pictures of docs/controls.md again (ten minutes on two cores)"
	@echo "make quality    set up, make the pictures of docs/quality.md again"
	@echo "make explain-figure  set up, make docs/explain.jpg again"
	@echo "make judge PICTURES=folder     set up, restyle scenes in paintings, measure the results; a sheet and a table in judged/"

setup:
	@$(PYTHON) .ci/make_venv.py dev

demo: setup
	$(BIN)/velatura demo -o demo-out

# In two processes, a file's tests in one: they share a daemon. `pytest` by itself does the same in one.
test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The two commands of the README on a minimal Debian of their own: with nothing installed, and a /tmp and a home without leftovers.
test-fresh:
	$(PYTHON) -m tests.fresh

test-editors: setup
	$(BIN)/python -m pytest tests/editors -o norecursedirs= --timeout 600

test-farm: setup
	$(BIN)/python -m pytest tests/farm -o norecursedirs= --timeout 300

screenshots: test-editors
	$(BIN)/python -m tests.editors.screenshots

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy shared/velatura daemon/velatura_daemon
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/velatura bench
	$(BIN)/python -m tests.bench

bench-front: setup
	$(BIN)/python -m tests.bench.front $(if $(wildcard /dev/shm),--under /dev/shm) --out docs/farm/front.json

bench-farm: setup
	$(BIN)/python -m tests.bench.farm

# atheris has no wheel for some Pythons: then the command says so.
fuzz: setup
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)
	$(BIN)/python -m pytest tests/server/test_hostile.py --timeout 0 --hypothesis-profile hostile

soak: setup
	@$(PYTHON) .ci/make_venv.py dev,plot
	$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),1800)

figure: setup
	$(BIN)/velatura demo -o demo-out --quality good --strength 50
	cp demo-out/contact-sheet.jpg docs/demo.jpg

controls: setup
	$(BIN)/python docs/controls.py

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
