/*
 * Registration revocation (RFC 3543) at the mobile node: what it offers and when (3.2, 4.2.1), what the home
 * agent's revocation does to a direct co-located binding (4.2.2.3), and what a foreign agent's advertisements
 * say (4.1, 6.1).
 */
#include "mn_bench.h"

#include <string.h>

#include "authenticator.h"
#include "packet.h"
#include "replay.h"
#include "revocation.h"

#define HOME_CLOCK 7000 /* the home agent's timestamps: its clock is far from ours */

static void with_revocation(struct mn_settings *settings)
{
	settings->revocation = true;
	settings->care_of = MN_CARE_OF_ANY;
}

static bool offers(const struct bench_request *request)
{
	struct mip_extensions extensions;

	bench_extensions_of(request, &extensions);
	return extensions.present[MIP_SLOT_REVOCATION_SUPPORT];
}

/* At the hot spot, co-located; the home agent has answered so. */
static void bound(struct bench *bench, const struct bench_reply *said)
{
	struct bench_request request;
	struct bench_reply reply = *said;

	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	reply.lifetime = request.fixed.lifetime;
	bench_reply(bench, &request, &reply);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_pass(bench, 10 * MIP_SECOND);
	bench_forget(bench);
}

static const struct bench_reply agreed = {.revocation = true, .revocation_timestamp = HOME_CLOCK};

static struct mip_revocation home_agents_revocation(void)
{
	return (struct mip_revocation){
		.from_home_agent = true,
		.inform = true,
		.home_address = mip_address_of(BENCH_HOME),
		.home_domain = mip_address_of(BENCH_HOME_AGENT),
		.foreign_domain = mip_address_of(BENCH_SPOT),
		.identifier = HOME_CLOCK + 10,
	};
}

static void deliver(
	struct bench *bench, const struct mip_revocation *revocation, const struct mip_association *by)
{
	uint8_t message[128], packet[256];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {.ttl = 60,
		.source = mip_address_of(BENCH_HOME_AGENT),
		.destination = mip_address_of(BENCH_SPOT)};
	struct mip_udp udp = {.source_port = 5434, .destination_port = BENCH_PORT};

	mip_revocation_write(&writer, revocation);
	if (by)
		assert_int_equal(
			mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, by),
			0);
	mip_udp_packet_write(&outer, &ip, &udp, message, writer.length);
	bench_frame(bench, BENCH_WLAN, packet, outer.length);
}

static size_t acknowledgments(const struct bench *bench, struct mip_revocation_ack *ret_ack)
{
	struct mip_extensions extensions;
	size_t count = 0;

	for (size_t i = 0; i < bench->count; i++) {
		const struct mip_output *output = &bench->outputs[i];
		struct mip_reader reader = mip_reader_of(output->octets, output->length);

		if (output->kind != MIP_OUTPUT_DATAGRAM ||
			mip_message_type(output->octets, output->length) != MIP_MESSAGE_REVOCATION_ACK)
			continue;
		/* rfc3543-4.2.2.2-9: "to the IP source address of the revocation message". */
		assert_true(
			mip_address_equal(output->datagram.destination, mip_address_of(BENCH_HOME_AGENT)));
		assert_int_equal(output->datagram.destination_port, 5434);
		assert_true(mip_address_equal(output->datagram.source, mip_address_of(BENCH_SPOT)));
		assert_int_equal(output->datagram.source_port, BENCH_PORT);
		assert_int_equal(mip_revocation_ack_read(&reader, ret_ack), 0);
		assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
		assert_int_equal(mip_authenticator_check(bench->home, output->octets,
					 mip_extension_of(&extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION)),
			0);
		count++;
	}
	return count;
}

static size_t revocations_sent(const struct bench *bench)
{
	size_t count = 0;

	for (size_t i = 0; i < bench->count; i++)
		count += bench->outputs[i].kind == MIP_OUTPUT_DATAGRAM &&
			 mip_message_type(bench->outputs[i].octets, bench->outputs[i].length) ==
				 MIP_MESSAGE_REVOCATION;
	return count;
}

