/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: "EAL options -- program options", and the EAL options that
 * the user left out.
 */
#include "run.h"
#include "run_priv.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_process.h"
#include "base_text.h"

#define EAL_ARGS_MAX 128
#define EAL_DEFAULTS_MAX 16 /* options that add_defaults() may add */
#define NO_HUGE_MIB "64"

/* What of the user's EAL options decides about a default. */
enum {
	HAS_CPUS = 1 << 0,
	HAS_HUGE = 1 << 1,
	HAS_MEM = 1 << 2,
	HAS_PREFIX = 1 << 3,
	HAS_LOG = 1 << 4,
	HAS_VDEV = 1 << 5,
	HAS_PCI = 1 << 6,
	HAS_IOVA = 1 << 7,
	HAS_HELP = 1 << 8,
};

/* EAL's options, 22.11 to 25.11: what they are called and whether a value follows. */
static const char eal_short[] = ":a:b:c:s:d:hl:S:m:n:r:vR";
enum {
	OPT_LCORES = 1000,
	OPT_VDEV,
	OPT_HUGE,
	OPT_PREFIX,
	OPT_LOG,
	OPT_NO_PCI,
	OPT_IOVA,
	OPT_OTHER
};
static const struct option eal_long[] = {
	{ "lcores", required_argument, NULL, OPT_LCORES },
	{ "vdev", required_argument, NULL, OPT_VDEV },
	{ "no-huge", no_argument, NULL, OPT_HUGE },
	{ "huge-dir", required_argument, NULL, OPT_HUGE },
	{ "huge-unlink", optional_argument, NULL, OPT_HUGE },
	{ "socket-mem", required_argument, NULL, OPT_HUGE },
	{ "numa-mem", required_argument, NULL, OPT_HUGE },
	{ "file-prefix", required_argument, NULL, OPT_PREFIX },
	{ "log-level", required_argument, NULL, OPT_LOG },
	{ "no-pci", no_argument, NULL, OPT_NO_PCI },
	{ "iova-mode", required_argument, NULL, OPT_IOVA },
	{ "allow", required_argument, NULL, 'a' },
	{ "block", required_argument, NULL, 'b' },
	{ "coremask", required_argument, NULL, 'c' },
	{ "corelist", required_argument, NULL, 'l' },
	{ "memory-size", required_argument, NULL, 'm' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ "base-virtaddr", required_argument, NULL, OPT_OTHER },
	{ "create-uio-dev", no_argument, NULL, OPT_OTHER },
	{ "driver-path", required_argument, NULL, OPT_OTHER },
	{ "force-max-simd-bitwidth", required_argument, NULL, OPT_OTHER },
	{ "huge-worker-stack", optional_argument, NULL, OPT_OTHER },
	{ "in-memory", no_argument, NULL, OPT_OTHER },
	{ "legacy-mem", no_argument, NULL, OPT_OTHER },
	{ "log-color", optional_argument, NULL, OPT_OTHER },
	{ "log-timestamp", optional_argument, NULL, OPT_OTHER },
	{ "main-lcore", required_argument, NULL, OPT_OTHER },
	{ "match-allocations", no_argument, NULL, OPT_OTHER },
	{ "mbuf-pool-ops-name", required_argument, NULL, OPT_OTHER },
	{ "memory-channels", required_argument, NULL, OPT_OTHER },
	{ "memory-ranks", required_argument, NULL, OPT_OTHER },
	{ "no-hpet", no_argument, NULL, OPT_OTHER },
	{ "no-shconf", no_argument, NULL, OPT_OTHER },
	{ "no-telemetry", no_argument, NULL, OPT_OTHER },
	{ "proc-type", required_argument, NULL, OPT_OTHER },
	{ "remap-lcore-ids", optional_argument, NULL, OPT_OTHER },
	{ "service-corelist", required_argument, NULL, OPT_OTHER },
	{ "service-coremask", required_argument, NULL, OPT_OTHER },
	{ "single-file-segments", no_argument, NULL, OPT_OTHER },
	{ "socket-limit", required_argument, NULL, OPT_OTHER },
	{ "numa-limit", required_argument, NULL, OPT_OTHER },
	{ "syslog", optional_argument, NULL, OPT_OTHER },
	{ "telemetry", no_argument, NULL, OPT_OTHER },
	{ "trace", required_argument, NULL, OPT_OTHER },
	{ "trace-bufsz", required_argument, NULL, OPT_OTHER },
	{ "trace-dir", required_argument, NULL, OPT_OTHER },
	{ "trace-mode", required_argument, NULL, OPT_OTHER },
	{ "vfio-intr", required_argument, NULL, OPT_OTHER },
	{ "vfio-vf-token", required_argument, NULL, OPT_OTHER },
	{ "vmware-tsc-map", no_argument, NULL, OPT_OTHER },
	{ NULL, 0, NULL, 0 },
};

