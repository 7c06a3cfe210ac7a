/*
 * Agent Advertisements of the home agent on its home links, and the answers to solicitations (RFC 5944 2.3;
 * RFC 1256 4.3).
 */
#include "ha_test.h"

#include <string.h>

#include "advertisement.h"

static int setup_advertising(void **state)
{
	static struct world world;

	ha_world_prepare(&world);
	world.settings.advertise.enabled = true;
	ha_world_make(&world);
	ha_world_begin(&world);
	*state = &world;
	return 0;
}

/* The n-th (from 0) advertisement among the outputs; false when there are fewer. */
static bool advertisement_at(const struct world *world, int n, struct mip_output_frame *ret_frame,
	struct mip_ip *ret_ip, struct mip_agent_advertisement *ret_advertisement)
{
	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];
		struct mip_reader reader = mip_reader_of(output->octets, output->length), payload;

		if (output->kind != MIP_OUTPUT_FRAME || output->frame.ethertype != MIP_ETHERTYPE_IPV4 ||
			mip_ip_read(&reader, ret_ip, &payload) < 0 ||
			mip_advertisement_read(&payload, ret_advertisement) < 0)
			continue;
		*ret_frame = output->frame;
		if (n-- == 0)
			return true;
	}
	return false;
}

static int count_advertisements(const struct world *world)
{
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;
	int count = 0;

	while (advertisement_at(world, count, &frame, &ip, &advertisement))
		count++;
	return count;
}

static void solicit(struct world *world, struct mip_address source, struct mip_address destination)
{
	struct mip_ip ip = {
		.ttl = 1, .protocol = MIP_PROTOCOL_ICMP, .source = source, .destination = destination};
	uint8_t message[16], packet[64];
	struct mip_writer inner = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {.link = HOME_LINK,
		.source = ha_node_link_address,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet};

	mip_solicitation_write(&inner);
	mip_ip_packet_write(&outer, &ip, message, inner.length);
	frame.length = outer.length;
	ha_core_frame(world->core, &frame, world->now);
	ha_world_collect(world);
}

static void the_first_advertisement_leaves_at_once_and_has_the_number_0(void **state)
{
	/* rfc5944-2.1-2, rfc5944-2.1-3, rfc5944-2.3.2-1 */
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;

	assert_true(advertisement_at(world, 0, &frame, &ip, &advertisement));
	assert_int_equal(advertisement.sequence, 0);
	assert_int_equal(frame.link, HOME_LINK);
	assert_memory_equal(frame.destination.octets, "\x01\x00\x5e\x00\x00\x01", 6);
	assert_int_equal(ip.ttl, 1);
	assert_address_equal(ip.source, HA_ADDRESS);
	assert_address_equal(ip.destination, mip_address_of(0xe0000001));
}

static void an_advertisement_says_home_agent_lifetimes_and_prefix(void **state)
{
	/* rfc5944-2.1.1-3, rfc5944-2.3.1-1, rfc5944-2.3-6, rfc5944-2.3-8 */
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;

	assert_true(advertisement_at(world, 0, &frame, &ip, &advertisement));
	/* U is for foreign agents, B, R and F too. */
	assert_int_equal(advertisement.flags, MIP_AGENT_H | MIP_AGENT_M | MIP_AGENT_G | MIP_AGENT_T);
	assert_int_equal(advertisement.lifetime, 3);
	assert_int_equal(advertisement.registration_lifetime, 1800);
	assert_int_equal(advertisement.care_of_address_count, 0);
	assert_int_equal(advertisement.router_count, 1);
	assert_address_equal(advertisement.routers[0].address, HA_ADDRESS);
	assert_int_equal(advertisement.prefix_length_count, 1);
	assert_int_equal(advertisement.prefix_lengths[0], 24);
}

static void advertisements_follow_each_other_within_the_interval_with_the_next_number(void **state)
{
	/* rfc5944-2.1-6, rfc5944-2.3-1, rfc5944-2.3.2-2 */
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;
	int count;

	ha_world_clear_outputs(world);
	ha_world_pass(world, 20 * MIP_SECOND);
	count = count_advertisements(world);
	assert_in_range(count, 20, 28);
	for (int i = 0; i < count; i++) {
		assert_true(advertisement_at(world, i, &frame, &ip, &advertisement));
		assert_int_equal(advertisement.sequence, i + 1);
	}
}