/* --- 3.2, 4.2.1 --------------------------------------------------------------------------------- */

/* rfc3543-4.2.1-6, rfc3543-3.2-1, rfc3543-3.2-5, rfc3543-3.2-6 */
static void a_direct_co_located_node_offers_it_under_its_authenticator(void **state)
{
	struct bench *bench = *state;
	struct mip_extensions extensions;
	struct mip_revocation_support support;
	struct bench_request request;

	bench_again_with(with_revocation);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	assert_true(request.fixed.flags & MIP_REQUEST_D);
	bench_extensions_of(&request, &extensions);
	assert_true(extensions.present[MIP_SLOT_REVOCATION_SUPPORT]);
	assert_true(extensions.slot[MIP_SLOT_REVOCATION_SUPPORT].offset <
		    extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_int_equal(
		mip_revocation_support_read(&extensions.slot[MIP_SLOT_REVOCATION_SUPPORT], &support), 0);
	assert_int_equal(support.timestamp, (uint32_t)(mip_ntp_of(bench->now.wall) >> 32));
	assert_int_equal(extensions.slot[MIP_SLOT_REVOCATION_SUPPORT].data[0], 0x80);
	assert_int_equal(extensions.slot[MIP_SLOT_REVOCATION_SUPPORT].data[1], 0);
}

/* rfc3543-3.2-2, rfc3543-4.2.1-8, and 4.3.2: nor with the D bit through an agent that insists (R) */
static void through_a_foreign_agent_nothing_is_offered(void **state)
{
	struct bench *bench = *state;
	struct bench_agent insisting = bench_fa1;
	struct bench_request request;

	bench_again_with(with_revocation);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	request = bench_last_request(bench);
	assert_false(request.fixed.flags & MIP_REQUEST_D);
	assert_false(offers(&request));
	bench_end(bench);
	bench_begin(bench, with_revocation);
	bench->settings.care_of = MN_CARE_OF_CO_LOCATED;
	bench_link(bench, BENCH_WLAN, true);
	insisting.link = BENCH_WLAN;
	insisting.flags |= MIP_AGENT_R;
	bench_advertise(bench, &insisting);
	bench_lease(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	request = bench_last_request(bench);
	assert_true(request.frame);
	assert_false(offers(&request));
}

static void who_does_not_want_it_offers_nothing_and_drops_revocations(void **state)
{
	struct bench *bench = *state;
	struct mip_revocation revocation = home_agents_revocation();

	bound(bench, &agreed);
	deliver(bench, &revocation, bench->home);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_counter(bench, "drop_revocation_unknown"), 1);
}

/* --- 4.2.2.3 ------------------------------------------------------------------------------------- */

/* rfc3543-4.2.2.2-7, -8, -9, rfc3543-3.4-5, rfc3543-3.4-6, rfc3543-3.5-1 */
static void a_revocation_is_acknowledged_first_and_the_node_registers_anew(void **state)
{
	struct bench *bench = *state;
	struct mip_revocation revocation = home_agents_revocation();
	struct mip_revocation_ack ack;

	bench_again_with(with_revocation);
	bound(bench, &agreed);
	deliver(bench, &revocation, bench->home);
	assert_int_equal(acknowledgments(bench, &ack), 1);
	assert_true(mip_address_equal(ack.home_address, mip_address_of(BENCH_HOME)));
	assert_int_equal(ack.identifier, revocation.identifier);
	assert_non_null(bench_event(bench, "revoked", 0));
	assert_null(bench_tunnel(bench));
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	bench_pass(bench, MIP_SECOND);
	assert_true(bench_requests(bench) >= 1);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	/* rfc3543-4-1, rfc3543-4.2.4-1 */
	assert_int_equal(revocations_sent(bench), 0);
}

static void check_dropped(struct bench *bench, const struct mip_revocation *revocation,
	const struct mip_association *by, const char *counter)
{
	uint64_t before = bench_counter(bench, counter);
	struct mip_revocation_ack ack;

	deliver(bench, revocation, by);
	assert_int_equal(acknowledgments(bench, &ack), 0);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_counter(bench, counter), before + 1);
}

