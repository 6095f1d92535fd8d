/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_borrow.h"

#include <errno.h>
#include <string.h>

#include "run.h"
#include "run_priv.h"

#define ANSWER_S 5 /* a runtime that serves answers at once */

/* The options that contradict each other. */
static int
check_options(const struct run_borrow *borrow, const char *device)
{
	const struct run_eal_facts *facts = run_eal_facts();

	if (borrow->runtime == NULL)
		return RUN_EXIT_OK;
	if (!run_name_ok(borrow->runtime)) {
		run_error("--runtime '%.64s': expected 1 to %d letters, digits, '.', '_', '-'",
			  borrow->runtime, RUN_NAME_MAX - 1);
		return RUN_EXIT_USAGE;
	}
	if (!borrow->own && device == NULL && (!facts->device || facts->device_variable))
		return RUN_EXIT_OK;
	run_error("--runtime %s: %s; a function is owned or borrowed", borrow->runtime,
		  borrow->own ? "--own is given, too" : "a device is named, too");
	return RUN_EXIT_USAGE;
}

/* Is it one that serves? */
static int
ask(struct run_client *client)
{
	char err[RUN_CLIENT_ERR];
	json_t *info;
	int ret;

	run_client_wait(client, ANSWER_S);
	ret = run_client_call(client, "info", NULL, NULL, 0, &info, err);
	if (ret == 0) {
		json_decref(info);
		return RUN_EXIT_OK;
	}
	run_error("%s", err);
	run_client_close(client);
	return RUN_EXIT_DEVICE;
}

int
run_borrow_choose(const struct run_borrow *borrow, const char *device, struct run_client *client)
{
	char err[RUN_CLIENT_ERR];
	int ret = check_options(borrow, device);

	memset(client, 0, sizeof(*client));
	client->fd = -1;
	if (ret != RUN_EXIT_OK)
		return ret;
	if (borrow->runtime == NULL && (borrow->own || device != NULL || run_eal_facts()->device))
		return RUN_EXIT_OK;
	ret = run_client_open(client, borrow->runtime, err);
	if (ret == 0)
		return ask(client);
	/* None, or none that is for us: a function of our own may be. */
	if (borrow->runtime == NULL && ret != -ENOTUNIQ)
		return RUN_EXIT_OK;
	run_error("%s", err);
	return RUN_EXIT_DEVICE;
}
