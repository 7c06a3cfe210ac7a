/*
 * The mobile node registers: repetitions, replies, denials and renewals (RFC 5944 3.6).
 */
#include "mn_bench.h"

#include <string.h>
#include "authenticator.h"
#include "extension.h"
#include "packet.h"

static struct bench *const bench = &bench_of_test;

static void without_reverse_tunnel(struct mn_settings *settings)
{
	settings->reverse_tunnel = false;
	settings->nat_traversal = false;
}

static struct mn_foreign_agent_settings shared;

static void with_shared(struct mn_settings *settings)
{
	settings->foreign_agents = &shared;
	settings->foreign_agent_count = 1;
}

/* --- repetitions ------------------------------------------------------------------------------ */

static void test_unanswered_it_repeats_with_exponential_back_off_and_new_identifications(void **state)
{
	/* rfc5944-3.6.3-2, rfc5944-3.6.3-3, rfc5944-3.6.3-4 */
	static const int waits[] = {1, 2, 4, 8, 16, 32, 32, 32};
	struct bench_agent forever = bench_fa1;
	uint64_t last = 0;
	mip_time due = bench->now.boot;

	(void)state;
	forever.lifetime = 9000;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &forever);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(waits); i++) {
		struct bench_request request = bench_last_request(bench);

		assert_true(request.fixed.identification > last);
		last = request.fixed.identification;
		bench_forget(bench);
		due += waits[i] * MIP_SECOND;
		bench_pass(bench, due - MIP_MILLISECOND - bench->now.boot);
		assert_int_equal(bench_requests(bench), 0);
		bench_pass(bench, 2 * MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 1);
	}
	assert_int_equal(bench_state(bench), MN_STATE_UNREACHABLE);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void five_seconds(struct mn_settings *settings)
{
	settings->lifetime = 5;
}

static void test_unanswered_it_waits_no_longer_than_the_lifetime_that_it_asks_for(void **state)
{
	/* rfc5944-3.6.3-1 */
	static const int waits[] = {1, 2, 4, 5, 5, 5};
	struct bench_agent forever = bench_fa1;

	(void)state;
	forever.lifetime = 9000;
	bench_again_with(five_seconds);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &forever);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(waits); i++) {
		bench_forget(bench);
		bench_pass(bench, waits[i] * MIP_SECOND - MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 0);
		bench_pass(bench, MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 1);
	}
}

static void test_it_is_unreachable_after_three_time_outs(void **state)
{
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	bench_pass(bench, 6900 * MIP_MILLISECOND);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	bench_pass(bench, 200 * MIP_MILLISECOND);
	assert_int_equal(bench_state(bench), MN_STATE_UNREACHABLE);
}

static void with_nonces(struct mn_settings *settings)
{
	static uint8_t key[16] = {0, 0x11, 0x22, 0x33};
	struct mip_association_settings association = {.spi = 1000,
		.replay = MIP_REPLAY_NONCE,
		.replay_tolerance = 7 * MIP_SECOND,
		.key = {.octets = key, .length = sizeof(key)}};

	mip_association_unref(bench->home);
	assert_int_equal(mip_association_new(&association, &bench->home), 0);
	settings->home = bench->home;
}

static void test_with_nonces_the_unanswered_request_is_repeated_unchanged(void **state)
{
	struct bench_request first, second;
	uint8_t octets[512];

	(void)state;
	bench_again_with(with_nonces);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	first = bench_last_request(bench);
	memcpy(octets, first.octets, first.length);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 2);
	second = bench_last_request(bench);
	assert_int_equal(first.length, second.length);
	assert_memory_equal(octets, second.octets, second.length);
	/* The home agent hands out another nonce; the next request has it. */
	bench_reply(bench, &second,
		&(struct bench_reply){.lifetime = 600, .identification_xor = 0xabcdULL << 32});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_forget(bench);
	bench_pass(bench, 541 * MIP_SECOND);
	assert_int_equal(bench_last_request(bench).fixed.identification >> 32,
		(second.fixed.identification >> 32) ^ 0xabcd);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void start_at_fa1(struct bench_request *request)
{
	struct bench_agent forever = bench_fa1;

	forever.lifetime = 9000;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &forever);
	*request = bench_last_request(bench);
}