/* rfc3543-3.3-8, rfc3543-4.2.2.2-7, rfc3543-3.5-2, rfc3543-3.5-4 */
static void what_is_forged_replayed_or_of_another_agent_is_dropped(void **state)
{
	struct bench *bench = *state;
	struct mip_association *other = bench_other_association();
	struct mip_revocation revocation = home_agents_revocation();

	bench_again_with(with_revocation);
	bound(bench, &agreed);
	check_dropped(bench, &revocation, NULL, "drop_authenticator");
	check_dropped(bench, &revocation, other, "drop_authenticator");
	revocation.identifier = HOME_CLOCK;
	check_dropped(bench, &revocation, bench->home, "drop_revocation_replay");
	revocation = home_agents_revocation();
	revocation.from_home_agent = false;
	check_dropped(bench, &revocation, bench->home, "drop_revocation_replay");
	mip_association_unref(other);
}

/* rfc3543-4.2.2.2-8 */
static void what_is_about_another_binding_is_dropped(void **state)
{
	struct bench *bench = *state;
	struct mip_revocation revocation = home_agents_revocation();

	bench_again_with(with_revocation);
	bound(bench, &agreed);
	revocation.home_address = mip_address_of(BENCH_HOME + 1);
	check_dropped(bench, &revocation, bench->home, "drop_revocation_unknown");
	revocation = home_agents_revocation();
	revocation.home_domain = mip_address_of(BENCH_FA1);
	check_dropped(bench, &revocation, bench->home, "drop_revocation_unknown");
	revocation = home_agents_revocation();
	revocation.foreign_domain = mip_address_of(BENCH_FA1);
	check_dropped(bench, &revocation, bench->home, "drop_revocation_unknown");
}

/* rfc3543-3.2-6, rfc3543-4.2.1-7: agreed on is only what the home agent's authenticator covers */
static void without_a_protected_answer_nothing_is_agreed_on(void **state)
{
	struct bench *bench = *state;
	struct mip_revocation revocation = home_agents_revocation();
	struct bench_reply late = agreed;

	late.revocation_late = true;
	bench_again_with(with_revocation);
	bound(bench, &late);
	check_dropped(bench, &revocation, bench->home, "drop_revocation_unknown");
	bench_again_with(with_revocation);
	bound(bench, &(struct bench_reply){0});
	check_dropped(bench, &revocation, bench->home, "drop_revocation_unknown");
}

/* rfc3543-3.4-5, rfc3543-3.5-4 */
static void a_repetition_is_acknowledged_again_and_a_copy_is_not(void **state)
{
	struct bench *bench = *state;
	struct mip_revocation revocation = home_agents_revocation();
	struct mip_revocation_ack ack;

	bench_again_with(with_revocation);
	bound(bench, &agreed);
	deliver(bench, &revocation, bench->home);
	deliver(bench, &revocation, bench->home);
	assert_int_equal(acknowledgments(bench, &ack), 1);
	assert_int_equal(bench_counter(bench, "drop_revocation_replay"), 1);
	revocation.identifier++;
	deliver(bench, &revocation, bench->home);
	assert_int_equal(acknowledgments(bench, &ack), 2);
	assert_int_equal(ack.identifier, revocation.identifier);
}

/* --- 4.2.4 ---------------------------------------------------------------------------------------- */

/* rfc3543-4.2.4-1, rfc3543-4-1: "MUST NOT send a revocation message, but SHOULD simply deregister" */
static void a_node_that_ends_its_binding_deregisters(void **state)
{
	struct bench *bench = *state;
	struct bench_request request;
	const char *reason;

	bench_again_with(with_revocation);
	bound(bench, &agreed);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 0);
	request = bench_last_request(bench);
	assert_false(offers(&request));
	bench_pass(bench, 30 * MIP_SECOND);
	assert_int_equal(revocations_sent(bench), 0);
}

