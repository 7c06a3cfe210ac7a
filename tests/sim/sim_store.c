/*
 * The records of a home agent, by the rule of libmip/sys/store.h and host_deliver.c: all that the outbox holds are on the
 * disk before the first packet of it leaves. So neither the death of the daemon nor a loss of power takes any away.
 */
#include "sim.h"

#include "sim_memory.h"

#include <stdlib.h>
#include <string.h>

static struct sim_record record_of(const char *key, const uint8_t *octets, size_t length)
{
	struct sim_record record = {.length = length};

	memcpy(record.key, key, sizeof(record.key));
	record.octets = sim_own_alloc(length + 1);
	if (length > 0)
		memcpy(record.octets, octets, length);
	return record;
}

static struct sim_record *find(struct sim_records *records, const char *key)
{
	for (size_t i = 0; i < records->count; i++) {
		if (strcmp(records->records[i].key, key) == 0)
			return &records->records[i];
	}
	return NULL;
}

static void forget(struct sim_records *records, const char *key)
{
	struct sim_record *record = find(records, key);

	if (!record)
		return;
	sim_own_free(record->octets);
	*record = records->records[--records->count];
}

static void keep(struct sim_records *records, const char *key, const uint8_t *octets, size_t length)
{
	forget(records, key);
	if (records->count < SIM_RECORDS)
		records->records[records->count++] = record_of(key, octets, length);
}

void sim_store_write(struct sim_records *records, const struct mip_outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++) {
		const struct mip_output *output = &outbox->items[(outbox->first + i) % outbox->size];

		if (output->kind == MIP_OUTPUT_FORGET)
			forget(records, output->key);
		else if (output->kind == MIP_OUTPUT_KEEP)
			keep(records, output->key, output->octets, output->length);
	}
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct sim_record *)a)->key, ((const struct sim_record *)b)->key);
}

static bool is_lost(const struct sim_world *world, const char *key)
{
	return (world->options.broken == SIM_BREAK_LOST_RECORD && strncmp(key, "binding/", 8) == 0) ||
	       (world->options.broken == SIM_BREAK_FORGETFUL && strncmp(key, "replay/", 7) == 0);
}

void sim_store_read(struct sim_world *world, struct sim_host *host)
{
	struct sim_records *records = &host->home_agent->records;

	qsort(records->records, records->count, sizeof(records->records[0]), by_key);
	for (size_t i = 0; i < records->count; i++) {
		const struct sim_record *record = &records->records[i];

		if (!is_lost(world, record->key))
			ha_core_record(host->home_agent->core, record->key, record->octets, record->length,
				sim_now(world, host));
	}
}

void sim_store_clear(struct sim_records *records)
{
	while (records->count > 0)
		forget(records, records->records[0].key);
}
