// SPDX-License-Identifier: GPL-2.0-only
/*
 * kill: the end of a kill, as another CPU sees it before each access to a shared word.
 *
 * As soon as the kill looks over to a waiter, the owner's reference must be gone, and
 * with no other reference the count must be zero.  The waiter may then end the object or
 * make it live again, and the kill must not access the count any more.  A waiter that
 * sleeps must be woken when the kill is over.  Until then an end of the object is refused.
 * Each kind of kill is repeated with a waiter that acts one step later each time.
 *
 * A tryget of a live count is interrupted by a whole kill, before each of its accesses: it
 * must not succeed once the confirm of the kill was called.
 *
 * A kill or disown of a count without counters is interrupted by that of another one, before
 * each of its accesses and those of the callback: a callback that serves the other count
 * must be queued then, or run, as the first task may not get a CPU for any time.  If both
 * calls have returned, one bigref_barrier() waits for both.  The same for a switch that is
 * interrupted by a kill or disown of its count.
 */
#include <setjmp.h>

#include "bigref_internal.h"

enum kind { PERCPU, SWITCHING, SHARED, NOW, NR_KINDS };
static const char * const kind_names[] = { "percpu", "switching", "shared", "now" };

enum act { LOOK, FREE, REVIVE, DESTROY_EARLY, EXIT_EARLY, NR_ACTS };
static const char * const act_names[] = {
	"look", "free", "revive", "destroy early", "exit early",
};

#define POISON		0x5a
#define NR_HELD		3	/* references of others, less than this */

static struct bigref_req req;
static struct bigref ref;

static struct {
	struct rcu_head *rcu;
	void (*func)(struct rcu_head *rcu);
} callback;

/* One run: its parameters, and what has happened */
static struct {
	enum kind kind;
	enum act act;
	bool confirm;
	unsigned int held;
	unsigned int act_at;
	bool observed;
	bool inside;		/* the other CPU runs */
	unsigned int nr_steps;	/* at which the other CPU might have acted */
	unsigned int nr_released;
	unsigned int nr_confirmed;
	bool gone;		/* the object is freed or leaked */
	bool asleep;		/* the other CPU waits for the end of the kill */
} run;

/* A tryget: the step at which a kill comes, and how far that one has got */
static struct {
	unsigned int steps_left;
	bool active;
	bool confirmed;
	unsigned int nr_readers;
	jmp_buf in_confirm;
} tryget;

/* A disown or switch, and the step at which another CPU disowns @target */
static struct {
	struct bigref other;
	struct bigref *target;
	bool kill;
	unsigned int steps_left;
	bool active;
	bool in_callback;
	unsigned int nr_over;
} pair;

static unsigned int nr_runs;

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "kill: %s, %s%s, %u references left, step %u: %s\n",
		kind_names[run.kind], act_names[run.act],
		run.confirm ? ", confirm" : "", run.held, run.act_at, what);
	exit(1);
}

/* kernel/bigref_counters.c for one count */
unsigned long *bigref_counters_alloc(gfp_t gfp)
{
	memset(counters, 0, sizeof(counters));
	return counters;
}

void bigref_counters_free(unsigned long *counters)
{
}

void bigref_counters_free_deferred(unsigned long *counters)
{
}

struct bigref_req *bigref_req_of(unsigned long *counters)
{
	return &req;
}

unsigned long *bigref_counters_of(struct bigref_req *req)
{
	return counters;
}

unsigned long bigref_counters_take(unsigned long *from)
{
	unsigned long sum = bigref_counters_sum(from);

	memset(counters, 0, sizeof(counters));
	return sum;
}

void bigref_counters_clear(unsigned long *from)
{
	memset(counters, 0, sizeof(counters));
}

/*
 * The other CPU
 */

/* Return true if bigref_switch_to_exact() would return: it spins during the last put. */
static bool looks_over(void)
{
	return bigref_is_dying(&ref) && !bigref_is_in_progress(&ref) &&
	       ref.count.counter != -1 &&
	       (ref.count.counter != BIGREF_COUNT_DEAD || ref.mode == BIGREF_ENDED);
}

