/* SPDX-License-Identifier: BSD-3-Clause */
/* Which writes a block client says are lost, when a server or its image is another one. */
#include "blk_client_rig.h"

static struct crig r;

static void
write_some(void)
{
	uint8_t data[512] = { 0 };
	struct crig_io x;

	assert_int_equal(crig_do(&r, &x, BLK_WRITE, 0, sizeof(data), data), 0);
}

static void
restarted_process_loses_nothing(void **state)
{
	crig_up(&r, NULL);
	write_some();
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 0);
	crig_down(&r);
}

static void
reboot_loses_unflushed_writes(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_ERR);
	r.boot = 2;
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 0); /* nothing was written */
	write_some();
	r.boot = 3;
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1);
	r.boot = 4;
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1); /* counted once */
	write_some();
	assert_int_equal(crig_do(&r, &x, BLK_FLUSH, 0, 0, NULL), 0);
	r.boot = 5;
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1); /* it was flushed */
	crig_down(&r);
}

/* Another process goes on with what the first one kept: it knows the disks before any session. */
static void
another_client_tells_of_losses_of_the_first(void **state)
{
	static struct blk_kept kept;
	struct blk_client_conf conf = { .kept = &kept };
	_Atomic uint64_t known = 0;
	unsigned int ups;

	crig_up(&r, &conf);
	ups = r.ups;
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_ERR);
	write_some();
	blk_client_destroy(r.c);
	crig_server_stop(&r);
	assert_true(blk_kept_is_sane(&kept));
	r.boot = 6;
	crig_client_start(&r, &conf);
	assert_int_equal(blk_client_disks(r.c), 1);
	assert_string_equal(blk_disk_name(crig_disk(&r)), "disk");
	assert_int_equal(blk_disk_size(crig_disk(&r)), CRIG_IMAGE);
	assert_true(blk_disk_present(crig_disk(&r)));
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 0);
	crig_server_start(&r);
	crig_until(&r, &r.ups, ups + 1);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1);
	assert_true(blk_disk_losses_tell(crig_disk(&r), &known));
	assert_false(blk_disk_losses_tell(crig_disk(&r), &known));
	crig_down(&r);
}

static void
what_no_client_wrote_is_not_kept(void **state)
{
	static struct blk_kept kept;

	assert_true(blk_kept_is_sane(&kept));
	atomic_store(&kept.count, 1);
	assert_false(blk_kept_is_sane(&kept)); /* a disk without a name */
	kept.disks[0].name[0] = 'd';
	assert_true(blk_kept_is_sane(&kept));
	atomic_store(&kept.disks[0].losses_told, 1);
	assert_false(blk_kept_is_sane(&kept));
	atomic_store(&kept.disks[0].losses, 1);
	atomic_store(&kept.disks[0].flushed, 1);
	assert_false(blk_kept_is_sane(&kept));
	atomic_store(&kept.disks[0].writes_done, 1);
	memset(kept.disks[0].desc, 'x', sizeof(kept.disks[0].desc));
	assert_false(blk_kept_is_sane(&kept));
	kept.disks[0].desc[0] = '\0';
	memset(kept.disks[0].name, 'x', sizeof(kept.disks[0].name));
	assert_false(blk_kept_is_sane(&kept));
	kept.disks[0].name[3] = '\0';
	atomic_store(&kept.count, BLK_EXPORTS_MAX + 1);
	assert_false(blk_kept_is_sane(&kept));
}

/* A FLUSH that the old boot never answered proves nothing when the new one does. */
static void
flush_across_a_reboot_tells_of_the_loss(void **state)
{
	struct crig_io x;

	crig_up(&r, NULL);
	write_some();
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &x, BLK_FLUSH, 0, 0, NULL), 0);
	crig_rounds(&r, 5);
	r.hold = false;
	r.boot = 9;
	crig_restart(&r);
	crig_until(&r, &x.done, 1);
	assert_int_equal(x.err, 0);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1);
	crig_down(&r);
}

