/*
 * Broadcasts and multicasts at the home agent (RFC 5944 4.3, 4.4; RFC 3024 5.3): who gets what of the home link, how it is
 * encapsulated, and what becomes of what nodes send.
 *
 *   neighbour 10.1.0.20 ── home0 ── home agent ── tunnels ── 10.1.0.50 (by a foreign agent, or co-located), 10.1.0.60
 */
#include "ha_group_world.h"

#include <string.h>

#include "igmp.h"
#include "packet.h"

static void away(struct world *world, struct ask ask, uint8_t flags)
{
	ask.flags |= flags;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
}

/* The other node, by the same foreign agent. */
static struct ask other_node(const struct world *world)
{
	struct ask ask = ha_ask_by_agent();

	ask.home_address = NONCE_ADDRESS;
	ask.security = world->nonce;
	return ask;
}

static void other_away(struct world *world, uint8_t flags)
{
	struct ask ask = other_node(world);

	ask.flags |= flags;
	ha_ask_send(world, &ask); /* 133: it tells the nonce */
	ha_world_pass(world, MIP_SECOND);
	ask.identification = ha_answer_take(world)->fields.identification;
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
}

/* --- 4.3 Broadcast Datagrams ------------------------------------------------------------------ */

/* rfc5944-4.3-1: MUST NOT forward it to any mobile nodes other than those that have requested forwarding. */
static void broadcasts_go_to_nodes_that_asked_and_to_nobody_else(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), 0);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
	other_away(world, MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_address_equal(group_copy_at(world, 0)->copy.home_address, NONCE_ADDRESS);
	assert_int_equal(ha_counter_value(world, "broadcasts_taken"), 1);
	assert_int_equal(ha_counter_value(world, "copies_sent"), 1);
}

/* rfc5944-4.3-2: for each such registered mobile node the home agent SHOULD forward received broadcast datagrams. */
static void each_node_that_asked_gets_a_copy_of_the_whole_packet(void **state)
{
	struct world *world = *state;
	struct group_datagram datagram = group_datagram_of(NEIGHBOUR, HOME_BROADCAST, PORT);

	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	other_away(world, MIP_REQUEST_B);
	group_take_frame(world, &datagram, false);
	assert_int_equal(group_copies(world), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(group_copy_at(world, i)->length, datagram.length);
		assert_memory_equal(group_copy_at(world, i)->octets, datagram.octets, datagram.length);
	}
	/* Not to the node that it is from. */
	group_say(world, NODE_ADDRESS, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_address_equal(group_copy_at(world, 0)->copy.home_address, NONCE_ADDRESS);
}

/* RFC 5944 4.3: 'D' set: simply tunnels; not set: first encapsulates it in a unicast datagram to the home address. */
/* rfc5944-3.6.1.2-3, rfc5944-3.6.1.2-4 */
static void a_foreign_agents_visitor_gets_it_encapsulated_twice_a_co_located_node_once(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_true(group_copy_at(world, 0)->copy.nested);
	assert_address_equal(group_copy_at(world, 0)->copy.source, HA_ADDRESS);
	away(world, ha_ask_co_located(), MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_false(group_copy_at(world, 0)->copy.nested);
}

static void what_is_the_links_own_stays_there(void **state)
{
	struct world *world = *state;
	uint8_t packet[64];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct group_datagram datagram;

	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, 67);
	assert_int_equal(group_copies(world), 0);
	group_say(world, NEIGHBOUR, EVERYONE, 68);
	assert_int_equal(group_copies(world), 0);
	group_say(world, NEIGHBOUR, EVERYONE, 434); /* registrations */
	assert_int_equal(group_copies(world), 0);
	mip_ip_packet_write(&writer,
		&(struct mip_ip){.ttl = 1, .protocol = 1, .source = NEIGHBOUR, .destination = EVERYONE},
		"\x09\x00\xf6\xff", 4);
	memcpy(datagram.octets, packet, writer.length);
	datagram.length = writer.length;
	group_take_frame(world, &datagram, false); /* a router advertisement */
	assert_int_equal(group_copies(world), 0);
	assert_int_equal(ha_counter_value(world, "copies_withheld"), 2);
	/* To this host alone, by its link address, though the packet says everyone. */
	datagram = group_datagram_of(NEIGHBOUR, EVERYONE, PORT);
	group_take_frame(world, &datagram, true);
	assert_int_equal(group_copies(world), 0);
	world->settings.broadcast_dhcp = true;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	group_say(world, NEIGHBOUR, EVERYONE, 68);
	assert_int_equal(group_copies(world), 1);
}

static void nothing_is_taken_off_the_link_while_nobody_asks(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_send(world, &ask);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_LISTEN, 0), -1);
	ha_world_pass(world, MIP_SECOND);
	ask.flags |= MIP_REQUEST_B;
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	assert_int_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_LISTEN, 0))->listen.link,
		HOME_LINK);
	ha_world_clear_outputs(world);
	other_away(world, MIP_REQUEST_B);
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), 0);
	ha_world_collect(world);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_LISTEN, 0), -1);
	assert_int_equal(ha_core_revoke(world->core, NONCE_ADDRESS, world->now), 0);
	ha_world_collect(world);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_LISTEN, 0) >= 0);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
}