/* rfc5944-5.7-4, rfc5944-5.7.1-8 */
static void test_a_reply_that_is_forged_unsigned_or_unmatched_is_ignored_and_counted(void **state)
{
	/* rfc5944-3.6.2.1-2, rfc5944-3.6.2.1-3, rfc5944-3.6.2.1-4, rfc5944-3.6.2.1-5,
	 * rfc5944-3.6.2.1-8, rfc5944-3.6.2.1-9 */
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .forged = true});
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .unsigned_reply = true});
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .identification_xor = 1});
	bench_reply(bench, &request,
		&(struct bench_reply){.lifetime = 600, .home_address = mip_address_of(BENCH_HOME + 1)});
	bench_reply(bench, &request, &(struct bench_reply){.code = 131, .unsigned_reply = true});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_int_equal(bench_status(bench).last_code, -1);
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 1);
	assert_int_equal(bench_counter(bench, "drop_unauthenticated"), 2);
	assert_int_equal(bench_counter(bench, "drop_unmatched"), 2);
	assert_int_equal(bench_counter(bench, "replies_received"), 0);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_a_denial_in_the_agents_name_from_somebody_else_is_ignored(void **state)
{
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request,
		&(struct bench_reply){
			.code = 66, .unsigned_reply = true, .source = mip_address_of(BENCH_FA2)});
	assert_int_equal(bench_counter(bench, "drop_wrong_sender"), 1);
	assert_int_equal(bench_status(bench).last_code, -1);
}

static void test_a_foreign_agents_denial_of_a_direct_registration_is_ignored(void **state)
{
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	bench_deny(bench, 66);
	assert_int_equal(bench_counter(bench, "drop_wrong_sender"), 1);
}

static void test_a_late_reply_to_a_superseded_request_is_ignored(void **state)
{
	/* rfc5944-3.6.2.1-2, rfc5944-3.6.2.1-3 */
	struct bench_request first;

	(void)state;
	start_at_fa1(&first);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 2);
	bench_reply(bench, &first, &(struct bench_reply){.lifetime = 600});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_int_equal(bench_counter(bench, "drop_unmatched"), 1);
}

static void test_an_accepted_reply_works_once(void **state)
{
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_accept(bench);
	bench_accept(bench);
	assert_int_equal(bench_counter(bench, "replies_received"), 1);
	assert_int_equal(bench_counter(bench, "drop_unmatched"), 1);
}

static void test_an_unknown_extension_that_must_not_be_skipped_drops_the_reply(void **state)
{
	struct bench_request request;
	uint8_t octets[256], packet[300];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_udp udp = {.source_port = 434, .destination_port = BENCH_PORT};
	struct mip_ip ip = {
		.ttl = 1, .source = mip_address_of(BENCH_FA1), .destination = mip_address_of(BENCH_HOME)};

	(void)state;
	start_at_fa1(&request);
	mip_reply_write(&writer, &(struct mip_registration_reply){.lifetime = 600,
					 .home_address = request.fixed.home_address,
					 .home_agent = request.fixed.home_agent,
					 .identification = request.fixed.identification});
	mip_extension_write(&writer, 99, "?", 1);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, bench->home),
		0);
	size_t length = writer.length;
	writer = mip_writer_of(packet, sizeof(packet));
	mip_udp_packet_write(&writer, &ip, &udp, octets, length);
	bench_frame(bench, BENCH_WWAN, packet, writer.length);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_int_equal(bench_counter(bench, "drop_unknown_extension"), 1);
}

/* rfc3024-4-1: "… security association, they MUST use the appropriate Authentication Extension …" */
static void test_with_a_shared_association_the_agents_authenticator_is_required(void **state)
{
	/* rfc5944-3.6.2.1-6 */
	struct bench_request request;

	(void)state;
	shared = (struct mn_foreign_agent_settings){mip_address_of(BENCH_FA1), bench_other_association()};
	bench_again_with(with_shared);
	start_at_fa1(&request);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_int_equal(bench_counter(bench, "drop_unauthenticated"), 1);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .foreign = shared.association});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	mip_association_unref(shared.association);
}

static void test_the_granted_lifetime_counts_from_when_the_request_was_sent(void **state)
{
	/* rfc5944-3.4-4, rfc5944-3.6.2.2-4, rfc5944-3.6.2.2-5 */
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_pass(bench, 500 * MIP_MILLISECOND);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 300});
	assert_int_equal(bench_status(bench).lifetime, 300);
	assert_int_equal(bench_status(bench).remaining, 300 * MIP_SECOND - 500 * MIP_MILLISECOND);
}

