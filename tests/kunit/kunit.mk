# SPDX-License-Identifier: GPL-2.0-only
# Targets of the KUnit suites; included by the top Makefile.

.PHONY: check-kunit check-kunit-lab

check-kunit: ## KUnit suites on a user-mode kernel with every detector on (SUITES='glob' for some of them)
	tests/kunit/run-uml '$(or $(SUITES),*)'

check-kunit-lab: ## KUnit suites as modules on the debug kernel in the lab's VM (KERNEL=debug-newest for the other)
	TESTS=kunit.sh KERNEL='$(or $(filter debug%,$(KERNEL)),debug)' tests/run
