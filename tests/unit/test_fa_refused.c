/*
 * A reply that the home agent has accepted and the foreign agent does not honour (RFC 4636): where revocation is agreed on
 * (RFC 3543), the home agent hears of it.
 */
#include "fa_revocation_world.h"

#include "address.h"
#include "revocation.h"

static const char name[] = "alice@example.org";

/* Its reply lacks the name, so it gets code 97 (RFC 2794 3). */
static struct fa_world_request request_by_name(void)
{
	struct fa_world_request request = foreign_next_request();

	request.nai = name;
	return request;
}

static void refuse(const struct fa_world_request *request, uint8_t code)
{
	uint8_t message[WORLD_MESSAGE];

	fa_world_send(&foreign_world, request, message);
	fa_world_clear(&foreign_world);
	foreign_answer_request(request);
	assert_int_equal(fa_world_code(&foreign_world), code);
	fa_world_wait(&foreign_world, 1500 * MIP_MILLISECOND);
}

/* rfc4636-6-1 */
static void the_home_agent_hears_that_what_it_accepted_is_refused(void **state)
{
	struct fa_world_request request = request_by_name();
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	refuse(&request, 97);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
	sent = foreign_sent_of(MIP_MESSAGE_REVOCATION, 0);
	assert_true(mip_address_equal(sent.datagram.destination, address("10.1.0.1")));
	assert_true(mip_address_equal(sent.revocation.home_address, address("10.1.0.50")));
	assert_true(mip_address_equal(sent.revocation.home_domain, address("10.1.0.1")));
	assert_true(mip_address_equal(sent.revocation.foreign_domain, address("10.2.0.1")));
	assert_false(sent.revocation.from_home_agent);
	assert_false(sent.revocation.inform);
	assert_true(foreign_is_authentic(&sent));
	ack = foreign_ack_of(&sent, false);
	foreign_deliver_ack(&ack, "10.1.0.1", foreign_association);
	assert_int_equal(fa_world_counter(&foreign_world, "revocation_acknowledgments_received"), 1);
	fa_world_clear(&foreign_world);
	fa_world_wait(&foreign_world, 300 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	/* The node may come again, better. */
	foreign_visited();
}

static void write_answer_with_another_challenge(struct mip_writer *writer)
{
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, (const uint8_t *)"another", 7);
	foreign_write_answer(writer);
}

/* rfc4636-6-1: also where the reply goes on with a Foreign Agent Error. */
static void so_it_does_when_the_reply_is_passed_on_with_an_error(void **state)
{
	struct fa_world_request request = foreign_next_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	fa_world_send(&foreign_world, &request, message);
	fa_world_clear(&foreign_world);
	reply = fa_world_reply_to(&request);
	length = fa_world_write_reply(&reply, NULL, write_answer_with_another_challenge, message);
	fa_world_deliver(&foreign_world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_world_counter(&foreign_world, "replies_refused"), 1);
	fa_world_wait(&foreign_world, 1500 * MIP_MILLISECOND);
	assert_true(foreign_count_of(MIP_MESSAGE_REVOCATION) > 0);
}

static void without_an_agreement_nothing_is_said(void **state)
{
	struct fa_world_request request = request_by_name();

	(void)state;
	foreign_answers = false;
	refuse(&request, 97);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	foreign_answers = true;
	foreign_answer_unprotected = true;
	request = foreign_next_request();
	fa_world_wait(&foreign_world, 2 * MIP_SECOND);
	refuse(&request, 68);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
}

static void nothing_is_revoked_that_was_ended_or_that_a_visitor_has(void **state)
{
	struct fa_world_request request = request_by_name();

	(void)state;
	request.fields.lifetime = 0;
	refuse(&request, 97);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	foreign_visited();
	request = request_by_name();
	refuse(&request, 97);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_home_agent_hears_that_what_it_accepted_is_refused),
		TEST(so_it_does_when_the_reply_is_passed_on_with_an_error),
		TEST(without_an_agreement_nothing_is_said),
		TEST(nothing_is_revoked_that_was_ended_or_that_a_visitor_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
