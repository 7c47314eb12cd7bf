// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_tag: a pool of small integers, handed out from a list on each CPU.
 *
 * A free tag is on exactly one CPU's list. The lists are stacks, linked through
 * one array, pool->next[]; a tag that is on none has a mark there instead:
 *
 *	TAG_IN_USE	somebody has it
 *	TAG_PARKED	free, but beyond what a resize left usable
 *
 * A list has a lock of its own. Who allocates or frees takes the lock of the
 * CPU it runs on, and touches nothing else that another CPU writes. If that
 * list is empty, up to half of another's, at most STEAL_MAX, moves over while
 * both locks are held, so that a free tag is at no time on no list. Which list
 * that is, pool->have tells: a list that has a tag has its bit set. The bit stays
 * when the owner takes its last tag, which will mostly come back soon, and is
 * cleared by the first other CPU that looks in vain.
 *
 * Who waits
 * ---------
 * A list is in one of three states:
 *
 *	EMPTY	not in pool->have, no tags
 *	LISTED	in pool->have, with or without tags
 *	WAITED	not in pool->have, no tags, and somebody may be waiting
 *
 * A waiter first joins the queue pool->waiters, then visits the list of each
 * possible CPU under its lock: tags found there go to the queue, in its order,
 * and a list left empty becomes WAITED. What is freed to a WAITED list is not
 * put there but handed to the first in the queue; only when the queue is found
 * empty the list is LISTED again. Hence, under the list's lock,
 *
 *	a waiter that has visited a list and still waits  =>  the list is empty,
 *
 * and, having visited all, it sleeps only while no tag is free, and the next
 * tag that is freed, on whatever CPU, wakes the first of the queue with the tag
 * in its hand. The locks say so; no barrier is needed beside them. While a
 * waiter that has visited all is in the queue, pool->swept is set, and whoever
 * joins behind it need not visit the lists again.
 *
 * Who cannot wait fails if pool->have, read as one word, is empty: at that
 * moment no tag was on any list. If there are more CPUs than bits in a word, or
 * each list that was tried had just been emptied by somebody else, it does what
 * a waiter does, without the sleep.
 *
 * Locks: a CPU's list, by number if two; then pool->lock. All with interrupts
 * off. pool->resize is outside of them.
 *
 * Resizing: pool->usable is written first, then each list visited, under its lock:
 * tags that are not usable any more leave it, and list->limit is set. A tag that
 * moves meanwhile, freed or stolen, is looked at again under the lock of the list
 * it gets to, so that it cannot get to one which was visited already.
 */
#define pr_fmt(fmt) "percpu_tag: " fmt

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/instruction_pointer.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/percpu_tag.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/sched/wake_q.h>
#include <linux/slab.h>
#include <linux/topology.h>

#define TAG_NONE	(~0U)		/* the end of a list */
#define TAG_IN_USE	(~0U - 1)
#define TAG_PARKED	(~0U - 2)

#define STEAL_MAX	16		/* what moves in one hold */
#define DEAL_ALIGN	16		/* as many next[] as a cache line has */

enum list_state { LIST_EMPTY, LIST_LISTED, LIST_WAITED };

/*
 * One CPU's list: @head, @limit and @state under @lock, the rest never changes.
 * Tags below @limit are pushed without further ado; it is 0 if the list is not
 * LISTED, else pool->usable, or what that was before a resize under way. All
 * that a call needs is in this one line.
 */
struct percpu_tag_cpu {
	raw_spinlock_t lock;
	unsigned int head;
	unsigned int limit;
	enum list_state state;
	unsigned int *next;
	struct percpu_tag_pool *pool;
	unsigned int cpu;
} ____cacheline_aligned_in_smp;

/*
 * Under pool->lock; @tag is also read by the waiter, without. Who does not sleep
 * has no @task: in an interrupt, current has nothing to do with it.
 */
struct percpu_tag_waiter {
	struct list_head node;
	struct task_struct *task;
	int tag;
};

enum report { REPORT_RANGE, REPORT_FREE, REPORT_DESTROY };

static enum cpuhp_state percpu_tag_hp_state __read_mostly;

