/*
 * Deadlines: a binary heap of times, embedded in the objects that wait for them. A machine has one; its shell
 * sets one timer to mip_deadlines_next(). Setting, moving and cancelling cost O(log n), with a million as
 * with one.
 */
#ifndef MIP_BASE_DEADLINE_H
#define MIP_BASE_DEADLINE_H

#include "types.h"

/* Embedded in the object that waits; find the object with MIP_CONTAINER. All zero is "not set". */
struct mip_deadline {
	mip_time at;
	size_t place; /* in the heap, from 1; 0 when not set */
	int kind;     /* the owner's: what the deadline is for, so that one pop loop can tell */
};

struct mip_deadlines {
	struct mip_deadline **heap;
	size_t count;
	size_t size;
};

/* All zero is an empty heap; this frees the heap, not the deadlines in it. */
void mip_deadlines_clear(struct mip_deadlines *deadlines);
/* Sets or moves. `at` of MIP_NEVER cancels. Returns 0, or -ENOMEM and nothing is changed. */
int mip_deadline_set(struct mip_deadlines *deadlines, struct mip_deadline *deadline, mip_time at);
void mip_deadline_cancel(struct mip_deadlines *deadlines, struct mip_deadline *deadline);
static inline bool mip_deadline_is_set(const struct mip_deadline *deadline)
{
	return deadline->place != 0;
}
/* The earliest time, MIP_NEVER when none is set. */
mip_time mip_deadlines_next(const struct mip_deadlines *deadlines);
/* Takes out the earliest one that is due at `now` (at <= now), NULL when none is. */
struct mip_deadline *mip_deadlines_pop(struct mip_deadlines *deadlines, mip_time now);

#endif
