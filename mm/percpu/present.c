// SPDX-License-Identifier: GPL-2.0-only
/*
 * present: objects that have memory only on CPUs that have been online.
 *
 * These objects lie in chunks of their own. A page of such a chunk has memory on the
 * present units, those of CPUs that have been online; the other units map one page of
 * zeroes, read-only. The hotplug callback makes a unit present before its CPU runs for
 * the first time:
 *
 *	callback				allocation
 *
 *	set the bit of the unit			pcpu_present_enter()
 *	pcpu_present_synchronize():		read the bits, populate the pages
 *	  wait for allocations that may		use the copies of CPUs that were
 *	  have read the old bits		ready before pcpu_present_enter()
 *	replace the page of zeroes in all	pcpu_present_leave()
 *	  populated pages, flush TLBs
 *
 * So each page was populated by an allocation that has read the new bits, or is found
 * populated by the callback. No allocation waits: it increments a counter. The callback
 * waits until each of two counters was 0. Allocations use one of them, at first the one
 * that is not waited for.
 *
 * If a page cannot be allocated, the callback clears the bit, waits again, maps the page
 * of zeroes where the unit has memory, and the CPU stays offline; no task is killed for
 * the memory. The unit of a CPU that goes offline stays present, and so does that of a
 * CPU that fails to come online after the callback: its copies may be in use.
 *
 * CPU hotplug serializes the callbacks. Chunks are held while they are visited, see
 * pcpu_chunks_hold_present(), so that the worker does not unmap the pages meanwhile.
 */
#define pr_fmt(fmt) "percpu: " fmt

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/lockdep.h>
#include <linux/percpu-module.h>
#include <linux/percpu-present.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "chunk.h"
#include "pages.h"

#ifdef CONFIG_X86
#include <linux/kdebug.h>
#include <linux/notifier.h>

#include <asm/special_insns.h>
#include <asm/trap_pf.h>
#endif

/* Allocations under way, and which of the counters new ones use. */
static atomic_t pcpu_present_busy[2];
static unsigned int pcpu_present_index;

#ifdef CONFIG_LOCKDEP
/* An allocation holds it, and pcpu_present_synchronize() waits for it. */
static struct lockdep_map pcpu_present_map =
	STATIC_LOCKDEP_MAP_INIT("percpu_present", &pcpu_present_map);

/* The caller must not hold a lock that an allocation may wait for. */
static inline void pcpu_present_will_wait(void)
{
	lock_map_sync(&pcpu_present_map);
}
#else
static inline void pcpu_present_will_wait(void)
{
}
#endif

/**
 * pcpu_present_enter - begin to allocate and to use an object
 *
 * Context: any, except NMI. May sleep before pcpu_present_leave(), but must not wait for
 * CPU hotplug.
 * Return: the argument for pcpu_present_leave().
 */
unsigned int pcpu_present_enter(void)
{
	unsigned int index = READ_ONCE(pcpu_present_index);

	/* Callers do not wait for each other, nor for the callback. */
	lock_map_acquire_read(&pcpu_present_map);
	atomic_inc(&pcpu_present_busy[index]);
	/*
	 * Pairs with smp_mb() in pcpu_present_synchronize(): the callback sees the
	 * counter, or the caller sees what the callback wrote before.
	 */
	smp_mb__after_atomic();
	return index;
}

/**
 * pcpu_present_leave - undo pcpu_present_enter()
 * @index: its result
 *
 * Context: any, except NMI.
 */
void pcpu_present_leave(unsigned int index)
{
	/* Pairs with smp_mb() in pcpu_present_synchronize(): changes come before. */
	smp_mb__before_atomic();
	atomic_dec(&pcpu_present_busy[index]);
	lock_map_release(&pcpu_present_map);
}

/**
 * pcpu_present_synchronize - wait for callers between enter and leave
 *
 * Those that may not have seen what was written before this call have left on return.
 *
 * Context: process context, CPU hotplug is locked.
 */
void pcpu_present_synchronize(void)
{
	unsigned int i;

	pcpu_present_will_wait();
	/* Pairs with smp_mb__after_atomic() in pcpu_present_enter(). */
	smp_mb();
	for (i = 0; i < 2; i++) {
		unsigned int index = pcpu_present_index;

		/* A caller that has read the old index may come later: wait for both. */
		WRITE_ONCE(pcpu_present_index, !index);
		while (atomic_read(&pcpu_present_busy[index]))
			schedule_timeout_uninterruptible(1);
		/* Pairs with smp_mb__before_atomic() in pcpu_present_leave(). */
		smp_mb();
	}
}

