// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of bigref: with percpu memory, without, and of adaptive counts.
 * The cases of bigref_owner_kunit.c are part of each suite.
 */
#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "bigref_internal.h"
#include "bigref_kunit.h"

#define NR_ROUNDS	20
#define NR_OPS		20000

struct object {
	struct bigref ref;
	atomic_t released;
	struct completion done;
};

unsigned int bigref_test_flags;
static unsigned int reports_before;

static void object_release(struct bigref *ref)
{
	struct object *obj = container_of(ref, struct object, ref);

	atomic_inc(&obj->released);
	complete(&obj->done);
}

static unsigned int nr_reports(void)
{
	return atomic_read(&bigref_nr_reports);
}

static void object_begin(struct object *obj)
{
	reports_before = nr_reports();
	bigref_init(&obj->ref, object_release, bigref_test_flags, GFP_KERNEL);
	atomic_set(&obj->released, 0);
	init_completion(&obj->done);
}

static void object_exact(struct bigref *ref)
{
	complete(&container_of(ref, struct object, ref)->done);
}

/* Initialize an object and put its last reference. */
static void object_finish(struct kunit *test, struct object *obj)
{
	object_begin(obj);
	KUNIT_ASSERT_TRUE(test, bigref_disown(&obj->ref));
	bigref_put(&obj->ref);
	KUNIT_ASSERT_EQ(test, atomic_read(&obj->released), 1);
}

/* The misuse was reported once, and further misuse is not reported. */
static void expect_leaked(struct kunit *test, struct object *obj, int released)
{
	KUNIT_EXPECT_EQ(test, nr_reports(), reports_before + 1);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj->ref), BIGREF_VAL_SATURATED);
	KUNIT_EXPECT_FALSE(test, bigref_is_zero(&obj->ref));
	KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj->ref));
	bigref_get(&obj->ref);
	bigref_put_many(&obj->ref, 3);
	KUNIT_EXPECT_FALSE(test, bigref_tryget_live(&obj->ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj->ref), BIGREF_VAL_SATURATED);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj->released), released);
	KUNIT_EXPECT_EQ(test, nr_reports(), reports_before + 1);
}

static bool tryget_live_rcu(struct object *obj)
{
	guard(rcu)();
	return bigref_tryget_live_rcu(&obj->ref);
}

static void size(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, sizeof(struct bigref), 4 * sizeof(long));
}

static void counts(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	bigref_get(&obj.ref);
	bigref_get_many(&obj.ref, 1000);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1002);
	bigref_put_many(&obj.ref, 1000);
	KUNIT_EXPECT_TRUE(test, bigref_tryget(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_tryget_many(&obj.ref, 10));
	KUNIT_EXPECT_TRUE(test, bigref_tryget_live(&obj.ref));
	KUNIT_EXPECT_TRUE(test, tryget_live_rcu(&obj));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 15);
	bigref_put_many(&obj.ref, 13);
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	KUNIT_EXPECT_FALSE(test, bigref_is_zero(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 0);
}

static void released_once(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	bigref_get_many(&obj.ref, 3);
	bigref_put(&obj.ref);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 3);
	bigref_get(&obj.ref);
	bigref_put_many(&obj.ref, 2);
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 0);
	KUNIT_EXPECT_FALSE(test, bigref_is_zero(&obj.ref));
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 1);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 0);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
}

static void trygets(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_tryget(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_tryget_live(&obj.ref));
	KUNIT_EXPECT_FALSE(test, tryget_live_rcu(&obj));
	bigref_put_many(&obj.ref, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 1);
	KUNIT_EXPECT_FALSE(test, bigref_tryget(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_tryget_live(&obj.ref));
	KUNIT_EXPECT_FALSE(test, tryget_live_rcu(&obj));
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
}

static void disown_async(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	bigref_get(&obj.ref);
	KUNIT_EXPECT_TRUE(test, bigref_disown_async(&obj.ref, object_exact));
	bigref_get(&obj.ref);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 3);
	bigref_put_many(&obj.ref, 2);
	wait_for_completion(&obj.done);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 0);
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 1);
}

