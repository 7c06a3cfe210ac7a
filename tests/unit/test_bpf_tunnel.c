/*
 * The bpf programs, run by the kernel on packets that are made here: what they take and how it comes out, and what they
 * leave as it was to the stack and the daemon.
 */
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf_program.h"
#include "namespace.h"
#include "octets.h"

/* --- into a tunnel ---------------------------------------------------------------------------- */

static const enum mip_bpf_kind with_outer_header[] = {MIP_BPF_IPIP, MIP_BPF_GRE, MIP_BPF_UDP};

static void a_packet_for_a_node_gets_the_header_of_rfc_2003(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(with_outer_header); i++) {
		enum mip_bpf_kind kind = with_outer_header[i];
		struct frame inner = program_to_node(), frame;
		struct mip_ip ip;

		program_set(&inner, MIP_IP_TOS, 0xb9); /* with ECT(1) */
		frame = inner;
		program_register_whole(bench, kind);
		program_taken(bench, &frame);
		assert_int_equal(frame.length, inner.length + program_header(kind));
		ip = program_read_ip(program_ip(&frame), frame.length - ETH_HLEN);
		assert_int_equal(ip.tos, 0xb9);
		assert_int_equal(ip.ttl, 64);
		assert_int_equal(ip.protocol, program_protocol(kind));
		assert_int_equal(ip.total_length, frame.length - ETH_HLEN);
		assert_int_equal(ip.source.value, htonl(AGENT));
		assert_int_equal(ip.destination.value, htonl(CARE_OF));
		assert_false(ip.dont_fragment);
		/* Behind it is the packet as it was, one hop older. */
		program_set(&inner, TTL_PLACE, TTL - 1);
		assert_memory_equal(program_ip(&frame) + program_header(kind), program_ip(&inner),
			inner.length - ETH_HLEN);
	}
}

static void the_headers_of_gre_and_of_tunnel_data_are_as_their_rfcs_have_them(void **state)
{
	static const uint8_t gre[] = {0, 0, 8, 0};
	struct bench *bench = *state;
	struct frame frame = program_to_node();
	const uint8_t *udp;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_GRE);
	program_taken(bench, &frame);
	assert_memory_equal(program_ip(&frame) + MIP_IP_HEADER, gre, sizeof(gre));

	frame = program_to_node();
	program_register_whole(bench, MIP_BPF_UDP);
	program_taken(bench, &frame);
	udp = program_ip(&frame) + MIP_IP_HEADER;
	assert_int_equal(mip_octets_get16(udp), PORT);
	assert_int_equal(mip_octets_get16(udp + 2), NAT_PORT);
	assert_int_equal(mip_octets_get16(udp + MIP_UDP_LENGTH), frame.length - ETH_HLEN - MIP_IP_HEADER);
	assert_int_equal(mip_octets_get16(udp + MIP_UDP_CHECKSUM), 0);
	assert_int_equal(mip_octets_get32(udp + MIP_UDP_HEADER), 4u << 24 | 4u << 16);
}

static void minimal_encapsulation_keeps_what_it_displaces(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_to_node(), frame = inner;
	const uint8_t *minimal = program_ip(&frame) + MIP_IP_HEADER;
	struct mip_ip ip;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_MINIMAL);
	program_taken(bench, &frame);
	ip = program_read_ip(program_ip(&frame), frame.length - ETH_HLEN);
	assert_int_equal(ip.protocol, MIP_PROTOCOL_MINIMAL);
	assert_int_equal(ip.ttl, TTL - 1);
	assert_int_equal(ip.identification, 77);
	assert_int_equal(ip.source.value, htonl(AGENT));
	assert_int_equal(ip.destination.value, htonl(CARE_OF));
	assert_int_equal(minimal[0], MIP_PROTOCOL_TCP);
	assert_int_equal(minimal[1], 0x80);
	assert_int_equal(mip_checksum_finish(mip_checksum_add(0, minimal, MINIMAL)), 0);
	assert_int_equal(mip_octets_get32(minimal + 4), HOME);
	assert_int_equal(mip_octets_get32(minimal + 8), CORRESPONDENT);
	assert_memory_equal(minimal + MINIMAL, program_ip(&inner) + MIP_IP_HEADER, MIP_TCP_HEADER + PAYLOAD);
}

