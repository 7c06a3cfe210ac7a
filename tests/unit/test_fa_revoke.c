/*
 * Registration revocation (RFC 3543) by the foreign agent itself (4.2.3.1): what it says to the home agent, and
 * when the node hears of it.
 */
#include "fa_revocation_world.h"

#include <errno.h>

#include "address.h"
#include "authenticator.h"
#include "replay.h"
#include "revocation.h"

/* --- 4.2.3.1: the foreign agent revokes ------------------------------------------------------------ */

/* rfc3543-4.2.3.1-1, -2, -4, -5, rfc3543-3.3-1, rfc3543-3.3-5, rfc3543-3.3-6, rfc3543-3.3-7 */
static void the_home_agent_is_told_and_asked_whether_the_node_shall_know(void **state)
{
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	foreign_visited();
	foreign_revoke();
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
	assert_non_null(fa_world_want(&foreign_world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL));
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION);
	assert_true(mip_address_equal(sent.datagram.source, address("10.2.0.1")));
	assert_true(mip_address_equal(sent.datagram.destination, address("10.1.0.1")));
	assert_int_equal(sent.datagram.destination_port, 434);
	assert_int_equal(sent.octets[0], 7);
	assert_int_equal(sent.octets[1], 0);
	assert_int_equal(sent.octets[2], 0x40); /* not A; I */
	assert_int_equal(sent.octets[3], 0);
	assert_true(mip_address_equal(sent.revocation.home_address, address("10.1.0.50")));
	assert_true(mip_address_equal(sent.revocation.home_domain, address("10.1.0.1")));
	assert_true(mip_address_equal(sent.revocation.foreign_domain, address("10.2.0.1")));
	assert_int_equal(sent.revocation.identifier, foreign_our_clock());
	assert_true(foreign_is_authentic(&sent));
	assert_int_equal(foreign_informed(), 0);
	ack = foreign_ack_of(&sent, true);
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_association);
	assert_int_equal(foreign_informed(), 1);
	fa_world_clear(&foreign_world);
	fa_world_wait(&foreign_world, 300 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
}

static void the_home_agent_may_want_that_the_node_does_not_know(void **state)
{
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	foreign_visited();
	foreign_revoke();
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION);
	ack = foreign_ack_of(&sent, false);
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_association);
	assert_int_equal(foreign_informed(), 0);
	assert_int_equal(fa_world_counter(&foreign_world, "revocation_acknowledgments_received"), 1);
}

/* rfc3543-4.2.3.1-3, rfc3543-3.3-2, rfc3543-3.4-3 */
static void without_i_agreed_on_it_is_zero_and_the_own_policy_holds(void **state)
{
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	foreign_use(foreign_without_i);
	foreign_visited();
	foreign_revoke();
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION);
	assert_false(sent.revocation.inform);
	assert_int_equal(foreign_informed(), 1); /* at once */
	/* An I in the acknowledgment "MUST be ignored". */
	ack = foreign_ack_of(&sent, true);
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_association);
	assert_int_equal(foreign_informed(), 1);
	assert_int_equal(fa_world_counter(&foreign_world, "visitors_informed"), 1);
	fa_world_clear(&foreign_world);
	foreign_use(foreign_without_both);
	foreign_visited();
	foreign_revoke();
	assert_int_equal(foreign_informed(), 0);
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION);
	ack = foreign_ack_of(&sent, true);
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_association);
	assert_int_equal(foreign_informed(), 0);
}

/* rfc3543-4.2.3.1-6, -7, -8, -9 */
static void an_unanswered_revocation_is_sent_again_ever_later_with_a_new_identifier(void **state)
{
	static const mip_time seconds[] = {0, 1, 3, 7, 15, 31, 63, 127};
	uint32_t last = 0;
	mip_time began;

	(void)state;
	foreign_visited();
	began = foreign_world.now.boot;
	foreign_revoke();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(seconds); i++) {
		struct sent sent;

		if (i > 0) {
			fa_world_wait(
				&foreign_world, began + seconds[i] * MIP_SECOND - 1 - foreign_world.now.boot);
			assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), i);
			fa_world_wait(&foreign_world, 1);
		}
		assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), i + 1);
		sent = foreign_sent_of(MIP_MESSAGE_REVOCATION, i);
		assert_true(sent.revocation.identifier > last);
		assert_true(foreign_is_authentic(&sent));
		last = sent.revocation.identifier;
	}
	/* Whom we asked does not answer: our own policy. */
	assert_int_equal(foreign_informed(), 0);
	fa_world_wait(&foreign_world, 400 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 8);
	assert_int_equal(foreign_informed(), 1);
	assert_int_equal(fa_world_counter(&foreign_world, "revocations_unanswered"), 1);
}

