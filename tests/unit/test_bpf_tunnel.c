/*
 * The bpf programs, run by the kernel on packets that are made here: what they take and how it comes out, and what they
 * leave as it was to the stack and the daemon.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf_programs.h"
#include "bpf_table.h"
#include "inner.h"
#include "namespace.h"
#include "octets.h"

enum {
	HOME = 0x0a010032,	    /* 10.1.0.50 */
	AGENT = 0x0a010001,	    /* 10.1.0.1 */
	CARE_OF = 0x0a020001,	    /* 10.2.0.1 */
	CORRESPONDENT = 0xc633640a, /* 198.51.100.10 */
	STRANGER = 0x0a030001,
	PORT = 434,
	NAT_PORT = 40000,
	ROOM = 2048,
	PAYLOAD = 40,
	TTL_PLACE = 8,
	PROTOCOL_PLACE = 9,
	SOURCE_PLACE = 12,
	DESTINATION_PLACE = 16,
	GRE = 4,
	TUNNEL_DATA = 12, /* UDP header and what follows it */
	MINIMAL = 12,
	SYN = 0x02,
	DONT_FRAGMENT = 0x4000,
	TTL = 9,
};

static const uint8_t this_host[ETH_ALEN], other_host[ETH_ALEN] = {2, 2, 2, 2, 2, 2};

struct bench {
	struct mip_bpf_programs programs;
	struct mip_bpf_table table;
};

struct frame {
	uint8_t octets[ROOM];
	size_t length;
};

/* The program has the packet as if at a link of Ethernet; lo's namespace has no routes, and the settings say that a trial
 * goes on, so that the outer packet needs none. */
static int setup_all(void **state)
{
	static const uint32_t mtu[] = {1480, 1476, 1480, 1468};
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	if (!namespace_allowed())
		return 0;
	assert_int_equal(namespace_enter(), 0);
	assert_int_equal(mip_bpf_programs_load(&bench->programs), 0);
	bench->programs.shared->settings.trial = 1;
	bench->programs.shared->settings.udp_port = htons(PORT);
	memcpy(bench->programs.shared->settings.mtu, mtu, sizeof(mtu));
	return 0;
}

static int teardown_all(void **state)
{
	struct bench *bench = *state;

	if (namespace_allowed())
		mip_bpf_programs_unload(&bench->programs);
	free(bench);
	return 0;
}

static int setup(void **state)
{
	struct bench *bench = *state;

	if (!namespace_allowed())
		return 0;
	bench->programs.shared->settings.clamp_mss = 0;
	memset(bench->programs.shared->counters, 0, sizeof(bench->programs.shared->counters));
	return mip_bpf_table_open(&bench->table, mip_bpf_map(&bench->programs, "table"),
		mip_bpf_map(&bench->programs, "slots"), MIP_BPF_FIRST_SLOTS,
		&bench->programs.shared->settings);
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	if (!namespace_allowed())
		return 0;
	memset(bench->table.slots, 0, bench->table.size * sizeof(*bench->table.slots));
	mip_bpf_table_close(&bench->table);
	return 0;
}

/* --- packets ---------------------------------------------------------------------------------- */

/* An inner packet of TCP from the correspondent to the node, after a link header. */
static struct frame packet_of(uint32_t source, uint32_t destination, size_t payload)
{
	size_t length = MIP_IP_HEADER + MIP_TCP_HEADER + payload;
	struct frame frame = {.length = ETH_HLEN + length};
	struct mip_writer writer = mip_writer_of(frame.octets + ETH_HLEN, length);
	struct mip_ip ip = {
		.total_length = (uint16_t)length,
		.identification = 77,
		.ttl = TTL,
		.protocol = MIP_PROTOCOL_TCP,
		.source = {htonl(source)},
		.destination = {htonl(destination)},
	};

	memcpy(frame.octets, this_host, ETH_ALEN);
	mip_octets_put16(frame.octets + 2 * ETH_ALEN, ETH_P_IP);
	mip_ip_write(&writer, &ip);
	frame.octets[ETH_HLEN + MIP_IP_HEADER + MIP_TCP_OFFSET] = 5 << 4;
	for (size_t i = 0; i < payload; i++)
		frame.octets[ETH_HLEN + MIP_IP_HEADER + MIP_TCP_HEADER + i] = (uint8_t)i;
	return frame;
}

