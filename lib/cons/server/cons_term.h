/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private to the server: a terminal, seen from where its bytes come and go. Two kinds: the
 * master of a pseudo-terminal with a program behind it (cons_pty.c), and a device (cons_tty.c).
 * Nothing here blocks.
 */
#ifndef CONS_TERM_H
#define CONS_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

struct cons_size {
	uint16_t rows, cols, xpixel, ypixel;
};

struct cons_term {
	const struct cons_term_ops *ops;
	int fd; /* non-blocking; -1: not open */
	/* A program. */
	int slave; /* our own look at the other side, or -1 */
	int pidfd; /* readable when the program has ended; -1: the kernel has none, ask */
	pid_t pid; /* 0: has ended and is reaped */
	/* A device. */
	struct termios saved;
	char lock_file[64]; /* ours, to be removed; empty: none */
	uint64_t break_until_ns; /* 0: no break on the line */
};

struct cons_term_ops {
	/* What can be said before it is opened. @return 0, -errno and a reason in err. */
	int (*check)(const char *what, char *err, size_t err_size);
	/*
	 * @param term  for TERM.
	 * @return 0; -errno and a reason for people in err: nothing is left.
	 */
	int (*open)(struct cons_term *t, const char *what, const char *term,
		    const struct cons_size *size, char *err, size_t err_size);
	/* Has the program ended? *code as in the event ENDED. Reaps it. */
	bool (*ended)(struct cons_term *t, uint32_t *code);
	/* Tells the foreground processes, though nothing change: they draw again. */
	void (*resize)(struct cons_term *t, const struct cons_size *size);
	/* @return whether a NUL byte is to be typed instead (SPEC-cons section 6). */
	bool (*line_break)(struct cons_term *t, uint64_t now_ns);
	/*
	 * May an end of file be given now? Only when input is wanted and none is there.
	 * @return the character that does it, plus CONS_EOF_RAW while the terminal does not
	 * interpret it; -1: not now.
	 */
	int (*eof_char)(struct cons_term *t);
	bool eof_once; /* one is all that may be given */
	/*
	 * The settings that what is typed meets; NULL: bytes pass as they are.
	 * @return whether *tio has them.
	 */
	bool (*settings)(const struct cons_term *t, struct termios *tio);
	/* Output that a Ctrl-S, or tcflow(3), has stopped goes on. Cheap. */
	void (*release)(struct cons_term *t);
	/* Timers of the terminal itself; cheap. */
	void (*tick)(struct cons_term *t, uint64_t now_ns);
	/* The terminal hangs up: programs get SIGHUP. Everything is closed but pid and pidfd. */
	void (*close)(struct cons_term *t);
};

#define CONS_EOF_RAW 0x100

/* Of either kind; the foreground processes hear of it if it is another one. */
static inline void
cons_term_set_size(const struct cons_term *t, const struct cons_size *size)
{
	struct winsize ws = {
		.ws_row = size->rows,
		.ws_col = size->cols,
		.ws_xpixel = size->xpixel,
		.ws_ypixel = size->ypixel,
	};

	(void)ioctl(t->fd, TIOCSWINSZ, &ws);
}

/*
 * A terminal is stopped by its STOP character and by TCOOFF, and the kernel keeps the two apart:
 * TCOON alone undoes only what TCOOFF did, TCOOFF and then TCOON undo both.
 */
static inline void
cons_term_restart(int fd)
{
	(void)ioctl(fd, TCXONC, TCOOFF);
	(void)ioctl(fd, TCXONC, TCOON);
}

/*
 * Lock the device that t->fd is, in each way that programs know: until cons_tty_unlock(), or
 * close().
 * @return 0; -EBUSY and a line for people: another program has it.
 */
int cons_tty_lock(struct cons_term *t, const char *device, char *err, size_t err_size);
void cons_tty_unlock(struct cons_term *t);
/* Which terminal is it, by whatever name? @return 0; -errno. */
int cons_tty_number(const char *device, uint32_t *number);

extern const struct cons_term_ops cons_pty_ops;
extern const struct cons_term_ops cons_tty_ops;

/*
 * For programs that were hung up and may not have ended: SIGKILL to what is left of their
 * process group, then reap. Tolerates those that have ended.
 * @return whether it has ended; if not, call again.
 */
bool cons_pty_reap(struct cons_term *t, bool kill_it);

#endif
