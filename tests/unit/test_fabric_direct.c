/* SPDX-License-Identifier: BSD-3-Clause */
/* Direct windows: who gets one, for what memory, and how it ends. */
#include "fabric_rig.h"

#include <sys/stat.h>

#define LEN 65536u
#define IOVA (RIG_IOVA + 16 * RIG_MEM)

/* A DMB in a file of its own. */
struct piece {
	int fd;
	void *addr;
	uint64_t token;
};

static void
piece_make(struct piece *p, struct rig *rig, size_t file_len, int seals)
{
	p->fd = memfd_create("dmb", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(p->fd >= 0);
	assert_int_equal(ftruncate(p->fd, (off_t)file_len), 0);
	assert_int_equal(fcntl(p->fd, F_ADD_SEALS, seals), 0);
	p->addr = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	assert_true(p->addr != MAP_FAILED);
	assert_int_equal(fabric_fn_dma_map(rig->a.fn, IOVA, LEN, p->addr, p->fd, 0), 0);
	p->token = rig_reg_dmb_at(rig->a.fn, 100, IOVA, LEN, rig->b.gid, 0);
	assert_int_not_equal(p->token, 0);
}

static void
piece_free(struct piece *p, struct rig *rig)
{
	fabric_fn_dma_unmap(rig->a.fn, IOVA, LEN, NULL, NULL);
	munmap(p->addr, LEN);
	close(p->fd);
}

static const uint64_t *
grant_map(const struct fabric_direct *d)
{
	const uint8_t *base = mmap(NULL, 524288, PROT_READ, MAP_SHARED, d->grant_fd, 0);

	assert_true(base != MAP_FAILED);
	return (const uint64_t *)(const void *)(base + d->grant_off);
}

static void
grant_unmap(const uint64_t *word, const struct fabric_direct *d)
{
	munmap((void *)((uintptr_t)word - d->grant_off), 524288);
}

static void
window(void **state)
{
	struct rig *rig = *state;
	struct fabric_direct d;
	struct fabric_fn_stats st;
	struct piece p;
	const uint64_t *word;
	struct stat mine, theirs;

	piece_make(&p, rig, LEN, F_SEAL_SHRINK);
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), 0);
	assert_int_equal(d.len, LEN);
	assert_int_equal(d.mem_off, 0);
	assert_int_not_equal(d.generation, 0);
	assert_int_equal(fstat(p.fd, &mine), 0);
	assert_int_equal(fstat(d.mem_fd, &theirs), 0);
	assert_int_equal(mine.st_ino, theirs.st_ino);
	word = grant_map(&d);
	assert_int_equal(*word, d.generation);
	assert_int_equal(rig_unreg_dmb(rig->a.fn, p.token), 0);
	assert_int_equal(*word, 0);
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), -EIO);
	fabric_fn_stats(rig->b.fn, &st);
	assert_int_equal(st.directs, 1);
	grant_unmap(word, &d);
	piece_free(&p, rig);
}

/* Every way in which a DMB goes takes the grant away, and no generation comes twice. */
static void
every_revocation(void **state)
{
	struct rig *rig = *state;
	struct fabric_direct d;
	struct piece p;
	const uint64_t *word;
	uint64_t last = 0;
	unsigned int way;

	for (way = 0; way < 5; way++) {
		piece_make(&p, rig, LEN, F_SEAL_SHRINK);
		assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), 0);
		assert_true(d.generation > last);
		last = d.generation;
		word = grant_map(&d);
		assert_int_equal(*word, d.generation);
		switch (way) {
		case 0:
			assert_int_equal(fabric_fn_dma_unmap(rig->a.fn, IOVA, LEN, NULL, NULL), 0);
			break;
		case 1:
			assert_int_equal(rig_simple(rig->a.fn, ISM_CMD_SET_VLAN), 0);
			assert_int_equal(*word, 0);
			assert_int_equal(rig_simple(rig->a.fn, ISM_CMD_RESET_VLAN), 0);
			assert_int_equal(rig_unreg_dmb(rig->a.fn, p.token), 0);
			break;
		case 2:
			fabric_fn_reset(rig->a.fn);
			rig_bring_up(&rig->a);
			break;
		case 3: /* the user */
			fabric_fn_detach(rig->b.fn);
			rig_attach(&rig->b);
			assert_int_equal(*word, 0);
			assert_int_equal(rig_unreg_dmb(rig->a.fn, p.token), 0);
			break;
		default:
			fabric_fn_detach(rig->a.fn);
			rig_attach(&rig->a);
			break;
		}
		assert_int_equal(*word, 0);
		assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), -EIO);
		grant_unmap(word, &d);
		piece_free(&p, rig);
	}
}

