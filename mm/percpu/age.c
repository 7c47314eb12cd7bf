// SPDX-License-Identifier: GPL-2.0-only
/*
 * age: what nobody needs goes back from arenas and the depot to the chunks.
 *
 * An arena that is not shared belongs to its CPU alone.  That CPU is asked, by
 * an interrupt, to hand out what it did not need; when it has nothing left it is
 * not asked again.  That of a CPU that goes offline is emptied at once.
 */
#include <linux/cpuhotplug.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "age.h"
#include "arena.h"
#include "balance.h"
#include "depot.h"
#include "extent.h"

/* Objects that an arena hands out at once, with IRQs off. */
#define PCPU_HAUL_MAX		96

/**
 * struct pcpu_haul - what is taken out of an arena
 * @arena: the arena
 * @all: whether it was needed or not
 * @begun: this is not the first time
 * @more: the arena has more of that
 * @left: the arena has something that was needed
 * @class: where to go on
 * @runs: granules that nobody cuts from, and objects without a class
 * @nr: objects
 * @classes: their classes
 * @offs: their offsets
 *
 * Belongs to who asks; while it waits for it, to the arena's CPU.
 */
struct pcpu_haul {
	struct pcpu_arena *arena;
	bool all;
	bool begun;
	bool more;
	bool left;
	u8 class;
	struct pcpu_run runs[2 + PCPU_ARENA_LONGS];
	unsigned int nr;
	u8 classes[PCPU_HAUL_MAX];
	u32 offs[PCPU_HAUL_MAX];
};

/* Take what nobody needed of a class, as far as there is room. */
static void pcpu_haul_stock(struct pcpu_haul *haul, struct pcpu_stock *stock)
{
	unsigned int n, want;

	while ((want = min(stock->low, PCPU_HAUL_MAX - haul->nr))) {
		u16 low = stock->low;

		n = pcpu_stock_split(haul->arena, stock,
				     haul->offs + haul->nr, want);
		memset(haul->classes + haul->nr, haul->class, n);
		haul->nr += n;
		/* What goes now was not needed before. */
		stock->low = low - n;
	}
}

/* From now on count what is needed; return whether to come again. */
static bool pcpu_arena_watch(struct pcpu_arena *arena)
{
	unsigned int class, i, held = arena->run.nr | arena->rest.nr;

	pcpu_arena_assert_owned(arena);

	for (i = 0; i < PCPU_ARENA_LONGS; i++)
		held |= arena->longs[i].nr;
	arena->longs_idle = true;

	for (class = 0; class < PCPU_NR_CLASSES; class++) {
		arena->stocks[class].low = arena->stocks[class].nr;
		held |= arena->stocks[class].nr;
	}
	arena->run_idle = true;
	pcpu_arena_set_watched(arena, held);
	return held;
}

static void pcpu_haul_begin(struct pcpu_haul *haul)
{
	struct pcpu_arena *arena = haul->arena;
	unsigned int i;

	haul->begun = true;
	if (haul->all || arena->run_idle) {
		swap(arena->run, haul->runs[0]);
		swap(arena->rest, haul->runs[1]);
	}
	if (haul->all || arena->longs_idle)
		for (i = 0; i < PCPU_ARENA_LONGS; i++)
			swap(arena->longs[i], haul->runs[2 + i]);
	if (haul->all)
		pcpu_arena_watch(arena);
}

/* Take what nobody needed, as much as there is room for. */
static void pcpu_haul_collect(struct pcpu_haul *haul)
{
	struct pcpu_arena *arena = haul->arena;

	pcpu_arena_assert_owned(arena);

	if (!haul->begun)
		pcpu_haul_begin(haul);
	for (; haul->class < PCPU_NR_CLASSES; haul->class++) {
		pcpu_haul_stock(haul, &arena->stocks[haul->class]);
		haul->more = arena->stocks[haul->class].low;
		if (haul->more)
			return;
	}
	haul->left = pcpu_arena_watch(arena);
}

