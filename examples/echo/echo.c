/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A service of one's own: the client sends texts, the server sends them back (README.md). All of it
 * runs on the main lcore, which is control thread and data thread in one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <ism_base_allow.h>
#include <ism_link.h>
#include <ism_run_program.h>

#define SERVICE ((enum link_service)128) /* both sides agree on a private number, 128 to 255 */
#define OP_ECHO 1 /* the link reserves 0 */
#define DEPTH 16 /* requests of one client that may be open at once */
#define SLOT (64 * 1024) /* bytes of the longest text */
#define HELP                                                                                       \
	"usage: echo [EAL OPTION... --] [--device NAME] --listen --allow GID[:GID...]\n"           \
	"       echo [EAL OPTION... --] [--device NAME] --peer GID TEXT...\n"

static struct echo {
	bool listen; /* this is the server */
	struct base_allow gids; /* the clients that may connect, or the one server */
	const char *device;
	const char *texts[256]; /* of the client; NULL behind the last one */
	unsigned int texts_count, answered; /* a server has none */
	int status; /* to exit with */
	struct link *link;
	struct link_session *session; /* of the client; the server is given its sessions */
} echo;

static unsigned int
end(int status, const char *why)
{
	if (status != RUN_EXIT_OK)
		run_error("%s", why);
	echo.status = status;
	run_stop();
	return (unsigned int)status;
}

/* The fabric tells the GID, and nobody can forge it: a list of GIDs is all that is needed. */
static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	return base_allow_has(&echo.gids, gid) ? 0 : -EACCES;
}

/*
 * A round of one session of the server. The link has checked ids and lengths. The payload is the
 * client's, who may change it at any time: whoever reads it as more than bytes copies it first.
 * An error of the link's calls means that the session has ended; session_down() follows.
 */
static unsigned int
serve(void *q, uint64_t now_ns)
{
	struct link_req req[DEPTH];
	int n = link_sqe_poll(q, req, DEPTH);

	for (int i = 0; i < n; i++) {
		struct link_cqe cqe = { .id = req[i].id, .payload = req[i].payload };

		cqe.status = req[i].op != OP_ECHO; /* 1: there is no such op */
		if (link_rsp_payload(q, cqe.id, 0, link_slot_payload(q, cqe.id), cqe.payload) == 0)
			link_rsp_post(q, &cqe);
	}
	if (n > 0)
		link_rsp_flush(q); /* one store publishes all of them */
	return n > 0 ? (unsigned int)n : 0; /* the runtime sleeps when there is nothing to do */
}

/* A round of the client's session: send a text, or look for its answer. */
static unsigned int
ask(void *q, uint64_t now_ns)
{
	const char *text = echo.texts[echo.answered];
	struct link_req req = { .op = OP_ECHO, .payload = (uint32_t)strlen(text) };
	struct link_cqe cqe;

	/* One text at a time. A new session starts with all slots free, and so sends it again. */
	if (link_slots_free(q) == link_queue_depth(q)) {
		if (req.payload > link_queue_slot_size(q)) /* the server may give less than SLOT */
			return end(RUN_EXIT_FAIL, "a text is longer than a slot");
		req.id = (uint16_t)link_slot_get(q);
		if (link_req_payload(q, req.id, 0, text, req.payload) == 0 &&
		    link_req_post(q, &req) == 0)
			link_req_flush(q);
	}
	if (link_cqe_poll(q, &cqe, 1) <= 0)
		return 0;
	/* The server may be hostile, too: what is printed is our text, once both are the same. */
	if (cqe.status != 0 || cqe.payload != req.payload ||
	    memcmp(link_slot_rx(q, cqe.id), text, cqe.payload) != 0)
		return end(RUN_EXIT_PEER, "the answer is not what was sent");
	link_slot_put(q, cqe.id);
	puts(text);
	return ++echo.answered == echo.texts_count ? end(RUN_EXIT_OK, NULL) : 1;
}

