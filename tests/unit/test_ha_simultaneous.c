/*
 * Simultaneous bindings (S): RFC 5944 3.6.1.2, 3.8.2.2, 3.8.2.3, 4.2.3.
 */
#include "ha_test.h"

#include <errno.h>
#include <string.h>

#define PLACE(number) mip_address_of(0x0a060000 + (number)) /* 10.6.0.n, co-located */

enum {
	LIMIT = 3,
};

static void begin_again(struct world *world, size_t limit)
{
	ha_world_end(world);
	ha_world_prepare(world);
	world->settings.max_simultaneous_bindings = limit;
	ha_world_start(world);
}

static int setup_several(void **state)
{
	int status = setup(state);

	begin_again(*state, LIMIT);
	return status;
}

#define SEVERAL(name) cmocka_unit_test_setup_teardown(name, setup_several, teardown)

static struct ask ask_at(uint32_t place, uint8_t flags)
{
	struct ask ask = ha_ask_co_located();

	ask.care_of = PLACE(place);
	ask.source = PLACE(place);
	ask.flags |= flags;
	return ask;
}

static void register_at(struct world *world, uint32_t place, uint8_t flags, int code)
{
	struct ask ask = ask_at(place, flags);

	ha_ask_expect(world, &ask, code);
}

struct search {
	struct mip_address care_of_address;
	struct ha_binding_view found;
	bool is_there;
};

static void look(void *context, const struct ha_binding_view *binding)
{
	struct search *search = context;

	if (!mip_address_equal(binding->care_of_address, search->care_of_address))
		return;
	assert_false(search->is_there);
	search->found = *binding;
	search->is_there = true;
}

static bool has(const struct world *world, uint32_t place, struct ha_binding_view *ret_view)
{
	struct search search = {.care_of_address = PLACE(place)};

	ha_core_bindings(world->core, look, &search);
	if (search.is_there && ret_view)
		*ret_view = search.found;
	return search.is_there;
}

/* Sends and expects the code; of what the outbox said all but the reply stays to be looked at. */
static void send(struct world *world, const struct ask *ask, int code)
{
	size_t place;

	ha_ask_send(world, ask);
	place = ha_answer_expect(world, code)->place;
	mip_output_clear(&world->outputs[place]);
	memmove(&world->outputs[place], &world->outputs[place + 1],
		(--world->count - place) * sizeof(world->outputs[0]));
	ha_world_pass(world, MIP_MILLISECOND); /* a timestamp is good once */
}

/* Seconds, rounded: milliseconds go by with each request. */
static int remaining(const struct world *world, const struct ha_binding_view *view)
{
	return (int)((view->expires - world->now.boot + MIP_SECOND / 2) / MIP_SECOND);
}

/* As register_at(), likewise. */
static void add_at(struct world *world, uint32_t place, uint8_t flags, int code)
{
	struct ask ask = ask_at(place, flags);

	send(world, &ask, code);
}

/* rfc5944-3.8.2.2-1: code 0 if the home agent supports simultaneous mobility bindings, or 1 if it does not.
 */
static void the_code_says_whether_simultaneous_bindings_are_supported(void **state)
{
	struct world *world = *state;

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_counter_value(world, "reply_0"), 2);
	/* rfc5944-3.8.3.2-1. */
	begin_again(world, 1);
	register_at(world, 1, 0, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	assert_true(has(world, 2, NULL));
}

