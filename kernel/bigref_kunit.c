// SPDX-License-Identifier: GPL-2.0-only
/*
 * bigref, through its interface.  On SMP everything is tried three times: with
 * percpu memory, without any, and with counts that may take some.
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

#define NR_ROUNDS	20
#define NR_OPS		20000

struct object {
	struct bigref ref;
	atomic_t released;
	struct completion gone;
};

static unsigned int test_flags;
static unsigned int reports_before;

static void object_release(struct bigref *ref)
{
	struct object *obj = container_of(ref, struct object, ref);

	atomic_inc(&obj->released);
	complete(&obj->gone);
}

static unsigned int nr_reports(void)
{
	return atomic_read(&bigref_nr_reports);
}

static void object_begin(struct object *obj)
{
	reports_before = nr_reports();
	bigref_init(&obj->ref, test_flags, GFP_KERNEL);
	atomic_set(&obj->released, 0);
	init_completion(&obj->gone);
}

/* done of an async disown: the owner leaves */
static void object_leave(struct bigref *ref)
{
	bigref_put(ref, object_release);
}

static void object_stay(struct bigref *ref)
{
	complete(&container_of(ref, struct object, ref)->gone);
}

/* A used up object, with nothing left */
static void object_finish(struct kunit *test, struct object *obj)
{
	object_begin(obj);
	KUNIT_ASSERT_TRUE(test, bigref_disown(&obj->ref));
	bigref_put(&obj->ref, object_release);
	KUNIT_ASSERT_EQ(test, atomic_read(&obj->released), 1);
}

/* What went wrong has been reported once, and what follows is not. */
static void expect_leaked(struct kunit *test, struct object *obj, int released)
{
	KUNIT_EXPECT_EQ(test, nr_reports(), reports_before + 1);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj->ref), BIGREF_VAL_SATURATED);
	KUNIT_EXPECT_FALSE(test, bigref_is_zero(&obj->ref));
	KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj->ref));
	bigref_get(&obj->ref);
	bigref_put_many(&obj->ref, 3, object_release);
	KUNIT_EXPECT_FALSE(test, bigref_tryget_live(&obj->ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj->ref), BIGREF_VAL_SATURATED);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj->released), released);
	KUNIT_EXPECT_EQ(test, nr_reports(), reports_before + 1);
}

static void size(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, sizeof(struct bigref), 16);
}

static void counts(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	bigref_get(&obj.ref);
	bigref_get_many(&obj.ref, 1000);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1002);
	bigref_put_many(&obj.ref, 1000, object_release);
	KUNIT_EXPECT_TRUE(test, bigref_tryget(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_tryget_many(&obj.ref, 10));
	KUNIT_EXPECT_TRUE(test, bigref_tryget_live(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 14);
	bigref_put_many(&obj.ref, 12, object_release);
	bigref_put(&obj.ref, object_release);
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
	bigref_put(&obj.ref, object_release);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 3);
	bigref_get(&obj.ref);
	bigref_put_many(&obj.ref, 2, object_release);
	bigref_put(&obj.ref, object_release);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 0);
	KUNIT_EXPECT_FALSE(test, bigref_is_zero(&obj.ref));
	bigref_put(&obj.ref, object_release);
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
	bigref_put_many(&obj.ref, 2, object_release);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 1);
	KUNIT_EXPECT_FALSE(test, bigref_tryget(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_tryget_live(&obj.ref));
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
}

static void disown_async(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	bigref_get(&obj.ref);
	KUNIT_EXPECT_TRUE(test, bigref_disown_async(&obj.ref, object_stay));
	bigref_get(&obj.ref);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 3);
	bigref_put_many(&obj.ref, 2, object_release);
	wait_for_completion(&obj.gone);
	KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 0);
	bigref_put(&obj.ref, object_release);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 1);
}

static void leave_when_done(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown_async(&obj.ref, object_leave));
	wait_for_completion(&obj.gone);
	KUNIT_EXPECT_EQ(test, atomic_read(&obj.released), 1);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&obj.ref));
}

static void put_below_zero(struct kunit *test)
{
	struct object obj;

	object_finish(test, &obj);
	bigref_put(&obj.ref, object_release);
	expect_leaked(test, &obj, 1);

	object_begin(&obj);
	bigref_disown(&obj.ref);
	bigref_put_many(&obj.ref, 2, object_release);
	expect_leaked(test, &obj, 0);
}

