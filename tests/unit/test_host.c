/*
 * The host between a made-up machine and a made-up Linux. What is tested is who gets what, and when.
 */
#include "made_up_linux.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "host.h"
#include "text.h"

/* --- the made-up machine ---------------------------------------------------------------------- */

static struct mip_outbox outbox;
static mip_time machine_deadline;
static struct mip_loop *loop;
static bool send_on_link;

static void send_word(const char *word, mip_link link)
{
	const struct mip_output_datagram datagram = {.link = link};

	assert_int_equal(mip_outbox_datagram(&outbox, &datagram, word, strlen(word)), 0);
}

static void send_frame(const char *word, mip_link link)
{
	const struct mip_output_frame frame = {.link = link};

	assert_int_equal(mip_outbox_frame(&outbox, &frame, word, strlen(word)), 0);
}

static uint64_t machine_values[3];
static bool drops_next;

static void on_datagram(void *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	(void)core;
	(void)datagram;
	assert_true(now.boot > 0);
	note("datagram");
	machine_values[0]++;
	if (drops_next)
		machine_values[2]++;
}

static struct mip_counter_table on_counters(const void *core)
{
	static const struct mip_counter_name names[] = {
		{"requests_received", ""}, {"drop_malformed", ""}, {"drop_not_for_us", ""}};

	(void)core;
	return (struct mip_counter_table){.names = names, .values = machine_values, .count = 3};
}

static bool say_on_tunnel_data;

static bool on_tunnel_data(void *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	(void)core;
	(void)datagram;
	(void)now;
	if (say_on_tunnel_data)
		send_word("port", MIP_LINK_NONE);
	return say_on_tunnel_data;
}

static void on_frame(void *core, const struct mip_input_frame *frame, struct mip_now now)
{
	(void)core;
	(void)frame;
	(void)now;
	note("frame-in");
}

static void on_link(void *core, const struct mip_input_link *link, struct mip_now now)
{
	(void)core;
	(void)now;
	note(link->present ? "link" : "no-link");
	if (send_on_link)
		send_frame("solicit", link->link);
}

static void on_icmp_error(void *core, const struct mip_input_icmp_error *error, struct mip_now now)
{
	(void)core;
	(void)error;
	(void)now;
	note("icmp-error");
}

static void on_record(void *core, const char *key, const uint8_t *octets, size_t length, struct mip_now now)
{
	(void)core;
	(void)octets;
	(void)length;
	(void)now;
	assert_string_equal(key, "binding/1");
	note("record");
}

static void on_begin(void *core, struct mip_now now)
{
	(void)core;
	(void)now;
	note("begin");
	send_word("hello", MIP_LINK_NONE);
}

static void on_advance(void *core, struct mip_now now)
{
	(void)core;
	assert_true(machine_deadline <= now.boot);
	machine_deadline = MIP_NEVER;
	note("advance");
	mip_loop_stop(loop);
}

static mip_time on_deadline(const void *core)
{
	(void)core;
	return machine_deadline;
}

/* --- set up ----------------------------------------------------------------------------------- */

static const char *const link_names[] = {"home0"};
static struct mip_daemon daemon_of_test = {.control_path = "/run/test.sock"};
static struct mip_host_options options_of_test = {
	.daemon = &daemon_of_test,
	.machine = {.outbox = &outbox,
		.datagram = on_datagram,
		.tunnel_data = on_tunnel_data,
		.frame = on_frame,
		.link = on_link,
		.icmp_error = on_icmp_error,
		.record = on_record,
		.begin = on_begin,
		.advance = on_advance,
		.deadline = on_deadline,
		.counters = on_counters},
	.protocol = MIP_ROUTE_PROTOCOL_HA,
	.plane = MIP_PLANE_AUTO,
	.tunnel_mtu = 1400,
	.tunnel_device = "mip0",
	.udp_port = 434,
	.state_folder = "/state",
	.link_flags = MIP_LINK_SOCKET_ARP,
	.links = link_names,
	.link_count = 1,
};

static void reset(void)
{
	machine_deadline = MIP_NEVER;
	made_up.reconciler_deadline = MIP_NEVER;
	made_up.index_by_name = 0;
	made_up.failing_step = 0;
	made_up.send_result = 0;
	send_on_link = false;
	say_on_tunnel_data = false;
	made_up.store_pending_is_silent = true;
	happened[0] = '\0';
}