static void put_in_done(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown_async(&obj.ref,
						    bigref_put));
	wait_for_completion(&obj.done);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 1);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
}

static void put_below_zero(struct kunit *test)
{
	struct object obj;

	object_finish(test, &obj);
	bigref_put(&obj.ref);
	expect_leaked(test, &obj, 1);

	object_begin(&obj);
	bigref_disown(&obj.ref);
	bigref_put_many(&obj.ref, 2);
	expect_leaked(test, &obj, 0);
}

/* A put too many before the disown is detected by the disown. */
static void put_owner_reference(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	bigref_put(&obj.ref);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 0);
	KUNIT_EXPECT_FALSE(test, bigref_disown(&obj.ref));
	expect_leaked(test, &obj, 0);
}

static void get_after_zero(struct kunit *test)
{
	struct object obj;

	object_finish(test, &obj);
	bigref_get(&obj.ref);
	expect_leaked(test, &obj, 1);
}

static void disowned_twice(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_disown(&obj.ref));
	expect_leaked(test, &obj, 0);

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown_async(&obj.ref, object_exact));
	KUNIT_EXPECT_FALSE(test, bigref_disown_async(&obj.ref, object_release));
	wait_for_completion(&obj.done);
	expect_leaked(test, &obj, 0);
}

static void destroyed_in_use(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	bigref_get(&obj.ref);
	KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj.ref));
	expect_leaked(test, &obj, 0);

	object_begin(&obj);
	bigref_get(&obj.ref);
	bigref_disown(&obj.ref);
	KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj.ref));
	expect_leaked(test, &obj, 0);
}

/* Threads that get and put references of one object */
struct load {
	struct object obj;
	struct completion ready;
	atomic_t nr_left;
	atomic_t nr_early;
	bool stop;
};

static int load_thread(void *data)
{
	struct load *load = data;
	unsigned int i;

	for (i = 0; i < NR_OPS && !READ_ONCE(load->stop); i++) {
		bigref_get(&load->obj.ref);
		if (bigref_tryget(&load->obj.ref))
			bigref_put(&load->obj.ref);
		if (i % 64 == 0)
			cond_resched();
		if (atomic_read(&load->obj.released))
			atomic_inc(&load->nr_early);
		bigref_put(&load->obj.ref);
	}
	if (atomic_dec_and_test(&load->nr_left))
		complete(&load->ready);
	/* The reference that load_begin() took for this thread */
	bigref_put(&load->obj.ref);
	return 0;
}

static void load_begin(struct kunit *test, struct load *load, bool bound)
{
	unsigned int nr = max(2U, num_online_cpus()), i;
	struct task_struct *task;

	object_begin(&load->obj);
	init_completion(&load->ready);
	atomic_set(&load->nr_left, nr);
	atomic_set(&load->nr_early, 0);
	load->stop = false;
	for (i = 0; i < nr; i++) {
		bigref_get(&load->obj.ref);
		task = kthread_create(load_thread, load, "bigref/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		if (bound)
			kthread_bind(task, bigref_test_cpu(i));
		wake_up_process(task);
	}
}

static void load_end(struct kunit *test, struct load *load)
{
	wait_for_completion(&load->obj.done);
	KUNIT_EXPECT_EQ(test, atomic_read(&load->obj.released), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&load->nr_early), 0);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&load->obj.ref));
}

static struct load *load_new(struct kunit *test)
{
	struct load *load = kunit_kzalloc(test, sizeof(*load), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, load);
	return load;
}

static void disown_under_load(struct kunit *test)
{
	struct load *load = load_new(test);
	unsigned int round;

	for (round = 0; round < NR_ROUNDS; round++) {
		load_begin(test, load, round & 1);
		KUNIT_EXPECT_TRUE(test, bigref_disown(&load->obj.ref));
		bigref_put(&load->obj.ref);
		load_end(test, load);
	}
}