/* More puts than gets do no harm before the disown, and are found then. */
static void put_of_the_owners(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	bigref_put(&obj.ref, object_release);
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

/* The word wraps: far above what memory for references could be had for. */
static void too_many_gets(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	bigref_get_many(&obj.ref, LONG_MAX);
	KUNIT_EXPECT_EQ(test, nr_reports(), reports_before);
	bigref_get(&obj.ref);
	expect_leaked(test, &obj, 0);

	object_begin(&obj);
	bigref_get_many(&obj.ref, LONG_MAX);
	KUNIT_EXPECT_FALSE(test, bigref_disown(&obj.ref));
	expect_leaked(test, &obj, 0);
}

static void disowned_twice(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown(&obj.ref));
	KUNIT_EXPECT_FALSE(test, bigref_disown(&obj.ref));
	expect_leaked(test, &obj, 0);

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown_async(&obj.ref, object_stay));
	KUNIT_EXPECT_FALSE(test, bigref_disown_async(&obj.ref, object_release));
	wait_for_completion(&obj.gone);
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

/* Every thread takes references; the next one puts them. */
struct crowd {
	struct object obj;
	struct completion ready;
	atomic_t nr_left;
	atomic_t nr_early;
	bool stop;
};

static int crowd_thread(void *data)
{
	struct crowd *crowd = data;
	unsigned int i;

	for (i = 0; i < NR_OPS && !READ_ONCE(crowd->stop); i++) {
		bigref_get(&crowd->obj.ref);
		if (bigref_tryget(&crowd->obj.ref))
			bigref_put(&crowd->obj.ref, object_release);
		if (i % 64 == 0)
			cond_resched();
		if (atomic_read(&crowd->obj.released))
			atomic_inc(&crowd->nr_early);
		bigref_put(&crowd->obj.ref, object_release);
	}
	if (atomic_dec_and_test(&crowd->nr_left))
		complete(&crowd->ready);
	/* The one it was given */
	bigref_put(&crowd->obj.ref, object_release);
	return 0;
}

static void crowd_begin(struct kunit *test, struct crowd *crowd, bool bound)
{
	unsigned int nr = max(2U, num_online_cpus()), i;
	struct task_struct *task;

	object_begin(&crowd->obj);
	init_completion(&crowd->ready);
	atomic_set(&crowd->nr_left, nr);
	atomic_set(&crowd->nr_early, 0);
	crowd->stop = false;
	for (i = 0; i < nr; i++) {
		bigref_get(&crowd->obj.ref);
		task = kthread_create(crowd_thread, crowd, "bigref/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		if (bound)
			kthread_bind(task, i % num_online_cpus());
		wake_up_process(task);
	}
}

static void crowd_end(struct kunit *test, struct crowd *crowd)
{
	wait_for_completion(&crowd->obj.gone);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->obj.released), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->nr_early), 0);
	KUNIT_EXPECT_TRUE(test, bigref_is_zero(&crowd->obj.ref));
}

static struct crowd *crowd_new(struct kunit *test)
{
	struct crowd *crowd = kunit_kzalloc(test, sizeof(*crowd), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	return crowd;
}

static void disown_in_a_crowd(struct kunit *test)
{
	struct crowd *crowd = crowd_new(test);
	unsigned int round;

	for (round = 0; round < NR_ROUNDS; round++) {
		crowd_begin(test, crowd, round & 1);
		KUNIT_EXPECT_TRUE(test, bigref_disown(&crowd->obj.ref));
		bigref_put(&crowd->obj.ref, object_release);
		crowd_end(test, crowd);
	}
}

static void async_in_a_crowd(struct kunit *test)
{
	struct crowd *crowd = crowd_new(test);
	unsigned int round;

	for (round = 0; round < NR_ROUNDS; round++) {
		crowd_begin(test, crowd, round & 1);
		KUNIT_EXPECT_TRUE(test, bigref_disown_async(&crowd->obj.ref,
							    object_leave));
		crowd_end(test, crowd);
	}
}

/*
 * Threads that stay on their CPU have no more than two references each, the
 * one they were given aside: so far may a look be off, whatever mode changes.
 */
static void val_in_a_crowd(struct kunit *test)
{
	struct crowd *crowd = crowd_new(test);
	unsigned int nr = max(2U, num_online_cpus());
	unsigned long val;

	crowd_begin(test, crowd, true);
	while (!completion_done(&crowd->ready)) {
		val = bigref_val(&crowd->obj.ref);
		KUNIT_EXPECT_LE(test, val, 1 + 3 * nr);
		if (atomic_read(&crowd->nr_left) == nr)
			KUNIT_EXPECT_GE(test, val + 2 * nr, 1 + nr);
		cond_resched();
	}
	KUNIT_EXPECT_TRUE(test, bigref_disown(&crowd->obj.ref));
	bigref_put(&crowd->obj.ref, object_release);
	crowd_end(test, crowd);
}

#ifdef CONFIG_IRQ_WORK
/* All that may be done in hard interrupt context */
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

