// SPDX-License-Identifier: GPL-2.0-only
/*
 * shim: threads that simulate CPUs, and their sleep and wakeup.
 */
#include <time.h>

#include "shim.h"

unsigned int shim_nr_cpus = SHIM_CPUS;
cpumask_var_t shim_cpus = { ~0UL };
__thread unsigned int shim_cpu;
void (*shim_hook)(void);
__thread struct task_struct shim_task = {
	.m = PTHREAD_MUTEX_INITIALIZER,
	.c = PTHREAD_COND_INITIALIZER,
};

void shim_wake(struct task_struct *task)
{
	pthread_mutex_lock(&task->m);
	task->woken = true;
	pthread_cond_signal(&task->c);
	pthread_mutex_unlock(&task->m);
}

void shim_set_state(unsigned int state)
{
	pthread_mutex_lock(&current->m);
	current->woken = false;
	pthread_mutex_unlock(&current->m);
}

unsigned long shim_jiffies(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

long schedule_timeout(long timeout)
{
	struct timespec end;
	int err = 0;

	pthread_mutex_lock(&current->m);
	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		while (!current->woken)
			pthread_cond_wait(&current->c, &current->m);
	} else {
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_nsec += timeout % 1000 * 1000000;
		end.tv_sec += timeout / 1000 + end.tv_nsec / 1000000000;
		end.tv_nsec %= 1000000000;
		while (!current->woken && !err)
			err = pthread_cond_timedwait(&current->c, &current->m, &end);
		timeout = err ? 0 : max(timeout - 1, 0L);
	}
	pthread_mutex_unlock(&current->m);
	return timeout;
}
