/*
 * Visitors with one and the same private home address, of different home agents (RFC 3024 A.2 to A.4):
 *
 *   home agent 198.51.100.1 ─┐                          ┌ visit0 (5) ── 10.10.1.2 at …:01
 *                            ├── [ foreign agent ] ─────┤
 *   home agent 198.51.100.2 ─┘                          └ visit0 (5) or visit1 (6) ── 10.10.1.2 at …:02
 */
#include "fa_world.h"

#include <errno.h>
#include <string.h>

#include "address.h"

#define SHARED "10.10.1.2"

static struct fa_world_request node(uint8_t number)
{
	struct fa_world_request request = fa_world_request();

	request.fields.home_address = request.source = address(SHARED);
	request.fields.home_agent = address(number == 1 ? "198.51.100.1" : "198.51.100.2");
	request.link_address = link_address(number);
	return request;
}

static void begin_with_both(struct fa_world *world, mip_link second)
{
	struct fa_world_request request = node(1);

	fa_world_begin_with_visitor(world, &request);
	fa_world_clear(world);
	request = node(2);
	request.link = second;
	fa_world_register(world, &request);
	assert_int_equal(fa_world_code(world), 0);
}

struct search {
	struct mip_address home_agent;
	struct fa_visitor_view view;
	size_t found, all;
};

static void look(void *context, const struct fa_visitor_view *view)
{
	struct search *search = context;

	search->all++;
	if (!mip_address_equal(view->home_agent, search->home_agent))
		return;
	search->view = *view;
	search->found++;
}

/* What the list shows of the visitor of this home agent; `ret_all` lines in all. False: it has none. */
static bool view_of(struct fa_world *world, uint8_t number, struct fa_visitor_view *ret_view, size_t *ret_all)
{
	struct search search = {.home_agent = node(number).fields.home_agent};

	fa_core_visitors(world->core, world->now, look, &search);
	assert_true(search.found <= 1);
	*ret_view = search.view;
	*ret_all = search.all;
	return search.found == 1;
}

static bool is_visiting(struct fa_world *world, uint8_t number)
{
	struct fa_visitor_view view;
	size_t all;

	return view_of(world, number, &view, &all) && view.registered;
}

/* The item as it was wanted last since fa_world_clear(), NULL if it was not or is unwanted again. */
static const struct mip_want *now_wanted(const struct fa_world *world, const struct mip_want *like)
{
	const struct mip_want *found = NULL;

	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];

		if ((output->kind == MIP_OUTPUT_WANT || output->kind == MIP_OUTPUT_UNWANT) &&
			mip_want_same_key(&output->want, like))
			found = output->kind == MIP_OUTPUT_WANT ? &output->want : NULL;
	}
	return found;
}

static bool is_unwanted(const struct fa_world *world, const struct mip_want *like)
{
	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == MIP_OUTPUT_UNWANT &&
			mip_want_same_key(&world->outputs[i].want, like))
			return true;
	}
	return false;
}

static struct mip_want visitor_item(uint8_t number)
{
	return (struct mip_want){
		.kind = MIP_WANT_VISITOR,
		.visitor = {.tunnel = {.home_address = address(SHARED),
				    .remote = node(number).fields.home_agent}},
	};
}

static struct mip_want rule_item(mip_link link, uint32_t table)
{
	return (struct mip_want){
		.kind = MIP_WANT_RULE,
		.rule = {.priority = 790,
			.from = {address(SHARED), 32},
			.incoming = link,
			.table = table,
			.suppress_prefix_length = -1},
	};
}

static struct mip_want main_route_item(void)
{
	return (struct mip_want){.kind = MIP_WANT_ROUTE,
		.route = {.table = MIP_TABLE_MAIN, .destination = {address(SHARED), 32}, .metric = 79}};
}

static struct mip_want blackhole_item(void)
{
	return (struct mip_want){.kind = MIP_WANT_ROUTE, .route = {.table = 81}};
}

static struct mip_want tunnel_item(void)
{
	return (struct mip_want){.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = address(SHARED), .end = MIP_TUNNEL_VISITED}};
}