static void test_more_than_was_asked_for_is_not_believed(void **state)
{
	/* rfc5944-3.4-3 */
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 5000});
	assert_int_equal(bench_status(bench).lifetime, 600);
}

static void test_a_lifetime_of_zero_is_no_binding(void **state)
{
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 0});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
}

static void infinite(struct mn_settings *settings)
{
	settings->lifetime = 65535;
}

static void test_an_infinite_lifetime_is_never_renewed(void **state)
{
	struct bench_agent agent = bench_fa1;

	(void)state;
	bench_again_with(infinite);
	agent.registration_lifetime = 65535;
	agent.lifetime = 9000;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	bench_accept(bench);
	bench_forget(bench);
	assert_int_equal(bench_status(bench).lifetime, 65535);
	assert_int_equal(bench_status(bench).remaining, MIP_NEVER);
	bench_pass(bench, 8000 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

/* --- denials ---------------------------------------------------------------------------------- */

static void test_denied_it_tries_again_after_1_2_4_up_to_32_seconds(void **state)
{
	static const int waits[] = {1, 2, 4, 8, 16, 32, 32};
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(waits); i++) {
		bench_deny(bench, 129);
		assert_int_equal(bench_status(bench).last_code, 129);
		assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
		bench_forget(bench);
		bench_pass(bench, waits[i] * MIP_SECOND - MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 0);
		bench_pass(bench, 2 * MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 1);
	}
	assert_int_equal(bench_counter(bench, "reply_129"), 7);
}

static void test_a_new_agent_resets_the_back_off(void **state)
{
	struct bench_request request;
	struct bench_agent second = bench_fa2;

	(void)state;
	start_at_fa1(&request);
	for (int i = 0; i < 5; i++) {
		bench_deny(bench, 129);
		bench_pass(bench, (1 << i) * MIP_SECOND + MIP_MILLISECOND);
	}
	bench_deny(bench, 129);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_forget(bench);
	second.link = BENCH_WWAN;
	bench_advertise(bench, &second);
	bench_pass(bench, MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	bench_deny(bench, 129);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 2);
}

static void test_a_link_that_comes_up_anew_resets_the_back_off(void **state)
{
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	for (int i = 0; i < 5; i++) {
		bench_deny(bench, 129);
		bench_pass(bench, (1 << i) * MIP_SECOND + MIP_MILLISECOND);
	}
	bench_deny(bench, 129);
	bench_forget(bench);
	bench_link(bench, BENCH_WWAN, false);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 1);
}

/* rfc5944-5.7.1-8 */
static void test_code_133_sets_the_clock_right(void **state)
{
	/* rfc5944-3.6.2.3-3 */
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	/* The home agent's clock is 1000 s ahead. */
	bench_reply(bench, &request,
		&(struct bench_reply){.code = 133,
			.identification_xor = ((request.fixed.identification >> 32) ^
						      ((request.fixed.identification >> 32) + 1000))
					      << 32});
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_in_range(bench_last_request(bench).fixed.identification >> 32,
		(request.fixed.identification >> 32) + 1000, (request.fixed.identification >> 32) + 1002);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_code_69_asks_for_the_lifetime_that_the_agent_takes(void **state)
{
	/* rfc5944-3.6.2.3-2 */
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(
		bench, &request, &(struct bench_reply){.code = 69, .lifetime = 77, .unsigned_reply = true});
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 77);
}

static void test_code_75_and_138_ask_for_the_reverse_tunnel_that_is_mandatory(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(without_reverse_tunnel);
	start_at_fa1(&request);
	assert_int_equal(request.fixed.flags, 0);
	bench_deny(bench, 75);
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T);
}

static void test_what_an_agent_wants_is_remembered_while_it_is_not_heard(void **state)
{
	struct bench_agent agent = bench_fa1;

	(void)state;
	bench_again_with(without_reverse_tunnel);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	bench_deny(bench, 75);
	bench_pass(bench, 4 * MIP_SECOND);
	assert_int_equal(bench_counter(bench, "agents_lost"), 1);
	bench_forget(bench);
	agent.sequence++;
	bench_advertise(bench, &agent);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T);
	/* A link that was down may lead to another network, and what was long ago may have changed. */
	bench_link(bench, BENCH_WWAN, false);
	bench_link(bench, BENCH_WWAN, true);
	bench_forget(bench);
	bench_advertise(bench, &agent);
	assert_int_equal(bench_last_request(bench).fixed.flags, 0);
	bench_deny(bench, 75);
	bench_pass(bench, 400 * MIP_SECOND);
	bench_forget(bench);
	bench_advertise(bench, &agent);
	assert_int_equal(bench_last_request(bench).fixed.flags, 0);
}

