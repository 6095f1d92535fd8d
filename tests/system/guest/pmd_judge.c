/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver promises (pmd/rte_pmd_ism.h), asked of two functions of one fabric that this
 * process has: "pmd_judge -a ADDRESS -a ADDRESS -- [MAXSTBL]": PCI functions behind the kernel's
 * VFIO, in a guest or on hardware.
 *
 * One line on standard output for each question; exit status 0 when all were answered as promised.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_rawdev.h>
#include <rte_rawdev_pmd.h>

#include <rte_pmd_ism.h>

#include "base_time.h"
#include "run.h"

#define DMB_LEN (16 * RTE_PMD_ISM_PAGE)
#define DMB_MAX_COUNT 2048
#define WAIT_NS (5 * BASE_NS_PER_S)

static uint16_t dev[2];
static struct rte_pmd_ism_info info[2];
static unsigned int wrong;

#define CHECK(ok, fmt, ...) check(ok, #ok " (" fmt ")", ##__VA_ARGS__)

static void __attribute__((format(printf, 2, 3))) check(bool ok, const char *fmt, ...)
{
	va_list args;

	if (ok)
		return;
	wrong++;
	printf("WRONG ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

static void
is(const char *what, int got, int want)
{
	check(got == want, "%s: %d (%s), expected %d", what, got, strerror(abs(got)), want);
}

static struct rte_pmd_ism_stats
stats(unsigned int i)
{
	struct rte_pmd_ism_stats s = { 0 };

	is("stats", rte_pmd_ism_stats_get(dev[i], &s), 0);
	return s;
}

/* What is mapped for devices is locked memory: so many KiB, and no more. */
static void
locked_is(long want)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long kib = -1;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmLck: %ld kB", &kib) == 1)
			break;
	if (f != NULL)
		fclose(f);
	CHECK(kib == want, "%ld KiB locked, expected %ld", kib, want);
}

static struct rte_pmd_ism_dmb *
dmb_of(unsigned int owner, uint64_t rgid, uint32_t len)
{
	struct rte_pmd_ism_dmb *dmb = NULL;

	is("dmb_register", rte_pmd_ism_dmb_register(dev[owner], rgid, len, 0, &dmb), 0);
	if (dmb == NULL)
		exit(1);
	return dmb;
}

static struct rte_pmd_ism_win *
win_of(unsigned int user, const struct rte_pmd_ism_dmb *dmb)
{
	struct rte_pmd_ism_win *win = NULL;

	is("win_open", rte_pmd_ism_win_open(dev[user], dmb->token, dmb->len, &win), 0);
	if (win == NULL)
		exit(1);
	return win;
}

/* --- the questions --- */

static void
ask_start(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		is("open", rte_pmd_ism_open(dev[i]), 0);
		is("open again", rte_pmd_ism_open(dev[i]), -EBUSY);
		is("info", rte_pmd_ism_info_get(dev[i], &info[i]), 0);
		printf("gid %s 0x%016" PRIx64 " maxstbl %u\n", rte_rawdevs[dev[i]].name,
		       info[i].gid, info[i].maxstbl);
	}
	is("query_rgid of the other", rte_pmd_ism_query_rgid(dev[0], info[1].gid, 0), 0);
	is("query_rgid of nobody", rte_pmd_ism_query_rgid(dev[0], ~info[1].gid, 0), -EHOSTUNREACH);
	locked_is(16); /* the pages of SBA and IEQ, of two functions */
}

static void
ask_selftest(void)
{
	is("selftest", rte_rawdev_selftest(dev[0]), 0);
	is("selftest", rte_rawdev_selftest(dev[1]), 0);
}

static uint32_t
pieces(uint32_t off, uint32_t len)
{
	uint32_t n, count = 0;

	/* Pages first; a piece of 8 bytes cannot be, and no shape here leads to one. */
	for (; len > 0; off += n, len -= n, count++) {
		n = RTE_PMD_ISM_PAGE - off % RTE_PMD_ISM_PAGE;
		n = n < info[0].maxstbl ? n : info[0].maxstbl;
		n = n < len ? n : len;
	}
	return count;
}