/* rfc5944-3.8.2-3 */
static void a_home_agent_may_have_no_broadcasts_for_anyone(void **state)
{
	struct world *world = *state;

	world->settings.broadcasts = false;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
	assert_false(ha_only_binding(world).broadcast);
}

static void copies_are_limited_in_number(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	for (int i = 0; i < 2 * RATE; i++)
		group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(ha_counter_value(world, "copies_sent"), RATE);
	assert_int_equal(ha_counter_value(world, "drop_copy_limit"), RATE);
	ha_world_pass(world, MIP_SECOND);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
}

static void the_wish_for_broadcasts_survives_a_restart(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	struct mip_output record;
	int place;

	ask.flags |= MIP_REQUEST_B;
	ha_ask_send(world, &ask);
	place = ha_find_record(world, MIP_OUTPUT_KEEP, "binding/10.1.0.50");
	assert_true(place >= 0);
	record = world->outputs[place];
	world->outputs[place] = (struct mip_output){0};
	ha_world_clear_outputs(world);
	ha_core_free(world->core);
	ha_world_make(world);
	ha_core_record(world->core, record.key, record.octets, record.length, world->now);
	ha_world_link(world, true);
	ha_world_begin(world);
	mip_output_clear(&record);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_false(group_copy_at(world, 0)->copy.nested);
}

/* --- 4.4 Multicast Datagram Routing ----------------------------------------------------------- */

/* rfc5944-4.4-1, -3: the node joins via a bidirectional tunnel: it tunnels IGMP messages to its home agent. */
static void a_node_that_reports_a_group_gets_what_is_sent_there(void **state)
{
	struct world *world = *state;
	const struct mip_want *want;

	away(world, ha_ask_by_agent(), 0);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 0);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	/* The home agent is a member on the home link for its sake, and listens there. */
	want = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_GROUP, 0));
	assert_address_equal(want->group.address, GROUP);
	assert_int_equal(want->group.link, HOME_LINK);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_LISTEN, 0) >= 0);
	assert_true(ha_find_event(world, "group_joined") >= 0);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_address_equal(group_copy_at(world, 0)->copy.home_address, NODE_ADDRESS);
	group_say(world, NEIGHBOUR, OTHER, PORT);
	assert_int_equal(group_copies(world), 0);
	/* A broadcast it has not asked for. */
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
}

/* rfc5944-4.4-4: 'D' set: SHOULD tunnel it to the care-of address; otherwise MUST first encapsulate it in a unicast datagram
 * addressed to the home address. */
static void multicasts_are_encapsulated_as_broadcasts_are(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), 0);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_true(group_copy_at(world, 0)->copy.nested);
	/* It moves, and stays a member. */
	away(world, ha_ask_co_located(), 0);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_false(group_copy_at(world, 0)->copy.nested);
}

static void a_membership_ends_with_a_report_with_silence_or_with_the_binding(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), 0);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	group_report(world, NODE_ADDRESS, MIP_IGMP_LEAVE, GROUP);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_LISTEN, 0) >= 0);
	assert_true(ha_find_event(world, "group_left") >= 0);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	ha_world_pass(world, 209 * MIP_SECOND);
	assert_int_equal(ha_only_binding(world).groups, 1);
	ha_world_pass(
		world, 2 * MIP_SECOND); /* RFC 3376 8.4: twice the interval of 100 s, and 10 s to answer */
	assert_int_equal(ha_only_binding(world).groups, 0);
	assert_int_equal(ha_counter_value(world, "groups_expired"), 1);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	ha_world_clear_outputs(world);
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), 0);
	ha_world_collect(world);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP, 0) >= 0);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 0);
}

