/*
 * The table of tunnels, from the daemon's side.
 *
 * A slot's sum is its last field to change; until then the programs leave its packets to the daemon. What
 * was removed leaves a mark, so that searches go on behind it; the next table, made when three quarters of
 * the slots are marked or in use, has no marks.
 */
#include "bpf_table.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	GROWTH = 2,
	FULL_NUMERATOR = 3, /* of four parts: what is in use or gone */
	FULL_DENOMINATOR = 4,
	SIZE_MAX_SLOTS = 1 << 28,
};
_Static_assert(sizeof(struct mip_bpf_slot) == 64, "a slot is a cache line");

static struct mip_bpf_slot *map_slots(int descriptor, uint32_t size)
{
	void *slots = mmap(NULL, (size_t)size * sizeof(struct mip_bpf_slot), PROT_READ | PROT_WRITE,
		MAP_SHARED, descriptor, 0);

	return slots == MAP_FAILED ? NULL : slots;
}

static void unmap_slots(struct mip_bpf_slot *slots, uint32_t size)
{
	if (slots)
		munmap(slots, (size_t)size * sizeof(*slots));
}

int mip_bpf_table_open(struct mip_bpf_table *table, int outer_descriptor, int descriptor, uint32_t size,
	volatile struct mip_bpf_settings *settings)
{
	struct mip_bpf_table made = {
		.outer_descriptor = outer_descriptor,
		.descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0),
		.size = size,
		.settings = settings,
	};
	int error;

	if (made.descriptor < 0)
		return -errno;
	made.slots = map_slots(made.descriptor, size);
	if (!made.slots) {
		error = -errno;
		close(made.descriptor);
		return error;
	}
	settings->mask = size - 1;
	settings->first = UINT32_MAX;
	settings->last = 0;
	*table = made;
	return 0;
}

void mip_bpf_table_close(struct mip_bpf_table *table)
{
	unmap_slots(table->slots, table->size);
	if (table->descriptor >= 0)
		close(table->descriptor);
	*table = (struct mip_bpf_table){.descriptor = -1};
}

/* --- slots ------------------------------------------------------------------------------------ */

struct places {
	struct mip_bpf_slot *found;
	struct mip_bpf_slot *vacant; /* the first that can be taken; NULL: none within reach */
};

static struct places search(struct mip_bpf_slot *slots, uint32_t size, uint32_t home, uint8_t end)
{
	struct places places = {0};
	uint32_t hash = mip_bpf_hash(home);

	for (uint32_t attempt = 0; attempt < MIP_BPF_PROBES; attempt++) {
		struct mip_bpf_slot *slot = &slots[mip_bpf_probe(hash, attempt) & (size - 1)];

		if (slot->state != MIP_BPF_SLOT_USED && !places.vacant)
			places.vacant = slot;
		if (slot->state == MIP_BPF_SLOT_EMPTY)
			break;
		if (slot->state == MIP_BPF_SLOT_USED && slot->home == home &&
			(slot->kind_and_flags & MIP_BPF_VISITED) == end) {
			places.found = slot;
			break;
		}
	}
	return places;
}

struct mip_bpf_slot *mip_bpf_table_find(const struct mip_bpf_table *table, uint32_t home, uint8_t end)
{
	return search(table->slots, table->size, home, end).found;
}

/* All but the counts. In whatever order a program sees these stores, it believes the slot when all are
 * there. */
static void write_fields(struct mip_bpf_slot *slot, const struct mip_bpf_slot *wanted)
{
	slot->home = wanted->home;
	slot->remote = wanted->remote;
	slot->local = wanted->local;
	slot->remote_port = wanted->remote_port;
	slot->local_port = wanted->local_port;
	slot->link = wanted->link;
	slot->kind_and_flags = wanted->kind_and_flags;
	slot->state = MIP_BPF_SLOT_USED;
	slot->sum = mip_bpf_sum(slot);
}

static void take(struct mip_bpf_slot *slot, const struct mip_bpf_slot *wanted)
{
	slot->last_sent = 0;
	slot->packets_to = 0;
	slot->bytes_to = 0;
	slot->packets_from = 0;
	slot->bytes_from = 0;
	write_fields(slot, wanted);
}

static void widen(struct mip_bpf_table *table, uint32_t home)
{
	uint32_t place = ntohl(home);

	if (place < table->settings->first)
		table->settings->first = place;
	if (place > table->settings->last)
		table->settings->last = place;
}

/* --- growth ----------------------------------------------------------------------------------- */

