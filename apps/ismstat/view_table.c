/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of views, in the order of help and of "show all". */
#include "view.h"

#define ID "[ID|all]"
#define ALL "[all]"

const struct view views[] = {
	{ "device info", ID, "state, limits, QUERY_INFO, SBA and event queue in words", "/ism/info",
	  NULL, view_device_info, view_print_devices },
	{ "device stats", ID, "stores, bytes, polls, errors by kind", "/ism/xstats", "device",
	  view_device_stats, view_print_devices },
	{ "device xstats", ID, "every counter of a function", "/ism/xstats", "device",
	  view_device_xstats, view_print_devices },
	{ "dmb", ALL, "memory that peers may write", "/ism/dmbs", NULL, view_dmb, view_print_dmbs },
	{ "sba", ALL, "what the device has set in the SBA", "/ism/sba", NULL, view_sba,
	  view_print_devices },
	{ "ieq", ALL, "the event queue's page", "/ism/ieq", NULL, view_ieq, view_print_devices },
	{ "event", ALL, "the newest events", "/ism/events", NULL, view_event, view_print_events },
	{ "link info", ALL, "sessions: peer, service, state, geometry", "/link/sessions", NULL,
	  view_link_info, view_print_link_info },
	{ "link stats", ALL, "sessions: traffic, stalls, retries, errors by kind", "/link/stats",
	  "link", view_link_stats, NULL },
	{ "link xstats", ALL, "every counter of sessions and queues", "/link/stats", "link",
	  view_link_xstats, NULL },
	{ "queue", ALL, "every counter of queues, SESSION/QUEUE", "/link/queues", "link",
	  view_queue, NULL },
	{ "fwd stats", "", "results of link tests", "/fwd/stats", "fwd", view_fwd_stats,
	  view_print_fwd_stats },
	{ "fwd config", "", "settings of link tests", "/fwd/config", NULL, view_fwd_config, NULL },
	{ "blk exports", "", "disks that the program serves", "/blk/exports", "blk",
	  view_blk_exports, NULL },
	{ "blk workers", "", "counters of the threads that serve disks", "/blk/workers", "blk",
	  view_blk_workers, NULL },
	{ "blk client", "", "disks that the program uses, with latencies", "/blk/client/list",
	  "blk", view_blk_client, NULL },
	{ "blk mount", "", "requests of the FUSE mount", "/ismblk/mount", "blk", view_blk_mount,
	  NULL },
	{ "run loop", "", "rounds of the program that took more than 50 ms", "/run/loop", "run",
	  view_run_loop, NULL },
	{ "run process", "", "lines that nobody read, work handed to helpers", "/run/process",
	  "run", view_run_process, NULL },
	{ "run control", "", "requests at the control socket", "/run/control", "run",
	  view_run_control, NULL },
	{ "cons consoles", "", "consoles that the program offers", "/cons/consoles", "cons",
	  view_cons_consoles, NULL },
	{ "cons clients", "", "who is attached to them", "/cons/clients", NULL, view_cons_clients,
	  NULL },
	{ "cons stats", "", "counters of the console service", "/cons/stats", "cons",
	  view_cons_stats, NULL },
	{ "cons client", "", "the console that the program uses", "/cons/client", "cons",
	  view_cons_client, NULL },
};
const unsigned int view_count = sizeof(views) / sizeof(views[0]);
