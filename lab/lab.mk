# SPDX-License-Identifier: GPL-2.0-only
# Targets of the lab; included by the top Makefile.

.PHONY: programs demo soak lab-shell lab-run lab-selftest clean distclean

KERNEL ?= stable

# A driver outside of the repository, compiled and tested with the kit
export MDEVKIT_EXTRA = $(EXTRA)

lab-options = --kernel '$(KERNEL)' --mdma $(if $(TIMEOUT),--timeout '$(TIMEOUT)') $(if $(SHARE),--share '$(SHARE)') \
	$(if $(MEMORY),--memory '$(MEMORY)') $(if $(TOPOLOGY),--topology '$(TOPOLOGY)')

programs: ## Compile the lab's test programs, and with EXTRA=dir those in dir/tests
	@lab/overlay --programs

demo: ## The kit at work, step by step, in a VM; transcript in build/demo
	@lab/demo

soak: ## The demo DEMOS times, two guests with slices GUESTS times, two plain guests PLAIN times; how each ended (SOAK='--cpus 2': more options for lab/run)
	@lab/soak --demos '$(or $(DEMOS),0)' --guests '$(or $(GUESTS),0)' --plain '$(or $(PLAIN),0)' --kernel '$(KERNEL)' $(SOAK)

lab-shell: ## A root shell in the lab's VM (KERNEL=stable|newest|debug|debug-newest, SHARE=dir is /share, TIMEOUT=seconds)
	@lab/run $(lab-options) --shell

# The command goes by the environment: a shell's quoting must not be mangled by make's.
lab-run: export LAB_COMMAND = $(value CMD)
lab-run: ## One command in the lab's VM: make lab-run CMD='mdevctl types' (KERNEL, SHARE, TIMEOUT as above; EXTRA=dir brings a driver outside along)
	@if [ -z "$$LAB_COMMAND" ]; then echo "mdevkit: error: which command? make lab-run CMD='mdevctl types'" >&2; exit 2; fi; \
	lab/run $(lab-options) -- "$$LAB_COMMAND"

lab-selftest: ## Tests of the lab itself on both kernels: exit statuses, time limits, panics, shared folders
	@lab/selftest

clean: ## Remove what was built in this clone; the cache stays
	rm -rf build

distclean: ## Remove the cache too (root file system, kernels, QEMU: half an hour to make again)
	@lab/clean-cache
	rm -rf build