static struct percpu_tag_cpu *list_of(struct percpu_tag_pool *pool,
				      unsigned int cpu)
{
	return per_cpu_ptr(pool->cpus, cpu);
}

/* Once for each kind: a driver that does it once does it all the time. */
static bool report_once(struct percpu_tag_pool *pool, enum report kind)
{
	return !test_and_set_bit(kind, &pool->reported);
}

/*
 * One list, its lock held
 */
static void list_push(struct percpu_tag_cpu *list, unsigned int tag)
{
	WRITE_ONCE(list->next[tag], list->head);
	list->head = tag;
}

static unsigned int list_pop(struct percpu_tag_cpu *list)
{
	unsigned int tag = list->head;

	list->head = list->next[tag];
	return tag;
}

static void list_announce(struct percpu_tag_cpu *list)
{
	if (list->state == LIST_LISTED)
		return;
	list->state = LIST_LISTED;
	list->limit = READ_ONCE(list->pool->usable);
	cpumask_set_cpu(list->cpu, list->pool->have);
}

/* Somebody searched it in vain: others need not come here. */
static void list_withdraw(struct percpu_tag_cpu *list)
{
	if (list->head != TAG_NONE || list->state != LIST_LISTED)
		return;
	list->state = LIST_EMPTY;
	list->limit = 0;
	cpumask_clear_cpu(list->cpu, list->pool->have);
}

/* Half of what it has, or STEAL_MAX if that is less */
static unsigned int list_half(struct percpu_tag_cpu *list)
{
	unsigned int tag, nr = 0;

	for (tag = list->head; tag != TAG_NONE && nr < 2 * STEAL_MAX; tag = list->next[tag])
		nr++;
	return DIV_ROUND_UP(nr, 2);
}

/* Take the first tag, if there is one. */
static __always_inline bool list_take(struct percpu_tag_cpu *list, unsigned int *tag)
{
	unsigned int first = list->head, *link;

	if (unlikely(first == TAG_NONE))
		return false;
	link = &list->next[first];
	list->head = *link;
	WRITE_ONCE(*link, TAG_IN_USE);
	*tag = first;
	return true;
}

static void lock_two(struct percpu_tag_cpu *a, struct percpu_tag_cpu *b)
{
	if (a->cpu > b->cpu)
		swap(a, b);
	raw_spin_lock(&a->lock);
	raw_spin_lock_nested(&b->lock, SINGLE_DEPTH_NESTING);
}

static void unlock_two(struct percpu_tag_cpu *a, struct percpu_tag_cpu *b)
{
	raw_spin_unlock(&a->lock);
	raw_spin_unlock(&b->lock);
}

/*
 * The queue, pool->lock held
 */

/*
 * The tag must be seen before the wakeup is; the task may be gone right after.
 * Nobody else may have the tag, nor wake up who is in a wake_q: so from here to
 * wake_up_q() nothing may preempt, whatever the priority of who frees.
 */
static void hand_over(struct percpu_tag_pool *pool, unsigned int tag,
		      struct wake_q_head *wake)
{
	struct percpu_tag_waiter *w;
	struct task_struct *task;

	lockdep_assert_held(&pool->lock);
	w = list_first_entry(&pool->waiters, struct percpu_tag_waiter, node);
	list_del_init(&w->node);
	if (list_empty(&pool->waiters))
		pool->swept = false;
	task = w->task ? get_task_struct(w->task) : NULL;
	WRITE_ONCE(pool->next[tag], TAG_IN_USE);
	/* Pairs with sleep_for_tag(). */
	smp_store_release(&w->tag, tag);
	if (task)
		wake_q_add_safe(wake, task);
}

/*
 * A tag that is on no list and nobody's: to who waits, or on the list.
 * The lock of the list is held.
 */
static void give(struct percpu_tag_cpu *list, unsigned int tag, struct wake_q_head *wake)
{
	struct percpu_tag_pool *pool = list->pool;

	lockdep_assert_held(&list->lock);
	if (list->state == LIST_WAITED) {
		guard(raw_spinlock)(&pool->lock);
		if (!list_empty(&pool->waiters)) {
			hand_over(pool, tag, wake);
			return;
		}
	}
	list_push(list, tag);
	list_announce(list);
}

