/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "conf.h"
#include "sandbox.h"

/* --- another user --- */

static int
user_dir(const char *name, const struct passwd *pw, const char *dir)
{
	if (mkdir(dir, 0700) < 0)
		return CONF_RUN; /* it is there, or what is wrong is said when it is used */
	if (chown(dir, pw->pw_uid, pw->pw_gid) == 0)
		return CONF_RUN;
	conf_error("--user %s: cannot give %s to that user: %s", name, dir, strerror(errno));
	rmdir(dir);
	return CONF_EXIT_FAIL;
}

int
sandbox_user(const char *name, const char *dir)
{
	const struct passwd *pw;
	int ret;

	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL) {
		conf_error("--user %s: %s", name, errno != 0 ? strerror(errno) : "no such user");
		return CONF_EXIT_USAGE;
	}
	if (geteuid() == pw->pw_uid && getuid() == pw->pw_uid)
		return CONF_RUN;
	ret = user_dir(name, pw, dir);
	if (ret != CONF_RUN)
		return ret;
	if (initgroups(name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0) {
		conf_error("--user %s: cannot become that user: %s", name, strerror(errno));
		return CONF_EXIT_FAIL;
	}
	return CONF_RUN;
}

/* --- files: landlock --- */

#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446
#define LANDLOCK_VERSION 1u /* flag of CREATE: tell the ABI */
#define LANDLOCK_BENEATH 1 /* kind of rule */
#define LANDLOCK_REMOVE_FILE (1u << 5)

/* linux/landlock.h; written out, for kernels that are newer than the headers. */
struct landlock_rules {
	uint64_t fs, net, scoped;
};

struct landlock_beneath {
	uint64_t allowed;
	int32_t dir;
} __attribute__((packed));

/* All that this kernel can forbid. @return bytes of the struct that it knows. */
static size_t
landlock_all(long abi, struct landlock_rules *rules)
{
	unsigned int bits = 13;

	if (abi >= 2)
		bits++; /* REFER */
	if (abi >= 3)
		bits++; /* TRUNCATE */
	if (abi >= 5)
		bits++; /* IOCTL_DEV */
	*rules = (struct landlock_rules){
		.fs = (UINT64_C(1) << bits) - 1,
		.net = 3, /* bind, connect */
		.scoped = 3, /* abstract sockets and signals of others */
	};
	if (abi < 4)
		return offsetof(struct landlock_rules, net);
	return abi < 6 ? offsetof(struct landlock_rules, scoped) : sizeof(*rules);
}

static int
landlock_enter(const char *dir, long abi)
{
	struct landlock_beneath rule = { .allowed = LANDLOCK_REMOVE_FILE };
	struct landlock_rules rules;
	size_t size = landlock_all(abi, &rules);
	int set, ret = -1;

	set = (int)syscall(LANDLOCK_CREATE, &rules, size, 0);
	if (set < 0)
		return -1;
	rule.dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.dir >= 0 && syscall(LANDLOCK_ADD, set, LANDLOCK_BENEATH, &rule, 0) == 0)
		ret = (int)syscall(LANDLOCK_RESTRICT, set, 0);
	if (rule.dir >= 0)
		close(rule.dir);
	close(set);
	return ret;
}

void
sandbox_files(const char *dir)
{
	long abi = syscall(LANDLOCK_CREATE, NULL, 0, LANDLOCK_VERSION);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || abi < 1 || landlock_enter(dir, abi) < 0)
		conf_error("this kernel offers no landlock (%s): serving without it",
			   strerror(errno));
}

/* --- system calls: seccomp --- */

#ifdef __s390x__
#define ARCH AUDIT_ARCH_S390X
#else
#define ARCH AUDIT_ARCH_X86_64
#endif

/*
 * What the serving thread, and the two that write lines, may call. None of them waits for a client:
 * those on sockets do not block, those on descriptors of clients are asked only of
 * tmpfs and hugetlbfs. epoll_pwait and futex wait for all clients, and for the fabric's own
 * threads.
 */