	bigref_init(&hard->adaptive.ref, BIGREF_ADAPTIVE, GFP_ATOMIC);
	hard->good = bigref_destroy(&hard->adaptive.ref);
	bigref_get_many(ref, 5);
	hard->good &= bigref_tryget_live(ref);
	bigref_put_many(ref, 6, object_release);
	hard->good &= bigref_val(ref) == 1;
	hard->good &= bigref_disown_async(ref, object_leave);
}

static void hard_irq_context(struct kunit *test)
{
	struct hard *hard = kunit_kzalloc(test, sizeof(*hard), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hard);
	object_begin(&hard->obj);
	hard->work = IRQ_WORK_INIT_HARD(hard_irq);
	irq_work_queue(&hard->work);
	irq_work_sync(&hard->work);
	wait_for_completion(&hard->obj.gone);
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

/* Percpu exactly if it was asked for and there is memory */
static void right_mode(struct kunit *test)
{
	bool want = !test_flags && !bigref_no_percpu;
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_EQ(test, bigref_is_percpu(&obj.ref), want);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
	object_finish(test, &obj);
	KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
}

/* More than are kept, so that some are freed */
static void counters_come_back(struct kunit *test)
{
	static struct object objs[100];
	unsigned int before, i;

	bigref_flush();
	before = bigref_nr_in_use();
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		object_begin(&objs[i]);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		bigref_get_many(&objs[i].ref, i + 1);
		KUNIT_EXPECT_EQ(test, bigref_val(&objs[i].ref), i + 2);
		if (i & 1) {
			bigref_put_many(&objs[i].ref, i + 1, object_release);
			KUNIT_EXPECT_TRUE(test, bigref_destroy(&objs[i].ref));
			continue;
		}
		bigref_disown_async(&objs[i].ref, object_leave);
		bigref_put_many(&objs[i].ref, i + 1, object_release);
	}
	bigref_flush();
	KUNIT_EXPECT_EQ(test, bigref_nr_in_use(), before);
	for (i = 0; i < ARRAY_SIZE(objs); i += 2)
		KUNIT_EXPECT_EQ(test, atomic_read(&objs[i].released), 1);

	bigref_counters_trim();
	KUNIT_EXPECT_EQ(test, bigref_nr_at_hand(), 0);
	KUNIT_EXPECT_EQ(test, bigref_nr_in_use(), before);
}

static void destroyed_in_disown(struct kunit *test)
{
	struct object obj;

	object_begin(&obj);
	KUNIT_EXPECT_TRUE(test, bigref_disown_async(&obj.ref, object_stay));
	KUNIT_EXPECT_FALSE(test, bigref_destroy(&obj.ref));
	wait_for_completion(&obj.gone);
	expect_leaked(test, &obj, 0);
}

/*
 * Adaptive counts
 */
static void remote_get(void *ref)
{
	bigref_get(ref);
}

/* Gets from two CPUs in turn */
static void make_hot(struct bigref *ref, unsigned int gets)
{
	unsigned int i;

	for (i = 0; i < gets; i++)
		smp_call_function_single(i % 2, remote_get, ref, 1);
}

static void idle_is_free(struct kunit *test)
{
	unsigned int i, nr = 10000, before, tries, hot = 4711;
	unsigned long pages, gets = 0;
	struct bigref *refs;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	refs = kunit_kcalloc(test, nr, sizeof(*refs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, refs);
	bigref_flush();
	before = bigref_nr_in_use();
	pages = pcpu_nr_pages();
	for (i = 0; i < nr; i++) {
		bigref_init(&refs[i], BIGREF_ADAPTIVE, GFP_KERNEL);
		make_hot(&refs[i], 2);
	}
	bigref_flush();
	KUNIT_EXPECT_EQ(test, bigref_nr_in_use(), before);
	KUNIT_EXPECT_LE(test, pcpu_nr_pages(), pages);

	for (tries = 0; tries < 50 && !bigref_is_percpu(&refs[hot]); tries++) {
		make_hot(&refs[hot], 300);
		gets += 300;
		bigref_flush();
		KUNIT_EXPECT_EQ(test, bigref_val(&refs[hot]), gets + 3);
	}
	KUNIT_EXPECT_TRUE(test, bigref_is_percpu(&refs[hot]));
	KUNIT_EXPECT_EQ(test, bigref_nr_in_use(), before + 1);

	bigref_put_many(&refs[hot], gets, object_release);
	for (i = 0; i < nr; i++) {
		bigref_put_many(&refs[i], 2, object_release);
		KUNIT_ASSERT_TRUE(test, bigref_destroy(&refs[i]));
	}
	KUNIT_EXPECT_EQ(test, bigref_nr_in_use(), before);
}

/* A hot count without memory stays a count, and is not asked for every time. */
static void hot_without_memory(struct kunit *test)
{
	struct object obj;
	unsigned int i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	bigref_no_percpu = true;
	bigref_init(&obj.ref, BIGREF_ADAPTIVE, GFP_KERNEL);
	for (i = 0; i < 5; i++) {
		make_hot(&obj.ref, 300);
		bigref_flush();
		KUNIT_EXPECT_FALSE(test, bigref_is_percpu(&obj.ref));
		KUNIT_EXPECT_EQ(test, bigref_val(&obj.ref), 300 * (i + 1) + 1);
	}
	bigref_no_percpu = false;
	bigref_put_many(&obj.ref, 1500, object_release);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj.ref));
}