static void
ask_stores(void)
{
	static const uint32_t shape[][2] = { { 0, 16 },	  { 8, 24 },	{ 4064, 64 },  { 0, 128 },
					     { 0, 4096 }, { 16, 8176 }, { 0, DMB_LEN } };
	static uint8_t want[DMB_LEN];
	struct rte_pmd_ism_dmb *dmb = dmb_of(1, info[0].gid, DMB_LEN);
	struct rte_pmd_ism_win *win = win_of(0, dmb);
	struct rte_pmd_ism_stats before, after;
	unsigned int i, k;

	locked_is(16 + DMB_LEN / 1024);
	for (i = 0; i < RTE_DIM(shape); i++) {
		memset(dmb->addr, 0, DMB_LEN);
		memset(want, 0, DMB_LEN);
		for (k = 0; k < shape[i][1]; k++)
			want[shape[i][0] + k] = (uint8_t)(k * 13 + k / 256 + i);
		before = stats(0);
		is("store", rte_pmd_ism_store(win, shape[i][0], want + shape[i][0], shape[i][1]),
		   0);
		after = stats(0);
		CHECK(memcmp(dmb->addr, want, DMB_LEN) == 0, "shape %u", i);
		CHECK(after.stores - before.stores == pieces(shape[i][0], shape[i][1]),
		      "%" PRIu64 " stores, shape %u", after.stores - before.stores, i);
		CHECK(after.store_syscalls - before.store_syscalls <=
			      1 + pieces(shape[i][0], shape[i][1]) / 32,
		      "%" PRIu64 " system calls, shape %u",
		      after.store_syscalls - before.store_syscalls, i);
	}
	is("store of 8", rte_pmd_ism_store(win, 0, want, 8), -EINVAL);
	is("store at 4", rte_pmd_ism_store(win, 4, want, 16), -EINVAL);
	is("store beyond", rte_pmd_ism_store(win, DMB_LEN - 16, want, 32), -EINVAL);
	rte_pmd_ism_win_close(win);
	rte_pmd_ism_dmb_unregister(dmb);
	locked_is(16);
}

static bool
is_zero(const struct rte_pmd_ism_dmb *dmb)
{
	static const uint8_t zero[DMB_LEN];

	return memcmp(dmb->addr, zero, dmb->len) == 0;
}

/* Behind QEMU a refused store looks like any other to its sender: the memory tells. */
static void
ask_rights(void)
{
	struct rte_pmd_ism_dmb *dmb = dmb_of(1, info[1].gid, DMB_LEN), *again;
	struct rte_pmd_ism_win *win = win_of(0, dmb);
	uint8_t src[64];
	int ret;

	memset(src, 0xee, sizeof(src));
	ret = rte_pmd_ism_store(win, 0, src, sizeof(src));
	printf("a store into a DMB for somebody else answers %d\n", ret);
	CHECK(ret == 0 || ret == -EIO, "%d", ret);
	CHECK(is_zero(dmb), "what came from a GID without the right");
	rte_pmd_ism_win_close(win);
	rte_pmd_ism_dmb_unregister(dmb);

	/* Revoked: neither the old DMB's successor nor its memory may see it. */
	dmb = dmb_of(1, info[0].gid, DMB_LEN);
	win = win_of(0, dmb);
	rte_pmd_ism_dmb_unregister(dmb);
	again = dmb_of(1, info[0].gid, DMB_LEN);
	ret = rte_pmd_ism_store(win, 0, src, sizeof(src));
	printf("a store into a revoked DMB answers %d\n", ret);
	CHECK(ret == 0 || ret == -EIO, "%d", ret);
	CHECK(is_zero(again), "what was stored through a revoked token");
	rte_pmd_ism_win_close(win);
	rte_pmd_ism_dmb_unregister(again);
}

static void
ask_limits(void)
{
	static struct rte_pmd_ism_dmb *all[DMB_MAX_COUNT];
	struct rte_pmd_ism_dmb *dmb = NULL;
	unsigned int n;
	int ret;

	is("no bytes", rte_pmd_ism_dmb_register(dev[1], info[0].gid, 0, 0, &dmb), -EINVAL);
	is("too many bytes",
	   rte_pmd_ism_dmb_register(dev[1], info[0].gid, info[1].dmb_max + 1, 0, &dmb), -EINVAL);
	is("for nobody", rte_pmd_ism_dmb_register(dev[1], ~info[0].gid, 4096, 0, &dmb),
	   -EHOSTUNREACH);
	dmb = dmb_of(1, info[0].gid, info[1].dmb_max);
	CHECK(dmb->len == info[1].dmb_max, "%u", dmb->len);
	locked_is(16 + dmb->len / 1024);
	rte_pmd_ism_dmb_unregister(dmb);
	for (n = 0, ret = 0; n < RTE_DIM(all); n++) {
		ret = rte_pmd_ism_dmb_register(dev[1], info[0].gid, 1, 0, &all[n]);
		if (ret < 0)
			break;
	}
	is("one DMB too many", ret, -ENOSPC);
	CHECK(n == info[1].dmb_count_max, "%u DMBs", n);
	printf("%u DMBs at once\n", n);
	while (n > 0)
		rte_pmd_ism_dmb_unregister(all[--n]);
	CHECK(stats(1).dmbs == 0, "%" PRIu64, stats(1).dmbs);
	locked_is(16);
}

/* Take events up to one of that kind from that GID or DMB. @return false: none came. */
static bool
event_of(unsigned int i, uint32_t type, uint64_t tok, struct rte_pmd_ism_event *ev)
{
	uint64_t give_up = base_now_ns() + WAIT_NS;
	int n;

	do {
		n = rte_pmd_ism_events(dev[i], ev, 1);
		CHECK(n >= 0, "%d", n);
	} while ((n == 0 || ev->type != type || ev->tok != tok) && base_now_ns() < give_up);
	return n == 1 && ev->type == type && ev->tok == tok;
}