/*
 * Moving tags between lists
 */

/* If the tag is beyond what is usable it waits for a resize, nobody's. */
static bool park(struct percpu_tag_pool *pool, unsigned int tag)
{
	if (likely(tag < READ_ONCE(pool->usable)))
		return false;
	guard(raw_spinlock)(&pool->lock);
	if (tag < pool->usable)
		return false;
	WRITE_ONCE(pool->next[tag], TAG_PARKED);
	return true;
}

/*
 * Up to @nr tags, both locks held. While a resize goes down there may be one
 * that must not get to a list which the resize has seen already.
 */
static void move(struct percpu_tag_cpu *from, struct percpu_tag_cpu *to,
		 unsigned int nr, struct wake_q_head *wake)
{
	while (nr-- && from->head != TAG_NONE) {
		unsigned int tag = list_pop(from);

		if (!park(from->pool, tag))
			give(to, tag, wake);
	}
}

/* Take a tag, for which up to half of what @other has comes over. */
static bool steal_from(struct percpu_tag_cpu *own, struct percpu_tag_cpu *other,
		       unsigned int *tag)
{
	DEFINE_WAKE_Q(wake);
	unsigned long flags;
	bool taken;

	guard(preempt)();
	local_irq_save(flags);
	lock_two(own, other);
	if (own->head == TAG_NONE)
		move(other, own, list_half(other), &wake);
	/* What came over may have gone to waiters, or be beyond use. */
	taken = list_take(own, tag) || list_take(other, tag);
	list_withdraw(other);
	unlock_two(own, other);
	local_irq_restore(flags);
	wake_up_q(&wake);
	return taken;
}

static bool take_or_withdraw(struct percpu_tag_cpu *list, unsigned int *tag)
{
	bool taken;

	guard(raw_spinlock_irqsave)(&list->lock);
	taken = list_take(list, tag);
	list_withdraw(list);
	return taken;
}

/*
 * Whom to steal from: CPUs of the own node first, then the others, each from
 * the next higher number on; last the own list, to which somebody may have freed
 * meanwhile. Every list is tried at most once. The mask changes while it is read:
 * what is true says each list, under its lock.
 */
static __no_kcsan int steal(struct percpu_tag_pool *pool, unsigned int cpu)
{
	struct percpu_tag_cpu *own = list_of(pool, cpu);
	unsigned int victim, far, tag;

	for (far = 0; far <= (nr_node_ids > 1); far++) {
		for_each_cpu_wrap(victim, pool->have, cpu + 1) {
			if (victim == cpu ||
			    far != (cpu_to_node(victim) != cpu_to_node(cpu)))
				continue;
			if (steal_from(own, list_of(pool, victim), &tag))
				return tag;
		}
	}
	return take_or_withdraw(own, &tag) ? tag : -ENOSPC;
}

/*
 * Waiting
 */

/* Whether no list had a tag, at one moment. False if that cannot be told. */
static bool nobody_has(struct percpu_tag_pool *pool)
{
	return nr_cpu_ids <= BITS_PER_LONG &&
	       !READ_ONCE(*cpumask_bits(pool->have));
}

/* What a list has goes to the queue; if the queue is longer, it is WAITED. */
static void hand_out(struct percpu_tag_cpu *list, struct wake_q_head *wake)
{
	struct percpu_tag_pool *pool = list->pool;

	guard(raw_spinlock_irqsave)(&list->lock);
	guard(raw_spinlock)(&pool->lock);
	while (list->head != TAG_NONE) {
		if (list_empty(&pool->waiters))
			return;
		hand_over(pool, list_pop(list), wake);
	}
	list_withdraw(list);
	list->state = LIST_WAITED;
}

static void visit(struct percpu_tag_pool *pool, unsigned int cpu)
{
	DEFINE_WAKE_Q(wake);

	guard(preempt)();
	hand_out(list_of(pool, cpu), &wake);
	wake_up_q(&wake);
}

