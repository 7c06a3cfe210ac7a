/*
 * Two bindings at once at the mobile node (the S bit, RFC 5944 3.6.1.2) and what else each of them may have of its own:
 * challenges (RFC 4721), revocation (RFC 3543), an agent that restarts (RFC 5944 2.4.4), a NAT (RFC 3519), a way of
 * delivery (RFC 3024 5).
 *
 *   wwan0: FA1, or co-located 10.5.0.9 ── handover with S ──> wlan0: FA2, or co-located 10.4.0.20
 */
#include "mn_bench.h"

#include <string.h>

#include "authenticator.h"
#include "extension.h"
#include "packet.h"
#include "revocation.h"

#define FIELD	      0x0a050009U /* 10.5.0.9, of 10.5.0.0/24: co-located on wwan0 */
#define FIELD_GATEWAY 0x0a050001U
#define FIRST_CLOCK   7000 /* the home agent's timestamps in its replies for wwan0 … */
#define SECOND_CLOCK  7020 /* … and for wlan0 */

static struct bench *const bench = &bench_of_test;
static struct mip_association *aaa;

enum {
	GRACE = 3, /* s: the overlap */
	REVOCATION_MAX = 128,
};

static void with_s(struct mn_settings *settings)
{
	settings->simultaneous = true;
	settings->grace = GRACE * MIP_SECOND;
	settings->revocation = true;
	settings->aaa = aaa;
}

static void with_s_and_encapsulating_delivery(struct mn_settings *settings)
{
	with_s(settings);
	settings->delivery = MN_DELIVERY_ENCAPSULATING;
}

static int make(void **state)
{
	aaa = bench_other_association();
	bench_begin(&bench_of_test, with_s);
	*state = &bench_of_test;
	return 0;
}

static int unmake(void **state)
{
	int status = bench_teardown(state);

	mip_association_unref(aaa);
	return status;
}

#define SEVERAL(name) cmocka_unit_test_setup_teardown(name, make, unmake)

/* --- what is asked and answered ------------------------------------------------------------------ */

static bool has_s(void)
{
	return bench_last_request(bench).fixed.flags & MIP_REQUEST_S;
}

static uint32_t asked_for(void)
{
	return mip_address_number(bench_last_request(bench).fixed.care_of_address);
}

static uint32_t bound_at(void)
{
	return mip_address_number(bench_status(bench).care_of_address);
}

/* What the node says to it is all that counts then. */
static void answer(struct bench_reply reply)
{
	struct bench_request request = bench_last_request(bench);

	if (reply.lifetime == 0)
		reply.lifetime = request.fixed.lifetime;
	bench_forget(bench);
	bench_reply(bench, &request, &reply);
}

static void accept(void)
{
	answer((struct bench_reply){0});
}

static void assert_challenge(const char *expected)
{
	struct bench_request request = bench_last_request(bench);
	struct mip_extensions extensions;
	const struct mip_extension *challenge;

	bench_extensions_of(&request, &extensions);
	challenge = mip_extension_of(&extensions, MIP_SLOT_CHALLENGE);
	assert_non_null(challenge);
	assert_int_equal(challenge->data_length, strlen(expected));
	assert_memory_equal(challenge->data, expected, strlen(expected));
}

static void advertise(const struct bench_agent *usual, uint16_t sequence, const char *challenge)
{
	struct bench_agent agent = *usual;

	agent.sequence = sequence;
	agent.challenge = challenge;
	agent.lifetime = 60;
	bench_advertise(bench, &agent);
}

/* RFC 3543 4.1: "a unicast agent advertisement with the sequence number reset to 0". */
static void revoked_by(const struct bench_agent *usual)
{
	struct bench_agent agent = *usual;

	agent.sequence = 0;
	agent.to_node = true;
	agent.lifetime = 60;
	bench_advertise(bench, &agent);
}

/* --- through two foreign agents ------------------------------------------------------------------ */

static void at_fa1(const char *challenge)
{
	bench_link(bench, BENCH_WWAN, true);
	advertise(&bench_fa1, 300, challenge);
}

static void to_fa2(const char *challenge)
{
	bench_pass(bench, 2 * MIP_SECOND);
	bench_forget(bench);
	bench_link(bench, BENCH_WLAN, true);
	advertise(&bench_fa2, 300, challenge);
	assert_int_equal(asked_for(), BENCH_FA2);
	assert_true(has_s());
}

/* FA1's binding is kept beside FA2's, which is in use. */
static void at_both(void)
{
	at_fa1(NULL);
	accept();
	to_fa2(NULL);
	accept();
	assert_int_equal(bound_at(), BENCH_FA2);
	assert_true(bench_status(bench).simultaneous);
	bench_forget(bench);
}