/* rfc3543-4.2.3.1-3: "follow the policies of the foreign domain with regard to notifying the mobile node" */
static void an_agent_that_informs_nobody_does_not_when_it_is_not_answered_either(void **state)
{
	(void)state;
	foreign_use(foreign_without_informing);
	foreign_visited();
	foreign_revoke();
	fa_world_wait(&foreign_world, 500 * MIP_SECOND);
	assert_int_equal(fa_world_counter(&foreign_world, "revocations_unanswered"), 1);
	assert_int_equal(foreign_informed(), 0);
}

static void a_node_that_was_informed_at_once_is_not_informed_again(void **state)
{
	(void)state;
	foreign_use(foreign_without_i);
	foreign_visited();
	foreign_revoke();
	assert_int_equal(foreign_informed(), 1);
	fa_world_wait(&foreign_world, 500 * MIP_SECOND);
	assert_int_equal(fa_world_counter(&foreign_world, "revocations_unanswered"), 1);
	assert_int_equal(foreign_informed(), 1);
}

/* rfc3543-3.3-10, rfc3543-3.3-11, rfc3543-4.2.3.1-8 */
static void a_revocation_waits_until_the_request_is_a_second_old(void **state)
{
	(void)state;
	foreign_register_node();
	fa_world_clear(&foreign_world);
	foreign_revoke();
	fa_world_wait(&foreign_world, MIP_SECOND - 1);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
	fa_world_wait(&foreign_world, 1);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 1);
}

/* rfc3543-4.2.3.1-10, rfc3543-3.3-9 */
static void nothing_is_sent_beyond_the_life_of_the_registration(void **state)
{
	(void)state;
	foreign_visited();
	fa_world_wait(&foreign_world, 580 * MIP_SECOND); /* of 600, 10 are left */
	foreign_revoke();
	fa_world_wait(&foreign_world, 300 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 4); /* at 0, 1, 3, 7; not at 15 */
	fa_world_clear(&foreign_world);
	foreign_visited();
	fa_world_wait(&foreign_world, 600 * MIP_SECOND);
	assert_int_equal(
		fa_core_revoke(foreign_world.core, address("10.1.0.50"), foreign_world.now), -ENOENT);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
}

/* rfc3543-3.5-5, rfc3543-3.5-6, rfc3543-3.4-6 */
static void only_the_home_agents_acknowledgment_of_it_ends_a_revocation(void **state)
{
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	foreign_visited();
	foreign_revoke();
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION);
	ack = foreign_ack_of(&sent, true);
	ack.identifier--;
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_association);
	ack = foreign_ack_of(&sent, true);
	ack.home_address = address("10.1.0.51");
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_association);
	ack = foreign_ack_of(&sent, true);
	foreign_deliver_ack(&ack, "10.1.0.9", foreign_association);
	assert_int_equal(fa_world_counter(&foreign_world, "drop_revocation_unknown"), 3);
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_other);
	assert_int_equal(fa_world_counter(&foreign_world, "drop_revocation_authentication"), 1);
	assert_int_equal(foreign_informed(), 0);
	fa_world_wait(&foreign_world, 5 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 3);
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_association); /* of the first of them */
	assert_int_equal(foreign_informed(), 1);
}

/* A repetition must not end what the node has registered anew. */
static void a_new_request_holds_the_revocation_and_its_acceptance_ends_it(void **state)
{
	struct fa_world_request request = foreign_next_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	foreign_visited();
	foreign_revoke();
	fa_world_clear(&foreign_world);
	fa_world_send(&foreign_world, &request, message);
	fa_world_wait(&foreign_world, 6 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	foreign_answer_request(&request);
	fa_world_wait(&foreign_world, 300 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
}

static void a_new_request_without_an_answer_lets_it_go_on(void **state)
{
	struct fa_world_request request = foreign_next_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	foreign_visited();
	foreign_revoke();
	fa_world_clear(&foreign_world);
	fa_world_send(&foreign_world, &request, message);
	fa_world_wait(&foreign_world, 8 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 1);
}

/* Whoever goes on asking in the node's name, and is never answered, does not keep the home agent from hearing it. */
static void requests_without_end_do_not_hold_it_without_end(void **state)
{
	(void)state;
	foreign_visited();
	foreign_revoke();
	fa_world_clear(&foreign_world);
	for (int i = 0; i < 12; i++) {
		struct fa_world_request request = foreign_next_request();
		uint8_t message[WORLD_MESSAGE];

		fa_world_send(&foreign_world, &request, message);
		fa_world_wait(&foreign_world, 5 * MIP_SECOND);
	}
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REGISTRATION_REQUEST), 12);
	assert_in_range(foreign_count_of(MIP_MESSAGE_REVOCATION), 1, 2);
}