static void after_the_number_65535_comes_256(void **state)
{
	/* rfc5944-2.3.2-2 */
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;
	unsigned previous = 0;

	for (;;) {
		ha_world_clear_outputs(world);
		ha_world_pass(world, MIP_SECOND);
		if (!advertisement_at(world, 0, &frame, &ip, &advertisement))
			continue;
		if (advertisement.sequence < previous)
			break;
		assert_in_range(advertisement.sequence, previous, 65535);
		previous = advertisement.sequence;
		if (previous == 65535 && advertisement_at(world, 1, &frame, &ip, &advertisement))
			break;
	}
	assert_in_range(previous, 65534, 65535);
	assert_in_range(advertisement.sequence, 256, 257);
}

static void a_solicitation_is_answered_to_the_link_address_that_it_came_from(void **state)
{
	/* rfc5944-2.1-1, rfc5944-2.1-4, rfc5944-2.3-4 */
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;
	const uint32_t destinations[] = {0xe0000002, 0xe000000b, 0xffffffff, 0x0a010001};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(destinations); i++) {
		ha_world_clear_outputs(world);
		solicit(world, NODE_ADDRESS, mip_address_of(destinations[i]));
		assert_true(advertisement_at(world, 0, &frame, &ip, &advertisement));
		assert_true(mip_link_address_equal(frame.destination, ha_node_link_address));
		assert_address_equal(ip.destination, NODE_ADDRESS);
		assert_int_equal(ip.ttl, 1);
	}
	assert_int_equal(ha_counter_value(world, "solicitations_received"), 4);
}

static void a_solicitation_from_nowhere_is_answered_to_all_a_moment_later(void **state)
{
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;

	ha_world_pass(world, 300 * MIP_MILLISECOND);
	ha_world_clear_outputs(world);
	for (int i = 0; i < 10; i++)
		solicit(world, (struct mip_address){0}, mip_address_of(0xe0000002));
	ha_world_pass(world, 100 * MIP_MILLISECOND);
	assert_int_equal(count_advertisements(world), 1);
	assert_true(advertisement_at(world, 0, &frame, &ip, &advertisement));
	assert_address_equal(ip.destination, mip_address_of(0xe0000001));
}

static void a_flood_of_solicitations_is_answered_at_a_limited_rate(void **state)
{
	/* rfc5944-2.3-5 */
	struct world *world = *state;

	ha_world_clear_outputs(world);
	for (int i = 0; i < 1000; i++)
		solicit(world, NODE_ADDRESS, mip_address_of(0xe0000002));
	assert_int_equal(count_advertisements(world), 1000);
	world->settings.advertise.solicited = 50;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	for (int i = 0; i < 1000; i++)
		solicit(world, NODE_ADDRESS, mip_address_of(0xe0000002));
	assert_in_range(count_advertisements(world), 50, 52);
	assert_in_range(ha_counter_value(world, "solicitations_limited"), 948, 950);
}

static void a_home_agent_that_waits_to_be_asked_is_silent_until_then(void **state)
{
	/* rfc5944-2.3-2 */
	struct world *world = *state;

	world->settings.advertise.solicited_only = true;
	ha_core_free(world->core);
	ha_world_clear_outputs(world);
	ha_world_make(world);
	ha_world_begin(world);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(count_advertisements(world), 0);
	solicit(world, NODE_ADDRESS, mip_address_of(0xe0000002));
	assert_int_equal(count_advertisements(world), 1);
}

static void a_link_that_goes_down_is_left_in_silence_and_its_numbers_go_on(void **state)
{
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;

	ha_world_clear_outputs(world);
	ha_world_link(world, false);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(count_advertisements(world), 0);
	ha_world_link(world, true);
	ha_world_collect(world);
	assert_true(advertisement_at(world, 0, &frame, &ip, &advertisement));
	assert_int_equal(advertisement.sequence, 1);
}

