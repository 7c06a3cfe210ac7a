/*
 * The mobile node behind a NAT: tunnels in UDP, and what keeps their way open (RFC 3519).
 */
#include "mn_bench.h"

#include <string.h>
#include "extension.h"
#include "packet.h"

static struct bench *const bench = &bench_of_test;

static struct mip_want peer_of_home(uint16_t port)
{
	return (struct mip_want){.kind = MIP_WANT_PEER,
		.peer = {.home_address = mip_address_of(BENCH_HOME),
			.end = MIP_TUNNEL_VISITED,
			.remote = mip_address_of(BENCH_HOME_AGENT),
			.remote_port = port}};
}

static void register_through_nat(uint16_t keepalive)
{
	struct bench_request request;

	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	bench_reply(
		bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true, .keepalive = keepalive});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_forget(bench);
}

/* The octets of the last keep-alive's inner packet; their number, or 0. */
static size_t keepalive_of(uint8_t *packet, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < bench->count; i++) {
		const struct mip_output *output = &bench->outputs[i];

		if (output->kind != MIP_OUTPUT_DATAGRAM || output->octets[0] != MIP_MESSAGE_TUNNEL_DATA)
			continue;
		assert_int_equal(output->datagram.destination_port, 434);
		assert_int_equal(mip_address_number(output->datagram.source), BENCH_SPOT);
		/* rfc3519-4.9-3: by the socket that the requests leave by. */
		assert_int_equal(output->datagram.source_port, 0);
		length = output->length - MIP_TUNNEL_DATA_HEADER;
		assert_true(length <= size);
		memcpy(packet, output->octets + MIP_TUNNEL_DATA_HEADER, length);
	}
	return length;
}

static bool answer_keepalive(const uint8_t *request, size_t length)
{
	struct mip_reader reader = mip_reader_of(request, length), payload;
	struct mip_icmp_echo echo;
	struct mip_ip ip, back;
	uint8_t message[8], packet[64];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	bool taken;

	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	assert_int_equal(mip_address_number(ip.source), BENCH_HOME);
	assert_int_equal(mip_address_number(ip.destination), BENCH_HOME_AGENT);
	assert_int_equal(mip_icmp_echo_read(&payload, &echo), 0);
	assert_int_equal(echo.type, MIP_ICMP_ECHO_REQUEST);
	echo.type = MIP_ICMP_ECHO_REPLY;
	mip_icmp_echo_write(&writer, &echo, NULL, 0);
	back = (struct mip_ip){
		.ttl = 64, .protocol = MIP_PROTOCOL_ICMP, .source = ip.destination, .destination = ip.source};
	writer = mip_writer_of(packet, sizeof(packet));
	mip_ip_packet_write(&writer, &back, message, sizeof(message));
	taken = mn_core_tunnelled(bench->core, packet, writer.length, bench->now);
	bench_collect(bench);
	return taken;
}

/* rfc3519-4.4-4, rfc3519-4.7-2 */
static void test_behind_a_nat_the_tunnel_is_in_udp_from_the_port_of_the_request(void **state)
{
	struct mip_want peer = peer_of_home(434);

	(void)state;
	register_through_nat(0);
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_UDP);
	assert_int_equal(bench_tunnel(bench)->local_port, BENCH_PORT);
	assert_int_equal(bench_tunnel(bench)->remote_port, 434);
	assert_int_equal(bench_way_out(bench)->mtu, 1468);
	assert_non_null(bench_kernel(bench, &peer));
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_UDP);
}

static void without_reverse_tunnel(struct mn_settings *settings)
{
	settings->reverse_tunnel = false;
}

/* Packets from the home address do not survive a NAT; rfc3519-3.1.5-2: SHOULD set the 'T' bit. */
static void test_behind_a_nat_packets_go_by_the_tunnel_both_ways_and_the_home_agent_is_told(void **state)
{
	struct bench_request request;

	(void)state;
	bench_end(bench);
	bench_begin(bench, without_reverse_tunnel);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.flags, MIP_REQUEST_D);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true});
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true});
	bench_forget(bench);
	bench_pass(bench, 5 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

/* rfc3519-3.1.1-3, rfc3519-4.4-3 */
static void test_a_declined_or_missing_udp_tunnel_reply_means_none(void **state)
{
	struct bench_request request;

	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true, .udp_code = 64});
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_IPIP);
	bench_pass(bench, 560 * MIP_SECOND);
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600});
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_IPIP);
}

static void renew(const struct bench_reply *reply)
{
	struct bench_request request;

	bench_forget(bench);
	assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 1);
	request = bench_last_request(bench);
	bench_reply(bench, &request, reply);
}

/* rfc3519-4.6-13: MUST NOT assume that it goes on as before. */
static void test_a_home_agent_that_no_longer_grants_udp_is_believed(void **state)
{
	(void)state;
	register_through_nat(0);
	bench_pass(bench, 2 * MIP_SECOND);
	renew(&(struct bench_reply){.lifetime = 600});
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_IPIP);
	bench_pass(bench, 2 * MIP_SECOND);
	renew(&(struct bench_reply){.lifetime = 600, .udp = true});
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_UDP);
}

/* rfc3519-4.4-7: the home agent learns the port from it. */
static void test_through_an_agent_behind_a_nat_the_first_keep_alive_goes_out_at_once(void **state)
{
	struct bench_agent agent = bench_fa2;
	struct bench_request request;
	uint8_t packet[64];

	(void)state;
	bench->settings.care_of = MN_CARE_OF_CO_LOCATED;
	bench_link(bench, BENCH_WLAN, true);
	assert_int_equal(
		mn_core_reconfigure(bench->core, &bench->settings, bench->now, &(const char *){NULL}), 0);
	agent.flags |= MIP_AGENT_R | MIP_AGENT_U;
	bench_advertise(bench, &agent);
	bench_lease(bench);
	request = bench_last_request(bench);
	bench_forget(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_true(keepalive_of(packet, sizeof(packet)) > 0);
}

/* rfc3519-4.7-1 */
static void test_a_udp_tunnel_that_was_not_offered_is_not_taken(void **state)
{
	struct bench_request request;

	(void)state;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_IPIP);
}