static int setup_loop(void **state)
{
	(void)state;
	reset();
	assert_int_equal(pipe(made_up.plane_pipe), 0);
	assert_int_equal(mip_loop_new(&loop), 0);
	daemon_of_test.loop = loop;
	daemon_of_test.data_plane = NULL;
	daemon_of_test.started = mip_clock_now().boot;
	return 0;
}

static int setup(void **state)
{
	struct mip_host *host;

	setup_loop(state);
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	happened[0] = '\0';
	*state = host;
	return 0;
}

static int teardown_loop(void **state)
{
	(void)state;
	mip_loop_free(loop);
	mip_outbox_clear(&outbox);
	close(made_up.plane_pipe[0]);
	close(made_up.plane_pipe[1]);
	return 0;
}

static int teardown(void **state)
{
	mip_host_free(*state);
	return teardown_loop(state);
}

static void link_news(mip_link link, const char *name, bool present)
{
	struct mip_input_link news = {.link = link, .present = present, .up = true};
	struct mip_text text = mip_text_of(news.name, sizeof(news.name));

	mip_text_add(&text, name);
	made_up.monitor.link(made_up.monitor.context, &news);
}

static const struct mip_want a_route = {.kind = MIP_WANT_ROUTE};
static const struct mip_want a_tunnel = {.kind = MIP_WANT_TUNNEL};
static const struct mip_want a_peer = {.kind = MIP_WANT_PEER};

/* --- the tests -------------------------------------------------------------------------------- */

static void what_can_only_be_had_once_comes_before_the_kernel_is_touched(void **state)
{
	struct mip_host *host;

	(void)state;
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	assert_happened("udp plane reconciler record monitor begin send(hello@0)");
	assert_int_equal(made_up.plane.udp_descriptor, 99);
	assert_int_equal(made_up.plane.kind, MIP_PLANE_AUTO);
	assert_int_equal(made_up.plane.mtu, 1400);
	assert_int_equal(mip_host_udp_port(host), 40434);
	send_word("farewell", MIP_LINK_NONE);
	mip_host_free(host);
	assert_happened("send(farewell@0) monitor-free reconciler-free plane-free udp-free store-free");
	mip_host_free(NULL);
}

static void a_start_that_fails_puts_back_what_it_has_made(void **state)
{
	static const char *const left[] = {"store-free", "udp udp-free store-free",
		"udp plane plane-free udp-free store-free",
		"udp plane reconciler record reconciler-free plane-free udp-free store-free"};
	struct mip_host *host = NULL;

	(void)state;
	for (made_up.failing_step = 1; made_up.failing_step <= 4; made_up.failing_step++) {
		assert_int_equal(mip_host_new(&options_of_test, &host), -EADDRINUSE);
		assert_null(host);
		assert_happened(left[made_up.failing_step - 1]);
	}
}

static void the_option_goes_over_the_configured_data_plane(void **state)
{
	struct mip_host *host;

	(void)state;
	daemon_of_test.data_plane = "user";
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	assert_int_equal(made_up.plane.kind, MIP_PLANE_USER);
	mip_host_free(host);
}

static void a_reload_that_is_refused_its_data_plane_changes_nothing(void **state)
{
	const char *reason = NULL;
	struct mip_host *host;

	(void)state;
	daemon_of_test.data_plane = NULL;
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	assert_int_equal(mip_host_set_plane(host, MIP_PLANE_USER, false, &reason), 0);
	assert_int_equal(mip_host_set_plane(host, MIP_PLANE_KERNEL, true, &reason), -EOPNOTSUPP);
	assert_string_equal(reason, "made up");
	assert_int_equal(made_up.plane.kind, MIP_PLANE_USER);
	assert_false(made_up.plane.clamp_mss);
	assert_int_equal(mip_host_set_plane(host, MIP_PLANE_USER, true, &reason), 0);
	assert_true(made_up.plane.clamp_mss);
	mip_host_free(host);
}

static void what_a_reply_promises_is_so_before_it_leaves(void **state)
{
	made_up.store_pending_is_silent = false;
	mip_outbox_want(&outbox, &a_route);
	mip_outbox_want(&outbox, &a_tunnel);
	mip_outbox_want(&outbox, &a_peer);
	mip_outbox_keep(&outbox, "binding/1", "x", 1);
	send_word("reply", MIP_LINK_NONE);
	mip_host_deliver(*state);
	assert_happened("keep commit want tunnel peer flush send(reply@0)");
}

