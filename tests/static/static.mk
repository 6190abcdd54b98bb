# SPDX-License-Identifier: GPL-2.0-only
# Targets that look at the sources only; included by the top Makefile.

.PHONY: check-static include-graph

check-static: ## Style, types and documentation: checkpatch, sparse, kernel-doc, coccinelle, shellcheck (CHECKS='names' for some)
	tests/static/run $(CHECKS)

include-graph: ## Draw which file of a module uses which: build/include-graph/*.svg
	tests/static/include-graph