/* Join the queue; says whether somebody in it vouches that nothing is free. */
static bool join(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w,
		 struct task_struct *task)
{
	w->task = task;
	w->tag = -ENOSPC;
	guard(raw_spinlock_irqsave)(&pool->lock);
	list_add_tail(&w->node, &pool->waiters);
	return pool->swept;
}

/* Leave the queue with a tag, if one came, else with an error. */
static int leave(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w, int err)
{
	guard(raw_spinlock_irqsave)(&pool->lock);
	if (w->tag >= 0)
		return w->tag;
	list_del(&w->node);
	if (list_empty(&pool->waiters))
		pool->swept = false;
	return err;
}

/* Visit every list, until there is a tag for @w. */
static void sweep(struct percpu_tag_pool *pool, struct percpu_tag_waiter *w,
		  unsigned int first)
{
	unsigned int cpu;

	for_each_cpu_wrap(cpu, cpu_possible_mask, first) {
		visit(pool, cpu);
		if (READ_ONCE(w->tag) >= 0)
			break;
	}
	guard(raw_spinlock_irqsave)(&pool->lock);
	if (w->tag < 0)
		pool->swept = true;
}

static int sleep_for_tag(struct percpu_tag_pool *pool,
			 struct percpu_tag_waiter *w, unsigned int state,
			 long timeout)
{
	int err = 0;

	for (;;) {
		set_current_state(state);
		/* Pairs with hand_over(). */
		if (smp_load_acquire(&w->tag) >= 0)
			break;
		if (signal_pending_state(state, current))
			err = -EINTR;
		else if (!timeout)
			err = -ETIMEDOUT;
		if (err)
			break;
		if (pool->flags & PERCPU_TAG_IOWAIT)
			timeout = io_schedule_timeout(timeout);
		else
			timeout = schedule_timeout(timeout);
	}
	__set_current_state(TASK_RUNNING);
	return leave(pool, w, err);
}

static noinline int alloc_nowait_slow(struct percpu_tag_pool *pool)
{
	struct percpu_tag_waiter w;
	unsigned int cpu = raw_smp_processor_id();
	int tag = steal(pool, cpu);

	if (tag >= 0 || nobody_has(pool))
		return tag;
	if (!join(pool, &w, NULL))
		sweep(pool, &w, cpu);
	return leave(pool, &w, -ENOSPC);
}

static noinline int alloc_wait_slow(struct percpu_tag_pool *pool,
				    unsigned int state, long timeout)
{
	struct percpu_tag_waiter w;
	unsigned int cpu = raw_smp_processor_id();
	int tag = steal(pool, cpu);

	if (tag >= 0)
		return tag;
	if (!join(pool, &w, current))
		sweep(pool, &w, cpu);
	return sleep_for_tag(pool, &w, state, timeout);
}

static __always_inline bool alloc_fast(struct percpu_tag_cpu *list, unsigned int *tag)
{
	unsigned long flags;
	bool taken;

	raw_spin_lock_irqsave(&list->lock, flags);
	taken = list_take(list, tag);
	raw_spin_unlock_irqrestore(&list->lock, flags);
	return taken;
}

/**
 * percpu_tag_alloc_nowait - allocate a tag if one is free
 * @pool: the pool
 *
 * See percpu_tag_alloc(), which calls it if the caller must not block.
 *
 * Context: any except NMI. May wake up a waiter, so not under a scheduler's lock.
 * Return: a tag or -ENOSPC.
 */
int percpu_tag_alloc_nowait(struct percpu_tag_pool *pool)
{
	/* It may be another CPU's list when it is locked; any will do. */
	struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
	unsigned int tag;

	if (likely(alloc_fast(list, &tag)))
		return tag;
	return alloc_nowait_slow(list->pool);
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_nowait);

/**
 * percpu_tag_alloc_sleep - allocate a tag, and wait for one as long as it takes
 * @pool: the pool
 *
 * See percpu_tag_alloc(), which calls it if the caller may block.
 *
 * Context: process context, may sleep.
 * Return: a tag.
 */