static void dont_fragment_is_copied_and_other_packets_get_numbers(void **state)
{
	struct bench *bench = *state;
	struct frame whole = program_to_node(), one = program_to_node(), two = program_to_node();

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_set16(&whole, MIP_IP_FLAGS, DONT_FRAGMENT);
	program_taken(bench, &whole);
	assert_true(program_read_ip(program_ip(&whole), whole.length - ETH_HLEN).dont_fragment);
	for (int i = 0; i < 3; i++) { /* two random numbers may be the same; three times, never */
		one = program_to_node();
		two = program_to_node();
		program_taken(bench, &one);
		program_taken(bench, &two);
		if (mip_octets_get16(program_ip(&one) + MIP_IP_IDENTIFICATION) !=
			mip_octets_get16(program_ip(&two) + MIP_IP_IDENTIFICATION))
			return;
	}
	fail();
}

static void a_fragment_goes_in_any_tunnel_but_a_minimal_one(void **state)
{
	struct bench *bench = *state;
	struct frame fragment = program_to_node(), frame;

	NEEDS_ROOT();
	program_set16(&fragment, MIP_IP_FLAGS, MIP_IP_FLAG_MORE_FRAGMENTS | 100);
	frame = fragment;
	program_register_whole(bench, MIP_BPF_IPIP);
	program_taken(bench, &frame);
	assert_int_equal(mip_octets_get16(program_ip(&frame) + MIP_IP_FLAGS), 0);
	program_register_whole(bench, MIP_BPF_MINIMAL);
	program_left(bench, &fragment);
}

static void what_takes_a_router_is_left_to_the_router(void **state)
{
	static const uint8_t ttls[] = {0, 1};
	struct bench *bench = *state;
	struct frame frame;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(ttls); i++) {
		frame = program_to_node();
		program_set(&frame, TTL_PLACE, ttls[i]);
		program_left(bench, &frame);
	}
	frame = program_to_node(); /* options: what was the TCP header's beginning */
	program_set(&frame, 0, 0x46);
	program_left(bench, &frame);
	frame = program_to_node();
	program_ip(&frame)[MIP_IP_CHECKSUM] ^= 1;
	program_left(bench, &frame);
	frame = program_to_node(); /* less than it says */
	frame.length -= 3;
	program_left(bench, &frame);
	frame = program_to_node(); /* another host's, on a link that is shared */
	memcpy(frame.octets, other_host, ETH_ALEN);
	program_left(bench, &frame);
	frame = program_packet(0xe0000001, HOME, PAYLOAD); /* from a group */
	program_left(bench, &frame);
	frame = program_packet(CORRESPONDENT, STRANGER, PAYLOAD);
	program_left(bench, &frame);
}

static void what_the_host_would_not_lead_to_the_tunnel_a_link_does_not_send_into_it(void **state)
{
	struct bench *bench = *state;
	struct frame frame = program_to_node();

	NEEDS_ROOT();
	program_register(bench, MIP_BPF_IPIP, MIP_BPF_HAS_TUNNEL | MIP_BPF_HAS_PEER);
	program_left(bench, &frame);
	program_register(bench, MIP_BPF_IPIP, MIP_BPF_HAS_PEER | MIP_BPF_LED);
	program_left(bench, &frame);
	program_register_whole(bench, MIP_BPF_IPIP);
	program_left_by(bench, "exit_ethernet", &frame); /* behind netfilter's rules */
	program_taken(bench, &frame);
}

static void a_packet_from_the_exit_of_the_tunnel_is_left(void **state)
{
	struct bench *bench = *state;
	struct frame frame = program_packet(CARE_OF, HOME, PAYLOAD);

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_left(bench, &frame);
}