static void disown_async_under_load(struct kunit *test)
{
	struct load *load = load_new(test);
	unsigned int round;

	for (round = 0; round < NR_ROUNDS; round++) {
		load_begin(test, load, round & 1);
		KUNIT_EXPECT_TRUE(test, bigref_disown_async(&load->obj.ref,
							    bigref_put));
		load_end(test, load);
	}
}

/*
 * A thread that is bound to a CPU holds at most two references of its own, so
 * bigref_val() is off by at most two for each thread, in every mode.
 */
static void val_under_load(struct kunit *test)
{
	struct load *load = load_new(test);
	unsigned int nr = max(2U, num_online_cpus());
	unsigned long val;

	load_begin(test, load, true);
	while (!completion_done(&load->ready)) {
		val = bigref_val(&load->obj.ref);
		KUNIT_EXPECT_LE(test, val, 1 + 3 * nr);
		if (atomic_read(&load->nr_left) == nr)
			KUNIT_EXPECT_GE(test, val + 2 * nr, 1 + nr);
		cond_resched();
	}
	KUNIT_EXPECT_TRUE(test, bigref_disown(&load->obj.ref));
	bigref_put(&load->obj.ref);
	load_end(test, load);
}

#ifdef CONFIG_IRQ_WORK
/* All calls that are allowed in hard interrupt context, also with PREEMPT_RT */
struct hard {
	struct irq_work work;
	struct object obj;
	struct object adaptive;
	bool good;
};

static void hard_irq(struct irq_work *work)
{
	struct hard *hard = container_of(work, struct hard, work);
	struct bigref *ref = &hard->obj.ref;

	bigref_init(&hard->adaptive.ref, object_release, BIGREF_ADAPTIVE, GFP_ATOMIC);
	hard->good = bigref_destroy(&hard->adaptive.ref);
	bigref_get_many(ref, 5);
	hard->good &= bigref_tryget_live(ref);
	bigref_put_many(ref, 6);
	hard->good &= bigref_val(ref) == 1;
	hard->good &= bigref_disown_async(ref, bigref_put);
}

static void hard_irq_context(struct kunit *test)
{
	struct hard *hard = kunit_kzalloc(test, sizeof(*hard), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hard);
	object_begin(&hard->obj);
	hard->work = IRQ_WORK_INIT_HARD(hard_irq);
	irq_work_queue(&hard->work);
	irq_work_sync(&hard->work);
	wait_for_completion(&hard->obj.done);
	KUNIT_EXPECT_TRUE(test, hard->good);
	KUNIT_EXPECT_EQ(test, atomic_read(&hard->obj.released), 1);
}
#else
static void hard_irq_context(struct kunit *test)
{
	kunit_skip(test, "no irq_work");
}
#endif

#ifdef CONFIG_SMP

/* A count is percpu if it is not adaptive and percpu memory is available. */
static void expected_mode(struct kunit *test)
{
	bool want = !bigref_test_flags && !bigref_no_percpu;
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_EQ(test, bigref_is_percpu(&obj.ref), want);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
	object_finish(test, &obj);
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
}

static void destroyed_in_disown(struct kunit *test)
{
	struct object obj;
	bool refused = false;

	object_begin(&obj);
	/* No grace period ends while preemption is disabled. */
	scoped_guard(preempt)
		refused = bigref_disown_async(&obj.ref, object_exact) && !bigref_destroy(&obj.ref);
	KUNIT_EXPECT_TRUE(test, refused);
	wait_for_completion(&obj.done);
	expect_leaked(test, &obj, 0);
}

static void remote_get(void *ref)
{
	bigref_get(ref);
}

/* Alternate gets from two CPUs */
static void make_hot(struct bigref *ref, unsigned int gets)
{
	unsigned int i;

	for (i = 0; i < gets; i++)
		smp_call_function_single(bigref_test_cpu(i % 2), remote_get, ref, 1);
}

/* The number of all counters is not looked at: other users of bigref change it. */
static unsigned int nr_percpu(struct bigref *refs, unsigned int nr)
{
	unsigned int i, sum = 0;

	for (i = 0; i < nr; i++)
		sum += bigref_is_percpu(&refs[i]);
	return sum;
}