static struct mip_want neighbour_item(mip_link link)
{
	return (struct mip_want){
		.kind = MIP_WANT_NEIGHBOUR, .neighbour = {.link = link, .address = address(SHARED)}};
}

/* --- registration ----------------------------------------------------------------------------- */

/* rfc3024-A.4-8: "If a foreign agent supports reverse tunneling, then it MUST support the simple scenario of private
 * address support described in this section." */
static void two_nodes_of_different_home_agents_may_have_one_private_address(void **state)
{
	static const mip_link second_links[] = {WORLD_VISITED, WORLD_OTHER_VISITED};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(second_links); i++) {
		struct fa_visitor_view view;
		struct fa_world world;
		size_t all;

		begin_with_both(&world, second_links[i]);
		assert_true(view_of(&world, 1, &view, &all));
		assert_int_equal(all, 2);
		assert_true(view.told_apart);
		assert_true(mip_link_address_equal(view.link_address, link_address(1)));
		assert_string_equal(view.interface, "visit0");
		assert_true(view_of(&world, 2, &view, &all));
		assert_true(view.told_apart);
		assert_true(mip_link_address_equal(view.link_address, link_address(2)));
		assert_string_equal(view.interface, i == 0 ? "visit0" : "visit1");
		assert_int_equal(fa_core_visitor_count(world.core), 2);
		fa_world_end(&world);
	}
}

/* RFC 3024 A.3: "This may be in the form of a MAC address, a PPP session (or incoming interface)". */
static void the_link_alone_tells_two_nodes_apart(void **state)
{
	struct fa_world_request request = node(1);
	struct fa_world world;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	request = node(2);
	request.link = WORLD_OTHER_VISITED;
	request.link_address = link_address(1);
	fa_world_register(&world, &request);
	assert_true(is_visiting(&world, 1));
	assert_true(is_visiting(&world, 2));
	fa_world_end(&world);
}

/* The code that a second node gets whose request was changed so; -1: it is relayed. */
static int code_of_second(
	struct fa_world *world, void (*change)(struct fa_world_request *request), uint8_t flags_of_first)
{
	struct fa_world_request request = node(1);
	uint8_t message[WORLD_MESSAGE];

	request.fields.flags = flags_of_first;
	if (change) {
		struct fa_world_request other = node(2);

		change(&other);
		request.fields.home_address = request.source = other.fields.home_address;
	}
	fa_world_begin_with_visitor(world, &request);
	fa_world_clear(world);
	request = node(2);
	if (change)
		change(&request);
	fa_world_send(world, &request, message);
	return fa_world_code(world);
}

static void without_a_tunnel(struct fa_world_request *request)
{
	request->fields.flags = 0;
}

static void with_a_public_address(struct fa_world_request *request)
{
	request->fields.home_address = request->source = address("203.0.113.5");
}

/* rfc3024-A.4-6 */
static void the_second_needs_a_reverse_tunnel(void **state)
{
	struct fa_world world;

	(void)state;
	assert_int_equal(code_of_second(&world, NULL, MIP_REQUEST_T), -1);
	fa_world_end(&world);
	assert_int_equal(code_of_second(&world, without_a_tunnel, MIP_REQUEST_T), 75);
	fa_world_end(&world);
}

static void a_first_one_without_a_reverse_tunnel_has_the_address_alone(void **state)
{
	struct fa_world world;

	(void)state;
	assert_int_equal(code_of_second(&world, NULL, 0), 65);
	fa_world_end(&world);
}

/* RFC 3024 A.4: "private addresses" are strictly those of RFC 1918. Others are nobody else's. */
static void a_public_address_is_one_nodes(void **state)
{
	struct fa_world world;

	(void)state;
	assert_int_equal(code_of_second(&world, with_a_public_address, MIP_REQUEST_T), 65);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	fa_world_end(&world);
}

static void a_data_plane_that_cannot_tell_them_apart_gets_one(void **state)
{
	struct fa_world_request request = node(1);
	struct fa_world world;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	fa_core_plane(world.core, false);
	fa_world_clear(&world);
	request = node(2);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 65);
	fa_core_plane(world.core, true);
	fa_world_wait(&world, MIP_SECOND);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), -1);
	fa_world_end(&world);
}