static void a_packet_from_an_address_of_the_routers_own_is_left(void **state)
{
	struct bench *bench = *state;
	struct frame agents = program_packet(AGENT, HOME, PAYLOAD), frame = program_to_node(), others;
	uint32_t own = htonl(CORRESPONDENT);
	uint8_t value = 1;
	int map;

	NEEDS_ROOT();
	map = mip_bpf_map(&bench->programs, "own");
	program_register_whole(bench, MIP_BPF_IPIP);
	program_left(bench, &agents); /* the tunnel's own end */
	assert_int_equal(bpf_map_update_elem(map, &own, &value, BPF_ANY), 0);
	program_left(bench, &frame);
	others = program_packet(STRANGER, HOME, PAYLOAD);
	program_taken(bench, &others);
	assert_int_equal(bpf_map_delete_elem(map, &own), 0);
	program_taken(bench, &frame);
}

static void a_packet_of_the_largest_size_is_taken_and_a_larger_one_left(void **state)
{
	struct bench *bench = *state;
	struct frame frame;

	NEEDS_ROOT();
	for (enum mip_bpf_kind kind = 0; kind < MIP_BPF_KINDS; kind++) {
		size_t payload = bench->programs.shared->settings.mtu - MIP_IP_HEADER - MIP_TCP_HEADER;

		program_register_whole(bench, kind);
		frame = program_packet(CORRESPONDENT, HOME, payload);
		program_taken(bench, &frame);
		frame = program_packet(CORRESPONDENT, HOME, payload + 1);
		program_left(bench, &frame);
	}
}

static void the_smallest_packet_is_an_ip_header_alone(void **state)
{
	struct bench *bench = *state;
	struct frame frame = program_to_node();

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_set16(&frame, MIP_IP_LENGTH, MIP_IP_HEADER);
	program_set(&frame, PROTOCOL_PLACE, 99);
	frame.length = ETH_HLEN + MIP_IP_HEADER;
	program_taken(bench, &frame);
	assert_int_equal(frame.length, ETH_HLEN + 2 * MIP_IP_HEADER);
}

/* A packet for the node as it arrives by minimal encapsulation at the other end, which is here from now on. */
static void make_minimal(struct bench *bench, struct frame *frame)
{
	struct mip_bpf_slot visited = {
		.home = htonl(HOME),
		.remote = htonl(AGENT),
		.local = htonl(CARE_OF),
		.kind_and_flags = MIP_BPF_MINIMAL << MIP_BPF_KIND_SHIFT | MIP_BPF_HAS_PEER | MIP_BPF_VISITED,
	};

	program_register_whole(bench, MIP_BPF_MINIMAL);
	program_taken(bench, frame);
	mip_bpf_table_remove(&bench->table, htonl(HOME), 0);
	assert_int_equal(mip_bpf_table_put(&bench->table, &visited), 0);
	memset(frame->octets, 0, 2 * ETH_ALEN);
}

/* Ethernet fills up frames to 60 octets (RFC 894), and a switch may leave more behind the packet. */
static void padding_goes_neither_into_a_tunnel_nor_out_of_one(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	for (enum mip_bpf_kind kind = 0; kind < MIP_BPF_KINDS; kind++) {
		struct frame inner = program_to_node(), frame = inner;
		size_t skipped = ETH_HLEN + MIP_IP_HEADER; /* which minimal encapsulation displaces */

		program_register_whole(bench, kind);
		frame.length += 6;
		program_taken(bench, &frame);
		assert_int_equal(frame.length, inner.length + program_header(kind));
		assert_int_equal(program_read_ip(program_ip(&frame), frame.length - ETH_HLEN).total_length,
			frame.length - ETH_HLEN);
		assert_memory_equal(frame.octets + program_header(kind) + skipped, inner.octets + skipped,
			inner.length - skipped);
	}
	for (size_t i = 0; i < MIP_ARRAY_SIZE(with_outer_header); i++) {
		struct frame inner = program_from_node();
		struct frame frame = program_tunnelled(&inner, with_outer_header[i], CARE_OF, 0);

		program_register_whole(bench, with_outer_header[i]);
		frame.length += 6;
		program_taken(bench, &frame);
		assert_int_equal(frame.length, inner.length);
		assert_memory_equal(program_ip(&frame), program_ip(&inner), inner.length - ETH_HLEN);
	}
}

static void padding_comes_off_minimal_encapsulation_too(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_to_node(), frame = inner;

	NEEDS_ROOT();
	make_minimal(bench, &frame);
	frame.length += 6;
	program_taken(bench, &frame);
	program_set(&inner, TTL_PLACE, TTL - 1);
	assert_int_equal(frame.length, inner.length);
	assert_memory_equal(program_ip(&frame), program_ip(&inner), inner.length - ETH_HLEN);
}

