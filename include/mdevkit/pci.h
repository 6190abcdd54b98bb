/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PCI function that a tenant sees: its identity, BARs, interrupts and
 * capabilities, as a vendor driver declares them. mdevkit builds the
 * configuration space from the declaration and emulates every access to it.
 */
#ifndef _MDEVKIT_PCI_H
#define _MDEVKIT_PCI_H

#include <linux/bits.h>
#include <linux/pci_regs.h>
#include <linux/types.h>

struct mdevkit_device;

/* Sizes of access that the registers of a BAR understand (bit n: 1 << n bytes) */
#define MDEVKIT_WIDTH_1		BIT(0)
#define MDEVKIT_WIDTH_2		BIT(1)
#define MDEVKIT_WIDTH_4		BIT(2)
#define MDEVKIT_WIDTH_8		BIT(3)

/**
 * struct mdevkit_io_page - one page that is lent to a tenant
 * @phys: physical address of the page, page aligned
 * @virt: the same page as the host's kernel sees it, for trapped accesses
 *
 * A page of the parent's MMIO; on x86-64 also one of memory, of alloc_page() or
 * alloc_pages_exact(), that is freed in the driver's destroy callback. Elsewhere memory must not be
 * lent: the tenant's mapping is uncached there, beside the kernel's cached one.
 * The kit takes no reference and clears nothing.
 */
struct mdevkit_io_page {
	phys_addr_t phys;
	void __iomem *virt;
};

/**
 * struct mdevkit_bar - one base address register and what lies behind it
 * @size: bytes; a power of two, at least 4 (I/O) or 16 (memory); 0: BAR absent
 * @flags: PCI_BASE_ADDRESS_SPACE_IO, or PCI_BASE_ADDRESS_MEM_TYPE_64 and
 *	PCI_BASE_ADDRESS_MEM_PREFETCH; a 64-bit BAR uses the next BAR's slot too
 * @widths: MDEVKIT_WIDTH_* that @read and @write accept; 0 means 1, 2 and 4 bytes. The
 *	pass-through part takes all four, as a mapping of it does.
 *	Another size, or an address that is not naturally aligned, is split into
 *	the largest accepted accesses, or refused with EINVAL where none fits
 * @read: read @width bytes at @offset of BAR @bar into @value (zero-extended). @offset is
 *	inside the BAR and naturally aligned, @width is one of @widths.
 *	0, or -errno that the tenant's access returns. May sleep
 * @write: the same for a write; higher bits of @value are zero
 * @registers_end: bytes from the start in which @read and @write have registers; 0: not
 *	declared. Only to have a declaration refused whose MSI-X table or PBA lies over them
 * @passthrough_size: the first so many bytes of the BAR (page aligned; I/O BARs: 0)
 *	are pages that the tenant may mmap, see struct mdevkit_io_page
 * @page: tells the page number @pgoff of the pass-through part; called when the tenant
 *	touches it, never while a life cycle callback of the device runs. -errno: there is
 *	no such page; a read gives all-ones, a write changes nothing for anybody else. May
 *	sleep, but must not call mdevkit_dma_rw(), nor wait for who does
 *
 * Parts of a BAR that have neither a callback nor a page read as zero and
 * ignore writes, as PCI's reserved registers do.
 */
struct mdevkit_bar {
	u64 size;
	u32 flags;
	u8 widths;
	int (*read)(struct mdevkit_device *kdev, unsigned int bar, u64 offset, unsigned int width,
		    u64 *value);
	int (*write)(struct mdevkit_device *kdev, unsigned int bar, u64 offset, unsigned int width,
		     u64 value);
	u64 registers_end;
	u64 passthrough_size;
	int (*page)(struct mdevkit_device *kdev, pgoff_t pgoff, struct mdevkit_io_page *page);
};