static void the_order_of_changes_and_packets_is_kept(void **state)
{
	mip_outbox_want(&outbox, &a_route);
	mip_outbox_want(&outbox, &a_route);
	send_word("one", MIP_LINK_NONE);
	send_word("two", MIP_LINK_NONE);
	mip_outbox_unwant(&outbox, &a_route);
	mip_outbox_unwant(&outbox, &a_peer);
	mip_host_deliver(*state);
	/* what needs no packet to follow it is made so all the same */
	assert_happened("want want flush send(one@0) send(two@0) unwant no-peer flush");
	mip_host_deliver(*state);
	assert_happened("");
}

static void a_batch_of_records_is_committed_once(void **state)
{
	made_up.store_pending_is_silent = false;
	for (int i = 0; i < 3; i++) {
		mip_outbox_keep(&outbox, "binding/1", "x", 1);
		send_word("r", MIP_LINK_NONE);
	}
	mip_outbox_forget(&outbox, "binding/2");
	mip_host_deliver(*state);
	assert_happened("keep keep keep forget commit send(r@0) send(r@0) send(r@0)");
}

static int64_t counter(struct mip_host *host, const char *name)
{
	json_t *counters = mip_host_counters(host, NULL);
	json_t *value = json_object_get(counters, name);
	int64_t number;

	assert_non_null(value);
	number = json_integer_value(value);
	json_decref(counters);
	return number;
}

static void packets_that_cannot_leave_are_counted(void **state)
{
	made_up.send_result = -ENETUNREACH;
	send_word("lost", MIP_LINK_NONE);
	send_frame("lost too", 7); /* no link socket there */
	mip_host_deliver(*state);
	assert_happened("send(lost@0)");
	assert_int_equal(counter(*state, "socket_send_failures"), 2);
	assert_int_equal(counter(*state, "socket_datagrams_out"), 1); /* the hello of the beginning */
	assert_int_equal(counter(*state, "want_failures"), 0);
	assert_int_equal(counter(*state, "kernel_changes"), 5);
}

static void a_datagram_for_the_tunnel_link_leaves_by_the_device(void **state)
{
	send_word("inner", MIP_LINK_TUNNEL);
	mip_host_deliver(*state);
	assert_happened("send(inner@42)");
}

static void a_named_link_has_a_socket_while_it_is_there(void **state)
{
	struct mip_input_frame frame = {.link = 7};

	send_on_link = true;
	link_news(5, "other0", true);
	assert_happened("link");
	link_news(7, "home0", true);
	assert_happened("link-socket link"); /* the machine can send on it at once */
	mip_host_deliver(*state);
	assert_happened("frame(solicit)");
	made_up.link_socket.function(made_up.link_socket.context, &frame);
	assert_happened("frame-in");
	send_on_link = false;
	link_news(7, "home0", true); /* up, down, whatever: the socket stays */
	assert_happened("link");
	link_news(7, "home0", false);
	assert_happened("link-socket-free no-link");
	link_news(8, "home0", true);
	assert_happened("link-socket link");
	link_news(9, "home0", true); /* the old one's end was never told */
	assert_happened("link-socket-free link-socket link");
	link_news(9, "renamed", true);
	assert_happened("link-socket-free link");
	link_news(13, "home0", true); /* not Ethernet: goes on without */
	assert_happened("link");
}

static void a_link_that_is_there_at_the_start_gets_its_socket_then(void **state)
{
	struct mip_host *host;

	(void)state;
	made_up.index_by_name = 7;
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	assert_happened("udp plane reconciler record link-socket monitor begin send(hello@0)");
	assert_int_equal(mip_host_set_links(host, NULL, 0), 0);
	assert_happened("link-socket-free");
	assert_int_equal(mip_host_set_links(host, link_names, 1), 0);
	assert_happened("link-socket");
	assert_int_equal(mip_host_set_links(host, link_names, 1), 0);
	assert_happened("");
	mip_host_free(host);
	assert_happened("monitor-free reconciler-free plane-free link-socket-free udp-free store-free");
}

static void hear_datagram(mip_link link, uint16_t source_port, uint16_t destination_port, bool unframed)
{
	const struct mip_input_datagram datagram = {.link = link,
		.source_port = source_port,
		.destination_port = destination_port,
		.unframed = unframed,
		.octets = (const uint8_t *)"\x01",
		.length = 1};

	made_up.udp.datagram(made_up.udp.context, &datagram);
}