/* A write that was answered after the FLUSH was sent is not covered by it. */
static void
flush_covers_only_what_was_answered_before(void **state)
{
	struct crig_io flush, write;
	uint8_t data[512] = { 0 };

	crig_up(&r, NULL);
	r.hold = true;
	assert_int_equal(crig_submit(&r, 0, &flush, BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(crig_submit(&r, 0, &write, BLK_WRITE, 0, 512, data), 0);
	crig_rounds(&r, 3);
	r.hold = false;
	r.backwards = true; /* the write is answered first */
	crig_until(&r, &flush.done, 1);
	assert_int_equal(write.done, 1);
	r.boot = 7;
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1);
	crig_down(&r);
}

static void
fua_writes_are_not_lost(void **state)
{
	struct crig_io x = { 0 };
	uint8_t data[512] = { 0 };

	crig_up(&r, NULL);
	x.io = (struct blk_io){ .op = BLK_WRITE,
				.flags = BLK_FLAG_FUA,
				.disk = crig_disk(&r),
				.len = 512,
				.data = data,
				.done = crig_io_done,
				.arg = &x };
	assert_int_equal(blk_cq_submit(blk_client_queue(r.c, 0), &x.io), 0);
	crig_until(&r, &x.done, 1);
	r.boot = 8;
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 0);
	crig_down(&r);
}

static uint16_t flush_status;

static void
fail_flush(struct crig *rig, const struct link_req *req, struct link_cqe *cqe)
{
	if (req->op == BLK_FLUSH)
		cqe->status = flush_status;
}

/* The server tells of lost writes once: who else has the disk open must hear of it here. */
static void
failed_flush_is_a_loss(void **state)
{
	static const struct {
		uint16_t status;
		uint64_t losses;
	} cases[] = { { BLK_EIO, 1 },	 { BLK_ENOSPC, 1 }, { BLK_ENOMEM, 1 },
		      { BLK_ENOENT, 0 }, { BLK_EACCES, 0 }, { BLK_ENOTSUP, 0 } };
	uint64_t losses = 0;
	struct crig_io x;

	crig_up(&r, NULL);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_ERR);
	r.twist = fail_flush;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		flush_status = cases[i].status;
		assert_int_not_equal(crig_do(&r, &x, BLK_FLUSH, 0, 0, NULL), 0);
		losses += cases[i].losses;
		assert_int_equal(blk_disk_losses(crig_disk(&r)), losses);
	}
	r.twist = NULL;
	assert_int_equal(crig_do(&r, &x, BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), losses);
	crig_down(&r);
}

/* Whoever comes before anybody was told of a loss is told of it, later ones are not. */
static void
losses_wait_to_be_told(void **state)
{
	_Atomic uint64_t early, first, second;

	crig_up(&r, NULL);
	rte_log_set_level_pattern("lib.ism.blk.client", RTE_LOG_ERR);
	atomic_init(&early, blk_disk_losses_known(crig_disk(&r)));
	assert_false(blk_disk_losses_tell(crig_disk(&r), &early));
	write_some();
	r.boot = 2;
	crig_restart(&r);
	atomic_init(&first, blk_disk_losses_known(crig_disk(&r)));
	assert_true(blk_disk_losses_tell(crig_disk(&r), &first));
	assert_false(blk_disk_losses_tell(crig_disk(&r), &first));
	atomic_init(&second, blk_disk_losses_known(crig_disk(&r)));
	assert_false(blk_disk_losses_tell(crig_disk(&r), &second));
	assert_true(blk_disk_losses_tell(crig_disk(&r), &early));
	crig_down(&r);
}

static void
another_image_is_a_loss(void **state)
{
	crig_up(&r, NULL);
	r.exports[0].id[3] ^= 0xff;
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1);
	crig_restart(&r);
	assert_int_equal(blk_disk_losses(crig_disk(&r)), 1);
	crig_down(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(restarted_process_loses_nothing),
		cmocka_unit_test(reboot_loses_unflushed_writes),
		cmocka_unit_test(another_client_tells_of_losses_of_the_first),
		cmocka_unit_test(what_no_client_wrote_is_not_kept),
		cmocka_unit_test(flush_across_a_reboot_tells_of_the_loss),
		cmocka_unit_test(flush_covers_only_what_was_answered_before),
		cmocka_unit_test(fua_writes_are_not_lost),
		cmocka_unit_test(failed_flush_is_a_loss),
		cmocka_unit_test(losses_wait_to_be_told),
		cmocka_unit_test(another_image_is_a_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
