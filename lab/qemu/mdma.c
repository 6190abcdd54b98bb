// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdma: a PCIe DMA engine with 1 to 128 assignable device interfaces (ADIs), each with a PASID
 * of its own. The data sheet is docs/mdma-device.md.
 *
 * Everything runs under QEMU's big lock: register accesses from the virtual CPUs, DMA from a
 * timer of the main loop. So a register write takes effect between two parts of a transfer,
 * and after it no DMA of the former setting happens.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/crc32c.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "exec/address-spaces.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "hw/i386/intel_iommu.h"
#include "migration/vmstate.h"
#include "mdma_regs.h"

#define TYPE_MDMA		"mdma"
OBJECT_DECLARE_SIMPLE_TYPE(MdmaState, MDMA)

#define MDMA_PASID_BITS		8
#define MDMA_PM_CAP		0x40
#define MDMA_PCIE_CAP		0x80
#define MDMA_PASID_CAP		0x100
#define MDMA_MSIX_BAR_SIZE	0x2000

/* A transfer is cut at each boundary of this size, on either side: one IOMMU page at a time */
#define MDMA_PART		4096

/*
 * What one ADI may do before the next one's turn, what all may do before the virtual CPUs get
 * the lock, and for how long they then have it. A descriptor costs MDMA_DESC_COST plus its bytes.
 */
#define MDMA_ADI_BUDGET		(64 * KiB)
#define MDMA_ROUND_BUDGET	(512 * KiB)
#define MDMA_DESC_COST		(4 * KiB)
#define MDMA_PAUSE_NS		20000

/* struct mdma_state in the byte order of the host: the tenant's registers, and the state window */
typedef struct MdmaTenant {
	uint32_t version;
	uint32_t ctrl;
	uint32_t ring_base_lo;
	uint32_t ring_base_hi;
	uint32_t ring_size;
	uint32_t ring_tail;
	uint32_t ring_head;
	uint32_t done;
	uint32_t err_code;
	uint32_t err_field;
	uint32_t err_addr_lo;
	uint32_t err_addr_hi;
	uint32_t err_index;
	uint32_t int_cause;
	uint32_t int_mask;
	uint32_t reserved;
} MdmaTenant;

QEMU_BUILD_BUG_ON(sizeof(MdmaTenant) != sizeof(struct mdma_state));
QEMU_BUILD_BUG_ON(sizeof(struct mdma_desc) != 64);
QEMU_BUILD_BUG_ON(sizeof(struct mdma_record) != 32);
QEMU_BUILD_BUG_ON(offsetof(MdmaTenant, int_mask) != offsetof(struct mdma_state, int_mask));

/* A descriptor in the byte order of the host */
typedef struct MdmaDesc {
	uint32_t opcode;
	uint32_t flags;
	uint64_t src;
	uint64_t dst;
	uint32_t len;
	uint32_t seed;
	uint64_t pattern;
	uint64_t record;
	uint64_t cookie;
	uint64_t reserved;
} MdmaDesc;

typedef struct MdmaLog {
	bool on;
	bool outside;
	uint64_t base;
	uint32_t pages;
	uint32_t shift;
	uint32_t index;
	uint32_t words;		/* in bits[], as sized when the log was started */
	uint32_t *bits;
} MdmaLog;

typedef struct MdmaAdi {
	MdmaState *dev;
	unsigned int n;

	/* The host's side */
	uint32_t ctrl;
	uint32_t pasid;
	uint32_t result;
	uint32_t cause;
	uint32_t mask;
	uint32_t errors;
	uint32_t done;
	bool stopped;
	bool draining;
	MdmaLog log;

	/* The tenant's side */
	MdmaTenant t;
	bool line;		/* level of the interrupt line */

	/* The descriptor in flight */
	bool active;
	MdmaDesc desc;
	uint32_t pos;		/* bytes done */
	uint32_t crc;		/* not yet inverted */
} MdmaAdi;

struct MdmaState {
	PCIDevice parent_obj;

	uint32_t adis;
	bool pasid;

	MemoryRegion bar_host;
	MemoryRegion bar_tenant;
	MemoryRegion bar_msix;
	MdmaAdi *adi;
	QEMUTimer *timer;
	unsigned int turn;	/* the ADI that is served first in the next round */
	bool host_line;
};

static uint32_t mdma_bit(bool set, uint32_t bit)
{
	return set ? bit : 0;
}

/* -------- Interrupts -------- */

/* @again: send the message also when the line was high already (data sheet, "Interrupts") */
static bool mdma_set_line(MdmaState *d, unsigned int vector, bool was, bool level, bool again)
{
	PCIDevice *pdev = PCI_DEVICE(d);

	if (level && (!was || again) && msix_enabled(pdev))
		msix_notify(pdev, vector);
	return level;
}

static void mdma_update_tenant_line(MdmaAdi *a, bool again)
{
	a->line = mdma_set_line(a->dev, MDMA_VECTOR_ADI(a->n), a->line,
				a->t.int_cause & ~a->t.int_mask, again);
}

static uint32_t mdma_events(MdmaState *d, unsigned int word)
{
	uint32_t events = 0;

	for (unsigned int i = 0; i < 32 && word * 32 + i < d->adis; i++) {
		MdmaAdi *a = &d->adi[word * 32 + i];

		if (a->cause & ~a->mask)
			events |= 1u << i;
	}
	return events;
}

static void mdma_update_host_line(MdmaState *d, bool again)
{
	bool level = false;

	for (unsigned int word = 0; word < MDMA_MAX_ADIS / 32; word++)
		level |= mdma_events(d, word) != 0;
	d->host_line = mdma_set_line(d, MDMA_VECTOR_HOST, d->host_line, level, again);
}

/* -------- DMA -------- */

static void mdma_log_write(MdmaLog *log, uint64_t addr)
{
	uint64_t base = log->base & ~((1ull << log->shift) - 1);
	uint64_t page;

	if (!log->on)
		return;
	page = (addr - base) >> log->shift;
	if (addr < base || page >= log->pages)
		log->outside = true;
	else
		log->bits[page / 32] |= 1u << (page % 32);
}