static struct frame to_node(void)
{
	return packet_of(CORRESPONDENT, HOME, PAYLOAD);
}

static struct frame from_node(void)
{
	return packet_of(HOME, CORRESPONDENT, PAYLOAD);
}

static uint8_t *ip_of(struct frame *frame)
{
	return frame->octets + ETH_HLEN;
}

static void set(struct frame *frame, size_t place, uint8_t value)
{
	ip_of(frame)[place] = value;
	mip_inner_finish_ip(ip_of(frame), (size_t)(ip_of(frame)[0] & 0x0f) * 4);
}

static void set16(struct frame *frame, size_t place, uint16_t value)
{
	mip_octets_put16(ip_of(frame) + place, value);
	mip_inner_finish_ip(ip_of(frame), MIP_IP_HEADER);
}

static size_t header_of(enum mip_bpf_kind kind)
{
	static const size_t headers[] = {
		MIP_IP_HEADER, MIP_IP_HEADER + GRE, MINIMAL, MIP_IP_HEADER + TUNNEL_DATA};

	return headers[kind];
}

static uint8_t protocol_of(enum mip_bpf_kind kind)
{
	static const uint8_t protocols[] = {
		MIP_PROTOCOL_IPIP, MIP_PROTOCOL_GRE, MIP_PROTOCOL_MINIMAL, MIP_PROTOCOL_UDP};

	return protocols[kind];
}

/* Puts a packet into a tunnel by hand; not for minimal encapsulation. */
static struct frame tunnelled(const struct frame *inner, enum mip_bpf_kind kind, uint32_t source, uint8_t tos)
{
	size_t header = header_of(kind), length = inner->length - ETH_HLEN;
	struct frame frame = {.length = inner->length + header};
	struct mip_writer writer = mip_writer_of(frame.octets + ETH_HLEN, MIP_IP_HEADER);
	struct mip_ip ip = {
		.tos = tos,
		.total_length = (uint16_t)(header + length),
		.ttl = 64,
		.protocol = protocol_of(kind),
		.source = {htonl(source)},
		.destination = {htonl(AGENT)},
	};
	uint8_t *next = frame.octets + ETH_HLEN + MIP_IP_HEADER;

	memcpy(frame.octets, inner->octets, ETH_HLEN);
	mip_ip_write(&writer, &ip);
	if (kind == MIP_BPF_GRE)
		mip_octets_put16(next + 2, ETH_P_IP);
	if (kind == MIP_BPF_UDP) {
		mip_octets_put16(next, NAT_PORT);
		mip_octets_put16(next + 2, PORT);
		mip_octets_put16(next + MIP_UDP_LENGTH, (uint16_t)(TUNNEL_DATA + length));
		next[MIP_UDP_HEADER] = 4;
		next[MIP_UDP_HEADER + 1] = MIP_PROTOCOL_IPIP;
	}
	memcpy(frame.octets + ETH_HLEN + header, inner->octets + ETH_HLEN, length);
	return frame;
}

/* --- running ---------------------------------------------------------------------------------- */

static void register_node(struct bench *bench, enum mip_bpf_kind kind, uint8_t flags)
{
	bool udp = kind == MIP_BPF_UDP;
	struct mip_bpf_slot slot = {
		.home = htonl(HOME),
		.remote = htonl(CARE_OF),
		.local = htonl(AGENT),
		.remote_port = udp ? htons(NAT_PORT) : 0,
		.local_port = udp ? htons(PORT) : 0,
		.kind_and_flags = (uint8_t)(kind << MIP_BPF_KIND_SHIFT | flags),
	};

	assert_int_equal(mip_bpf_table_put(&bench->table, &slot), 0);
}

static void register_whole(struct bench *bench, enum mip_bpf_kind kind)
{
	register_node(bench, kind, MIP_BPF_HAS_TUNNEL | MIP_BPF_HAS_PEER | MIP_BPF_LED);
}

static const struct mip_bpf_slot *slot_of(const struct bench *bench)
{
	return mip_bpf_table_find(&bench->table, htonl(HOME), 0);
}

/* The program's answer; the frame is what it has become. */
static int run(const struct bench *bench, const char *program, struct frame *frame)
{
	struct frame out = {.length = 0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->octets,
		.data_size_in = (uint32_t)frame->length, .data_out = out.octets,
		.data_size_out = sizeof(out.octets), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(mip_bpf_program(&bench->programs, program), &options), 0);
	out.length = options.data_size_out;
	*frame = out;
	return (int)options.retval;
}