static char *eal_argv[EAL_ARGS_MAX + 1];
/* Words of it that were made here: EAL keeps pointers to them. */
static char *replaced[EAL_ARGS_MAX];
static unsigned int replaced_count;
static int eal_argc;
static struct run_eal_facts facts;
/* Values of the defaults: they must outlive rte_eal_init(). */
static char text_lcores[8 + 5 * CPU_SETSIZE], text_prefix[80], text_vdev[160];

char **
run_eal_argv(int *argc)
{
	*argc = eal_argc;
	return eal_argv;
}

const struct run_eal_facts *
run_eal_facts(void)
{
	return &facts;
}

const char *
run_cpus_str(const cpu_set_t *set, char *buf, size_t size)
{
	size_t len = 0;
	int cpu, first;

	buf[0] = '\0';
	for (cpu = 0; cpu < CPU_SETSIZE && len < size; cpu++) {
		if (!CPU_ISSET(cpu, set))
			continue;
		first = cpu;
		while (cpu + 1 < CPU_SETSIZE && CPU_ISSET(cpu + 1, set))
			cpu++;
		len += (size_t)snprintf(buf + len, size - len, len ? ",%d" : "%d", first);
		if (cpu > first && len < size)
			len += (size_t)snprintf(buf + len, size - len, "-%d", cpu);
	}
	return buf;
}

/* --- CPUs that the user named --- */

/* Take "N" or "N-M" off *s. @return false when there is none or it is absurd. */
static bool
take_range(const char **s, unsigned long *first, unsigned long *last)
{
	char *end;

	if (!isdigit((unsigned char)**s))
		return false;
	*first = *last = strtoul(*s, &end, 10);
	if (*end == '-') {
		if (!isdigit((unsigned char)end[1]))
			return false;
		*last = strtoul(end + 1, &end, 10);
	}
	*s = end;
	return *first < 1000000 && *last < 1000000;
}

static void
mark_range(cpu_set_t *set, unsigned long *beyond, unsigned long a, unsigned long b)
{
	unsigned long cpu, low = a < b ? a : b, high = a < b ? b : a;

	for (cpu = low; cpu <= high; cpu++) {
		if (cpu < CPU_SETSIZE)
			CPU_SET(cpu, set);
		else if (cpu > *beyond)
			*beyond = cpu;
	}
}

/* -l: "0-3,5". */
static bool
parse_list(const char *s, cpu_set_t *set, unsigned long *beyond)
{
	unsigned long a, b;

	do {
		if (!take_range(&s, &a, &b))
			return false;
		mark_range(set, beyond, a, b);
	} while (*s == ',' && s++);
	return *s == '\0';
}