static bool mdma_is_master(MdmaState *d)
{
	PCIDevice *pdev = PCI_DEVICE(d);
	uint16_t power = pci_get_word(pdev->config + MDMA_PM_CAP + PCI_PM_CTRL);

	return (pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER) &&
	       !(power & PCI_PM_CTRL_STATE_MASK);
}

static bool mdma_pasid_enabled(MdmaState *d)
{
	uint8_t *config = PCI_DEVICE(d)->config;

	return d->pasid &&
	       (pci_get_word(config + MDMA_PASID_CAP + PCI_PASID_CTRL) & PCI_PASID_CTRL_ENABLE);
}

/*
 * VT-d blocks requests with a PASID unless it translates in scalable mode (VT-d 3.4.4); its model
 * would let them through untranslated, so they are refused here.
 */
static AddressSpace *mdma_pasid_space(MdmaState *d, uint32_t pasid)
{
	PCIDevice *pdev = PCI_DEVICE(d);
	X86IOMMUState *x86_iommu = x86_iommu_get_default();
	IntelIOMMUState *vtd;

	if (!mdma_pasid_enabled(d) || !x86_iommu ||
	    !object_dynamic_cast(OBJECT(x86_iommu), TYPE_INTEL_IOMMU_DEVICE))
		return NULL;
	vtd = INTEL_IOMMU_DEVICE(x86_iommu);
	if (!vtd->pasid || !vtd->dmar_enabled || !vtd->root_scalable)
		return NULL;
	return &vtd_find_add_as(vtd, pci_get_bus(pdev), pdev->devfn, pasid)->as;
}

/*
 * One access within one 4 KiB page. Returns MDMA_ERR_NONE, an error of the ADI's setting, or
 * @fault when the IOMMU or the bus refused it.
 */
static uint32_t mdma_dma(MdmaAdi *a, uint64_t addr, void *buf, uint32_t len, bool write,
			 uint32_t fault)
{
	MdmaState *d = a->dev;
	PCIDevice *pdev = PCI_DEVICE(d);
	/* To memory only: a device's registers could call back into this one */
	MemTxAttrs attrs = {
		.memory = 1,
		.requester_id = pci_requester_id(pdev),
	};
	AddressSpace *as;

	if (!mdma_is_master(d))
		return MDMA_ERR_MASTER;
	if (a->pasid & MDMA_H_PASID_VALID)
		as = mdma_pasid_space(d, a->pasid & MDMA_H_PASID_MASK);
	else if (a->ctrl & MDMA_H_CTRL_RID)
		as = pci_get_address_space(pdev);
	else
		as = NULL;
	if (!as)
		return MDMA_ERR_PASID;
	/* VT-d's model asserts that it never has to translate an address in this window */
	if (addr <= MDMA_INT_WINDOW_END && addr + len - 1 >= MDMA_INT_WINDOW)
		return MDMA_ERR_WINDOW;

	if (write)
		mdma_log_write(&a->log, addr);
	if (address_space_rw(as, addr, attrs, buf, len, write) != MEMTX_OK)
		return fault;
	return MDMA_ERR_NONE;
}

/* -------- The engine of an ADI -------- */

static bool mdma_running(MdmaAdi *a)
{
	return (a->ctrl & MDMA_H_CTRL_ENABLE) && (a->t.ctrl & MDMA_T_CTRL_ENABLE) &&
	       !a->t.err_code && !a->stopped;
}

/* Is there anything to do for the timer? */
static bool mdma_has_work(MdmaAdi *a)
{
	return a->active ||
	       (mdma_running(a) && !a->draining && a->t.ring_head != a->t.ring_tail);
}

