/*
 * Deadlines in a binary heap. Each deadline knows its place, so that moving or cancelling one needs no
 * search: it goes to where it belongs from where it is. Places count from 1 (children of n are 2n and 2n +
 * 1), which leaves 0 for "not set".
 */
#include "deadline.h"

#include <errno.h>
#include <stdlib.h>

enum {
	FIRST_SIZE = 16,
};

void mip_deadlines_clear(struct mip_deadlines *deadlines)
{
	if (deadlines == NULL)
		return;
	free(deadlines->heap);
	*deadlines = (struct mip_deadlines){0};
}

static struct mip_deadline *at_place(const struct mip_deadlines *deadlines, size_t place)
{
	return deadlines->heap[place - 1];
}

static void put(struct mip_deadlines *deadlines, size_t place, struct mip_deadline *deadline)
{
	deadlines->heap[place - 1] = deadline;
	deadline->place = place;
}

static void rise(struct mip_deadlines *deadlines, struct mip_deadline *deadline, size_t place)
{
	while (place > 1 && at_place(deadlines, place / 2)->at > deadline->at) {
		put(deadlines, place, at_place(deadlines, place / 2));
		place /= 2;
	}
	put(deadlines, place, deadline);
}

static void sink(struct mip_deadlines *deadlines, struct mip_deadline *deadline, size_t place)
{
	size_t child;

	for (; (child = 2 * place) <= deadlines->count; place = child) {
		if (child < deadlines->count &&
			at_place(deadlines, child + 1)->at < at_place(deadlines, child)->at)
			child++;
		if (at_place(deadlines, child)->at >= deadline->at)
			break;
		put(deadlines, place, at_place(deadlines, child));
	}
	put(deadlines, place, deadline);
}

/* Puts it where it belongs, given a place that is free. */
static void settle(struct mip_deadlines *deadlines, struct mip_deadline *deadline, size_t place)
{
	if (place > 1 && at_place(deadlines, place / 2)->at > deadline->at)
		rise(deadlines, deadline, place);
	else
		sink(deadlines, deadline, place);
}

static int reserve(struct mip_deadlines *deadlines)
{
	size_t size = deadlines->size > 0 ? 2 * deadlines->size : FIRST_SIZE;
	struct mip_deadline **heap;

	if (deadlines->count < deadlines->size)
		return 0;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	heap = reallocarray(deadlines->heap, size, sizeof(*heap));
	if (heap == NULL)
		return -ENOMEM;
	deadlines->heap = heap;
	deadlines->size = size;
	return 0;
}

int mip_deadline_set(struct mip_deadlines *deadlines, struct mip_deadline *deadline, mip_time at)
{
	int error;

	if (at == MIP_NEVER) {
		mip_deadline_cancel(deadlines, deadline);
		return 0;
	}
	if (mip_deadline_is_set(deadline)) {
		deadline->at = at;
		settle(deadlines, deadline, deadline->place);
		return 0;
	}
	error = reserve(deadlines);
	if (error < 0)
		return error;
	deadline->at = at;
	deadlines->count++;
	rise(deadlines, deadline, deadlines->count);
	return 0;
}

void mip_deadline_cancel(struct mip_deadlines *deadlines, struct mip_deadline *deadline)
{
	size_t place = deadline->place;
	struct mip_deadline *last;

	if (place == 0)
		return;
	deadline->place = 0;
	last = at_place(deadlines, deadlines->count);
	deadlines->count--;
	if (last != deadline)
		settle(deadlines, last, place);
}

mip_time mip_deadlines_next(const struct mip_deadlines *deadlines)
{
	return deadlines->count > 0 ? at_place(deadlines, 1)->at : MIP_NEVER;
}

struct mip_deadline *mip_deadlines_pop(struct mip_deadlines *deadlines, mip_time now)
{
	struct mip_deadline *first;

	if (mip_deadlines_next(deadlines) > now || deadlines->count == 0)
		return NULL;
	first = at_place(deadlines, 1);
	mip_deadline_cancel(deadlines, first);
	return first;
}