static void assert_taken(const struct bench *bench, struct frame *frame)
{
	assert_int_equal(run(bench, "link_ethernet", frame), TC_ACT_REDIRECT);
}

static void assert_left_by(const struct bench *bench, const char *program, const struct frame *frame)
{
	struct frame after = *frame;

	assert_int_equal(run(bench, program, &after), TC_ACT_UNSPEC);
	assert_int_equal(after.length, frame->length);
	assert_memory_equal(after.octets, frame->octets, frame->length);
}

static void assert_left(const struct bench *bench, const struct frame *frame)
{
	assert_left_by(bench, "link_ethernet", frame);
}

static struct mip_ip read_ip(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length), payload;
	struct mip_ip ip;

	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	return ip;
}

/* --- into a tunnel ---------------------------------------------------------------------------- */

static const enum mip_bpf_kind with_outer_header[] = {MIP_BPF_IPIP, MIP_BPF_GRE, MIP_BPF_UDP};

static void a_packet_for_a_node_gets_the_header_of_rfc_2003(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(with_outer_header); i++) {
		enum mip_bpf_kind kind = with_outer_header[i];
		struct frame inner = to_node(), frame;
		struct mip_ip ip;

		set(&inner, MIP_IP_TOS, 0xb9); /* with ECT(1) */
		frame = inner;
		register_whole(bench, kind);
		assert_taken(bench, &frame);
		assert_int_equal(frame.length, inner.length + header_of(kind));
		ip = read_ip(ip_of(&frame), frame.length - ETH_HLEN);
		assert_int_equal(ip.tos, 0xb9);
		assert_int_equal(ip.ttl, 64);
		assert_int_equal(ip.protocol, protocol_of(kind));
		assert_int_equal(ip.total_length, frame.length - ETH_HLEN);
		assert_int_equal(ip.source.value, htonl(AGENT));
		assert_int_equal(ip.destination.value, htonl(CARE_OF));
		assert_false(ip.dont_fragment);
		/* Behind it is the packet as it was, one hop older. */
		set(&inner, TTL_PLACE, TTL - 1);
		assert_memory_equal(ip_of(&frame) + header_of(kind), ip_of(&inner), inner.length - ETH_HLEN);
	}
}

static void the_headers_of_gre_and_of_tunnel_data_are_as_their_rfcs_have_them(void **state)
{
	static const uint8_t gre[] = {0, 0, 8, 0};
	struct bench *bench = *state;
	struct frame frame = to_node();
	const uint8_t *udp;

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_GRE);
	assert_taken(bench, &frame);
	assert_memory_equal(ip_of(&frame) + MIP_IP_HEADER, gre, sizeof(gre));

	frame = to_node();
	register_whole(bench, MIP_BPF_UDP);
	assert_taken(bench, &frame);
	udp = ip_of(&frame) + MIP_IP_HEADER;
	assert_int_equal(mip_octets_get16(udp), PORT);
	assert_int_equal(mip_octets_get16(udp + 2), NAT_PORT);
	assert_int_equal(mip_octets_get16(udp + MIP_UDP_LENGTH), frame.length - ETH_HLEN - MIP_IP_HEADER);
	assert_int_equal(mip_octets_get16(udp + MIP_UDP_CHECKSUM), 0);
	assert_int_equal(mip_octets_get32(udp + MIP_UDP_HEADER), 4u << 24 | 4u << 16);
}

static void minimal_encapsulation_keeps_what_it_displaces(void **state)
{
	struct bench *bench = *state;
	struct frame inner = to_node(), frame = inner;
	const uint8_t *minimal = ip_of(&frame) + MIP_IP_HEADER;
	struct mip_ip ip;

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_MINIMAL);
	assert_taken(bench, &frame);
	ip = read_ip(ip_of(&frame), frame.length - ETH_HLEN);
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
	assert_memory_equal(minimal + MINIMAL, ip_of(&inner) + MIP_IP_HEADER, MIP_TCP_HEADER + PAYLOAD);
}

