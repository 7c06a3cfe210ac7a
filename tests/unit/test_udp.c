/* UDP sockets, on the loopback of a network namespace for each test (as root), or of the host. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "address.h"
#include "monitor.h"
#include "namespace.h"
#include "udp.h"

enum {
	KEPT = 200,
};

struct bench {
	struct mip_loop *loop;
	struct mip_udp_socket *socket;
	struct mip_input_datagram told[KEPT];
	uint8_t octets[KEPT][2000];
	size_t count;
	size_t batches;
	struct mip_input_icmp_error error;
	uint8_t error_octets[2000];
	size_t errors;
	size_t awaited;
	size_t awaited_errors;
	mip_time end;
};

static void on_datagram(void *context, const struct mip_input_datagram *datagram)
{
	struct bench *bench = context;

	assert_true(bench->count < KEPT);
	assert_true(datagram->length <= sizeof(bench->octets[0]));
	bench->told[bench->count] = *datagram;
	memcpy(bench->octets[bench->count], datagram->octets, datagram->length);
	bench->count++;
}

static void on_error(void *context, const struct mip_input_icmp_error *error)
{
	struct bench *bench = context;

	bench->error = *error;
	assert_true(error->length <= sizeof(bench->error_octets));
	memcpy(bench->error_octets, error->octets, error->length);
	bench->errors++;
}

static void on_batch_end(void *context)
{
	struct bench *bench = context;

	bench->batches++;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	const struct mip_udp_functions functions = {
		.datagram = on_datagram, .icmp_error = on_error, .batch_end = on_batch_end, .context = bench};

	*state = bench;
	if (namespace_allowed()) {
		assert_int_equal(namespace_enter(), 0);
		namespace_must("ip addr add 10.0.0.1/32 dev lo; ip addr add 10.0.0.2/32 dev lo");
	}
	assert_int_equal(mip_loop_new(&bench->loop), 0);
	assert_int_equal(
		mip_udp_socket_new(bench->loop, (struct mip_address){0}, 0, &functions, &bench->socket), 0);
	alarm(60);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	alarm(0);
	mip_udp_socket_free(bench->socket);
	mip_loop_free(bench->loop);
	free(bench);
	return 0;
}

static mip_time settle(void *context)
{
	struct bench *bench = context;

	if (mip_clock_now().boot >= bench->end ||
		(bench->count >= bench->awaited && bench->errors >= bench->awaited_errors))
		mip_loop_stop(bench->loop);
	return bench->end;
}

static void await(struct bench *bench, size_t datagrams, size_t errors)
{
	bench->awaited = datagrams;
	bench->awaited_errors = errors;
	bench->end = mip_clock_now().boot + 3 * MIP_SECOND;
	mip_loop_settle(bench->loop, settle, bench);
	mip_loop_run(bench->loop);
	assert_int_equal(bench->count, datagrams);
	assert_int_equal(bench->errors, errors);
}

static struct mip_address ip(const char *text)
{
	struct mip_address address = {0};

	assert_int_equal(mip_address_read(text, &address), 0);
	return address;
}

/* A socket of the test's own that sends to ours; `segment` as UDP_SEGMENT. */
static int sender(struct bench *bench, const char *to, int segment)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
		.sin_addr.s_addr = ip(to).value,
		.sin_port = htons(mip_udp_socket_port(bench->socket))};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(descriptor >= 0);
	assert_int_equal(connect(descriptor, (struct sockaddr *)&name, sizeof(name)), 0);
	if (segment > 0)
		assert_int_equal(setsockopt(descriptor, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
	return descriptor;
}

static void a_datagram_comes_with_all_that_is_known_of_it(void **state)
{
	struct bench *bench = *state;
	const int ttl = 33, tos = 0x2a;
	const struct mip_input_datagram *told = &bench->told[0];
	struct sockaddr_in own;
	socklen_t length = sizeof(own);
	int descriptor = sender(bench, "127.0.0.1", 0);

	setsockopt(descriptor, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	setsockopt(descriptor, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	assert_int_equal(getsockname(descriptor, (struct sockaddr *)&own, &length), 0);
	assert_int_equal(send(descriptor, "hello", 5, 0), 5);
	await(bench, 1, 0);
	assert_int_equal(told->link, mip_link_index("lo"));
	assert_true(mip_address_equal(told->source, ip("127.0.0.1")));
	assert_true(mip_address_equal(told->destination, ip("127.0.0.1")));
	assert_int_equal(told->source_port, ntohs(own.sin_port));
	assert_int_equal(told->destination_port, mip_udp_socket_port(bench->socket));
	assert_int_equal(told->ttl, 33);
	assert_int_equal(told->tos, 0x2a);
	assert_false(told->unframed);
	assert_int_equal(told->length, 5);
	assert_memory_equal(bench->octets[0], "hello", 5);
	close(descriptor);
}

static void an_empty_datagram_is_told_too(void **state)
{
	struct bench *bench = *state;
	int descriptor = sender(bench, "127.0.0.1", 0);

	assert_int_equal(send(descriptor, "", 0, 0), 0);
	await(bench, 1, 0);
	assert_int_equal(bench->told[0].length, 0);
	close(descriptor);
}

static void many_come_in_batches_and_in_order(void **state)
{
	struct bench *bench = *state;
	int descriptor = sender(bench, "127.0.0.1", 0);

	for (uint8_t i = 0; i < 100; i++)
		assert_int_equal(send(descriptor, &i, 1, 0), 1);
	await(bench, 100, 0);
	for (uint8_t i = 0; i < 100; i++)
		assert_int_equal(bench->octets[i][0], i);
	assert_int_equal(bench->batches, 4);
	close(descriptor);
}

static void joined_datagrams_are_given_one_by_one(void **state)
{
	struct bench *bench = *state;
	uint8_t octets[1000];
	int descriptor = sender(bench, "127.0.0.1", 300);

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i / 300);
	assert_int_equal(send(descriptor, octets, sizeof(octets), 0), sizeof(octets));
	await(bench, 4, 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(bench->told[i].length, i < 3 ? 300 : 100);
		assert_int_equal(bench->octets[i][0], i);
		assert_true(bench->told[i].unframed); /* as no link socket saw it by itself */
	}
	close(descriptor);
}

static void a_datagram_in_fragments_says_so(void **state)
{
	struct bench *bench = *state;
	uint8_t octets[1800] = {0};
	int descriptor;

	if (!namespace_allowed())
		skip();
	namespace_must("ip link set lo mtu 600");
	descriptor = sender(bench, "127.0.0.1", 0);
	assert_int_equal(send(descriptor, octets, sizeof(octets), 0), sizeof(octets));
	await(bench, 1, 0);
	assert_int_equal(bench->told[0].length, sizeof(octets));
	assert_true(bench->told[0].unframed);
	close(descriptor);
}

static struct mip_output_datagram to(struct bench *bench, const char *address)
{
	return (struct mip_output_datagram){
		.destination = ip(address), .destination_port = mip_udp_socket_port(bench->socket)};
}

static void what_is_sent_has_the_source_and_ttl_of_choice(void **state)
{
	struct bench *bench = *state;
	struct mip_output_datagram datagram = to(bench, "10.0.0.2");

	if (!namespace_allowed())
		skip();
	datagram.source = ip("10.0.0.1");
	datagram.ttl = 7;
	datagram.link = mip_link_index("lo");
	assert_int_equal(mip_udp_socket_send(bench->socket, &datagram, "x", 1), 0);
	await(bench, 1, 0);
	assert_true(mip_address_equal(bench->told[0].source, ip("10.0.0.1")));
	assert_true(mip_address_equal(bench->told[0].destination, ip("10.0.0.2")));
	assert_int_equal(bench->told[0].ttl, 7);
	assert_int_equal(bench->told[0].source_port, mip_udp_socket_port(bench->socket));
}

static void what_cannot_be_sent_says_why(void **state)
{
	struct bench *bench = *state;
	struct mip_output_datagram datagram = to(bench, "127.0.0.1");

	datagram.source_port = (uint16_t)(mip_udp_socket_port(bench->socket) + 1);
	assert_int_equal(mip_udp_socket_send(bench->socket, &datagram, "x", 1), -EADDRNOTAVAIL);
	datagram.source_port = 0;
	datagram.link = MIP_LINK_TUNNEL;
	assert_int_equal(mip_udp_socket_send(bench->socket, &datagram, "x", 1), -ENODEV);
	if (!namespace_allowed())
		skip();
	datagram = to(bench, "192.0.2.1");
	assert_int_equal(mip_udp_socket_send(bench->socket, &datagram, "x", 1), -ENETUNREACH);
}

static void an_icmp_error_is_told_with_what_was_sent(void **state)
{
	struct bench *bench = *state;
	struct mip_output_datagram datagram = to(bench, "127.0.0.1");

	datagram.destination_port = 9; /* nobody is there */
	assert_int_equal(mip_udp_socket_send(bench->socket, &datagram, "register", 8), 0);
	await(bench, 0, 1);
	assert_int_equal(bench->error.type, 3);
	assert_int_equal(bench->error.code, 3);
	assert_true(mip_address_equal(bench->error.destination, ip("127.0.0.1")));
	assert_int_equal(bench->error.destination_port, 9);
	assert_int_equal(bench->error.length, 8);
	assert_memory_equal(bench->error_octets, "register", 8);
}

static void an_error_about_one_peer_does_not_stop_a_datagram_to_another(void **state)
{
	struct bench *bench = *state;
	struct mip_output_datagram datagram = to(bench, "127.0.0.1");

	for (int i = 0; i < 20; i++) {
		datagram.destination_port = 9;
		assert_int_equal(mip_udp_socket_send(bench->socket, &datagram, "x", 1), 0);
		datagram.destination_port = mip_udp_socket_port(bench->socket);
		assert_int_equal(mip_udp_socket_send(bench->socket, &datagram, "y", 1), 0);
	}
	/* The errors may be limited in rate by the kernel; the datagrams are not. */
	bench->awaited_errors = 1;
	bench->awaited = 20;
	bench->end = mip_clock_now().boot + 3 * MIP_SECOND;
	mip_loop_settle(bench->loop, settle, bench);
	mip_loop_run(bench->loop);
	assert_int_equal(bench->count, 20);
	assert_true(bench->errors >= 1);
}

static void a_taken_port_is_an_error(void **state)
{
	struct bench *bench = *state;
	const struct mip_udp_functions functions = {.datagram = on_datagram, .context = bench};
	struct mip_udp_socket *second = NULL;

	assert_int_equal(mip_udp_socket_new(bench->loop, (struct mip_address){0},
				 mip_udp_socket_port(bench->socket), &functions, &second),
		-EADDRINUSE);
	assert_null(second);
	mip_udp_socket_free(NULL);
}

/* Sends to port 434 of the address, and says whether an ICMP error comes back for it. */
static bool is_refused(const char *to)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr.s_addr = ip(to).value, .sin_port = htons(434)};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool refused;

	assert_true(descriptor >= 0);
	assert_int_equal(connect(descriptor, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(send(descriptor, "x", 1, 0), 1);
	/* On the loopback the error is there when the call returns. */
	refused = send(descriptor, "y", 1, 0) < 0;
	close(descriptor);
	return refused;
}

static void on_single(void *context, const struct mip_input_datagram *datagram)
{
	size_t *count = context;

	assert_true(mip_address_equal(datagram->destination, ip("10.0.0.2")));
	(*count)++;
}

static struct mip_udp_socket *open_434(struct bench *bench, bool single, size_t *count)
{
	const struct mip_udp_functions rest = {.datagram = on_datagram, .context = bench};
	const struct mip_udp_functions its = {.datagram = on_single, .context = count};
	struct mip_udp_socket *socket = NULL;

	assert_int_equal(mip_udp_socket_new(bench->loop, single ? ip("10.0.0.2") : (struct mip_address){0},
				 434, single ? &its : &rest, &socket),
		0);
	return socket;
}

static void one_for_an_address_and_one_for_the_others_share_a_port_in_either_order(void **state)
{
	struct bench *bench = *state;
	size_t count = 0;

	if (!namespace_allowed())
		skip();
	for (int i = 0; i < 2; i++) {
		bool single = i == 0;
		struct mip_udp_socket *first = open_434(bench, single, &count), *second;

		/* With either alone there is no ICMP error, at whatever address. */
		assert_false(is_refused("10.0.0.1"));
		await(bench, bench->count + (single ? 0 : 2), 0);
		second = open_434(bench, !single, &count);
		assert_false(is_refused("10.0.0.1"));
		assert_false(is_refused("10.0.0.2"));
		await(bench, bench->count + 2, 0);
		mip_udp_socket_free(first);
		mip_udp_socket_free(second);
		assert_true(is_refused("10.0.0.1"));
	}
	assert_int_equal(count, 4);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_comes_with_all_that_is_known_of_it),
		TEST(an_empty_datagram_is_told_too),
		TEST(many_come_in_batches_and_in_order),
		TEST(joined_datagrams_are_given_one_by_one),
		TEST(a_datagram_in_fragments_says_so),
		TEST(what_is_sent_has_the_source_and_ttl_of_choice),
		TEST(what_cannot_be_sent_says_why),
		TEST(an_icmp_error_is_told_with_what_was_sent),
		TEST(an_error_about_one_peer_does_not_stop_a_datagram_to_another),
		TEST(a_taken_port_is_an_error),
		TEST(one_for_an_address_and_one_for_the_others_share_a_port_in_either_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