/* --- challenges ------------------------------------------------------------------------------------ */

/* rfc4721-3.1-1: each request has the challenge of the agent that it goes through, also with S and without. */
static void each_agent_gets_its_own_challenges(void **state)
{
	const char *reason;

	(void)state;
	at_fa1("first of FA1");
	assert_challenge("first of FA1");
	answer((struct bench_reply){.challenge = "second of FA1"});
	to_fa2("first of FA2");
	assert_challenge("first of FA2");
	answer((struct bench_reply){.challenge = "second of FA2"});
	/* The overlap is over. */
	bench_pass(bench, GRACE * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(asked_for(), BENCH_FA2);
	assert_false(has_s());
	assert_challenge("second of FA2");
	answer((struct bench_reply){.challenge = "third of FA2"});
	bench_pass(bench, 2 * MIP_SECOND);
	/* And back: the one that FA1's reply gave was not used meanwhile. */
	assert_int_equal(mn_core_handover(bench->core, "wwan0", bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(asked_for(), BENCH_FA1);
	assert_true(has_s());
	assert_challenge("second of FA1");
}

/* rfc4721-3.5-1: "a new challenge"; the wish that the old binding be kept stays with the request, and so does the old
 * binding. */
static void a_challenge_that_is_not_believed_takes_neither_the_s_bit_nor_the_old_binding(void **state)
{
	(void)state;
	at_fa1(NULL);
	accept();
	to_fa2("stale");
	answer((struct bench_reply){
		.code = MIP_CODE_FA_UNKNOWN_CHALLENGE, .unsigned_reply = true, .challenge = "fresh"});
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(asked_for(), BENCH_FA2);
	assert_challenge("fresh");
	assert_true(has_s());
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bound_at(), BENCH_FA1);
	accept();
	assert_true(bench_status(bench).simultaneous);
}

/* rfc4636-5-1: with S the binding before is still the home agent's: only what FA2 does not honour is ended. */
static void what_the_new_agent_does_not_honour_is_ended_alone(void **state)
{
	(void)state;
	at_fa1(NULL);
	accept();
	to_fa2(NULL);
	answer((struct bench_reply){.error = MIP_CODE_FA_INSUFFICIENT_RESOURCES});
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 0);
	assert_int_equal(asked_for(), BENCH_FA2);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bound_at(), BENCH_FA1);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
}

/* --- the codes ------------------------------------------------------------------------------------- */

/* Code 1: the home agent has replaced the old one. A link that dies later has nothing behind it. */
static void after_code_1_there_is_nothing_to_go_back_to(void **state)
{
	(void)state;
	at_fa1(NULL);
	accept();
	to_fa2(NULL);
	answer((struct bench_reply){.code = MIP_CODE_ACCEPTED_NO_SIMULTANEOUS});
	assert_false(bench_status(bench).simultaneous);
	bench_link(bench, BENCH_WLAN, false);
	assert_null(bench_event(bench, "resumed", 0));
	assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(asked_for(), BENCH_FA1);
	assert_false(has_s());
}

/* Code 1 to a co-located one: packets by the old tunnel are taken for the grace, and no longer. */
static void after_code_1_the_old_tunnel_is_taken_from_for_the_grace(void **state)
{
	struct mip_want peer = {.kind = MIP_WANT_PEER,
		.peer = {.home_address = mip_address_of(BENCH_HOME),
			.end = MIP_TUNNEL_VISITED,
			.remote = mip_address_of(BENCH_HOME_AGENT)}};
	const char *reason;

	(void)state;
	bench_registered_at_spot(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_WWAN, true);
	advertise(&bench_fa1, 300, NULL);
	assert_int_equal(mn_core_handover(bench->core, "wwan0", bench->now, &reason), 0);
	bench_collect(bench);
	assert_true(has_s());
	answer((struct bench_reply){.code = MIP_CODE_ACCEPTED_NO_SIMULTANEOUS});
	assert_non_null(bench_kernel(bench, &peer));
	bench_pass(bench, GRACE * MIP_SECOND - 1);
	assert_non_null(bench_kernel(bench, &peer));
	bench_pass(bench, 1);
	assert_null(bench_kernel(bench, &peer));
}

/* --- agents that revoke or restart ------------------------------------------------------------------ */

