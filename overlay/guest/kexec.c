// SPDX-License-Identifier: GPL-2.0-only
/*
 * kexec: load a kernel and its initramfs, and start it or, with "panic", keep it for a
 * panic.
 *
 * usage: kexec now|panic KERNEL INITRAMFS COMMAND_LINE
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int panic, kernel, initramfs;

	if (argc != 5)
		return 2;
	panic = !strcmp(argv[1], "panic");
	kernel = open(argv[2], O_RDONLY);
	initramfs = open(argv[3], O_RDONLY);
	if (syscall(SYS_kexec_file_load, kernel, initramfs, strlen(argv[4]) + 1, argv[4],
		    panic ? KEXEC_FILE_ON_CRASH : 0)) {
		fprintf(stderr, "kexec: %s\n", strerror(errno));
		return 1;
	}
	if (!panic)
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			LINUX_REBOOT_CMD_KEXEC, 0);
	return !panic;
}
