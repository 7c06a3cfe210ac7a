/*
 * A rate is the time until which it is used up: each that happens moves it on by its share of a second, and while it
 * is less than a second ahead there is room for one more.
 */
#include "rate.h"

#include <string.h>

bool mip_rate_take(struct mip_rate *rate, uint32_t most, mip_time now)
{
	mip_time share, begin = rate->until > now ? rate->until : now;

	if (most == 0)
		return true;
	share = MIP_SECOND / most;
	if (begin + share > now + MIP_SECOND)
		return false;
	rate->until = begin + share;
	return true;
}

void mip_rate_table_init(struct mip_rate_table *table, const struct mip_random *random)
{
	memset(table, 0, sizeof(*table));
	random->fill(random->context, &table->secret, sizeof(table->secret));
}

/* FNV-1a from a secret beginning, and its bits mixed. Who cannot see which place an address gets needs no more. */
static size_t place_of(const struct mip_rate_table *table, const uint8_t *octets, size_t length)
{
	uint64_t hash = table->secret ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ octets[i]) * 0x100000001b3u;
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15u;
	return (size_t)(hash >> 32) % MIP_RATE_PLACES;
}

bool mip_rate_table_take(
	struct mip_rate_table *table, const void *octets, size_t length, uint32_t most, mip_time now)
{
	return mip_rate_take(&table->places[place_of(table, octets, length)], most, now);
}
