/* SPDX-License-Identifier: BSD-3-Clause */
/* --list: for people a table, with --json an object. */
#include "ismblk.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "base_process.h"
#include "run.h"

typedef int (*disk_fn)(void *arg, const struct peer *peer, const struct blk_disk *disk);

static int
each_disk(const struct ismblk *app, disk_fn fn, void *arg)
{
	unsigned int i, k;
	int ret = 0;

	for (i = 0; i < app->peer_count; i++) {
		const struct peer *p = &app->peers[i];

		for (k = 0; k < blk_client_disks(p->client) && ret == 0; k++) {
			const struct blk_disk *d = blk_client_disk(p->client, k);

			if (blk_disk_present(d) && peers_selected(app, d))
				ret = fn(arg, p, d);
		}
	}
	return ret;
}

static int
print_row(void *arg, const struct peer *peer, const struct blk_disk *disk)
{
	fprintf(arg, "%-18s  %-24s %16" PRIu64 "  %s  %s\n", peer->name, blk_disk_name(disk),
		blk_disk_size(disk), blk_disk_flags(disk) & BLK_INFO_READ_ONLY ? "ro" : "rw",
		blk_disk_desc(disk));
	return 0;
}

static int
add_json(void *arg, const struct peer *peer, const struct blk_disk *disk)
{
	uint32_t flags = blk_disk_flags(disk), min, pref, max;
	json_t *entry;

	blk_disk_block_sizes(disk, &min, &pref, &max);
	entry = json_pack("{s:s, s:s, s:s, s:I, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:i, s:i, s:I}",
			  "peer", peer->name, "name", blk_disk_name(disk), "description",
			  blk_disk_desc(disk), "size", (json_int_t)blk_disk_size(disk), "read_only",
			  (flags & BLK_INFO_READ_ONLY) != 0, "flush", (flags & BLK_INFO_FLUSH) != 0,
			  "fua", (flags & BLK_INFO_FUA) != 0, "discard",
			  (flags & BLK_INFO_DISCARD) != 0, "write_zeroes",
			  (flags & BLK_INFO_WRITE_ZEROES) != 0, "extents",
			  (flags & BLK_INFO_EXTENTS) != 0, "rotational",
			  (flags & BLK_INFO_ROTATIONAL) != 0, "block_min", (int)min, "block_pref",
			  (int)pref, "block_max", (json_int_t)max);
	return entry == NULL ? -1 : json_array_append_new(arg, entry);
}

static int
print_json(const struct ismblk *app, FILE *stream)
{
	json_t *exports = json_array();
	json_t *root = json_pack("{s:o}", "exports", exports);
	int ret;

	ret = root == NULL ? -1 : each_disk(app, add_json, exports);
	if (ret == 0)
		ret = json_dumpf(root, stream, JSON_INDENT(2));
	json_decref(root);
	fputc('\n', stream);
	return ret;
}

bool
list_write(const struct ismblk *app, FILE *stream)
{
	if (app->opt.json)
		return print_json(app, stream) == 0;
	fprintf(stream, "%-18s  %-24s %16s  %s  %s\n", "PEER", "NAME", "SIZE", "  ", "DESCRIPTION");
	return each_disk(app, print_row, stream) == 0;
}

int
list_print(const struct ismblk *app)
{
	if (list_write(app, stdout) && base_process_flush() == 0)
		return RUN_EXIT_OK;
	run_error("cannot print the list");
	return RUN_EXIT_FAIL;
}
