# Everything a person or CI does with this project. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
PYTHON ?= python3

STAMPS := build/stamps
SETUP := $(PYTHON) -m tools.setup
RUN := .venv/bin/python -m

setup_sources := pyproject.toml $(wildcard tools/setup/*.py)
package_sources := CMakeLists.txt $(shell find cmake native src -type f \
  -not -path "*/__pycache__/*" -not -path "native/tests/*" -not -path "src/aliquot/dashboard/*" \
  2>/dev/null) \
  $(wildcard tests/performance/*.[ch])
dashboard_sources := $(shell find dashboard -type f -not -path "dashboard/node_modules/*" \
  -not -name schema.d.ts 2>/dev/null) docs/openapi.json $(wildcard src/aliquot/words/*.json)
native_tests := $(shell find native/tests -type f 2>/dev/null)

CTEST := --output-on-failure --no-tests=error --timeout 600
# Tests of one label in the build that has its sanitizer, if a compiler could make that (setup says
# so; in CI it fails where none can). A real driver is in neither: it is not instrumented.
sanitized = if [ -d build/$(1) ]; then .venv/bin/ctest --test-dir build/$(1) -L $(2) $(CTEST); \
  else echo "SKIPPED: tests under the $(2) sanitizer, which no compiler here has"; fi

# First the tests that may run beside each other, several at a time, for most of them wait for
# something; then, one after another, those that measure. Both always run, so that all is told.
BESIDE ?= 4
# A file's tests run in one process, in their order; long files come first (tests/conftest.py).
ORDER := --dist loadfile --no-loadscope-reorder
ALONE := (alone or performance)

.PHONY: help setup demo test test-vm ready-for-tests guest-package soak lint bench generate docs clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMPS)/installed ## make .venv with aliquot and all that it needs (no root needed)

demo: setup ## real programs share one device, one asks for too much, three tenants get their shares
	@$(RUN) tools.demo

test: ## all tests but the long ones
	@$(MAKE) --no-print-directory -j 2 ready-for-tests  # what comes from elsewhere, while it compiles
	@.venv/bin/ctest --test-dir build/native $(CTEST)
	@$(call sanitized,thread,thread)
	@$(call sanitized,fuzz,address)
	@failed=""; \
	$(RUN) pytest --durations 20 -m "not soak and not vm and not $(ALONE)" -n $(BESIDE) $(ORDER) || failed+=" beside"; \
	$(RUN) pytest --durations 20 -m "not soak and not vm and $(ALONE)" || failed+=" alone"; \
	if [ -n "$$failed" ]; then echo "tests failed among those that run:$$failed"; exit 1; fi

ready-for-tests: $(STAMPS)/installed-for-tests $(STAMPS)/programs $(STAMPS)/tests $(STAMPS)/fuzz $(STAMPS)/thread

test-vm: $(STAMPS)/installed-for-tests ## the modes on a real kernel, and remoting, in emulated guest VMs
	@$(RUN) tools.vm
	@$(RUN) pytest -m vm tests/vm

guest-package: setup ## what a guest VM needs to use a vGPU, as a tarball below build/
	@$(RUN) tools.guest_package

soak: test ## the long tests: hours
	@$(RUN) pytest -m soak --timeout 14400

lint: $(STAMPS)/installed $(STAMPS)/strict ## style, types, layers, stale generated files, compiler warnings
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/pyright --pythonpath .venv/bin/python
	@.venv/bin/lint-imports
	@$(RUN) tools.generate --check
	@$(RUN) tools.docs --check

bench: setup ## measure what remoting costs on this machine, against native, and the daemon
	@.venv/bin/aliquot bench remoting; remoting=$$?; .venv/bin/aliquot bench daemon && exit $$remoting

generate: $(STAMPS)/packages ## write native/generated and docs/coverage.md from spec/
	@$(RUN) tools.generate

docs: $(STAMPS)/packages ## redraw the pictures, write docs/openapi.json, check links and named tests
	@$(RUN) tools.docs

clean: ## remove all that was built, .venv included
	rm -rf build .venv

$(STAMPS)/packages: $(setup_sources)
	@$(SETUP) packages
	@mkdir -p $(@D) && touch $@

$(STAMPS)/dashboard: $(STAMPS)/packages $(dashboard_sources)
	@$(SETUP) dashboard
	@touch $@

$(STAMPS)/installed: $(STAMPS)/packages $(STAMPS)/dashboard $(package_sources)
	@$(SETUP) build release
	@touch $@

# Not while `installed` is made: both change .venv.
$(STAMPS)/packages-for-tests: $(STAMPS)/packages | $(STAMPS)/installed
	@$(SETUP) packages --tests
	@touch $@

$(STAMPS)/installed-for-tests: $(STAMPS)/packages-for-tests $(STAMPS)/installed
	@touch $@

$(STAMPS)/programs: $(STAMPS)/packages-for-tests tools/programs/fetch.py
	@$(RUN) tools.programs.fetch
	@touch $@

$(STAMPS)/tests $(STAMPS)/fuzz $(STAMPS)/thread $(STAMPS)/strict: $(STAMPS)/installed $(native_tests)
	@$(SETUP) build $(@F)
	@touch $@

# fuzz and thread want clang and libtsan, which come with the test packages.
$(STAMPS)/fuzz $(STAMPS)/thread: $(STAMPS)/packages-for-tests
