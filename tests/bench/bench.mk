# SPDX-License-Identifier: GPL-2.0-only
# Instructions counted; included by the top Makefile.

.PHONY: bench

bench: ## Instructions of the kit beside those of hand-written drivers, in build/bench (KERNEL=stable for one kernel, COMPARE=old.json)
	@COMPARE='$(COMPARE)' tests/bench/run $(if $(filter command environment,$(firstword $(origin KERNEL))),'$(KERNEL)')
