/*
 * The bench of the bpf programs.
 */
#include "bpf_program.h"

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "namespace.h"
#include "octets.h"
#include "want.h"

const uint8_t this_host[ETH_ALEN], other_host[ETH_ALEN] = {2, 2, 2, 2, 2, 2};

/* The program has the packet as if at a link of Ethernet; lo's namespace has no routes, and the settings say that a trial
 * goes on, so that the outer packet needs none. */
int program_setup_all(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	if (!namespace_allowed())
		return 0;
	assert_int_equal(namespace_enter(), 0);
	assert_int_equal(mip_bpf_programs_load(&bench->programs), 0);
	bench->programs.shared->settings.trial = 1;
	bench->programs.shared->settings.udp_port = htons(PORT);
	bench->programs.shared->settings.mtu = MIP_TUNNEL_MTU;
	return 0;
}

int program_teardown_all(void **state)
{
	struct bench *bench = *state;

	if (namespace_allowed())
		mip_bpf_programs_unload(&bench->programs);
	free(bench);
	return 0;
}

int program_setup(void **state)
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

int program_teardown(void **state)
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
struct frame program_packet(uint32_t source, uint32_t destination, size_t payload)
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

struct frame program_to_node(void)
{
	return program_packet(CORRESPONDENT, HOME, PAYLOAD);
}

struct frame program_from_node(void)
{
	return program_packet(HOME, CORRESPONDENT, PAYLOAD);
}

uint8_t *program_ip(struct frame *frame)
{
	return frame->octets + ETH_HLEN;
}

void program_set(struct frame *frame, size_t place, uint8_t value)
{
	program_ip(frame)[place] = value;
	mip_inner_finish_ip(program_ip(frame), (size_t)(program_ip(frame)[0] & 0x0f) * 4);
}

void program_set16(struct frame *frame, size_t place, uint16_t value)
{
	mip_octets_put16(program_ip(frame) + place, value);
	mip_inner_finish_ip(program_ip(frame), MIP_IP_HEADER);
}

size_t program_header(enum mip_bpf_kind kind)
{
	static const size_t headers[] = {
		MIP_IP_HEADER, MIP_IP_HEADER + GRE, MINIMAL, MIP_IP_HEADER + TUNNEL_DATA};

	return headers[kind];
}

uint8_t program_protocol(enum mip_bpf_kind kind)
{
	static const uint8_t protocols[] = {
		MIP_PROTOCOL_IPIP, MIP_PROTOCOL_GRE, MIP_PROTOCOL_MINIMAL, MIP_PROTOCOL_UDP};

	return protocols[kind];
}

/* Puts a packet into a tunnel by hand; not for minimal encapsulation. */
struct frame program_tunnelled(
	const struct frame *inner, enum mip_bpf_kind kind, uint32_t source, uint8_t tos)
{
	size_t header = program_header(kind), length = inner->length - ETH_HLEN;
	struct frame frame = {.length = inner->length + header};
	struct mip_writer writer = mip_writer_of(frame.octets + ETH_HLEN, MIP_IP_HEADER);
	struct mip_ip ip = {
		.tos = tos,
		.total_length = (uint16_t)(header + length),
		.ttl = 64,
		.protocol = program_protocol(kind),
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

void program_register(struct bench *bench, enum mip_bpf_kind kind, uint8_t flags)
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

void program_register_whole(struct bench *bench, enum mip_bpf_kind kind)
{
	program_register(bench, kind, MIP_BPF_HAS_TUNNEL | MIP_BPF_HAS_PEER | MIP_BPF_LED);
}

const struct mip_bpf_slot *program_slot(const struct bench *bench)
{
	return mip_bpf_table_find(&bench->table, htonl(HOME), 0);
}

/* The program's answer to a frame that came in by a link; the frame is what it has become. */
int program_run_at(const struct bench *bench, const char *link, const char *program, struct frame *frame)
{
	struct frame out = {.length = 0};
	struct __sk_buff context = {.ifindex = if_nametoindex(link)};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->octets,
		.data_size_in = (uint32_t)frame->length, .data_out = out.octets,
		.data_size_out = sizeof(out.octets), .ctx_in = &context, .ctx_size_in = sizeof(context),
		.repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(mip_bpf_program(&bench->programs, program), &options), 0);
	out.length = options.data_size_out;
	*frame = out;
	return (int)options.retval;
}

int program_run(const struct bench *bench, const char *program, struct frame *frame)
{
	return program_run_at(bench, "lo", program, frame);
}

void program_taken(const struct bench *bench, struct frame *frame)
{
	assert_int_equal(program_run(bench, "link_ethernet", frame), TC_ACT_REDIRECT);
}

void program_left_by(const struct bench *bench, const char *program, const struct frame *frame)
{
	struct frame after = *frame;

	assert_int_equal(program_run(bench, program, &after), TC_ACT_UNSPEC);
	assert_int_equal(after.length, frame->length);
	assert_memory_equal(after.octets, frame->octets, frame->length);
}

void program_left(const struct bench *bench, const struct frame *frame)
{
	program_left_by(bench, "link_ethernet", frame);
}

struct mip_ip program_read_ip(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length), payload;
	struct mip_ip ip;

	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	return ip;
}
