/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to bus_vfu*.c: the vfio-user client. */
#ifndef BUS_VFU_H
#define BUS_VFU_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ism_fn.h"
#include "vfu_sock.h"

struct vfu_bus {
	char path[VFU_PATH_MAX];
	bool want_direct; /* devarg direct */
	uint32_t maxstbl; /* devarg maxstbl */
	bool told; /* that it cannot be reached: once until it is */
	pthread_mutex_t lock; /* one transaction at a time; guards what follows */
	int sock; /* -1 = not connected */
	uint16_t id;
};

/* One transaction. Zero what is not used. */
struct vfu_request {
	uint16_t command;
	const struct iovec *body;
	unsigned int body_count;
	const int *fds;
	unsigned int fd_count;
	void *reply;
	size_t reply_min; /* a shorter reply is nonsense */
	size_t reply_size;
	struct vfu_fds *reply_fds; /* NULL = none expected */
};

/*
 * @return bytes of the reply's body, or: the server's refusal as -errno; -ENODEV, -EPROTO,
 *         -ETIMEDOUT: the connection is closed now.
 */
int vfu_bus_call(struct vfu_bus *bus, const struct vfu_request *req);
/* The common one: a struct as its body, a struct back. @return as vfu_bus_call(). */
int vfu_bus_ask(struct vfu_bus *bus, uint16_t command, const void *body, size_t len, void *reply,
		size_t reply_min, size_t reply_size);
/* Region access of len bytes. @return 0 or as vfu_bus_call(). */
int vfu_bus_read(struct vfu_bus *bus, uint32_t region, uint64_t off, void *buf, uint32_t len);
int vfu_bus_write(struct vfu_bus *bus, uint32_t region, uint64_t off, const void *buf,
		  uint32_t len);
/* Close the connection; idempotent. */
void vfu_bus_hang_up(struct vfu_bus *bus);
/* Close the connection and say -EPROTO. */
int vfu_bus_broken(struct vfu_bus *bus, const char *what);

/* bus_vfu_open.c: connect, agree on a version, look at the device. As ism_ops.open. */
int vfu_bus_open(void *arg, struct ism_bus_info *info);
/* Its part behind connecting: what *info says at first is what we can do. */
int vfu_bus_look(struct vfu_bus *bus, struct ism_bus_info *info);

#endif
