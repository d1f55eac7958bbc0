SHELL := /bin/bash
.DEFAULT_GOAL := help

STAMP := .venv/.installed

.PHONY: setup
setup: $(STAMP)  ## make .venv with everything in it

$(STAMP): requirements.lock pyproject.toml deploy/setup.sh deploy/python-venv.sh
	@deploy/setup.sh
	@touch $@

.PHONY: help
help:  ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: generate
generate: setup  ## write generated/ from protos/
	deploy/generate/generate.sh
