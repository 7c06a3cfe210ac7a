/*
 * Link sockets over a veth pair, in a network namespace for each test. As root only.
 *
 *   our socket on v0 ═══ v1: the test sends from here, and looks here at what comes
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "address.h"
#include "link_path.h"
#include "link_socket.h"
#include "monitor.h"
#include "namespace.h"

enum {
	KEPT = 64,
	HEADERS = ETH_HLEN + 20 + 8,
};

struct bench {
	struct mip_loop *loop;
	struct mip_link_socket *socket;
	mip_link v0;
	int raw; /* a packet socket on v1 */
	struct mip_input_frame told[KEPT];
	uint8_t octets[KEPT][2048];
	size_t count;
	size_t awaited;
	mip_time end;
};

static const uint8_t v0_address[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t v1_address[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t other_address[6] = {2, 0, 0, 0, 0, 3};
static const uint8_t all_address[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t group_address[6] = {1, 0, 0x5e, 0, 0, 1};

static void on_frame(void *context, const struct mip_input_frame *frame)
{
	struct bench *bench = context;

	assert_true(bench->count < KEPT);
	assert_true(frame->length <= sizeof(bench->octets[0]));
	bench->told[bench->count] = *frame;
	memcpy(bench->octets[bench->count], frame->octets, frame->length);
	bench->count++;
}

static void open_raw(struct bench *bench)
{
	struct sockaddr_ll name = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = mip_link_index("v1")};
	const int one = 1;

	bench->raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(bench->raw >= 0);
	assert_int_equal(setsockopt(bench->raw, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	assert_int_equal(bind(bench->raw, (struct sockaddr *)&name, sizeof(name)), 0);
}

static void await_path(const char *from, const char *to)
{
	int probes[] = {link_probe(from), link_probe(to)};

	link_await_path(probes[0], probes[1]);
	close(probes[0]);
	close(probes[1]);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	bench->raw = -1;
	if (!namespace_allowed())
		return 0;
	assert_int_equal(namespace_enter(), 0);
	namespace_must("for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done;"
		       "ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address "
		       "02:00:00:00:00:02; ip link set v0 up; ip link set v1 up");
	bench->v0 = mip_link_index("v0");
	await_path("v0", "v1");
	await_path("v1", "v0");
	open_raw(bench);
	assert_int_equal(mip_loop_new(&bench->loop), 0);
	alarm(60);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	alarm(0);
	mip_link_socket_free(bench->socket);
	mip_loop_free(bench->loop);
	if (bench->raw >= 0)
		close(bench->raw);
	free(bench);
	return 0;
}

static void start(struct bench *bench, unsigned flags)
{
	assert_int_equal(
		mip_link_socket_new(bench->loop, bench->v0, flags, on_frame, bench, &bench->socket), 0);
}

static mip_time settle(void *context)
{
	struct bench *bench = context;

	if (mip_clock_now().boot >= bench->end || bench->count >= bench->awaited)
		mip_loop_stop(bench->loop);
	return bench->end;
}

static void await(struct bench *bench, size_t frames)
{
	bench->awaited = frames;
	bench->end = mip_clock_now().boot + 3 * MIP_SECOND;
	mip_loop_settle(bench->loop, settle, bench);
	mip_loop_run(bench->loop);
	assert_int_equal(bench->count, frames);
}

/* A frame under construction. */
struct frame {
	uint8_t octets[200];
	size_t length;
};

static struct frame ethernet(const uint8_t *destination, uint16_t ethertype, size_t length)
{
	struct frame frame = {.length = ETH_HLEN + length};

	memcpy(frame.octets, destination, 6);
	memcpy(frame.octets + 6, v1_address, 6);
	frame.octets[12] = (uint8_t)(ethertype >> 8);
	frame.octets[13] = (uint8_t)ethertype;
	return frame;
}

/* IPv4 with `options` more octets of header. */
static struct frame ipv4(const uint8_t *destination, uint8_t protocol, size_t options, size_t payload)
{
	struct frame frame = ethernet(destination, ETH_P_IP, 20 + options + payload);
	uint8_t *ip = frame.octets + ETH_HLEN;

	ip[0] = (uint8_t)(0x45 + options / 4);
	ip[3] = (uint8_t)(20 + options + payload);
	ip[8] = 64;
	ip[9] = protocol;
	return frame;
}

static struct frame udp(
	const uint8_t *destination, uint16_t from, uint16_t to, const char *payload, size_t length)
{
	struct frame frame = ipv4(destination, IPPROTO_UDP, 0, 8 + length);
	uint8_t *header = frame.octets + ETH_HLEN + 20;

	header[0] = (uint8_t)(from >> 8);
	header[1] = (uint8_t)from;
	header[2] = (uint8_t)(to >> 8);
	header[3] = (uint8_t)to;
	header[5] = (uint8_t)(8 + length);
	memcpy(header + 8, payload, length);
	return frame;
}

static struct frame icmp(uint8_t type, size_t options)
{
	struct frame frame = ipv4(group_address, IPPROTO_ICMP, options, 8);

	frame.octets[ETH_HLEN + 20 + options] = type;
	return frame;
}

static void transmit(struct bench *bench, struct frame frame)
{
	assert_int_equal(send(bench->raw, frame.octets, frame.length, 0), frame.length);
}

static void registrations_and_router_discovery_come_with_their_link_address(void **state)
{
	struct bench *bench = *state;
	const struct frame frames[] = {udp(v0_address, 5000, 434, "\1", 1),
		udp(v0_address, 434, 5000, "\3", 1), udp(all_address, 5000, 434, "\1", 1), icmp(9, 0),
		icmp(10, 0), icmp(9, 8), udp(v0_address, 5000, 434, "", 0)};

	NEEDS_ROOT();
	start(bench, 0);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(frames); i++)
		transmit(bench, frames[i]);
	await(bench, MIP_ARRAY_SIZE(frames));
	for (size_t i = 0; i < MIP_ARRAY_SIZE(frames); i++) {
		const struct mip_input_frame *told = &bench->told[i];

		assert_int_equal(told->link, bench->v0);
		assert_int_equal(told->ethertype, MIP_ETHERTYPE_IPV4);
		assert_int_equal(told->source.length, 6);
		assert_memory_equal(told->source.octets, v1_address, 6);
		assert_int_equal(told->unicast, memcmp(frames[i].octets, v0_address, 6) == 0);
		assert_int_equal(told->length, frames[i].length - ETH_HLEN);
		assert_memory_equal(bench->octets[i], frames[i].octets + ETH_HLEN, told->length);
	}
}

static void everything_else_stays_out(void **state)
{
	struct bench *bench = *state;
	struct frame fragment = udp(v0_address, 434, 434, "\1", 1);
	struct frame first_fragment = fragment;

	NEEDS_ROOT();
	fragment.octets[ETH_HLEN + 7] = 5;
	first_fragment.octets[ETH_HLEN + 6] = 0x20;
	start(bench, 0);
	transmit(bench, fragment);
	transmit(bench, first_fragment);
	transmit(bench, udp(v0_address, 5000, 434, "\4data", 5)); /* tunnel data */
	transmit(bench, udp(v0_address, 434, 5000, "\4data", 5));
	transmit(bench, udp(v0_address, 5000, 53, "\1", 1));
	transmit(bench, udp(other_address, 5000, 434, "\1", 1)); /* for another host */
	transmit(bench, icmp(8, 0));
	transmit(bench, ipv4(v0_address, IPPROTO_TCP, 0, 20));
	transmit(bench, ethernet(all_address, ETH_P_ARP, 28));
	transmit(bench, ethernet(all_address, ETH_P_IPV6, 40));
	transmit(bench, udp(v0_address, 5000, 434, "\1last", 5));
	await(bench, 1);
	assert_memory_equal(bench->octets[0] + 28, "\1last", 5);
}

static void groups_and_everyone_are_heard_while_that_is_asked_for(void **state)
{
	struct bench *bench = *state;
	const struct frame to_all = udp(all_address, 5000, 7000, "x", 1),
			   to_group = udp(group_address, 5000, 7000, "x", 1);
	const struct frame to_us = udp(v0_address, 5000, 7000, "x", 1),
			   end = udp(v0_address, 5000, 434, "\1", 1);
	struct frame fragment = ipv4(group_address, IPPROTO_UDP, 0, 8);

	fragment.octets[ETH_HLEN + 7] = 5;
	NEEDS_ROOT();
	start(bench, 0);
	transmit(bench, to_all);
	transmit(bench, end);
	await(bench, 1);
	assert_int_equal(mip_link_socket_hear_groups(bench->socket, true), 0);
	transmit(bench, to_all);
	transmit(bench, to_group);
	transmit(bench, fragment);
	transmit(bench, to_us); /* the data plane's */
	transmit(bench, end);
	await(bench, 5);
	assert_false(bench->told[1].unicast);
	assert_int_equal(bench->told[1].length, to_all.length - ETH_HLEN);
	assert_int_equal(bench->told[3].length, fragment.length - ETH_HLEN);
	assert_true(bench->told[4].unicast);
	assert_int_equal(mip_link_socket_hear_groups(bench->socket, false), 0);
	transmit(bench, to_all);
	transmit(bench, end);
	await(bench, 6);
}

static void a_tagged_frame_belongs_to_another_link(void **state)
{
	struct bench *bench = *state;
	struct frame plain = udp(v0_address, 5000, 434, "\1tagged", 7);
	struct frame tagged = ethernet(v0_address, ETH_P_8021Q, plain.length - ETH_HLEN + 4);

	NEEDS_ROOT();
	tagged.octets[15] = 5;
	memcpy(tagged.octets + 16, plain.octets + 12, plain.length - 12);
	start(bench, 0);
	transmit(bench, tagged);
	transmit(bench, udp(v0_address, 5000, 434, "\1last", 5));
	await(bench, 1);
	assert_memory_equal(bench->octets[0] + 28, "\1last", 5);
}

static void arp_comes_if_asked_for(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	start(bench, MIP_LINK_SOCKET_ARP);
	transmit(bench, ethernet(all_address, ETH_P_ARP, 28));
	await(bench, 1);
	assert_int_equal(bench->told[0].ethertype, MIP_ETHERTYPE_ARP);
	assert_int_equal(bench->told[0].length, 28);
}

static void what_this_host_sends_does_not_come_back(void **state)
{
	struct bench *bench = *state;
	const struct mip_output_frame output = {.link = bench->v0, .ethertype = MIP_ETHERTYPE_IPV4};
	struct frame frame = udp(all_address, 434, 434, "\1", 1);

	NEEDS_ROOT();
	start(bench, 0);
	assert_int_equal(mip_link_socket_send(
				 bench->socket, &output, frame.octets + ETH_HLEN, frame.length - ETH_HLEN),
		0);
	transmit(bench, udp(v0_address, 5000, 434, "\1last", 5));
	await(bench, 1);
	assert_memory_equal(bench->octets[0] + 28, "\1last", 5);
}

/* From a socket of this very machine through the veth: the checksum is left to a card that is not there. */
static void a_checksum_that_was_left_to_a_card_is_told(void **state)
{
	struct bench *bench = *state;
	const struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_BROADCAST), .sin_port = htons(434)};
	const int one = 1;
	int descriptor;

	NEEDS_ROOT();
	namespace_must("ip addr add 10.0.0.2/24 dev v1");
	start(bench, 0);
	descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)), 0);
	assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, "v1", 3), 0);
	assert_int_equal(sendto(descriptor, "\1x", 2, 0, (const struct sockaddr *)&name, sizeof(name)), 2);
	close(descriptor);
	await(bench, 1);
	assert_true(bench->told[0].checksum_unfilled);
	transmit(bench, udp(v0_address, 5000, 434, "\1", 1));
	await(bench, 2);
	assert_false(bench->told[1].checksum_unfilled);
}

