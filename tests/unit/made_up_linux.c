/*
 * The made-up Linux.
 */
#include "made_up_linux.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "loop.h"

char happened[1024];

void note(const char *word)
{
	size_t used = strlen(happened);

	snprintf(happened + used, sizeof(happened) - used, "%s%s", used > 0 ? " " : "", word);
}

void assert_happened(const char *expected)
{
	assert_string_equal(happened, expected);
	happened[0] = '\0';
}

struct made_up made_up;

static int step(int number, const char *word)
{
	if (made_up.failing_step == number)
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
	made_up.udp = *functions;
	if (error == 0)
		*ret_socket = (struct mip_udp_socket *)&made_up.udp;
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
	return made_up.send_result;
}

int mip_link_socket_new(struct mip_loop *loop, mip_link link, unsigned flags, mip_frame_function *function,
	void *context, struct mip_link_socket **ret_socket)
{
	(void)loop;
	assert_int_equal(flags, MIP_LINK_SOCKET_ARP);
	if (link == 13)
		return -ENOTSUP;
	note("link-socket");
	made_up.link_socket.function = function;
	made_up.link_socket.context = context;
	made_up.link_socket.link = link;
	*ret_socket = (struct mip_link_socket *)&made_up.link_socket;
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

	assert_ptr_equal(socket, &made_up.link_socket);
	assert_int_equal(frame->link, made_up.link_socket.link);
	snprintf(word, sizeof(word), "frame(%.*s)", (int)length, (const char *)octets);
	note(word);
	return made_up.send_result;
}