/* A datagram of one octet and what is around it is less than a frame must have. */
static void the_smallest_frames_go_in_and_come_out(void **state)
{
	enum { LEAST = 60, SMALL = MIP_IP_HEADER + MIP_UDP_HEADER + 1 };
	struct bench *bench = *state;
	struct frame to = program_to_node(), from = program_from_node(), frame;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_set(&to, PROTOCOL_PLACE, 99);
	program_set16(&to, MIP_IP_LENGTH, SMALL);
	to.length = LEAST;
	program_taken(bench, &to);
	assert_int_equal(to.length, ETH_HLEN + MIP_IP_HEADER + SMALL);
	program_set(&from, PROTOCOL_PLACE, 99);
	program_set16(&from, MIP_IP_LENGTH, MIP_IP_HEADER + 1);
	from.length = ETH_HLEN + MIP_IP_HEADER + 1;
	frame = program_tunnelled(&from, MIP_BPF_IPIP, CARE_OF, 0);
	assert_true(frame.length < LEAST);
	frame.length = LEAST;
	program_taken(bench, &frame);
	assert_int_equal(frame.length, from.length);
	assert_memory_equal(program_ip(&frame), program_ip(&from), from.length - ETH_HLEN);
}

static void what_is_nobodys_keeps_its_padding(void **state)
{
	struct bench *bench = *state;
	struct frame frame = program_packet(CORRESPONDENT, STRANGER, PAYLOAD);

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	frame.length += 6;
	program_left(bench, &frame);
}

static void only_when_asked_to_is_the_beginning_of_a_connection_left(void **state)
{
	struct bench *bench = *state;
	struct frame syn = program_to_node(), frame;

	NEEDS_ROOT();
	program_ip(&syn)[MIP_IP_HEADER + MIP_TCP_FLAGS] = SYN;
	program_register_whole(bench, MIP_BPF_IPIP);
	frame = syn;
	program_taken(bench, &frame);
	bench->programs.shared->settings.clamp_mss = 1;
	program_left(bench, &syn);
	frame = program_to_node();
	program_taken(bench, &frame);
	syn = program_from_node();
	program_ip(&syn)[MIP_IP_HEADER + MIP_TCP_FLAGS] = SYN;
	syn = program_tunnelled(&syn, MIP_BPF_IPIP, CARE_OF, 0);
	program_left(bench, &syn);
}

/* Out of minimal encapsulation as out of the others: the rest of the connection does not go by the daemon. */
static void of_a_connection_by_minimal_encapsulation_only_the_beginning_is_left(void **state)
{
	struct bench *bench = *state;
	struct frame packet = program_to_node(), syn = program_to_node();

	NEEDS_ROOT();
	program_ip(&syn)[MIP_IP_HEADER + MIP_TCP_FLAGS] = SYN;
	make_minimal(bench, &packet);
	make_minimal(bench, &syn);
	bench->programs.shared->settings.clamp_mss = 1;
	program_left(bench, &syn);
	program_taken(bench, &packet);
}

static void packets_into_a_tunnel_are_counted_with_their_inner_octets(void **state)
{
	struct bench *bench = *state;
	struct frame frame;
	uint64_t counted = 0;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_UDP);
	for (int i = 0; i < 3; i++) {
		frame = program_to_node();
		program_taken(bench, &frame);
	}
	assert_int_equal(program_slot(bench)->packets_to, 3);
	assert_int_equal(program_slot(bench)->bytes_to, 3 * (MIP_IP_HEADER + MIP_TCP_HEADER + PAYLOAD));
	assert_int_equal(program_slot(bench)->packets_from, 0);
	assert_true(program_slot(bench)->last_sent > 0);
	for (size_t i = 0; i < MIP_BPF_COUNTER_SETS; i++)
		counted += bench->programs.shared->counters[i].values[MIP_BPF_ENCAPSULATED];
	assert_int_equal(counted, 3);
}

/* --- out of a tunnel -------------------------------------------------------------------------- */