/* rfc3024-A.4-3: the same link-layer information is the same node, with another home agent from now on. */
static void one_node_is_not_its_own_namesake(void **state)
{
	struct fa_world_request request = node(1);
	struct fa_visitor_view view;
	struct fa_world world;
	size_t all;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	request = node(2);
	request.link_address = link_address(1);
	fa_world_register(&world, &request);
	assert_false(is_visiting(&world, 1));
	assert_true(view_of(&world, 2, &view, &all));
	assert_int_equal(all, 1);
	assert_false(view.told_apart);
	fa_world_end(&world);
}

/* Of two that share an address the first comes to the other's home agent, which takes it for its node. */
static void who_takes_a_namesakes_place_leaves_its_own(void **state)
{
	struct fa_world_request request = node(2);
	struct fa_visitor_view view;
	struct fa_world world;
	struct mip_want item = visitor_item(1);
	size_t all;

	(void)state;
	begin_with_both(&world, WORLD_VISITED);
	fa_world_clear(&world);
	request.link_address = link_address(1);
	request.fields.identification++;
	fa_world_register(&world, &request);
	assert_true(view_of(&world, 2, &view, &all));
	assert_int_equal(all, 1);
	assert_false(view.told_apart);
	assert_true(mip_link_address_equal(view.link_address, link_address(1)));
	assert_true(is_unwanted(&world, &item));
	fa_world_end(&world);
}

/* RFC 3024 6.1 */
static void a_home_agent_of_the_claimants_own_cannot_speak_for_another(void **state)
{
	struct fa_world_request request = node(1);
	struct mip_registration_reply reply;
	struct fa_visitor_view view;
	struct fa_world world;
	uint8_t message[WORLD_MESSAGE];
	size_t all, length;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	request = node(2);
	fa_world_send(&world, &request, message);
	fa_world_clear(&world);
	reply = fa_world_reply_to(&request);
	reply.home_agent = node(1).fields.home_agent;
	length = fa_world_write_reply(&reply, NULL, NULL, message);
	fa_world_deliver(&world, request.fields.home_agent, message, length);
	assert_true(view_of(&world, 1, &view, &all));
	assert_int_equal(all, 1);
	assert_true(mip_link_address_equal(view.link_address, link_address(1)));
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 0);
	fa_world_end(&world);
}

/* rfc5944-3.7.2.1-4, -7: each by the key that is agreed on with it, if there is one. */
static void what_is_agreed_with_one_is_not_with_the_other(void **state)
{
	struct fa_mobile_node_settings named = {
		.home_address = address(SHARED), .home_agent = node(2).fields.home_agent};
	struct fa_world_request request = node(1);
	struct fa_world world;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	named.association = fa_world_association(1000);
	world.settings.mobile_nodes = &named;
	world.settings.mobile_node_count = 1;
	fa_world_start(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), -1);
	fa_world_clear(&world);
	request = node(2);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 67);
	/* Of no home agent in particular it is agreed on with both. */
	fa_world_wait(&world, 10 * MIP_SECOND);
	named.home_agent = (struct mip_address){0};
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	fa_world_clear(&world);
	request = node(1);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 67);
	fa_world_end(&world);
	mip_association_unref(named.association);
}