/* link_poll() calls these two. */
static void
session_up(void *arg, struct link_session *s)
{
	struct link_queue *q = link_session_queue(s, 0);

	if (link_queue_attach(q) == 0 && run_add_poller(0, echo.listen ? serve : ask, q) != 0)
		end(RUN_EXIT_FAIL, "more sessions than the runtime has pollers");
}

/* Only after the detach does the link free the memory and, for a client, call again. */
static void
session_down(void *arg, struct link_session *s, enum link_why why)
{
	run_remove_poller(0, echo.listen ? serve : ask, link_session_queue(s, 0));
	link_queue_detach(link_session_queue(s, 0));
}

static void
leave(void *arg, struct link_session *s)
{
	if (link_session_queue(s, 0) != NULL) /* it has been up */
		session_down(arg, s, LINK_WHY_LOCAL);
}

/* A round of the control thread. The client calls for ever; a refusal, though, will not change. */
static unsigned int
control(void *arg, uint64_t now_ns)
{
	struct link_session_info info = { 0 };

	if (echo.session != NULL)
		link_session_info(echo.session, &info);
	if (info.why == LINK_WHY_REFUSED || info.why == LINK_WHY_NO_SERVICE)
		return end(RUN_EXIT_PEER, link_why_str(info.why));
	return link_poll(echo.link, now_ns);
}

static int
start(void *opt, uint16_t dev_id)
{
	static const struct link_session_ops ops = { .on_up = session_up, .on_down = session_down };
	const struct link_conf conf = { .dev_id = dev_id, .sessions_max = 32 };
	struct link_listen_conf listen = { .queues_max = 1, .may_connect = may_connect };
	struct link_open_conf open = { .queues = 1, .rgid = echo.gids.gid[0] };
	int ret = link_create(&conf, &echo.link);

	if (echo.listen ? base_allow_none(&echo.gids) : !echo.gids.count || !echo.texts_count)
		return (int)end(RUN_EXIT_USAGE, "give --listen --allow GID, or --peer GID TEXT");
	listen.ops = open.ops = &ops;
	listen.service = open.service = SERVICE;
	listen.depth_max = open.depth = DEPTH;
	listen.slot_max = open.slot_size = SLOT;
	if (ret == 0)
		ret = echo.listen ? link_listen(echo.link, &listen)
				  : link_open(echo.link, &open, &echo.session);
	if (ret == 0)
		ret = run_add_poller(0, control, NULL);
	if (ret == 0 && echo.listen)
		run_ready();
	return ret;
}

static int
stop(void *opt)
{
	if (echo.link != NULL)
		link_session_each(echo.link, leave, NULL);
	link_destroy(echo.link);
	return echo.status != 0 || echo.answered == echo.texts_count ? echo.status : RUN_EXIT_FAIL;
}

static int
take_text(void *opt, const char *text)
{
	if (echo.listen || echo.texts_count == 255)
		return run_option_wrong("peer GID TEXT", text, "at most 255 texts");
	echo.texts[echo.texts_count++] = text;
	return -1;
}

int
main(int argc, char **argv)
{
	static const struct run_option table[] = {
		{ "listen", RUN_OPTION_FLAG, .at = offsetof(struct echo, listen) },
		{ "allow", RUN_OPTION_ALLOW, .at = offsetof(struct echo, gids) },
		{ "peer", RUN_OPTION_ALLOW, .at = offsetof(struct echo, gids) },
		{ "device", RUN_OPTION_TEXT, .at = offsetof(struct echo, device) },
	};
	static const struct run_program program = {
		.options = { "echo", HELP, "1.0", table, 4, take_text },
		.device = &echo.device,
		.idle = { .hot_us = 200, .idle_max_us = 4000 },
		.start = start,
		.stop = stop,
	};

	return run_program(&program, argc, argv, &echo);
}
