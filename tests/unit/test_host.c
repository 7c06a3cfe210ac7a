/*
 * The host between a made-up machine and a made-up Linux: sockets, kernel, data plane and store are replaced
 * by functions that write down what they are asked, in its order. What is tested is who gets what, and when.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "address.h"
#include "host.h"
#include "link_socket.h"
#include "monitor.h"
#include "reconciler.h"
#include "store.h"
#include "text.h"
#include "udp.h"

/* --- what happened, a word each ---------------------------------------------------------------- */

static char happened[1024];

static void note(const char *word)
{
	size_t used = strlen(happened);

	snprintf(happened + used, sizeof(happened) - used, "%s%s", used > 0 ? " " : "", word);
}

static void assert_happened(const char *expected)
{
	assert_string_equal(happened, expected);
	happened[0] = '\0';
}

/* --- the made-up Linux ------------------------------------------------------------------------- */

static struct mip_udp_functions udp;
static struct mip_monitor_functions monitor;
static struct mip_plane_options plane;
static struct {
	mip_frame_function *function;
	void *context;
	mip_link link;
} link_socket;
static mip_time reconciler_deadline;
static mip_link index_by_name;
static int failing_step; /* 1 udp, 2 plane, 3 reconciler, 4 monitor */
static int send_result;
static int plane_pipe[2];

static int step(int number, const char *word)
{
	if (failing_step == number)
		return -EADDRINUSE;
	note(word);
	return 0;
}

int mip_udp_socket_new(struct mip_loop *loop, struct mip_address address, uint16_t port,
	const struct mip_udp_functions *functions, struct mip_udp_socket **ret_socket)
{
	int error = step(1, "udp");

	(void)loop;
	(void)address;
	(void)port;
	udp = *functions;
	if (error == 0)
		*ret_socket = (struct mip_udp_socket *)&udp;
	return error;
}

void mip_udp_socket_free(struct mip_udp_socket *socket)
{
	if (socket != NULL)
		note("udp-free");
}

uint16_t mip_udp_socket_port(const struct mip_udp_socket *socket)
{
	(void)socket;
	return 40434;
}

int mip_udp_socket_descriptor(const struct mip_udp_socket *socket)
{
	assert_non_null(socket);
	return 99;
}

int mip_udp_socket_send(struct mip_udp_socket *socket, const struct mip_output_datagram *datagram,
	const void *octets, size_t length)
{
	char word[32];

	(void)socket;
	snprintf(word, sizeof(word), "send(%.*s@%d)", (int)length, (const char *)octets, datagram->link);
	note(word);
	return send_result;
}

int mip_link_socket_new(struct mip_loop *loop, mip_link link, unsigned flags, mip_frame_function *function,
	void *context, struct mip_link_socket **ret_socket)
{
	(void)loop;
	assert_int_equal(flags, MIP_LINK_SOCKET_ARP);
	if (link == 13)
		return -ENOTSUP;
	note("link-socket");
	link_socket.function = function;
	link_socket.context = context;
	link_socket.link = link;
	*ret_socket = (struct mip_link_socket *)&link_socket;
	return 0;
}

void mip_link_socket_free(struct mip_link_socket *socket)
{
	if (socket != NULL)
		note("link-socket-free");
}

int mip_link_socket_send(struct mip_link_socket *socket, const struct mip_output_frame *frame,
	const void *octets, size_t length)
{
	char word[32];

	assert_ptr_equal(socket, &link_socket);
	assert_int_equal(frame->link, link_socket.link);
	snprintf(word, sizeof(word), "frame(%.*s)", (int)length, (const char *)octets);
	note(word);
	return send_result;
}

int mip_monitor_new(struct mip_loop *loop, uint8_t ignored_protocol,
	const struct mip_monitor_functions *functions, struct mip_monitor **ret_monitor)
{
	int error = step(4, "monitor");

	(void)loop;
	assert_int_equal(ignored_protocol, MIP_ROUTE_PROTOCOL_HA);
	monitor = *functions;
	if (error == 0)
		*ret_monitor = (struct mip_monitor *)&monitor;
	return error;
}

