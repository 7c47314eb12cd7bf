/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The count of the users of a request queue, q_usage_counter, as a percpu_ref or,
 * with BLOCK_BIGREF, as a bigref: what differs between both.
 *
 * The count stays atomic, and a freeze needs no grace period, until the queue is
 * registered, and again after its first runtime suspend or when its disk is gone.
 */
#ifndef BLK_USAGE_H
#define BLK_USAGE_H

#include <linux/blkdev.h>

#ifdef CONFIG_BLOCK_BIGREF
static inline int blk_usage_init(struct request_queue *q, bigref_func_t *release)
{
	q->q_usage_exact = true;
	bigref_init(&q->q_usage_counter, release, BIGREF_INIT_EXACT, GFP_KERNEL);
	return 0;
}

static inline void blk_usage_kill(struct request_queue *q)
{
	lockdep_assert_held(&q->mq_freeze_lock);
	/*
	 * A tryget on a percpu count is no barrier: a CPU that saw what was before the
	 * freeze must have left its RCU read-side critical section when the count is
	 * percpu again.
	 */
	if (q->q_usage_exact)
		bigref_kill_now(&q->q_usage_counter);
	else
		bigref_kill(&q->q_usage_counter);
}

static inline void blk_usage_stay_atomic(struct request_queue *q)
{
	lockdep_assert_held(&q->mq_freeze_lock);
	q->q_usage_exact = true;
}

/* Wait for the end of a kill.  As with percpu_ref, later kills need no grace period. */
static inline void blk_usage_switch_to_atomic(struct request_queue *q)
{
	mutex_lock(&q->mq_freeze_lock);
	blk_usage_stay_atomic(q);
	mutex_unlock(&q->mq_freeze_lock);
	bigref_switch_to_exact(&q->q_usage_counter);
}

/*
 * At the begin of an unfreeze, as long as @mq_freeze_depth keeps callers of
 * blk_queue_enter() asleep: they would spin until the count is live.  The percpu memory
 * must not depend on I/O of a queue that is frozen.  Without it the count is adaptive.
 */
static inline void blk_usage_begin_unfreeze(struct request_queue *q)
{
	lockdep_assert_held(&q->mq_freeze_lock);
	if (q->mq_freeze_depth != 1)
		return;
	bigref_resurrect(&q->q_usage_counter,
			 q->q_usage_exact ? BIGREF_INIT_EXACT : 0,
			 GFP_NOWAIT | __GFP_NOWARN);
}

static inline void blk_usage_end_unfreeze(struct request_queue *q)
{
}

/* The lock keeps an unfreeze from seeing the former @q_usage_exact. */
static inline void blk_usage_switch_to_percpu(struct request_queue *q)
{
	mutex_lock(&q->mq_freeze_lock);
	q->q_usage_exact = false;
	bigref_switch_to_percpu(&q->q_usage_counter, GFP_NOWAIT | __GFP_NOWARN);
	mutex_unlock(&q->mq_freeze_lock);
}
#else
static inline int blk_usage_init(struct request_queue *q,
				 percpu_ref_func_t *release)
{
	return percpu_ref_init(&q->q_usage_counter, release,
			       PERCPU_REF_INIT_ATOMIC, GFP_KERNEL);
}

static inline void blk_usage_kill(struct request_queue *q)
{
	percpu_ref_kill(&q->q_usage_counter);
}

static inline void blk_usage_stay_atomic(struct request_queue *q)
{
	q->q_usage_counter.data->force_atomic = true;
}

static inline void blk_usage_switch_to_atomic(struct request_queue *q)
{
	percpu_ref_switch_to_atomic_sync(&q->q_usage_counter);
}

static inline void blk_usage_begin_unfreeze(struct request_queue *q)
{
}

static inline void blk_usage_end_unfreeze(struct request_queue *q)
{
	percpu_ref_resurrect(&q->q_usage_counter);
}

static inline void blk_usage_switch_to_percpu(struct request_queue *q)
{
	percpu_ref_switch_to_percpu(&q->q_usage_counter);
}
#endif

#endif /* BLK_USAGE_H */
