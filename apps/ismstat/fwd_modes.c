/* SPDX-License-Identifier: BSD-3-Clause */
/* All modes, in the order in which people should read of them. */
#include <string.h>

#include "fwd_priv.h"

const struct fwd_mode *const fwd_modes[] = {
	&fwd_ping, &fwd_stream, &fwd_verify, &fwd_flood, &fwd_io,
};
const unsigned int fwd_mode_count = RTE_DIM(fwd_modes);

/* The same names, for help and completion. */
const char *const fwd_mode_names[] = { "ping", "stream", "verify", "flood", "io", NULL };

const struct fwd_mode *
fwd_mode_find(const char *name)
{
	for (unsigned int i = 0; i < fwd_mode_count; i++)
		if (strcmp(fwd_modes[i]->name, name) == 0)
			return fwd_modes[i];
	return NULL;
}

const struct fwd_mode *
fwd_mode_by_id(uint16_t id)
{
	for (unsigned int i = 0; i < fwd_mode_count; i++)
		if (fwd_modes[i]->id == id)
			return fwd_modes[i];
	return NULL;
}
