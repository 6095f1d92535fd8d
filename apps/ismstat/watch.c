/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens by itself: a session comes or breaks, a test ends, a wait is over, time to print. */
#include "app.h"

#include <stdlib.h>
#include <string.h>

#include "base_time.h"

static const char *
wait_what(enum app_wait wait)
{
	return wait == APP_WAIT_LINK ? "the link is not up" : "the test has not ended";
}

void
watch_wait(struct app *app, enum app_wait what, uint64_t ns, uint64_t now_ns)
{
	app->wait = what;
	app->wait_ns = ns;
	app->wait_until = now_ns + ns;
}

void
watch_cancel(struct app *app)
{
	app->wait = APP_WAIT_NONE;
	app->deferred[0] = '\0';
}

/* Has what is waited for come? */
static bool
has_come(const struct app *app)
{
	switch (app->wait) {
	case APP_WAIT_LINK:
		return app->state == PROBE_READY || app->state == PROBE_RUNNING;
	case APP_WAIT_TEST:
		return !app->testing;
	default:
		return false;
	}
}

static void
wait_over(struct app *app, uint64_t now_ns, char line[FORM_LINE_MAX])
{
	enum app_wait wait = app->wait;
	char text[APP_ERR_MAX];
	const char *why;

	if (wait == APP_WAIT_NONE)
		return;
	if (has_come(app) || (wait == APP_WAIT_TIME && now_ns >= app->wait_until)) {
		app->wait = APP_WAIT_NONE;
		memcpy(line, app->deferred, FORM_LINE_MAX);
		app->deferred[0] = '\0';
		return;
	}
	if (now_ns < app->wait_until)
		return;
	app->wait = APP_WAIT_NONE;
	why = probe_client_trouble(app->tests);
	snprintf(text, sizeof(text), "%s within %g s%s%s", wait_what(wait),
		 (double)app->wait_ns / (double)BASE_NS_PER_S, why[0] != '\0' ? ": " : "", why);
	app_complain(app, "", text);
}

static void
show_results(struct app *app)
{
	struct form_words words = { .argc = 0 };
	char err[APP_ERR_MAX];
	int ret;

	form_split("fwd stats", &words);
	say_begin();
	ret = view_show(&app->view, words.argc, words.argv, err, sizeof(err));
	fflush(app->view.out);
	say_end();
	if (ret != 0)
		app_complain(app, "", err);
}

static void
test_ended(struct app *app)
{
	const char *why = probe_client_trouble(app->tests);
	char text[APP_ERR_MAX];

	app->testing = false;
	snprintf(text, sizeof(text), "the test has ended%s%s", why[0] != '\0' ? ": " : "", why);
	if (why[0] != '\0')
		app_complain(app, "", text);
	else
		app_tell(app, text);
	show_results(app);
}

unsigned int
watch_poll(struct app *app, uint64_t now_ns, char line[FORM_LINE_MAX])
{
	unsigned int work = 0;

	line[0] = '\0';
	if (app->tests != NULL) {
		enum probe_state was = app->state;

		app->state = probe_client_state(app->tests);
		work += app->state != was;
		if (app->testing && app->state != PROBE_RUNNING && app->state != PROBE_STOPPING) {
			test_ended(app);
			work++;
		}
	}
	wait_over(app, now_ns, line);
	return work;
}
