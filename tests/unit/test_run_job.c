/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs and configurations, with a kind of job that does nothing but count. No EAL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_text.h"
#include "run_job.h"

static char path[] = "/tmp/test-jobs-XXXXXX";

/* What the kinds were told to do. */
struct ctx {
	char log[2048];
	int refuse; /* start() says so */
	int refuse_allow;
};

static void
note(struct ctx *ctx, const char *what, const struct run_job *job)
{
	size_t len = strlen(ctx->log);

	snprintf(ctx->log + len, sizeof(ctx->log) - len, "%s %s;", what, job->name);
}

/* "NAME[=TEXT][,allow=...]" */
static int
parse(struct run_job *job, char *err)
{
	char *rest, *part;
	const char *bad;

	job->conf = rest = strdup(job->spec);
	part = base_part_take(&rest);
	part[strcspn(part, "=")] = '\0';
	if (strcmp(part, "wrong") == 0) {
		snprintf(err, RUN_JOB_ERR, "that is wrong");
		return -EINVAL;
	}
	snprintf(job->name, sizeof(job->name), "%s", part);
	while ((part = base_part_take(&rest)) != NULL)
		if (strncmp(part, "allow=", 6) == 0 &&
		    base_allow_parse(&job->allow, part + 6, &bad) != 0)
			return -EINVAL;
	return 0;
}

static int
start(void *ctx, struct run_job *job, char *err)
{
	struct ctx *c = ctx;

	if (c->refuse != 0) {
		snprintf(err, RUN_JOB_ERR, "%s cannot be had", job->name);
		return c->refuse;
	}
	note(c, "start", job);
	return 0;
}

static void
end_job(void *ctx, struct run_job *job)
{
	note(ctx, "stop", job);
}

static int
allow(void *ctx, struct run_job *job)
{
	note(ctx, "allow", job);
	return ((struct ctx *)ctx)->refuse_allow;
}

static void
tell(void *ctx, const struct run_job *job)
{
	note(ctx, "tell", job);
}

static const struct run_job_type thing = {
	"thing", parse, start, tell, end_job, allow, NULL, free
};
static const struct run_job_type plain = { "plain", parse, start, NULL, end_job, NULL, NULL, free };
static const struct run_job_type *const types[] = { &thing, &plain };