static void a_packet_from_the_nodes_tunnel_comes_out_as_it_went_in(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node();

	NEEDS_ROOT();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(with_outer_header); i++) {
		struct frame frame = program_tunnelled(&inner, with_outer_header[i], CARE_OF, 0);

		program_register_whole(bench, with_outer_header[i]);
		program_taken(bench, &frame);
		assert_int_equal(frame.length, inner.length);
		assert_memory_equal(program_ip(&frame), program_ip(&inner), inner.length - ETH_HLEN);
	}
	assert_int_equal(program_slot(bench)->packets_from, 3);
	assert_int_equal(program_slot(bench)->bytes_from, 3 * (inner.length - ETH_HLEN));
	assert_int_equal(program_slot(bench)->packets_to, 0);
}

static void minimal_encapsulation_is_undone(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_to_node(), frame = inner;
	struct frame broken;

	NEEDS_ROOT();
	make_minimal(bench, &frame);
	broken = frame;
	program_ip(&broken)[MIP_IP_HEADER + 2] ^= 1; /* its checksum */
	program_left(bench, &broken);
	broken = frame;
	program_ip(&broken)[MIP_IP_HEADER + 1] = 0; /* without the original source */
	program_left(bench, &broken);
	program_taken(bench, &frame);
	program_set(&inner, TTL_PLACE, TTL - 1);
	assert_int_equal(frame.length, inner.length);
	assert_memory_equal(program_ip(&frame), program_ip(&inner), inner.length - ETH_HLEN);
}

static void a_tunnel_that_is_not_the_nodes_own_is_left_to_be_refused(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node(), other = program_packet(STRANGER, CORRESPONDENT, PAYLOAD);
	struct frame spoofed = program_tunnelled(&inner, MIP_BPF_IPIP, STRANGER, 0);
	struct frame strange = program_tunnelled(&other, MIP_BPF_IPIP, CARE_OF, 0);
	struct frame elsewhere = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	struct frame udp = program_tunnelled(&inner, MIP_BPF_UDP, CARE_OF, 0);

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_left(bench, &spoofed);
	program_left(bench, &strange);
	program_left(bench, &udp); /* by UDP, where the binding is not */
	mip_octets_put32(program_ip(&elsewhere) + DESTINATION_PLACE, STRANGER);
	mip_inner_finish_ip(program_ip(&elsewhere), MIP_IP_HEADER);
	program_left(bench, &elsewhere); /* on its way to another router */
	program_register(bench, MIP_BPF_IPIP, MIP_BPF_HAS_TUNNEL | MIP_BPF_LED);
	elsewhere = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	program_left(bench, &elsewhere); /* nobody said that packets may come from there */
}

static void an_encapsulation_that_was_not_negotiated_is_left_to_be_refused(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node(), gre = program_tunnelled(&inner, MIP_BPF_GRE, CARE_OF, 0);
	struct frame ipip = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0), frame = ipip;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_left(bench, &gre);
	program_register_whole(bench, MIP_BPF_MINIMAL);
	program_left(bench, &gre);
	program_taken(bench, &frame);
	program_register_whole(bench, MIP_BPF_GRE);
	program_left(bench, &ipip);
	program_taken(bench, &gre);
}

/* RFC 2784 3.1; and a peer that may come to any of our addresses comes to none of others'. */
static void a_packet_that_would_go_back_or_is_on_its_way_to_another_host_is_left(void **state)
{
	struct bench *bench = *state;
	struct frame back = program_packet(HOME, CARE_OF, PAYLOAD), inner = program_from_node(), frame;
	struct mip_bpf_slot slot = {
		.home = htonl(HOME),
		.remote = htonl(CARE_OF),
		.kind_and_flags = MIP_BPF_HAS_PEER | MIP_BPF_PEER_ANY_LOCAL,
	};
	uint32_t own = htonl(AGENT);
	uint8_t value = 1;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	back = program_tunnelled(&back, MIP_BPF_IPIP, CARE_OF, 0);
	program_left(bench, &back);
	assert_int_equal(mip_bpf_table_put(&bench->table, &slot), 0);
	frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	program_left(bench, &frame);
	assert_int_equal(bpf_map_update_elem(mip_bpf_map(&bench->programs, "own"), &own, &value, BPF_ANY), 0);
	program_taken(bench, &frame);
	assert_int_equal(bpf_map_delete_elem(mip_bpf_map(&bench->programs, "own"), &own), 0);
}

