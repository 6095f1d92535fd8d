/* SPDX-License-Identifier: BSD-3-Clause */
#include "answers.h"

#include "view.h"

/* What is asked, if the program has the command. */
static const struct {
	const char *needs, *words;
} asked[] = {
	{ "/ism/info", "device info" },	       { "/ism/xstats", "device xstats" },
	{ "/link/stats", "link xstats" },      { "/blk/exports", "blk exports" },
	{ "/blk/workers", "blk workers" },     { "/blk/client/list", "blk client" },
	{ "/cons/consoles", "cons consoles" }, { "/cons/stats", "cons stats" },
	{ "/cons/client", "cons client" },     { "/fwd/stats", "fwd stats" },
	{ "/run/loop", "run loop" },	       { "/run/process", "run process" },
	{ "/run/control", "run control" },
};

static void
add_mount(struct source *src, json_t *all)
{
	char err[128];
	json_t *mount;

	if (!source_has(src, "/ismblk/mount"))
		return;
	mount = source_ask(src, "/ismblk/mount", err, sizeof(err));
	if (mount != NULL)
		json_object_set_new(all, "mount", mount);
}

/* Something was not answered: there may be nothing to tell, or nobody any more. */
static bool
is_alive(struct source *src, char *err, size_t err_size)
{
	json_t *answer = source_ask(src, "/", err, err_size);

	json_decref(answer);
	return answer != NULL;
}

json_t *
answers_collect(struct source *src, char *err, size_t err_size)
{
	json_t *all = json_object(), *answer;
	bool gap = false;

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		if (!source_has(src, asked[i].needs))
			continue;
		answer = view_collect(src, asked[i].words, err, err_size);
		gap = gap || answer == NULL;
		json_object_update(all, answer);
		json_decref(answer);
	}
	if ((gap || json_object_size(all) == 0) && !is_alive(src, err, err_size)) {
		json_decref(all);
		return NULL;
	}
	if (json_object_size(all) == 0) {
		snprintf(err, err_size, "%s: this program has none of our counters",
			 source_name(src));
		json_decref(all);
		return NULL;
	}
	add_mount(src, all);
	json_object_set_new(all, "program", json_string(source_name(src)));
	return all;
}
