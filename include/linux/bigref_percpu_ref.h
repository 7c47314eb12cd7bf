/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The functions of percpu_ref on a struct bigref
 *
 * This is for a user of percpu_ref that an option builds with bigref instead.  It
 * changes the type of its field and of its release function and includes this
 * file; its calls remain.  Each name below becomes a macro that selects the
 * function by the type of the first argument, so other percpu_refs in the same
 * file do not change.
 *
 * percpu_ref_reinit(), percpu_ref_resurrect() and percpu_ref_switch_to_percpu()
 * are not here, because their counterparts may allocate memory: the user chooses
 * the flags.  Documentation/core-api/bigref.rst has all counterparts.
 */
#ifndef _LINUX_BIGREF_PERCPU_REF_H
#define _LINUX_BIGREF_PERCPU_REF_H

#include <linux/bigref.h>
#include <linux/build_bug.h>
#include <linux/percpu-refcount.h>

/* @flags are those of bigref_init(): other bits than those of percpu_ref_init(). */
static __always_inline int __must_check
__percpu_ref_init_bigref(struct bigref *ref, bigref_func_t *release,
			 unsigned int flags, gfp_t gfp)
{
	BUILD_BUG_ON(__builtin_constant_p(flags) &&
		     flags & (PERCPU_REF_INIT_ATOMIC | PERCPU_REF_INIT_DEAD |
			      PERCPU_REF_ALLOW_REINIT));
	bigref_init(ref, release, flags, gfp);
	return 0;
}

static inline void __percpu_ref_exit_bigref(struct bigref *ref)
{
	bigref_exit(ref);
}

static inline void __percpu_ref_kill_bigref(struct bigref *ref)
{
	bigref_kill(ref);
}

static inline void __percpu_ref_kill_confirm_bigref(struct bigref *ref,
						    bigref_func_t *confirm)
{
	bigref_kill_and_confirm(ref, confirm);
}

/* Select the function for a percpu_ref or that for a bigref. */
#define __percpu_ref_or_bigref(ref, of_percpu_ref, of_bigref)	\
	_Generic((ref),						\
		 struct percpu_ref *: of_percpu_ref,		\
		 struct bigref *: of_bigref)

#define percpu_ref_init(ref, release, flags, gfp)			\
	__percpu_ref_or_bigref(ref, percpu_ref_init,			\
			       __percpu_ref_init_bigref)(ref, release, flags, gfp)
#define percpu_ref_exit(ref)						\
	__percpu_ref_or_bigref(ref, percpu_ref_exit,			\
			       __percpu_ref_exit_bigref)(ref)
#define percpu_ref_get(ref)						\
	__percpu_ref_or_bigref(ref, percpu_ref_get, bigref_get)(ref)
#define percpu_ref_get_many(ref, nr)					\
	__percpu_ref_or_bigref(ref, percpu_ref_get_many,		\
			       bigref_get_many)(ref, nr)
#define percpu_ref_tryget(ref)						\
	__percpu_ref_or_bigref(ref, percpu_ref_tryget, bigref_tryget)(ref)
#define percpu_ref_tryget_live(ref)					\
	__percpu_ref_or_bigref(ref, percpu_ref_tryget_live,		\
			       bigref_tryget_live)(ref)
#define percpu_ref_tryget_live_rcu(ref)					\
	__percpu_ref_or_bigref(ref, percpu_ref_tryget_live_rcu,		\
			       bigref_tryget_live_rcu)(ref)
#define percpu_ref_put(ref)						\
	__percpu_ref_or_bigref(ref, percpu_ref_put, bigref_put)(ref)
#define percpu_ref_put_many(ref, nr)					\
	__percpu_ref_or_bigref(ref, percpu_ref_put_many,		\
			       bigref_put_many)(ref, nr)
#define percpu_ref_kill(ref)						\
	__percpu_ref_or_bigref(ref, percpu_ref_kill,			\
			       __percpu_ref_kill_bigref)(ref)
#define percpu_ref_kill_and_confirm(ref, confirm)			\
	__percpu_ref_or_bigref(ref, percpu_ref_kill_and_confirm,	\
			       __percpu_ref_kill_confirm_bigref)(ref, confirm)
#define percpu_ref_is_dying(ref)					\
	__percpu_ref_or_bigref(ref, percpu_ref_is_dying, bigref_is_dying)(ref)
#define percpu_ref_is_zero(ref)						\
	__percpu_ref_or_bigref(ref, percpu_ref_is_zero, bigref_is_zero)(ref)
#define percpu_ref_switch_to_atomic_sync(ref)				\
	__percpu_ref_or_bigref(ref, percpu_ref_switch_to_atomic_sync,	\
			       bigref_switch_to_exact)(ref)

#endif /* _LINUX_BIGREF_PERCPU_REF_H */
