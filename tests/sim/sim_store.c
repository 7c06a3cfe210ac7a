/*
 * The records of a home agent, by the rule of libmip/sys/store.h and host_deliver.c: all that the outbox holds are
 * committed before the first packet of it leaves. What is committed survives the death of the daemon; after a loss of
 * power the last commits may be missing, but no part of one, and none that is older than the kernel keeps from the disk.
 */
#include "sim.h"

#include "sim_memory.h"

#include <stdlib.h>
#include <string.h>

/* Linux writes dirty pages after 30 s (vm.dirty_expire_centisecs), and looks every 5. */
#define DISK_DELAY (35 * MIP_SECOND)

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

static void keep(struct sim_records *records, const struct sim_record *record)
{
	forget(records, record->key);
	if (records->count < SIM_RECORDS)
		records->records[records->count++] = record_of(record->key, record->octets, record->length);
}

static void apply(struct sim_records *records, const struct sim_change *change)
{
	if (change->forgets)
		forget(records, change->record.key);
	else
		keep(records, &change->record);
}

static void first_to_disk(struct sim_store *store)
{
	apply(&store->disk, &store->changes[0]);
	sim_own_free(store->changes[0].record.octets);
	memmove(&store->changes[0], &store->changes[1],
		(store->change_count - 1) * sizeof(store->changes[0]));
	store->change_count--;
}

static void change(struct sim_world *world, struct sim_store *store, const struct mip_output *output)
{
	struct sim_change *last;

	if (store->change_count == SIM_COMMITS)
		first_to_disk(store);
	last = &store->changes[store->change_count++];
	*last = (struct sim_change){
		.at = world->now,
		.commit = store->commits,
		.forgets = output->kind == MIP_OUTPUT_FORGET,
		.record = record_of(output->key, output->octets, output->length),
	};
	apply(&store->written, last);
}

void sim_store_write(struct sim_world *world, struct sim_store *store, const struct mip_outbox *outbox)
{
	store->commits++;
	for (size_t i = 0; i < outbox->count; i++) {
		const struct mip_output *output = &outbox->items[(outbox->first + i) % outbox->size];

		if (output->kind == MIP_OUTPUT_KEEP || output->kind == MIP_OUTPUT_FORGET)
			change(world, store, output);
	}
}

static void records_clear(struct sim_records *records)
{
	while (records->count > 0)
		forget(records, records->records[0].key);
}

/* Some of the last commits are lost: a number of whole ones. */
void sim_store_power_loss(struct sim_world *world, struct sim_store *store, mip_time *ret_lost_since)
{
	uint64_t commit = store->commits;

	while (store->change_count > 0 && store->changes[0].at + DISK_DELAY <= world->now)
		first_to_disk(store);
	if (store->change_count > 0)
		commit = (uint64_t)sim_between(&world->random, (int64_t)store->changes[0].commit - 1,
			(int64_t)store->changes[store->change_count - 1].commit);
	while (store->change_count > 0 && store->changes[0].commit <= commit)
		first_to_disk(store);
	*ret_lost_since = store->change_count > 0 ? store->changes[0].at : MIP_NEVER;
	while (store->change_count > 0)
		sim_own_free(store->changes[--store->change_count].record.octets);
	records_clear(&store->written);
	for (size_t i = 0; i < store->disk.count; i++)
		keep(&store->written, &store->disk.records[i]);
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
	struct sim_records *records = &host->home_agent->store.written;

	qsort(records->records, records->count, sizeof(records->records[0]), by_key);
	for (size_t i = 0; i < records->count; i++) {
		const struct sim_record *record = &records->records[i];

		if (!is_lost(world, record->key))
			ha_core_record(host->home_agent->core, record->key, record->octets, record->length,
				sim_now(world, host));
	}
}

void sim_store_clear(struct sim_store *store)
{
	while (store->change_count > 0)
		sim_own_free(store->changes[--store->change_count].record.octets);
	records_clear(&store->written);
	records_clear(&store->disk);
}