static void put_held(void)
{
	while (run.held) {
		run.held--;
		bigref_put(&ref);
	}
}

static bool is_early(void)
{
	return run.act == DESTROY_EARLY || run.act == EXIT_EARLY;
}

static void act(void)
{
	run.gone = true;
	switch (run.act) {
	case DESTROY_EARLY:
		check(!bigref_destroy(&ref), "destroyed during a kill");
		return;
	case EXIT_EARLY:
		check(bigref_exit(&ref) == BIGREF_VAL_SATURATED, "exit during a kill");
		return;
	case REVIVE:
		check(bigref_resurrect(&ref, 0, GFP_KERNEL), "no resurrect");
		put_held();
		check(bigref_destroy(&ref), "cannot be destroyed after a resurrect");
		break;
	default:
		put_held();
	}
	check(bigref_is_zero(&ref), "not zero at the end");
	memset(&ref, POISON, sizeof(ref));
}

static void look(void)
{
	bool in_progress;

	if (run.gone)
		return;
	in_progress = bigref_is_in_progress(&ref);
	run.asleep |= in_progress;
	if (looks_over()) {
		check(bigref_is_zero(&ref) == !run.held, "over, and zero is wrong");
		check(bigref_val(&ref) == run.held,
		      "over, and the owner's reference is left");
	}
	if (is_early() ? in_progress : looks_over())
		run.nr_steps++;
	if (run.act != LOOK && run.nr_steps == run.act_at)
		act();
}

static void run_callback(void)
{
	struct rcu_head *rcu = callback.rcu;

	callback.rcu = NULL;
	if (rcu)
		callback.func(rcu);
}

/* The confirm does not return before the tryget has. */
static void stay_in_confirm(struct bigref *unused)
{
	tryget.confirmed = true;
	longjmp(tryget.in_confirm, 1);
}

/* The other CPU kills.  The grace period ends unless the tryget is in a reader. */
static void kill_meanwhile(void)
{
	tryget.nr_readers = shim_nr_readers;
	shim_nr_readers = 0;
	if (!setjmp(tryget.in_confirm)) {
		check(bigref_kill_and_confirm(&ref, stay_in_confirm), "no kill");
		if (!tryget.nr_readers)
			run_callback();
	}
	shim_nr_readers = tryget.nr_readers;
}

static void pair_over(struct bigref *unused)
{
	pair.nr_over++;
}

static void disown_one(struct bigref *count)
{
	if (pair.kill)
		check(bigref_kill_and_confirm(count, pair_over), "no kill");
	else
		check(bigref_disown_async(count, pair_over), "no disown");
}

/* The other CPU disowns or kills a count, and the first CPU stands still. */
static void disown_other(void)
{
	disown_one(pair.target);
	check(callback.rcu || pair.in_callback, "pending, and no callback is queued");
}

void shim_step(void)
{
	if (tryget.active && !--tryget.steps_left) {
		tryget.active = false;
		kill_meanwhile();
	}
	if (pair.active && !shim_nr_locked && !--pair.steps_left) {
		pair.active = false;
		disown_other();
	}
	if (!run.observed || run.inside)
		return;
	run.inside = true;
	look();
	run.inside = false;
}

void shim_wake(void)
{
	bool inside = run.inside;

	run.inside = true;
	if (run.gone || !bigref_is_in_progress(&ref))
		run.asleep = false;
	run.inside = inside;
}

void shim_stuck(void)
{
	check(false, "would wait for ever");
}

void shim_call_rcu(struct rcu_head *rcu, void (*func)(struct rcu_head *rcu))
{
	check(!callback.rcu, "two callbacks");
	callback.rcu = rcu;
	callback.func = func;
}

/* Callbacks that these callbacks queue are not waited for. */
void shim_rcu_barrier(void)
{
	run_callback();
}

/*
 * The CPU that kills
 */
static void release(struct bigref *unused)
{
	run.nr_released++;
}

static void count_confirm(struct bigref *unused)
{
	run.nr_confirmed++;
	shim_step();
	if (run.gone)
		return;
	run.inside = true;
	check(bigref_val(&ref) == run.held + 1, "the value is wrong in the confirm");
	check(!bigref_tryget_live(&ref), "live in the confirm");
	run.inside = false;
}

