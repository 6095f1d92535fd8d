// SPDX-License-Identifier: GPL-2.0-only
/*
 * ism-vfio-pci: IBM ISM functions for user space, through VFIO.
 *
 * For kernels that come without the driver of this name (Linux 7.1 and later have
 * it). To programs it is the same driver: offsets of regions, lengths, errors.
 *
 * Why plain vfio-pci cannot do it: BAR 0 has 2^48 bytes, more than the offset of one of its
 * regions has room for, and functions of this kind know neither the PCI instructions that
 * work on mapped memory (MIO) nor stores that are split. So each region has 48 bits of
 * offset here; a read is made of PCI loads, a write is one PCI store block, and both name
 * the function by its handle. All else is done by vfio-pci-core.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>
#include <asm/pci_insn.h>
#include <asm/pci_io.h>

/* An offset in the device's file: the region's index above, the place in it below. */
#define REGION_BITS 48
#define REGION_MASK ((1ULL << REGION_BITS) - 1)

static unsigned int region_of(loff_t pos)
{
	return (u64)pos >> REGION_BITS;
}

static u64 region_offset(unsigned int index)
{
	return (u64)index << REGION_BITS;
}

static struct vfio_pci_core_device *core_of(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_pci_core_device, vdev);
}

/* --- BARs --- */

/* One load. The handle changes when the function is reset: it is looked up each time. */
static int bar_load(struct zpci_dev *zdev, unsigned int bar, u64 off, char __user *buf,
		    unsigned int len)
{
	u64 value;
	int ret;

	ret = __zpci_load(&value, ZPCI_CREATE_REQ(READ_ONCE(zdev->fh), bar, len), off);
	if (ret)
		return ret;
	/* The instruction puts what it has loaded right-aligned into the register. */
	if (copy_to_user(buf, (u8 *)&value + sizeof(value) - len, len))
		return -EFAULT;
	return 0;
}

/* Loads as long as alignment and what is left allow. */
static ssize_t bar_read(struct zpci_dev *zdev, unsigned int bar, u64 off, char __user *buf,
			size_t count)
{
	size_t done = 0;
	unsigned int len;
	int ret;

	while (done < count) {
		for (len = sizeof(u64); len > count - done || off % len; len /= 2)
			;
		ret = bar_load(zdev, bar, off, buf + done, len);
		if (ret)
			return ret;
		off += len;
		done += len;
		cond_resched();
	}
	return done;
}

/* One store block, whatever its length: what it may not be, the function says. */
static ssize_t bar_write(struct zpci_dev *zdev, unsigned int bar, u64 off, const char __user *buf,
			 size_t count)
{
	ssize_t ret;
	void *data;

	if (count > zdev->maxstbl || off % PAGE_SIZE + count > PAGE_SIZE)
		return -EINVAL;
	/* Nor may what is stored cross a page in memory. */
	data = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	ret = -EFAULT;
	if (copy_from_user(data, buf, count))
		goto free_data;
	ret = __zpci_store_block(data, ZPCI_CREATE_REQ(READ_ONCE(zdev->fh), bar, count), off);
	if (!ret)
		ret = count;
free_data:
	free_page((unsigned long)data);
	return ret;
}

/* The gate for an access to a BAR. Returns how much of count is inside it, or -EINVAL. */
static ssize_t bar_room(struct pci_dev *pdev, unsigned int bar, u64 off, size_t count)
{
	u64 size = pci_resource_len(pdev, bar);

	if (!pci_resource_start(pdev, bar) || off >= size)
		return -EINVAL;
	return min_t(u64, count, size - off);
}

/* --- config space --- */

/* The core has offsets of its own for it; what is beyond them it would take for another region. */
static int config_pos(loff_t pos, loff_t *core_pos)
{
	u64 off = (u64)pos & REGION_MASK;

	if (off >> VFIO_PCI_OFFSET_SHIFT)
		return -EFAULT;
	*core_pos = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) | off;
	return 0;
}

/* --- the device's file --- */

static ssize_t ism_vfio_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	struct pci_dev *pdev = core_of(vdev)->pdev;
	unsigned int index = region_of(*ppos);
	u64 off = (u64)*ppos & REGION_MASK;
	loff_t core_pos;
	ssize_t ret;

	if (!count)
		return 0;
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		ret = bar_room(pdev, index, off, count);
		if (ret > 0)
			ret = bar_read(to_zpci(pdev), index, off, buf, ret);
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		ret = config_pos(*ppos, &core_pos);
		if (!ret)
			ret = vfio_pci_core_read(vdev, buf, count, &core_pos);
		break;
	default:
		return -EINVAL;
	}
	if (ret > 0)
		*ppos += ret;
	return ret;
}