/* Joined datagrams are left to the UDP socket, which can part them. */
static void what_the_kernel_joined_is_not_taken_for_one(void **state)
{
	struct bench *bench = *state;
	const struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001), .sin_port = htons(434)};
	const int segment = 50;
	uint8_t octets[150];
	int descriptor;

	NEEDS_ROOT();
	namespace_must(
		"ip addr add 10.0.0.2/24 dev v1; ip neighbour add 10.0.0.1 lladdr 02:00:00:00:00:01 nud "
		"permanent dev v1");
	start(bench, 0);
	memset(octets, 1, sizeof(octets));
	descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, "v1", 3), 0);
	assert_int_equal(setsockopt(descriptor, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
	assert_int_equal(
		sendto(descriptor, octets, sizeof(octets), 0, (const struct sockaddr *)&name, sizeof(name)),
		sizeof(octets));
	close(descriptor);
	transmit(bench, udp(v0_address, 5000, 434, "\1last", 5));
	await(bench, 1);
	assert_memory_equal(bench->octets[0] + 28, "\1last", 5);
}

static void a_frame_goes_to_the_link_address_that_is_known(void **state)
{
	struct bench *bench = *state;
	struct mip_output_frame output = {
		.link = bench->v0, .ethertype = MIP_ETHERTYPE_ARP, .destination = {6, {2, 0, 0, 0, 0, 3}}};
	uint8_t octets[100];

	NEEDS_ROOT();
	start(bench, 0);
	assert_int_equal(mip_link_socket_send(bench->socket, &output, "0123456789", 10), 0);
	assert_int_equal(recv(bench->raw, octets, sizeof(octets), 0), ETH_HLEN + 10);
	assert_memory_equal(octets, other_address, 6);
	assert_memory_equal(octets + 6, v0_address, 6);
	assert_int_equal(octets[12] << 8 | octets[13], ETH_P_ARP);
	assert_memory_equal(octets + ETH_HLEN, "0123456789", 10);
	output.destination.length = 0;
	output.ethertype = MIP_ETHERTYPE_IPV4;
	assert_int_equal(mip_link_socket_send(bench->socket, &output, "0123456789", 10), 0);
	assert_int_equal(recv(bench->raw, octets, sizeof(octets), 0), ETH_HLEN + 10);
	assert_memory_equal(octets, all_address, 6);
	output.link++;
	assert_int_equal(mip_link_socket_send(bench->socket, &output, "0123456789", 10), -EINVAL);
}

static void a_link_that_was_down_can_be_used_again(void **state)
{
	struct bench *bench = *state;
	const struct mip_output_frame output = {.link = bench->v0, .ethertype = MIP_ETHERTYPE_IPV4};

	NEEDS_ROOT();
	start(bench, 0);
	namespace_must("ip link set v0 down");
	assert_int_equal(mip_link_socket_send(bench->socket, &output, "0123456789", 10), -ENETDOWN);
	namespace_must("ip link set v0 down; ip link set v0 up");
	await_path("v1", "v0");
	assert_int_equal(mip_link_socket_send(bench->socket, &output, "0123456789", 10), 0);
	transmit(bench, udp(v0_address, 5000, 434, "\1", 1));
	await(bench, 1);
	namespace_must("ip link del v0");
	assert_true(mip_link_socket_send(bench->socket, &output, "0123456789", 10) < 0);
}

static void only_ethernet_links_that_are_there_will_do(void **state)
{
	struct bench *bench = *state;
	struct mip_link_socket *socket = NULL;

	NEEDS_ROOT();
	assert_int_equal(mip_link_socket_new(bench->loop, 999, 0, on_frame, bench, &socket), -ENODEV);
	assert_int_equal(mip_link_socket_new(bench->loop, 0, 0, on_frame, bench, &socket), -ENODEV);
	namespace_must("ip tuntap add dev tun9 mode tun; ip link set tun9 up");
	assert_int_equal(
		mip_link_socket_new(bench->loop, mip_link_index("tun9"), 0, on_frame, bench, &socket),
		-ENOTSUP);
	assert_int_equal(mip_link_socket_new(bench->loop, mip_link_index("lo"), 0, on_frame, bench, &socket),
		-ENOTSUP);
	assert_null(socket);
	mip_link_socket_free(NULL);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(registrations_and_router_discovery_come_with_their_link_address),
		TEST(everything_else_stays_out),
		TEST(groups_and_everyone_are_heard_while_that_is_asked_for),
		TEST(a_tagged_frame_belongs_to_another_link),
		TEST(arp_comes_if_asked_for),
		TEST(what_this_host_sends_does_not_come_back),
		TEST(a_checksum_that_was_left_to_a_card_is_told),
		TEST(what_the_kernel_joined_is_not_taken_for_one),
		TEST(a_frame_goes_to_the_link_address_that_is_known),
		TEST(a_link_that_was_down_can_be_used_again),
		TEST(only_ethernet_links_that_are_there_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
