# SPDX-License-Identifier: GPL-2.0-only
# The targets that run all tests, and test the tests; included by the top Makefile.

.PHONY: check mutants fuzz coverage

check: ## All tests; TESTS='glob' for some of them, KERNEL=stable for one kernel, EXTRA=dir for those of a driver outside
	@TESTS='$(TESTS)' KERNEL='$(if $(filter command environment,$(firstword $(origin KERNEL))),$(KERNEL))' tests/run

mutants: ## Break the kit in one place after the other: each time a test must fail (MUTANTS='glob' for some of them); takes an hour
	@tests/mutants/run $(foreach glob,$(MUTANTS),'$(glob)')

fuzz: ## Two tenants who do anything at all, for SECONDS (1800) on KERNEL (stable); SEED=number, as an earlier run has printed it, repeats that
	@lab/run --kernel '$(KERNEL)' --memory 2048 --timeout $$(($(or $(SECONDS),1800) + 600)) -- \
		"FUZZ_SECONDS=$(or $(SECONDS),1800) $(if $(SEED),FUZZ_SEED=$(SEED)) /usr/lib/mdevkit/tests/fuzz"

coverage: ## Line coverage of kernel/iommu/aux and kernel/mdev by all KUnit and lab tests on the debug kernel
	tests/coverage