static void
only_for_the_user(void **state)
{
	struct rig *rig = *state;
	struct fabric_direct d;
	struct rig_fn c;
	struct piece p;

	rig_fn_init(&c, rig->fab, 2, false);
	piece_make(&p, rig, LEN, F_SEAL_SHRINK);
	assert_int_equal(fabric_fn_direct(c.fn, p.token, &d), -EIO);
	assert_int_equal(fabric_fn_direct(rig->a.fn, p.token, &d), -EIO);
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token + 1, &d), -EIO);
	assert_int_equal(fabric_fn_direct(rig->b.fn, UINT64_MAX, &d), -EIO);
	assert_int_equal(fabric_fn_direct(rig->b.fn, 0, &d), -EIO);
	fabric_fn_detach(c.fn);
	assert_int_equal(fabric_fn_direct(c.fn, p.token, &d), -ENODEV);
	piece_free(&p, rig);
	rig_fn_fini(&c);
}

/* Nobody gets more than the DMB, nor memory that can vanish under him. */
static void
unsafe_memory(void **state)
{
	struct rig *rig = *state;
	struct fabric_direct d;
	struct piece p;
	uint64_t token;

	piece_make(&p, rig, LEN, 0); /* could shrink */
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), -EOPNOTSUPP);
	piece_free(&p, rig);
	piece_make(&p, rig, LEN + 4096, F_SEAL_SHRINK); /* holds more */
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), -EOPNOTSUPP);
	piece_free(&p, rig);
	token = rig_reg_dmb(&rig->a, 101, RIG_DMB, 4096, rig->b.gid); /* part of a file */
	assert_int_equal(fabric_fn_direct(rig->b.fn, token, &d), -EOPNOTSUPP);
}

static void
switched_off(void **state)
{
	struct rig *rig = *state;
	struct fabric_direct d;
	struct piece p;
	char err[128];

	piece_make(&p, rig, LEN, F_SEAL_SHRINK);
	fabric_allow_direct(rig->fab, false);
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), -EOPNOTSUPP);
	fabric_allow_direct(rig->fab, true);
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), 0);
	/* A fault that counts stores must see them. */
	assert_int_equal(fabric_fault(rig->fab, "store-fail:fn1:1", err, sizeof(err)), 0);
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), -EOPNOTSUPP);
	assert_int_equal(rig_store(rig->b.fn, p.token, 0, p.addr, 16), -EIO);
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), 0);
	piece_free(&p, rig);
}

/* Whoever gets the grant page can only look at it. */
static void
grants_are_read_only(void **state)
{
	struct rig *rig = *state;
	struct fabric_direct d;
	struct piece p;
	uint64_t word = 0;
	int fd;
	char path[64];

	piece_make(&p, rig, LEN, F_SEAL_SHRINK);
	assert_int_equal(fabric_fn_direct(rig->b.fn, p.token, &d), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", d.grant_fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fd = dup(d.grant_fd);
	assert_true(fd >= 0);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_true(pwrite(fd, &word, sizeof(word), d.grant_off) < 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	close(fd);
	piece_free(&p, rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(window),	 RIG_TEST(every_revocation), RIG_TEST(only_for_the_user),
		RIG_TEST(unsafe_memory), RIG_TEST(switched_off),     RIG_TEST(grants_are_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