/* RFC 5944 3.8.2.2: with S the previous entries are retained, otherwise all of them removed. */
static void with_s_a_binding_is_added_and_without_it_replaces_all(void **state)
{
	struct world *world = *state;

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	register_at(world, 3, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 3);
	assert_true(has(world, 1, NULL) && has(world, 2, NULL) && has(world, 3, NULL));
	assert_int_equal(ha_counter_value(world, "bindings_added"), 1);
	assert_int_equal(ha_counter_value(world, "bindings_added_simultaneous"), 2);
	register_at(world, 2, 0, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	assert_true(has(world, 2, NULL));
	register_at(world, 3, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	assert_true(has(world, 1, NULL));
}

static void with_s_a_care_of_address_that_is_there_is_renewed(void **state)
{
	struct world *world = *state;
	struct ha_binding_view view;

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	ha_world_pass(world, 100 * MIP_SECOND);
	register_at(world, 1, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	assert_true(has(world, 1, &view));
	assert_int_equal(remaining(world, &view), 600);
	assert_true(has(world, 2, &view));
	assert_int_equal(remaining(world, &view), 500);
}

/* RFC 5944 3.8.2.3: "a home agent can limit the number of simultaneous registrations for a mobile node, by
 * rejecting any registrations that would cause its limit to be exceeded, and returning a Registration Reply
 * with a Code of 135". */
static void one_more_than_the_limit_is_code_135_and_changes_nothing(void **state)
{
	struct world *world = *state;

	for (uint32_t place = 1; place <= LIMIT; place++)
		register_at(world, place, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	register_at(world, 4, MIP_REQUEST_S, MIP_CODE_HA_TOO_MANY_BINDINGS);
	assert_int_equal(ha_core_binding_count(world->core), LIMIT);
	assert_false(has(world, 4, NULL));
	assert_int_equal(ha_counter_value(world, "reply_135"), 1);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	register_at(world, 4, 0, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 1);
}

/* The limit of all nodes together counts each. */
static void the_limit_of_all_bindings_counts_each_of_a_node(void **state)
{
	struct world *world = *state;
	struct ask other = ha_ask_by_agent();

	world->settings.max_bindings = 2;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	register_at(world, 1, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	register_at(world, 3, MIP_REQUEST_S, MIP_CODE_HA_INSUFFICIENT_RESOURCES);
	other.home_address = VIRTUAL_NODE;
	ha_ask_expect(world, &other, MIP_CODE_HA_INSUFFICIENT_RESOURCES);
	register_at(world, 3, 0, MIP_CODE_ACCEPTED);
	ha_ask_expect(world, &other, MIP_CODE_ACCEPTED);
}

/* rfc5944-4.2.3-8: when a binding's lifetime expires, the home agent MUST delete it, but MUST retain any
 * other. */
static void a_binding_that_expires_leaves_the_others_in_place(void **state)
{
	struct world *world = *state;
	struct ask brief = ask_at(1, 0);

	brief.lifetime = 60;
	send(world, &brief, MIP_CODE_ACCEPTED);
	add_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, PLACE(1)));
	assert_non_null(ha_kernel_has(world, MIP_WANT_COPY, PLACE(2)));
	ha_world_pass(world, 61 * MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	assert_true(has(world, 2, NULL));
	assert_int_equal(ha_counter_value(world, "bindings_expired"), 1);
	/* The other one's copy has become the tunnel; the home address is still attracted. */
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, PLACE(2)));
	assert_null(ha_kernel_has(world, MIP_WANT_COPY, PLACE(2)));
	assert_null(ha_kernel_has(world, MIP_WANT_PEER, PLACE(1)));
	assert_non_null(ha_kernel_has(world, MIP_WANT_PEER, PLACE(2)));
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0), -1);
	ha_world_pass(world, 600 * MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
}

/* RFC 5944 4.2.3: "it tunnels a copy to each care-of address in the mobile node's mobility binding list"; and
 * the first one's tunnel is not touched by that. */
static void each_further_binding_wants_a_copy_and_a_peer_and_leaves_the_tunnel_alone(void **state)
{
	struct world *world = *state;
	const struct mip_want *copy;

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	add_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0), -1);
	copy = ha_kernel_has(world, MIP_WANT_COPY, PLACE(2));
	assert_non_null(copy);
	assert_address_equal(copy->tunnel.home_address, NODE_ADDRESS);
	assert_address_equal(copy->tunnel.local, HA_ADDRESS);
	assert_int_equal(copy->tunnel.end, MIP_TUNNEL_HOME);
	assert_non_null(ha_kernel_has(world, MIP_WANT_PEER, PLACE(2)));
	/* rfc5944-3.8.2.2-10: it continues to follow the rules for proxy ARP; nothing is announced anew. */
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0), -1);
}