int percpu_tag_alloc_sleep(struct percpu_tag_pool *pool)
{
	struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
	unsigned int tag;

	might_sleep();
	if (likely(alloc_fast(list, &tag)))
		return tag;
	return alloc_wait_slow(list->pool, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_sleep);

/**
 * percpu_tag_alloc_wait - allocate a tag, and say how to wait for it
 * @pool: the pool
 * @state: the task's state meanwhile, as TASK_KILLABLE or TASK_INTERRUPTIBLE
 * @timeout: in jiffies, or MAX_SCHEDULE_TIMEOUT
 *
 * See percpu_tag_alloc(). A tag that comes at the last moment is returned, and
 * not lost.
 *
 * Context: process context, may sleep.
 * Return: a tag; -EINTR if a signal came first that @state wakes up for;
 * -ETIMEDOUT if no tag came in time.
 */
int percpu_tag_alloc_wait(struct percpu_tag_pool *pool, unsigned int state,
			  long timeout)
{
	unsigned int tag;

	might_sleep();
	if (likely(alloc_fast(raw_cpu_ptr(pool->cpus), &tag)))
		return tag;
	return alloc_wait_slow(pool, state, timeout);
}
EXPORT_SYMBOL_GPL(percpu_tag_alloc_wait);

/*
 * Freeing
 */

/* Whether the tag was out. Two who free it at once are told apart here. */
static __always_inline bool claim(unsigned int *next, unsigned int tag, unsigned int mark)
{
	unsigned int old = TAG_IN_USE;

	return try_cmpxchg(&next[tag], &old, mark);
}

static void report_free(struct percpu_tag_pool *pool, unsigned int tag,
			unsigned long caller)
{
	if (tag >= pool->nr_tags) {
		if (report_once(pool, REPORT_RANGE))
			pr_err("pool %p: %pS frees tag %u, but there are %u\n",
			       pool, (void *)caller, tag, pool->nr_tags);
	} else if (report_once(pool, REPORT_FREE)) {
		pr_err("pool %p: %pS frees tag %u, which is free\n",
		       pool, (void *)caller, tag);
	}
}

/* Free a tag to who waits, or park it. Says whether it was out. */
static bool free_out(struct percpu_tag_cpu *list, unsigned int tag)
{
	DEFINE_WAKE_Q(wake);
	bool out;

	guard(preempt)();
	scoped_guard(raw_spinlock_irqsave, &list->lock) {
		/* Under the lock: who sees it free and destroys the pool waits for us. */
		out = claim(list->next, tag, TAG_NONE);
		if (out && !park(list->pool, tag))
			give(list, tag, &wake);
	}
	wake_up_q(&wake);
	return out;
}

/* Wrong, or not to be used again, or somebody may be waiting for it. */
static noinline void free_slow(struct percpu_tag_cpu *list, unsigned int tag,
			       unsigned long caller)
{
	struct percpu_tag_pool *pool = list->pool;

	if (tag >= pool->nr_tags || !free_out(list, tag))
		report_free(pool, tag, caller);
}

/**
 * percpu_tag_free - free a tag
 * @pool: the pool it is of
 * @tag: the tag; it may be freed on another CPU than it was allocated on
 *
 * A tag that is free or that the pool does not have is refused, and the first
 * time reported with the caller.
 *
 * Context: any, except NMI. Wakes up a waiter, so not under a scheduler's lock.
 */
void percpu_tag_free(struct percpu_tag_pool *pool, unsigned int tag)
{
	struct percpu_tag_cpu *list = raw_cpu_ptr(pool->cpus);
	unsigned long flags;

	raw_spin_lock_irqsave(&list->lock, flags);
	if (likely(tag < list->limit && claim(list->next, tag, list->head))) {
		list->head = tag;
		raw_spin_unlock_irqrestore(&list->lock, flags);
		return;
	}
	raw_spin_unlock_irqrestore(&list->lock, flags);
	free_slow(list, tag, _RET_IP_);
}
EXPORT_SYMBOL_GPL(percpu_tag_free);

/*
 * The pool
 */

/* Tags that were parked, for one list: the lowest will be on top. */
static void deal_run(struct percpu_tag_pool *pool, unsigned int cpu,
		     unsigned int from, unsigned int to)
{
	struct percpu_tag_cpu *list = list_of(pool, cpu);
	DEFINE_WAKE_Q(wake);

	guard(preempt)();
	scoped_guard(raw_spinlock_irqsave, &list->lock) {
		while (to-- > from) {
			if (READ_ONCE(pool->next[to]) == TAG_PARKED)
				give(list, to, &wake);
		}
	}
	wake_up_q(&wake);
}

/*
 * Runs of neighbours to the CPUs online, node by node. What is in one cache line
 * of next[] goes to one CPU.
 */
static void deal(struct percpu_tag_pool *pool, unsigned int from, unsigned int to)
{
	unsigned int node, cpu, end, share;

	guard(cpus_read_lock)();
	share = round_up(DIV_ROUND_UP(to - from, num_online_cpus()), DEAL_ALIGN);
	for_each_online_node(node) {
		for_each_cpu_and(cpu, cpumask_of_node(node), cpu_online_mask) {
			end = min(to, round_down(from, DEAL_ALIGN) + share);
			deal_run(pool, cpu, from, end);
			from = end;
		}
	}
	/* What is left if a CPU is on no node that is online. */
	if (from < to)
		deal_run(pool, cpumask_first(cpu_online_mask), from, to);
}

/* Tell a list what is usable; what is not any more goes. */
static void sieve(struct percpu_tag_pool *pool, unsigned int cpu)
{
	struct percpu_tag_cpu *list = list_of(pool, cpu);
	unsigned int *link = &list->head;

	guard(raw_spinlock_irqsave)(&list->lock);
	while (*link != TAG_NONE) {
		unsigned int tag = *link;

		if (tag < pool->usable) {
			link = &pool->next[tag];
			continue;
		}
		WRITE_ONCE(*link, pool->next[tag]);
		WRITE_ONCE(pool->next[tag], TAG_PARKED);
	}
	if (list->state == LIST_LISTED)
		list->limit = pool->usable;
	list_withdraw(list);
}

static unsigned int nr_in_use(struct percpu_tag_pool *pool, unsigned int tag)
{
	unsigned int nr = 0;

	for (; tag < pool->nr_tags; tag++)
		nr += READ_ONCE(pool->next[tag]) == TAG_IN_USE;
	return nr;
}

/**
 * percpu_tag_pool_resize - say how many tags are handed out
 * @pool: the pool
 * @nr: tags below it are, at most as many as the pool was made with; may be 0
 *
 * When it returns, no allocation that begins later gets a tag of @nr or above.
 * Those that are out stay good until they are freed, and then stay away until
 * a resize makes them usable again. Waiters get what becomes usable.
 *
 * With 0 usable, every GFP_ATOMIC allocation fails: so a driver tests what it
 * does then.
 *
 * Context: process context, may sleep. Holds each CPU's list for its length.
 * Takes cpus_read_lock(), so not from a CPU hotplug callback.
 * Return: how many tags of @nr and above are still out, or -EINVAL.
 */
int percpu_tag_pool_resize(struct percpu_tag_pool *pool, unsigned int nr)
{
	unsigned int old, cpu;

	if (nr > pool->nr_tags)
		return -EINVAL;
	guard(mutex)(&pool->resize);
	scoped_guard(raw_spinlock_irqsave, &pool->lock) {
		old = pool->usable;
		WRITE_ONCE(pool->usable, nr);
	}
	for_each_possible_cpu(cpu)
		sieve(pool, cpu);
	if (nr > old)
		deal(pool, old, nr);
	return nr_in_use(pool, nr);
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_resize);

/**
 * percpu_tag_pool_nr_free - how many tags are free
 * @pool: the pool
 *
 * Looks at each tag, though not at one moment: allocating and freeing need not
 * count.
 *
 * Context: any.
 * Return: the usable tags that nobody has.
 */
unsigned int percpu_tag_pool_nr_free(struct percpu_tag_pool *pool)
{
	unsigned int usable = READ_ONCE(pool->usable), tag, nr = 0;

	for (tag = 0; tag < usable; tag++)
		nr += READ_ONCE(pool->next[tag]) != TAG_IN_USE;
	return nr;
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_nr_free);

/**
 * percpu_tag_next_in_use - the next tag that is out
 * @pool: the pool
 * @tag: look above it; -1 for the first
 *
 * See percpu_tag_for_each_in_use().
 *
 * Context: any.
 * Return: a tag, or -1 if there is no more.
 */
int percpu_tag_next_in_use(struct percpu_tag_pool *pool, int tag)
{
	unsigned int next;

	for (next = tag + 1; next < pool->nr_tags; next++) {
		if (READ_ONCE(pool->next[next]) == TAG_IN_USE)
			return next;
	}
	return -1;
}
EXPORT_SYMBOL_GPL(percpu_tag_next_in_use);

static void pool_release(struct percpu_tag_pool *pool)
{
	free_cpumask_var(pool->have);
	free_percpu(pool->cpus);
	kvfree(pool->next);
}

static int pool_allocate(struct percpu_tag_pool *pool)
{
	pool->next = kvmalloc_array(pool->nr_tags, sizeof(*pool->next), GFP_KERNEL);
	pool->cpus = alloc_percpu(struct percpu_tag_cpu);
	if (!zalloc_cpumask_var(&pool->have, GFP_KERNEL) || !pool->next || !pool->cpus) {
		pool_release(pool);
		return -ENOMEM;
	}
	return 0;
}

/**
 * percpu_tag_pool_init - make a pool
 * @pool: memory for it
 * @nr_tags: how many tags it has, 1 to PERCPU_TAG_MAX; all are usable
 * @flags: PERCPU_TAG_IOWAIT if waiting for a tag is waiting for I/O, or 0
 *
 * Context: process context, may sleep; from postcore initcalls on. Takes
 * cpus_read_lock().
 * Return: 0, -EINVAL or -ENOMEM; what failed needs no destroy.
 */
int percpu_tag_pool_init(struct percpu_tag_pool *pool, unsigned int nr_tags,
			 unsigned int flags)
{
	unsigned int i;
	int err;

	if (!nr_tags || nr_tags > PERCPU_TAG_MAX || flags & ~PERCPU_TAG_IOWAIT)
		return -EINVAL;
	memset(pool, 0, sizeof(*pool));
	pool->nr_tags = nr_tags;
	pool->flags = flags;
	raw_spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->waiters);
	mutex_init(&pool->resize);
	err = pool_allocate(pool);
	if (err)
		return err;
	for_each_possible_cpu(i) {
		struct percpu_tag_cpu *list = list_of(pool, i);

		raw_spin_lock_init(&list->lock);
		list->head = TAG_NONE;
		list->next = pool->next;
		list->pool = pool;
		list->cpu = i;
	}
	for (i = 0; i < nr_tags; i++)
		pool->next[i] = TAG_PARKED;
	err = cpuhp_state_add_instance_nocalls(percpu_tag_hp_state, &pool->node);
	if (err) {
		pool_release(pool);
		return err;
	}
	percpu_tag_pool_resize(pool, nr_tags);
	return 0;
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_init);