/* RFC 3543 4.1: registered anew, with S: the old one is still there until the overlap is over. */
static void when_the_agent_in_use_revokes_it_is_asked_again_beside_the_old_one(void **state)
{
	(void)state;
	at_both();
	bench_pass(bench, 3 * MIP_SECOND / 2);
	revoked_by(&bench_fa2);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(asked_for(), BENCH_FA2);
	assert_true(has_s());
	accept();
	assert_true(bench_status(bench).simultaneous);
	assert_int_equal(bound_at(), BENCH_FA2);
}

static void assert_not_gone_back_to(void)
{
	bench_link(bench, BENCH_WLAN, false);
	assert_null(bench_event(bench, "resumed", 0));
	assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(asked_for(), BENCH_FA1);
}

/* Nothing to ask for then; but what its agent has forgotten or ended is no way to go back to. */
static void when_the_old_agent_revokes_its_binding_is_not_gone_back_to(void **state)
{
	(void)state;
	at_both();
	bench_pass(bench, 3 * MIP_SECOND / 2);
	revoked_by(&bench_fa1);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bound_at(), BENCH_FA2);
	assert_not_gone_back_to();
}

/* rfc5944-2.4.4-1: "less than the one before and below 256 is a restart" */
static void when_the_old_agent_restarts_its_binding_is_not_gone_back_to(void **state)
{
	(void)state;
	at_both();
	advertise(&bench_fa1, 3, NULL);
	assert_int_equal(bench_requests(bench), 0);
	assert_not_gone_back_to();
}

/* rfc5944-2.4.2.1-2: "it SHOULD assume that it has lost contact": what it did meanwhile, nobody here has heard. */
static void an_old_agent_that_was_lost_and_found_is_not_gone_back_to(void **state)
{
	struct bench_agent agent = bench_fa1;

	(void)state;
	at_both();
	agent.sequence = 301;
	agent.lifetime = 1;
	bench_advertise(bench, &agent);
	bench_pass(bench, 3 * MIP_SECOND / 2);
	assert_int_equal(bench_counter(bench, "agents_lost"), 1);
	advertise(&bench_fa1, 3, NULL);
	assert_int_equal(bound_at(), BENCH_FA2);
	assert_not_gone_back_to();
}

/* rfc5944-2.4.4-2: it "has rolled over": to 256, and not below. */
static void when_the_old_agent_s_numbers_roll_over_its_binding_is_gone_back_to(void **state)
{
	(void)state;
	at_fa1(NULL);
	advertise(&bench_fa1, 65535, NULL);
	accept();
	to_fa2(NULL);
	accept();
	advertise(&bench_fa1, 256, NULL);
	bench_link(bench, BENCH_WLAN, false);
	assert_non_null(bench_event(bench, "resumed", 0));
	assert_int_equal(bound_at(), BENCH_FA1);
}

static void when_the_agent_in_use_rolls_over_nothing_is_asked(void **state)
{
	(void)state;
	at_both();
	advertise(&bench_fa2, 65535, NULL);
	advertise(&bench_fa2, 256, NULL);
	bench_pass(bench, MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	/* And a restart is one. */
	advertise(&bench_fa2, 255, NULL);
	assert_int_equal(bench_requests(bench), 1);
	assert_true(has_s());
}

/* --- the home agent revokes direct bindings ---------------------------------------------------------- */

/* First 10.5.0.9 on wwan0, then 10.4.0.20 on wlan0 too: both direct, both agreed to be revocable. */
static void at_both_directly(bool nat)
{
	bench_link(bench, BENCH_WWAN, true);
	bench_address(bench, BENCH_WWAN, FIELD, 24, true);
	bench_route(bench, BENCH_WWAN, FIELD_GATEWAY, true);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_int_equal(asked_for(), FIELD);
	answer((struct bench_reply){
		.revocation = true, .revocation_timestamp = FIRST_CLOCK, .udp = nat, .keepalive = 20});
	bench_pass(bench, 20 * MIP_SECOND);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_int_equal(asked_for(), BENCH_SPOT);
	assert_true(has_s());
	answer((struct bench_reply){.revocation = true, .revocation_timestamp = SECOND_CLOCK});
	assert_true(bench_status(bench).simultaneous);
	assert_int_equal(bound_at(), BENCH_SPOT);
	bench_forget(bench);
}

static void revoke(uint32_t care_of_address, uint32_t identifier)
{
	struct mip_revocation revocation = {
		.from_home_agent = true,
		.inform = true,
		.home_address = mip_address_of(BENCH_HOME),
		.home_domain = mip_address_of(BENCH_HOME_AGENT),
		.foreign_domain = mip_address_of(care_of_address),
		.identifier = identifier,
	};
	uint8_t message[REVOCATION_MAX], packet[2 * REVOCATION_MAX];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {.ttl = 60,
		.source = mip_address_of(BENCH_HOME_AGENT),
		.destination = mip_address_of(care_of_address)};
	struct mip_udp udp = {.source_port = 5434, .destination_port = BENCH_PORT};

	mip_revocation_write(&writer, &revocation);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, bench->home),
		0);
	mip_udp_packet_write(&outer, &ip, &udp, message, writer.length);
	bench_frame(bench, care_of_address == FIELD ? BENCH_WWAN : BENCH_WLAN, packet, outer.length);
}