/* --- 4.1, 6.1 ------------------------------------------------------------------------------------- */

/* rfc3543-4.1-1 */
static void an_advertisement_with_number_0_makes_the_node_register_again(void **state)
{
	struct bench *bench = *state;
	struct bench_agent agent = bench_fa1;

	agent.sequence = 300;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	bench_accept(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_forget(bench);
	agent.sequence = 0;
	agent.to_node = true;
	bench_advertise(bench, &agent);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 600);
	/* The agent's other advertisements go on as before: no restart. */
	bench_accept(bench);
	bench_forget(bench);
	agent.sequence = 301;
	agent.to_node = false;
	bench_advertise(bench, &agent);
	bench_pass(bench, MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

/* The agent had not got beyond 0: 4.1, "a unicast agent advertisement with the sequence number reset to 0 could
 * indicate a revocation". */
static void number_0_to_the_node_itself_counts_after_number_0_too(void **state)
{
	struct bench *bench = *state;
	struct bench_agent agent = bench_fa1;

	agent.sequence = 0;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	bench_accept(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_forget(bench);
	bench_advertise(bench, &agent); /* to everyone: a copy of the first */
	assert_int_equal(bench_requests(bench), 0);
	agent.to_node = true;
	bench_advertise(bench, &agent);
	assert_int_equal(bench_requests(bench), 1);
}

/* RFC 3543 4.1: "indicating this foreign agent is busy": another agent is looked for */
static void a_busy_agent_that_revokes_is_left_for_another(void **state)
{
	struct bench *bench = *state;
	struct bench_agent agent = bench_fa1;

	agent.sequence = 300;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	bench_accept(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_forget(bench);
	agent.sequence = 0;
	agent.to_node = true;
	agent.flags |= MIP_AGENT_B;
	bench_advertise(bench, &agent);
	assert_int_equal(bench_requests(bench), 1);
	bench_deny(bench, MIP_CODE_FA_PROHIBITED);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.care_of_address), BENCH_FA2);
}

/* RFC 3543 6.1: "specifically those whose TTL is not 1, or which do not emanate from the same link-address" */
static void a_forged_advertisement_does_not_make_the_node_register(void **state)
{
	struct bench *bench = *state;
	struct bench_agent agent = bench_fa1;

	agent.sequence = 300;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	bench_accept(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_forget(bench);
	agent.sequence = 0;
	agent.to_node = true;
	agent.ttl = 64;
	bench_advertise(bench, &agent);
	agent.ttl = 0;
	agent.card = BENCH_FA2;
	bench_advertise(bench, &agent);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_counter(bench, "drop_advertisement"), 2);
	/* An agent with another card is heard when the old one has been silent for its lifetime. */
	agent.to_node = false;
	bench_pass(bench, 4 * MIP_SECOND);
	bench_advertise(bench, &agent);
	assert_int_equal(bench_counter(bench, "drop_advertisement"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_direct_co_located_node_offers_it_under_its_authenticator),
		TEST(through_a_foreign_agent_nothing_is_offered),
		TEST(who_does_not_want_it_offers_nothing_and_drops_revocations),
		TEST(a_revocation_is_acknowledged_first_and_the_node_registers_anew),
		TEST(what_is_forged_replayed_or_of_another_agent_is_dropped),
		TEST(what_is_about_another_binding_is_dropped),
		TEST(without_a_protected_answer_nothing_is_agreed_on),
		TEST(a_repetition_is_acknowledged_again_and_a_copy_is_not),
		TEST(a_node_that_ends_its_binding_deregisters),
		TEST(an_advertisement_with_number_0_makes_the_node_register_again),
		TEST(number_0_to_the_node_itself_counts_after_number_0_too),
		TEST(a_busy_agent_that_revokes_is_left_for_another),
		TEST(a_forged_advertisement_does_not_make_the_node_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
