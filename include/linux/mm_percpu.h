/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mm_percpu: percpu memory of an mm_struct.
 */
#ifndef _LINUX_MM_PERCPU_H
#define _LINUX_MM_PERCPU_H

#ifdef CONFIG_MM_PERCPU_CACHE

#include <linux/percpu.h>
#include <linux/percpu_touched.h>

struct mm_cid_pcpu;
struct sched_cache_time;

void mm_percpu_init(void);

struct mm_cid_pcpu __percpu *mm_cid_pcpu_alloc(void);
void mm_cid_pcpu_free(struct mm_cid_pcpu __percpu *pcpu, const unsigned long *used);

struct sched_cache_time __percpu *sched_cache_time_alloc(void);
void sched_cache_time_free(struct sched_cache_time __percpu *time, const atomic_t *touched);

#define sched_cache_time_touch(grp, cpu)	percpu_touch(&(grp)->touched, (cpu))

#else

#define mm_percpu_init()			do { } while (0)

#define mm_cid_pcpu_alloc()			alloc_percpu_noprof(struct mm_cid_pcpu)
#define mm_cid_pcpu_free(pcpu, used)		free_percpu(pcpu)

#define sched_cache_time_alloc()		alloc_percpu_noprof(struct sched_cache_time)
#define sched_cache_time_free(time, touched)	free_percpu(time)
#define sched_cache_time_touch(grp, cpu)	do { } while (0)

#endif

#endif /* _LINUX_MM_PERCPU_H */