/* Adaptive counts without contention use no percpu memory. */
static void idle_has_no_counters(struct kunit *test)
{
	unsigned int i, nr = 10000, hot = 4711;
	unsigned long pages, gets = 0, end;
	struct bigref *refs;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	refs = kunit_kcalloc(test, nr, sizeof(*refs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, refs);
	bigref_flush();
	pages = bigref_percpu_pages();
	for (i = 0; i < nr; i++) {
		bigref_init(&refs[i], object_release, BIGREF_ADAPTIVE, GFP_KERNEL);
		make_hot(&refs[i], 2);
	}
	bigref_flush();
	KUNIT_EXPECT_EQ(test, nr_percpu(refs, nr), 0);
	/* The worker may fill the reserve of the allocator meanwhile. */
	KUNIT_EXPECT_LE(test, bigref_percpu_pages(), pages + 8 * num_possible_cpus());

	/* As long as the CPUs get their turns too seldom, the count stays shared. */
	end = jiffies + 120 * HZ;
	while (time_before(jiffies, end) && !bigref_is_percpu(&refs[hot])) {
		make_hot(&refs[hot], 300);
		gets += 300;
		bigref_flush();
		KUNIT_EXPECT_EQ(test, bigref_val(&refs[hot]), gets + 3);
	}
	KUNIT_EXPECT_TRUE(test, bigref_is_percpu(&refs[hot]));
	KUNIT_EXPECT_EQ(test, nr_percpu(refs, nr), 1);

	bigref_put_many(&refs[hot], gets);
	for (i = 0; i < nr; i++) {
		bigref_put_many(&refs[i], 2);
		KUNIT_ASSERT_TRUE(test, bigref_destroy(&refs[i]));
	}
	KUNIT_EXPECT_EQ(test, nr_percpu(refs, nr), 0);
}

/* A contended count stays shared while percpu memory is not available. */
static void hot_without_memory(struct kunit *test)
{
	struct object obj;
	unsigned int i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	bigref_no_percpu = true;
	bigref_init(&obj.ref, object_release, BIGREF_ADAPTIVE, GFP_KERNEL);
	for (i = 0; i < 5; i++) {
		make_hot(&obj.ref, 300);
		bigref_flush();
		KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
		KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 300 * (i + 1) + 1);
	}
	bigref_no_percpu = false;
	bigref_put_many(&obj.ref, 1500);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
}

/* Remove counts from the middle and both ends of the queue. */
static void leave_queue(struct kunit *test)
{
	struct object obj[5];
	unsigned long flags;
	unsigned int i;
	bool good;

	/* Wait until counts may be queued again. */
	while (!bigref_may_promote())
		schedule_timeout_uninterruptible(HZ / 10);
	for (i = 0; i < 5; i++) {
		object_begin(&obj[i]);
		KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj[i].ref));
		bigref_init(&obj[i].ref, object_release, BIGREF_ADAPTIVE, GFP_KERNEL);
	}
	local_irq_save(flags);
	for (i = 0; i < 5; i++)
		bigref_enqueue(&obj[i].ref);
	good = bigref_destroy(&obj[2].ref) && bigref_kill(&obj[4].ref) &&
	       bigref_destroy(&obj[0].ref);
	local_irq_restore(flags);
	KUNIT_EXPECT_TRUE(test, good);
	bigref_flush();
	KUNIT_EXPECT_EQ(test, atomic_read(&obj[4].released), 1);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, bigref_is_percpu(&obj[i].ref), i & 1);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj[1].ref));
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj[3].ref));
}