/* An answer on its way when the agent revokes does not bring the visitor back. */
static void what_is_on_its_way_is_forgotten_with_the_visitor(void **state)
{
	struct fa_world_request request = foreign_next_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	foreign_visited();
	fa_world_send(&foreign_world, &request, message);
	foreign_revoke();
	foreign_answer_request(&request);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
	/* rfc3543-3.3-10: and it counts for the rate. */
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	fa_world_wait(&foreign_world, MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 1);
}

static void a_crossing_revocation_of_the_home_agent_is_acknowledged(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_visited();
	foreign_revoke();
	fa_world_clear(&foreign_world);
	foreign_deliver_revocation(&revocation, foreign_association);
	assert_int_equal(foreign_only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.identifier, revocation.identifier);
}

static void beyond_the_most_the_visit_ends_and_the_node_is_told(void **state)
{
	struct fa_world_request request;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	foreign_use(foreign_few);
	foreign_visited();
	request = foreign_next_request();
	request.fields.home_address = request.source = address("10.1.0.51");
	request.link_address = link_address(0x51);
	fa_world_send(&foreign_world, &request, message);
	foreign_answer_request(&request);
	assert_int_equal(fa_core_revoke(foreign_world.core, address("10.1.0.51"), foreign_world.now), 0);
	fa_world_clear(&foreign_world);
	foreign_revoke();
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(foreign_informed(), 1);
}

static void a_link_that_is_no_longer_served_is_revoked(void **state)
{
	(void)state;
	foreign_visited();
	foreign_world.settings.links++;
	foreign_world.settings.link_count--;
	assert_int_equal(
		fa_core_configure(foreign_world.core, &foreign_world.settings, foreign_world.now), 0);
	fa_world_wait(&foreign_world, 0);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 1);
	foreign_world.settings.links--;
	foreign_world.settings.link_count++;
}

/* rfc3543-4.2.3.1-3: "no longer able to use the 'I' bit" */
static void a_stopping_agent_says_it_once_and_asks_nothing(void **state)
{
	struct sent sent;

	(void)state;
	foreign_visited();
	fa_core_farewell(foreign_world.core, foreign_world.now);
	fa_world_wait(&foreign_world, 0);
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION);
	assert_false(sent.revocation.inform);
	assert_true(foreign_is_authentic(&sent));
}

static void write_authentication(struct mip_writer *writer)
{
	assert_int_equal(mip_authenticator_append(
				 writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, foreign_association),
		0);
}

/* rfc3543-4.2.1-2: without an extension in its reply a home agent "does not understand registration revocation, or is unwilling
 * to participate". */
static void a_home_agent_that_has_agreed_to_nothing_is_told_nothing(void **state)
{
	struct fa_world_request request = foreign_next_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	fa_world_send(&foreign_world, &request, message);
	length = fa_world_write_reply(&reply, NULL, write_authentication, message);
	fa_world_deliver(&foreign_world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
	fa_world_wait(&foreign_world, 10 * MIP_SECOND);
	fa_core_farewell(foreign_world.core, foreign_world.now);
	fa_world_wait(&foreign_world, 0);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	foreign_revoke();
	fa_world_wait(&foreign_world, 60 * MIP_SECOND);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
}

static void who_takes_no_part_drops_revocations(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_visited();
	foreign_use(foreign_without_any);
	foreign_check_dropped(&revocation, foreign_association, "drop_other_type");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_home_agent_is_told_and_asked_whether_the_node_shall_know),
		TEST(the_home_agent_may_want_that_the_node_does_not_know),
		TEST(without_i_agreed_on_it_is_zero_and_the_own_policy_holds),
		TEST(an_unanswered_revocation_is_sent_again_ever_later_with_a_new_identifier),
		TEST(a_revocation_waits_until_the_request_is_a_second_old),
		TEST(nothing_is_sent_beyond_the_life_of_the_registration),
		TEST(only_the_home_agents_acknowledgment_of_it_ends_a_revocation),
		TEST(a_new_request_holds_the_revocation_and_its_acceptance_ends_it),
		TEST(a_new_request_without_an_answer_lets_it_go_on),
		TEST(requests_without_end_do_not_hold_it_without_end),
		TEST(what_is_on_its_way_is_forgotten_with_the_visitor),
		TEST(a_crossing_revocation_of_the_home_agent_is_acknowledged),
		TEST(beyond_the_most_the_visit_ends_and_the_node_is_told),
		TEST(a_link_that_is_no_longer_served_is_revoked),
		TEST(a_stopping_agent_says_it_once_and_asks_nothing),
		TEST(an_agent_that_informs_nobody_does_not_when_it_is_not_answered_either),
		TEST(a_node_that_was_informed_at_once_is_not_informed_again),
		TEST(a_home_agent_that_has_agreed_to_nothing_is_told_nothing),
		TEST(who_takes_no_part_drops_revocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