/* What is registered is as it was when the other one is denied, moves or renews. */
static void what_one_does_the_other_does_not_notice(void **state)
{
	struct fa_world_request request = node(2);
	struct mip_registration_reply reply;
	struct fa_visitor_view view;
	struct fa_world world;
	uint8_t message[WORLD_MESSAGE];
	size_t all;

	(void)state;
	begin_with_both(&world, WORLD_VISITED);
	fa_world_wait(&world, 100 * MIP_SECOND);
	fa_world_clear(&world);
	request.fields.identification++;
	fa_world_send(&world, &request, message);
	assert_true(view_of(&world, 1, &view, &all));
	assert_false(view.pending);
	assert_true(view_of(&world, 2, &view, &all));
	assert_true(view.pending);
	assert_int_equal(all, 2);
	reply = fa_world_reply_to(&request);
	reply.code = 131;
	fa_world_clear(&world);
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_code(&world), 131);
	assert_true(is_visiting(&world, 1));
	assert_true(is_visiting(&world, 2));
	request.fields.identification++;
	request.link = WORLD_OTHER_VISITED;
	fa_world_clear(&world);
	fa_world_register(&world, &request);
	assert_true(view_of(&world, 2, &view, &all));
	assert_string_equal(view.interface, "visit1");
	assert_true(view.remaining == 600 * MIP_SECOND);
	assert_true(view_of(&world, 1, &view, &all));
	assert_string_equal(view.interface, "visit0");
	assert_true(view.remaining == 500 * MIP_SECOND);
	fa_world_end(&world);
}

/* RFC 5944 3.7.3.1: home address and the low-order bits of the Identification are the same for both. */
static void replies_reach_the_node_of_the_home_agent_that_they_are_from(void **state)
{
	struct fa_world world;

	(void)state;
	for (uint8_t first = 1; first <= 2; first++) {
		struct fa_world_request one = node(1), two = node(2);
		struct mip_registration_reply reply;
		uint8_t message[WORLD_MESSAGE];

		fa_world_begin(&world);
		fa_world_send(&world, &one, message);
		fa_world_send(&world, &two, message);
		assert_int_equal(fa_core_pending_count(world.core), 2);
		for (uint8_t turn = 0; turn < 2; turn++) {
			uint8_t number = turn == 0 ? first : 3 - first;

			fa_world_clear(&world);
			reply = fa_world_reply_to(number == 1 ? &one : &two);
			reply.identification = (uint64_t)number << 32 | (uint32_t)reply.identification;
			fa_world_reply(&world, &reply);
			assert_true(mip_link_address_equal(
				fa_world_only(&world, MIP_OUTPUT_FRAME)->frame.destination,
				link_address(number)));
		}
		assert_int_equal(fa_core_pending_count(world.core), 0);
		assert_true(is_visiting(&world, 1));
		assert_true(is_visiting(&world, 2));
		fa_world_end(&world);
	}
}

static void a_reply_from_neither_home_agent_is_dropped(void **state)
{
	struct fa_world_request one = node(1), two = node(2);
	struct mip_registration_reply reply = fa_world_reply_to(&one);
	struct fa_world world;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	fa_world_begin(&world);
	fa_world_send(&world, &one, message);
	fa_world_send(&world, &two, message);
	length = fa_world_write_reply(&reply, NULL, NULL, message);
	fa_world_deliver(&world, address("198.51.100.3"), message, length);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_core_pending_count(world.core), 2);
	assert_int_equal(fa_world_counter(&world, "drop_reply_source"), 1);
	fa_world_end(&world);
}

static void each_request_times_out_for_its_own_node(void **state)
{
	struct fa_world_request one = node(1), two = node(2);
	struct mip_registration_reply reply;
	struct fa_world world;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	fa_world_send(&world, &one, message);
	fa_world_send(&world, &two, message);
	reply = fa_world_reply_to(&two);
	fa_world_reply(&world, &reply);
	fa_world_clear(&world);
	fa_world_wait(&world, 8 * MIP_SECOND);
	assert_int_equal(fa_world_code(&world), 78);
	assert_true(mip_link_address_equal(
		fa_world_only(&world, MIP_OUTPUT_FRAME)->frame.destination, link_address(1)));
	assert_true(is_visiting(&world, 2));
	fa_world_end(&world);
}

/* --- what is wanted for them ------------------------------------------------------------------ */

/* rfc3024-A.4-7: "foreign agents MUST disambiguate among mobile node with conflicting private addresses by using
 * link-layer information" */
