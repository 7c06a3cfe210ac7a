/*
 * How a foreign agent makes itself known (RFC 5944 2.1, 2.3; RFC 1256): what is in its advertisements, when
 * they come, their sequence numbers, and the answers to solicitations. The advertiser that it shares with the
 * home agent is driven through it, and by itself for the roll-over.
 */
#include "fa_world.h"

#include <string.h>

#include "address.h"
#include "advertiser.h"

/* The advertisements among the outputs on one link: how many, and the last of them. */
enum {
	UNICASTS = 50,
};

struct heard {
	size_t count;
	struct mip_agent_advertisement last;
	struct mip_ip ip;
	struct mip_link_address destination;
};

static struct heard heard_on(const struct fa_world *world, mip_link link)
{
	struct heard heard = {0};

	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];
		struct mip_reader reader, payload;

		if (output->kind != MIP_OUTPUT_FRAME || output->frame.link != link)
			continue;
		reader = mip_reader_of(output->octets, output->length);
		assert_int_equal(mip_ip_read(&reader, &heard.ip, &payload), 0);
		if (heard.ip.protocol != MIP_PROTOCOL_ICMP)
			continue;
		assert_int_equal(mip_advertisement_read(&payload, &heard.last), 0);
		heard.destination = output->frame.destination;
		heard.count++;
	}
	return heard;
}

static size_t count_on(const struct fa_world *world, mip_link link)
{
	return heard_on(world, link).count;
}

static struct heard heard_once(const struct fa_world *world, mip_link link)
{
	struct heard heard = heard_on(world, link);

	assert_int_equal(heard.count, 1);
	return heard;
}

static void an_advertisement_says_what_the_agent_is(void **state)
{
	/* rfc5944-2.1-2, rfc5944-2.1-3, rfc5944-2.3.1-1, rfc5944-2.3-8 */
	struct fa_world world;
	struct heard heard;

	(void)state;
	fa_world_init(&world);
	world.settings.advertise_prefix = true;
	fa_world_start(&world);
	heard = heard_once(&world, WORLD_OTHER_VISITED);
	assert_int_equal(heard.ip.ttl, 1);
	assert_true(mip_address_equal(heard.ip.source, address("10.3.0.1")));
	assert_true(mip_address_equal(heard.ip.destination, address("224.0.0.1")));
	assert_int_equal(heard.destination.octets[0], 0x01);
	assert_true(heard.last.is_agent);
	assert_int_equal(heard.last.code, 0);
	assert_int_equal(heard.last.lifetime, 3);
	assert_int_equal(heard.last.sequence, 0);
	assert_int_equal(heard.last.flags, MIP_AGENT_F | MIP_AGENT_M | MIP_AGENT_G | MIP_AGENT_T);
	assert_int_equal(heard.last.registration_lifetime, WORLD_LIFETIME_MOST);
	assert_int_equal(heard.last.care_of_address_count, 1);
	assert_true(mip_address_equal(heard.last.care_of_addresses[0], address("10.2.0.1")));
	assert_int_equal(heard.last.router_count, 1);
	assert_true(mip_address_equal(heard.last.routers[0].address, address("10.3.0.1")));
	assert_int_equal(heard.last.prefix_length_count, 1);
	assert_int_equal(heard.last.prefix_lengths[0], 24);
	assert_int_equal(count_on(&world, WORLD_UPLINK), 0);
	fa_world_end(&world);
}

static void the_flags_follow_the_settings(void **state)
{
	/* rfc5944-2.3-8, rfc5944-AppD-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct heard heard;

	(void)state;
	fa_world_init(&world);
	world.settings.reverse_tunnel = false;
	world.settings.gre = false;
	world.settings.minimal = false;
	world.settings.registration_required = true;
	world.settings.visitors_most = 1;
	request.fields.flags = 0;
	fa_world_start(&world);
	heard = heard_once(&world, WORLD_VISITED);
	assert_int_equal(heard.last.flags, MIP_AGENT_F | MIP_AGENT_R);
	assert_int_equal(heard.last.prefix_length_count, 0);
	fa_world_register(&world, &request);
	fa_world_clear(&world);
	fa_world_wait(&world, MIP_SECOND);
	heard = heard_once(&world, WORLD_VISITED);
	assert_int_equal(heard.last.flags, MIP_AGENT_F | MIP_AGENT_R | MIP_AGENT_B);
	fa_world_end(&world);
}

static void they_come_at_the_interval_a_little_early_and_never_late(void **state)
{
	/* rfc5944-2.1-6, rfc5944-2.1-7, rfc5944-2.3-1, rfc5944-3.7-1 */
	struct fa_world world;
	struct heard heard;

	(void)state;
	fa_world_begin(&world);
	fa_world_wait(&world, 100 * MIP_SECOND);
	heard = heard_on(&world, WORLD_VISITED);
	/* Always at the interval itself would be 101 and those of the beginning. */
	assert_in_range(heard.count, 103, 112);
	assert_int_equal(heard.last.sequence, heard.count - 1);
	fa_world_end(&world);
}

