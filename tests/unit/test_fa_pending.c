/*
 * Requests that wait for their reply at a foreign agent (RFC 5944 3.7.1): how many there may be, which of
 * them takes another's place, how each of them ends; and how often denials are sent.
 */
#include "fa_world.h"

#include "authenticator.h"

/* rfc3024-4.2.1-5: "The foreign agent MUST limit the rate at which it sends these registration …" */
static void a_node_is_denied_once_a_second_at_most(void **state)
{
	/* rfc5944-3.7.2-2 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	request.ttl = 3;
	fa_world_begin(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 76);
	fa_world_clear(&world);
	fa_world_wait(&world, 900 * MIP_MILLISECOND);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), -1);
	assert_int_equal(fa_world_counter(&world, "drop_denial_limit"), 1);
	request.link_address = link_address(0x51);
	request.fields.home_address = address("10.1.0.51");
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 76);
	fa_world_clear(&world);
	fa_world_wait(&world, MIP_SECOND);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 76);
	fa_world_end(&world);
}

static void a_flood_of_requests_is_bounded_for_a_node_and_in_all(void **state)
{
	/* rfc5944-3.7.1-5 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.pending_most = 7;
	fa_world_start(&world);
	for (int i = 0; i < 20; i++) {
		request.fields.identification++;
		fa_world_send(&world, &request, message);
	}
	assert_int_equal(fa_core_pending_count(world.core), 5);
	assert_int_equal(fa_world_code(&world), 66);
	for (uint8_t i = 0; i < 20; i++) {
		request.link_address = link_address(i);
		request.fields.identification++;
		fa_world_send(&world, &request, message);
	}
	assert_int_equal(fa_core_pending_count(world.core), 7);
	assert_int_equal(
		fa_world_counter(&world, "requests_relayed") - fa_world_counter(&world, "requests_displaced"),
		7);
	fa_world_wait(&world, 7 * MIP_SECOND);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

static void a_visitor_renews_while_strangers_fill_the_list(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request(), stranger = request;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.pending_most = 7;
	fa_world_start(&world);
	fa_world_register(&world, &request);
	for (uint8_t i = 0; i < 20; i++) {
		stranger.fields.home_address = mip_address_of(0x0a010100U + i);
		stranger.link_address = link_address(0x80 + i);
		stranger.fields.identification++;
		fa_world_send(&world, &stranger, message);
	}
	assert_int_equal(fa_core_pending_count(world.core), 7);
	request.fields.identification += 100;
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_core_pending_count(world.core), 8);
	/* Who only says that it is the visitor has no such privilege. */
	request.link_address = link_address(0x66);
	request.fields.identification++;
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_core_pending_count(world.core), 8);
	fa_world_end(&world);
}

static void a_node_whose_authenticator_was_checked_is_not_kept_away_either(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request(), stranger = request;
	struct mip_association *association = fa_world_association(700);
	struct fa_mobile_node_settings node = {
		.home_address = address("10.1.0.51"), .association = association};
	uint8_t message[WORLD_MESSAGE];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	(void)state;
	fa_world_init(&world);
	world.settings.pending_most = 7;
	world.settings.mobile_nodes = &node;
	world.settings.mobile_node_count = 1;
	fa_world_start(&world);
	for (uint8_t i = 0; i < 20; i++) {
		stranger.fields.home_address = mip_address_of(0x0a010100U + i);
		stranger.link_address = link_address(0x80 + i);
		stranger.fields.identification++;
		fa_world_send(&world, &stranger, message);
	}
	assert_int_equal(fa_core_pending_count(world.core), 7);
	request.fields.home_address = node.home_address;
	writer.length = fa_world_write_request(&request, message);
	assert_int_equal(mip_authenticator_append(
				 &writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, association),
		0);
	fa_world_send_message(&world, &request, message, writer.length);
	assert_int_equal(fa_core_pending_count(world.core), 8);
	fa_world_end(&world);
	mip_association_unref(association);
}

static void who_has_filled_the_list_gives_a_place_to_who_has_none(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request(), greedy = request;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.pending_most = 10;
	fa_world_start(&world);
	for (uint8_t i = 0; i < 10; i++) {
		greedy.fields.home_address = mip_address_of(0x0a010100U + i);
		greedy.link_address = link_address(0x80 + i / 5);
		greedy.fields.identification++;
		fa_world_send(&world, &greedy, message);
	}
	assert_int_equal(fa_core_pending_count(world.core), 10);
	fa_world_clear(&world);
	/* Its oldest is denied for it. */
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 1);
	assert_int_equal(fa_world_code(&world), 66);
	assert_int_equal(fa_world_counter(&world, "requests_displaced"), 1);
	assert_int_equal(fa_core_pending_count(world.core), 10);
	/* Who has as many as anybody gets none for that. */
	fa_world_clear(&world);
	fa_world_send(&world, &greedy, message);
	greedy.fields.identification += 1000;
	fa_world_send(&world, &greedy, message);
	assert_int_equal(fa_world_counter(&world, "requests_displaced"), 1);
	fa_world_end(&world);
}

static void strangers_with_one_request_each_are_as_good_as_the_newcomer(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request(), stranger = request;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.pending_most = 5;
	fa_world_start(&world);
	for (uint8_t i = 0; i < 5; i++) {
		stranger.fields.home_address = mip_address_of(0x0a010100U + i);
		stranger.link_address = link_address(0x80 + i);
		stranger.fields.identification++;
		fa_world_send(&world, &stranger, message);
	}
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 66);
	assert_int_equal(fa_world_counter(&world, "requests_displaced"), 0);
	/* Seven seconds later they are gone. */
	fa_world_wait(&world, 7 * MIP_SECOND);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 1);
	fa_world_end(&world);
}