static void without_s_the_other_copies_end_and_their_peers_after_the_grace(void **state)
{
	struct world *world = *state;

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	add_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	add_at(world, 2, 0, MIP_CODE_ACCEPTED);
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, PLACE(2)));
	assert_null(ha_kernel_has(world, MIP_WANT_COPY, PLACE(2)));
	assert_non_null(ha_kernel_has(world, MIP_WANT_PEER, PLACE(2)));
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0), -1);
	assert_true(ha_find_event(world, "binding_removed") >= 0);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_address_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0))->peer.remote,
		PLACE(1));
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0), -1);
}

/* The one that is in grace may be registered again meanwhile: then it stays. */
static void to_and_fro_with_s_keeps_what_it_came_back_to(void **state)
{
	struct world *world = *state;

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	for (int i = 0; i < 4; i++) {
		uint32_t place = i % 2 ? 1 : 2;

		register_at(world, place, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
		register_at(world, place, 0, MIP_CODE_ACCEPTED);
	}
	assert_int_equal(ha_core_binding_count(world->core), 1);
	add_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	ha_world_pass(world, 60 * MIP_SECOND);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_COPY, 0), -1);
}

static struct ask ask_to_end(uint32_t at, struct mip_address care_of)
{
	struct ask ask = ask_at(at, 0);

	ask.care_of = care_of;
	ask.lifetime = -1;
	return ask;
}

/* RFC 5944 3.8.2.2: "deletes only the entry containing the specified Care-of Address from the mobility
 * binding list [...] Any other active entries containing other care-of addresses will remain active". */
static void a_deregistration_of_one_care_of_address_leaves_the_others(void **state)
{
	struct world *world = *state;
	struct ask end = ask_to_end(2, PLACE(1));

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	register_at(world, 3, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	send(world, &end, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	assert_false(has(world, 1, NULL));
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, PLACE(2)));
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0), -1);
	/* One that is not there is no error. */
	ha_world_clear_outputs(world);
	end = ask_to_end(2, PLACE(9));
	ha_ask_expect(world, &end, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	end = ask_to_end(2, PLACE(3));
	send(world, &end, MIP_CODE_ACCEPTED);
	assert_null(ha_kernel_has(world, MIP_WANT_COPY, PLACE(3)));
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_COPY, 0) >= 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0), -1);
	assert_true(has(world, 2, NULL));
}

/* RFC 5944 3.8.2.2: "If the Lifetime is zero and the Care-of Address equals the mobile node's home address,
 * the home agent deletes all of the entries in the mobility binding list". */
static void a_deregistration_of_the_home_address_ends_all_of_them(void **state)
{
	struct world *world = *state;
	struct ask end = ask_to_end(2, NODE_ADDRESS);

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	send(world, &end, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0) >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50") >= 0);
	/* And once more, of a node at home. */
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &end, MIP_CODE_ACCEPTED);
}

static void revoking_a_home_address_ends_all_of_its_bindings(void **state)
{
	struct world *world = *state;

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	register_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), 0);
	ha_world_collect(world);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), -ENOENT);
}

/* rfc5944-3.8.2.2-8: "A Registration Request is a duplicate if the home address, care-of address, and
 * Identification fields all equal those of an accepted current registration": of any of them. */
