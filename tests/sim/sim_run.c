/*
 * A run: events in the order of their times; turmoil, then a calm in which every node comes to be registered, and stays so
 * for a while; as often as the scenario says.
 */
#include "sim.h"

#include "sim_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- the queue -------------------------------------------------------------------------------------------------- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event other = *a;

	*a = *b;
	*b = other;
}

void sim_at(struct sim_world *world, struct sim_event event)
{
	struct sim_queue *queue = &world->queue;
	size_t place = queue->count++;

	if (queue->count > queue->size) {
		queue->size = queue->size > 0 ? 2 * queue->size : 64;
		queue->heap = sim_own_grow(queue->heap, queue->size * sizeof(*queue->heap));
	}
	event.order = queue->order++;
	queue->heap[place] = event;
	for (; place > 0 && is_before(&queue->heap[place], &queue->heap[(place - 1) / 2]);
		place = (place - 1) / 2)
		swap(&queue->heap[place], &queue->heap[(place - 1) / 2]);
}

static struct sim_event take(struct sim_queue *queue)
{
	struct sim_event first = queue->heap[0];
	size_t place = 0;

	queue->heap[0] = queue->heap[--queue->count];
	for (size_t child; (child = 2 * place + 1) < queue->count; place = child) {
		if (child + 1 < queue->count && is_before(&queue->heap[child + 1], &queue->heap[child]))
			child++;
		if (!is_before(&queue->heap[child], &queue->heap[place]))
			break;
		swap(&queue->heap[child], &queue->heap[place]);
	}
	return first;
}

static void queue_clear(struct sim_queue *queue)
{
	while (queue->count > 0)
		sim_packet_free(queue->heap[--queue->count].packet);
	sim_own_free(queue->heap);
}