static void
ask_events(void)
{
	struct rte_pmd_ism_event ev[32] = { 0 };
	uint64_t lost = stats(1).events_lost;
	unsigned int i;
	int n;

	is("signal", rte_pmd_ism_signal(dev[0], info[1].gid, 0x44, 0x0102030405060708), 0);
	CHECK(event_of(1, RTE_PMD_ISM_EVENT_SOFTWARE, info[0].gid, ev), "none came");
	CHECK(ev->code == 0x44 && ev->info == 0x0102030405060708, "code 0x%x, info 0x%" PRIx64,
	      ev->code, ev->info);
	is("signal to nobody", rte_pmd_ism_signal(dev[0], ~info[1].gid, 0x44, 0), -EHOSTUNREACH);
	for (i = 0; i < 20; i++)
		is("signal", rte_pmd_ism_signal(dev[0], info[1].gid, 0x45, i), 0);
	n = rte_pmd_ism_events(dev[1], ev, RTE_DIM(ev));
	CHECK(n > 0 && n <= 15 && ev[n - 1].info == 19, "%d events", n);
	CHECK(stats(1).events_lost > lost, "%d of 20 came", n);
}

static void
ask_vlan(void)
{
	struct rte_pmd_ism_dmb *dmb = NULL;
	int ret;

	ret = rte_pmd_ism_dmb_register(dev[1], info[0].gid, 4096, 5, &dmb);
	printf("a DMB with a VLAN that the peer has not: %d\n", ret);
	if (ret == 0)
		rte_pmd_ism_dmb_unregister(dmb);
	is("VLAN 4095", rte_pmd_ism_dmb_register(dev[1], info[0].gid, 4096, 4095, &dmb), -EINVAL);
}

/* The device forgets all; its owner hears of it, and reopens. */
static void
ask_reset(void)
{
	struct rte_pmd_ism_dmb *dmb = dmb_of(1, info[0].gid, DMB_LEN), *again;
	struct rte_pmd_ism_win *win = win_of(0, dmb), *back;
	struct rte_pmd_ism_event ev;
	uint8_t src[64];

	memset(src, 0xdd, sizeof(src));
	is("reset", rte_rawdev_reset(dev[1]), 0);
	is("events after it", rte_pmd_ism_events(dev[1], &ev, 1), -ENODEV);
	is("reopen with a DMB", rte_pmd_ism_reopen(dev[1]), -EBUSY);
	CHECK(event_of(0, RTE_PMD_ISM_EVENT_BUFFER, dmb->token, &ev), "none came");
	rte_pmd_ism_store(win, 0, src, sizeof(src));
	CHECK(is_zero(dmb), "what came after a reset");
	rte_pmd_ism_dmb_unregister(dmb);
	is("reopen", rte_pmd_ism_reopen(dev[1]), 0);
	again = dmb_of(1, info[0].gid, DMB_LEN);
	back = win_of(0, again);
	rte_pmd_ism_store(win, 0, src, sizeof(src));
	CHECK(is_zero(again), "what came through a token of before");
	is("store", rte_pmd_ism_store(back, 0, src, sizeof(src)), 0);
	CHECK(memcmp(again->addr, src, sizeof(src)) == 0, "after a reopen");
	rte_pmd_ism_win_close(win);
	rte_pmd_ism_win_close(back);
	rte_pmd_ism_dmb_unregister(again);
}

static void
ask_close(void)
{
	struct rte_pmd_ism_info out;

	dmb_of(1, info[0].gid, DMB_LEN);
	rte_pmd_ism_close(dev[1]);
	is("info of a closed one", rte_pmd_ism_info_get(dev[1], &out), -ENODEV);
	locked_is(8);
	is("open again", rte_pmd_ism_open(dev[1]), 0);
	is("info", rte_pmd_ism_info_get(dev[1], &out), 0);
	CHECK(out.gid == info[1].gid, "0x%" PRIx64, out.gid);
	rte_pmd_ism_close(dev[1]);
	rte_pmd_ism_close(dev[0]);
	locked_is(0);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*ask)(void);
	} questions[] = {
		{ "start", ask_start },	  { "selftest", ask_selftest }, { "stores", ask_stores },
		{ "rights", ask_rights }, { "limits", ask_limits },	{ "events", ask_events },
		{ "vlan", ask_vlan },	  { "reset", ask_reset },	{ "close", ask_close },
	};
	unsigned int i, before, n;
	char **words;
	int count;

	if (run_args(argc, argv, "pmd_judge", &count, &words) != RUN_EXIT_OK ||
	    run_eal_init() != RUN_EXIT_OK)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	n = rte_pmd_ism_list(dev, 2);
	if (n != 2) {
		printf("WRONG %u functions, expected 2\n", n);
		return 1;
	}
	for (i = 0; i < RTE_DIM(questions); i++) {
		before = wrong;
		questions[i].ask();
		printf("%s %s\n", questions[i].name, wrong == before ? "ok" : "WRONG");
		if (i == 0 && count > 1)
			CHECK(info[0].maxstbl == (uint32_t)atoi(words[1]), "%u", info[0].maxstbl);
	}
	run_fini();
	return wrong == 0 ? 0 : 1;
}