/* -c: a hex mask. */
static bool
parse_mask(const char *s, cpu_set_t *set, unsigned long *beyond)
{
	size_t len;
	unsigned long cpu = 0;

	if (s[0] == '0' && (s[1] | 0x20) == 'x')
		s += 2;
	for (len = strlen(s); len > 0; len--, cpu += 4) {
		char digit[2] = { s[len - 1], '\0' };
		unsigned long bits;
		unsigned int i;

		if (!isxdigit((unsigned char)digit[0]) || cpu > 4096)
			return false;
		bits = strtoul(digit, NULL, 16);
		for (i = 0; i < 4; i++) {
			if (bits & 1ul << i)
				mark_range(set, beyond, cpu + i, cpu + i);
		}
	}
	return cpu > 0;
}

/*
 * --lcores: "lcores[@cpus]" separated by commas, either side a number, a range or a
 * list in parentheses. Without '@' an lcore runs on the CPU of its own number.
 */
static bool
parse_lcores(const char *s, cpu_set_t *set, unsigned long *beyond)
{
	cpu_set_t ids;
	unsigned long ids_beyond, a, b;
	bool paren, cpus;

	do {
		CPU_ZERO(&ids);
		ids_beyond = 0;
		for (cpus = false;; cpus = true, s++) {
			CPU_ZERO(&ids);
			paren = *s == '(' && s++;
			do {
				if (!take_range(&s, &a, &b))
					return false;
				mark_range(&ids, &ids_beyond, a, b);
			} while (paren && *s == ',' && s++);
			if (paren && *s++ != ')')
				return false;
			if (cpus || *s != '@')
				break;
			ids_beyond = 0;
		}
		CPU_OR(set, set, &ids);
		if (ids_beyond > *beyond)
			*beyond = ids_beyond;
	} while (*s == ',' && s++);
	return *s == '\0';
}

static bool
parse_cpus(int opt, const char *arg, cpu_set_t *want, unsigned long *beyond)
{
	CPU_ZERO(want);
	*beyond = 0;
	if (opt == 'l')
		return parse_list(arg, want, beyond);
	if (opt == 'c')
		return parse_mask(arg, want, beyond);
	return parse_lcores(arg, want, beyond);
}

/* --- without the CPUs that are not there --- */

/* One part of --lcores: lcores in [lcores, lcores_end), CPUs in [cpus, cpus_end). */
struct lcores_part {
	const char *lcores, *lcores_end, *cpus, *cpus_end;
};

/* The text was parsed before: it is right. @return what follows the part. */
static const char *
next_part(const char *s, struct lcores_part *part)
{
	part->lcores = part->cpus = s;
	for (int depth = 0; *s != '\0' && (*s != ',' || depth > 0); s++) {
		depth += *s == '(' ? 1 : *s == ')' ? -1 : 0;
		if (*s == '@') {
			part->lcores_end = s;
			part->cpus = s + 1;
		}
	}
	part->cpus_end = s;
	if (part->cpus == part->lcores)
		part->lcores_end = s;
	return *s == ',' ? s + 1 : s;
}

/* The CPUs that [from, end) names, parentheses or not, and that are there. */
static void
cpus_there(const cpu_set_t *online, const char *from, const char *end, cpu_set_t *cpus)
{
	char text[256];
	unsigned long beyond = 0;
	bool paren = *from == '(';

	CPU_ZERO(cpus);
	snprintf(text, sizeof(text), "%.*s", (int)(end - from - (paren ? 2 : 0)),
		 from + (paren ? 1 : 0));
	parse_list(text, cpus, &beyond);
	CPU_AND(cpus, cpus, online);
}

/* A part without '@' whose lcores stand in parentheses has them share those CPUs. */
static size_t
put_part(const cpu_set_t *online, const struct lcores_part *part, char *to, size_t size)
{
	char list[256];
	cpu_set_t cpus;

	cpus_there(online, part->cpus, part->cpus_end, &cpus);
	if (CPU_COUNT(&cpus) == 0)
		return 0;
	run_cpus_str(&cpus, list, sizeof(list));
	if (part->cpus != part->lcores)
		return (size_t)snprintf(to, size, "%.*s@(%s)",
					(int)(part->lcores_end - part->lcores), part->lcores, list);
	return (size_t)snprintf(to, size, *part->lcores == '(' ? "(%s)" : "%s", list);
}

