/* SPDX-License-Identifier: BSD-3-Clause */
/* What the console's client tells besides output: lines for people, and the exit status. */
#include "ismcons.h"

#include <inttypes.h>
#include <string.h>

#include "base_time.h"
#include "run.h"

/* ": text", or nothing. */
#define WITH_COLON(text) (text)[0] != '\0' ? ": " : "", (text)

void
news_record(struct ismcons *app, const void *data, size_t len)
{
	int ret;

	if (app->transcript == NULL)
		return;
	ret = cons_transcript_add(app->transcript, data, len, base_now_ns());
	if (ret == 0)
		return;
	say("the transcript ends here: %s: %s", app->opt.transcript, strerror(-ret));
	cons_transcript_close(app->transcript);
	app->transcript = NULL;
}

/* A line that a reader of the transcript must see too: output is missing here. */
#define SAY_AND_RECORD(app, ...)                                                                   \
	do {                                                                                       \
		const char *line_ = say(__VA_ARGS__);                                              \
                                                                                                   \
		news_record(app, line_, strlen(line_));                                            \
	} while (0)

void
news_help(const struct ismcons *app)
{
	char prefix[CONS_ESCAPE_NAME_MAX];

	cons_escape_name(app->opt.escape, prefix);
	say("behind %s: . or d leaves, b sends a break, r sends the window's size, ? shows this, "
	    "%s sends itself",
	    prefix, prefix);
}

static void
attached(struct ismcons *app)
{
	struct cons_terminal_info info;
	char prefix[CONS_ESCAPE_NAME_MAX];

	app->attached = true;
	app->deadline_ns = 0;
	show_attached(app);
	if (!term_interactive())
		return;
	cons_terminal_info(app->terminal, &info);
	if (app->opt.escape >= 0)
		say_note("%s console %s of %s; %s . leaves, %s ? helps",
			 app->opt.observe ? "observing" : "at", info.name, app->peer,
			 cons_escape_name(app->opt.escape, prefix), prefix);
	else
		say_note("%s console %s of %s; there is no escape",
			 app->opt.observe ? "observing" : "at", info.name, app->peer);
	term_raw();
}

static void
lost(struct ismcons *app, const struct cons_item *item)
{
	char prefix[CONS_ESCAPE_NAME_MAX];
	bool final = app->opt.no_reconnect || item->why == LINK_WHY_PROTOCOL;

	if (final) {
		term_modes_undo();
		say("connection lost: %s%s%s", link_why_str(item->why), WITH_COLON(item->text));
		finish(app, CONS_EXIT_LOST);
		return;
	}
	app->lost = true;
	term_sequence_ends();
	if (term_interactive() && app->opt.escape >= 0)
		SAY_AND_RECORD(app, "connection lost: %s%s%s; waiting (%s . leaves)",
			       link_why_str(item->why), WITH_COLON(item->text),
			       cons_escape_name(app->opt.escape, prefix));
	else
		SAY_AND_RECORD(app, "connection lost: %s%s%s; waiting", link_why_str(item->why),
			       WITH_COLON(item->text));
}

static void
again(struct ismcons *app, const struct cons_item *item)
{
	app->lost = false;
	show_attached(app);
	if (item->kind == CONS_ITEM_RESTARTED)
		SAY_AND_RECORD(app, "connected again: the console was restarted");
	else
		SAY_AND_RECORD(app, "connected again");
	if (item->value != 0)
		SAY_AND_RECORD(app, "%" PRIu64 " bytes of input are lost", item->value);
}

/* Which console? Say what there is. */
static void
no_such_console(const struct ismcons *app)
{
	char names[640];
	unsigned int n;

	cons_terminal_infos(app->terminal, &n);
	list_names(app->terminal, names, sizeof(names));
	if (n == 0)
		run_error("peer %s has no console for us", app->peer);
	else if (app->opt.console != NULL)
		run_error("--console %s: the peer has no console of that name for us; there %s %s",
			  app->opt.console, n == 1 ? "is" : "are", names);
	else
		run_error("%u consoles (%s): choose one with --console", n, names);
}

static void
refused(struct ismcons *app, const struct cons_item *item)
{
	const char *console = app->opt.console != NULL ? app->opt.console : "the console";
	char gid[BASE_GID_STRLEN];

	term_restore();
	switch (item->status) {
	case CONS_ENOENT:
		no_such_console(app);
		break;
	case CONS_EBUSY:
		run_error("%s is in use by %s: %s%s--observe", console,
			  base_gid_str(item->value, gid),
			  item->code & CONS_ATTACHED_OWNED ? item->text : "--take-over",
			  item->code & CONS_ATTACHED_OWNED ? "; " : " or ");
		break;
	case CONS_EACCES:
		run_error("peer %s lets us observe %s, not write: --observe", app->peer, console);
		break;
	default:
		run_error("%s: %s%s%s", console, cons_status_str(item->status),
			  WITH_COLON(item->text));
		break;
	}
	finish(app, CONS_EXIT_REFUSED);
}

