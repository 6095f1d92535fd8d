/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VERSION: agree on the protocol's version and on capabilities, which are JSON. Version 0.0 is
 * what QEMU speaks, 0.1 means nothing more here. A client that names ism_direct, with
 * whatever value, is our own driver; any other one is taken for QEMU.
 */
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base_time.h"
#include "fabric_priv.h"
#include "vfu_conn.h"

#define MAJOR 0
#define MINOR 1
#define JSON_LEN_MAX 4096

struct caps {
	bool names_direct; /* the client is our driver */
	bool direct; /* and wants direct windows */
};

/* A capability that is a number, if it is there at all. */
static bool
number_ok(const json_t *caps, const char *name)
{
	const json_t *value = json_object_get(caps, name);

	return value == NULL || (json_is_integer(value) && json_integer_value(value) >= 0);
}

static int
caps_read(const json_t *root, struct caps *out)
{
	const json_t *caps = json_object_get(root, "capabilities"), *direct;

	if (!json_is_object(root))
		return -EINVAL;
	if (caps == NULL)
		return 0;
	if (!json_is_object(caps) || !number_ok(caps, "max_msg_fds") ||
	    !number_ok(caps, "max_data_xfer_size"))
		return -EINVAL;
	direct = json_object_get(caps, VFU_CAP_ISM_DIRECT);
	if (direct != NULL && !json_is_boolean(direct))
		return -EINVAL;
	out->names_direct = direct != NULL;
	out->direct = json_is_true(direct);
	return 0;
}

/* The gate for the client's JSON: one object in `len` bytes, the last a NUL. */
static int
caps_parse(const char *text, size_t len, struct caps *caps)
{
	json_t *root;
	int ret;

	memset(caps, 0, sizeof(*caps));
	if (len == 0)
		return 0;
	if (len > JSON_LEN_MAX || text[len - 1] != '\0')
		return -EINVAL;
	root = json_loadb(text, len - 1, JSON_REJECT_DUPLICATES, NULL);
	if (root == NULL)
		return -EINVAL;
	ret = caps_read(root, caps);
	json_decref(root);
	return ret;
}

/* Our side. @return bytes, NUL included, or -ENOMEM. */
static int
caps_write(char *dst, size_t size, bool direct)
{
	json_t *caps = json_pack("{s:i, s:i, s:i, s:b}", "max_msg_fds", VFU_FDS_MAX,
				 "max_data_xfer_size", VFU_DATA_MAX, "pgsizes", 4096,
				 "write_multiple", 1);
	json_t *root = json_pack("{s:o}", "capabilities", caps);
	int ret = -ENOMEM;
	size_t len;

	if (root == NULL)
		return ret;
	/* QEMU warns about capabilities that it does not know: send this one only if asked. */
	if (direct && json_object_set_new(caps, VFU_CAP_ISM_DIRECT, json_true()) < 0)
		goto free_root;
	len = json_dumpb(root, dst, size, JSON_COMPACT);
	if (len == 0 || len >= size)
		goto free_root;
	dst[len] = '\0';
	ret = (int)len + 1;
free_root:
	json_decref(root);
	return ret;
}

int
vfu_version(struct vfu_conn *conn, const void *body, size_t len, struct vfu_reply *reply)
{
	struct vfu_version version;
	struct caps caps;
	int ret;

	memcpy(&version, body, sizeof(version));
	if (version.major != MAJOR)
		return -ENOTSUP;
	ret = caps_parse((const char *)body + sizeof(version), len - sizeof(version), &caps);
	if (ret < 0)
		return ret;
	if (version.minor > MINOR)
		version.minor = MINOR;
	conn->direct = caps.direct && conn->conf.may_direct;
	ret = caps_write((char *)reply->data + sizeof(version), VFU_REPLY_MAX - sizeof(version),
			 conn->direct);
	if (ret < 0)
		return ret;
	memcpy(reply->data, &version, sizeof(version));
	reply->len = sizeof(version) + (size_t)ret;
	ret = fabric_fn_attach(conn->fn);
	if (ret < 0)
		return ret;
	fabric_fn_set_quirk(conn->fn, conn->conf.quirk && !caps.names_direct);
	fabric_fn_set_irq(conn->fn, vfu_irq_fire, conn);
	conn->fn->maps.let_go = vfu_dma_late;
	conn->fn->maps.let_go_arg = conn;
	conn->negotiated = true;
	conn->version_ns = base_now_ns();
	FABRIC_LOG(INFO, "%s: attached, version %u.%u%s", fabric_fn_name(conn->fn), version.major,
		   version.minor, conn->direct ? ", direct windows" : "");
	return 0;
}