static void from_another_port_nothing_is_taken(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node(), frame = program_tunnelled(&inner, MIP_BPF_UDP, CARE_OF, 0),
		     other = frame;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_UDP);
	mip_octets_put16(program_ip(&other) + MIP_IP_HEADER, NAT_PORT + 1);
	program_left(bench, &other);
	other = frame;
	mip_octets_put16(program_ip(&other) + MIP_IP_HEADER + 2, PORT + 1);
	program_left(bench, &other);
	program_taken(bench, &frame);
}

static void what_is_no_plain_tunnel_packet_is_left_to_the_daemon(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node(), icmp = program_from_node(), frame;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	program_set16(&frame, MIP_IP_FLAGS, MIP_IP_FLAG_MORE_FRAGMENTS);
	program_left(bench, &frame);
	frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	mip_octets_put16(
		program_ip(&frame) + MIP_IP_HEADER + MIP_IP_LENGTH, 30); /* the inner one ends before */
	program_left(bench, &frame);
	program_set(&icmp, TTL_PLACE, 0);
	frame = program_tunnelled(&icmp, MIP_BPF_IPIP, CARE_OF, 0);
	program_left(bench, &frame);
	icmp = program_packet(HOME, 0xe0000001, PAYLOAD);
	frame = program_tunnelled(&icmp, MIP_BPF_IPIP, CARE_OF, 0);
	program_left(bench, &frame);

	program_register_whole(bench, MIP_BPF_GRE);
	frame = program_tunnelled(&inner, MIP_BPF_GRE, CARE_OF, 0);
	program_ip(&frame)[MIP_IP_HEADER] = 0x20; /* a key */
	program_left(bench, &frame);

	program_register_whole(bench, MIP_BPF_UDP);
	frame = program_tunnelled(&inner, MIP_BPF_UDP, CARE_OF, 0);
	program_ip(&frame)[MIP_IP_HEADER + MIP_UDP_CHECKSUM] = 1;
	program_left(bench, &frame);
	frame = program_tunnelled(&inner, MIP_BPF_UDP, CARE_OF, 0);
	program_ip(&frame)[MIP_IP_HEADER + MIP_UDP_HEADER] = 1; /* a registration request */
	program_left(bench, &frame);
	icmp = program_from_node(); /* it may be a keep-alive */
	program_set(&icmp, PROTOCOL_PLACE, MIP_PROTOCOL_ICMP);
	frame = program_tunnelled(&icmp, MIP_BPF_UDP, CARE_OF, 0);
	program_left(bench, &frame);
}

/* RFC 6040 4.2, Figure 4: rows are the inner field, columns the outer one; -1: to be dropped, and so left. */
static void congestion_marks_come_out_as_rfc_6040_says(void **state)
{
	enum { NOT = 0, ONE = 1, ZERO = 2, CE = 3, DROP = -1 };
	static const int figure[4][4] = {
		[NOT] = {[NOT] = NOT, [ONE] = NOT, [ZERO] = NOT, [CE] = DROP},
		[ONE] = {[NOT] = ONE, [ONE] = ONE, [ZERO] = ONE, [CE] = CE},
		[ZERO] = {[NOT] = ZERO, [ONE] = ONE, [ZERO] = ZERO, [CE] = CE},
		[CE] = {[NOT] = CE, [ONE] = CE, [ZERO] = CE, [CE] = CE},
	};
	struct bench *bench = *state;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	for (uint8_t in = 0; in < 4; in++) {
		for (uint8_t out = 0; out < 4; out++) {
			struct frame inner = program_from_node(), frame;

			program_set(&inner, MIP_IP_TOS, (uint8_t)(0xb8 | in));
			frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, (uint8_t)(0x20 | out));
			if (figure[in][out] == DROP) {
				program_left(bench, &frame);
				continue;
			}
			program_taken(bench, &frame);
			assert_int_equal(program_read_ip(program_ip(&frame), frame.length - ETH_HLEN).tos,
				0xb8 | figure[in][out]);
		}
	}
}