static ssize_t ism_vfio_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			      loff_t *ppos)
{
	struct pci_dev *pdev = core_of(vdev)->pdev;
	unsigned int index = region_of(*ppos);
	u64 off = (u64)*ppos & REGION_MASK;
	loff_t core_pos;
	ssize_t ret;

	if (!count)
		return 0;
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		ret = bar_room(pdev, index, off, count);
		if (ret > 0)
			ret = bar_write(to_zpci(pdev), index, off, buf, ret);
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		ret = config_pos(*ppos, &core_pos);
		if (!ret)
			ret = vfio_pci_core_write(vdev, buf, count, &core_pos);
		break;
	default:
		return -EINVAL;
	}
	if (ret > 0)
		*ppos += ret;
	return ret;
}

/* Regions are read and written, never mapped: a BAR of these functions is no memory. */
static int region_info(struct vfio_device *vdev, struct vfio_region_info *info)
{
	struct pci_dev *pdev = core_of(vdev)->pdev;

	switch (info->index) {
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		info->size = pci_resource_len(pdev, info->index);
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		info->size = pdev->cfg_size;
		break;
	default:
		return -EINVAL;
	}
	info->offset = region_offset(info->index);
	info->flags = info->size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	return 0;
}

#ifdef ISM_VFIO_HAVE_REGION_INFO_CAPS
static int ism_vfio_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
				struct vfio_info_cap *caps)
{
	return region_info(vdev, info);
}

#define ism_vfio_ioctl vfio_pci_core_ioctl
#else
/* Kernels up to 6.18 leave the whole call to the driver. */
static long ism_vfio_region_info(struct vfio_device *vdev, struct vfio_region_info __user *arg)
{
	const size_t len = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info = {};
	int ret;

	if (copy_from_user(&info, arg, len))
		return -EFAULT;
	if (info.argsz < len)
		return -EINVAL;
	ret = region_info(vdev, &info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, len) ? -EFAULT : 0;
}

static long ism_vfio_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	if (cmd == VFIO_DEVICE_GET_REGION_INFO)
		return ism_vfio_region_info(vdev, (void __user *)arg);
	return vfio_pci_core_ioctl(vdev, cmd, arg);
}
#endif

static int ism_vfio_open(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core = core_of(vdev);
	int ret = vfio_pci_core_enable(core);

	if (!ret)
		vfio_pci_core_finish_enable(core);
	return ret;
}

static const struct vfio_device_ops ism_vfio_ops = {
	.name = "ism-vfio-pci",
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = ism_vfio_open,
	.close_device = vfio_pci_core_close_device,
	.ioctl = ism_vfio_ioctl,
#ifdef ISM_VFIO_HAVE_REGION_INFO_CAPS
	.get_region_info_caps = ism_vfio_region_info,
#endif
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = ism_vfio_read,
	.write = ism_vfio_write,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
#ifdef ISM_VFIO_HAVE_MATCH_TOKEN_UUID
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#endif
#ifdef ISM_VFIO_HAVE_IOMMUFD
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
#endif
#ifdef ISM_VFIO_HAVE_DETACH_IOAS
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
#endif
};

/* --- binding --- */

static int ism_vfio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vfio_pci_core_device *core;
	int ret;

	core = vfio_alloc_device(vfio_pci_core_device, vdev, &pdev->dev, &ism_vfio_ops);
	if (IS_ERR(core))
		return PTR_ERR(core);
	dev_set_drvdata(&pdev->dev, core);
	ret = vfio_pci_core_register_device(core);
	if (ret)
		vfio_put_device(&core->vdev);
	return ret;
}

static void ism_vfio_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

/* Only through driver_override: the kernel's own ism driver has the same functions. */
static const struct pci_device_id ism_vfio_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_IBM, 0x04ed) }, {}
};
MODULE_DEVICE_TABLE(pci, ism_vfio_ids);

static struct pci_driver ism_vfio_driver = {
	.name = KBUILD_MODNAME,
	.id_table = ism_vfio_ids,
	.probe = ism_vfio_probe,
	.remove = ism_vfio_remove,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(ism_vfio_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO for IBM Internal Shared Memory (ISM) functions");
MODULE_AUTHOR("The dpdk-ism authors");