static bool is_poison(void)
{
	const unsigned char *byte = (const unsigned char *)&ref;
	size_t i;

	for (i = 0; i < sizeof(ref); i++)
		if (byte[i] != POISON)
			return false;
	return true;
}

/* Return false if there are fewer steps at which the waiter could act. */
static bool one_kill(enum kind kind, enum act act, bool confirmed, unsigned int held,
		     unsigned int act_at)
{
	unsigned int i;
	bool good;

	memset(&run, 0, sizeof(run));
	run.kind = kind;
	run.act = act;
	run.confirm = confirmed;
	run.act_at = act_at;
	bigref_init(&ref, release,
		    kind == SHARED || kind == NOW ? BIGREF_INIT_EXACT : 0, GFP_KERNEL);
	for (i = 0; i < held; i++) {
		shim_cpu = i % CPUS;
		bigref_get(&ref);
	}
	run.held = held;
	if (kind == SWITCHING)
		bigref_switch_to_exact_async(&ref);
	run.observed = true;
	if (kind == NOW)
		good = bigref_kill_now(&ref);
	else
		good = bigref_kill_and_confirm(&ref, confirmed ? count_confirm : NULL);
	run_callback();
	shim_step();
	run.observed = false;
	run_callback();
	check(!run.asleep, "a waiter sleeps for ever");
	check(run.nr_confirmed == confirmed, "confirmed");
	nr_runs++;
	if (run.gone && is_early()) {
		check(!run.nr_released, "released after misuse");
		check(bigref_val(&ref) == BIGREF_VAL_SATURATED, "not leaked after misuse");
		bigref_nr_reports.counter--;
	} else {
		check(good, "no kill");
		check(!run.gone || is_poison(), "accessed after the end");
		if (!run.gone)
			put_held();
		check(run.nr_released == !(run.gone && act == REVIVE && held), "released");
	}
	check(!bigref_nr_reports.counter, "reports");
	return run.nr_steps >= act_at;
}

/* A resurrect with references left looks like a kill in progress until its end. */
static void test_resurrect(void)
{
	memset(&run, 0, sizeof(run));
	run.held = 1;
	bigref_init(&ref, release, 0, GFP_KERNEL);
	bigref_get(&ref);
	check(bigref_kill(&ref), "no kill");
	run_callback();
	run.observed = true;
	check(bigref_resurrect(&ref, 0, GFP_KERNEL), "no resurrect");
	shim_step();
	run.observed = false;
	check(!run.asleep, "a waiter sleeps for ever");
	check(bigref_val(&ref) == 2, "the value is wrong after a resurrect");
}

/* Make the count of a run, and begin to switch it if the run is of that kind. */
static void begin_ref(enum kind kind, unsigned int act_at)
{
	memset(&run, 0, sizeof(run));
	run.kind = kind;
	run.act_at = act_at;
	bigref_init(&ref, release, kind == SHARED ? BIGREF_INIT_EXACT : 0, GFP_KERNEL);
	if (kind == SWITCHING)
		bigref_switch_to_exact_async(&ref);
}

/* A switch to percpu does not wait for a kill or disown, and changes nothing then. */
static void one_no_switch(enum kind kind, bool kill)
{
	memset(&pair, 0, sizeof(pair));
	pair.kill = kill;
	begin_ref(kind, 0);
	disown_one(&ref);
	bigref_switch_to_percpu(&ref, GFP_KERNEL);
	check(bigref_is_in_progress(&ref), "the kill is over too early");
	bigref_barrier();
	bigref_switch_to_percpu(&ref, GFP_KERNEL);
	check(pair.nr_over == 1 && !bigref_is_percpu(&ref), "percpu after a kill");
	check(bigref_val(&ref) == !kill, "the value is wrong after a switch to percpu");
	nr_runs++;
}