/**
 * percpu_tag_pool_destroy - give back what a pool takes
 * @pool: the pool, which nobody uses any more
 *
 * A pool with tags out, or with waiters, is refused, and the first time reported
 * with the caller; it stays as it is.
 *
 * Context: process context, may sleep.
 * Return: 0, or -EBUSY.
 */
int percpu_tag_pool_destroy(struct percpu_tag_pool *pool)
{
	unsigned int cpu, out = nr_in_use(pool, 0);
	bool waited = false;

	/* Who freed last, or handed a tag over, may still hold a lock. */
	for_each_possible_cpu(cpu) {
		guard(raw_spinlock_irqsave)(&list_of(pool, cpu)->lock);
		guard(raw_spinlock)(&pool->lock);
		waited |= !list_empty(&pool->waiters);
	}
	/* What was just free then may have gone to one who waited. */
	out = max(out, nr_in_use(pool, 0));
	if (out || waited) {
		if (report_once(pool, REPORT_DESTROY))
			pr_err("pool %p: %pS destroys it with %u tags out%s\n", pool,
			       (void *)_RET_IP_, out, waited ? " and waiters" : "");
		return -EBUSY;
	}
	cpuhp_state_remove_instance_nocalls(percpu_tag_hp_state, &pool->node);
	pool_release(pool);
	return 0;
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_destroy);