static void
reduce_lcores(const cpu_set_t *online, const char *arg, char *to, size_t size)
{
	struct lcores_part part = { 0 };
	size_t len = 0, more;

	while (*arg != '\0' && len + 1 < size) {
		arg = next_part(arg, &part);
		more = put_part(online, &part, to + len + (len > 0), size - len - (len > 0));
		if (more > 0 && len > 0)
			to[len++] = ',';
		len += more;
	}
}

/* What is left of the option's value. */
static void
reduce_cpus(const cpu_set_t *online, int opt, const char *arg, const cpu_set_t *want, char *to,
	    size_t size)
{
	unsigned long bits = 0;
	cpu_set_t both;

	CPU_AND(&both, want, online);
	if (opt == 'l') {
		run_cpus_str(&both, to, size);
	} else if (opt == 'c' && CPU_COUNT(&both) > 0) {
		for (int cpu = 0; cpu < 64; cpu++)
			bits |= CPU_ISSET(cpu, &both) ? 1ul << cpu : 0;
		snprintf(to, size, "%lx", bits);
	} else if (opt != 'c') {
		reduce_lcores(online, arg, to, size);
	}
}

/*
 * Put `value` in the place of `old`, which is the word *word or its end. @return false: no memory.
 */
static bool
replace_value(char **word, const char *old, const char *value)
{
	size_t keep = old >= *word && old <= *word + strlen(*word) ? (size_t)(old - *word) : 0;
	char *text = malloc(keep + strlen(value) + 1);

	if (text == NULL || replaced_count == EAL_ARGS_MAX) {
		free(text);
		return false;
	}
	replaced[replaced_count++] = text;
	memcpy(text, *word, keep);
	memcpy(text + keep, value, strlen(value) + 1);
	*word = text;
	return true;
}

/*
 * Does this machine have the CPUs that -l, -c or --lcores name? A command line that was written for
 * a larger machine works on a smaller one: those that exist are used, and a line says so.
 * Complains if none does.
 * @param word  where the option's value stands.
 */
static int
check_cpus(const struct run_host *host, int opt, const char *arg, char **word)
{
	const char *name = opt == 'l' ? "-l" : opt == 'c' ? "-c" : "--lcores";
	char have[256], lacking[256], value[1024] = "";
	unsigned long beyond;
	cpu_set_t want, lack;

	run_cpus_str(&host->online, have, sizeof(have));
	if (!parse_cpus(opt, arg, &want, &beyond)) {
		run_error("%s %s: expected %s; this machine has CPU %s", name, arg,
			  opt == 'l'   ? "a list of CPUs such as 0 or 0-1"
			  : opt == 'c' ? "a hex mask of CPUs such as 3"
				       : "lcores[@cpus] such as 0@0,1@1",
			  have);
		return RUN_EXIT_USAGE;
	}
	CPU_XOR(&lack, &want, &host->online);
	CPU_AND(&lack, &lack, &want);
	if (CPU_COUNT(&lack) == 0 && beyond == 0)
		return RUN_EXIT_OK;
	if (CPU_COUNT(&lack) > 0)
		run_cpus_str(&lack, lacking, sizeof(lacking));
	else
		snprintf(lacking, sizeof(lacking), "%lu", beyond);
	reduce_cpus(&host->online, opt, arg, &want, value, sizeof(value));
	if (value[0] == '\0' || !replace_value(word, arg, value)) {
		run_error("%s %s: there is no CPU %s; this machine has CPU %s", name, arg, lacking,
			  have);
		return RUN_EXIT_USAGE;
	}
	snprintf(facts.cpus_note, sizeof(facts.cpus_note), "%s %s: there is no CPU %s, using %s %s",
		 name, arg, lacking, name, value);
	return RUN_EXIT_OK;
}