/* Counts that leave the queue from its middle and ends */
static void leave_the_queue(struct kunit *test)
{
	struct object obj[5];
	unsigned long flags;
	unsigned int i;

	/* For the worker to be asked again */
	while (!bigref_may_queue())
		schedule_timeout_uninterruptible(HZ / 10);
	for (i = 0; i < 5; i++) {
		object_begin(&obj[i]);
		bigref_destroy(&obj[i].ref);
		bigref_init(&obj[i].ref, BIGREF_ADAPTIVE, GFP_KERNEL);
	}
	local_irq_save(flags);
	for (i = 0; i < 5; i++)
		bigref_enqueue(&obj[i].ref);
	bigref_destroy(&obj[2].ref);
	bigref_disown_async(&obj[4].ref, object_leave);
	bigref_destroy(&obj[0].ref);
	local_irq_restore(flags);
	bigref_flush();
	KUNIT_EXPECT_EQ(test, atomic_read(&obj[4].released), 1);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, bigref_is_percpu(&obj[i].ref), i & 1);
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj[1].ref));
	KUNIT_EXPECT_TRUE(test, bigref_destroy(&obj[3].ref));
}

/* More hot counts at once than the queue takes: the others lose nothing. */
static void the_queue_ends(struct kunit *test)
{
	static struct object objs[100];
	unsigned int i, nr_percpu = 0;
	unsigned long flags;

	bigref_flush();
	while (!bigref_may_queue())
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
/* There is none, and nothing to tell. */
static bool bigref_no_percpu;
#endif

/* A case keeps its result, so each suite has its own. */
#define DEFINE_CASES(name, ...)				\
static struct kunit_case name[] = {			\
	KUNIT_CASE(size),				\
	KUNIT_CASE(counts),				\
	KUNIT_CASE(released_once),			\
	KUNIT_CASE(trygets),				\
	KUNIT_CASE(disown_async),			\
	KUNIT_CASE(leave_when_done),			\
	KUNIT_CASE(put_below_zero),			\
	KUNIT_CASE(put_of_the_owners),			\
	KUNIT_CASE(get_after_zero),			\
	KUNIT_CASE(too_many_gets),			\
	KUNIT_CASE(disowned_twice),			\
	KUNIT_CASE(destroyed_in_use),			\
	KUNIT_CASE_SLOW(disown_in_a_crowd),		\
	KUNIT_CASE_SLOW(async_in_a_crowd),		\
	KUNIT_CASE_SLOW(val_in_a_crowd),		\
	KUNIT_CASE(hard_irq_context),			\
	__VA_ARGS__					\
	{}						\
}

#ifdef CONFIG_SMP
DEFINE_CASES(bigref_cases,
	     KUNIT_CASE(right_mode),
	     KUNIT_CASE(counters_come_back),
	     KUNIT_CASE(destroyed_in_disown),
);

DEFINE_CASES(no_memory_cases,
	     KUNIT_CASE(right_mode),
	     KUNIT_CASE(counters_come_back),
);

DEFINE_CASES(adaptive_cases,
	     KUNIT_CASE(right_mode),
	     KUNIT_CASE(counters_come_back),
	     KUNIT_CASE_SLOW(idle_is_free),
	     KUNIT_CASE(hot_without_memory),
	     KUNIT_CASE(leave_the_queue),
	     KUNIT_CASE(the_queue_ends),
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

static void no_memory_exit(struct kunit_suite *suite)
{
	bigref_no_percpu = false;
}

static int adaptive_init(struct kunit_suite *suite)
{
	test_flags = BIGREF_ADAPTIVE;
	return 0;
}

static void adaptive_exit(struct kunit_suite *suite)
{
	test_flags = 0;
}

static struct kunit_suite no_memory_suite = {
	.name = "bigref_no_memory",
	.suite_init = no_memory_init,
	.suite_exit = no_memory_exit,
	.test_cases = no_memory_cases,
};

static struct kunit_suite adaptive_suite = {
	.name = "bigref_adaptive",
	.suite_init = adaptive_init,
	.suite_exit = adaptive_exit,
	.test_cases = adaptive_cases,
};

kunit_test_suites(&bigref_suite, &no_memory_suite, &adaptive_suite);