void mip_monitor_free(struct mip_monitor *old)
{
	if (old != NULL)
		note("monitor-free");
}

mip_link mip_link_index(const char *name)
{
	assert_string_equal(name, "home0");
	return index_by_name;
}

int mip_reconciler_new(struct mip_loop *loop, const struct mip_log *log, uint8_t protocol,
	const char *restore_file, struct mip_reconciler **ret_reconciler)
{
	int error = step(3, "reconciler");

	(void)loop;
	(void)log;
	assert_int_equal(protocol, MIP_ROUTE_PROTOCOL_HA);
	assert_string_equal(restore_file, "/run/test.sock.restore");
	if (error == 0)
		*ret_reconciler = (struct mip_reconciler *)&reconciler_deadline;
	return error;
}

void mip_reconciler_free(struct mip_reconciler *reconciler)
{
	if (reconciler != NULL)
		note("reconciler-free");
}

void mip_reconciler_set_tunnel(struct mip_reconciler *reconciler, mip_link link)
{
	assert_non_null(reconciler);
	assert_int_equal(link, 42);
}

int mip_reconciler_want(struct mip_reconciler *reconciler, const struct mip_want *want)
{
	(void)reconciler;
	(void)want;
	note("want");
	return 0;
}

int mip_reconciler_unwant(struct mip_reconciler *reconciler, const struct mip_want *want)
{
	(void)reconciler;
	(void)want;
	note("unwant");
	return 0;
}

void mip_reconciler_flush(struct mip_reconciler *reconciler)
{
	(void)reconciler;
	reconciler_deadline = MIP_NEVER;
	note("flush");
}

mip_time mip_reconciler_deadline(const struct mip_reconciler *reconciler)
{
	(void)reconciler;
	return reconciler_deadline;
}

static const struct mip_counter_name reconciler_names[] = {{"kernel_changes", "Changes"}};
static const uint64_t reconciler_values[] = {5};

struct mip_counter_table mip_reconciler_counters(const struct mip_reconciler *reconciler)
{
	(void)reconciler;
	return (struct mip_counter_table){reconciler_names, reconciler_values, 1};
}

const struct mip_name mip_plane_names[] = {{MIP_PLANE_AUTO, "auto"}, {MIP_PLANE_USER, "user"}, {0, NULL}};

int mip_plane_new(
	const struct mip_plane_options *options, struct mip_plane **ret_plane, const char **ret_reason)
{
	int error = step(2, "plane");

	plane = *options;
	if (error == 0)
		*ret_plane = (struct mip_plane *)&plane;
	else
		*ret_reason = "made up";
	return error;
}

void mip_plane_free(struct mip_plane *old)
{
	if (old != NULL)
		note("plane-free");
}

enum mip_plane_kind mip_plane_kind(const struct mip_plane *old)
{
	(void)old;
	return MIP_PLANE_USER;
}

const char *mip_plane_reason(const struct mip_plane *old)
{
	(void)old;
	return "a test";
}

mip_link mip_plane_link(const struct mip_plane *old)
{
	(void)old;
	return 42;
}

int mip_plane_want(struct mip_plane *old, const struct mip_want *want)
{
	(void)old;
	note(want->kind == MIP_WANT_TUNNEL ? "tunnel" : "peer");
	return 0;
}

int mip_plane_unwant(struct mip_plane *old, const struct mip_want *want)
{
	(void)old;
	note(want->kind == MIP_WANT_TUNNEL ? "no-tunnel" : "no-peer");
	return -ENOENT;
}

size_t mip_plane_descriptors(const struct mip_plane *old, int *descriptors, size_t size)
{
	(void)old;
	if (size > 0)
		descriptors[0] = plane_pipe[0];
	return 1;
}