static void the_group_stays_joined_while_one_node_is_a_member(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), 0);
	other_away(world, 0);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	group_report(world, NONCE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_GROUP, 0), -1);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 2);
	group_report(world, NODE_ADDRESS, MIP_IGMP_LEAVE, GROUP);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP, 0), -1);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 1);
}

static void memberships_have_their_bounds(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), 0);
	other_away(world, 0);
	for (uint32_t i = 0; i < 2 * GROUPS_EACH; i++)
		group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, mip_address_of(0xef000001 + i));
	assert_int_equal(ha_counter_value(world, "groups_joined"), GROUPS_EACH);
	assert_int_equal(ha_counter_value(world, "groups_refused"), GROUPS_EACH);
	for (uint32_t i = 0; i < GROUPS_EACH; i++)
		group_report(world, NONCE_ADDRESS, MIP_IGMP_REPORT_V2, mip_address_of(0xef000101 + i));
	assert_int_equal(ha_counter_value(world, "groups_joined"), GROUPS_ALL);
	group_report(world, NONCE_ADDRESS, MIP_IGMP_REPORT_V2,
		mip_address_of(0xe0000001)); /* all systems: nobody reports it */
	assert_int_equal(ha_counter_value(world, "groups_joined"), GROUPS_ALL);
}

/* RFC 5944 4.4 assumes that the home agent is a multicast router: it asks. */
static void a_node_is_asked_when_its_binding_is_new_and_while_it_is_a_member(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_send(world, &ask);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	assert_int_equal(group_copies(world), 1);
	assert_true(group_copy_at(world, 0)->copy.nested);
	assert_int_equal(group_copy_at(world, 0)->length, MIP_IGMP_QUERY_PACKET);
	ha_world_pass(world, 30 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "igmp_queries_sent"), 2);
	ha_world_pass(world, 200 * MIP_SECOND); /* no member: not any more */
	assert_int_equal(ha_counter_value(world, "igmp_queries_sent"), 2);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	ha_world_pass(world, 201 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "igmp_queries_sent"), 4);
}

/* Who cannot answer is not asked: RFC 5944 4.4 has the groups joined "via a bidirectional tunnel". */
static void without_a_reverse_tunnel_or_multicast_nobody_is_asked(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	ask.flags = MIP_REQUEST_D;
	away(world, ask, MIP_REQUEST_B);
	ha_world_pass(world, 200 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "igmp_queries_sent"), 0);
	world->settings.multicast = false;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	away(world, ha_ask_co_located(), MIP_REQUEST_B);
	ha_world_pass(world, 200 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "igmp_queries_sent"), 0);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	assert_int_equal(ha_only_binding(world).groups, 0);
}

/* RFC 3024 5.3: "processes it as any other packet from the mobile node": it comes out on the home link. */
static void what_a_node_sends_to_all_or_to_a_group_comes_out_on_the_home_link(void **state)
{
	static const struct {
		uint32_t destination;
		uint8_t link[6];
	} cases[] = {
		{0xffffffff, {0}}, {0x0a0100ff, {0}}, {0xef810203, {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}}};
	struct world *world = *state;

	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	other_away(world, MIP_REQUEST_B);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct group_datagram datagram =
			group_datagram_of(NODE_ADDRESS, mip_address_of(cases[i].destination), PORT);
		const struct mip_output *frame;
		bool multicast = cases[i].link[0];

		group_tunnel(world, NODE_ADDRESS, datagram.octets, datagram.length);
		frame = &world->outputs[ha_find_kind(world, MIP_OUTPUT_FRAME, 0)];
		assert_int_equal(frame->frame.link, HOME_LINK);
		assert_int_equal(frame->frame.destination.length, multicast ? 6 : 0);
		assert_memory_equal(frame->frame.destination.octets, cases[i].link, 6);
		assert_int_equal(frame->length, datagram.length);
		assert_memory_equal(frame->octets, datagram.octets, datagram.length);
		/* The other node, which is not on the link, hears it as if it were; its sender does not. */
		assert_int_equal(group_copies(world), multicast ? 0 : 1);
		if (!multicast)
			assert_address_equal(group_copy_at(world, 0)->copy.home_address, NONCE_ADDRESS);
	}
	assert_int_equal(ha_counter_value(world, "group_packets_forwarded"), 3);
}