/* From that address, with that identifier, since bench_forget(). */
static bool is_acknowledged(uint32_t care_of_address, uint32_t identifier)
{
	struct mip_revocation_ack ack;

	for (size_t i = 0; i < bench->count; i++) {
		const struct mip_output *output = &bench->outputs[i];
		struct mip_reader reader = mip_reader_of(output->octets, output->length);

		if (output->kind == MIP_OUTPUT_DATAGRAM &&
			mip_message_type(output->octets, output->length) == MIP_MESSAGE_REVOCATION_ACK &&
			mip_address_equal(output->datagram.source, mip_address_of(care_of_address)) &&
			mip_revocation_ack_read(&reader, &ack) == 0 && ack.identifier == identifier)
			return true;
	}
	return false;
}

/* rfc3543-3.4-5, rfc3543-4.2.2.2-8: the old one is a "current binding" too, for the home agent has it. */
static void the_revocation_of_the_old_binding_is_acknowledged_and_the_new_one_goes_on(void **state)
{
	(void)state;
	at_both_directly(false);
	revoke(FIELD, FIRST_CLOCK + 30);
	assert_true(is_acknowledged(FIELD, FIRST_CLOCK + 30));
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bound_at(), BENCH_SPOT);
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
	/* It is not gone back to. */
	bench_link(bench, BENCH_WLAN, false);
	assert_null(bench_event(bench, "resumed", 0));
	assert_int_equal(asked_for(), FIELD);
}

/* rfc3543-4.2.2.2-7: each by the time of its own registration */
static void each_binding_s_revocation_must_be_later_than_its_own_registration(void **state)
{
	(void)state;
	at_both_directly(false);
	revoke(FIELD, FIRST_CLOCK);
	revoke(BENCH_SPOT, SECOND_CLOCK);
	assert_int_equal(bench_counter(bench, "drop_revocation_replay"), 2);
	assert_true(bench_status(bench).simultaneous);
	/* Too early for the new one, late enough for the old one. */
	revoke(FIELD, FIRST_CLOCK + 1);
	assert_true(is_acknowledged(FIELD, FIRST_CLOCK + 1));
	assert_int_equal(bound_at(), BENCH_SPOT);
}

/* What leads is revoked: the old one is in use until the node is registered anew. */
static void after_the_revocation_of_the_new_binding_the_old_one_serves_until_it_is_registered_anew(
	void **state)
{
	(void)state;
	at_both_directly(false);
	bench_pass(bench, 3 * MIP_SECOND / 2);
	revoke(BENCH_SPOT, SECOND_CLOCK + 10);
	assert_true(is_acknowledged(BENCH_SPOT, SECOND_CLOCK + 10));
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bound_at(), FIELD);
	assert_int_equal(asked_for(), BENCH_SPOT);
	assert_true(has_s());
	accept();
	assert_int_equal(bound_at(), BENCH_SPOT);
}

/* As `ha revoke` does: whichever comes first, both are acknowledged, and acknowledged again when our word got lost. */
static void revocations_of_both_are_both_acknowledged_and_so_are_their_repetitions(void **state)
{
	static const uint32_t orders[][2] = {{FIELD, BENCH_SPOT}, {BENCH_SPOT, FIELD}};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(orders); i++) {
		bench_again_with(with_s);
		at_both_directly(false);
		bench_pass(bench, 3 * MIP_SECOND / 2);
		revoke(orders[i][0], SECOND_CLOCK + 10);
		revoke(orders[i][1], SECOND_CLOCK + 11);
		assert_true(is_acknowledged(orders[i][0], SECOND_CLOCK + 10));
		assert_true(is_acknowledged(orders[i][1], SECOND_CLOCK + 11));
		assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
		revoke(orders[i][0], SECOND_CLOCK + 12);
		revoke(orders[i][1], SECOND_CLOCK + 13);
		assert_true(is_acknowledged(orders[i][0], SECOND_CLOCK + 12));
		assert_true(is_acknowledged(orders[i][1], SECOND_CLOCK + 13));
		/* Registered anew at one of the places: the home agent may still repeat what it says of the other. */
		assert_int_equal(asked_for(), BENCH_SPOT);
		answer((struct bench_reply){.revocation = true, .revocation_timestamp = SECOND_CLOCK + 20});
		bench_forget(bench);
		revoke(FIELD, SECOND_CLOCK + 21);
		assert_true(is_acknowledged(FIELD, SECOND_CLOCK + 21));
		assert_int_equal(bound_at(), BENCH_SPOT);
		/* Copies of what has been said are still copies. */
		revoke(FIELD, SECOND_CLOCK + 21);
		assert_int_equal(bench_counter(bench, "drop_revocation_replay"), 1);
	}
}