/*
 * CPUs that go
 *
 * Tags on the list of a CPU that is offline could still be stolen, and a task
 * that moves at the wrong moment may free one to it: nothing is lost. But who
 * has nothing should not have to search there.
 */
static void spill(struct percpu_tag_pool *pool, unsigned int cpu)
{
	unsigned int other = cpumask_any_but(cpu_online_mask, cpu);
	struct percpu_tag_cpu *from = list_of(pool, cpu), *to;
	bool more = other < nr_cpu_ids;

	while (more) {
		DEFINE_WAKE_Q(wake);

		guard(preempt)();
		to = list_of(pool, other);
		local_irq_disable();
		lock_two(from, to);
		move(from, to, STEAL_MAX, &wake);
		more = from->head != TAG_NONE;
		list_withdraw(from);
		unlock_two(from, to);
		local_irq_enable();
		wake_up_q(&wake);
	}
}

static int percpu_tag_cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	spill(hlist_entry(node, struct percpu_tag_pool, node), cpu);
	return 0;
}

static int __init percpu_tag_init(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "lib/percpu_tag:dead",
					    NULL, percpu_tag_cpu_dead);

	if (state < 0)
		return state;
	percpu_tag_hp_state = state;
	return 0;
}
core_initcall(percpu_tag_init);