static void nothing_comes_twice_and_nothing_is_missed(void **state)
{
	link_news(7, "home0", true);
	happened[0] = '\0';
	hear_datagram(7, 40000, 434, false);
	assert_happened(""); /* the frame tells */
	hear_datagram(7, 434, 40434, false);
	assert_happened("");
	hear_datagram(7, 40000, 40434, false);
	assert_happened("datagram"); /* no registration port: the link socket does not hear it */
	hear_datagram(7, 40000, 434, true);
	assert_happened("datagram"); /* joined by the kernel: the same */
	hear_datagram(5, 40000, 434, false);
	assert_happened("datagram"); /* a link without a socket */
	link_news(7, "home0", false);
	happened[0] = '\0';
	hear_datagram(7, 40000, 434, false);
	assert_happened("datagram");
	assert_int_equal(counter(*state, "socket_datagrams_in"), 4);
	assert_int_equal(counter(*state, "socket_datagrams_as_frames"), 2);
}

static char logged[512];

static void log_line(void *context, enum mip_log_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void log_line(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	(void)context;
	if (level == MIP_LOG_DEBUG)
		vsnprintf(logged, sizeof(logged), format, arguments);
}

static void what_is_discarded_is_logged_with_its_contents_if_that_is_wanted(void **state)
{
	/* rfc5944-1.7-1 */
	struct mip_log log = {.write = log_line};
	struct mip_host *host;

	(void)state;
	daemon_of_test.log = &log;
	daemon_of_test.shows_discarded = true;
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	logged[0] = '\0';
	hear_datagram(5, 40000, 434, false);
	assert_string_equal(logged, "");
	drops_next = true;
	hear_datagram(5, 40000, 434, false);
	assert_string_equal(logged, "discarded (drop_not_for_us), 1 octets: 01");
	mip_host_free(host);
	daemon_of_test.shows_discarded = false;
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	logged[0] = '\0';
	hear_datagram(5, 40000, 434, false);
	assert_string_equal(logged, "");
	mip_host_free(host);
	daemon_of_test.log = NULL;
	drops_next = false;
}

static void tunnel_data_goes_to_the_data_plane_from_every_link(void **state)
{
	struct mip_input_datagram datagram = {
		.link = 7, .source_port = 434, .octets = (const uint8_t *)"\x04\x04\0\0", .length = 4};
	struct mip_input_icmp_error error = {.octets = (const uint8_t *)"\x04", .length = 1};

	(void)state;
	link_news(7, "home0", true);
	happened[0] = '\0';
	made_up.udp.datagram(made_up.udp.context, &datagram);
	datagram.link = 5;
	made_up.udp.datagram(made_up.udp.context, &datagram);
	made_up.udp.batch_end(made_up.udp.context);
	made_up.udp.icmp_error(made_up.udp.context, &error);
	assert_happened("tunnel-data tunnel-data batch-end tunnel-error");
	/* What the machine learns from it is so before the plane gets it. */
	say_on_tunnel_data = true;
	made_up.udp.datagram(made_up.udp.context, &datagram);
	assert_happened("send(port@0) tunnel-data");
	error.octets = (const uint8_t *)"\x01";
	made_up.udp.icmp_error(made_up.udp.context, &error);
	error.length = 0;
	made_up.udp.icmp_error(made_up.udp.context, &error);
	datagram.length = 0;
	made_up.udp.datagram(made_up.udp.context, &datagram); /* empty: the machine counts it */
	assert_happened("icmp-error icmp-error datagram");
	assert_false(made_up.plane.inspect(made_up.plane.context, (const uint8_t *)"x", 1));
}

static void the_loop_advances_the_machine_and_flushes_the_reconciler_when_due(void **state)
{
	mip_time now = mip_clock_now().boot;

	(void)state;
	made_up.reconciler_deadline = now + 5 * MIP_MILLISECOND;
	machine_deadline = now + 20 * MIP_MILLISECOND;
	alarm(20);
	mip_loop_run(loop);
	alarm(0);
	assert_happened("flush advance");
}

static void what_the_data_plane_waits_for_is_served(void **state)
{
	(void)state;
	assert_int_equal(write(made_up.plane_pipe[1], "x", 1), 1);
	machine_deadline = mip_clock_now().boot + 10 * MIP_MILLISECOND;
	alarm(20);
	mip_loop_run(loop);
	alarm(0);
	assert_happened("service advance");
}

static void telling_again_leaves_no_moment_without_a_monitor(void **state)
{
	mip_host_tell(*state);
	assert_happened("monitor monitor-free");
	made_up.failing_step = 4;
	mip_host_tell(*state); /* the old one goes on */
	assert_happened("");
}

static void status_has_the_common_part_of_the_contract(void **state)
{
	json_t *status = mip_host_status(*state);

	assert_string_equal(json_string_value(json_object_get(status, "version")), MIP_VERSION);
	assert_int_equal(json_integer_value(json_object_get(status, "uptime")), 0);
	assert_string_equal(json_string_value(json_object_get(status, "data_plane")), "user");
	assert_string_equal(json_string_value(json_object_get(status, "data_plane_reason")), "a test");
	json_decref(status);
}

static void metrics_hold_the_machines_and_the_hosts_counters(void **state)
{
	static const struct mip_counter_name names[] = {{"requests_received", "Requests"}};
	static const uint64_t values[] = {3};
	const struct mip_counter_table machine = {names, values, 1};
	json_t *metrics = mip_host_metrics(*state, "ha", &machine);
	json_t *counters = mip_host_counters(*state, &machine);
	const char *text = json_string_value(json_object_get(metrics, "text"));

	assert_non_null(text);
	assert_non_null(strstr(text, "mip_ha_requests_received_total 3"));
	assert_non_null(strstr(text, "mip_ha_socket_datagrams_out_total 1"));
	assert_int_equal(json_integer_value(json_object_get(counters, "requests_received")), 3);
	json_decref(metrics);
	json_decref(counters);
}

static const struct mip_output_copy a_copy;
static const struct mip_want a_listen = {.kind = MIP_WANT_LISTEN, .listen = {7}};

static void copies_go_to_the_data_plane_when_the_tunnel_is_there(void **state)
{
	struct mip_host *host = *state;

	mip_outbox_want(&outbox, &a_tunnel);
	mip_outbox_copy(&outbox, &a_copy, "x", 1);
	mip_host_deliver(host);
	assert_happened("tunnel copy");
}

static void a_link_is_listened_to_while_that_is_wanted_and_it_has_a_socket(void **state)
{
	struct mip_host *host = *state;

	mip_outbox_want(
		&outbox, &a_listen); /* no socket yet: the machine is told of the link, and says it again */
	mip_host_deliver(host);
	assert_happened("");
	link_news(7, "home0", true);
	assert_happened("link-socket link");
	mip_outbox_want(&outbox, &a_listen);
	mip_outbox_want(&outbox, &a_listen);
	mip_host_deliver(host);
	assert_happened("groups");
	mip_outbox_unwant(&outbox, &a_listen);
	mip_host_deliver(host);
	assert_happened("no-groups");
}

static void groups_out_of_tunnels_are_the_machines_if_it_has_ears_for_them(void **state)
{
	struct mip_address home_address = {1};

	(void)state;
	assert_false(made_up.plane.group(made_up.plane.context, home_address, (const uint8_t *)"x", 1));
}

#define HOST_TEST(function)  cmocka_unit_test_setup_teardown(function, setup, teardown)
#define START_TEST(function) cmocka_unit_test_setup_teardown(function, setup_loop, teardown_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		START_TEST(what_can_only_be_had_once_comes_before_the_kernel_is_touched),
		START_TEST(a_start_that_fails_puts_back_what_it_has_made),
		START_TEST(the_option_goes_over_the_configured_data_plane),
		START_TEST(a_reload_that_is_refused_its_data_plane_changes_nothing),
		START_TEST(a_link_that_is_there_at_the_start_gets_its_socket_then),
		HOST_TEST(what_a_reply_promises_is_so_before_it_leaves),
		HOST_TEST(the_order_of_changes_and_packets_is_kept),
		HOST_TEST(a_batch_of_records_is_committed_once),
		HOST_TEST(packets_that_cannot_leave_are_counted),
		HOST_TEST(a_datagram_for_the_tunnel_link_leaves_by_the_device),
		HOST_TEST(a_named_link_has_a_socket_while_it_is_there),
		HOST_TEST(copies_go_to_the_data_plane_when_the_tunnel_is_there),
		HOST_TEST(a_link_is_listened_to_while_that_is_wanted_and_it_has_a_socket),
		HOST_TEST(groups_out_of_tunnels_are_the_machines_if_it_has_ears_for_them),
		HOST_TEST(nothing_comes_twice_and_nothing_is_missed),
		START_TEST(what_is_discarded_is_logged_with_its_contents_if_that_is_wanted),
		HOST_TEST(tunnel_data_goes_to_the_data_plane_from_every_link),
		HOST_TEST(the_loop_advances_the_machine_and_flushes_the_reconciler_when_due),
		HOST_TEST(what_the_data_plane_waits_for_is_served),
		HOST_TEST(telling_again_leaves_no_moment_without_a_monitor),
		HOST_TEST(status_has_the_common_part_of_the_contract),
		HOST_TEST(metrics_hold_the_machines_and_the_hosts_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