static void signalling_and_igmp_of_a_node_do_not_come_out(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), 0);
	group_tunnel_datagram(world, NODE_ADDRESS, EVERYONE, 434);
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_FRAME, 0), -1);
	group_report(world, NODE_ADDRESS, MIP_IGMP_QUERY, mip_address_of(0xe0000001));
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_FRAME, 0), -1);
	assert_int_equal(ha_counter_value(world, "drop_group"), 2);
	group_tunnel(world, NODE_ADDRESS, (const uint8_t *)"\x45", 1);
	group_tunnel_datagram(world, NONCE_ADDRESS, EVERYONE, PORT); /* has no binding */
	assert_int_equal(ha_counter_value(world, "drop_group"), 4);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, NODE_ADDRESS);
	assert_int_equal(ha_counter_value(world, "drop_malformed"), 1);
}

/* rfc5944-4.4-7: from the home address outside too; rfc3024-4.3.2-3: with a reverse tunnel nothing but that. */
static void without_a_reverse_tunnel_a_node_may_tunnel_from_its_home_address(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	const struct mip_want *want;

	ask.flags = MIP_REQUEST_D;
	ha_ask_send(world, &ask);
	want = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_GROUPS, 0));
	assert_int_equal(want->groups.end, MIP_TUNNEL_HOME);
	assert_address_equal(want->groups.home_address, NODE_ADDRESS);
	assert_address_equal(want->groups.remote, NODE_ADDRESS);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	ask.flags |= MIP_REQUEST_T;
	ha_ask_send(world, &ask);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUPS, 0) >= 0);
}

static void a_link_that_goes_takes_the_memberships_along_and_is_listened_to_when_it_is_back(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	ha_world_clear_outputs(world);
	ha_core_link(world->core, &(struct mip_input_link){.link = HOME_LINK, .name = "home0"}, world->now);
	ha_world_collect(world);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_LISTEN, 0) >= 0);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
	ha_world_link(world, true);
	ha_world_pass(world, MIP_SECOND);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_LISTEN, 0) >= 0);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
}

/* --- which network ---------------------------------------------------------------------------- */

#define VIRTUAL_NEIGHBOUR mip_address_of(0xac140033) /* 172.20.0.51 */
#define OTHER_VIRTUAL	  mip_address_of(0xac150032) /* 172.21.0.50 */

/* Away by a foreign agent, and a member of the group. */
static void virtual_member(struct world *world, struct mip_address home_address)
{
	struct ask ask = ha_ask_by_agent();

	ask.home_address = home_address;
	ask.security = world->virtual_node;
	away(world, ask, MIP_REQUEST_B);
	group_report(world, home_address, MIP_IGMP_REPORT_V2, GROUP);
}

static void a_node_of_a_virtual_network_is_heard_by_those_of_the_same_one(void **state)
{
	struct world *world = *state;
	const uint32_t destinations[] = {0xef010203, 0xffffffff, 0xac14ffff};

	world->networks[2] = (struct ha_network_settings){{mip_address_of(0xac150000), 16}, NULL};
	world->settings.network_count = 3;
	world->nodes[5] = (struct ha_node_settings){VIRTUAL_NEIGHBOUR, NULL, world->virtual_node, NULL};
	world->nodes[6] = (struct ha_node_settings){OTHER_VIRTUAL, NULL, world->virtual_node, NULL};
	world->settings.node_count = 7;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	virtual_member(world, VIRTUAL_NODE);
	virtual_member(world, VIRTUAL_NEIGHBOUR);
	virtual_member(world, OTHER_VIRTUAL);
	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(destinations); i++) {
		group_tunnel_datagram(world, VIRTUAL_NODE, mip_address_of(destinations[i]), PORT);
		assert_int_equal(group_copies(world), 1);
		assert_address_equal(group_copy_at(world, 0)->copy.home_address, VIRTUAL_NEIGHBOUR);
		assert_int_equal(ha_find_kind(world, MIP_OUTPUT_FRAME, 0), -1);
	}
}

