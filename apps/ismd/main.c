/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismd.h"

#include <stdio.h>
#include <string.h>

#include "base_text.h"
#include "rte_pmd_ism.h"
#include "run.h"

/* Started in this order, stopped in the other. */
static const struct ismd_service *const services[] = {
	&service_blk,
	&service_cons,
};

#define SERVICES (sizeof(services) / sizeof(services[0]))

const char *
ismd_gids_str(bool any, const uint64_t *gids, unsigned int count, char buf[ISMD_GIDS_STRLEN])
{
	char gid[BASE_GID_STRLEN];
	size_t len = 0;

	snprintf(buf, ISMD_GIDS_STRLEN, "%s", any ? "any GID" : "nobody");
	for (unsigned int i = 0; !any && i < count && len < ISMD_GIDS_STRLEN; i++)
		len += (size_t)snprintf(buf + len, ISMD_GIDS_STRLEN - len, "%s%s", i > 0 ? " " : "",
					base_gid_str(gids[i], gid));
	return buf;
}

static unsigned int
poll_link(void *arg, uint64_t now_ns)
{
	return link_poll(arg, now_ns);
}

static int
start_link(struct ismd *d)
{
	struct link_conf conf = {
		.dev_id = d->dev_id,
		.keepalive_ms = (uint32_t)d->opt.keepalive_ms,
	};
	int ret = link_create(&conf, &d->link);

	if (ret == 0)
		ret = run_add_poller(0, poll_link, d->link);
	if (ret == 0)
		return RUN_EXIT_OK;
	run_error("no link over this function: %s", strerror(-ret));
	return RUN_EXIT_FAIL;
}

static int
serve(struct ismd *d)
{
	struct run_idle_conf idle = {
		.hot_us = (uint32_t)d->opt.hot_us,
		.idle_max_us = (uint32_t)d->opt.idle_max_us,
	};
	int ret = start_link(d);

	for (size_t i = 0; i < SERVICES && ret == RUN_EXIT_OK; i++)
		ret = services[i]->start(d);
	if (ret == RUN_EXIT_OK) {
		run_ready();
		run_loop(&idle);
	}
	for (size_t i = SERVICES; i > 0; i--)
		services[i - 1]->stop(d);
	if (d->held)
		return RUN_EXIT_FAIL;
	link_destroy(d->link);
	return ret;
}

static int
run(struct ismd *d)
{
	int ret = run_eal_init();

	if (ret != RUN_EXIT_OK)
		return ret;
	ret = run_device(d->opt.device, &d->dev_id);
	if (ret == RUN_EXIT_OK) {
		ret = serve(d);
		if (d->held)
			return ret;
		rte_pmd_ism_close(d->dev_id);
	}
	run_fini();
	return ret;
}

int
main(int argc, char **argv)
{
	static struct ismd d;
	char **app_argv;
	int app_argc, ret;

	ret = run_args(argc, argv, "dpdk-ismd", &app_argc, &app_argv);
	if (ret != RUN_EXIT_OK)
		return ret;
	ret = options_parse(app_argc, app_argv, &d.opt);
	if (ret < 0) {
		run_quiet(d.opt.quiet);
		ret = run(&d);
	}
	options_free(&d.opt);
	return ret;
}