static void dont_fragment_is_copied_and_other_packets_get_numbers(void **state)
{
	struct bench *bench = *state;
	struct frame whole = to_node(), one = to_node(), two = to_node();

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_IPIP);
	set16(&whole, MIP_IP_FLAGS, DONT_FRAGMENT);
	assert_taken(bench, &whole);
	assert_true(read_ip(ip_of(&whole), whole.length - ETH_HLEN).dont_fragment);
	for (int i = 0; i < 3; i++) { /* two random numbers may be the same; three times, never */
		one = to_node();
		two = to_node();
		assert_taken(bench, &one);
		assert_taken(bench, &two);
		if (mip_octets_get16(ip_of(&one) + MIP_IP_IDENTIFICATION) !=
			mip_octets_get16(ip_of(&two) + MIP_IP_IDENTIFICATION))
			return;
	}
	fail();
}

static void a_fragment_goes_in_any_tunnel_but_a_minimal_one(void **state)
{
	struct bench *bench = *state;
	struct frame fragment = to_node(), frame;

	NEEDS_ROOT();
	set16(&fragment, MIP_IP_FLAGS, MIP_IP_FLAG_MORE_FRAGMENTS | 100);
	frame = fragment;
	register_whole(bench, MIP_BPF_IPIP);
	assert_taken(bench, &frame);
	assert_int_equal(mip_octets_get16(ip_of(&frame) + MIP_IP_FLAGS), 0);
	register_whole(bench, MIP_BPF_MINIMAL);
	assert_left(bench, &fragment);
}

static void what_takes_a_router_is_left_to_the_router(void **state)
{
	static const uint8_t ttls[] = {0, 1};
	struct bench *bench = *state;
	struct frame frame;

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_IPIP);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(ttls); i++) {
		frame = to_node();
		set(&frame, TTL_PLACE, ttls[i]);
		assert_left(bench, &frame);
	}
	frame = to_node(); /* options: what was the TCP header's beginning */
	set(&frame, 0, 0x46);
	assert_left(bench, &frame);
	frame = to_node();
	ip_of(&frame)[MIP_IP_CHECKSUM] ^= 1;
	assert_left(bench, &frame);
	frame = to_node(); /* padding of a short frame */
	frame.length += 3;
	assert_left(bench, &frame);
	frame = to_node(); /* less than it says */
	frame.length -= 3;
	assert_left(bench, &frame);
	frame = to_node(); /* another host's, on a link that is shared */
	memcpy(frame.octets, other_host, ETH_ALEN);
	assert_left(bench, &frame);
	frame = packet_of(0xe0000001, HOME, PAYLOAD); /* from a group */
	assert_left(bench, &frame);
	frame = packet_of(CORRESPONDENT, STRANGER, PAYLOAD);
	assert_left(bench, &frame);
}

static void what_the_host_would_not_lead_to_the_tunnel_a_link_does_not_send_into_it(void **state)
{
	struct bench *bench = *state;
	struct frame frame = to_node();

	NEEDS_ROOT();
	register_node(bench, MIP_BPF_IPIP, MIP_BPF_HAS_TUNNEL | MIP_BPF_HAS_PEER);
	assert_left(bench, &frame);
	register_node(bench, MIP_BPF_IPIP, MIP_BPF_HAS_PEER | MIP_BPF_LED);
	assert_left(bench, &frame);
	register_whole(bench, MIP_BPF_IPIP);
	assert_left_by(bench, "exit_ethernet", &frame); /* behind netfilter's rules */
	assert_taken(bench, &frame);
}

static void a_packet_from_the_exit_of_the_tunnel_is_left(void **state)
{
	struct bench *bench = *state;
	struct frame frame = packet_of(CARE_OF, HOME, PAYLOAD);

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_IPIP);
	assert_left(bench, &frame);
}

static void a_packet_from_an_address_of_the_routers_own_is_left(void **state)
{
	struct bench *bench = *state;
	struct frame agents = packet_of(AGENT, HOME, PAYLOAD), frame = to_node(), others;
	uint32_t own = htonl(CORRESPONDENT);
	uint8_t value = 1;
	int map;

	NEEDS_ROOT();
	map = mip_bpf_map(&bench->programs, "own");
	register_whole(bench, MIP_BPF_IPIP);
	assert_left(bench, &agents); /* the tunnel's own end */
	assert_int_equal(bpf_map_update_elem(map, &own, &value, BPF_ANY), 0);
	assert_left(bench, &frame);
	others = packet_of(STRANGER, HOME, PAYLOAD);
	assert_taken(bench, &others);
	assert_int_equal(bpf_map_delete_elem(map, &own), 0);
	assert_taken(bench, &frame);
}