static void test_a_place_that_is_denied_by_its_agent_yields_to_another(void **state)
{
	(void)state;
	bench_registered_at_fa1(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
	bench_deny(bench, 66);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(mip_address_number(bench_status(bench).agent), BENCH_FA1);
	bench_forget(bench);
	bench_advertise(bench, &bench_fa1);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	/* … and is tried again when its time has come. */
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
}

/* --- dynamic home agents and home addresses --------------------------------------------------- */

static void without_home_agent(struct mn_settings *settings)
{
	settings->home_agent = (struct mip_address){0};
}

static void test_an_unknown_home_agent_is_found_by_the_broadcast_of_the_home_network(void **state)
{
	/* rfc5944-3.6.1.2-12 */
	struct bench_request request;

	(void)state;
	bench_again_with(without_home_agent);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), 0x0a0100ff);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0x0a0100ff);
	bench_reply(bench, &request,
		&(struct bench_reply){.code = 136,
			.home_agent = mip_address_of(BENCH_HOME_AGENT),
			.source = mip_address_of(BENCH_HOME_AGENT)});
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), BENCH_HOME_AGENT);
	assert_int_equal(mip_address_number(request.fixed.home_agent), BENCH_HOME_AGENT);
	bench_accept(bench);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), BENCH_HOME_AGENT);
}

static void test_through_an_agent_the_broadcast_stands_only_in_the_body(void **state)
{
	/* rfc5944-3.6.1.1-9, rfc5944-3.6.1.2-12 */
	struct bench_request request;

	(void)state;
	bench_again_with(without_home_agent);
	start_at_fa1(&request);
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0x0a0100ff);
}

static void test_code_136_does_not_move_a_configured_home_agent(void **state)
{
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request,
		&(struct bench_reply){.code = 136, .home_agent = mip_address_of(BENCH_HOME_AGENT + 1)});
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), BENCH_HOME_AGENT);
}

static void with_nai(struct mn_settings *settings)
{
	static char nai[] = "alice@example.org";

	settings->home_address = (struct mip_address){0};
	settings->nai = nai;
}

/* rfc2794-2-1 */
static void test_a_node_known_by_its_nai_takes_the_home_address_that_it_is_given(void **state)
{
	/* rfc5944-3.6.1.1-2, rfc5944-3.6.1.2-10, rfc5944-3.6-2 */
	struct bench_request request;
	struct mip_extensions extensions;

	(void)state;
	bench_again_with(with_nai);
	start_at_fa1(&request);
	assert_int_equal(mip_address_number(request.source), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	bench_extensions_of(&request, &extensions);
	assert_memory_equal(extensions.slot[MIP_SLOT_NODE_NAI].data, "alice@example.org", 17);
	assert_true(extensions.slot[MIP_SLOT_NODE_NAI].offset <
		    extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_false(bench_has_home_on(bench, MIP_LINK_TUNNEL));
	bench_reply(bench, &request,
		&(struct bench_reply){.lifetime = 600, .home_address = mip_address_of(0x0a010064)});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(mip_address_number(bench_status(bench).home_address), 0x0a010064);
	assert_true(bench_has_home_on(bench, MIP_LINK_TUNNEL));
}

/* --- renewals --------------------------------------------------------------------------------- */

static void keep_hearing(const struct bench_agent *agent, int seconds)
{
	struct bench_agent now = *agent;

	for (int i = 0; i < seconds; i++) {
		bench_advertise(bench, &now);
		now.sequence++;
		bench_pass(bench, MIP_SECOND);
	}
}

static void test_a_registration_is_renewed_before_it_ends(void **state)
{
	/* rfc5944-3.6.2.2-3, rfc5944-3.6-4, rfc5944-3.8.2.2-6 */
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 30});
	bench_forget(bench);
	bench_pass(bench, 19900 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 0);
	bench_pass(bench, 200 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_null(bench_event(bench, "handover", 0));
	bench_accept(bench);
	assert_int_equal(bench_status(bench).lifetime, 600);
	assert_in_range(bench_status(bench).remaining, 599 * MIP_SECOND, 600 * MIP_SECOND);
}

static void test_a_registration_that_cannot_be_renewed_ends(void **state)
{
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 12});
	bench_pass(bench, 11900 * MIP_MILLISECOND);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_pass(bench, 200 * MIP_MILLISECOND);
	assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_null(bench_status(bench).bound ? "bound" : NULL);
	bench_pass(bench, 60 * MIP_SECOND);
	assert_int_equal(bench_state(bench), MN_STATE_UNREACHABLE);
}

