/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two processes for a program whose descriptors must outlive a crash or an upgrade of its work
 * (DESIGN D24). The one that the user started is the holder: it has no EAL and does no work. Its
 * child does all of it, and gives the holder what must not be closed. When the child dies the
 * holder starts the next one, which finds those descriptors open.
 *
 *	holder                                            held process
 *	   start: fork, exec of the program's path  ------->  run_held_start()
 *	   <--- the descriptors -----------------------------  run_held_give()
 *	   <--- "another process can go on from here" -------  run_held_allow_next()
 *	   <--- READY: prints "ready", once -----------------  run_held_ready()
 *	   SIGINT, SIGTERM, SIGHUP ------------------------->  run_stop()
 *	   SIGUSR2: replace it ----------------------------->  run_held_leaving(), run_stop()
 *	   <--- bytes to write, which may wait --------------  run_held_write()
 *	   <--- "I end in good order" -----------------------  run_held_bye()
 *
 * The path is executed anew each time: a new build put there is what the next process runs.
 */
#ifndef RUN_HOLDER_H
#define RUN_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_HOLDER_FDS 4 /* descriptors that a holder keeps at most */

struct run_holder_conf {
	char **argv; /* of each held process, as the user gave it */
	const char *what; /* is held, for lines: "the mount /mnt/ism" */
	bool restart; /* false: when the process dies, so does what is held */
	/* Has what these hold ended by itself, from outside? Must not wait. */
	bool (*is_over)(int first_fd);
	/*
	 * The end: close the descriptors and undo what they hold. Called once, when no process has
	 * them any more, or (stuck) while a thread uses one, ours or of a process that cannot die
	 * for it. May take a bounded time.
	 */
	void (*end)(const int *fds, unsigned int count, bool stuck);
};

/*
 * Be the holder. Blocks signals, starts a thread for lines; one thread, before run_eal_init().
 * Ends when the held process has ended in good order, or cannot be replaced: no READY for 60 s, 5
 * deaths before it within 30 s, or one that refused. The process may end by a signal here.
 * @return exit status of the program; lines are printed.
 */
int run_holder(const struct run_holder_conf *conf);

/* --- the held process; all but run_held_leaving() on its main thread --- */

/*
 * Something that is held, as who serves it sees that: its line to the holder. A process that a
 * holder has started has one (run_held_self()); a runtime has one for each thing that programs have
 * asked it to serve (SOCK_SEQPACKET, the other end is the program's). One thread at a time.
 */
struct run_held {
	int sock;
};

/*
 * The first call of the program. @return true: a holder has started this process. From then on it
 * dies with the holder, and file prefix and telemetry go by the holder's PID.
 */
bool run_held_start(void);
struct run_held *run_held_self(void);
/*
 * After run_eal_init(): SIGINT, SIGTERM and SIGHUP stop the loop, however many come: whether the
 * second one ends the program at once, the holder decides.
 */
void run_held_signals(void);
/* What the process before this one gave. @return how many; 0: this is the first. */
unsigned int run_held_taken(int fds[RUN_HOLDER_FDS]);
/* Let the holder keep these; they stay ours as well. Once. @return 0; -errno. */
int run_held_give(struct run_held *h, const int *fds, unsigned int count);
/* What was given is enough for another process to go on. @return 0; -errno. */
int run_held_allow_next(struct run_held *h);
/* @return 0; -errno. */
int run_held_ready(struct run_held *h);
/* The process cannot go on with what it was given, nor could another: the line is printed. */
void run_held_refuse(struct run_held *h);
/*
 * A write(2) to the first descriptor that was given, which may wait for what is asked of us: in us
 * it would keep us from dying, and so the next process from starting. The holder has a thread for
 * it. All of it at once, at most 128 bytes; whether it succeeds is not told.
 * @param id  run_held_wrote() says which.
 * @return 0; -EAGAIN too many are under way: later; -EINVAL; -errno.
 */
int run_held_write(struct run_held *h, uint32_t id, const void *bytes, size_t len);
/* @return 1: that of *id has ended; -EAGAIN: that of *id has to be asked for again; 0: none. */
int run_held_wrote(struct run_held *h, uint32_t *id);
/* What comes now is the end in good order: the holder ends with our exit status. */
void run_held_bye(struct run_held *h);
/* The holder wants another process in our place: end soon, and leave all as it is. Any thread. */
bool run_held_leaving(void);

#endif