static void a_retransmission_for_one_of_several_is_a_duplicate_of_that_one(void **state)
{
	struct world *world = *state;
	struct ask ask = ask_at(1, 0);
	uint8_t message[MIP_REGISTRATION_MAX];
	uint64_t identification;
	size_t length;

	ask.home_address = NONCE_ADDRESS;
	ask.security = world->nonce;
	ha_ask_send(world, &ask); /* without a nonce yet */
	identification = ha_answer_expect(world, MIP_CODE_HA_IDENTIFICATION_MISMATCH)->fields.identification;
	ha_world_clear_outputs(world);
	ask.identification = (identification & 0xffffffff00000000U) | 7;
	ha_ask_send(world, &ask);
	identification = ha_answer_expect(world, MIP_CODE_ACCEPTED)->fields.identification;
	ha_world_clear_outputs(world);
	ask = ask_at(2, MIP_REQUEST_S);
	ask.home_address = NONCE_ADDRESS;
	ask.security = world->nonce;
	ask.identification = (identification & 0xffffffff00000000U) | 8;
	length = ha_ask_build(world, &ask, message, sizeof(message));
	ha_ask_deliver(world, &ask, message, length);
	identification = ha_answer_expect(world, MIP_CODE_ACCEPTED)->fields.identification;
	ha_world_clear_outputs(world);
	ha_world_pass(world, 5 * MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_deliver(world, &ask, message, length);
	assert_int_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED)->fields.identification == identification, true);
	assert_int_equal(world->answer.fields.lifetime, 595);
	assert_int_equal(ha_counter_value(world, "duplicates_answered"), 1);
	assert_int_equal(ha_core_binding_count(world->core), 2);
}

/* --- behind a NAT ------------------------------------------------------------------------------ */

/* Two care-of addresses behind one NAT whose port is the same for both: one peer. It must not go with the
 * first of them. */
static void a_peer_that_two_bindings_share_stays_with_the_second(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	ask.source = NAT_ADDRESS;
	ask.care_of = PRIVATE;
	ask.tunnel_request = true;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED);
	ask.care_of = mip_address_of(mip_address_number(PRIVATE) + 1);
	ask.flags |= MIP_REQUEST_S;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	ask.care_of = PRIVATE;
	ask.lifetime = -1;
	send(world, &ask, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	ha_world_pass(world, 60 * MIP_SECOND);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0), -1);
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, NAT_ADDRESS));
}

/* --- over restarts and reloads ----------------------------------------------------------------- */

static void replay_records(struct world *world, const uint8_t *octets, size_t length)
{
	ha_core_record(world->core, "binding/10.1.0.50", octets, length, world->now);
}

static size_t kept(const struct world *world, uint8_t *octets, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];

		if (output->kind != MIP_OUTPUT_KEEP || strcmp(output->key, "binding/10.1.0.50") != 0)
			continue;
		length = output->length;
		assert_in_range(length, 1, size);
		memcpy(octets, output->octets, length);
	}
	return length;
}

static void all_of_them_survive_a_restart_each_with_its_own_lifetime(void **state)
{
	struct world *world = *state;
	uint8_t octets[8192];
	struct ha_binding_view view;
	struct ask brief = ask_at(3, MIP_REQUEST_S);
	size_t length;

	brief.lifetime = 20;
	add_at(world, 1, 0, MIP_CODE_ACCEPTED);
	ha_world_pass(world, 100 * MIP_SECOND);
	add_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	ha_ask_send(world, &brief);
	length = kept(world, octets, sizeof(octets));
	ha_world_end(world);
	ha_world_prepare(world);
	world->settings.max_simultaneous_bindings = LIMIT;
	ha_world_make(world);
	world->now.boot += 130 * MIP_SECOND;
	world->now.wall += 130 * MIP_SECOND;
	replay_records(world, octets, length);
	ha_world_link(world, true);
	ha_world_begin(world);
	ha_world_collect(world);
	assert_int_equal(ha_core_binding_count(world->core), 2); /* the brief one is over */
	assert_true(has(world, 1, &view));
	assert_int_equal(remaining(world, &view), 470);
	assert_true(has(world, 2, &view));
	assert_int_equal(remaining(world, &view), 570);
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, PLACE(1)));
	assert_non_null(ha_kernel_has(world, MIP_WANT_COPY, PLACE(2)));
	/* With a smaller limit, those that it lets in; the record of a lone one is as it always was. */
	ha_world_end(world);
	ha_world_prepare(world);
	ha_world_make(world);
	replay_records(world, octets, length);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	assert_true(has(world, 1, NULL));
}