/* @return what was done since the last call. */
static const char *
done(struct ctx *ctx)
{
	static char log[sizeof(ctx->log)];

	memcpy(log, ctx->log, sizeof(log));
	ctx->log[0] = '\0';
	return log;
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void
test_add_remove(void **state)
{
	struct ctx ctx = { .refuse = 0 };
	struct run_jobs *jobs = run_jobs_create(types, 2, &ctx);
	char err[RUN_JOB_ERR];

	assert_int_equal(run_job_add(jobs, "thing a=1,allow=10", false, err), 0);
	assert_int_equal(run_job_add(jobs, "  thing \t b", false, err), 0);
	assert_int_equal(run_job_add(jobs, "plain a", false, err), 0);
	assert_string_equal(done(&ctx), "start a;start b;start a;");
	assert_int_equal(run_jobs_count(jobs, &thing), 2);
	assert_int_equal(run_jobs_count(jobs, NULL), 3);
	assert_int_equal(run_job_add(jobs, "thing a=2", false, err), -EEXIST);
	assert_string_equal(err, "thing 'a': this name is given twice");
	assert_int_equal(run_job_add(jobs, "thing wrong", false, err), -EINVAL);
	assert_int_equal(run_job_add(jobs, "other x", false, err), -EINVAL);
	assert_string_equal(err, "'other' is no kind of job; there is thing, plain");
	assert_int_equal(run_job_add(jobs, "", false, err), -EINVAL);
	ctx.refuse = -EACCES;
	assert_int_equal(run_job_add(jobs, "thing c", false, err), -EACCES);
	assert_string_equal(err, "c cannot be had");
	ctx.refuse = 0;
	assert_int_equal(run_jobs_count(jobs, NULL), 3);
	run_jobs_tell(jobs);
	assert_string_equal(done(&ctx), "tell a;tell b;");
	assert_int_equal(run_job_remove(jobs, "thing a", err), 0);
	assert_int_equal(run_job_remove(jobs, "thing a", err), -ENOENT);
	assert_int_equal(run_job_remove(jobs, "other a", err), -EINVAL);
	assert_int_equal(run_job_add(jobs, "thing c", false, err), 0);
	assert_string_equal(done(&ctx), "stop a;start c;tell c;");
	run_jobs_destroy(jobs);
	assert_string_equal(done(&ctx), "");
}

static void
test_bounds(void **state)
{
	struct ctx ctx = { .refuse = 0 };
	struct run_jobs *jobs = run_jobs_create(types, 2, &ctx);
	char err[RUN_JOB_ERR], text[64], *longest = malloc(RUN_JOB_SPEC_MAX + 1);

	assert_non_null(longest);
	memset(longest, 'x', RUN_JOB_SPEC_MAX);
	memcpy(longest, "thing ", 6);
	longest[RUN_JOB_SPEC_MAX] = '\0';
	assert_int_equal(run_job_add(jobs, longest, false, err), -EINVAL);
	for (int i = 0; i < RUN_JOBS_MAX; i++) {
		snprintf(text, sizeof(text), "thing t%d", i);
		assert_int_equal(run_job_add(jobs, text, false, err), 0);
		ctx.log[0] = '\0';
	}
	assert_int_equal(run_job_add(jobs, "thing more", false, err), -ENOSPC);
	free(longest);
	run_jobs_destroy(jobs);
}

static void
test_allow(void **state)
{
	struct ctx ctx = { .refuse = 0 };
	struct run_jobs *jobs = run_jobs_create(types, 2, &ctx);
	char err[RUN_JOB_ERR], list[64];
	unsigned int i;

	assert_int_equal(run_job_add(jobs, "thing a,allow=10", false, err), 0);
	assert_int_equal(run_job_add(jobs, "plain a", false, err), 0);
	done(&ctx);
	assert_int_equal(run_job_allow(jobs, "thing a", "11:10", true, err), 0);
	assert_int_equal(run_job_allow(jobs, "thing a", "12", false, err), 0);
	assert_int_equal(run_job_allow(jobs, "thing a", "any", true, err), 0);
	assert_int_equal(run_job_allow(jobs, "thing a", "10", false, err), -EINVAL);
	assert_non_null(strstr(err, "deny 'any'"));
	assert_int_equal(run_job_allow(jobs, "thing a", "any", false, err), 0);
	assert_string_equal(done(&ctx), "allow a;allow a;allow a;allow a;");
	assert_int_equal(run_job_allow(jobs, "plain a", "1", true, err), -EOPNOTSUPP);
	assert_int_equal(run_job_allow(jobs, "thing b", "1", true, err), -ENOENT);
	assert_int_equal(run_job_allow(jobs, "thing a", "x", true, err), -EINVAL);
	assert_int_equal(run_job_allow(jobs, "thing a", "", true, err), -EINVAL);
	for (i = 0; i < BASE_ALLOW_MAX; i++) {
		snprintf(list, sizeof(list), "%x", 0x100 + i);
		assert_int_equal(run_job_allow(jobs, "thing a", list, true, err), 0);
	}
	assert_int_equal(run_job_allow(jobs, "thing a", "1", true, err), -ENOSPC);
	/* What the kind does not do has not happened. */
	ctx.refuse_allow = -EIO;
	assert_int_equal(run_job_allow(jobs, "thing a", "any", false, err), -EIO);
	ctx.refuse_allow = 0;
	assert_int_equal(run_job_allow(jobs, "thing a", "1", true, err), -ENOSPC);
	run_jobs_destroy(jobs);
}

static void
test_file(void **state)
{
	struct ctx ctx = { .refuse = 0 };
	struct run_jobs *jobs = run_jobs_create(types, 2, &ctx);
	struct run_job_changes changes;
	char err[RUN_JOB_ERR];

	assert_int_equal(run_job_add(jobs, "thing typed", false, err), 0);
	done(&ctx);
	write_file("# all jobs\n\n  thing a=1,allow=10\r\n"
		   "thing b=long \\\n\tname,allow=1\nplain a");
	assert_int_equal(run_jobs_apply(jobs, path, &changes, err), 0);
	assert_string_equal(done(&ctx), "start a;start b;start a;");
	assert_int_equal(changes.begun, 3);
	assert_int_equal(run_jobs_apply(jobs, path, &changes, err), 0);
	assert_string_equal(done(&ctx), "");
	assert_int_equal(changes.kept, 3);
	/* Others come and go; who may use one is changed in place; what was typed stays. */
	write_file("thing a=1,allow=11\nthing c\nplain a=other\n");
	assert_int_equal(run_jobs_apply(jobs, path, &changes, err), 0);
	assert_string_equal(done(&ctx), "stop b;stop a;allow a;start c;start a;");
	assert_int_equal(changes.begun, 2);
	assert_int_equal(changes.changed, 1);
	assert_int_equal(changes.ended, 1);
	assert_int_equal(run_jobs_count(jobs, NULL), 4);
	/* An allow list that was changed by hand is the file's again. */
	assert_int_equal(run_job_allow(jobs, "thing a", "12", true, err), 0);
	done(&ctx);
	assert_int_equal(run_jobs_apply(jobs, path, &changes, err), 0);
	assert_string_equal(done(&ctx), "allow a;");
	/* Two commas are one that is meant, and no beginning of an option. */
	write_file("thing a=1,,allow=11\nthing c\nplain a=other\n");
	assert_int_equal(run_jobs_apply(jobs, path, &changes, err), 0);
	assert_string_equal(done(&ctx), "stop a;start a;");
	write_file("");
	assert_int_equal(run_jobs_apply(jobs, path, &changes, err), 0);
	assert_int_equal(changes.ended, 3);
	assert_int_equal(run_jobs_count(jobs, NULL), 1);
	run_jobs_destroy(jobs);
}

/* A file that is not in order changes nothing, and says where. */
static void
test_wrong_file(void **state)
{
	static const struct {
		const char *text, *tells;
	} rows[] = {
		{ "thing a\nother b\n", ":2: 'other' is no kind of job" },
		{ "thing b\n\nthing wrong\n", ":3: that is wrong" },
		{ "thing b\nthing \\\n c\nthing b\n", ":4: there is a thing 'b' above already" },
		{ "thing", ":1:" },
	};
	struct ctx ctx = { .refuse = 0 };
	struct run_jobs *jobs = run_jobs_create(types, 2, &ctx);
	char err[RUN_JOB_ERR], *longest = malloc(RUN_JOB_SPEC_MAX + 100);

	assert_int_equal(run_job_add(jobs, "thing a=x", true, err), 0);
	done(&ctx);
	for (size_t i = 0; i < 3; i++) {
		write_file(rows[i].text);
		assert_int_equal(run_jobs_apply(jobs, path, NULL, err), -EINVAL);
		if (strstr(err, rows[i].tells) == NULL)
			fail_msg("'%s', not '%s'", err, rows[i].tells);
	}
	assert_non_null(longest);
	memset(longest, ' ', RUN_JOB_SPEC_MAX + 99);
	memcpy(longest, "thing y", 7);
	longest[RUN_JOB_SPEC_MAX + 99] = '\0';
	write_file(longest);
	assert_int_equal(run_jobs_apply(jobs, path, NULL, err), -EINVAL);
	assert_non_null(strstr(err, ":1: a line of more than"));
	assert_int_equal(run_jobs_apply(jobs, "/nonexistent", NULL, err), -ENOENT);
	assert_int_equal(run_jobs_apply(jobs, "/tmp", NULL, err), -EINVAL);
	assert_string_equal(done(&ctx), "");
	/* Only looked at. */
	assert_int_equal(run_jobs_check(jobs, "f", "thing z\n", err), 0);
	assert_int_equal(run_jobs_check(jobs, "f", "", err), 0);
	assert_int_equal(run_jobs_check(jobs, "f", "thing z\nthing z", err), -EINVAL);
	assert_string_equal(err, "f:2: there is a thing 'z' above already");
	assert_string_equal(done(&ctx), "");
	free(longest);
	run_jobs_destroy(jobs);
}

/* One that cannot begin does not keep the others. */
static void
test_some_fail(void **state)
{
	struct ctx ctx = { .refuse = -EACCES };
	struct run_jobs *jobs = run_jobs_create(types, 2, &ctx);
	struct run_job_changes changes;
	char err[RUN_JOB_ERR];

	write_file("thing a\nthing b\n");
	assert_int_equal(run_jobs_apply(jobs, path, &changes, err), -EACCES);
	assert_string_equal(err, "a cannot be had");
	assert_int_equal(changes.failed, 2);
	ctx.refuse = 0;
	assert_int_equal(run_jobs_apply(jobs, path, &changes, err), 0);
	assert_int_equal(changes.begun, 2);
	run_jobs_destroy(jobs);
}

static int
begin(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int
end(void **state)
{
	return unlink(path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_remove), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_allow),	   cmocka_unit_test(test_file),
		cmocka_unit_test(test_wrong_file), cmocka_unit_test(test_some_fail),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
