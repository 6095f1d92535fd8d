# SPDX-License-Identifier: BSD-3-Clause
"""Edit the kernel's ISM driver, of which the path is given, so that QEMU carries its stores.

QEMU wants store blocks at multiples of 8 bytes, more than 8 and at most 128 bytes long; the driver
stores up to a page at once, at any offset. So a move becomes store blocks where they fit and
stores of 1, 2, 4 and 8 bytes elsewhere, in the byte order in which QEMU hands on a block's
words (SPEC-ism section 10.5). Only the last one signals: QEMU would signal with each word of a
block.
"""
import sys

WRITE_OLD = "\tif (len)\n\t\t__zpci_store_block(data, req, offset);\n"
WRITE_NEW = ("\tif (len == 8)\n\t\t__zpci_store(swab64(*(u64 *)data), req, offset);\n"
             "\telse " + WRITE_OLD.lstrip())

MOVE_HEAD = "static inline int __ism_move("
MOVE_OLD = """\
	struct zpci_dev *zdev = to_zpci(ism->pdev);
	u64 req = ZPCI_CREATE_REQ(zdev->fh, 0, size);

	return __zpci_store_block(data, req, dmb_req);
"""
MOVE_NEW = """\
	u64 signal = dmb_req & (1 << 23);
	unsigned int bytes;
	int ret = 0;

	dmb_req -= signal;
	for (; size && !ret; size -= bytes, data += bytes, dmb_req += bytes) {
		bytes = ism_piece(dmb_req, size, signal);
		ret = ism_store_piece(to_zpci(ism->pdev)->fh,
				      dmb_req | (bytes == size ? signal : 0), data, bytes);
	}
	return ret;
"""
PIECES = """\
static inline unsigned int ism_piece(u64 addr, unsigned int size, bool signal)
{
	unsigned int bytes = 8;

	if (addr % 8 == 0 && size > 16)
		return min(round_down(signal ? size - 8 : size, 8), 128U);
	while (addr % bytes || bytes > size)
		bytes /= 2;
	return bytes;
}

static inline int ism_store_piece(u32 fh, u64 addr, const void *data, unsigned int bytes)
{
	u64 req = ZPCI_CREATE_REQ(fh, 0, bytes);

	switch (bytes) {
	case 1:
		return __zpci_store(*(u8 *)data, req, addr);
	case 2:
		return __zpci_store(swab16(*(u16 *)data), req, addr);
	case 4:
		return __zpci_store(swab32(*(u32 *)data), req, addr);
	case 8:
		return __zpci_store(swab64(*(u64 *)data), req, addr);
	default:
		return __zpci_store_block(data, req, addr);
	}
}

"""


def replace(text, old, new):
    if text.count(old) != 1:
        sys.exit(f"{sys.argv[1]} has changed: no '{old.strip().splitlines()[0]}'")
    return text.replace(old, new)


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        text = file.read()
    text = replace(text, WRITE_OLD, WRITE_NEW)
    text = replace(text, MOVE_OLD, MOVE_NEW)
    text = replace(text, MOVE_HEAD, PIECES + MOVE_HEAD)
    with open(sys.argv[1], "w", encoding="ascii") as file:
        file.write(text)


main()
