// SPDX-License-Identifier: GPL-2.0-only
/*
 * absent: name writes to the copies of CPUs that never were online.
 *
 * Such a copy is a page of zeroes that is mapped read-only, see present.c, so that the
 * write is an oops. A line behind the registers tells why.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/init.h>
#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <linux/printk.h>

#include <asm/special_insns.h>
#include <asm/trap_pf.h>

#include "../present.h"

/* The address of the fault is in the register as long as there was no other fault. */
static int pcpu_absent_die(struct notifier_block *nb, unsigned long what, void *data)
{
	const struct die_args *args = data;
	unsigned long off;
	unsigned int cpu;

	if (what == DIE_OOPS && (args->err & X86_PF_WRITE) &&
	    pcpu_addr_is_absent(read_cr2(), &off, &cpu))
		pr_alert("write to the copy of CPU %u, which never was online (offset %#lx, chunk %lu)\n",
			 cpu, off, off >> PCPU_CHUNK_SHIFT);
	return NOTIFY_DONE;
}

static struct notifier_block pcpu_absent_nb = {
	.notifier_call = pcpu_absent_die,
};

static int __init pcpu_absent_init(void)
{
	return register_die_notifier(&pcpu_absent_nb);
}
core_initcall(pcpu_absent_init);