static void namesakes_are_known_by_tunnel_and_link_address(void **state)
{
	struct fa_world_request request = node(1);
	struct mip_want item = visitor_item(1);
	const struct mip_want *found;
	struct fa_world world;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	assert_null(now_wanted(&world, &item));
	fa_world_clear(&world);
	request = node(2);
	request.link = WORLD_OTHER_VISITED;
	request.fields.flags |= MIP_REQUEST_G;
	fa_world_register(&world, &request);
	/* The first one is told apart as well from now on. */
	found = now_wanted(&world, &item);
	assert_non_null(found);
	assert_int_equal(found->visitor.link, WORLD_VISITED);
	assert_true(mip_link_address_equal(found->visitor.link_address, link_address(1)));
	assert_true(mip_address_equal(found->visitor.tunnel.local, address("10.2.0.1")));
	assert_int_equal(found->visitor.tunnel.end, MIP_TUNNEL_VISITED);
	assert_int_equal(found->visitor.tunnel.encapsulation, MIP_ENCAPSULATION_IPIP);
	assert_false(found->visitor.encapsulating);
	item = visitor_item(2);
	found = now_wanted(&world, &item);
	assert_non_null(found);
	assert_int_equal(found->visitor.link, WORLD_OTHER_VISITED);
	assert_true(mip_link_address_equal(found->visitor.link_address, link_address(2)));
	assert_int_equal(found->visitor.tunnel.encapsulation, MIP_ENCAPSULATION_GRE);
	/* Nothing that the address alone would choose is left. */
	item = tunnel_item();
	assert_true(is_unwanted(&world, &item));
	assert_null(now_wanted(&world, &item));
	item = neighbour_item(WORLD_VISITED);
	assert_true(is_unwanted(&world, &item));
	item = neighbour_item(WORLD_OTHER_VISITED);
	assert_null(now_wanted(&world, &item));
	item = rule_item(WORLD_VISITED, 79);
	assert_true(is_unwanted(&world, &item));
	fa_world_end(&world);
}

static void the_kernel_does_nothing_with_their_packets(void **state)
{
	struct fa_world world;
	const struct mip_want *found;
	struct mip_want item;

	(void)state;
	begin_with_both(&world, WORLD_VISITED);
	item = blackhole_item();
	found = now_wanted(&world, &item);
	assert_non_null(found);
	assert_int_equal(found->route.type, MIP_ROUTE_BLACKHOLE);
	item = rule_item(WORLD_VISITED, 81);
	assert_non_null(now_wanted(&world, &item));
	/* And what this host sends to the address goes to neither of them. */
	item = main_route_item();
	found = now_wanted(&world, &item);
	assert_non_null(found);
	assert_int_equal(found->route.link, MIP_LINK_TUNNEL);
	fa_world_end(&world);
}

static void write_delivery_style(struct mip_writer *writer)
{
	mip_extension_write(writer, MIP_EXTENSION_ENCAPSULATING_DELIVERY, NULL, 0);
}

static void in_the_encapsulating_style_its_own_tunnel_is_listened_to(void **state)
{
	struct fa_world_request request = node(2);
	struct mip_want item = visitor_item(2);
	const struct mip_want *found;
	struct fa_world world;

	(void)state;
	fa_world_init(&world);
	world.settings.encapsulating_delivery = true;
	fa_world_start(&world);
	request.link = WORLD_OTHER_VISITED;
	request.trailer = write_delivery_style;
	request.fields.flags |= MIP_REQUEST_M;
	fa_world_register(&world, &request);
	request = node(1);
	fa_world_register(&world, &request);
	found = now_wanted(&world, &item);
	assert_non_null(found);
	assert_true(found->visitor.encapsulating);
	assert_int_equal(found->visitor.delivery, MIP_ENCAPSULATION_MINIMAL);
	item = rule_item(WORLD_OTHER_VISITED, 81);
	assert_null(now_wanted(&world, &item));
	fa_world_end(&world);
}

/* --- alone again ------------------------------------------------------------------------------ */

