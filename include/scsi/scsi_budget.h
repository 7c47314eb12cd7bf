/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The budget of a SCSI device: a token for each command in the queue of the device.
 * The tokens are bits of an sbitmap or, with SCSI_PERCPU_TAG, percpu tags.
 */
#ifndef _SCSI_SCSI_BUDGET_H
#define _SCSI_SCSI_BUDGET_H

#include <linux/sbitmap.h>

#ifdef CONFIG_SCSI_PERCPU_TAG

#include <linux/gfp.h>
#include <linux/percpu_tag.h>
#include <linux/workqueue.h>

/**
 * struct scsi_budget - the budget of a device
 * @pool: the tokens
 * @map: not NULL while @pool is initialized
 * @depth: each token that is handed out is below it. Written by the functions that
 *	change the depth, of which the last one counts; read without a lock
 * @refused: a token was refused for its number since scsi_budget_is_busy() has looked
 * @resize: worker that makes the tokens below @depth, and no others, usable: the depth
 *	may be changed in an interrupt, while a resize of the pool may sleep
 */
struct scsi_budget {
	struct percpu_tag_pool pool;
	void *map;
	unsigned int depth;
	unsigned int refused;
	struct work_struct resize;
};

int scsi_budget_init(struct scsi_budget *budget, unsigned int max, unsigned int depth,
		     gfp_t gfp, int node);
void scsi_budget_free(struct scsi_budget *budget);
void scsi_budget_resize(struct scsi_budget *budget, unsigned int depth);
int scsi_budget_refuse(struct scsi_budget *budget, int token);

/*
 * Return a token, or a negative number if there is none. Also fails while the list of
 * this CPU begins with a token that a smaller depth has made invalid. The caller tries
 * again when a command has ended or, if scsi_budget_is_busy() says so, after a delay.
 */
static inline int scsi_budget_get(struct scsi_budget *budget)
{
	int token = percpu_tag_alloc_nowait(&budget->pool);

	if (unlikely((unsigned int)token >= READ_ONCE(budget->depth)))
		return scsi_budget_refuse(budget, token);
	return token;
}

/*
 * The compare-and-exchange of percpu_tag_free() orders the end of the token before the
 * caller's read of sdev->restarts. Pairs with smp_mb__after_atomic() in
 * scsi_mq_get_budget(), after which scsi_budget_is_busy() looks for tokens.
 */
static inline void scsi_budget_put(struct scsi_budget *budget, int token)
{
	percpu_tag_free(&budget->pool, token);
}

/* Return the number of tokens in use, of those below the depth. */
static inline unsigned int scsi_budget_busy(struct scsi_budget *budget)
{
	return percpu_tag_pool_nr_in_use_below(&budget->pool, READ_ONCE(budget->depth));
}

/*
 * Return true if a token below the depth is in use, so that the end of its command makes
 * the caller try again. False for once if a token was refused for its number: the command
 * may be a long one, while the worker is about to make other tokens usable.
 */
static inline bool scsi_budget_is_busy(struct scsi_budget *budget)
{
	unsigned int first;

	if (unlikely(READ_ONCE(budget->refused) && xchg(&budget->refused, 0)))
		return false;
	first = percpu_tag_next_in_use(&budget->pool, -1);
	return first < READ_ONCE(budget->depth);
}

#else

#define scsi_budget			sbitmap
#define scsi_budget_free(budget)	sbitmap_free(budget)
#define scsi_budget_resize(budget, depth)	sbitmap_resize(budget, depth)
#define scsi_budget_get(budget)		sbitmap_get(budget)
#define scsi_budget_put(budget, token)	sbitmap_put(budget, token)
#define scsi_budget_busy(budget)	sbitmap_weight(budget)
#define scsi_budget_is_busy(budget)	(sbitmap_weight(budget) != 0)

#endif

#endif /* _SCSI_SCSI_BUDGET_H */
