/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output on its way to stdout. The peer can change what lies in a slot at any time: it is copied
 * once, and terminal, transcript and the eyes on modes all get that copy.
 */
#include "ismcons.h"

#include <errno.h>
#include <string.h>

void
show_attached(struct ismcons *app)
{
	/* A file has no answers to type. */
	if (term_shows() || term_interactive())
		cons_history_start(&app->show.history, term_utf8());
}

bool
show_waits(const struct ismcons *app)
{
	return app->show.at < app->show.len;
}

/* The first `history` bytes were said before we came. @return bytes for stdout. */
static size_t
without_questions(struct show *s, const uint8_t *raw, size_t len, size_t history, bool border)
{
	size_t n = cons_history_feed(&s->history, raw, history, s->bytes);

	if (border || history < len)
		n += cons_history_end(&s->history, s->bytes + n);
	return n + cons_history_feed(&s->history, raw + history, len - history, s->bytes + n);
}

uint32_t
show_take(struct ismcons *app, const struct cons_item *item)
{
	struct show *s = &app->show;
	size_t len = item->len < sizeof(s->raw) ? item->len : sizeof(s->raw);
	size_t history = item->history < len ? item->history : len;

	memcpy(s->raw, item->data, len);
	s->at = 0;
	s->data = s->raw;
	s->len = len;
	if (s->history.on) {
		s->len = without_questions(s, s->raw, len, history,
					   item->border && history == item->history);
		s->data = s->bytes;
	}
	/* What was said, not what of it is shown: it is a record. */
	news_record(app, s->raw, len);
	return (uint32_t)len;
}

ssize_t
show_write(struct ismcons *app)
{
	struct show *s = &app->show;
	const uint8_t *data = s->data + s->at;
	ssize_t n = chan_write(&app->out, data, s->len - s->at);

	if (n <= 0)
		return n;
	s->at += (size_t)n;
	say_output(data, (size_t)n);
	term_modes_seen(data, (size_t)n);
	return n;
}