static void one_link_address_gets_so_many_requests_through_and_others_theirs(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request(), other = request;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.limits.requests_per_node = 4;
	fa_world_start(&world);
	/* The same again and again, which takes no place of the list. */
	for (int i = 0; i < 1000; i++)
		fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_counter(&world, "requests_relayed"), 4);
	assert_int_equal(fa_world_counter(&world, "drop_request_limit"), 996);
	other.link_address = link_address(0x51);
	other.fields.home_address = address("10.1.0.51");
	fa_world_send(&world, &other, message);
	assert_int_equal(fa_world_counter(&world, "requests_relayed"), 5);
	fa_world_wait(&world, MIP_SECOND);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_counter(&world, "requests_relayed"), 6);
	fa_world_end(&world);
}

static void strangers_with_many_link_addresses_do_not_keep_a_visitor_from_renewing(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request(), stranger = request;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.limits.requests_per_node = 2;
	fa_world_start(&world);
	fa_world_register(&world, &request);
	for (uint32_t i = 0; i < 20000; i++) {
		stranger.fields.home_address = mip_address_of(0x0a020100U + i);
		stranger.link_address.octets[2] = (uint8_t)(i >> 16);
		stranger.link_address.octets[3] = (uint8_t)(i >> 8);
		stranger.link_address.octets[4] = (uint8_t)i;
		stranger.fields.identification++;
		fa_world_send(&world, &stranger, message);
	}
	assert_true(fa_world_counter(&world, "drop_request_limit") > 0);
	fa_world_clear(&world);
	request.fields.identification += 100000;
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 1);
	fa_world_end(&world);
}

static void denials_are_bounded_in_all_and_lines_in_the_log_too(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.limits.denials = 20;
	world.settings.limits.log_lines = 3;
	fa_world_start(&world);
	request.ttl = 3; /* code 76 */
	for (uint32_t i = 0; i < 1000; i++) {
		request.fields.home_address = mip_address_of(0x0a010100U + i);
		request.link_address = link_address((uint8_t)i);
		fa_world_send(&world, &request, message);
	}
	assert_int_equal(fa_world_counter(&world, "reply_76"), 20);
	assert_int_equal(fa_world_counter(&world, "drop_denial_limit"), 980);
	assert_int_equal(fa_world_counter(&world, "log_lines_withheld"), 17);
	fa_world_end(&world);
}

static void a_repeated_request_takes_the_place_of_the_first(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	fa_world_send(&world, &request, message);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	assert_int_equal(fa_world_counter(&world, "requests_relayed"), 2);
	/* Another node with the same home address and identification cannot push it out. */
	request.link_address = link_address(0x66);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 66);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	fa_world_end(&world);
}

static void a_request_without_a_reply_ends_with_code_78(void **state)
{
	/* rfc5944-3.7.1-6 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	fa_world_send(&world, &request, message);
	fa_world_clear(&world);
	fa_world_wait(&world, 6999 * MIP_MILLISECOND);
	assert_int_equal(fa_world_code(&world), -1);
	fa_world_wait(&world, MIP_MILLISECOND);
	assert_int_equal(fa_world_code(&world), 78);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

static void a_request_whose_own_lifetime_ends_first_goes_without_a_word(void **state)
{
	/* rfc5944-3.7.2.2-5, rfc5944-3.7.2.2-6, rfc5944-3.7-4 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	request.fields.lifetime = 2;
	fa_world_begin(&world);
	fa_world_send(&world, &request, message);
	fa_world_clear(&world);
	fa_world_wait(&world, 2 * MIP_SECOND);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	assert_int_equal(fa_world_code(&world), -1);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	fa_world_end(&world);
}

static void the_request_is_known_by_its_nai_when_it_has_no_home_address(void **state)
{
	/* rfc5944-3.7.1-3, rfc5944-AppF-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	request.fields.home_address = (struct mip_address){0};
	request.source = (struct mip_address){0};
	request.nai = "alice@example.org";
	fa_world_begin(&world);
	fa_world_send(&world, &request, message);
	request.nai = "bob@example.org";
	request.link_address = link_address(0x51);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_core_pending_count(world.core), 2);
	assert_int_equal(fa_world_counter(&world, "requests_relayed"), 2);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_is_denied_once_a_second_at_most),
		cmocka_unit_test(a_flood_of_requests_is_bounded_for_a_node_and_in_all),
		cmocka_unit_test(a_visitor_renews_while_strangers_fill_the_list),
		cmocka_unit_test(a_node_whose_authenticator_was_checked_is_not_kept_away_either),
		cmocka_unit_test(who_has_filled_the_list_gives_a_place_to_who_has_none),
		cmocka_unit_test(strangers_with_one_request_each_are_as_good_as_the_newcomer),
		cmocka_unit_test(one_link_address_gets_so_many_requests_through_and_others_theirs),
		cmocka_unit_test(strangers_with_many_link_addresses_do_not_keep_a_visitor_from_renewing),
		cmocka_unit_test(denials_are_bounded_in_all_and_lines_in_the_log_too),
		cmocka_unit_test(a_repeated_request_takes_the_place_of_the_first),
		cmocka_unit_test(a_request_without_a_reply_ends_with_code_78),
		cmocka_unit_test(a_request_whose_own_lifetime_ends_first_goes_without_a_word),
		cmocka_unit_test(the_request_is_known_by_its_nai_when_it_has_no_home_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