static void mdma_kick(MdmaAdi *a)
{
	MdmaState *d = a->dev;

	if (mdma_has_work(a) && !timer_pending(d->timer))
		timer_mod_ns(d->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

static void mdma_end_drain(MdmaAdi *a)
{
	if (!a->draining || a->active)
		return;
	a->draining = false;
	a->stopped = true;
	a->cause |= MDMA_H_INT_DONE;
	mdma_update_host_line(a->dev, false);
}

static uint32_t mdma_write_record(MdmaAdi *a, uint32_t status, uint32_t field, uint64_t addr,
				  uint32_t result)
{
	struct mdma_record record = {
		.status = cpu_to_le32(status),
		.field = cpu_to_le32(field),
		.bytes = cpu_to_le32(a->pos),
		.result = cpu_to_le32(result),
		.addr = cpu_to_le64(addr),
		.cookie = cpu_to_le64(a->desc.cookie),
	};
	uint32_t err;

	err = mdma_dma(a, a->desc.record + sizeof(record.status), &record.field,
		       sizeof(record) - sizeof(record.status), true, MDMA_ERR_RECORD);
	if (err)
		return err;
	/* Who sees the status sees the rest: the tenant polls it from another thread */
	smp_wmb();
	return mdma_dma(a, a->desc.record, &record.status, sizeof(record.status), true,
			MDMA_ERR_RECORD);
}

/* Halt the engine. @record: tell the tenant in its completion record too, as far as possible */
static void mdma_fail(MdmaAdi *a, uint32_t code, uint32_t field, uint64_t addr, bool record)
{
	if (record && a->active && (a->desc.flags & MDMA_DESC_RECORD) &&
	    !(a->desc.record % sizeof(struct mdma_record)))
		mdma_write_record(a, code, field, addr, 0);

	a->active = false;
	a->t.err_code = code;
	a->t.err_field = field;
	a->t.err_addr_lo = addr;
	a->t.err_addr_hi = addr >> 32;
	a->t.err_index = a->t.ring_head;
	a->t.int_cause |= MDMA_T_INT_ERROR;
	a->errors++;
	a->cause |= MDMA_H_INT_ERROR;
	mdma_update_tenant_line(a, false);
	mdma_update_host_line(a->dev, false);
	mdma_end_drain(a);
}

static void mdma_complete(MdmaAdi *a, uint32_t result)
{
	if (a->desc.flags & MDMA_DESC_RECORD) {
		uint32_t err = mdma_write_record(a, MDMA_ERR_OK, MDMA_FIELD_NONE, 0, result);

		if (err) {
			mdma_fail(a, err, MDMA_FIELD_NONE, a->desc.record, false);
			return;
		}
	}
	a->active = false;
	a->t.ring_head = (a->t.ring_head + 1) & (a->t.ring_size - 1);
	a->t.done++;
	a->done++;
	if (a->desc.flags & MDMA_DESC_IRQ) {
		a->t.int_cause |= MDMA_T_INT_COMPLETE;
		mdma_update_tenant_line(a, false);
	}
	mdma_end_drain(a);
}

static uint32_t mdma_check_ring(MdmaTenant *t)
{
	uint64_t base = t->ring_base_lo | (uint64_t)t->ring_base_hi << 32;
	uint64_t bytes = (uint64_t)t->ring_size * sizeof(struct mdma_desc);

	if (t->ring_size < MDMA_MIN_RING || t->ring_size > MDMA_MAX_RING ||
	    !is_power_of_2(t->ring_size))
		return MDMA_FIELD_RING_SIZE;
	if (base % sizeof(struct mdma_desc) || base + bytes - 1 < base)
		return MDMA_FIELD_RING_BASE;
	if (t->ring_head >= t->ring_size)
		return MDMA_FIELD_RING_HEAD;
	if (t->ring_tail >= t->ring_size)
		return MDMA_FIELD_RING_TAIL;
	return MDMA_FIELD_NONE;
}

/* Whatever is on the ring, an enabled engine only ever sees a good one */
static void mdma_start(MdmaAdi *a)
{
	uint32_t field = mdma_check_ring(&a->t);

	if (field)
		mdma_fail(a, MDMA_ERR_RING, field, 0, false);
	else
		mdma_kick(a);
}

static bool mdma_passes_end(uint64_t addr, uint32_t len)
{
	return len && addr + len - 1 < addr;
}

static uint32_t mdma_check_desc(const MdmaDesc *desc)
{
	bool src = desc->opcode == MDMA_OP_COPY || desc->opcode == MDMA_OP_CRC32C ||
		   desc->opcode == MDMA_OP_COMPARE;
	bool dst = desc->opcode == MDMA_OP_COPY || desc->opcode == MDMA_OP_FILL ||
		   desc->opcode == MDMA_OP_COMPARE;
	uint64_t distance = desc->src < desc->dst ? desc->dst - desc->src : desc->src - desc->dst;

	if (desc->opcode > MDMA_OP_COMPARE)
		return MDMA_FIELD_OPCODE;
	if (desc->flags & ~MDMA_DESC_FLAGS)
		return MDMA_FIELD_FLAGS;
	if (desc->reserved)
		return MDMA_FIELD_RESERVED;
	if (desc->flags & MDMA_DESC_RECORD ? desc->record % sizeof(struct mdma_record) :
	    desc->record)
		return MDMA_FIELD_RECORD;
	if (desc->len > (desc->opcode == MDMA_OP_NOP ? 0 : MDMA_MAX_LEN))
		return MDMA_FIELD_LEN;
	if (src ? mdma_passes_end(desc->src, desc->len) : desc->src)
		return MDMA_FIELD_SRC;
	if (dst ? mdma_passes_end(desc->dst, desc->len) : desc->dst)
		return MDMA_FIELD_DST;
	if (desc->opcode == MDMA_OP_COPY && distance < desc->len)
		return MDMA_FIELD_DST;
	if (desc->opcode != MDMA_OP_CRC32C && desc->seed)
		return MDMA_FIELD_SEED;
	if (desc->opcode != MDMA_OP_FILL && desc->pattern)
		return MDMA_FIELD_PATTERN;
	return MDMA_FIELD_NONE;
}

/* Read the descriptor at HEAD, once, and check the copy */
static void mdma_fetch(MdmaAdi *a)
{
	uint64_t addr = (a->t.ring_base_lo | (uint64_t)a->t.ring_base_hi << 32) +
			(uint64_t)a->t.ring_head * sizeof(struct mdma_desc);
	struct mdma_desc raw;
	uint32_t err, field;

	err = mdma_dma(a, addr, &raw, sizeof(raw), false, MDMA_ERR_FETCH);
	if (err) {
		mdma_fail(a, err, MDMA_FIELD_NONE, addr, false);
		return;
	}
	a->desc = (MdmaDesc) {
		.opcode = le32_to_cpu(raw.opcode),
		.flags = le32_to_cpu(raw.flags),
		.src = le64_to_cpu(raw.src),
		.dst = le64_to_cpu(raw.dst),
		.len = le32_to_cpu(raw.len),
		.seed = le32_to_cpu(raw.seed),
		.pattern = le64_to_cpu(raw.pattern),
		.record = le64_to_cpu(raw.record),
		.cookie = le64_to_cpu(raw.cookie),
		.reserved = le64_to_cpu(raw.reserved),
	};
	a->pos = 0;
	a->crc = ~a->desc.seed;
	a->active = true;
	field = mdma_check_desc(&a->desc);
	if (field)
		mdma_fail(a, MDMA_ERR_DESC, field, 0, true);
}

static uint32_t mdma_to_page_end(uint64_t addr)
{
	return MDMA_PART - addr % MDMA_PART;
}

/* Bytes up to the next page boundary of either address */
static uint32_t mdma_part(MdmaAdi *a)
{
	uint32_t n = a->desc.len - a->pos;

	if (a->desc.opcode != MDMA_OP_FILL)
		n = MIN(n, mdma_to_page_end(a->desc.src + a->pos));
	if (a->desc.opcode != MDMA_OP_CRC32C)
		n = MIN(n, mdma_to_page_end(a->desc.dst + a->pos));
	return n;
}

/* Work on the descriptor in flight, one part. Returns the bytes moved. */
static uint32_t mdma_move(MdmaAdi *a)
{
	uint64_t src = a->desc.src + a->pos, dst = a->desc.dst + a->pos, at = src;
	uint8_t one[MDMA_PART], two[MDMA_PART];
	uint32_t n, err = MDMA_ERR_NONE, result = 0;

	if (a->pos == a->desc.len) {
		if (a->desc.opcode == MDMA_OP_CRC32C)
			result = ~a->crc;
		mdma_complete(a, result);
		return 0;
	}
	n = mdma_part(a);

	if (a->desc.opcode == MDMA_OP_FILL) {
		uint64_t pattern = ror64(a->desc.pattern, a->pos % 8 * 8);

		for (uint32_t i = 0; i < n; i += 8)
			stq_le_p(one + i, pattern);
	} else {
		err = mdma_dma(a, src, one, n, false, MDMA_ERR_READ);
	}

	if (!err && a->desc.opcode != MDMA_OP_CRC32C) {
		bool write = a->desc.opcode != MDMA_OP_COMPARE;

		at = dst;
		err = mdma_dma(a, dst, write ? one : two, n, write,
			       write ? MDMA_ERR_WRITE : MDMA_ERR_READ);
	}
	if (err) {
		mdma_fail(a, err, MDMA_FIELD_NONE, at, true);
		return n;
	}

	if (a->desc.opcode == MDMA_OP_CRC32C) {
		a->crc = ~crc32c(a->crc, one, n);
	} else if (a->desc.opcode == MDMA_OP_COMPARE && memcmp(one, two, n)) {
		for (uint32_t i = 0; one[i] == two[i]; i++)
			a->pos++;
		mdma_complete(a, 1);
		return n;
	}
	a->pos += n;
	return n;
}

static int64_t mdma_run_adi(MdmaAdi *a)
{
	int64_t cost = 0;

	while (cost < MDMA_ADI_BUDGET && mdma_has_work(a)) {
		if (a->active) {
			cost += mdma_move(a);
		} else {
			mdma_fetch(a);
			cost += MDMA_DESC_COST;
		}
	}
	return cost;
}

static void mdma_timer(void *opaque)
{
	MdmaState *d = opaque;
	int64_t budget = MDMA_ROUND_BUDGET;
	unsigned int idle = 0;

	while (idle < d->adis && budget > 0) {
		MdmaAdi *a = &d->adi[d->turn];

		d->turn = (d->turn + 1) % d->adis;
		if (mdma_has_work(a)) {
			budget -= mdma_run_adi(a);
			idle = 0;
		} else {
			idle++;
		}
	}
	if (idle < d->adis)
		timer_mod_ns(d->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + MDMA_PAUSE_NS);
}

/* -------- Resets and commands -------- */

static void mdma_reset_tenant(MdmaAdi *a)
{
	a->active = false;
	a->t = (MdmaTenant) {
		.version = MDMA_VERSION,
		.int_mask = MDMA_T_INT_ALL,
	};
	mdma_update_tenant_line(a, false);
	mdma_end_drain(a);
}

static void mdma_reset_by_host(MdmaAdi *a)
{
	a->draining = false;
	a->stopped = false;
	mdma_reset_tenant(a);
}

static void mdma_reset_log(MdmaLog *log)
{
	g_free(log->bits);
	*log = (MdmaLog) { .shift = MDMA_LOG_SHIFT_MIN };
}

static void mdma_reset_all(MdmaState *d)
{
	for (unsigned int i = 0; i < d->adis; i++) {
		MdmaAdi *a = &d->adi[i];

		mdma_reset_by_host(a);
		mdma_reset_log(&a->log);
		a->ctrl = 0;
		a->pasid = 0;
		a->result = MDMA_RESULT_OK;
		a->cause = 0;
		a->mask = MDMA_H_INT_DONE | MDMA_H_INT_ERROR;
		a->errors = 0;
		a->done = 0;
	}
	timer_del(d->timer);
	d->turn = 0;
	d->host_line = false;
}

static uint32_t mdma_command(MdmaAdi *a, uint32_t cmd)
{
	if (cmd < MDMA_CMD_DRAIN || cmd > MDMA_CMD_RESUME)
		return MDMA_RESULT_BAD_CMD;
	if (!(a->ctrl & MDMA_H_CTRL_ENABLE))
		return MDMA_RESULT_DISABLED;
	if (a->draining && cmd != MDMA_CMD_ABORT && cmd != MDMA_CMD_RESET)
		return MDMA_RESULT_BUSY;

	switch (cmd) {
	case MDMA_CMD_DRAIN:
		a->draining = true;
		mdma_end_drain(a);
		break;
	case MDMA_CMD_ABORT:
		a->draining = false;
		a->stopped = true;
		if (a->active)
			mdma_fail(a, MDMA_ERR_ABORTED, MDMA_FIELD_NONE, 0, true);
		break;
	case MDMA_CMD_RESET:
		mdma_reset_by_host(a);
		break;
	case MDMA_CMD_RESUME:
		if (!a->stopped)
			break;
		a->stopped = false;
		mdma_update_tenant_line(a, true);
		if (mdma_running(a))
			mdma_start(a);
		break;
	}
	return MDMA_RESULT_OK;
}

/* May the host change where this ADI's DMA goes, or its saved state? */
static bool mdma_is_quiet(MdmaAdi *a)
{
	return !(a->ctrl & MDMA_H_CTRL_ENABLE) || (a->stopped && !a->draining);
}

/* -------- The host page -------- */

static void mdma_write_host_ctrl(MdmaAdi *a, uint32_t val)
{
	val &= MDMA_H_CTRL_ENABLE | MDMA_H_CTRL_RID;
	if ((a->ctrl & MDMA_H_CTRL_ENABLE) && !(val & MDMA_H_CTRL_ENABLE)) {
		a->ctrl &= ~MDMA_H_CTRL_ENABLE;
		mdma_reset_by_host(a);
	}
	if ((val ^ a->ctrl) & MDMA_H_CTRL_RID) {
		a->result = mdma_is_quiet(a) ? MDMA_RESULT_OK : MDMA_RESULT_NOT_STOPPED;
		if (a->result)
			return;
	}
	a->ctrl = val;
}

static uint32_t mdma_write_pasid(MdmaAdi *a, uint32_t val)
{
	uint32_t pasid = val & MDMA_H_PASID_MASK;

	if (!mdma_is_quiet(a))
		return MDMA_RESULT_NOT_STOPPED;
	if (val & ~(MDMA_H_PASID_MASK | MDMA_H_PASID_VALID))
		return MDMA_RESULT_BAD_VALUE;
	if ((val & MDMA_H_PASID_VALID) &&
	    (!a->dev->pasid || !pasid || pasid >= 1u << MDMA_PASID_BITS))
		return MDMA_RESULT_BAD_VALUE;
	a->pasid = val;
	return MDMA_RESULT_OK;
}

static void mdma_write_log_ctrl(MdmaLog *log, uint32_t val)
{
	bool on = val & MDMA_H_LOG_ENABLE;

	if (on && !log->on) {
		g_free(log->bits);
		log->words = DIV_ROUND_UP(log->pages, 32);
		log->bits = g_new0(uint32_t, log->words);
		log->outside = false;
		log->index = 0;
	}
	log->on = on;
}

static uint32_t mdma_write_log_range(MdmaLog *log, hwaddr reg, uint32_t val)
{
	if (log->on)
		return MDMA_RESULT_NOT_STOPPED;

	switch (reg) {
	case MDMA_H_LOG_BASE_LO:
		log->base = deposit64(log->base, 0, 32, val);
		break;
	case MDMA_H_LOG_BASE_HI:
		log->base = deposit64(log->base, 32, 32, val);
		break;
	case MDMA_H_LOG_PAGES:
		if (val > MDMA_LOG_PAGES_MAX)
			return MDMA_RESULT_BAD_VALUE;
		log->pages = val;
		break;
	case MDMA_H_LOG_SHIFT:
		if (val < MDMA_LOG_SHIFT_MIN || val > MDMA_LOG_SHIFT_MAX)
			return MDMA_RESULT_BAD_VALUE;
		log->shift = val;
		break;
	}
	return MDMA_RESULT_OK;
}

static uint32_t mdma_read_log_data(MdmaLog *log)
{
	uint32_t val;

	if (log->index >= log->words)
		return 0;
	val = log->bits[log->index];
	log->bits[log->index++] = 0;
	return val;
}

static uint32_t mdma_read_log_next(MdmaLog *log)
{
	while (log->index < log->words && !log->bits[log->index])
		log->index++;
	return log->index < log->words ? log->index : MDMA_LOG_END;
}

static uint32_t mdma_write_state(MdmaAdi *a, hwaddr offset, uint32_t val)
{
	if (!mdma_is_quiet(a) || !(a->ctrl & MDMA_H_CTRL_ENABLE))
		return MDMA_RESULT_NOT_STOPPED;

	switch (offset) {
	case offsetof(MdmaTenant, version):
	case offsetof(MdmaTenant, reserved):
		return MDMA_RESULT_OK;
	case offsetof(MdmaTenant, ctrl):
		val &= MDMA_T_CTRL_ENABLE;
		break;
	case offsetof(MdmaTenant, int_cause):
	case offsetof(MdmaTenant, int_mask):
		val &= MDMA_T_INT_ALL;
		break;
	}
	memcpy((uint8_t *)&a->t + offset, &val, sizeof(val));
	return MDMA_RESULT_OK;
}

static uint32_t mdma_read_host(MdmaAdi *a, hwaddr reg)
{
	uint32_t val;

	switch (reg) {
	case MDMA_H_ID:
		return MDMA_ID;
	case MDMA_H_ADI:
		return a->n;
	case MDMA_H_CTRL:
		return a->ctrl;
	case MDMA_H_STATUS:
		return mdma_bit(a->draining, MDMA_H_STATUS_BUSY) |
		       mdma_bit(a->active, MDMA_H_STATUS_ACTIVE) |
		       mdma_bit(a->stopped, MDMA_H_STATUS_STOPPED) |
		       mdma_bit(a->t.err_code, MDMA_H_STATUS_ERROR);
	case MDMA_H_RESULT:
		return a->result;
	case MDMA_H_PASID:
		return a->pasid;
	case MDMA_H_CAUSE:
		return a->cause;
	case MDMA_H_MASK:
		return a->mask;
	case MDMA_H_ERRORS:
		return a->errors;
	case MDMA_H_DONE:
		return a->done;
	case MDMA_H_LOG_CTRL:
		return mdma_bit(a->log.on, MDMA_H_LOG_ENABLE);
	case MDMA_H_LOG_STATUS:
		return mdma_bit(a->log.outside, MDMA_H_LOG_OUTSIDE);
	case MDMA_H_LOG_BASE_LO:
		return a->log.base;
	case MDMA_H_LOG_BASE_HI:
		return a->log.base >> 32;
	case MDMA_H_LOG_PAGES:
		return a->log.pages;
	case MDMA_H_LOG_SHIFT:
		return a->log.shift;
	case MDMA_H_LOG_INDEX:
		return a->log.index;
	case MDMA_H_LOG_DATA:
		return mdma_read_log_data(&a->log);
	case MDMA_H_LOG_NEXT:
		return mdma_read_log_next(&a->log);
	case MDMA_H_STATE_SIZE:
		return sizeof(a->t);
	case MDMA_H_STATE ... MDMA_H_STATE + sizeof(a->t) - 1:
		memcpy(&val, (uint8_t *)&a->t + (reg - MDMA_H_STATE), sizeof(val));
		return val;
	}
	return 0;
}

static void mdma_write_host(MdmaAdi *a, hwaddr reg, uint32_t val)
{
	switch (reg) {
	case MDMA_H_CTRL:
		mdma_write_host_ctrl(a, val);
		break;
	case MDMA_H_CMD:
		a->result = mdma_command(a, val);
		break;
	case MDMA_H_PASID:
		a->result = mdma_write_pasid(a, val);
		break;
	case MDMA_H_CAUSE:
		a->cause &= ~val;
		mdma_update_host_line(a->dev, true);
		break;
	case MDMA_H_MASK:
		a->mask = val & (MDMA_H_INT_DONE | MDMA_H_INT_ERROR);
		mdma_update_host_line(a->dev, true);
		break;
	case MDMA_H_LOG_CTRL:
		mdma_write_log_ctrl(&a->log, val);
		break;
	case MDMA_H_LOG_BASE_LO:
	case MDMA_H_LOG_BASE_HI:
	case MDMA_H_LOG_PAGES:
	case MDMA_H_LOG_SHIFT:
		a->result = mdma_write_log_range(&a->log, reg, val);
		break;
	case MDMA_H_LOG_INDEX:
		a->log.index = val;
		break;
	case MDMA_H_STATE ... MDMA_H_STATE + sizeof(a->t) - 1:
		a->result = mdma_write_state(a, reg - MDMA_H_STATE, val);
		break;
	}
}

/* -------- The global page -------- */

static uint32_t mdma_read_global(MdmaState *d, hwaddr reg)
{
	switch (reg) {
	case MDMA_G_ID:
		return MDMA_ID;
	case MDMA_G_VERSION:
		return MDMA_VERSION;
	case MDMA_G_ADIS:
		return d->adis;
	case MDMA_G_CAPS:
		return MDMA_G_CAPS_STATE | MDMA_G_CAPS_DIRTY |
		       (d->pasid ? MDMA_G_CAPS_PASID | MDMA_PASID_BITS << 8 : 0);
	case MDMA_G_STATUS:
		return mdma_bit(mdma_pasid_enabled(d), MDMA_G_STATUS_PASID) |
		       mdma_bit(mdma_is_master(d), MDMA_G_STATUS_MASTER);
	case MDMA_G_EVENTS(0):
	case MDMA_G_EVENTS(1):
	case MDMA_G_EVENTS(2):
	case MDMA_G_EVENTS(3):
		return mdma_events(d, (reg - MDMA_G_EVENTS(0)) / 4);
	}
	return 0;
}

static void mdma_write_global(MdmaState *d, hwaddr reg, uint32_t val)
{
	if (reg == MDMA_G_CTRL && (val & MDMA_G_CTRL_RESET))
		mdma_reset_all(d);
}

/* -------- The tenant page -------- */

static uint32_t mdma_read_tenant(MdmaAdi *a, hwaddr reg)
{
	switch (reg) {
	case MDMA_T_ID:
		return MDMA_ID;
	case MDMA_T_VERSION:
		return MDMA_VERSION;
	case MDMA_T_OPS:
		return MDMA_OPS_ALL;
	case MDMA_T_MAX_LEN:
		return MDMA_MAX_LEN;
	case MDMA_T_MAX_RING:
		return MDMA_MAX_RING;
	case MDMA_T_CTRL:
		return a->t.ctrl;
	case MDMA_T_STATUS:
		return mdma_bit(mdma_running(a), MDMA_T_STATUS_RUNNING) |
		       mdma_bit(a->active, MDMA_T_STATUS_BUSY) |
		       mdma_bit(a->t.ring_head == a->t.ring_tail, MDMA_T_STATUS_EMPTY) |
		       mdma_bit(a->t.err_code, MDMA_T_STATUS_ERROR) |
		       mdma_bit(a->stopped, MDMA_T_STATUS_STOPPED) |
		       mdma_bit(a->ctrl & MDMA_H_CTRL_ENABLE, MDMA_T_STATUS_HOST_ON);
	case MDMA_T_RING_BASE_LO:
		return a->t.ring_base_lo;
	case MDMA_T_RING_BASE_HI:
		return a->t.ring_base_hi;
	case MDMA_T_RING_SIZE:
		return a->t.ring_size;
	case MDMA_T_RING_TAIL:
		return a->t.ring_tail;
	case MDMA_T_RING_HEAD:
		return a->t.ring_head;
	case MDMA_T_DONE:
		return a->t.done;
	case MDMA_T_ERR_CODE:
		return a->t.err_code;
	case MDMA_T_ERR_FIELD:
		return a->t.err_field;
	case MDMA_T_ERR_ADDR_LO:
		return a->t.err_addr_lo;
	case MDMA_T_ERR_ADDR_HI:
		return a->t.err_addr_hi;
	case MDMA_T_ERR_INDEX:
		return a->t.err_index;
	case MDMA_T_INT_CAUSE:
		return a->t.int_cause;
	case MDMA_T_INT_MASK:
		return a->t.int_mask;
	}
	return 0;
}

static void mdma_write_tenant_ctrl(MdmaAdi *a, uint32_t val)
{
	bool was = a->t.ctrl & MDMA_T_CTRL_ENABLE;

	if (val & MDMA_T_CTRL_RESET) {
		mdma_reset_tenant(a);
	} else if (!(val & MDMA_T_CTRL_ENABLE)) {
		a->t.ctrl = 0;
	} else if (!was && !a->t.err_code) {
		a->t.ctrl = MDMA_T_CTRL_ENABLE;
		mdma_start(a);
	}
}

static void mdma_write_ring(MdmaAdi *a, uint32_t *word, uint32_t val)
{
	if ((a->t.ctrl & MDMA_T_CTRL_ENABLE) || a->active)
		return;
	*word = val;
	a->t.ring_head = 0;
	a->t.ring_tail = 0;
}

static void mdma_write_tail(MdmaAdi *a, uint32_t val)
{
	if (!(a->t.ctrl & MDMA_T_CTRL_ENABLE) || a->t.err_code)
		return;
	if (val >= a->t.ring_size) {
		mdma_fail(a, MDMA_ERR_RING, MDMA_FIELD_RING_TAIL, 0, true);
		return;
	}
	a->t.ring_tail = val;
	mdma_kick(a);
}

static void mdma_write_tenant(MdmaAdi *a, hwaddr reg, uint32_t val)
{
	if (!(a->ctrl & MDMA_H_CTRL_ENABLE))
		return;

	switch (reg) {
	case MDMA_T_CTRL:
		mdma_write_tenant_ctrl(a, val);
		break;
	case MDMA_T_RING_BASE_LO:
		mdma_write_ring(a, &a->t.ring_base_lo, val);
		break;
	case MDMA_T_RING_BASE_HI:
		mdma_write_ring(a, &a->t.ring_base_hi, val);
		break;
	case MDMA_T_RING_SIZE:
		mdma_write_ring(a, &a->t.ring_size, val);
		break;
	case MDMA_T_RING_TAIL:
		mdma_write_tail(a, val);
		break;
	case MDMA_T_INT_CAUSE:
		a->t.int_cause &= ~val;
		mdma_update_tenant_line(a, true);
		break;
	case MDMA_T_INT_MASK:
		a->t.int_mask = val & MDMA_T_INT_ALL;
		mdma_update_tenant_line(a, true);
		break;
	}
}

/* -------- BARs -------- */

static uint32_t mdma_read_host_bar(MdmaState *d, hwaddr addr)
{
	hwaddr page = addr / MDMA_PAGE_SIZE, reg = addr % MDMA_PAGE_SIZE;

	if (!page)
		return mdma_read_global(d, reg);
	return page <= d->adis ? mdma_read_host(&d->adi[page - 1], reg) : UINT32_MAX;
}

static void mdma_write_host_bar(MdmaState *d, hwaddr addr, uint32_t val)
{
	hwaddr page = addr / MDMA_PAGE_SIZE, reg = addr % MDMA_PAGE_SIZE;

	if (!page)
		mdma_write_global(d, reg, val);
	else if (page <= d->adis)
		mdma_write_host(&d->adi[page - 1], reg, val);
}

static uint32_t mdma_read_tenant_bar(MdmaState *d, hwaddr addr)
{
	hwaddr page = addr / MDMA_PAGE_SIZE;

	if (page >= d->adis)
		return UINT32_MAX;
	return mdma_read_tenant(&d->adi[page], addr % MDMA_PAGE_SIZE);
}

static void mdma_write_tenant_bar(MdmaState *d, hwaddr addr, uint32_t val)
{
	hwaddr page = addr / MDMA_PAGE_SIZE;

	if (page < d->adis)
		mdma_write_tenant(&d->adi[page], addr % MDMA_PAGE_SIZE, val);
}

/* The data sheet knows aligned accesses of 4 and 8 bytes; the latter are two of the former */
static bool mdma_access_is_good(hwaddr addr, unsigned int size)
{
	return (size == 4 || size == 8) && !(addr % size);
}

static uint64_t mdma_read(MdmaState *d, hwaddr addr, unsigned int size,
			  uint32_t (*read)(MdmaState *d, hwaddr addr))
{
	uint64_t val;

	if (!mdma_access_is_good(addr, size))
		return UINT64_MAX;
	val = read(d, addr);
	if (size == 8)
		val |= (uint64_t)read(d, addr + 4) << 32;
	return val;
}

static void mdma_write(MdmaState *d, hwaddr addr, uint64_t val, unsigned int size,
		       void (*write)(MdmaState *d, hwaddr addr, uint32_t val))
{
	if (!mdma_access_is_good(addr, size))
		return;
	write(d, addr, val);
	if (size == 8)
		write(d, addr + 4, val >> 32);
}

static uint64_t mdma_host_ops_read(void *opaque, hwaddr addr, unsigned int size)
{
	return mdma_read(opaque, addr, size, mdma_read_host_bar);
}

static void mdma_host_ops_write(void *opaque, hwaddr addr, uint64_t val, unsigned int size)
{
	mdma_write(opaque, addr, val, size, mdma_write_host_bar);
}

static uint64_t mdma_tenant_ops_read(void *opaque, hwaddr addr, unsigned int size)
{
	return mdma_read(opaque, addr, size, mdma_read_tenant_bar);
}

static void mdma_tenant_ops_write(void *opaque, hwaddr addr, uint64_t val, unsigned int size)
{
	mdma_write(opaque, addr, val, size, mdma_write_tenant_bar);
}

#define MDMA_ACCESS_SIZES { .min_access_size = 1, .max_access_size = 8, .unaligned = true }

static const MemoryRegionOps mdma_host_ops = {
	.read = mdma_host_ops_read,
	.write = mdma_host_ops_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = MDMA_ACCESS_SIZES,
	.impl = MDMA_ACCESS_SIZES,
};

static const MemoryRegionOps mdma_tenant_ops = {
	.read = mdma_tenant_ops_read,
	.write = mdma_tenant_ops_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = MDMA_ACCESS_SIZES,
	.impl = MDMA_ACCESS_SIZES,
};

/* -------- PCI -------- */

static void mdma_config_write(PCIDevice *pdev, uint32_t addr, uint32_t val, int len)
{
	pci_default_write_config(pdev, addr, val, len);
	pcie_cap_flr_write_config(pdev, addr, val, len);
}

static void mdma_reset_hold(Object *obj, ResetType type)
{
	MdmaState *d = MDMA(obj);
	PCIDevice *pdev = PCI_DEVICE(obj);

	if (d->pasid)
		pci_set_word(pdev->config + MDMA_PASID_CAP + PCI_PASID_CTRL, 0);
	mdma_reset_all(d);
}

static int mdma_add_capabilities(MdmaState *d, Error **errp)
{
	PCIDevice *pdev = PCI_DEVICE(d);
	int ret;

	ret = pci_pm_init(pdev, MDMA_PM_CAP, errp);
	if (ret < 0)
		return ret;
	pci_set_word(pdev->config + MDMA_PM_CAP + PCI_PM_PMC, 3);
	pci_set_word(pdev->config + MDMA_PM_CAP + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
	pci_set_word(pdev->wmask + MDMA_PM_CAP + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);

	ret = pcie_endpoint_cap_init(pdev, MDMA_PCIE_CAP);
	if (ret < 0) {
		error_setg(errp, "mdma: no room for the PCI Express capability");
		return ret;
	}
	pcie_cap_flr_init(pdev);

	if (d->pasid) {
		pcie_add_capability(pdev, PCI_EXT_CAP_ID_PASID, 1, MDMA_PASID_CAP,
				    PCI_EXT_CAP_PASID_SIZEOF);
		pci_set_word(pdev->config + MDMA_PASID_CAP + PCI_PASID_CAP, MDMA_PASID_BITS << 8);
		pci_set_word(pdev->wmask + MDMA_PASID_CAP + PCI_PASID_CTRL, PCI_PASID_CTRL_ENABLE);
	}
	return 0;
}

static int mdma_add_msix(MdmaState *d, Error **errp)
{
	PCIDevice *pdev = PCI_DEVICE(d);
	int ret;

	memory_region_init(&d->bar_msix, OBJECT(d), "mdma-msix", MDMA_MSIX_BAR_SIZE);
	ret = msix_init(pdev, d->adis + 1, &d->bar_msix, MDMA_BAR_MSIX, MDMA_MSIX_TABLE,
			&d->bar_msix, MDMA_BAR_MSIX, MDMA_MSIX_PBA, 0, errp);
	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i <= d->adis; i++)
		msix_vector_use(pdev, i);
	return 0;
}

static void mdma_realize(PCIDevice *pdev, Error **errp)
{
	const uint8_t bar_type = PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64;
	MdmaState *d = MDMA(pdev);

	if (d->adis < 1 || d->adis > MDMA_MAX_ADIS) {
		error_setg(errp, "mdma: adis=%u is not in the range 1 to %u", d->adis,
			   MDMA_MAX_ADIS);
		return;
	}
	if (!pci_bus_is_express(pci_get_bus(pdev))) {
		error_setg(errp, "mdma: needs a PCI Express bus (-machine q35)");
		return;
	}
	if (mdma_add_capabilities(d, errp) < 0 || mdma_add_msix(d, errp) < 0)
		return;

	memory_region_init_io(&d->bar_host, OBJECT(d), &mdma_host_ops, d, "mdma-host",
			      pow2ceil(MDMA_HOST_PAGE(d->adis)));
	memory_region_init_io(&d->bar_tenant, OBJECT(d), &mdma_tenant_ops, d, "mdma-tenant",
			      pow2ceil(MDMA_TENANT_PAGE(d->adis)));
	pci_register_bar(pdev, MDMA_BAR_HOST, bar_type, &d->bar_host);
	pci_register_bar(pdev, MDMA_BAR_TENANT, bar_type, &d->bar_tenant);
	pci_register_bar(pdev, MDMA_BAR_MSIX, bar_type, &d->bar_msix);

	d->adi = g_new0(MdmaAdi, d->adis);
	for (unsigned int i = 0; i < d->adis; i++) {
		d->adi[i].dev = d;
		d->adi[i].n = i;
	}
	/* The virtual clock stands still while the VM is stopped, and so does the engine */
	d->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, mdma_timer, d);
}

static void mdma_exit(PCIDevice *pdev)
{
	MdmaState *d = MDMA(pdev);

	mdma_reset_all(d);
	msix_uninit(pdev, &d->bar_msix, &d->bar_msix);
	pcie_cap_exit(pdev);
}

/* A virtual CPU may be on its way into a BAR while the device is unplugged: free nothing before */
static void mdma_finalize(Object *obj)
{
	MdmaState *d = MDMA(obj);

	if (!d->adi)
		return;
	timer_free(d->timer);
	for (unsigned int i = 0; i < d->adis; i++)
		g_free(d->adi[i].log.bits);
	g_free(d->adi);
}

static const VMStateDescription mdma_vmstate = {
	.name = TYPE_MDMA,
	.unmigratable = 1,
};

static const Property mdma_properties[] = {
	DEFINE_PROP_UINT32("adis", MdmaState, adis, 16),
	DEFINE_PROP_BOOL("pasid", MdmaState, pasid, true),
};

static void mdma_class_init(ObjectClass *class, void *data)
{
	DeviceClass *dc = DEVICE_CLASS(class);
	PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);
	ResettableClass *rc = RESETTABLE_CLASS(class);

	dc->desc = "DMA engine with PASIDs, for the mdevkit lab";
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
	device_class_set_props(dc, mdma_properties);
	dc->vmsd = &mdma_vmstate;
	rc->phases.hold = mdma_reset_hold;
	pc->realize = mdma_realize;
	pc->exit = mdma_exit;
	pc->config_write = mdma_config_write;
	pc->vendor_id = MDMA_PCI_VENDOR;
	pc->device_id = MDMA_PCI_DEVICE;
	pc->revision = MDMA_PCI_REVISION;
	pc->class_id = PCI_CLASS_SYSTEM_DMA;
}

static const TypeInfo mdma_type = {
	.name = TYPE_MDMA,
	.parent = TYPE_PCI_DEVICE,
	.instance_size = sizeof(MdmaState),
	.instance_finalize = mdma_finalize,
	.class_init = mdma_class_init,
	.interfaces = (InterfaceInfo[]) {
		{ INTERFACE_PCIE_DEVICE },
		{ }
	},
};

static void mdma_register(void)
{
	type_register_static(&mdma_type);
}

type_init(mdma_register)