/**
 * struct mdevkit_pci_bytes - bytes of config space that the driver gives
 * @offset: where, 0x40 or above, outside the capabilities that mdevkit makes; from 0x100 on only
 *	if the function is @express. No bytes lie on both sides of 0x100
 * @len: how many bytes
 * @cap_id: PCI_CAP_ID_*, e.g. PCI_CAP_ID_VNDR: this is a capability, whose bytes 0 and 1 (ID and
 *	next pointer) are filled in by mdevkit, and it is linked into the list; 0: it is none
 * @ext_cap_id: PCI_EXT_CAP_ID_*, from 0x100 on: the same for the list of extended
 *	capabilities, with bytes 0 to 3. One of them is at 0x100
 * @ext_cap_version: its version, at most 15; 0 means 1
 * @bytes: their value at open and after each reset
 * @writable: mask of the bits that a tenant may change; NULL: none
 * @clears: mask of the bits that a tenant clears by writing 1 (RW1C), none of them
 *	@writable; NULL: none
 * @read: the tenant reads @len of them from @offset (in these bytes) on: @bytes is what it would
 *	get, and gets when this returns (optional). May sleep. Runs beside BAR callbacks
 *	and itself
 * @written: the tenant has written @len of them from @offset on (optional). @bytes is all of
 *	them as they are now, which the driver may change. May sleep. Nothing else of the device's
 *	but interrupts, timers and the like runs meanwhile
 */
struct mdevkit_pci_bytes {
	u16 offset;
	u16 len;
	u8 cap_id;
	u8 ext_cap_version;
	u16 ext_cap_id;
	const u8 *bytes;
	const u8 *writable;
	const u8 *clears;
	void (*read)(struct mdevkit_device *kdev, unsigned int offset, unsigned int len, u8 *bytes);
	void (*written)(struct mdevkit_device *kdev, unsigned int offset, unsigned int len,
			u8 *bytes);
};

/**
 * struct mdevkit_pci_desc - the PCI personality of a type
 * @vendor: vendor ID
 * @device: device ID
 * @subsystem_vendor: subsystem vendor ID; 0: the same as @vendor
 * @subsystem_device: subsystem ID; 0 with @subsystem_vendor 0: the same as @device
 * @class: 24-bit class code (PCI_CLASS_x << 8 | programming interface)
 * @revision: revision ID
 * @intx_pin: 0: no INTx; 1 to 4: INTA to INTD
 * @msi_vectors: MSI messages (0: no MSI; else a power of two up to 32)
 * @msi_masking: MSI has a mask and a pending bit for each message
 * @msix_vectors: MSI-X table size (0: no MSI-X; up to 2048)
 * @msix_bar: BAR that holds table and PBA; it has room for both at the offsets. What they
 *	cover is answered by mdevkit: the BAR's callbacks are not called there
 * @msix_table: offset of the MSI-X table in @msix_bar, 8-byte aligned
 * @msix_pba: offset of the pending bit array in @msix_bar, 8-byte aligned
 * @express: the function has a PCI Express endpoint capability with function
 *	level reset and 4096 bytes of config space; else 256 bytes
 * @pm: the function has a power management capability (D0 and D3hot)
 * @bars: the six base address registers
 * @bytes: what the driver gives itself: vendor specific and extended capabilities, raw bytes
 * @nr_bytes: entries of @bytes
 *
 * As with vfio-pci, memory and I/O decode are on when a user opens the device, Bus Master
 * is off, and a reset keeps what the user has written to the header and to the
 * capabilities that mdevkit makes, but for the power state.
 */
struct mdevkit_pci_desc {
	u16 vendor;
	u16 device;
	u16 subsystem_vendor;
	u16 subsystem_device;
	u32 class;
	u8 revision;
	u8 intx_pin;
	u8 msi_vectors;
	bool msi_masking;
	u16 msix_vectors;
	u8 msix_bar;
	u32 msix_table;
	u32 msix_pba;
	bool express;
	bool pm;
	struct mdevkit_bar bars[PCI_STD_NUM_BARS];
	const struct mdevkit_pci_bytes *bytes;
	unsigned int nr_bytes;
};

#endif /* _MDEVKIT_PCI_H */
