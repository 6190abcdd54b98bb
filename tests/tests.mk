# SPDX-License-Identifier: GPL-2.0-only
# The target that runs all tests; included by the top Makefile.

.PHONY: check

check: ## All tests; TESTS='glob' for some of them, KERNEL=stable for one kernel
	@TESTS='$(TESTS)' KERNEL='$(if $(filter command environment,$(firstword $(origin KERNEL))),$(KERNEL))' tests/run
