/* SPDX-License-Identifier: GPL-2.0-only */
/* The newest that there is, and not what the host was built for. */
#define KERNEL_VERSION(a, b, c)	(((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE	KERNEL_VERSION(255, 0, 0)