void sim_fail(struct sim_world *world, const char *property, const char *format, ...)
{
	struct sim_failure *failure = &world->failure;
	va_list arguments;

	if (failure->failed)
		return;
	failure->failed = true;
	(void)snprintf(failure->property, sizeof(failure->property), "%s", property);
	va_start(arguments, format);
	(void)vsnprintf(failure->text, sizeof(failure->text), format, arguments);
	va_end(arguments);
	sim_note(world, NULL, "FAILED: %s: %s", failure->property, failure->text);
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static void wakes(struct sim_world *world, struct sim_host *host)
{
	if (!host->running && host->boot_base <= world->now) {
		sim_host_start(world, host);
	} else if (host->asleep) {
		host->asleep = false;
		sim_note(world, host, "wakes");
	}
}

static void next_fate(struct sim_world *world)
{
	sim_at(world,
		(struct sim_event){
			.at = world->now + sim_between(&world->random, 1, 2 * world->scenario.fate_interval),
			.kind = SIM_EVENT_FATE,
		});
}

static void next_attack(struct sim_world *world)
{
	sim_at(world, (struct sim_event){
			      .at = world->now +
				    sim_between(&world->random, 1, 2 * world->scenario.attack_interval),
			      .kind = SIM_EVENT_ATTACK,
		      });
}

static void link_comes_up(struct sim_world *world, int link)
{
	if (link == SIM_UPLINK)
		world->internet_down = false;
	else
		world->links[link].down = false;
}

static void happens(struct sim_world *world, struct sim_event *event)
{
	switch (event->kind) {
	case SIM_EVENT_ARRIVES:
		sim_arrive(world, event->packet);
		sim_packet_free(event->packet);
		break;
	case SIM_EVENT_WAKES:
		wakes(world, &world->hosts[event->host]);
		break;
	case SIM_EVENT_LEASES:
		sim_lease(world, &world->hosts[event->host], event->interface, (unsigned)event->link);
		break;
	case SIM_EVENT_FATE:
		if (!world->calm) {
			sim_fate(world);
			next_fate(world);
		}
		break;
	case SIM_EVENT_ATTACK:
		if (!world->calm) {
			sim_attack(world);
			next_attack(world);
		}
		break;
	case SIM_EVENT_UNREACHABLE:
		sim_host_hears_error(world, &world->hosts[event->host], event->packet);
		sim_packet_free(event->packet);
		break;
	case SIM_EVENT_LINK_UP:
		link_comes_up(world, event->link);
		break;
	}
}

/* --- the order of things ---------------------------------------------------------------------------------------- */

static struct sim_host *next_host(struct sim_world *world, mip_time *ret_at)
{
	struct sim_host *next = NULL;

	*ret_at = MIP_NEVER;
	for (int i = 0; i < world->host_count; i++) {
		mip_time deadline = sim_host_deadline(world, &world->hosts[i]);

		if (deadline < *ret_at) {
			*ret_at = deadline;
			next = &world->hosts[i];
		}
	}
	return next;
}

#define MOMENT (3 * MIP_SECOND)

enum {
	STILL = 10000, /* events without the time going on */
};

static void note_standstill(struct sim_world *world, mip_time before)
{
	world->standing = world->now == before ? world->standing + 1 : 0;
	if (world->standing > STILL)
		sim_fail(world, "time goes on", "the same moment has had %d events", STILL);
}

/* One event, or a deadline; false when there is nothing until then. */
static bool step(struct sim_world *world, mip_time until)
{
	mip_time deadline, before = world->now;
	struct sim_host *host = next_host(world, &deadline);
	mip_time queued = world->queue.count > 0 ? world->queue.heap[0].at : MIP_NEVER;
	mip_time next = deadline < queued ? deadline : queued;
	struct sim_event event;

	if (next > until) {
		world->now = until;
		return false;
	}
	world->events++;
	world->now = next > world->now ? next : world->now;
	if (deadline < queued) {
		sim_host_advance(world, host);
	} else {
		event = take(&world->queue);
		happens(world, &event);
	}
	note_standstill(world, before);
	return !world->failure.failed;
}

/* --- turmoil and calm ------------------------------------------------------------------------------------------- */

static void turmoil(struct sim_world *world)
{
	mip_time until = world->now + sim_between(&world->random, world->scenario.turmoil_most / 4,
					      world->scenario.turmoil_most);

	world->calm = false;
	next_fate(world);
	if (world->scenario.attacks)
		next_attack(world);
	while (step(world, until))
		;
}

static void calm_begins(struct sim_world *world)
{
	world->calm = true;
	world->calm_began = world->now;
	sim_calm_down(world);
	for (int i = 0; i < world->host_count; i++) {
		struct sim_host *host = &world->hosts[i];

		if (host->role != SIM_NODE)
			continue;
		host->node->calm_bound = sim_registration_bound(world, host);
		host->node->calm_registered = MIP_NEVER;
	}
}

/* All that can be, are; and how long it may take at most until they are. */
static bool are_registered(const struct sim_world *world, mip_time *ret_bound)
{
	bool all = true;

	*ret_bound = world->now;
	for (int i = 0; i < world->host_count; i++) {
		const struct sim_host *host = &world->hosts[i];

		if (host->role != SIM_NODE || host->node->calm_registered != MIP_NEVER ||
			host->node->calm_bound == MIP_NEVER)
			continue;
		all = false;
		if (host->node->calm_bound > *ret_bound)
			*ret_bound = host->node->calm_bound;
	}
	return all;
}

/* In a calm without losses, who has been registered stays so; but one look may fall between the home agent's word and the
 * node's hearing it, or into the second that must pass between two requests. */
static bool are_still_registered(struct sim_world *world)
{
	for (int i = 0; i < world->host_count; i++) {
		struct sim_host *host = &world->hosts[i];

		if (host->role == SIM_NODE && host->node->calm_registered != MIP_NEVER &&
			host->node->calm_bound != MIP_NEVER && !sim_node_is_registered(world, host))
			return false;
	}
	return true;
}

static void check_still_registered(struct sim_world *world)
{
	mip_time until = world->now + MOMENT;

	while (!are_still_registered(world) && step(world, until))
		;
	for (int i = 0; i < world->host_count; i++) {
		struct sim_host *host = &world->hosts[i];

		if (host->role == SIM_NODE && host->node->calm_registered != MIP_NEVER &&
			host->node->calm_bound != MIP_NEVER && !sim_node_is_registered(world, host))
			sim_fail(world, "a node that can reach its home agent stays registered",
				"%s was registered, and is so no longer", host->name);
	}
}

static void calm(struct sim_world *world)
{
	mip_time bound;

	calm_begins(world);
	while (!are_registered(world, &bound) && !world->failure.failed) {
		/* When nothing happens any more it is for the bound to say so. */
		if (!step(world, bound + 1) && !world->failure.failed)
			sim_check_world(world);
	}
	if (world->options.loss_only || world->failure.failed)
		return;
	bound = world->now + sim_between(&world->random, 0, 60) * MIP_SECOND;
	while (step(world, bound))
		;
	sim_check_world(world);
	if (world->scenario.calm_loss == 0)
		check_still_registered(world);
}

static void check_all(struct sim_world *world)
{
	for (int i = 0; i < world->host_count; i++) {
		world->hosts[i].kernel_changed = true;
		sim_check_host(world, &world->hosts[i]);
	}
}

static struct sim_result result_of(const struct sim_world *world)
{
	return (struct sim_result){
		.failure = world->failure,
		.events = world->events,
		.messages = world->messages,
		.registrations = world->registrations,
		.simulated = world->now,
		.first_registered = world->first_registered,
	};
}

static void run(struct sim_world *world)
{
	sim_scenario_draw(world);
	for (unsigned i = 0; i < world->scenario.rounds && !world->failure.failed; i++) {
		if (world->scenario.turmoil)
			turmoil(world);
		if (!world->failure.failed)
			calm(world);
		check_all(world);
	}
}

struct sim_result sim_run(uint64_t seed, const struct sim_options *options)
{
	struct sim_world *world = sim_own_alloc(sizeof(*world));
	struct sim_result result;

	world->seed = seed;
	world->options = *options;
	world->random = sim_random_of(seed, 0);
	world->first_registered = MIP_NEVER;
	world->memory_base = sim_memory_held();
	if (options->verbose)
		sim_timeline_begin(world);
	run(world);
	if (world->timeline)
		sim_timeline_end(world);
	result = result_of(world);
	sim_scenario_clear(world);
	sim_attacker_clear(world);
	queue_clear(&world->queue);
	if (!result.failure.failed && sim_memory_held() > world->memory_base) {
		sim_fail(world, "memory is bounded", "%zu octets are left",
			sim_memory_held() - world->memory_base);
		result.failure = world->failure;
	}
	sim_own_free(world);
	return result;
}
