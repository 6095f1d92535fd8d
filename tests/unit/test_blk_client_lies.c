/* SPDX-License-Identifier: BSD-3-Clause */
/* A server that lowers what was asked for, or lies, under a block client. */
#include "blk_client_rig.h"

static struct crig r;
static uint32_t notice;

static void
fewer_queues(void **state)
{
	static struct crig_io x[3];
	unsigned int i;

	crig_init(&r);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	r.queues_max = 2;
	crig_server_start(&r);
	crig_client_start(&r, &(struct blk_client_conf){ .queues = 3 });
	crig_until(&r, &r.ups, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(blk_cq_usable(blk_client_queue(r.c, i)), i < 2);
		assert_int_equal(crig_submit(&r, i, &x[i], BLK_READ, 0, 512, NULL), 0);
		crig_until(&r, &x[i].done, 1);
		assert_int_equal(x[i].err, i < 2 ? 0 : -EIO);
	}
	crig_down(&r);
}

static void
fewer_slots(void **state)
{
	struct crig_io x;

	crig_init(&r);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	r.depth_max = 4;
	r.slot_max = 8192;
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	assert_int_equal(blk_client_io_max(r.c), 4 * 8192);
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 4 * 8192, NULL), 0);
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 4 * 8192 + 1, NULL), -EIO);
	assert_int_equal(crig_do(&r, &x, BLK_READ, 0, 512, NULL), 0);
	crig_down(&r);
}

static unsigned int lies;
static uint8_t lie_op;
static int32_t lie_payload;
static uint16_t lie_status;

static void
twist_lie(struct crig *rig, const struct link_req *req, struct link_cqe *cqe)
{
	if (req->op != lie_op || lies == 0)
		return;
	lies--;
	cqe->payload = (uint32_t)((int32_t)cqe->payload + lie_payload);
	cqe->status = lie_status;
}

/* An answer that does not fit costs the peer its session; the io is asked again and ends well. */
static void
lying_costs_the_session(void **state)
{
	static const struct {
		uint8_t op;
		int32_t payload;
		uint16_t status;
		uint64_t len;
	} table[] = {
		{ BLK_READ, -1, BLK_OK, 4096 },
		{ BLK_READ, 1, BLK_OK, 4096 },
		{ BLK_READ, 0, BLK_EIO, 4096 },
		{ BLK_WRITE, 8, BLK_OK, 4096 },
		{ BLK_FLUSH, 16, BLK_OK, 0 },
		{ BLK_BLOCK_STATUS, 1, BLK_OK, 4096 },
		{ BLK_BLOCK_STATUS, -16, BLK_OK, 4096 },
	};
	static uint8_t data[4096];
	struct crig_io x;
	size_t i;

	crig_up(&r, NULL);
	rte_log_set_level_pattern("lib.ism.link", RTE_LOG_CRIT);
	r.extent_count = 1;
	r.extents[0].len = rte_cpu_to_be_64(4096);
	r.twist = twist_lie;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		unsigned int downs = r.downs;

		lies = 1;
		lie_op = table[i].op;
		lie_payload = table[i].payload;
		lie_status = table[i].status;
		assert_int_equal(crig_do(&r, &x, table[i].op, 0, table[i].len, data), 0);
		assert_int_equal(lies, 0);
		assert_int_equal(r.downs, downs + 1);
		assert_int_equal(r.why, LINK_WHY_PROTOCOL);
	}
	crig_down(&r);
}

/* LIST that lies never makes the client ready, and ios wait. */
static void
lying_list(void **state)
{
	struct blk_disk *d;

	crig_init(&r);
	rte_log_set_level_pattern("lib.ism.link", RTE_LOG_CRIT);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_CRIT);
	crig_export(&r, 0, "disk", CRIG_IMAGE, CRIG_FLAGS);
	r.twist = twist_lie;
	lies = 3;
	lie_op = BLK_LIST;
	lie_payload = 100;
	lie_status = BLK_OK;
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	assert_int_equal(lies, 0);
	/* Refused: asked again after a while. */
	lies = 1;
	lie_payload = -256;
	lie_status = BLK_ENOMEM;
	link_session_set_notice(r.s, ++notice);
	crig_until(&r, &r.lists, r.lists + 3);
	d = blk_client_disk_by_name(r.c, "disk");
	assert_non_null(d);
	assert_true(blk_disk_present(d));
	crig_down(&r);
}

/* Names that are no file names, and doubles, do not become disks as they are. */
static void
hostile_names(void **state)
{
	unsigned int i;

	crig_init(&r);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_CRIT);
	crig_export(&r, 0, "..", 4096, 0);
	crig_export(&r, 1, ".", 4096, 0);
	crig_export(&r, 2, "", 4096, 0);
	crig_export(&r, 3, "a/b", 4096, 0);
	crig_export(&r, 4, "good", 4096, 0);
	crig_export(&r, 5, "good", 8192, 0);
	crig_export(&r, 6, "x\033[2Jx", 4096, 0);
	crig_export(&r, 7, "big", UINT64_MAX, 0);
	crig_export(&r, 8, "", 4096, 0);
	memset(r.exports[8].name, 'n', sizeof(r.exports[8].name));
	for (i = 9; i < BLK_EXPORTS_MAX + 8; i++)
		crig_export(&r, i, "", 4096, 0);
	crig_server_start(&r);
	crig_client_start(&r, NULL);
	crig_until(&r, &r.ups, 1);
	assert_int_equal(blk_client_disks(r.c), 5);
	for (i = 0; i < blk_client_disks(r.c); i++) {
		const char *name = blk_disk_name(blk_client_disk(r.c, i));

		assert_null(strchr(name, '/'));
		assert_null(strchr(name, '\033'));
		assert_string_not_equal(name, ".");
		assert_string_not_equal(name, "..");
		assert_true(strlen(name) > 0 && strlen(name) < BLK_NAME_MAX);
	}
	assert_int_equal(blk_disk_size(blk_client_disk_by_name(r.c, "good")), 4096);
	crig_down(&r);
}

static void
wrong_configurations(void **state)
{
	struct blk_client *c;
	struct blk_client_conf conf;

	crig_init(&r);
	conf = (struct blk_client_conf){ .link = r.l[1], .rgid = r.ip.gid[0] };
	conf.queues = LINK_QUEUES_MAX + 1;
	assert_int_equal(blk_client_create(&conf, &c), -EINVAL);
	conf.queues = 1;
	conf.slot_size = 5000;
	assert_int_equal(blk_client_create(&conf, &c), -EINVAL);
	conf.slot_size = 4096;
	conf.depth = LINK_DEPTH_MAX + 1;
	assert_int_equal(blk_client_create(&conf, &c), -EINVAL);
	conf.depth = 0;
	conf.rgid = 0;
	assert_int_equal(blk_client_create(&conf, &c), -EINVAL);
	conf.rgid = r.ip.gid[1];
	assert_int_equal(blk_client_create(&conf, &c), -EADDRINUSE);
	conf.rgid = r.ip.gid[0];
	assert_int_equal(blk_client_create(&conf, &r.c), 0);
	assert_int_equal(blk_client_create(&conf, &c), -EEXIST);
	blk_client_destroy(NULL);
	r.queues = 1;
	crig_server_start(&r);
	crig_down(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fewer_queues),
		cmocka_unit_test(fewer_slots),
		cmocka_unit_test(lying_costs_the_session),
		cmocka_unit_test(lying_list),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(wrong_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
