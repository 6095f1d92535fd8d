/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two GIDs have one session of a service, so the mounts of one process that show disks of the same
 * peer share its client. The first one's options hold for all.
 *
 * All on the control thread: no lock.
 */
#include "ismblk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct share {
	SLIST_ENTRY(share) entry;
	struct blk_client_conf conf;
	struct blk_client *client;
	SLIST_HEAD(, peer) peers; /* who uses it */
};

/* Each mount is told. */
static void
on_change(void *arg, struct blk_client *c, struct blk_disk *disk)
{
	struct share *s = arg;
	struct peer *p;

	SLIST_FOREACH(p, &s->peers, sharing)
		peer_changed(p, disk);
}

static struct share *
find(struct shares *shares, uint64_t gid)
{
	struct share *s;

	SLIST_FOREACH(s, &shares->all, entry) {
		if (s->conf.rgid == gid)
			return s;
	}
	return NULL;
}

/* What cannot be one mount's alone. @return the option that differs, or NULL. */
static const char *
difference(const struct blk_client_conf *a, const struct blk_client_conf *b)
{
	if (a->depth != b->depth)
		return "--depth";
	if (a->slot_size != b->slot_size)
		return "--slot-size";
	if (a->digest != b->digest)
		return "--digest";
	if (a->fast_io_fail_ms != b->fast_io_fail_ms)
		return "--fast-io-fail";
	if (a->io_timeout_ms != b->io_timeout_ms)
		return "--io-timeout";
	return NULL;
}

static int
make(struct shares *shares, const struct blk_client_conf *conf, struct share **share)
{
	struct share *s = calloc(1, sizeof(*s));
	int ret;

	if (s == NULL)
		return -ENOMEM;
	SLIST_INIT(&s->peers);
	s->conf = *conf;
	s->conf.on_change = on_change;
	s->conf.arg = s;
	ret = blk_client_create(&s->conf, &s->client);
	if (ret != 0) {
		free(s);
		return ret;
	}
	SLIST_INSERT_HEAD(&shares->all, s, entry);
	*share = s;
	return 0;
}

int
share_take(struct shares *shares, struct peer *p, const struct blk_client_conf *conf,
	   const char **differs)
{
	struct share *s = find(shares, conf->rgid);
	int ret = 0;

	if (s != NULL) {
		*differs = difference(&s->conf, conf);
		ret = *differs != NULL ? -EEXIST : 0;
	} else {
		ret = make(shares, conf, &s);
	}
	if (ret != 0)
		return ret;
	SLIST_INSERT_HEAD(&s->peers, p, sharing);
	p->share = s;
	p->client = s->client;
	return 0;
}

bool
share_drop(struct shares *shares, struct peer *p)
{
	struct share *s = p->share;

	SLIST_REMOVE(&s->peers, p, peer, sharing);
	p->share = NULL;
	p->client = NULL;
	if (!SLIST_EMPTY(&s->peers))
		return false;
	SLIST_REMOVE(&shares->all, s, share, entry);
	blk_client_destroy(s->client);
	free(s);
	return true;
}