static void the_record_loses_a_binding_with_the_binding(void **state)
{
	struct world *world = *state;
	uint8_t octets[8192];
	struct ask end = ask_to_end(2, PLACE(1));
	size_t both, one;

	add_at(world, 1, 0, MIP_CODE_ACCEPTED);
	add_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	both = kept(world, octets, sizeof(octets));
	send(world, &end, MIP_CODE_ACCEPTED);
	one = kept(world, octets, sizeof(octets));
	assert_int_equal(both, 2 * one);
	assert_int_equal(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50"), -1);
}

static void a_reload_keeps_all_of_them_in_their_roles(void **state)
{
	struct world *world = *state;

	add_at(world, 1, 0, MIP_CODE_ACCEPTED);
	add_at(world, 2, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_world_collect(world);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	ha_world_clear_outputs(world);
	register_at(world, 3, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	register_at(world, 4, MIP_REQUEST_S, MIP_CODE_HA_TOO_MANY_BINDINGS);
	add_at(world, 3, 0, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, PLACE(3)));
	/* A node that is configured no longer loses all of them. */
	register_at(world, 1, MIP_REQUEST_S, MIP_CODE_ACCEPTED);
	world->settings.node_count = 0;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* --- loops --------------------------------------------------------------------------------------- */

/* A node that visits at the home address of another, which is away itself: no way of the other's may lead
 * back. */
static void no_binding_of_several_may_lead_into_its_own_tunnel(void **state)
{
	struct world *world = *state;
	struct ask other = ha_ask_co_located();

	register_at(world, 1, 0, MIP_CODE_ACCEPTED);
	/* The other node's second place is this node's home address. */
	other.home_address = VIRTUAL_NODE;
	other.security = world->virtual_node;
	other.care_of = other.source = PLACE(5);
	ha_ask_expect(world, &other, MIP_CODE_ACCEPTED);
	other.care_of = other.source = NODE_ADDRESS;
	other.flags |= MIP_REQUEST_S;
	ha_ask_expect(world, &other, MIP_CODE_ACCEPTED);
	/* Now this node at the other's home address would go round, by the second of its bindings. */
	other = ha_ask_co_located();
	other.care_of = other.source = VIRTUAL_NODE;
	other.flags |= MIP_REQUEST_S;
	ha_ask_expect(world, &other, MIP_CODE_HA_PROHIBITED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEVERAL(the_code_says_whether_simultaneous_bindings_are_supported),
		SEVERAL(with_s_a_binding_is_added_and_without_it_replaces_all),
		SEVERAL(with_s_a_care_of_address_that_is_there_is_renewed),
		SEVERAL(one_more_than_the_limit_is_code_135_and_changes_nothing),
		SEVERAL(the_limit_of_all_bindings_counts_each_of_a_node),
		SEVERAL(a_binding_that_expires_leaves_the_others_in_place),
		SEVERAL(each_further_binding_wants_a_copy_and_a_peer_and_leaves_the_tunnel_alone),
		SEVERAL(without_s_the_other_copies_end_and_their_peers_after_the_grace),
		SEVERAL(to_and_fro_with_s_keeps_what_it_came_back_to),
		SEVERAL(a_deregistration_of_one_care_of_address_leaves_the_others),
		SEVERAL(a_deregistration_of_the_home_address_ends_all_of_them),
		SEVERAL(revoking_a_home_address_ends_all_of_its_bindings),
		SEVERAL(a_retransmission_for_one_of_several_is_a_duplicate_of_that_one),
		SEVERAL(a_peer_that_two_bindings_share_stays_with_the_second),
		SEVERAL(all_of_them_survive_a_restart_each_with_its_own_lifetime),
		SEVERAL(the_record_loses_a_binding_with_the_binding),
		SEVERAL(a_reload_keeps_all_of_them_in_their_roles),
		SEVERAL(no_binding_of_several_may_lead_into_its_own_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
