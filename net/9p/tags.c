// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tags of requests from a percpu tag pool: init and destruction.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/fs_context.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "tags.h"

/* Create the pool of a client. Without memory the client uses its idr only. */
void p9_tags_create(struct p9_client *c)
{
	c->tags = kvzalloc_obj(*c->tags);
	if (!c->tags || !percpu_tag_pool_init(&c->tags->pool, P9_TAGS, 0))
		return;
	kvfree(c->tags);
	c->tags = NULL;
}

/*
 * Put the requests that are left when a client is destroyed. The transport is closed:
 * no request begins, but one may end meanwhile, which then has no pointer in the table
 * any more. The memory of requests stays memory of requests in the critical section.
 */
void p9_tags_cleanup(struct p9_client *c)
{
	struct p9_req_t *req;
	int tag;

	if (!c->tags)
		return;
	guard(rcu)();
	percpu_tag_for_each_in_use(&c->tags->pool, tag) {
		req = rcu_dereference(c->tags->reqs[tag]);
		if (!req)
			continue;
		pr_info("Tag %d still in use\n", tag);
		if (!p9_req_put(c, req))
			pr_warn("Packet with tag %d has still references\n", tag);
	}
}

/*
 * Free the pool, and the table after a grace period: p9_tag_lookup() may still read it.
 * A request with references left keeps its tag: then the memory of both stays, as
 * p9_req_put() may still free the tag.
 */
void p9_tags_destroy(struct p9_client *c)
{
	if (c->tags && !percpu_tag_pool_destroy(&c->tags->pool))
		kvfree_rcu(c->tags, rcu);
}