/* --- the user's EAL options --- */

/* Remember socket= of a raw_ism vdev, to explain a failure with it. */
static void
note_socket(const char *vdev)
{
	const char *s = strstr(vdev, "socket=");

	if (strncmp(vdev, "raw_ism", 7) != 0 || s == NULL || facts.socket[0] != '\0')
		return;
	snprintf(facts.socket, sizeof(facts.socket), "%.*s", (int)strcspn(s + 7, ","), s + 7);
}

static unsigned int
option_bits(int opt)
{
	switch (opt) {
	case 'l':
	case 'c':
	case OPT_LCORES:
		return HAS_CPUS;
	case 'm':
		return HAS_MEM;
	case 'a':
	case 'b':
	case OPT_NO_PCI:
		return HAS_PCI;
	case 'h':
	case 'v':
		return HAS_HELP;
	case OPT_VDEV:
		return HAS_VDEV;
	case OPT_HUGE:
		return HAS_HUGE;
	case OPT_PREFIX:
		return HAS_PREFIX;
	case OPT_LOG:
		return HAS_LOG;
	case OPT_IOVA:
		return HAS_IOVA;
	default:
		return 0;
	}
}

/* EAL takes the digits that a number begins with, or 0. Complains about what is no number. */
static int
check_number(int opt, const char *arg)
{
	uint64_t value;

	if ((opt != 'm' && opt != 'n' && opt != 'r') ||
	    base_num_parse(arg, false, 1, UINT32_MAX, &value) == 0)
		return RUN_EXIT_OK;
	run_error("-%c %s: expected a number from 1 to %u", opt, arg, UINT32_MAX);
	return RUN_EXIT_USAGE;
}

/* Look through the EAL part. Fills *has; complains about what EAL would not take. */
static int
scan_eal(const struct run_host *host, int argc, char **argv, unsigned int *has)
{
	int opt, ret, prev_err = opterr;

	*has = 0;
	opterr = 0;
	optind = 0; /* start afresh, whatever was parsed before */
	ret = RUN_EXIT_OK;
	while (ret == RUN_EXIT_OK &&
	       (opt = getopt_long(argc, argv, eal_short, eal_long, NULL)) != -1) {
		if (opt == '?' || opt == ':') {
			run_error("%s EAL option '%s' (program options go after --)",
				  opt == '?' ? "unknown or ambiguous" : "no value for",
				  argv[optind - 1]);
			ret = RUN_EXIT_USAGE;
			break;
		}
		*has |= option_bits(opt);
		ret = check_number(opt, optarg);
		if (opt == 'l' || opt == 'c' || opt == OPT_LCORES)
			ret = check_cpus(host, opt, optarg, &argv[optind - 1]);
		if (opt == OPT_VDEV)
			note_socket(optarg);
	}
	if (ret == RUN_EXIT_OK && optind < argc) {
		run_error("'%s' before -- is not an EAL option", argv[optind]);
		ret = RUN_EXIT_USAGE;
	}
	optind = 0;
	opterr = prev_err;
	return ret;
}

static void
add(const char *arg)
{
	eal_argv[eal_argc++] = (char *)(uintptr_t)arg;
	eal_argv[eal_argc] = NULL;
}

/* "--lcores=0@(0,1)": one lcore that the kernel may move over the CPUs we were given. */
static void
add_floating_lcore(const struct run_host *host)
{
	size_t len;
	int cpu, n = 0;

	len = (size_t)snprintf(text_lcores, sizeof(text_lcores), "--lcores=0@(");
	for (cpu = 0; cpu < CPU_SETSIZE && len < sizeof(text_lcores); cpu++) {
		if (CPU_ISSET(cpu, &host->affinity))
			len += (size_t)snprintf(text_lcores + len, sizeof(text_lcores) - len,
						n++ ? ",%d" : "%d", cpu);
	}
	if (len < sizeof(text_lcores))
		snprintf(text_lcores + len, sizeof(text_lcores) - len, ")");
	add(text_lcores);
}