static void a_packet_of_the_largest_size_is_taken_and_a_larger_one_left(void **state)
{
	struct bench *bench = *state;
	struct frame frame;

	NEEDS_ROOT();
	for (enum mip_bpf_kind kind = 0; kind < MIP_BPF_KINDS; kind++) {
		size_t payload = bench->programs.shared->settings.mtu[kind] - MIP_IP_HEADER - MIP_TCP_HEADER;

		register_whole(bench, kind);
		frame = packet_of(CORRESPONDENT, HOME, payload);
		assert_taken(bench, &frame);
		frame = packet_of(CORRESPONDENT, HOME, payload + 1);
		assert_left(bench, &frame);
	}
}

static void the_smallest_packet_is_an_ip_header_alone(void **state)
{
	struct bench *bench = *state;
	struct frame frame = to_node();

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_IPIP);
	set16(&frame, MIP_IP_LENGTH, MIP_IP_HEADER);
	set(&frame, PROTOCOL_PLACE, 99);
	frame.length = ETH_HLEN + MIP_IP_HEADER;
	assert_taken(bench, &frame);
	assert_int_equal(frame.length, ETH_HLEN + 2 * MIP_IP_HEADER);
}

static void only_when_asked_to_is_the_beginning_of_a_connection_left(void **state)
{
	struct bench *bench = *state;
	struct frame syn = to_node(), frame;

	NEEDS_ROOT();
	ip_of(&syn)[MIP_IP_HEADER + MIP_TCP_FLAGS] = SYN;
	register_whole(bench, MIP_BPF_IPIP);
	frame = syn;
	assert_taken(bench, &frame);
	bench->programs.shared->settings.clamp_mss = 1;
	assert_left(bench, &syn);
	frame = to_node();
	assert_taken(bench, &frame);
	syn = from_node();
	ip_of(&syn)[MIP_IP_HEADER + MIP_TCP_FLAGS] = SYN;
	syn = tunnelled(&syn, MIP_BPF_IPIP, CARE_OF, 0);
	assert_left(bench, &syn);
}

static void packets_into_a_tunnel_are_counted_with_their_inner_octets(void **state)
{
	struct bench *bench = *state;
	struct frame frame;
	uint64_t counted = 0;

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_UDP);
	for (int i = 0; i < 3; i++) {
		frame = to_node();
		assert_taken(bench, &frame);
	}
	assert_int_equal(slot_of(bench)->packets_to, 3);
	assert_int_equal(slot_of(bench)->bytes_to, 3 * (MIP_IP_HEADER + MIP_TCP_HEADER + PAYLOAD));
	assert_int_equal(slot_of(bench)->packets_from, 0);
	assert_true(slot_of(bench)->last_sent > 0);
	for (size_t i = 0; i < MIP_BPF_COUNTER_SETS; i++)
		counted += bench->programs.shared->counters[i].values[MIP_BPF_ENCAPSULATED];
	assert_int_equal(counted, 3);
}

/* --- out of a tunnel -------------------------------------------------------------------------- */

static void a_packet_from_the_nodes_tunnel_comes_out_as_it_went_in(void **state)
{
	struct bench *bench = *state;
	struct frame inner = from_node();

	NEEDS_ROOT();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(with_outer_header); i++) {
		struct frame frame = tunnelled(&inner, with_outer_header[i], CARE_OF, 0);

		register_whole(bench, with_outer_header[i]);
		assert_taken(bench, &frame);
		assert_int_equal(frame.length, inner.length);
		assert_memory_equal(ip_of(&frame), ip_of(&inner), inner.length - ETH_HLEN);
	}
	assert_int_equal(slot_of(bench)->packets_from, 3);
	assert_int_equal(slot_of(bench)->bytes_from, 3 * (inner.length - ETH_HLEN));
	assert_int_equal(slot_of(bench)->packets_to, 0);
}