static void an_advertisement_comes_from_the_address_in_the_home_network_of_the_link(void **state)
{
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;

	ha_core_free(world->core);
	ha_world_clear_outputs(world);
	world->networks[0].prefix = (struct mip_prefix){mip_address_of(0x0a050000), 24};
	world->settings.node_count = 0;
	ha_world_make(world);
	ha_world_link(world, true);
	ha_world_address(world, mip_address_of(0x0a060001), 24, true);
	ha_world_address(world, mip_address_of(0x0a050009), 24, true);
	ha_core_begin(world->core, world->now);
	ha_world_collect(world);
	assert_true(advertisement_at(world, 0, &frame, &ip, &advertisement));
	assert_address_equal(ip.source, mip_address_of(0x0a050009));
}

static void a_link_that_is_no_home_link_hears_no_advertisement(void **state)
{
	/* rfc5944-2.3-7 */
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_input_link uplink = {.link = UPLINK, .name = "uplink0", .present = true, .up = true};
	struct mip_input_address address = {
		.link = UPLINK, .address = mip_address_of(0x0a090001), .prefix_length = 24, .present = true};
	struct mip_output_frame frame;
	struct mip_ip ip;

	ha_core_link(world->core, &uplink, world->now);
	ha_core_address(world->core, &address, world->now);
	ha_world_pass(world, 10 * MIP_SECOND);
	for (int n = 0; advertisement_at(world, n, &frame, &ip, &advertisement); n++)
		assert_int_equal(frame.link, HOME_LINK);
	assert_in_range(count_advertisements(world), 10, 20);
}

static void the_prefix_length_is_left_out_where_the_link_s_other_agents_have_none(void **state)
{
	/* rfc5944-2.3-8 */
	struct world *world = *state;
	static struct mip_agent_advertisement advertisement;
	struct mip_output_frame frame;
	struct mip_ip ip;

	ha_core_free(world->core);
	ha_world_clear_outputs(world);
	world->settings.advertise.prefix_lengths = false;
	ha_world_make(world);
	ha_world_begin(world);
	assert_true(advertisement_at(world, 0, &frame, &ip, &advertisement));
	assert_int_equal(advertisement.router_count, 1);
	assert_int_equal(advertisement.prefix_length_count, 0);
}

static void other_frames_of_the_link_change_nothing(void **state)
{
	struct world *world = *state;
	uint8_t octets[60] = {0x45};
	struct mip_input_frame frame = {.link = HOME_LINK,
		.source = ha_node_link_address,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = octets};

	ha_world_clear_outputs(world);
	for (frame.length = 0; frame.length <= sizeof(octets); frame.length++)
		ha_core_frame(world->core, &frame, world->now);
	frame.link = 99;
	ha_core_frame(world->core, &frame, world->now);
	ha_world_collect(world);
	assert_int_equal(world->count, 0);
}

#define ADVERTISING(name) cmocka_unit_test_setup_teardown(name, setup_advertising, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ADVERTISING(the_first_advertisement_leaves_at_once_and_has_the_number_0),
		ADVERTISING(an_advertisement_says_home_agent_lifetimes_and_prefix),
		ADVERTISING(advertisements_follow_each_other_within_the_interval_with_the_next_number),
		ADVERTISING(after_the_number_65535_comes_256),
		ADVERTISING(a_solicitation_is_answered_to_the_link_address_that_it_came_from),
		ADVERTISING(a_solicitation_from_nowhere_is_answered_to_all_a_moment_later),
		ADVERTISING(a_flood_of_solicitations_is_answered_at_a_limited_rate),
		ADVERTISING(a_home_agent_that_waits_to_be_asked_is_silent_until_then),
		ADVERTISING(a_link_that_goes_down_is_left_in_silence_and_its_numbers_go_on),
		ADVERTISING(an_advertisement_comes_from_the_address_in_the_home_network_of_the_link),
		ADVERTISING(a_link_that_is_no_home_link_hears_no_advertisement),
		ADVERTISING(the_prefix_length_is_left_out_where_the_link_s_other_agents_have_none),
		ADVERTISING(other_frames_of_the_link_change_nothing),
	};

	(void)setup;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
