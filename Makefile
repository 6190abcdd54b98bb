# SPDX-License-Identifier: GPL-2.0-only
# mdevkit: the entry points. The work is done by scripts in lab/, tests/ and kernel/.

.DEFAULT_GOAL := help
SHELL := /bin/bash
# Several goals at once would fight for the two things that are scarce, the processor and the VM.
.NOTPARALLEL:

.PHONY: help new-driver install uninstall modules modules_install into-tree out-of-tree dkms-install dkms-remove

help: ## This list
	@echo "mdevkit: a kit for people who write drivers of mediated devices. Targets:"
	@echo
	@sed -n -E 's/^([a-z][a-z_-]*):.*## (.*)$$/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '!seen[$$1]++ { printf "  %-16s %s\n", $$1, $$2 }'
	@echo
	@echo "First: make demo (the kit at work, visibly), make check (all tests). KERNEL is stable, newest, debug or debug-newest."

new-driver: ## A driver of your own, NAME=foo, with its tests, in the new folder DIR (default: ../foo); DMA=software|pasid|lookup PARENT=none|pci|both
	@DMA='$(DMA)' PARENT='$(PARENT)' tools/new-driver '$(NAME)' $(if $(DIR),'$(DIR)')

modules: ## Compile the kit, and with EXTRA=dir a driver outside: for the kernel headers in KDIR=path, else for this host's kernel, else for the lab's two kernels
	@if [ -n "$(KDIR)" ]; then \
		lab/modules --kdir "$(KDIR)"; \
	elif [ -f /lib/modules/$$(uname -r)/build/Makefile ]; then \
		lab/modules --kdir /lib/modules/$$(uname -r)/build; \
	else \
		lab/modules stable && lab/modules newest; \
	fi

install: ## Compile the administrator's tools and install them (DESTDIR, PREFIX=/usr): mdevkit, mdevctl's callout, the udev rule, man page
	@command -v pkg-config >/dev/null && pkg-config --exists json-c libkmod libudev || { \
		echo "mdevkit: error: apt install gcc make pkg-config libjson-c-dev libkmod-dev libudev-dev" >&2; exit 1; }
	@env -u MAKEFLAGS $(MAKE) -s -C tools install OUT='$(CURDIR)/build/tools' DESTDIR='$(DESTDIR)' PREFIX='$(or $(PREFIX),/usr)'

uninstall: ## Take the administrator's tools away again
	@env -u MAKEFLAGS $(MAKE) -s -C tools uninstall DESTDIR='$(DESTDIR)' PREFIX='$(or $(PREFIX),/usr)'

modules_install: ## Compile the kit for KDIR=path (default: this host's kernel) and install it into that kernel's modules
	@kdir=$(or $(KDIR),/lib/modules/$$(uname -r)/build); \
	folder=$$(lab/modules --kdir "$$kdir") && \
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) -C "$$kdir" M="$$folder/kernel" modules_install

into-tree: ## Link the kit into the kernel tree KSRC=path as drivers/mdevkit
	@kernel/into-tree "$(KSRC)"

out-of-tree: ## Take the kit out of the kernel tree KSRC=path again
	@kernel/into-tree --undo "$(KSRC)"

# What dkms.conf says
dkms-value = $(shell sed -n 's/^PACKAGE_$(1)="\(.*\)"/\1/p' dkms.conf)

dkms-install: ## Have DKMS compile the kit for this host's kernel (or KVER), now and whenever a new one comes
	@command -v dkms >/dev/null || { echo "mdevkit: error: dkms is missing: apt install dkms linux-headers-$$(uname -r)" >&2; exit 1; }
	rm -rf "/usr/src/$(call dkms-value,NAME)-$(call dkms-value,VERSION)"
	mkdir -p "/usr/src/$(call dkms-value,NAME)-$(call dkms-value,VERSION)"
	cp -rL kernel include dkms.conf COPYING "/usr/src/$(call dkms-value,NAME)-$(call dkms-value,VERSION)/"
	dkms install -m $(call dkms-value,NAME) -v $(call dkms-value,VERSION) $(if $(KVER),-k '$(KVER)')

dkms-remove: ## Take the kit away from DKMS and from this host's kernels
	dkms remove -m $(call dkms-value,NAME) -v $(call dkms-value,VERSION) --all
	rm -rf "/usr/src/$(call dkms-value,NAME)-$(call dkms-value,VERSION)"

-include lab/lab.mk tests/tests.mk tests/kunit/kunit.mk tests/static/static.mk tests/bench/bench.mk