#ifdef CONFIG_PERCPU_TAG_CHECK
/*
 * What tests look at
 */
static const char *check_list(struct percpu_tag_pool *pool, unsigned int cpu,
			      unsigned int *listed)
{
	struct percpu_tag_cpu *list = list_of(pool, cpu);
	unsigned int tag, nr = 0;
	bool here;

	guard(raw_spinlock_irqsave)(&list->lock);
	here = list->state == LIST_LISTED;
	for (tag = list->head; tag != TAG_NONE; tag = pool->next[tag]) {
		if (tag >= pool->usable)
			return "a tag on a list is not usable";
		if (nr++ == pool->nr_tags)
			return "a list has no end";
	}
	*listed += nr;
	if (list->limit != (here ? pool->usable : 0))
		return "a list does not know what is usable";
	if (here != cpumask_test_cpu(cpu, pool->have))
		return "the mask does not say what the list says";
	if (nr && !here)
		return "a list has tags, and nobody knows";
	guard(raw_spinlock)(&pool->lock);
	if (list_empty(&pool->waiters))
		return pool->swept ? "swept, and nobody waits" : NULL;
	if (pool->swept && (nr || list->state != LIST_WAITED))
		return "somebody waits while a tag is free";
	return NULL;
}

/**
 * percpu_tag_pool_check - look for what must not be
 * @pool: the pool
 * @quiet: nobody uses it meanwhile, so it can be told whether tags were lost
 *
 * Context: process context, may sleep.
 * Return: what is wrong, or NULL.
 */
const char *percpu_tag_pool_check(struct percpu_tag_pool *pool, bool quiet)
{
	unsigned int cpu, listed = 0;
	const char *wrong;

	guard(mutex)(&pool->resize);
	for_each_possible_cpu(cpu) {
		wrong = check_list(pool, cpu, &listed);
		if (wrong)
			return wrong;
	}
	if (quiet && listed != percpu_tag_pool_nr_free(pool))
		return "a tag is nobody's, and on no list";
	return NULL;
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_check);

/**
 * percpu_tag_pool_spill - do as if a CPU had gone
 * @pool: the pool
 * @cpu: the CPU, which may be there
 *
 * Context: process context.
 */
void percpu_tag_pool_spill(struct percpu_tag_pool *pool, unsigned int cpu)
{
	guard(cpus_read_lock)();
	spill(pool, cpu);
}
EXPORT_SYMBOL_GPL(percpu_tag_pool_spill);
#endif
