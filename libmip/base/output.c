/*
 * The outbox: a ring of outputs, first in, first out. Order is its whole point: the route that a reply
 * promises stands before the reply. An output that finds no memory is counted, never half queued.
 */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_SIZE = 8,
};

void mip_output_clear(struct mip_output *output)
{
	if (output == NULL)
		return;
	free(output->octets);
	output->kind = MIP_OUTPUT_NONE;
	output->octets = NULL;
	output->length = 0;
}

void mip_outbox_clear(struct mip_outbox *outbox)
{
	if (outbox == NULL)
		return;
	for (size_t i = 0; i < outbox->count; i++)
		mip_output_clear(&outbox->items[(outbox->first + i) % outbox->size]);
	free(outbox->items);
	*outbox = (struct mip_outbox){.lost = outbox->lost};
}

bool mip_outbox_take(struct mip_outbox *outbox, struct mip_output *ret_output)
{
	if (outbox->count == 0)
		return false;
	*ret_output = outbox->items[outbox->first];
	outbox->first = (outbox->first + 1) % outbox->size;
	outbox->count--;
	return true;
}

static int grow(struct mip_outbox *outbox, size_t size)
{
	size_t until_end = outbox->size - outbox->first;
	struct mip_output *items = reallocarray(NULL, size, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	if (outbox->count > 0) {
		memcpy(items, outbox->items + outbox->first, until_end * sizeof(*items));
		memcpy(items + until_end, outbox->items, outbox->first * sizeof(*items));
	}
	free(outbox->items);
	outbox->items = items;
	outbox->size = size;
	outbox->first = 0;
	return 0;
}

int mip_outbox_reserve(struct mip_outbox *outbox, size_t count)
{
	return count > outbox->size ? grow(outbox, count) : 0;
}

/* The next free place, of this kind and with a copy of the octets; NULL and counted when there is no memory.
 */
static struct mip_output *add(
	struct mip_outbox *outbox, enum mip_output_kind kind, const void *octets, size_t length)
{
	struct mip_output *output;
	uint8_t *copy = NULL;

	if (length > 0) {
		copy = malloc(length);
		if (copy == NULL)
			goto lost;
		memcpy(copy, octets, length);
	}
	if (outbox->count == outbox->size &&
		grow(outbox, outbox->size > 0 ? 2 * outbox->size : FIRST_SIZE) < 0)
		goto lost;
	output = &outbox->items[(outbox->first + outbox->count) % outbox->size];
	outbox->count++;
	memset(output, 0, sizeof(*output));
	output->kind = kind;
	output->octets = copy;
	output->length = length;
	return output;

lost:
	free(copy);
	outbox->lost++;
	return NULL;
}

int mip_outbox_datagram(struct mip_outbox *outbox, const struct mip_output_datagram *datagram,
	const void *octets, size_t length)
{
	struct mip_output *output = add(outbox, MIP_OUTPUT_DATAGRAM, octets, length);

	if (output == NULL)
		return -ENOMEM;
	output->datagram = *datagram;
	return 0;
}

int mip_outbox_frame(
	struct mip_outbox *outbox, const struct mip_output_frame *frame, const void *octets, size_t length)
{
	struct mip_output *output = add(outbox, MIP_OUTPUT_FRAME, octets, length);

	if (output == NULL)
		return -ENOMEM;
	output->frame = *frame;
	return 0;
}

int mip_outbox_copy(
	struct mip_outbox *outbox, const struct mip_output_copy *copy, const void *octets, size_t length)
{
	struct mip_output *output = add(outbox, MIP_OUTPUT_COPY, octets, length);

	if (output == NULL)
		return -ENOMEM;
	output->copy = *copy;
	return 0;
}

static int add_want(struct mip_outbox *outbox, enum mip_output_kind kind, const struct mip_want *want)
{
	struct mip_output *output = add(outbox, kind, NULL, 0);

	if (output == NULL)
		return -ENOMEM;
	output->want = *want;
	return 0;
}

int mip_outbox_want(struct mip_outbox *outbox, const struct mip_want *want)
{
	return add_want(outbox, MIP_OUTPUT_WANT, want);
}

int mip_outbox_unwant(struct mip_outbox *outbox, const struct mip_want *want)
{
	return add_want(outbox, MIP_OUTPUT_UNWANT, want);
}

int mip_outbox_event(struct mip_outbox *outbox, const struct mip_event *event)
{
	struct mip_output *output = add(outbox, MIP_OUTPUT_EVENT, NULL, 0);

	if (output == NULL)
		return -ENOMEM;
	output->event = *event;
	return 0;
}

static int add_record(struct mip_outbox *outbox, enum mip_output_kind kind, const char *key,
	const void *octets, size_t length)
{
	size_t characters = strlen(key);
	struct mip_output *output;

	if (characters >= MIP_RECORD_KEY)
		return -ENAMETOOLONG;
	output = add(outbox, kind, octets, length);
	if (output == NULL)
		return -ENOMEM;
	memcpy(output->key, key, characters + 1);
	return 0;
}

int mip_outbox_keep(struct mip_outbox *outbox, const char *key, const void *octets, size_t length)
{
	return add_record(outbox, MIP_OUTPUT_KEEP, key, octets, length);
}

int mip_outbox_forget(struct mip_outbox *outbox, const char *key)
{
	return add_record(outbox, MIP_OUTPUT_FORGET, key, NULL, 0);
}