void mip_plane_service(struct mip_plane *old, int descriptor)
{
	char c;

	(void)old;
	assert_int_equal(read(descriptor, &c, 1), 1);
	note("service");
}

void mip_plane_udp_input(struct mip_plane *old, const struct mip_input_datagram *datagram)
{
	(void)old;
	(void)datagram;
	note("tunnel-data");
}

void mip_plane_udp_error(struct mip_plane *old, const struct mip_input_icmp_error *error)
{
	(void)old;
	(void)error;
	note("tunnel-error");
}

void mip_plane_batch_end(struct mip_plane *old)
{
	(void)old;
	note("batch-end");
}

struct mip_counter_table mip_plane_counters(const struct mip_plane *old)
{
	(void)old;
	return (struct mip_counter_table){0};
}

int mip_store_new(const char *folder, const struct mip_log *log, struct mip_store **ret_store)
{
	(void)log;
	assert_string_equal(folder, "/state");
	*ret_store = (struct mip_store *)&send_result;
	return 0;
}

void mip_store_free(struct mip_store *store)
{
	if (store != NULL)
		note("store-free");
}

int mip_store_read(struct mip_store *store, mip_record_function *function, void *context)
{
	(void)store;
	function(context, "binding/1", (const uint8_t *)"r", 1);
	return 0;
}

int mip_store_keep(struct mip_store *store, const char *key, const void *octets, size_t length)
{
	(void)store;
	(void)key;
	(void)octets;
	(void)length;
	note("keep");
	return 0;
}

int mip_store_forget(struct mip_store *store, const char *key)
{
	(void)store;
	(void)key;
	note("forget");
	return 0;
}

static bool store_pending_is_silent = true;

int mip_store_flush(struct mip_store *store)
{
	(void)store;
	if (!store_pending_is_silent)
		note("commit");
	return 0;
}

/* --- the made-up machine ----------------------------------------------------------------------- */

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

static void on_datagram(void *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	(void)core;
	(void)datagram;
	assert_true(now.boot > 0);
	note("datagram");
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

/* --- set up ------------------------------------------------------------------------------------ */

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
		.deadline = on_deadline},
	.protocol = MIP_ROUTE_PROTOCOL_HA,
	.plane = MIP_PLANE_AUTO,
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
	reconciler_deadline = MIP_NEVER;
	index_by_name = 0;
	failing_step = 0;
	send_result = 0;
	send_on_link = false;
	say_on_tunnel_data = false;
	store_pending_is_silent = true;
	happened[0] = '\0';
}

static int setup_loop(void **state)
{
	(void)state;
	reset();
	assert_int_equal(pipe(plane_pipe), 0);
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
	close(plane_pipe[0]);
	close(plane_pipe[1]);
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
	monitor.link(monitor.context, &news);
}

static const struct mip_want a_route = {.kind = MIP_WANT_ROUTE};
static const struct mip_want a_tunnel = {.kind = MIP_WANT_TUNNEL};
static const struct mip_want a_peer = {.kind = MIP_WANT_PEER};

/* --- the tests --------------------------------------------------------------------------------- */

static void what_can_only_be_had_once_comes_before_the_kernel_is_touched(void **state)
{
	struct mip_host *host;

	(void)state;
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	assert_happened("udp plane reconciler record monitor begin send(hello@0)");
	assert_int_equal(plane.udp_descriptor, 99);
	assert_int_equal(plane.kind, MIP_PLANE_AUTO);
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
	for (failing_step = 1; failing_step <= 4; failing_step++) {
		assert_int_equal(mip_host_new(&options_of_test, &host), -EADDRINUSE);
		assert_null(host);
		assert_happened(left[failing_step - 1]);
	}
}

static void the_option_goes_over_the_configured_data_plane(void **state)
{
	struct mip_host *host;

	(void)state;
	daemon_of_test.data_plane = "user";
	assert_int_equal(mip_host_new(&options_of_test, &host), 0);
	assert_int_equal(plane.kind, MIP_PLANE_USER);
	mip_host_free(host);
}