static void
ended(struct ismcons *app, const struct cons_item *item)
{
	bool tell = term_interactive();

	if (item->code == CONS_ENDED_HANGUP) {
		say("the console has hung up%s%s", WITH_COLON(item->text));
		finish(app, CONS_EXIT_LOST);
	} else if (item->code >= CONS_ENDED_SIGNAL) {
		uint32_t sig = item->code - CONS_ENDED_SIGNAL;

		say("the program was killed by signal %u%s%s", sig, WITH_COLON(item->text));
		finish(app, 128 + (int)sig);
	} else {
		if (tell)
			say_note("the program has ended with status %u%s%s", item->code,
				 WITH_COLON(item->text));
		finish(app, (int)item->code);
	}
}

/* Does nobody write to our terminal any more who knows what he has switched on there? */
static bool
is_farewell(enum cons_item_kind kind)
{
	return kind == CONS_ITEM_RESTARTED || kind == CONS_ITEM_ENDED || kind == CONS_ITEM_TAKEN ||
	       kind == CONS_ITEM_DETACHED || kind == CONS_ITEM_LEFT;
}

void
news_take(struct ismcons *app, const struct cons_item *item)
{
	char gid[BASE_GID_STRLEN];

	if (is_farewell(item->kind))
		term_modes_undo();
	switch (item->kind) {
	case CONS_ITEM_ATTACHED:
		attached(app);
		break;
	case CONS_ITEM_CUT:
		SAY_AND_RECORD(app, "%" PRIu64 " bytes of output are lost", item->value);
		break;
	case CONS_ITEM_LOST:
		lost(app, item);
		break;
	case CONS_ITEM_AGAIN:
	case CONS_ITEM_RESTARTED:
	case CONS_ITEM_DROPPED:
		again(app, item);
		break;
	case CONS_ITEM_LISTED:
		finish(app, CONS_EXIT_OK);
		break;
	case CONS_ITEM_REFUSED:
		refused(app, item);
		break;
	case CONS_ITEM_ENDED:
		ended(app, item);
		break;
	case CONS_ITEM_TAKEN:
		say("%s has taken over", base_gid_str(item->value, gid));
		finish(app, CONS_EXIT_TAKEN);
		break;
	case CONS_ITEM_DETACHED:
		say("the server has detached us%s%s", WITH_COLON(item->text));
		finish(app, CONS_EXIT_LOST);
		break;
	case CONS_ITEM_LEFT:
		say_note("disconnected; the console goes on");
		finish(app, CONS_EXIT_OK);
		break;
	case CONS_ITEM_NONE:
	case CONS_ITEM_DATA:
		break;
	}
}

/* --- waiting for a session --- */

/* So often a peer may say that it has no room: what it offers next may be less, and be had. */
#define BUSY_TRIES 3

/* A peer may still be starting; a refusal will not change. */
static bool
is_final(const struct link_session_info *info)
{
	enum link_why why = info->why;

	if (why == LINK_WHY_BUSY && info->ups == 0)
		return info->errors[LINK_WHY_BUSY] >= BUSY_TRIES;
	return why == LINK_WHY_REFUSED || why == LINK_WHY_NO_SERVICE || why == LINK_WHY_VERSION;
}

static void
complain(const struct ismcons *app, const struct link_session_info *info)
{
	switch (info->why) {
	case LINK_WHY_UNREACHABLE:
		run_error("peer %s is unreachable: no such GID on our fabric", app->peer);
		break;
	case LINK_WHY_REFUSED:
		run_error("peer %s does not allow us%s%s", app->peer, WITH_COLON(info->reason));
		break;
	case LINK_WHY_NO_SERVICE:
		run_error("peer %s has no consoles%s%s", app->peer, WITH_COLON(info->reason));
		break;
	case LINK_WHY_NONE:
	case LINK_WHY_TIMEOUT:
		run_error("peer %s does not answer within %" PRIu64 " s (is dpdk-ismd running "
			  "there?)",
			  app->peer, app->opt.wait);
		break;
	default:
		run_error("peer %s: no session: %s%s%s", app->peer, link_why_str(info->why),
			  WITH_COLON(info->reason));
		break;
	}
}

void
news_wait(struct ismcons *app, uint64_t now_ns)
{
	bool late = app->deadline_ns != 0 && now_ns > app->deadline_ns;
	struct link_session_info info;

	if (app->over)
		return;
	if (app->leaving) {
		if (late)
			news_take(app, &(struct cons_item){ .kind = CONS_ITEM_LEFT });
		return;
	}
	if (app->attached && !app->lost)
		return;
	cons_client_session_info(app->client, &info);
	if (!late && (info.up || !is_final(&info)))
		return;
	/* Our own function may be gone with its fabric: it comes back, as the peer does. */
	term_restore();
	complain(app, &info);
	finish(app, CONS_EXIT_REFUSED);
}
