// SPDX-License-Identifier: GPL-2.0-only
/*
 * The budget of a SCSI device as percpu tags: init, destruction and resize.
 *
 * A smaller depth counts at once, as each token is compared with it. The worker then
 * takes the other tokens off the lists of free ones. A larger depth counts when the
 * worker has run. The worker is one of kblockd, which has a rescuer: an allocation that
 * waits for I/O of the device cannot keep it from running. Neither can CPU hotplug, which
 * waits for requests: neither the resize nor the destruction of a pool waits for it.
 */
#include <linux/blkdev.h>
#include <linux/minmax.h>
#include <scsi/scsi_budget.h>
#include <scsi/scsi_device.h>

#include "scsi_priv.h"

static void scsi_budget_work(struct work_struct *work)
{
	struct scsi_budget *budget = container_of(work, struct scsi_budget, resize);

	percpu_tag_pool_resize(&budget->pool, READ_ONCE(budget->depth));
}

/**
 * scsi_budget_init - initialize a budget
 * @budget: the budget
 * @max: largest depth that it can have
 * @depth: depth that it has, at most @max
 * @gfp: flags of allocations; they must allow blocking
 * @node: node of the memory
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int scsi_budget_init(struct scsi_budget *budget, unsigned int max, unsigned int depth,
		     gfp_t gfp, int node)
{
	int err = percpu_tag_pool_init_node(&budget->pool, max, 0, gfp, node);

	if (err)
		return err;
	INIT_WORK(&budget->resize, scsi_budget_work);
	budget->depth = depth;
	percpu_tag_pool_resize(&budget->pool, depth);
	budget->map = budget->pool.next;
	return 0;
}

/**
 * scsi_budget_free - free the memory of a budget
 * @budget: the budget; may be zeroed and not initialized
 *
 * Context: process context, may sleep.
 */
void scsi_budget_free(struct scsi_budget *budget)
{
	if (!budget->map)
		return;
	cancel_work_sync(&budget->resize);
	percpu_tag_pool_destroy(&budget->pool);
	budget->map = NULL;
}

/**
 * scsi_budget_resize - change the depth of a budget
 * @budget: the budget
 * @depth: the depth, not 0; the size of the pool if it is larger
 *
 * No token from @depth on is handed out after the return. Tokens that become valid can
 * be had when a worker has run; those in use are valid until they are put.
 *
 * Context: any context except NMI.
 */
void scsi_budget_resize(struct scsi_budget *budget, unsigned int depth)
{
	depth = min(depth, budget->pool.nr_tags);
	if (READ_ONCE(budget->depth) == depth)
		return;
	WRITE_ONCE(budget->depth, depth);
	kblockd_schedule_work(&budget->resize);
}

/*
 * @token is the error of an allocation, or a tag that is not below the depth: the worker
 * has yet to visit its list. Return a negative number.
 */
int scsi_budget_refuse(struct scsi_budget *budget, int token)
{
	if (token >= 0) {
		percpu_tag_free(&budget->pool, token);
		WRITE_ONCE(budget->refused, 1);
	}
	return -1;
}

/**
 * scsi_realloc_sdev_budget_map - prepare the budget of a device for a depth
 * @sdev: the device
 * @depth: its queue depth
 *
 * Initializes the budget at the first call. Its memory does not depend on the depth:
 * later calls wait until the depth that was set last counts.
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int scsi_realloc_sdev_budget_map(struct scsi_device *sdev, unsigned int depth)
{
	unsigned int max = scsi_device_max_queue_depth(sdev);

	if (!sdev->budget_map.map)
		return scsi_budget_init(&sdev->budget_map, max, min(depth, max), GFP_NOIO,
					sdev->request_queue->node);
	flush_work(&sdev->budget_map.resize);
	return 0;
}