static void what_a_reply_promises_is_so_before_it_leaves(void **state)
{
	store_pending_is_silent = false;
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
	store_pending_is_silent = false;
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
	send_result = -ENETUNREACH;
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
	link_socket.function(link_socket.context, &frame);
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
	index_by_name = 7;
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

	udp.datagram(udp.context, &datagram);
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

static void tunnel_data_goes_to_the_data_plane_from_every_link(void **state)
{
	struct mip_input_datagram datagram = {
		.link = 7, .source_port = 434, .octets = (const uint8_t *)"\x04\x04\0\0", .length = 4};
	struct mip_input_icmp_error error = {.octets = (const uint8_t *)"\x04", .length = 1};

	(void)state;
	link_news(7, "home0", true);
	happened[0] = '\0';
	udp.datagram(udp.context, &datagram);
	datagram.link = 5;
	udp.datagram(udp.context, &datagram);
	udp.batch_end(udp.context);
	udp.icmp_error(udp.context, &error);
	assert_happened("tunnel-data tunnel-data batch-end tunnel-error");
	/* What the machine learns from it is so before the plane gets it. */
	say_on_tunnel_data = true;
	udp.datagram(udp.context, &datagram);
	assert_happened("send(port@0) tunnel-data");
	error.octets = (const uint8_t *)"\x01";
	udp.icmp_error(udp.context, &error);
	error.length = 0;
	udp.icmp_error(udp.context, &error);
	datagram.length = 0;
	udp.datagram(udp.context, &datagram); /* empty: the machine counts it */
	assert_happened("icmp-error icmp-error datagram");
	assert_false(plane.inspect(plane.context, (const uint8_t *)"x", 1));
}

static void the_loop_advances_the_machine_and_flushes_the_reconciler_when_due(void **state)
{
	mip_time now = mip_clock_now().boot;

	(void)state;
	reconciler_deadline = now + 5 * MIP_MILLISECOND;
	machine_deadline = now + 20 * MIP_MILLISECOND;
	alarm(20);
	mip_loop_run(loop);
	alarm(0);
	assert_happened("flush advance");
}

static void what_the_data_plane_waits_for_is_served(void **state)
{
	(void)state;
	assert_int_equal(write(plane_pipe[1], "x", 1), 1);
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
	failing_step = 4;
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

#define HOST_TEST(function)  cmocka_unit_test_setup_teardown(function, setup, teardown)
#define START_TEST(function) cmocka_unit_test_setup_teardown(function, setup_loop, teardown_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		START_TEST(what_can_only_be_had_once_comes_before_the_kernel_is_touched),
		START_TEST(a_start_that_fails_puts_back_what_it_has_made),
		START_TEST(the_option_goes_over_the_configured_data_plane),
		START_TEST(a_link_that_is_there_at_the_start_gets_its_socket_then),
		HOST_TEST(what_a_reply_promises_is_so_before_it_leaves),
		HOST_TEST(the_order_of_changes_and_packets_is_kept),
		HOST_TEST(a_batch_of_records_is_committed_once),
		HOST_TEST(packets_that_cannot_leave_are_counted),
		HOST_TEST(a_datagram_for_the_tunnel_link_leaves_by_the_device),
		HOST_TEST(a_named_link_has_a_socket_while_it_is_there),
		HOST_TEST(nothing_comes_twice_and_nothing_is_missed),
		HOST_TEST(tunnel_data_goes_to_the_data_plane_from_every_link),
		HOST_TEST(the_loop_advances_the_machine_and_flushes_the_reconciler_when_due),
		HOST_TEST(what_the_data_plane_waits_for_is_served),
		HOST_TEST(telling_again_leaves_no_moment_without_a_monitor),
		HOST_TEST(status_has_the_common_part_of_the_contract),
		HOST_TEST(metrics_hold_the_machines_and_the_hosts_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
