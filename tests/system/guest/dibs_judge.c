/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the kernel's dibs layer for two ISM functions on one fabric: through the kernel's
 * own driver, one writes into a buffer of the other one, signals it and sends it events. What
 * it finds goes to the kernel's log; loading it fails when anything is not as it should be.
 */
#include <linux/completion.h>
#include <linux/dibs.h>
#include <linux/module.h>
#include <linux/string.h>

#define DMB_LEN 65536
#define DMB_OFF 8192
#define DMBE_IDX 3
#define DATA_LEN 128
#define EVENTS 40 /* more than the event queue has room for */
#define WAIT (20 * HZ)

static struct dibs_dev *devs[2]; /* the one that writes, the one that owns the buffer */
static unsigned int dev_count;
static unsigned int dmb_idx;
static u16 irq_mask;
static struct dibs_event last_event[2];
static struct completion irq_came, event_came[2];

static void
add_dev(struct dibs_dev *dev)
{
	if (dev_count < ARRAY_SIZE(devs))
		devs[dev_count++] = dev;
}

static void
del_dev(struct dibs_dev *dev)
{
}

static void
handle_irq(struct dibs_dev *dev, unsigned int idx, u16 mask)
{
	if (dev != devs[1] || idx != dmb_idx)
		return;
	irq_mask = mask;
	complete(&irq_came);
}

static void
handle_event(struct dibs_dev *dev, const struct dibs_event *event)
{
	unsigned int i = dev == devs[1];

	last_event[i] = *event;
	complete(&event_came[i]);
}

static const struct dibs_client_ops ops = {
	.add_dev = add_dev,
	.del_dev = del_dev,
	.handle_irq = handle_irq,
	.handle_event = handle_event,
};

static struct dibs_client client = { .name = "dibs_judge", .ops = &ops };

static bool
must(bool ok, const char *what)
{
	pr_info("dibs_judge: %s: %s\n", what, ok ? "yes" : "NO");
	return ok;
}

static bool
data_arrives(const struct dibs_dmb *dmb)
{
	static u8 data[DATA_LEN] __aligned(PAGE_SIZE);
	unsigned int i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * 3 + 1);
	reinit_completion(&irq_came);
	return must(devs[0]->ops->move_data(devs[0], dmb->dmb_tok, DMBE_IDX, true, DMB_OFF, data,
					    sizeof(data)) == 0,
		    "data is moved") &&
	       must(memcmp((u8 *)dmb->cpu_addr + DMB_OFF, data, sizeof(data)) == 0,
		    "it arrives as it is") &&
	       must(wait_for_completion_timeout(&irq_came, WAIT) != 0, "an interrupt comes") &&
	       must(irq_mask == 0x8000 >> DMBE_IDX, "with the index that was signalled");
}

static bool
one_event(u32 code)
{
	struct dibs_event *event = &last_event[1];

	reinit_completion(&event_came[1]);
	return devs[0]->ops->signal_event(devs[0], &devs[1]->gid, 1, code, ~(u64)code) == 0 &&
	       wait_for_completion_timeout(&event_came[1], WAIT) != 0 &&
	       event->type == DIBS_SW_EVENT && event->subtype == code &&
	       event->data == ~(u64)code && uuid_equal(&event->gid, &devs[0]->gid);
}

static bool
events_arrive(void)
{
	u32 code;

	for (code = 1; code <= EVENTS; code++)
		if (!one_event(code))
			break;
	return must(code > EVENTS, "events arrive, each once, with their sender");
}

/* Whoever could write into a buffer is told that it is gone. */
static bool
revocation_is_told(struct dibs_dmb *dmb)
{
	u64 token = dmb->dmb_tok;

	reinit_completion(&event_came[0]);
	return must(devs[1]->ops->unregister_dmb(devs[1], dmb) == 0, "the buffer goes") &&
	       must(wait_for_completion_timeout(&event_came[0], WAIT) != 0, "the peer is told") &&
	       must(last_event[0].type == DIBS_BUF_EVENT &&
			    last_event[0].subtype == DIBS_BUF_UNREGISTERED &&
			    last_event[0].buffer_tok == token,
		    "which one it is");
}

static int
judge(void)
{
	struct dibs_dmb dmb = { .dmb_len = DMB_LEN };
	uuid_t nobody = UUID_INIT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);

	if (!must(dev_count == 2, "two functions"))
		return -ENODEV;
	if (!must(devs[0]->ops->query_remote_gid(devs[0], &devs[1]->gid, 0, 0) == 0,
		  "they reach each other") ||
	    !must(devs[0]->ops->query_remote_gid(devs[0], &nobody, 0, 0) != 0,
		  "and nobody who is not there"))
		return -EIO;
	dmb.rgid = devs[0]->gid;
	if (!must(devs[1]->ops->register_dmb(devs[1], &dmb, &client) == 0, "a buffer"))
		return -EIO;
	dmb_idx = dmb.idx;
	if (!data_arrives(&dmb) || !events_arrive()) {
		devs[1]->ops->unregister_dmb(devs[1], &dmb);
		return -EIO;
	}
	return revocation_is_told(&dmb) ? 0 : -EIO;
}

static int __init
judge_init(void)
{
	int ret;

	init_completion(&irq_came);
	init_completion(&event_came[0]);
	init_completion(&event_came[1]);
	ret = dibs_register_client(&client);
	if (ret != 0)
		return ret;
	ret = judge();
	if (ret != 0)
		dibs_unregister_client(&client);
	return ret;
}

static void __exit
judge_exit(void)
{
	dibs_unregister_client(&client);
}

module_init(judge_init);
module_exit(judge_exit);

MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("Test of two ISM functions through the kernel's own driver");
