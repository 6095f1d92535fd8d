/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libraries log while a person types: kept, whichever thread it comes from, until the prompt's
 * own thread prints it between two keys. Without a prompt lines go where run_error() says.
 */
#include "app.h"

#include <pthread.h>
#include <string.h>

#include <rte_log.h>

#include "base_log.h"
#include "run.h"

#define KEPT_MAX 8192

static struct {
	pthread_mutex_t lock; /* guards all below */
	bool keep;
	char text[KEPT_MAX];
	size_t len;
	unsigned int dropped; /* lines */
} notes = { .lock = PTHREAD_MUTEX_INITIALIZER };
static FILE *stream;

static void
keep(const char *buf, size_t size)
{
	if (notes.len + size > sizeof(notes.text)) {
		notes.dropped++;
		return;
	}
	memcpy(notes.text + notes.len, buf, size);
	notes.len += size;
}

/* A line of one of our libraries. */
static void
notes_sink(uint32_t level, const char *line)
{
	pthread_mutex_lock(&notes.lock);
	if (notes.keep && notes.len + strlen(line) + 1 <= sizeof(notes.text)) {
		keep(line, strlen(line));
		keep("\n", 1);
	} else if (notes.keep) {
		notes.dropped++;
	} else {
		run_error("%s", line);
	}
	pthread_mutex_unlock(&notes.lock);
}

/* DPDK's own: rte_log() writes one line at a time. */
static ssize_t
notes_write(void *cookie, const char *buf, size_t size)
{
	size_t len = size;

	while (len > 0 && buf[len - 1] == '\n')
		len--;
	pthread_mutex_lock(&notes.lock);
	if (notes.keep)
		keep(buf, size);
	else if (len > 0)
		run_error("%.*s", (int)len, buf);
	pthread_mutex_unlock(&notes.lock);
	return (ssize_t)size;
}

void
notes_open(void)
{
	static const cookie_io_functions_t io = { .write = notes_write };

	stream = fopencookie(NULL, "w", io);
	if (stream == NULL)
		return;
	setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	notes.keep = true;
	rte_openlog_stream(stream);
	base_log_sink(notes_sink);
}

unsigned int
notes_print(void)
{
	char text[KEPT_MAX];
	unsigned int dropped;
	size_t len;

	pthread_mutex_lock(&notes.lock);
	len = notes.len;
	dropped = notes.dropped;
	memcpy(text, notes.text, len);
	notes.len = 0;
	notes.dropped = 0;
	pthread_mutex_unlock(&notes.lock);
	if (len == 0)
		return 0;
	say_begin();
	fwrite(text, 1, len, stdout);
	if (dropped > 0)
		printf("(%u more lines)\n", dropped);
	say_end();
	return 1;
}

void
notes_release(void)
{
	if (stream == NULL)
		return;
	notes_print();
	pthread_mutex_lock(&notes.lock);
	notes.keep = false;
	pthread_mutex_unlock(&notes.lock);
}

void
notes_close(void)
{
	if (stream != NULL)
		fclose(stream);
	stream = NULL;
}