static void minimal_encapsulation_is_undone(void **state)
{
	struct bench *bench = *state;
	struct frame inner = to_node(), frame = inner;
	struct mip_bpf_slot visited = {
		.home = htonl(HOME),
		.remote = htonl(AGENT),
		.local = htonl(CARE_OF),
		.kind_and_flags = MIP_BPF_MINIMAL << MIP_BPF_KIND_SHIFT | MIP_BPF_HAS_PEER | MIP_BPF_VISITED,
	};
	struct frame broken;

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_MINIMAL);
	assert_taken(bench, &frame);
	mip_bpf_table_remove(&bench->table, htonl(HOME), 0);
	assert_int_equal(mip_bpf_table_put(&bench->table, &visited), 0);
	memset(frame.octets, 0, 2 * ETH_ALEN);
	broken = frame;
	ip_of(&broken)[MIP_IP_HEADER + 2] ^= 1; /* its checksum */
	assert_left(bench, &broken);
	broken = frame;
	ip_of(&broken)[MIP_IP_HEADER + 1] = 0; /* without the original source */
	assert_left(bench, &broken);
	assert_taken(bench, &frame);
	set(&inner, TTL_PLACE, TTL - 1);
	assert_int_equal(frame.length, inner.length);
	assert_memory_equal(ip_of(&frame), ip_of(&inner), inner.length - ETH_HLEN);
}

static void a_tunnel_that_is_not_the_nodes_own_is_left_to_be_refused(void **state)
{
	struct bench *bench = *state;
	struct frame inner = from_node(), other = packet_of(STRANGER, CORRESPONDENT, PAYLOAD);
	struct frame spoofed = tunnelled(&inner, MIP_BPF_IPIP, STRANGER, 0);
	struct frame strange = tunnelled(&other, MIP_BPF_IPIP, CARE_OF, 0);
	struct frame elsewhere = tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	struct frame udp = tunnelled(&inner, MIP_BPF_UDP, CARE_OF, 0);

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_IPIP);
	assert_left(bench, &spoofed);
	assert_left(bench, &strange);
	assert_left(bench, &udp); /* by UDP, where the binding is not */
	mip_octets_put32(ip_of(&elsewhere) + DESTINATION_PLACE, STRANGER);
	mip_inner_finish_ip(ip_of(&elsewhere), MIP_IP_HEADER);
	assert_left(bench, &elsewhere); /* on its way to another router */
	register_node(bench, MIP_BPF_IPIP, MIP_BPF_HAS_TUNNEL | MIP_BPF_LED);
	elsewhere = tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	assert_left(bench, &elsewhere); /* nobody said that packets may come from there */
}

static void an_encapsulation_that_was_not_negotiated_is_left_to_be_refused(void **state)
{
	struct bench *bench = *state;
	struct frame inner = from_node(), gre = tunnelled(&inner, MIP_BPF_GRE, CARE_OF, 0);
	struct frame ipip = tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0), frame = ipip;

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_IPIP);
	assert_left(bench, &gre);
	register_whole(bench, MIP_BPF_MINIMAL);
	assert_left(bench, &gre);
	assert_taken(bench, &frame);
	register_whole(bench, MIP_BPF_GRE);
	assert_left(bench, &ipip);
	assert_taken(bench, &gre);
}

static void from_another_port_nothing_is_taken(void **state)
{
	struct bench *bench = *state;
	struct frame inner = from_node(), frame = tunnelled(&inner, MIP_BPF_UDP, CARE_OF, 0), other = frame;

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_UDP);
	mip_octets_put16(ip_of(&other) + MIP_IP_HEADER, NAT_PORT + 1);
	assert_left(bench, &other);
	other = frame;
	mip_octets_put16(ip_of(&other) + MIP_IP_HEADER + 2, PORT + 1);
	assert_left(bench, &other);
	assert_taken(bench, &frame);
}