/* rfc3519-3.2-2, rfc3519-3.2-3, rfc3519-4.9-1, rfc3519-4.9-2, rfc3519-4.9-3, rfc3519-4.9-4 */
static void test_keep_alives_go_out_at_the_interval_and_their_answers_are_taken(void **state)
{
	uint8_t packet[64];
	size_t length;

	(void)state;
	register_through_nat(0);
	bench_pass(bench, 109 * MIP_SECOND);
	assert_int_equal(keepalive_of(packet, sizeof(packet)), 0);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	length = keepalive_of(packet, sizeof(packet));
	assert_true(length > 0);
	assert_true(answer_keepalive(packet, length));
	bench_forget(bench);
	bench_pass(bench, 109 * MIP_SECOND);
	assert_int_equal(keepalive_of(packet, sizeof(packet)), 0);
	assert_int_equal(bench_counter(bench, "keepalives_answered"), 1);
}

/* rfc3519-3.2-1, rfc3519-4.10-2 */
static void test_the_home_agent_names_the_interval_but_never_less_than_10_seconds(void **state)
{
	uint8_t packet[64];

	(void)state;
	register_through_nat(3);
	bench_pass(bench, 9 * MIP_SECOND);
	assert_int_equal(keepalive_of(packet, sizeof(packet)), 0);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_true(keepalive_of(packet, sizeof(packet)) > 0);
}

/* rfc3519-4.4-5, rfc3519-4.10-1 */
static void test_unanswered_keep_alives_lead_to_another_registration_and_a_shorter_interval(void **state)
{
	uint8_t packet[64];
	struct bench_request request;

	(void)state;
	register_through_nat(0);
	bench_pass(bench, 110 * MIP_SECOND + 14 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	bench_pass(bench, 1500 * MIP_MILLISECOND);
	assert_int_equal(bench_counter(bench, "keepalives_sent"), 4);
	assert_int_equal(bench_counter(bench, "nat_mappings_lost"), 1);
	assert_int_equal(bench_requests(bench), 1);
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true});
	bench_forget(bench);
	assert_int_equal(request.source_port, BENCH_PORT);
	assert_int_equal(bench_tunnel(bench)->local_port, BENCH_PORT);
	/* rfc3519-4.2-1: SHALL NOT be tunnelled: by the link itself, from the care-of address. */
	assert_false(request.frame);
	assert_int_equal(request.link, BENCH_WLAN);
	assert_int_equal(mip_address_number(request.source), BENCH_SPOT);
	bench_pass(bench, 54 * MIP_SECOND);
	assert_int_equal(keepalive_of(packet, sizeof(packet)), 0);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_true(keepalive_of(packet, sizeof(packet)) > 0);
}

/* rfc3519-4.10-3: SHOULD return to the original interval. */
static void test_behind_another_nat_the_interval_is_the_original_one(void **state)
{
	struct bench_request request;

	(void)state;
	register_through_nat(0);
	bench_pass(bench, 126 * MIP_SECOND);
	assert_int_equal(bench_counter(bench, "nat_mappings_lost"), 1);
	bench_accept(bench);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, false);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, false);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT + 1, 24, true);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, true);
	bench_pass(bench, 2 * MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_SPOT + 1);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true});
	bench_forget(bench);
	bench_pass(bench, 107 * MIP_SECOND);
	assert_int_equal(bench_counter(bench, "keepalives_sent"), 4);
	bench_pass(bench, 2500 * MIP_MILLISECOND);
	assert_int_equal(bench_counter(bench, "keepalives_sent"), 5);
}

static void test_the_hosts_own_ping_through_the_tunnel_is_not_taken(void **state)
{
	uint8_t message[8], packet[64];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_ip ip = {.ttl = 64,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = mip_address_of(BENCH_HOME_AGENT),
		.destination = mip_address_of(BENCH_HOME)};

	(void)state;
	register_through_nat(0);
	mip_icmp_echo_write(&writer,
		&(struct mip_icmp_echo){.type = MIP_ICMP_ECHO_REPLY, .identifier = 7, .sequence = 1}, NULL,
		0);
	writer = mip_writer_of(packet, sizeof(packet));
	mip_ip_packet_write(&writer, &ip, message, sizeof(message));
	assert_false(mn_core_tunnelled(bench->core, packet, writer.length, bench->now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_behind_a_nat_the_tunnel_is_in_udp_from_the_port_of_the_request),
		TEST(test_behind_a_nat_packets_go_by_the_tunnel_both_ways_and_the_home_agent_is_told),
		TEST(test_a_declined_or_missing_udp_tunnel_reply_means_none),
		TEST(test_a_home_agent_that_no_longer_grants_udp_is_believed),
		TEST(test_through_an_agent_behind_a_nat_the_first_keep_alive_goes_out_at_once),
		TEST(test_a_udp_tunnel_that_was_not_offered_is_not_taken),
		TEST(test_keep_alives_go_out_at_the_interval_and_their_answers_are_taken),
		TEST(test_the_home_agent_names_the_interval_but_never_less_than_10_seconds),
		TEST(test_unanswered_keep_alives_lead_to_another_registration_and_a_shorter_interval),
		TEST(test_behind_another_nat_the_interval_is_the_original_one),
		TEST(test_the_hosts_own_ping_through_the_tunnel_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
