/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tags of requests from a percpu tag pool, and a table of the requests.
 *
 * The pool has the tags below P9_TAGS. If none of them is free, or the client has no
 * pool for want of memory, the tag comes from the idr of the client, which has the
 * others. P9_NOTAG is one of those.
 */
#ifndef NET_9P_TAGS_H
#define NET_9P_TAGS_H

#include <linux/idr.h>
#include <linux/percpu_tag.h>
#include <linux/rcupdate.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>

#ifdef CONFIG_NET_9P_PERCPU_TAG

#define P9_TAGS		1024

/**
 * struct p9_tags - the requests with tags of the pool
 * @pool: the tags
 * @rcu: frees this structure after the readers of @reqs
 * @reqs: the request of each allocated tag, or NULL; written by the owner of the tag
 */
struct p9_tags {
	struct percpu_tag_pool pool;
	struct rcu_head rcu;
	struct p9_req_t __rcu *reqs[P9_TAGS];
};

void p9_tags_create(struct p9_client *c);
void p9_tags_cleanup(struct p9_client *c);
void p9_tags_destroy(struct p9_client *c);

/*
 * Allocate a tag of the pool for @req, which must have no references until it is
 * complete. Return false if the idr has to be used.
 */
static inline bool p9_tags_get(struct p9_client *c, struct p9_req_t *req, s8 type)
{
	struct p9_tags *tags = c->tags;
	int tag;

	if (!tags || type == P9_TVERSION)
		return false;
	tag = percpu_tag_alloc_nowait(&tags->pool);
	if (tag < 0)
		return false;
	req->tc.tag = tag;
	/* Pairs with rcu_dereference() in p9_tags_find(). */
	rcu_assign_pointer(tags->reqs[tag], req);
	return true;
}

/*
 * Return the request of a tag, or NULL. The caller must hold rcu_read_lock(). The request
 * may end at any time, and its memory be that of another one: the caller must get a
 * reference unless there is none left, then compare the tag.
 */
static inline struct p9_req_t *p9_tags_find(struct p9_client *c, u16 tag)
{
	if (tag >= P9_TAGS)
		return idr_find(&c->reqs, tag);
	return c->tags ? rcu_dereference(c->tags->reqs[tag]) : NULL;
}

/*
 * Free the tag of a request without references, before the request is freed. Return
 * false if @tag is one of the idr. The table is cleared first: a store of the next owner
 * of the tag comes after the free.
 */
static inline bool p9_tags_put(struct p9_client *c, u16 tag)
{
	if (tag >= P9_TAGS)
		return false;
	RCU_INIT_POINTER(c->tags->reqs[tag], NULL);
	percpu_tag_free(&c->tags->pool, tag);
	return true;
}

#else

#define P9_TAGS		0

static inline void p9_tags_create(struct p9_client *c)
{
}

static inline void p9_tags_cleanup(struct p9_client *c)
{
}

static inline void p9_tags_destroy(struct p9_client *c)
{
}

static inline bool p9_tags_get(struct p9_client *c, struct p9_req_t *req, s8 type)
{
	return false;
}

static inline struct p9_req_t *p9_tags_find(struct p9_client *c, u16 tag)
{
	return idr_find(&c->reqs, tag);
}

static inline bool p9_tags_put(struct p9_client *c, u16 tag)
{
	return false;
}

#endif

#endif /* NET_9P_TAGS_H */