/* For smp_call_function_single(): on the arena's CPU, IRQs off. */
static void pcpu_haul_collect_here(void *haul)
{
	pcpu_haul_collect(haul);
}

/* Have it collected where the arena may be touched. */
static bool pcpu_haul_visit(struct pcpu_haul *haul, unsigned int cpu,
			    bool may_wait)
{
	struct pcpu_arena *arena = haul->arena;
	unsigned long flags;
	bool here;

	local_irq_save(flags);
	here = arena->shared || cpu == raw_smp_processor_id();
	if (here) {
		pcpu_arena_own(arena);
		pcpu_haul_collect(haul);
		pcpu_arena_disown(arena);
	}
	local_irq_restore(flags);
	if (here)
		return true;
	return may_wait && !irqs_disabled() &&
	       !smp_call_function_single(cpu, pcpu_haul_collect_here, haul,
					 true);
}

/* Give what was collected to the chunks. */
static void pcpu_haul_flush(struct pcpu_haul *haul)
{
	unsigned int i, n;

	for (i = 0; i < haul->nr; i += n) {
		for (n = 1; i + n < haul->nr; n++)
			if (haul->classes[i + n] != haul->classes[i])
				break;
		pcpu_arena_flush(haul->classes[i], haul->offs + i, n);
	}
	haul->nr = 0;
	for (i = 0; i < ARRAY_SIZE(haul->runs); i++) {
		if (haul->runs[i].nr)
			pcpu_extent_free(haul->runs[i].off, haul->runs[i].nr);
		haul->runs[i].nr = 0;
	}
}

/* @cpu: whose the arena is, if it is not shared */
static bool pcpu_arena_age(struct pcpu_arena *arena, unsigned int cpu, bool all,
			   bool may_wait)
{
	struct pcpu_haul haul = { .arena = arena, .all = all };

	/* Do not disturb who has nothing. */
	if (!READ_ONCE(haul.arena->watched))
		return false;
	do {
		if (!pcpu_haul_visit(&haul, cpu, may_wait))
			return false;
		pcpu_haul_flush(&haul);
	} while (haul.more);
	return haul.left;
}

/* A CPU has gone, and with it the only one who might touch its arena. */
static int pcpu_age_dead_cpu(unsigned int cpu)
{
	struct pcpu_haul haul = { .all = true };
	unsigned long flags;

	if (cpu >= pcpu_nr_arenas || pcpu_arenas[cpu].shared)
		return 0;
	haul.arena = &pcpu_arenas[cpu];
	do {
		local_irq_save(flags);
		pcpu_haul_collect(&haul);
		local_irq_restore(flags);
		pcpu_haul_flush(&haul);
	} while (haul.more);
	/* The worker may have come by meanwhile, and found no CPU to ask. */
	pcpu_balance_kick();
	return 0;
}

static int __init pcpu_age_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					      "mm/percpu:dead", NULL,
					      pcpu_age_dead_cpu);

	return min(state, 0);
}
subsys_initcall(pcpu_age_init);

static bool pcpu_depot_age(bool all)
{
	unsigned int nr, class = 0;
	u32 offs[PCPU_BATCH_MAX];

	if (all)
		pcpu_depot_watch();
	while ((nr = pcpu_depot_take_stale(&class, offs)))
		pcpu_arena_flush(class, offs, nr);
	return pcpu_depot_watch();
}

/**
 * pcpu_age - give back objects that nobody needs
 * @all: whether anybody needed them or not
 * @may_wait: the caller may wait for other CPUs; else what is theirs alone stays
 *
 * Context: any, process context with IRQs on if @may_wait; owns each arena for
 * moments, and takes the depot's lock and pcpu_chunk_lock.
 * Return: whether some are left, so that it is worth to come again.
 */
bool pcpu_age(bool all, bool may_wait)
{
	bool more = pcpu_arena_age(&pcpu_arena_common, 0, all, may_wait);
	unsigned int i;

	for (i = 0; i < pcpu_nr_arenas; i++)
		more |= pcpu_arena_age(&pcpu_arenas[i], i, all, may_wait);
	return pcpu_depot_age(all) || more;
}
