// SPDX-License-Identifier: GPL-2.0-only
/* The DMA engine against its data sheet: its registers. See lib/engine.h. */
#include "lib/engine.h"

TEST("after a reset every register has the value of the data sheet")
{
	struct engine e;

	engine_open(&e);
	CHECK_EQ(config_get(&e.client, PCI_VENDOR_ID, 2), MDMA_PCI_VENDOR);
	CHECK_EQ(config_get(&e.client, PCI_DEVICE_ID, 2), MDMA_PCI_DEVICE);
	CHECK_EQ(config_get(&e.client, PCI_CLASS_REVISION, 4), 0x08010001);
	CHECK_EQ(get32(e.host + MDMA_G_ID), MDMA_ID);
	CHECK_EQ(get32(e.host + MDMA_G_VERSION), MDMA_VERSION);
	/* PASID Enable is up to the IOMMU driver */
	CHECK_EQ(get32(e.host + MDMA_G_STATUS) & ~MDMA_G_STATUS_PASID, MDMA_G_STATUS_MASTER);
	CHECK(get32(e.host + MDMA_G_CAPS) & MDMA_G_CAPS_STATE);
	CHECK(get32(e.host + MDMA_G_CAPS) & MDMA_G_CAPS_DIRTY);
	for (unsigned int adi = 0; adi < e.adis; adi++) {
		CHECK_EQ(host_get(&e, adi, MDMA_H_ID), MDMA_ID);
		CHECK_EQ(host_get(&e, adi, MDMA_H_ADI), adi);
		for (unsigned int reg = MDMA_H_CTRL; reg < MDMA_H_STATE_SIZE; reg += 4) {
			uint32_t want = reg == MDMA_H_MASK ? 3 : reg == MDMA_H_LOG_SHIFT ? 12 :
					reg == MDMA_H_LOG_NEXT ? MDMA_LOG_END : 0;

			CHECK_EQ(host_get(&e, adi, reg), want, "host register 0x%x", reg);
		}
		CHECK_EQ(host_get(&e, adi, MDMA_H_STATE_SIZE), sizeof(struct mdma_state));
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_ID), MDMA_ID);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_VERSION), MDMA_VERSION);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_OPS), MDMA_OPS_ALL);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_MAX_LEN), MDMA_MAX_LEN);
		CHECK_EQ(tenant_get(&e, adi, MDMA_T_MAX_RING), MDMA_MAX_RING);
		for (unsigned int reg = MDMA_T_MAX_RING + 4; reg < MDMA_PAGE_SIZE; reg += 4) {
			uint32_t want = reg == MDMA_T_INT_MASK ? MDMA_T_INT_ALL :
					reg == MDMA_T_STATUS ? MDMA_T_STATUS_EMPTY : 0;

			if (adi > 1 && reg > MDMA_T_INT_MASK)
				break;
			CHECK_EQ(tenant_get(&e, adi, reg), want, "tenant register 0x%x", reg);
		}
	}
}

TEST("an access of the wrong size or alignment reads all-ones and writes nothing")
{
	volatile uint8_t *page;
	struct engine e;

	engine_open(&e);
	engine_enable_adi(&e, 0);
	page = e.tenant;
	tenant_put(&e, 0, MDMA_T_RING_BASE_LO, 0x11223344);
	CHECK_EQ(page[MDMA_T_RING_BASE_LO], 0xff);
	CHECK_EQ(*(volatile uint16_t *)(page + MDMA_T_RING_BASE_LO), 0xffff);
	page[MDMA_T_RING_BASE_LO] = 0x55;
	*(volatile uint16_t *)(page + MDMA_T_RING_BASE_LO) = 0x6666;
	*(volatile uint32_t *)(page + MDMA_T_RING_BASE_LO + 2) = 0x77777777;
	*(volatile uint32_t *)(page + MDMA_T_RING_BASE_LO - 1) = 0x88888888;
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_LO), 0x11223344);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_HI), 0);

	/* 8 bytes at a multiple of 8 are two registers */
	*(volatile uint64_t *)(page + MDMA_T_RING_BASE_LO) = htole64(0x123456789abcdef0);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_LO), 0x9abcdef0);
	CHECK_EQ(tenant_get(&e, 0, MDMA_T_RING_BASE_HI), 0x12345678);
	CHECK_EQ(*(volatile uint64_t *)(page + MDMA_T_RING_BASE_LO), htole64(0x123456789abcdef0));
}

TEST("read-only registers and pages without an ADI ignore writes")
{
	static const unsigned int ro[] = {
		MDMA_T_ID, MDMA_T_VERSION, MDMA_T_OPS, MDMA_T_MAX_LEN, MDMA_T_MAX_RING,
		MDMA_T_STATUS, MDMA_T_RING_HEAD, MDMA_T_DONE, MDMA_T_ERR_CODE, MDMA_T_ERR_FIELD,
		MDMA_T_ERR_ADDR_LO, MDMA_T_ERR_ADDR_HI, MDMA_T_ERR_INDEX, MDMA_T_INT_CAUSE,
		0x014, 0x03c, 0x074, 0x088, 0xffc,
	};
	struct engine e;

	engine_open(&e);
	engine_enable_adi(&e, 0);
	for (size_t i = 0; i < sizeof(ro) / sizeof(ro[0]); i++) {
		uint32_t before = tenant_get(&e, 0, ro[i]);

		tenant_put(&e, 0, ro[i], ~before);
		CHECK_EQ(tenant_get(&e, 0, ro[i]), before, "tenant register 0x%x", ro[i]);
	}
	/* BAR 0 holds one page more than there are ADIs, and is a power of two */
	for (uint64_t at = MDMA_HOST_PAGE(e.adis); at < e.client.bars[MDMA_BAR_HOST].size;
	     at += MDMA_PAGE_SIZE) {
		put32(e.host + at + MDMA_H_CTRL, MDMA_H_CTRL_ENABLE);
		CHECK_EQ(get32(e.host + at + MDMA_H_CTRL), 0xffffffff);
	}
}

TEST("a tenant's writes do nothing while the host has its ADI disabled")
{
	struct engine e;

	engine_open(&e);
	tenant_put(&e, 1, MDMA_T_RING_BASE_LO, MEM_IOVA);
	tenant_put(&e, 1, MDMA_T_RING_SIZE, 16);
	tenant_put(&e, 1, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	tenant_put(&e, 1, MDMA_T_INT_MASK, 0);
	engine_enable_adi(&e, 1);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_RING_BASE_LO), 0);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_RING_SIZE), 0);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_CTRL), 0);
	CHECK_EQ(tenant_get(&e, 1, MDMA_T_INT_MASK), MDMA_T_INT_ALL);
}

int main(int argc, char **argv)
{
	return engine_main(argc, argv);
}
