/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Server of the console service: programs on pseudo-terminals and terminal devices, allow lists,
 * scrollback, one writer and any number of observers (docs/SPEC-cons.md).
 *
 * Threads: one control thread, the link's, for everything here. SIGCHLD must not be ignored where
 * programs are run: if it is when one is started, it no longer is.
 */
#ifndef CONS_SERVER_H
#define CONS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_allow.h"
#include "cons.h"
#include "cons_server_metrics.h"
#include "link.h"

struct cons_server;

#define CONS_SCROLLBACK_MIN (4u << 10)
#define CONS_SCROLLBACK_MAX (64u << 20)
#define CONS_SCROLLBACK_DEFAULT (256u << 10)

struct cons_server_conf {
	struct link *link;
	uint32_t scrollback; /* bytes of each console, CONS_SCROLLBACK_*; 0: 256 KiB */
	uint16_t depth_max; /* requests in flight of a session; 0: LINK_DEPTH_MAX */
	uint32_t slot_max; /* largest piece of input or output; 0: 16 KiB */
	/*
	 * Gets each line for the audit log: who attached, was refused, took over, left; how
	 * programs ended. The text is clean and has no newline. NULL: syslog(3), authpriv, by a
	 * thread of its own, so that a log that does not take them holds nobody up.
	 */
	void (*audit)(void *arg, const char *line);
	void *audit_arg;
	/*
	 * Reap children of this process that are no programs of consoles: orphans of consoles,
	 * where we are process 1 or a subreaper, and what whoever started us has left. Nobody else
	 * in the process may wait for children then.
	 */
	bool reap_orphans;
};

enum cons_console_kind {
	CONS_CONSOLE_EXEC, /* a program on a pseudo-terminal */
	CONS_CONSOLE_TTY, /* an existing terminal device */
};

struct cons_console_conf {
	const char *name; /* cons_name_valid() */
	const char *desc; /* may be NULL */
	enum cons_console_kind kind;
	const char *what; /* command for /bin/sh, or path of a device */
	struct base_allow allow; /* may write and observe; none = nobody */
	struct base_allow observe; /* may observe */
	/*
	 * Instances are anybody's who may write. Without it one belongs to the GID that writes to
	 * it first, and is hung up before another GID can write.
	 */
	bool share;
	/*
	 * How long an instance waits for its writer to come back when he has left or his link was
	 * lost: then it is hung up. Not given: for ever, but 30 s for a program to which
	 * several GIDs may write and that is not shared.
	 */
	bool keep_given;
	uint32_t keep_s; /* CONS_KEEP_FOREVER */
};
#define CONS_KEEP_FOREVER UINT32_MAX

/*
 * Read what a person types:
 * NAME=exec:CMD|NAME=tty:PATH[,allow=GID[:GID...]|allow=any][,observe=...][,share]
 * [,keep=SECONDS|keep=forever][,desc=TEXT]. Two commas stand for one that is meant. An empty CMD is
 * /bin/login. Only the form is checked; the rest is cons_server_console()'s.
 * @param text  what conf's texts point into; the caller frees it when conf is no longer used.
 * @return 0; -EINVAL, -ENOMEM: err_size bytes of err hold a line for people, and there is no text.
 */
int cons_console_parse(const char *arg, struct cons_console_conf *conf, char **text, char *err,
		       size_t err_size);

/*
 * @return 0; -ENOMEM; -EINVAL scrollback; -EEXIST the link has this service; -errno of epoll, or
 *         of the thread for the audit log.
 */
int cons_server_create(const struct cons_server_conf *conf, struct cons_server **srv);
/*
 * Closes all sessions of the service and all terminals; the link must still be there. Programs
 * get SIGHUP, as when a terminal hangs up, and SIGKILL what is left of their process groups
 * after 2 s. No child remains. Tolerates NULL.
 */
void cons_server_destroy(struct cons_server *srv);

/*
 * Offer a console. Checks what can be checked before somebody attaches, and starts nothing.
 * @param err  on failure a line for people that says what is wrong and what is expected.
 * @return 0; -EEXIST duplicate name or device; -EINVAL name, or empty command; -ENOSPC one console
 *         too many; -ENOTTY the path is no terminal; -ENOENT, -EACCES, ... of the path or the
 *         shell.
 */
int cons_server_console(struct cons_server *srv, const struct cons_console_conf *conf, char *err,
			size_t err_size);

/*
 * Offer a console no more. Who is attached is told that it has ended; its program gets SIGHUP, as
 * when a terminal hangs up. A console of that name may be offered again at once.
 * @return 0; -ENOENT no console has that name.
 */
int cons_server_remove(struct cons_server *srv, const char *name);

/*
 * Change who may write to a console and observe it. Who is attached and may not be any more is
 * detached, or loses the right to write with the console; who may use no console any more loses
 * the session.
 * @param observe  NULL: as it was.
 * @return 0; -ENOENT no console has that name.
 */
int cons_server_allow(struct cons_server *srv, const char *name, const struct base_allow *allow,
		      const struct base_allow *observe);

/*
 * One round: requests, input, output. Its work is bounded: a console that writes without end
 * takes no more than its share of the thread.
 * @return work done.
 */
unsigned int cons_server_poll(struct cons_server *srv, uint64_t now_ns);

/* Readable when a terminal has output or a program has ended, for run_add_wake_fd(). */
int cons_server_wake_fd(const struct cons_server *srv);
/* When input came last, 0: never. For who wants to answer a person's typing soon. */
uint64_t cons_server_typed_ns(const struct cons_server *srv);

struct cons_server_stats {
	CONS_SERVER_METRICS(BASE_METRIC_FIELD)
};
void cons_server_stats(struct cons_server *srv, struct cons_server_stats *stats);

#endif