static void what_is_no_plain_tunnel_packet_is_left_to_the_daemon(void **state)
{
	struct bench *bench = *state;
	struct frame inner = from_node(), icmp = from_node(), frame;

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_IPIP);
	frame = tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	set16(&frame, MIP_IP_FLAGS, MIP_IP_FLAG_MORE_FRAGMENTS);
	assert_left(bench, &frame);
	frame = tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	mip_octets_put16(ip_of(&frame) + MIP_IP_HEADER + MIP_IP_LENGTH, 30); /* the inner one ends before */
	assert_left(bench, &frame);
	set(&icmp, TTL_PLACE, 0);
	frame = tunnelled(&icmp, MIP_BPF_IPIP, CARE_OF, 0);
	assert_left(bench, &frame);
	icmp = packet_of(HOME, 0xe0000001, PAYLOAD);
	frame = tunnelled(&icmp, MIP_BPF_IPIP, CARE_OF, 0);
	assert_left(bench, &frame);

	register_whole(bench, MIP_BPF_GRE);
	frame = tunnelled(&inner, MIP_BPF_GRE, CARE_OF, 0);
	ip_of(&frame)[MIP_IP_HEADER] = 0x20; /* a key */
	assert_left(bench, &frame);

	register_whole(bench, MIP_BPF_UDP);
	frame = tunnelled(&inner, MIP_BPF_UDP, CARE_OF, 0);
	ip_of(&frame)[MIP_IP_HEADER + MIP_UDP_CHECKSUM] = 1;
	assert_left(bench, &frame);
	frame = tunnelled(&inner, MIP_BPF_UDP, CARE_OF, 0);
	ip_of(&frame)[MIP_IP_HEADER + MIP_UDP_HEADER] = 1; /* a registration request */
	assert_left(bench, &frame);
	icmp = from_node(); /* it may be a keep-alive */
	set(&icmp, PROTOCOL_PLACE, MIP_PROTOCOL_ICMP);
	frame = tunnelled(&icmp, MIP_BPF_UDP, CARE_OF, 0);
	assert_left(bench, &frame);
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
	register_whole(bench, MIP_BPF_IPIP);
	for (uint8_t in = 0; in < 4; in++) {
		for (uint8_t out = 0; out < 4; out++) {
			struct frame inner = from_node(), frame;

			set(&inner, MIP_IP_TOS, (uint8_t)(0xb8 | in));
			frame = tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, (uint8_t)(0x20 | out));
			if (figure[in][out] == DROP) {
				assert_left(bench, &frame);
				continue;
			}
			assert_taken(bench, &frame);
			assert_int_equal(
				read_ip(ip_of(&frame), frame.length - ETH_HLEN).tos, 0xb8 | figure[in][out]);
		}
	}
}

static void at_the_visited_end_the_destination_is_the_nodes(void **state)
{
	struct bench *bench = *state;
	struct mip_bpf_slot slot = {
		.home = htonl(HOME),
		.remote = htonl(CARE_OF),
		.kind_and_flags = MIP_BPF_HAS_PEER | MIP_BPF_PEER_ANY_LOCAL | MIP_BPF_VISITED,
	};
	struct frame inner = to_node(), away = from_node(),
		     frame = tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);

	NEEDS_ROOT();
	assert_int_equal(mip_bpf_table_put(&bench->table, &slot), 0);
	away = tunnelled(&away, MIP_BPF_IPIP, CARE_OF, 0);
	assert_left(bench, &away);
	assert_taken(bench, &frame);
	assert_int_equal(mip_bpf_table_find(&bench->table, htonl(HOME), MIP_BPF_VISITED)->packets_to, 1);
}

static void what_runs_behind_netfilter_takes_packets_out_of_tunnels_all_the_same(void **state)
{
	struct bench *bench = *state;
	struct frame inner = from_node(), frame = tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);

	NEEDS_ROOT();
	register_whole(bench, MIP_BPF_IPIP);
	assert_int_equal(run(bench, "exit_ethernet", &frame), TC_ACT_REDIRECT);
	assert_int_equal(frame.length, inner.length);
}

#define PROGRAM_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

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
		PROGRAM_TEST(only_when_asked_to_is_the_beginning_of_a_connection_left),
		PROGRAM_TEST(packets_into_a_tunnel_are_counted_with_their_inner_octets),
		PROGRAM_TEST(a_packet_from_the_nodes_tunnel_comes_out_as_it_went_in),
		PROGRAM_TEST(minimal_encapsulation_is_undone),
		PROGRAM_TEST(a_tunnel_that_is_not_the_nodes_own_is_left_to_be_refused),
		PROGRAM_TEST(an_encapsulation_that_was_not_negotiated_is_left_to_be_refused),
		PROGRAM_TEST(from_another_port_nothing_is_taken),
		PROGRAM_TEST(what_is_no_plain_tunnel_packet_is_left_to_the_daemon),
		PROGRAM_TEST(congestion_marks_come_out_as_rfc_6040_says),
		PROGRAM_TEST(at_the_visited_end_the_destination_is_the_nodes),
		PROGRAM_TEST(what_runs_behind_netfilter_takes_packets_out_of_tunnels_all_the_same),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
