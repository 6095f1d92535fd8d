/* SPDX-License-Identifier: BSD-3-Clause */
/* Names that differ between the versions of DPDK that this project compiles with (DESIGN D16). */
#ifndef BASE_DPDK_H
#define BASE_DPDK_H

#include <rte_telemetry.h>
#include <rte_version.h>

#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
#define base_tel_dict_u64 rte_tel_data_add_dict_uint
#define base_tel_array_u64 rte_tel_data_add_array_uint
#define BASE_TEL_U64_VAL RTE_TEL_UINT_VAL
#else
#define base_tel_dict_u64 rte_tel_data_add_dict_u64
#define base_tel_array_u64 rte_tel_data_add_array_u64
#define BASE_TEL_U64_VAL RTE_TEL_U64_VAL
#endif

#endif