/* "dpdk-ismblk" -> "ismblk-". */
static void
set_prefix(const char *program)
{
	if (strncmp(program, "dpdk-", 5) == 0)
		program += 5;
	snprintf(facts.prefix, sizeof(facts.prefix), "%.48s-", program);
}

static void
add_defaults(const struct run_host *host, unsigned int has)
{
	if (!(has & (HAS_VDEV | HAS_PCI)) && host->vdev_socket != NULL) {
		snprintf(text_vdev, sizeof(text_vdev), "--vdev=raw_ism0,socket=%s",
			 host->vdev_socket);
		note_socket(text_vdev + strlen("--vdev="));
		add(text_vdev);
		has |= HAS_VDEV;
		facts.device_variable = true;
	}
	facts.device = (has & (HAS_VDEV | HAS_PCI)) != 0;
	if ((has & HAS_VDEV) && !(has & HAS_PCI))
		add("--no-pci");
	if (!(has & HAS_CPUS))
		add_floating_lcore(host);
	if (!(has & HAS_HUGE) && !host->hugepages) {
		add("--no-huge");
		if (!(has & HAS_MEM)) {
			add("-m");
			add(NO_HUGE_MIB);
		}
	}
	/* Files in hugetlbfs would outlive the process: its prefix is never used again. */
	if (!(has & (HAS_HUGE | HAS_PREFIX)) && host->hugepages)
		add("--huge-unlink");
	if (!(has & HAS_IOVA))
		add("--iova-mode=va");
	if (!(has & HAS_PREFIX)) {
		snprintf(text_prefix, sizeof(text_prefix), "--file-prefix=%s%ld", facts.prefix,
			 host->pid);
		add(text_prefix);
	}
	if (!(has & HAS_LOG))
		add("--log-level=lib.eal:error");
	facts.own_prefix = !(has & HAS_PREFIX);
	facts.logs = (has & HAS_LOG) != 0;
	facts.help = (has & HAS_HELP) != 0;
}

int
run_args_on(const struct run_host *host, int argc, char **argv, const char *program, int *app_argc,
	    char ***app_argv)
{
	unsigned int has = 0;
	int i, split, ret;

	run_set_program(program);
	while (replaced_count > 0)
		free(replaced[--replaced_count]);
	memset(&facts, 0, sizeof(facts));
	set_prefix(program);
	for (split = 1; split < argc && strcmp(argv[split], "--") != 0;)
		split++;
	eal_argc = 0;
	add(program);
	if (split < argc) {
		if (split > EAL_ARGS_MAX - EAL_DEFAULTS_MAX) {
			run_error("more than %d EAL options", EAL_ARGS_MAX - EAL_DEFAULTS_MAX);
			return RUN_EXIT_USAGE;
		}
		for (i = 1; i < split; i++)
			add(argv[i]);
		ret = scan_eal(host, eal_argc, eal_argv, &has);
		if (ret != RUN_EXIT_OK)
			return ret;
	} else {
		split = 0;
	}
	add_defaults(host, has);
	*app_argc = argc - split;
	*app_argv = argv + split;
	(*app_argv)[0] = eal_argv[0];
	return RUN_EXIT_OK;
}

int
run_args(int argc, char **argv, const char *program, int *app_argc, char ***app_argv)
{
	struct run_host host;

	/* Without descriptors for its lines, nobody would know. */
	run_set_program(program);
	if (base_process_prepare() < 0)
		return RUN_EXIT_FAIL;
	run_host_probe(&host);
	return run_args_on(&host, argc, argv, program, app_argc, app_argv);
}