static void solicit_from(struct fa_world *world, const char *source, struct mip_link_address link_source,
	const char *destination)
{
	struct mip_ip ip = {.ttl = 1,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = address(source),
		.destination = address(destination)};
	uint8_t message[8], packet[64];
	struct mip_writer inner = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = WORLD_VISITED, .source = link_source, .ethertype = MIP_ETHERTYPE_IPV4};

	mip_solicitation_write(&inner);
	mip_ip_packet_write(&outer, &ip, inner.octets, inner.length);
	frame.octets = outer.octets;
	frame.length = outer.length;
	fa_core_frame(world->core, &frame, world->now);
	fa_world_wait(world, 0);
}

static void solicit(struct fa_world *world, const char *source, uint8_t mac, const char *destination)
{
	solicit_from(world, source, link_address(mac), destination);
}

static void a_solicitation_is_answered_at_once_to_its_link_address(void **state)
{
	/* rfc5944-2.1-1, rfc5944-2.1-2, rfc5944-2.1-4, rfc5944-2.3-3, rfc5944-2.3-4, rfc5944-2.3-5 */
	static const char *const destinations[] = {"224.0.0.2", "224.0.0.11", "255.255.255.255", "10.2.0.1"};
	struct fa_world world;
	struct heard heard;

	(void)state;
	fa_world_begin(&world);
	for (size_t i = 0; i < 4; i++) {
		fa_world_clear(&world);
		solicit(&world, "10.1.0.50", 0x50, destinations[i]);
		heard = heard_once(&world, WORLD_VISITED);
		assert_true(mip_link_address_equal(heard.destination, link_address(0x50)));
		assert_true(mip_address_equal(heard.ip.destination, address("10.1.0.50")));
		assert_int_equal(heard.ip.ttl, 1);
		assert_int_equal(heard.last.sequence, i + 1);
	}
	fa_world_clear(&world);
	solicit(&world, "10.1.0.50", 0x50, "10.9.9.9"); /* on its way to somebody else */
	assert_int_equal(count_on(&world, WORLD_VISITED), 0);
	assert_int_equal(fa_world_counter(&world, "solicitations_received"), 4);
	fa_world_end(&world);
}

static void a_solicitation_without_an_address_is_answered_to_all_soon(void **state)
{
	struct fa_world world;
	struct heard heard;

	(void)state;
	fa_world_begin(&world);
	fa_world_wait(&world, 500 * MIP_MILLISECOND);
	fa_world_clear(&world);
	solicit(&world, "0.0.0.0", 0x50, "224.0.0.11");
	fa_world_wait(&world, MIP_ADVERTISER_RESPONSE_DELAY);
	heard = heard_once(&world, WORLD_VISITED);
	assert_true(mip_address_equal(heard.ip.destination, address("224.0.0.1")));
	fa_world_end(&world);
}