static int make_map(uint32_t size, int *ret_descriptor)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	int descriptor = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "slots", sizeof(uint32_t), sizeof(struct mip_bpf_slot), size, &options);

	if (descriptor < 0)
		return descriptor;
	*ret_descriptor = descriptor;
	return 0;
}

/* Every entry of the old slots in the new ones, without counts. -ENOSPC: one finds no place. */
static int copy_entries(const struct mip_bpf_table *old, struct mip_bpf_table *new)
{
	for (uint32_t i = 0; i < old->size; i++) {
		const struct mip_bpf_slot *slot = &old->slots[i];
		struct places places;

		if (slot->state != MIP_BPF_SLOT_USED)
			continue;
		places = search(new->slots, new->size, slot->home, slot->kind_and_flags & MIP_BPF_VISITED);
		if (!places.vacant)
			return -ENOSPC;
		take(places.vacant, slot);
		places.vacant->last_sent = slot->last_sent;
		new->used++;
	}
	return 0;
}

/* The programs count in the new slots already. */
static void copy_counts(const struct mip_bpf_table *old, const struct mip_bpf_table *new)
{
	for (uint32_t i = 0; i < old->size; i++) {
		const struct mip_bpf_slot *from = &old->slots[i];
		struct mip_bpf_slot *to;

		if (from->state != MIP_BPF_SLOT_USED)
			continue;
		to = mip_bpf_table_find(new, from->home, from->kind_and_flags & MIP_BPF_VISITED);
		__atomic_fetch_add(&to->packets_to, from->packets_to, __ATOMIC_RELAXED);
		__atomic_fetch_add(&to->bytes_to, from->bytes_to, __ATOMIC_RELAXED);
		__atomic_fetch_add(&to->packets_from, from->packets_from, __ATOMIC_RELAXED);
		__atomic_fetch_add(&to->bytes_from, from->bytes_from, __ATOMIC_RELAXED);
	}
}

/* A filled table of this size in place of the one that there is. */
static int move(struct mip_bpf_table *table, uint32_t size)
{
	struct mip_bpf_table new = {
		.outer_descriptor = table->outer_descriptor,
		.descriptor = -1,
		.size = size,
		.settings = table->settings,
	};
	uint32_t zero = 0;
	int error = make_map(size, &new.descriptor);

	if (error)
		return error;
	new.slots = map_slots(new.descriptor, size);
	error = new.slots ? copy_entries(table, &new) : -errno;
	/* Until the mask has followed, searches in the larger table end in its first part, or find nothing:
	 * those packets go by the daemon. No program sees the old table after the call. */
	if (!error)
		error = bpf_map_update_elem(table->outer_descriptor, &zero, &new.descriptor, BPF_ANY);
	if (error) {
		mip_bpf_table_close(&new);
		return error;
	}
	table->settings->mask = size - 1;
	copy_counts(table, &new);
	mip_bpf_table_close(table);
	*table = new;
	return 0;
}

static int grow(struct mip_bpf_table *table)
{
	/* Mostly marks of what has gone: the same size does. */
	uint32_t size = table->gone > table->used ? table->size : table->size * GROWTH;
	int error = -ENOSPC;

	for (; error == -ENOSPC && size <= SIZE_MAX_SLOTS; size *= GROWTH)
		error = move(table, size);
	return error;
}

/* --- entries ---------------------------------------------------------------------------------- */

int mip_bpf_table_put(struct mip_bpf_table *table, const struct mip_bpf_slot *wanted)
{
	uint8_t end = wanted->kind_and_flags & MIP_BPF_VISITED;
	struct places places = search(table->slots, table->size, wanted->home, end);
	uint64_t full = (uint64_t)table->size * FULL_NUMERATOR / FULL_DENOMINATOR;
	int error;

	if (places.found) {
		write_fields(places.found, wanted);
		return 0;
	}
	while (!places.vacant || (uint64_t)table->used + table->gone >= full) {
		error = grow(table);
		if (error && !places.vacant)
			return error;
		if (error) /* no memory for more: the room that there is, is used */
			break;
		full = (uint64_t)table->size * FULL_NUMERATOR / FULL_DENOMINATOR;
		places = search(table->slots, table->size, wanted->home, end);
	}
	if (places.vacant->state == MIP_BPF_SLOT_GONE)
		table->gone--;
	table->used++;
	take(places.vacant, wanted);
	widen(table, wanted->home);
	return 0;
}

void mip_bpf_table_remove(struct mip_bpf_table *table, uint32_t home, uint8_t end)
{
	struct mip_bpf_slot *slot = mip_bpf_table_find(table, home, end);

	if (!slot)
		return;
	slot->state = MIP_BPF_SLOT_GONE;
	table->used--;
	table->gone++;
}