/* Give memory to all populated pages of @unit, or take it from them. */
static int pcpu_present_visit(unsigned int unit, bool present)
{
	unsigned long off, first = PCPU_NO_OFF, end = 0;
	int nr = -1, err = 0;
	LIST_HEAD(freed);
	u64 pages;

	while (!err && (nr = pcpu_chunks_hold_present(nr + 1, &pages)) >= 0) {
		for (; pages && !err; pages &= pages - 1) {
			off = ((unsigned long)nr << PCPU_CHUNK_SHIFT) +
			      (__ffs64(pages) << PAGE_SHIFT);
			if (present)
				err = pcpu_populate_unit(off, unit,
							 GFP_KERNEL | __GFP_RETRY_MAYFAIL |
							 __GFP_NOWARN);
			else
				pcpu_depopulate_unit(off, unit, &freed);
			first = min(first, off);
			end = max(end, off + PAGE_SIZE);
			cond_resched();
		}
		pcpu_chunk_unhold(nr);
	}
	if (end)
		pcpu_flush_units(unit, unit, first, end, &freed);
	/* The worker has passed by chunks that were held. */
	pcpu_balance_kick();
	return err;
}

/**
 * pcpu_present_remove - take the memory of a unit that is not in use
 * @cpu: its CPU, which was not online since its unit is present
 *
 * Context: process context, CPU hotplug is locked.
 */
void pcpu_present_remove(unsigned int cpu)
{
	unsigned int unit = pcpu_cpu_unit(cpu);

	clear_bit(unit, pcpu_present_units);
	pcpu_present_synchronize();
	pcpu_present_visit(unit, false);
	WRITE_ONCE(pcpu_nr_present_units,
		   bitmap_weight(pcpu_present_units, pcpu_area.nr_units));
}

/**
 * pcpu_present_prepare - make the unit of a CPU present
 * @cpu: the CPU
 *
 * Context: process context, CPU hotplug is locked.
 * Return: 0, or -ENOMEM with nothing changed.
 */
int pcpu_present_prepare(unsigned int cpu)
{
	unsigned int unit = pcpu_cpu_unit(cpu);
	int err;

	if (test_bit(unit, pcpu_present_units))
		return 0;
	set_bit(unit, pcpu_present_units);
	pcpu_present_synchronize();
	err = pcpu_present_visit(unit, true);
	if (err) {
		pcpu_present_remove(cpu);
		pr_warn("CPU %u stays offline: out of memory for its copies of objects\n",
			cpu);
		return err;
	}
	WRITE_ONCE(pcpu_nr_present_units,
		   bitmap_weight(pcpu_present_units, pcpu_area.nr_units));
	return 0;
}

/*
 * Return true if @addr, as per_cpu_ptr() returns it, lies in a present chunk, in the
 * unit of a CPU that never was online; store the offset and the CPU. Any context.
 */
bool pcpu_addr_is_absent(unsigned long addr, unsigned long *off, unsigned int *cpu)
{
	struct pcpu_chunk *chunk;
	unsigned int unit;

	if (!pcpu_present_units || !pcpu_area_addr_to_off(addr, off, &unit))
		return false;
	*cpu = pcpu_unit_cpu(unit);
	guard(rcu)();
	chunk = pcpu_chunk_of(*off);
	return chunk && chunk->present && !test_bit(unit, pcpu_present_units);
}

#ifdef CONFIG_X86

/*
 * A write to the copy of an absent CPU is an oops. A line behind the registers tells why.
 * The address of the fault is in the register as long as there was no other fault.
 */
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

#endif /* CONFIG_X86 */

/**
 * pcpu_present_init - allow objects that have memory on present CPUs only
 *
 * Context: boot, before a second CPU runs.
 * Return: 0, or an error: pcpu_alloc_present() must not be called then.
 */
int __init pcpu_present_init(void)
{
	unsigned int cpu;
	int err;

	pcpu_present_units = bitmap_zalloc(pcpu_area.nr_units, GFP_KERNEL);
	if (!pcpu_present_units)
		return -ENOMEM;
	for_each_online_cpu(cpu)
		pcpu_present_prepare(cpu);
	err = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "mm/percpu:present",
					pcpu_present_prepare, NULL);
	if (err < 0) {
		bitmap_free(pcpu_present_units);
		pcpu_present_units = NULL;
	}
	return min(err, 0);
}

/**
 * pcpu_free_present - free an object from pcpu_alloc_present()
 * @ptr: the object
 *
 * Context: any, except NMI.
 */
void pcpu_free_present(void __percpu *ptr)
{
	pcpu_free_module(ptr);
	if (READ_ONCE(pcpu_counts.present_empty))
		pcpu_balance_kick();
}