/* Return false if the tryget has fewer steps. */
static bool one_tryget(enum kind kind, unsigned int act_at)
{
	bool taken, reached;

	memset(&tryget, 0, sizeof(tryget));
	begin_ref(kind, act_at);
	tryget.steps_left = act_at;
	tryget.active = true;
	taken = bigref_tryget_live(&ref);
	reached = !tryget.active;
	tryget.active = false;
	check(!shim_nr_readers, "unbalanced");
	check(reached || taken, "a live count was not taken");
	check(!taken || !tryget.confirmed, "taken live after the confirm");
	if (!tryget.confirmed && !setjmp(tryget.in_confirm))
		run_callback();
	shim_nr_readers = 0;
	check(!reached || tryget.confirmed, "confirmed");
	check(!reached || bigref_val(&ref) == 1 + taken, "the value is wrong in the confirm");
	/* The confirm never returns: forget its list of counts. */
	bigref_mode_begin_pending(true, NULL);
	nr_runs++;
	return reached;
}

/* Make the count that the first CPU disowns or switches, for a pair that is not active yet. */
static void begin_pair(enum kind kind, bool kill, unsigned int act_at)
{
	memset(&run, 0, sizeof(run));
	memset(&pair, 0, sizeof(pair));
	run.kind = kind;
	run.act_at = act_at;
	bigref_init(&ref, NULL, kind == SHARED ? BIGREF_INIT_EXACT : 0, GFP_KERNEL);
	pair.kill = kill;
	pair.steps_left = act_at;
}

/* Return false if the disown of the first count and its callback have fewer steps. */
static bool one_pair(bool kill, unsigned int act_at)
{
	bool reached;

	begin_pair(SHARED, kill, act_at);
	bigref_init(&pair.other, NULL, BIGREF_INIT_EXACT, GFP_KERNEL);
	pair.target = &pair.other;
	pair.active = true;
	disown_one(&ref);
	if (!pair.active) {
		bigref_barrier();
		check(pair.nr_over == 2, "not called before the barrier has returned");
	}
	pair.in_callback = true;
	run_callback();
	pair.in_callback = false;
	reached = !pair.active;
	pair.active = false;
	run_callback();
	check(pair.nr_over == 1 + reached && !callback.rcu, "not called in the end");
	check(bigref_val(&ref) == !kill, "the value is wrong in the end");
	check(bigref_val(&pair.other) == !(kill && reached),
	      "the value of the other count is wrong in the end");
	nr_runs++;
	return reached;
}

/* Return false if the switch has fewer steps. */
static bool one_switch(bool kill, unsigned int act_at)
{
	bool reached;

	begin_pair(SWITCHING, kill, act_at);
	pair.target = &ref;
	pair.active = true;
	bigref_switch_to_exact_async(&ref);
	reached = !pair.active;
	pair.active = false;
	bigref_barrier();
	check(pair.nr_over == reached, "not called before the barrier has returned");
	check(bigref_val(&ref) == !(kill && reached), "the value is wrong in the end");
	nr_runs++;
	return reached;
}

int main(void)
{
	unsigned int kind, act, confirmed, held, act_at;

	for (kind = 0; kind < NR_KINDS; kind++)
		for (act = 0; act < NR_ACTS; act++)
			for (confirmed = 0; confirmed <= (kind != NOW); confirmed++)
				for (held = 0; held < NR_HELD; held++)
					for (act_at = 1; one_kill(kind, act, confirmed,
								  held, act_at); act_at++)
						;
	for (kind = PERCPU; kind <= SHARED; kind++)
		for (act_at = 1; one_tryget(kind, act_at); act_at++)
			;
	for (act_at = 1; one_pair(true, act_at); act_at++)
		;
	for (act_at = 1; one_pair(false, act_at); act_at++)
		;
	for (act_at = 1; one_switch(true, act_at); act_at++)
		;
	for (act_at = 1; one_switch(false, act_at); act_at++)
		;
	for (kind = PERCPU; kind <= SHARED; kind++) {
		one_no_switch(kind, true);
		one_no_switch(kind, false);
	}
	test_resurrect();
	printf("kill, %d bits: ok, %u runs\n", BITS_PER_LONG, nr_runs);
	return 0;
}
