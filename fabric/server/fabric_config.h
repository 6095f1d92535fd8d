/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI configuration space of an ISM function, and BAR 4, which holds nothing but the MSI-X table.
 * The identity and BARs 0 and 2 are the real function's (SPEC-ism sections 1.1 and 2; class 0,
 * which lspci calls "Non-VGA unclassified device"). MSI is what drivers use; QEMU on s390x
 * refuses a function without MSI-X (SPEC-ism section 10.2). Little-endian, as PCI is.
 *
 *	0x00  header, type 0
 *	0x40  MSI: one vector, 64-bit address
 *	0x50  MSI-X: one vector, table at BAR 4 + 0, PBA at BAR 4 + 0x800
 */
#ifndef FABRIC_CONFIG_H
#define FABRIC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FABRIC_CONFIG_SIZE 256u
#define FABRIC_BAR_MSIX 4
#define FABRIC_BAR4_SIZE 4096u

struct fabric_config {
	uint8_t space[FABRIC_CONFIG_SIZE];
	uint8_t wmask[FABRIC_CONFIG_SIZE]; /* bits that a write changes */
	uint8_t bar4[FABRIC_BAR4_SIZE];
};

/* As after power-on and after a reset. */
void fabric_config_init(struct fabric_config *cfg);

/* @return 0; -EINVAL the range is not inside the space, or empty. */
int fabric_config_read(const struct fabric_config *cfg, uint64_t off, void *buf, size_t len);
int fabric_config_write(struct fabric_config *cfg, uint64_t off, const void *buf, size_t len);
int fabric_bar4_read(const struct fabric_config *cfg, uint64_t off, void *buf, size_t len);
/* Bits outside the table keep their value. */
int fabric_bar4_write(struct fabric_config *cfg, uint64_t off, const void *buf, size_t len);

#endif