static void assert_first_is_as_ever(const struct fa_world *world)
{
	const struct mip_want *found;
	struct mip_want item;

	for (uint8_t number = 1; number <= 2; number++) {
		item = visitor_item(number);
		assert_true(is_unwanted(world, &item));
	}
	item = rule_item(WORLD_VISITED, 81);
	assert_true(is_unwanted(world, &item));
	item = blackhole_item();
	assert_true(is_unwanted(world, &item));
	item = neighbour_item(WORLD_VISITED);
	found = now_wanted(world, &item);
	assert_non_null(found);
	assert_true(mip_link_address_equal(found->neighbour.link_address, link_address(1)));
	item = tunnel_item();
	found = now_wanted(world, &item);
	assert_non_null(found);
	assert_true(mip_address_equal(found->tunnel.remote, node(1).fields.home_agent));
	item = rule_item(WORLD_VISITED, 79);
	assert_non_null(now_wanted(world, &item));
	/* In its place at once, without a moment in which there is none. */
	item = main_route_item();
	found = now_wanted(world, &item);
	assert_non_null(found);
	assert_int_equal(found->route.link, WORLD_VISITED);
	assert_false(is_unwanted(world, &item));
}

static void when_one_expires_the_other_has_the_address_alone_again(void **state)
{
	struct fa_world_request request = node(1);
	struct fa_visitor_view view;
	struct fa_world world;
	size_t all;

	(void)state;
	begin_with_both(&world, WORLD_VISITED);
	fa_world_wait(&world, 300 * MIP_SECOND);
	request.fields.identification++;
	fa_world_register(&world, &request);
	fa_world_clear(&world);
	fa_world_wait(&world, 301 * MIP_SECOND);
	assert_false(is_visiting(&world, 2));
	assert_true(view_of(&world, 1, &view, &all));
	assert_false(view.told_apart);
	assert_first_is_as_ever(&world);
	fa_world_end(&world);
}

static void when_one_deregisters_the_other_has_the_address_alone_again(void **state)
{
	struct fa_world_request request = node(2);
	struct fa_world world;

	(void)state;
	begin_with_both(&world, WORLD_VISITED);
	request.fields.lifetime = 0;
	request.fields.identification++;
	fa_world_clear(&world);
	fa_world_register(&world, &request);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	assert_true(is_visiting(&world, 1));
	/* The deregistration's own outputs were cleared between request and reply: only the reply changes anything. */
	assert_first_is_as_ever(&world);
	fa_world_end(&world);
}

static void deregistering_where_it_never_was_removes_nobody(void **state)
{
	struct fa_world_request request = node(1);
	struct fa_world world;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	request = node(2);
	request.fields.lifetime = 0;
	fa_world_register(&world, &request);
	assert_int_equal(fa_world_code(&world), 0);
	assert_true(is_visiting(&world, 1));
	fa_world_end(&world);
}

static void a_third_one_keeps_the_two_told_apart(void **state)
{
	struct fa_world_request request = node(1);
	struct mip_want item;
	struct fa_world world;

	(void)state;
	begin_with_both(&world, WORLD_VISITED);
	request.fields.home_agent = address("198.51.100.3");
	request.link_address = link_address(3);
	fa_world_register(&world, &request);
	assert_int_equal(fa_core_visitor_count(world.core), 3);
	fa_world_clear(&world);
	assert_int_equal(fa_core_revoke(world.core, address(SHARED), address("198.51.100.3"), world.now), 0);
	fa_world_wait(&world, 0);
	/* What all want stays for those that are left. */
	item = rule_item(WORLD_VISITED, 81);
	assert_false(is_unwanted(&world, &item));
	item = main_route_item();
	assert_false(is_unwanted(&world, &item));
	item = visitor_item(1);
	assert_false(is_unwanted(&world, &item));
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 0);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_UNWANT), 1);
	fa_world_end(&world);
}

/* --- revocation ------------------------------------------------------------------------------- */