static void the_broadcast_address_of_another_link_s_network_is_nobody_s_here(void **state)
{
	struct world *world = *state;

	world->networks[2] = (struct ha_network_settings){{mip_address_of(0x0a070000), 24}, "home1"};
	world->settings.network_count = 3;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, mip_address_of(0x0a0700ff), PORT);
	assert_int_equal(group_copies(world), 0);
	group_say(world, NEIGHBOUR, HOME_BROADCAST, PORT);
	assert_int_equal(group_copies(world), 1);
}

/* Other ICMP than that of agents is anybody's; what has no time to live left is nobody's (RFC 1812 5.3.1). */
static void an_echo_request_to_all_is_copied_and_a_packet_without_time_to_live_is_not(void **state)
{
	struct world *world = *state;

	away(world, ha_ask_by_agent(), MIP_REQUEST_B);
	for (int ttl = 1; ttl >= 0; ttl--) {
		struct group_datagram datagram;
		struct mip_writer writer = mip_writer_of(datagram.octets, sizeof(datagram.octets));
		struct mip_ip ip = {.ttl = (uint8_t)ttl,
			.protocol = MIP_PROTOCOL_ICMP,
			.source = NEIGHBOUR,
			.destination = HOME_BROADCAST};

		mip_ip_packet_write(&writer, &ip, "\x08\x00\xf7\xff\0\0\0\0", 8);
		datagram.length = writer.length;
		ha_world_clear_outputs(world);
		group_take_frame(world, &datagram, false);
		assert_int_equal(group_copies(world), ttl);
	}
}

static void the_broadcast_addresses_of_the_home_networks_are_told_to_the_data_plane(void **state)
{
	struct world *world = *state;

	world->networks[0].prefix.length = 25;
	ha_world_clear_outputs(world);
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_world_collect(world);
	assert_address_equal(ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_BROADCAST, 0))
				     ->broadcast.address,
		HOME_BROADCAST);
	assert_address_equal(ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_BROADCAST, 0))
				     ->broadcast.address,
		mip_address_of(0x0a01007f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP_TEST(broadcasts_go_to_nodes_that_asked_and_to_nobody_else),
		GROUP_TEST(each_node_that_asked_gets_a_copy_of_the_whole_packet),
		GROUP_TEST(a_foreign_agents_visitor_gets_it_encapsulated_twice_a_co_located_node_once),
		GROUP_TEST(what_is_the_links_own_stays_there),
		GROUP_TEST(nothing_is_taken_off_the_link_while_nobody_asks),
		GROUP_TEST(a_home_agent_may_have_no_broadcasts_for_anyone),
		GROUP_TEST(copies_are_limited_in_number),
		GROUP_TEST(the_wish_for_broadcasts_survives_a_restart),
		GROUP_TEST(a_node_that_reports_a_group_gets_what_is_sent_there),
		GROUP_TEST(multicasts_are_encapsulated_as_broadcasts_are),
		GROUP_TEST(a_membership_ends_with_a_report_with_silence_or_with_the_binding),
		GROUP_TEST(the_group_stays_joined_while_one_node_is_a_member),
		GROUP_TEST(memberships_have_their_bounds),
		GROUP_TEST(a_node_is_asked_when_its_binding_is_new_and_while_it_is_a_member),
		GROUP_TEST(what_a_node_sends_to_all_or_to_a_group_comes_out_on_the_home_link),
		GROUP_TEST(signalling_and_igmp_of_a_node_do_not_come_out),
		GROUP_TEST(without_a_reverse_tunnel_a_node_may_tunnel_from_its_home_address),
		GROUP_TEST(a_link_that_goes_takes_the_memberships_along_and_is_listened_to_when_it_is_back),
		GROUP_TEST(the_broadcast_addresses_of_the_home_networks_are_told_to_the_data_plane),
		GROUP_TEST(without_a_reverse_tunnel_or_multicast_nobody_is_asked),
		GROUP_TEST(a_node_of_a_virtual_network_is_heard_by_those_of_the_same_one),
		GROUP_TEST(the_broadcast_address_of_another_link_s_network_is_nobody_s_here),
		GROUP_TEST(an_echo_request_to_all_is_copied_and_a_packet_without_time_to_live_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