static void a_flood_of_solicitations_is_answered_within_bounds(void **state)
{
	/* rfc5944-2.3-5 */
	struct fa_world world;

	(void)state;
	fa_world_init(&world);
	world.settings.limits.solicited = UNICASTS;
	fa_world_start(&world);
	fa_world_clear(&world);
	for (int i = 0; i < 1000; i++) {
		solicit(&world, "0.0.0.0", 0x50, "224.0.0.11");
		fa_world_wait(&world, MIP_MILLISECOND);
	}
	assert_in_range(count_on(&world, WORLD_VISITED), 5, 10);
	fa_world_clear(&world);
	for (int i = 0; i < 1000; i++) {
		solicit(&world, "10.1.0.50", 0x50, "224.0.0.11");
		fa_world_wait(&world, MIP_MILLISECOND);
	}
	assert_in_range(count_on(&world, WORLD_VISITED), UNICASTS, 2 * UNICASTS + 12);
	assert_in_range(
		fa_world_counter(&world, "solicitations_limited"), 1000 - 2 * UNICASTS, 1000 - UNICASTS);
	/* rfc5944-2.3-5: a link address that is everyone's makes an answer a broadcast. */
	fa_world_wait(&world, MIP_SECOND);
	fa_world_clear(&world);
	for (int i = 0; i < 1000; i++) {
		solicit_from(&world, "10.1.0.50",
			(struct mip_link_address){6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, "224.0.0.11");
		fa_world_wait(&world, MIP_MILLISECOND);
	}
	assert_in_range(count_on(&world, WORLD_VISITED), 5, 12);
	fa_world_end(&world);
}

static void the_multicast_may_be_a_broadcast_and_is_nothing_else(void **state)
{
	/* rfc5944-2.1-3 */
	struct fa_world world;
	struct heard heard;

	(void)state;
	fa_world_init(&world);
	world.settings.advertise_broadcast = true;
	fa_world_start(&world);
	heard = heard_once(&world, WORLD_VISITED);
	assert_true(mip_address_equal(heard.ip.destination, address("255.255.255.255")));
	assert_int_equal(heard.destination.length, 0);
	assert_int_equal(heard.ip.ttl, 1);
	fa_world_end(&world);
}

static void an_agent_that_speaks_only_when_asked_is_silent_otherwise(void **state)
{
	/* rfc5944-2.3-2 */
	struct fa_world world;

	(void)state;
	fa_world_init(&world);
	world.settings.advertise_solicited_only = true;
	fa_world_start(&world);
	fa_world_wait(&world, 100 * MIP_SECOND);
	assert_int_equal(count_on(&world, WORLD_VISITED), 0);
	solicit(&world, "10.1.0.50", 0x50, "224.0.0.2");
	assert_int_equal(count_on(&world, WORLD_VISITED), 1);
	solicit(&world, "0.0.0.0", 0x50, "224.0.0.2");
	fa_world_wait(&world, 100 * MIP_SECOND);
	assert_int_equal(count_on(&world, WORLD_VISITED), 2);
	fa_world_end(&world);
}

static void tell_link(struct fa_world *world, bool up)
{
	struct mip_input_link input = {.link = WORLD_VISITED, .name = "visit0", .present = true, .up = up};

	fa_core_link(world->core, &input, world->now);
	fa_world_wait(world, 0);
}

static void a_link_that_comes_up_is_advertised_on_at_once_with_the_next_number(void **state)
{
	struct fa_world world;
	struct heard heard;

	(void)state;
	fa_world_begin(&world);
	tell_link(&world, false);
	fa_world_clear(&world);
	fa_world_wait(&world, 10 * MIP_SECOND);
	assert_int_equal(count_on(&world, WORLD_VISITED), 0);
	tell_link(&world, true);
	heard = heard_once(&world, WORLD_VISITED);
	assert_int_equal(heard.last.sequence, 1);
	fa_world_end(&world);
}

static void a_link_without_an_address_is_advertised_on_from_the_care_of_address(void **state)
{
	/* rfc5944-2.3.1-1 */
	struct fa_world world;
	struct mip_input_address input = {
		.link = WORLD_OTHER_VISITED, .address = address("10.3.0.1"), .prefix_length = 24};
	struct heard heard;

	(void)state;
	fa_world_begin(&world);
	fa_world_wait(&world, 500 * MIP_MILLISECOND);
	fa_world_clear(&world);
	fa_core_address(world.core, &input, world.now);
	fa_world_wait(&world, 0);
	heard = heard_once(&world, WORLD_OTHER_VISITED);
	assert_true(mip_address_equal(heard.ip.source, address("10.2.0.1")));
	assert_int_equal(heard.last.router_count, 0);
	fa_world_end(&world);
}

static void an_agent_that_stops_says_so(void **state)
{
	struct fa_world world;
	struct heard heard;

	(void)state;
	fa_world_begin(&world);
	fa_world_clear(&world);
	fa_core_farewell(world.core, world.now);
	fa_world_wait(&world, 100 * MIP_SECOND);
	heard = heard_once(&world, WORLD_VISITED);
	assert_int_equal(heard.last.lifetime, 0);
	fa_world_end(&world);
}

static void a_restarted_agent_begins_with_number_0(void **state)
{
	/* rfc5944-2.3.2-1 */
	struct fa_world world;
	struct heard heard;

	(void)state;
	for (int run = 0; run < 2; run++) {
		fa_world_begin(&world);
		heard = heard_once(&world, WORLD_VISITED);
		assert_int_equal(heard.last.sequence, 0);
		fa_world_wait(&world, 20 * MIP_SECOND);
		fa_world_end(&world);
	}
}

static struct mip_advertiser_settings plain_settings(void)
{
	struct mip_advertiser_settings settings = {
		.address = address("10.2.0.1"),
		.flags = MIP_AGENT_F,
		.care_of_address_count = 1,
		.interval = MIP_SECOND,
		.lifetime = 3 * MIP_SECOND,
	};

	settings.care_of_addresses[0] = settings.address;
	return settings;
}

static void number_65535_is_followed_by_256(void **state)
{
	/* rfc5944-2.3.2-2 */
	struct mip_outbox outbox = {0};
	struct mip_deadlines deadlines = {0};
	struct mip_advertiser_environment environment = {.outbox = &outbox, .deadlines = &deadlines};
	struct mip_advertiser_settings settings = plain_settings();
	struct mip_advertiser advertiser;
	struct mip_now now = {.boot = MIP_SECOND};

	(void)state;
	mip_advertiser_init(&advertiser, &environment);
	assert_int_equal(mip_advertiser_configure(&advertiser, &settings), 0);
	advertiser.sequence = 0xffff;
	mip_advertiser_start(&advertiser, 1, now);
	assert_int_equal(advertiser.sequence, 256);
	mip_advertiser_clear(&advertiser);
	assert_true(mip_deadlines_next(&deadlines) == MIP_NEVER);
	mip_outbox_clear(&outbox);
	mip_deadlines_clear(&deadlines);
}

static void settings_against_the_rfc_are_refused(void **state)
{
	/* rfc5944-2.1.1-2, rfc5944-2.1.1-4, rfc5944-2.1.1-5, rfc5944-2.1.1-6 */
	struct mip_advertiser_environment environment = {0};
	struct mip_advertiser_settings settings = plain_settings();
	struct mip_advertiser advertiser;

	(void)state;
	mip_advertiser_init(&advertiser, &environment);
	settings.flags = MIP_AGENT_T;
	assert_int_equal(mip_advertiser_configure(&advertiser, &settings), -22);
	settings.flags = MIP_AGENT_H | MIP_AGENT_B;
	assert_int_equal(mip_advertiser_configure(&advertiser, &settings), -22);
	settings.flags = MIP_AGENT_H | MIP_AGENT_R;
	assert_int_equal(mip_advertiser_configure(&advertiser, &settings), -22);
	settings.flags = MIP_AGENT_F;
	settings.care_of_address_count = 0;
	assert_int_equal(mip_advertiser_configure(&advertiser, &settings), -22);
	settings.flags = MIP_AGENT_H;
	assert_int_equal(mip_advertiser_configure(&advertiser, &settings), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_advertisement_says_what_the_agent_is),
		cmocka_unit_test(the_flags_follow_the_settings),
		cmocka_unit_test(they_come_at_the_interval_a_little_early_and_never_late),
		cmocka_unit_test(a_solicitation_is_answered_at_once_to_its_link_address),
		cmocka_unit_test(a_solicitation_without_an_address_is_answered_to_all_soon),
		cmocka_unit_test(a_flood_of_solicitations_is_answered_within_bounds),
		cmocka_unit_test(the_multicast_may_be_a_broadcast_and_is_nothing_else),
		cmocka_unit_test(an_agent_that_speaks_only_when_asked_is_silent_otherwise),
		cmocka_unit_test(a_link_that_comes_up_is_advertised_on_at_once_with_the_next_number),
		cmocka_unit_test(a_link_without_an_address_is_advertised_on_from_the_care_of_address),
		cmocka_unit_test(an_agent_that_stops_says_so),
		cmocka_unit_test(a_restarted_agent_begins_with_number_0),
		cmocka_unit_test(number_65535_is_followed_by_256),
		cmocka_unit_test(settings_against_the_rfc_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