int mip_monitor_new(struct mip_loop *loop, uint8_t ignored_protocol,
	const struct mip_monitor_functions *functions, struct mip_monitor **ret_monitor)
{
	int error = step(4, "monitor");

	(void)loop;
	assert_int_equal(ignored_protocol, MIP_ROUTE_PROTOCOL_HA);
	made_up.monitor = *functions;
	if (error == 0)
		*ret_monitor = (struct mip_monitor *)&made_up.monitor;
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
	return made_up.index_by_name;
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
		*ret_reconciler = (struct mip_reconciler *)&made_up.reconciler_deadline;
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

void mip_reconciler_set_translation(struct mip_reconciler *reconciler,
	bool (*translate)(void *context, struct mip_want *want), void *context)
{
	assert_non_null(reconciler);
	assert_non_null(translate);
	assert_non_null(context);
}

void mip_reconciler_translate_again(struct mip_reconciler *reconciler)
{
	assert_non_null(reconciler);
	note("translate-again");
}

void mip_reconciler_translate_route(struct mip_reconciler *reconciler, struct mip_prefix destination)
{
	assert_non_null(reconciler);
	assert_int_equal(destination.length, 32);
	note("translate-route");
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
	made_up.reconciler_deadline = MIP_NEVER;
	note("flush");
}

mip_time mip_reconciler_deadline(const struct mip_reconciler *reconciler)
{
	(void)reconciler;
	return made_up.reconciler_deadline;
}

static const struct mip_counter_name reconciler_names[] = {{"kernel_changes", "Changes"}};
static const uint64_t reconciler_values[] = {5};

struct mip_counter_table mip_reconciler_counters(const struct mip_reconciler *reconciler)
{
	(void)reconciler;
	return (struct mip_counter_table){reconciler_names, reconciler_values, 1};
}

const struct mip_name mip_plane_names[] = {{MIP_PLANE_AUTO, "auto"}, {MIP_PLANE_USER, "user"}, {0, NULL}};

int mip_plane_new(const struct mip_plane_options *options, struct mip_plane **ret_plane,
	char ret_reason[static MIP_PLANE_REASON])
{
	int error = step(2, "plane");

	made_up.plane = *options;
	if (error == 0)
		*ret_plane = (struct mip_plane *)&made_up.plane;
	else
		strcpy(ret_reason, "made up");
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
	return made_up.plane.kind == MIP_PLANE_AUTO ? MIP_PLANE_USER : made_up.plane.kind;
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
	if (want->kind != MIP_WANT_ROUTE)
		note(want->kind == MIP_WANT_TUNNEL ? "tunnel" : "peer");
	return 0;
}

int mip_plane_unwant(struct mip_plane *old, const struct mip_want *want)
{
	(void)old;
	if (want->kind != MIP_WANT_ROUTE)
		note(want->kind == MIP_WANT_TUNNEL ? "no-tunnel" : "no-peer");
	return -ENOENT;
}

int mip_plane_switch(
	struct mip_plane *old, enum mip_plane_kind kind, char ret_reason[static MIP_PLANE_REASON])
{
	(void)old;
	if (kind == MIP_PLANE_KERNEL) {
		strcpy(ret_reason, "made up");
		return -EOPNOTSUPP;
	}
	made_up.plane.kind = kind;
	return 0;
}

void mip_plane_set_clamp(struct mip_plane *old, bool clamp_mss)
{
	(void)old;
	made_up.plane.clamp_mss = clamp_mss;
}

void mip_plane_follow(struct mip_plane *old, const struct mip_input_link *link)
{
	(void)old;
	(void)link;
}

void mip_plane_follow_address(struct mip_plane *old, const struct mip_input_address *address)
{
	(void)old;
	(void)address;
}

mip_time mip_plane_deadline(const struct mip_plane *old)
{
	(void)old;
	return MIP_NEVER;
}

void mip_plane_advance(struct mip_plane *old, mip_time now)
{
	(void)old;
	(void)now;
}

void mip_plane_commit(struct mip_plane *old)
{
	(void)old;
}

bool mip_plane_translate(struct mip_plane *old, struct mip_want *want)
{
	(void)old;
	(void)want;
	return false;
}

struct mip_counter_table mip_plane_accelerator_counters(const struct mip_plane *old)
{
	(void)old;
	return (struct mip_counter_table){0};
}

size_t mip_plane_descriptors(const struct mip_plane *old, int *descriptors, size_t size)
{
	(void)old;
	if (size > 0)
		descriptors[0] = made_up.plane_pipe[0];
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

int mip_plane_copy(
	struct mip_plane *old, const struct mip_output_copy *copy, const uint8_t *packet, size_t length)
{
	(void)old;
	(void)copy;
	(void)packet;
	(void)length;
	note("copy");
	return made_up.send_result;
}

int mip_link_socket_hear_groups(struct mip_link_socket *socket, bool wanted)
{
	(void)socket;
	note(wanted ? "groups" : "no-groups");
	return 0;
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
	*ret_store = (struct mip_store *)&made_up.send_result;
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

uint64_t mip_store_flush(struct mip_store *store)
{
	(void)store;
	if (!made_up.store_pending_is_silent)
		note("commit");
	return made_up.store_ticket;
}

uint64_t mip_store_settled(struct mip_store *store)
{
	(void)store;
	return made_up.store_settled;
}

int mip_store_descriptor(const struct mip_store *store)
{
	(void)store;
	return made_up.store_descriptor;
}

void mip_store_service(struct mip_store *store)
{
	uint64_t count;

	(void)store;
	assert_int_equal(read(made_up.store_descriptor, &count, sizeof(count)), sizeof(count));
	note("store-service");
	made_up.store_settled = made_up.store_settles;
	mip_loop_stop(made_up.ends_at_service);
}

uint64_t mip_store_failures(struct mip_store *store)
{
	(void)store;
	return 0;
}

int mip_store_wait(struct mip_store *store)
{
	(void)store;
	if (made_up.store_settled < made_up.store_ticket)
		note("wait");
	made_up.store_settled = made_up.store_ticket;
	return 0;
}

/* --- what a restart leaves, of which a test of the host has nothing --- */

bool mip_plane_is_adopting(const struct mip_plane *plane)
{
	(void)plane;
	return made_up.plane_adopts;
}

void mip_plane_end_adoption(struct mip_plane *plane)
{
	(void)plane;
	note("plane-adopted");
}

void mip_plane_leave(struct mip_plane *plane)
{
	(void)plane;
	note("plane-leave");
}

int mip_reconciler_new_adopting(struct mip_loop *event_loop, const struct mip_log *log, uint8_t protocol,
	const char *restore_file, struct mip_reconciler **ret_reconciler)
{
	note("adopting");
	return mip_reconciler_new(event_loop, log, protocol, restore_file, ret_reconciler);
}

void mip_reconciler_end_adoption(struct mip_reconciler *reconciler)
{
	(void)reconciler;
	note("kernel-adopted");
}

void mip_reconciler_leave(struct mip_reconciler *reconciler)
{
	(void)reconciler;
	note("reconciler-leave");
}