/* --- what comes back with the old binding ------------------------------------------------------------ */

static bool sends_keepalive(void)
{
	for (size_t i = 0; i < bench->count; i++)
		if (bench->outputs[i].kind == MIP_OUTPUT_DATAGRAM &&
			mip_message_type(bench->outputs[i].octets, bench->outputs[i].length) ==
				MIP_MESSAGE_TUNNEL_DATA &&
			bench->outputs[i].datagram.link == BENCH_WWAN)
			return true;
	return false;
}

/* rfc3519-4.9-2: "MUST send a keepalive packet if no other packet to the HA has been sent": the NAT of the old way is
 * there again with it. */
static void with_the_old_binding_its_keep_alives_come_back(void **state)
{
	(void)state;
	at_both_directly(true);
	bench_link(bench, BENCH_WLAN, false);
	assert_non_null(bench_event(bench, "resumed", 0));
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_UDP);
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_UDP);
	bench_forget(bench);
	/* The home agent does not answer the registration that is to end the other one. */
	bench_pass(bench, 21 * MIP_SECOND);
	assert_true(sends_keepalive());
}

/* rfc3024-4.1.2-1: the delivery style of the binding that is in use, which is the old one again */
static void with_the_old_binding_its_way_of_delivery_comes_back(void **state)
{
	(void)state;
	bench_again_with(with_s_and_encapsulating_delivery);
	at_both();
	bench_link(bench, BENCH_WLAN, false);
	assert_non_null(bench_event(bench, "resumed", 0));
	assert_non_null(bench_tunnel(bench));
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), BENCH_FA1);
	assert_true(bench_tunnel(bench)->delivery);
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
}

/* Without the reverse tunnel that only the new way has. */
static void with_the_old_binding_its_own_reverse_tunnel_or_none_comes_back(void **state)
{
	struct bench_agent plain = bench_fa1;

	(void)state;
	plain.flags &= (uint16_t)~MIP_AGENT_T;
	plain.lifetime = 60;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &plain);
	assert_false(bench_last_request(bench).fixed.flags & MIP_REQUEST_T);
	accept();
	to_fa2(NULL);
	assert_true(bench_last_request(bench).fixed.flags & MIP_REQUEST_T);
	accept();
	bench_link(bench, BENCH_WLAN, false);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEVERAL(each_agent_gets_its_own_challenges),
		SEVERAL(a_challenge_that_is_not_believed_takes_neither_the_s_bit_nor_the_old_binding),
		SEVERAL(what_the_new_agent_does_not_honour_is_ended_alone),
		SEVERAL(after_code_1_there_is_nothing_to_go_back_to),
		SEVERAL(after_code_1_the_old_tunnel_is_taken_from_for_the_grace),
		SEVERAL(when_the_agent_in_use_revokes_it_is_asked_again_beside_the_old_one),
		SEVERAL(when_the_old_agent_revokes_its_binding_is_not_gone_back_to),
		SEVERAL(when_the_old_agent_restarts_its_binding_is_not_gone_back_to),
		SEVERAL(an_old_agent_that_was_lost_and_found_is_not_gone_back_to),
		SEVERAL(when_the_old_agent_s_numbers_roll_over_its_binding_is_gone_back_to),
		SEVERAL(when_the_agent_in_use_rolls_over_nothing_is_asked),
		SEVERAL(the_revocation_of_the_old_binding_is_acknowledged_and_the_new_one_goes_on),
		SEVERAL(each_binding_s_revocation_must_be_later_than_its_own_registration),
		SEVERAL(after_the_revocation_of_the_new_binding_the_old_one_serves_until_it_is_registered_anew),
		SEVERAL(revocations_of_both_are_both_acknowledged_and_so_are_their_repetitions),
		SEVERAL(with_the_old_binding_its_keep_alives_come_back),
		SEVERAL(with_the_old_binding_its_way_of_delivery_comes_back),
		SEVERAL(with_the_old_binding_its_own_reverse_tunnel_or_none_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
