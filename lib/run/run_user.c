/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serve as an ordinary user: root is needed to open functions, images and devices, not to serve
 * them. Users are looked for in /etc/passwd alone: a program that is linked statically has no NSS.
 */
#include "run.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base_text.h"

static bool
find_name(const char *name, struct run_user *user)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && (pw = fgetpwent(f)) != NULL) {
		found = strcmp(pw->pw_name, name) == 0;
		if (found)
			*user = (struct run_user){ .uid = pw->pw_uid, .gid = pw->pw_gid };
	}
	fclose(f);
	return found;
}

/* "UID" or "UID:GID". */
static bool
find_number(const char *text, struct run_user *user)
{
	char uid[16];
	uint64_t u, g;
	size_t len = strcspn(text, ":");

	if (len >= sizeof(uid))
		return false;
	snprintf(uid, sizeof(uid), "%.*s", (int)len, text);
	if (base_num_parse(uid, false, 1, UINT32_MAX - 1, &u) != 0)
		return false;
	g = u;
	if (text[len] == ':' && base_num_parse(text + len + 1, false, 1, UINT32_MAX - 1, &g) != 0)
		return false;
	*user = (struct run_user){ .uid = (uid_t)u, .gid = (gid_t)g };
	return true;
}

int
run_user_find(const char *text, struct run_user *user)
{
	if (!find_name(text, user) && !find_number(text, user)) {
		run_error("--user %s: expected a user of /etc/passwd, or UID[:GID]", text);
		return RUN_EXIT_USAGE;
	}
	if (user->uid != 0)
		return RUN_EXIT_OK;
	run_error("--user %s: is root; leave --user out to stay root", text);
	return RUN_EXIT_USAGE;
}

/* glibc changes all threads of the process at once. */
int
run_user_become(const struct run_user *user)
{
	if (getuid() == user->uid && geteuid() == user->uid)
		return RUN_EXIT_OK;
	if (setgroups(1, &user->gid) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0) {
		run_error("--user: cannot become user %u: %s", (unsigned int)user->uid,
			  strerror(errno));
		return RUN_EXIT_FAIL;
	}
	if (setresuid(0, 0, 0) == 0) {
		run_error("--user: root comes back");
		return RUN_EXIT_FAIL;
	}
	run_note("serving as user %u, group %u", (unsigned int)user->uid, (unsigned int)user->gid);
	return RUN_EXIT_OK;
}
