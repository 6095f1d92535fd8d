/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a function, DMBs, windows, signals: in-process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "inproc.h"

static void
test_store(void **state)
{
	struct rte_pmd_ism_dmb *dmb;
	struct rte_pmd_ism_win *win;
	struct inproc ip;
	uint8_t data[64];

	(void)state;
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(inproc_setup(&ip, &(struct inproc_conf){ .functions = 2 }), 0);
	assert_int_equal(rte_pmd_ism_dmb_register(ip.dev_id[0], ip.gid[1], 8192, 0, &dmb), 0);
	assert_int_equal(rte_pmd_ism_win_open(ip.dev_id[1], dmb->token, 8192, &win), 0);
	assert_int_equal(rte_pmd_ism_store(win, 64, data, sizeof(data)), 0);
	assert_memory_equal((uint8_t *)dmb->addr + 64, data, sizeof(data));
	inproc_teardown(&ip);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
