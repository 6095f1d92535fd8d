/* SPDX-License-Identifier: BSD-3-Clause */
/* For telemetry of services: what /link/sessions tells of a session. */
#ifndef LINK_TEL_H
#define LINK_TEL_H

struct rte_tel_data;
struct link_session_info;

/* Add the numbers of LINK_SESSION_SHOWN to a dictionary. Any thread. */
void link_tel_session(struct rte_tel_data *d, const struct link_session_info *info);

#endif
