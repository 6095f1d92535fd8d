/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "fabric.h"
#include "fabric_config.h"
#include "ism_cmd.h"

#define CAP_MSI 0x40
#define CAP_MSIX 0x50
#define MSIX_TABLE 0
#define MSIX_TABLE_LEN 16 /* one vector */
#define MSIX_PBA 0x800

static void
put16(uint8_t *dst, uint16_t value)
{
	dst[0] = (uint8_t)value;
	dst[1] = (uint8_t)(value >> 8);
}

static void
put32(uint8_t *dst, uint32_t value)
{
	put16(dst, (uint16_t)value);
	put16(dst + 2, (uint16_t)(value >> 16));
}

/*
 * One BAR. Only address bits above its size can be written, so that writing all ones and
 * reading back tells the size.
 */
static void
bar_set(struct fabric_config *cfg, unsigned int bar, uint64_t size, uint32_t flags)
{
	unsigned int at = PCI_BASE_ADDRESS_0 + bar * 4;
	uint64_t mask = ~(size - 1);

	put32(&cfg->space[at], flags);
	put32(&cfg->wmask[at], (uint32_t)mask & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK);
	if (flags & PCI_BASE_ADDRESS_MEM_TYPE_64)
		put32(&cfg->wmask[at + 4], (uint32_t)(mask >> 32));
}

static void
msi_set(struct fabric_config *cfg)
{
	uint8_t *cap = &cfg->space[CAP_MSI], *wmask = &cfg->wmask[CAP_MSI];

	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_MSI;
	cap[PCI_CAP_LIST_NEXT] = CAP_MSIX;
	put16(cap + PCI_MSI_FLAGS, PCI_MSI_FLAGS_64BIT);
	put16(wmask + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE);
	put32(wmask + PCI_MSI_ADDRESS_LO, 0xfffffffc);
	put32(wmask + PCI_MSI_ADDRESS_HI, 0xffffffff);
	put16(wmask + PCI_MSI_DATA_64, 0xffff);
}

static void
msix_set(struct fabric_config *cfg)
{
	uint8_t *cap = &cfg->space[CAP_MSIX], *wmask = &cfg->wmask[CAP_MSIX];

	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_MSIX;
	cap[PCI_CAP_LIST_NEXT] = 0;
	put16(cap + PCI_MSIX_FLAGS, 0); /* table size - 1 */
	put16(wmask + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	put32(cap + PCI_MSIX_TABLE, MSIX_TABLE | FABRIC_BAR_MSIX);
	put32(cap + PCI_MSIX_PBA, MSIX_PBA | FABRIC_BAR_MSIX);
}

void
fabric_config_init(struct fabric_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	put16(&cfg->space[PCI_VENDOR_ID], ISM_PCI_VENDOR);
	put16(&cfg->space[PCI_DEVICE_ID], ISM_PCI_DEVICE);
	put16(&cfg->space[PCI_STATUS], PCI_STATUS_CAP_LIST);
	put16(&cfg->wmask[PCI_COMMAND],
	      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	cfg->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
	cfg->wmask[PCI_INTERRUPT_LINE] = 0xff;
	cfg->space[PCI_CAPABILITY_LIST] = CAP_MSI;
	bar_set(cfg, FABRIC_BAR_DATA, FABRIC_BAR0_SIZE,
		PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
	bar_set(cfg, FABRIC_BAR_CMD, FABRIC_BAR2_SIZE, PCI_BASE_ADDRESS_MEM_TYPE_64);
	bar_set(cfg, FABRIC_BAR_MSIX, FABRIC_BAR4_SIZE, PCI_BASE_ADDRESS_MEM_TYPE_32);
	msi_set(cfg);
	msix_set(cfg);
	/* A vector is masked until a driver unmasks it. */
	cfg->bar4[MSIX_TABLE + PCI_MSIX_ENTRY_VECTOR_CTRL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static int
range_check(uint64_t off, size_t len, size_t size)
{
	return len == 0 || off >= size || len > size - off ? -EINVAL : 0;
}

int
fabric_config_read(const struct fabric_config *cfg, uint64_t off, void *buf, size_t len)
{
	int ret = range_check(off, len, sizeof(cfg->space));

	if (ret == 0)
		memcpy(buf, &cfg->space[off], len);
	return ret;
}

int
fabric_config_write(struct fabric_config *cfg, uint64_t off, const void *buf, size_t len)
{
	int ret = range_check(off, len, sizeof(cfg->space));
	const uint8_t *src = buf;
	size_t i;

	if (ret < 0)
		return ret;
	for (i = 0; i < len; i++) {
		cfg->space[off + i] &= (uint8_t)~cfg->wmask[off + i];
		cfg->space[off + i] |= src[i] & cfg->wmask[off + i];
	}
	return 0;
}

int
fabric_bar4_read(const struct fabric_config *cfg, uint64_t off, void *buf, size_t len)
{
	int ret = range_check(off, len, sizeof(cfg->bar4));

	if (ret == 0)
		memcpy(buf, &cfg->bar4[off], len);
	return ret;
}

int
fabric_bar4_write(struct fabric_config *cfg, uint64_t off, const void *buf, size_t len)
{
	int ret = range_check(off, len, sizeof(cfg->bar4));
	const uint8_t *src = buf;
	size_t i;

	if (ret < 0)
		return ret;
	for (i = 0; i < len && off + i < MSIX_TABLE + MSIX_TABLE_LEN; i++)
		cfg->bar4[off + i] = src[i];
	return 0;
}