static void revoking_one_leaves_the_other(void **state)
{
	struct mip_address shared = address(SHARED), nobody = {0};
	struct fa_world world;

	(void)state;
	begin_with_both(&world, WORLD_OTHER_VISITED);
	assert_int_equal(fa_core_revoke(world.core, shared, nobody, world.now), -ENOTUNIQ);
	assert_int_equal(fa_core_revoke(world.core, shared, address("198.51.100.9"), world.now), -ENOENT);
	assert_int_equal(fa_core_visitor_count(world.core), 2);
	assert_int_equal(fa_core_revoke(world.core, shared, node(2).fields.home_agent, world.now), 0);
	assert_true(is_visiting(&world, 1));
	assert_false(is_visiting(&world, 2));
	/* Of one it is clear which one is meant. */
	assert_int_equal(fa_core_revoke(world.core, shared, nobody, world.now), 0);
	assert_int_equal(fa_core_revoke(world.core, shared, nobody, world.now), -ENOENT);
	fa_world_end(&world);
}

/* What the other has on its way is not given up with it. */
static void revoking_one_leaves_the_others_request(void **state)
{
	struct fa_world_request request = node(1);
	struct fa_world world;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	begin_with_both(&world, WORLD_VISITED);
	request.fields.identification++;
	fa_world_send(&world, &request, message);
	assert_int_equal(
		fa_core_revoke(world.core, address(SHARED), node(2).fields.home_agent, world.now), 0);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	assert_int_equal(
		fa_core_revoke(world.core, address(SHARED), node(1).fields.home_agent, world.now), 0);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

static void when_a_link_is_gone_the_other_ones_visitor_stays(void **state)
{
	struct mip_input_link gone = {.link = WORLD_OTHER_VISITED, .name = "visit1", .present = false};
	struct mip_want first = visitor_item(1), second = visitor_item(2);
	struct fa_world world;

	(void)state;
	begin_with_both(&world, WORLD_OTHER_VISITED);
	fa_world_clear(&world);
	fa_core_link(world.core, &gone, world.now);
	fa_world_wait(&world, 0);
	assert_false(is_unwanted(&world, &first));
	fa_world_clear(&world);
	gone.link = 16;
	gone.present = gone.up = true;
	gone.link_address = link_address(16);
	fa_core_link(world.core, &gone, world.now);
	fa_world_wait(&world, 0);
	assert_non_null(now_wanted(&world, &second));
	assert_int_equal(now_wanted(&world, &second)->visitor.link, 16);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_nodes_of_different_home_agents_may_have_one_private_address),
		cmocka_unit_test(the_link_alone_tells_two_nodes_apart),
		cmocka_unit_test(the_second_needs_a_reverse_tunnel),
		cmocka_unit_test(a_first_one_without_a_reverse_tunnel_has_the_address_alone),
		cmocka_unit_test(a_public_address_is_one_nodes),
		cmocka_unit_test(a_data_plane_that_cannot_tell_them_apart_gets_one),
		cmocka_unit_test(one_node_is_not_its_own_namesake),
		cmocka_unit_test(who_takes_a_namesakes_place_leaves_its_own),
		cmocka_unit_test(a_home_agent_of_the_claimants_own_cannot_speak_for_another),
		cmocka_unit_test(what_is_agreed_with_one_is_not_with_the_other),
		cmocka_unit_test(what_one_does_the_other_does_not_notice),
		cmocka_unit_test(replies_reach_the_node_of_the_home_agent_that_they_are_from),
		cmocka_unit_test(a_reply_from_neither_home_agent_is_dropped),
		cmocka_unit_test(each_request_times_out_for_its_own_node),
		cmocka_unit_test(namesakes_are_known_by_tunnel_and_link_address),
		cmocka_unit_test(the_kernel_does_nothing_with_their_packets),
		cmocka_unit_test(in_the_encapsulating_style_its_own_tunnel_is_listened_to),
		cmocka_unit_test(when_one_expires_the_other_has_the_address_alone_again),
		cmocka_unit_test(when_one_deregisters_the_other_has_the_address_alone_again),
		cmocka_unit_test(deregistering_where_it_never_was_removes_nobody),
		cmocka_unit_test(a_third_one_keeps_the_two_told_apart),
		cmocka_unit_test(revoking_one_leaves_the_other),
		cmocka_unit_test(revoking_one_leaves_the_others_request),
		cmocka_unit_test(when_a_link_is_gone_the_other_ones_visitor_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