static void at_the_visited_end_the_destination_is_the_nodes(void **state)
{
	struct bench *bench = *state;
	struct mip_bpf_slot slot = {
		.home = htonl(HOME),
		.remote = htonl(CARE_OF),
		.local = htonl(AGENT),
		.kind_and_flags = MIP_BPF_HAS_PEER | MIP_BPF_VISITED,
	};
	struct frame inner = program_to_node(), away = program_from_node(),
		     frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);

	NEEDS_ROOT();
	assert_int_equal(mip_bpf_table_put(&bench->table, &slot), 0);
	away = program_tunnelled(&away, MIP_BPF_IPIP, CARE_OF, 0);
	program_left(bench, &away);
	program_taken(bench, &frame);
	assert_int_equal(mip_bpf_table_find(&bench->table, htonl(HOME), MIP_BPF_VISITED)->packets_to, 1);
}

static void what_runs_behind_netfilter_takes_packets_out_of_tunnels_all_the_same(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node(), frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	assert_int_equal(program_run(bench, "exit_ethernet", &frame), TC_ACT_REDIRECT);
	assert_int_equal(frame.length, inner.length);
}

#define PROGRAM_TEST(test) cmocka_unit_test_setup_teardown(test, program_setup, program_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROGRAM_TEST(a_packet_for_a_node_gets_the_header_of_rfc_2003),
		PROGRAM_TEST(the_headers_of_gre_and_of_tunnel_data_are_as_their_rfcs_have_them),
		PROGRAM_TEST(minimal_encapsulation_keeps_what_it_displaces),
		PROGRAM_TEST(dont_fragment_is_copied_and_other_packets_get_numbers),
		PROGRAM_TEST(a_fragment_goes_in_any_tunnel_but_a_minimal_one),
		PROGRAM_TEST(what_takes_a_router_is_left_to_the_router),
		PROGRAM_TEST(what_the_host_would_not_lead_to_the_tunnel_a_link_does_not_send_into_it),
		PROGRAM_TEST(a_packet_from_the_exit_of_the_tunnel_is_left),
		PROGRAM_TEST(a_packet_from_an_address_of_the_routers_own_is_left),
		PROGRAM_TEST(a_packet_of_the_largest_size_is_taken_and_a_larger_one_left),
		PROGRAM_TEST(the_smallest_packet_is_an_ip_header_alone),
		PROGRAM_TEST(padding_goes_neither_into_a_tunnel_nor_out_of_one),
		PROGRAM_TEST(padding_comes_off_minimal_encapsulation_too),
		PROGRAM_TEST(the_smallest_frames_go_in_and_come_out),
		PROGRAM_TEST(what_is_nobodys_keeps_its_padding),
		PROGRAM_TEST(of_a_connection_by_minimal_encapsulation_only_the_beginning_is_left),
		PROGRAM_TEST(only_when_asked_to_is_the_beginning_of_a_connection_left),
		PROGRAM_TEST(packets_into_a_tunnel_are_counted_with_their_inner_octets),
		PROGRAM_TEST(a_packet_from_the_nodes_tunnel_comes_out_as_it_went_in),
		PROGRAM_TEST(minimal_encapsulation_is_undone),
		PROGRAM_TEST(a_tunnel_that_is_not_the_nodes_own_is_left_to_be_refused),
		PROGRAM_TEST(an_encapsulation_that_was_not_negotiated_is_left_to_be_refused),
		PROGRAM_TEST(a_packet_that_would_go_back_or_is_on_its_way_to_another_host_is_left),
		PROGRAM_TEST(from_another_port_nothing_is_taken),
		PROGRAM_TEST(what_is_no_plain_tunnel_packet_is_left_to_the_daemon),
		PROGRAM_TEST(congestion_marks_come_out_as_rfc_6040_says),
		PROGRAM_TEST(at_the_visited_end_the_destination_is_the_nodes),
		PROGRAM_TEST(what_runs_behind_netfilter_takes_packets_out_of_tunnels_all_the_same),
	};

	return cmocka_run_group_tests(tests, program_setup_all, program_teardown_all);
}