static void test_a_denied_renewal_leaves_the_binding_in_use(void **state)
{
	/* rfc5944-3.4-5 */
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 30});
	bench_pass(bench, 20100 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.code = 130, .lifetime = 2});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_status(bench).lifetime, 30);
	bench_forget(bench);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, request.fixed.lifetime);
	bench_pass(bench, 8 * MIP_SECOND);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_the_last_second_of_a_short_lifetime_is_kept_to(void **state)
{
	struct bench_request request;

	(void)state;
	start_at_fa1(&request);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 3});
	bench_forget(bench);
	bench_pass(bench, 2100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_requests_are_a_second_apart_without_a_link_layer_indication(void **state)
{
	/* rfc5944-2.4.2-2, rfc5944-3.6.3-3, rfc5944-3.6-6 */
	mip_time last = 0;

	(void)state;
	bench_registered_at_fa1(bench);
	for (int i = 0; i < 50; i++) {
		struct bench_agent agent = bench_fa1;
		size_t before = bench_requests(bench);

		agent.sequence = (uint16_t)(i % 2 ? 0 : 200); /* restarts all the time */
		bench_advertise(bench, &agent);
		bench_pass(bench, 100 * MIP_MILLISECOND);
		if (bench_requests(bench) == before)
			continue;
		bench_accept(bench);
		assert_true(bench->now.boot - last >= 900 * MIP_MILLISECOND);
		last = bench->now.boot;
	}
	keep_hearing(&bench_fa1, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unanswered_it_repeats_with_exponential_back_off_and_new_identifications),
		TEST(test_unanswered_it_waits_no_longer_than_the_lifetime_that_it_asks_for),
		TEST(test_it_is_unreachable_after_three_time_outs),
		TEST(test_with_nonces_the_unanswered_request_is_repeated_unchanged),
		TEST(test_a_reply_that_is_forged_unsigned_or_unmatched_is_ignored_and_counted),
		TEST(test_a_denial_in_the_agents_name_from_somebody_else_is_ignored),
		TEST(test_a_foreign_agents_denial_of_a_direct_registration_is_ignored),
		TEST(test_a_late_reply_to_a_superseded_request_is_ignored),
		TEST(test_an_accepted_reply_works_once),
		TEST(test_an_unknown_extension_that_must_not_be_skipped_drops_the_reply),
		TEST(test_with_a_shared_association_the_agents_authenticator_is_required),
		TEST(test_the_granted_lifetime_counts_from_when_the_request_was_sent),
		TEST(test_more_than_was_asked_for_is_not_believed),
		TEST(test_a_lifetime_of_zero_is_no_binding),
		TEST(test_an_infinite_lifetime_is_never_renewed),
		TEST(test_denied_it_tries_again_after_1_2_4_up_to_32_seconds),
		TEST(test_a_new_agent_resets_the_back_off),
		TEST(test_a_link_that_comes_up_anew_resets_the_back_off),
		TEST(test_code_133_sets_the_clock_right),
		TEST(test_code_69_asks_for_the_lifetime_that_the_agent_takes),
		TEST(test_code_75_and_138_ask_for_the_reverse_tunnel_that_is_mandatory),
		TEST(test_what_an_agent_wants_is_remembered_while_it_is_not_heard),
		TEST(test_a_place_that_is_denied_by_its_agent_yields_to_another),
		TEST(test_an_unknown_home_agent_is_found_by_the_broadcast_of_the_home_network),
		TEST(test_through_an_agent_the_broadcast_stands_only_in_the_body),
		TEST(test_code_136_does_not_move_a_configured_home_agent),
		TEST(test_a_node_known_by_its_nai_takes_the_home_address_that_it_is_given),
		TEST(test_a_registration_is_renewed_before_it_ends),
		TEST(test_a_registration_that_cannot_be_renewed_ends),
		TEST(test_a_denied_renewal_leaves_the_binding_in_use),
		TEST(test_the_last_second_of_a_short_lifetime_is_kept_to),
		TEST(test_requests_are_a_second_apart_without_a_link_layer_indication),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