/* Counts that do not fit into the queue stay shared and correct. */
static void queue_full(struct kunit *test)
{
	static struct object objs[100];
	unsigned int i, nr_percpu = 0;
	unsigned long flags;

	bigref_flush();
	while (!bigref_may_promote())
		schedule_timeout_uninterruptible(HZ / 10);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		object_begin(&objs[i]);
	local_irq_save(flags);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		bigref_enqueue(&objs[i].ref);
	local_irq_restore(flags);
	bigref_flush();
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		nr_percpu += bigref_is_percpu(&objs[i].ref);
		KUNIT_EXPECT_EQ(test, bigref_val(&objs[i].ref), 1);
		KUNIT_EXPECT_TRUE(test, bigref_destroy(&objs[i].ref));
	}
	KUNIT_EXPECT_GT(test, nr_percpu, 0);
	KUNIT_EXPECT_LT(test, nr_percpu, ARRAY_SIZE(objs));
}

#else
/* UP has no percpu counts. */
static bool bigref_no_percpu;
#endif

/* A struct kunit_case stores its result, so each suite has its own array. */
#define DEFINE_CASES(name, ...)				\
static struct kunit_case name[] = {			\
	KUNIT_CASE(size),				\
	KUNIT_CASE(counts),				\
	KUNIT_CASE(released_once),			\
	KUNIT_CASE(trygets),				\
	KUNIT_CASE(disown_async),			\
	KUNIT_CASE(put_in_done),			\
	KUNIT_CASE(put_below_zero),			\
	KUNIT_CASE(put_owner_reference),		\
	KUNIT_CASE(get_after_zero),			\
	KUNIT_CASE(disowned_twice),			\
	KUNIT_CASE(destroyed_in_use),			\
	KUNIT_CASE_SLOW(disown_under_load),		\
	KUNIT_CASE_SLOW(disown_async_under_load),	\
	KUNIT_CASE_SLOW(val_under_load),		\
	KUNIT_CASE(hard_irq_context),			\
	BIGREF_OWNER_CASES				\
	__VA_ARGS__					\
	{}						\
}

#ifdef CONFIG_SMP
DEFINE_CASES(bigref_cases,
	     KUNIT_CASE(expected_mode),
	     KUNIT_CASE(bigref_test_counters_freed),
	     KUNIT_CASE(destroyed_in_disown),
	     KUNIT_CASE(bigref_test_nr_in_use),
	     KUNIT_CASE(bigref_test_resurrect_race),
);

DEFINE_CASES(no_memory_cases,
	     KUNIT_CASE(expected_mode),
	     KUNIT_CASE(bigref_test_counters_freed),
);

DEFINE_CASES(adaptive_cases,
	     KUNIT_CASE(expected_mode),
	     KUNIT_CASE(bigref_test_counters_freed),
	     KUNIT_CASE(bigref_test_promoted_freed),
	     KUNIT_CASE_SLOW(idle_has_no_counters),
	     KUNIT_CASE(hot_without_memory),
	     KUNIT_CASE(leave_queue),
	     KUNIT_CASE(queue_full),
);
#else
DEFINE_CASES(bigref_cases);
DEFINE_CASES(no_memory_cases);
DEFINE_CASES(adaptive_cases);
#endif

static struct kunit_suite bigref_suite = {
	.name = "bigref",
	.test_cases = bigref_cases,
};

static int no_memory_init(struct kunit_suite *suite)
{
	bigref_no_percpu = true;
	return 0;
}

static int adaptive_init(struct kunit_suite *suite)
{
	bigref_test_flags = BIGREF_ADAPTIVE;
	return 0;
}

static void restore_defaults(struct kunit_suite *suite)
{
	bigref_no_percpu = false;
	bigref_test_flags = 0;
}

static struct kunit_suite no_memory_suite = {
	.name = "bigref_no_memory",
	.suite_init = no_memory_init,
	.suite_exit = restore_defaults,
	.test_cases = no_memory_cases,
};

static struct kunit_suite adaptive_suite = {
	.name = "bigref_adaptive",
	.suite_init = adaptive_init,
	.suite_exit = restore_defaults,
	.test_cases = adaptive_cases,
};

kunit_test_suites(&bigref_suite, &no_memory_suite, &adaptive_suite);

MODULE_DESCRIPTION("KUnit tests of bigref");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