static const unsigned int serving_calls[] = {
	/* clients */
	SYS_epoll_ctl,
	SYS_epoll_pwait,
#ifdef SYS_epoll_pwait2
	SYS_epoll_pwait2,
#endif
	SYS_ppoll,
	SYS_accept4,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_setsockopt,
	SYS_shutdown,
	SYS_close,
	/* their memory */
	SYS_fcntl,
	SYS_fstat,
	SYS_newfstatat, /* the same for newer libc; and lstat() of our own sockets */
	SYS_munmap,
	/* interrupts */
	SYS_io_submit,
	SYS_io_getevents,
	SYS_io_destroy,
	/* own memory, own threads */
	SYS_brk,
	SYS_madvise,
	SYS_mremap,
	SYS_futex,
	SYS_sched_yield,
	SYS_getpid,
	SYS_gettid,
	SYS_getrusage,
	SYS_wait4, /* does the keeper live: WNOHANG */
	/* lines and their wake-up */
	SYS_read,
	SYS_write,
#ifdef SYS_poll
	SYS_poll,
#endif
	/* time */
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_nanosleep,
#ifdef SYS_alarm
	SYS_alarm,
#endif
	SYS_setitimer,
	/* signals, start and end of threads, the end */
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_restart_syscall,
	SYS_set_robust_list,
#ifdef SYS_rseq
	SYS_rseq,
#endif
	SYS_getrandom, /* malloc() of newer libc */
	SYS_tgkill,
#ifdef SYS_unlink
	SYS_unlink,
#endif
	SYS_unlinkat,
	SYS_exit,
	SYS_exit_group,
};

/* The keeper and the closing processes: only the latter call close(). */
static const unsigned int keeper_calls[] = {
	SYS_close,	     SYS_futex,	     SYS_clone,	    SYS_wait4,		 SYS_kill,
	SYS_shutdown,	     SYS_getppid,    SYS_nanosleep, SYS_clock_nanosleep, SYS_rt_sigreturn,
	SYS_restart_syscall, SYS_exit_group,
};

#define CALLS_MAX 64
#define STATEMENTS_MAX (2 * CALLS_MAX + 16)
#define DATA(field) ((uint32_t)offsetof(struct seccomp_data, field))
#if __BYTE_ORDER == __LITTLE_ENDIAN
#define ARG_LOW(n) (DATA(args) + (n)*8)
#else
#define ARG_LOW(n) (DATA(args) + (n)*8 + 4)
#endif

struct program {
	struct sock_filter code[STATEMENTS_MAX];
	unsigned short count;
};

static void
add(struct program *p, struct sock_filter statement)
{
	p->code[p->count++] = statement;
}

/* If what was loaded last is `value`, the verdict is `action`. */
static void
add_verdict(struct program *p, uint32_t value, uint32_t action)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/*
 * mmap and mprotect: not for code. Leaves the number of the call loaded if it is another one. The
 * mmap of s390x has its arguments in memory, where no filter sees them.
 */
static void
add_no_code(struct program *p, uint32_t call)
{
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4));
	add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(2)));
	add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
	add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

/*
 * What is not in the list fails with EPERM: a libc that tries another call first goes on.
 * @return 0 or -1 with errno.
 */
static int
seccomp_enter(const unsigned int *calls, size_t count, bool maps, unsigned int flags)
{
	struct program p = { .count = 0 };
	struct sock_fprog prog = { .filter = p.code };
	size_t i;

	add(&p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA(arch)));
	add(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	add(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	add(&p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA(nr)));
	if (maps) {
#ifdef __s390x__
		add_verdict(&p, SYS_mmap, SECCOMP_RET_ALLOW);
#else
		add_no_code(&p, SYS_mmap);
#endif
		add_no_code(&p, SYS_mprotect);
	}
	for (i = 0; i < count; i++)
		add_verdict(&p, calls[i], SECCOMP_RET_ALLOW);
	add(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
	prog.len = p.count;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
static_assert(COUNT(serving_calls) <= CALLS_MAX && COUNT(keeper_calls) <= CALLS_MAX, "filter");

void
sandbox_calls(void)
{
	if (seccomp_enter(serving_calls, COUNT(serving_calls), true, SECCOMP_FILTER_FLAG_TSYNC) !=
	    0)
		conf_error("this system offers no seccomp (%s): serving without it",
			   strerror(errno));
}

void
sandbox_keeper(void)
{
	/* The fabric has said that there is none. */
	(void)seccomp_enter(keeper_calls, COUNT(keeper_calls), false, 0);
}
