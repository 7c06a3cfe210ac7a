/*
 * The trial: for each encapsulation a packet for a home address goes through the program at a link, and
 * what comes out goes through it again, at the tunnel's other end, and must be the packet of before but for
 * its TTL.
 *
 * The addresses are those that documentation uses (RFC 5737): nobody has a tunnel for them.
 */
#include "bpf_trial.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

#include "inner.h"
#include "octets.h"

enum {
	HOME = 0xc0000232,	    /* 192.0.2.50 */
	LOCAL = 0xc0000201,	    /* 192.0.2.1 */
	REMOTE = 0xc6336401,	    /* 198.51.100.1 */
	CORRESPONDENT = 0xcb007101, /* 203.0.113.1 */
	PORT = 434,
	PAYLOAD = 40,
	INNER = MIP_IP_HEADER + MIP_TCP_HEADER + PAYLOAD,
	ROOM = 256,
	TTL = 9,
	TTL_PLACE = 8,
	TCP_HEADER_WORDS = 5,
	LINK_ADDRESSES = 12, /* octets: both of a frame */
};

struct frame {
	uint8_t octets[ROOM];
	size_t length;
};

static struct frame plain_packet(void)
{
	struct frame frame = {.length = ETH_HLEN + INNER};
	struct mip_writer writer = mip_writer_of(frame.octets + ETH_HLEN, INNER);
	struct mip_ip ip = {
		.total_length = INNER,
		.ttl = TTL,
		.dont_fragment = true,
		.protocol = MIP_PROTOCOL_TCP,
		.source = {htonl(CORRESPONDENT)},
		.destination = {htonl(HOME)},
	};

	mip_octets_put16(frame.octets + LINK_ADDRESSES, ETH_P_IP);
	mip_ip_write(&writer, &ip);
	frame.octets[ETH_HLEN + MIP_IP_HEADER + MIP_TCP_OFFSET] = TCP_HEADER_WORDS << 4;
	return frame;
}

/* What the program makes of a frame. 0: it was redirected; -EPROTO: it was not. */
static int run(int program, struct frame *frame)
{
	struct frame out = {.length = 0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->octets,
		.data_size_in = (uint32_t)frame->length, .data_out = out.octets,
		.data_size_out = sizeof(out.octets), .repeat = 1);
	int error = bpf_prog_test_run_opts(program, &options);

	if (error)
		return error;
	if (options.retval != TC_ACT_REDIRECT)
		return -EPROTO;
	out.length = options.data_size_out;
	*frame = out;
	return 0;
}

static int put(struct mip_bpf_table *table, enum mip_bpf_kind kind, bool visited)
{
	bool udp = kind == MIP_BPF_UDP;
	struct mip_bpf_slot slot = {
		.home = htonl(HOME),
		.remote = htonl(visited ? LOCAL : REMOTE),
		.local = htonl(visited ? REMOTE : LOCAL),
		.remote_port = udp ? htons(PORT) : 0,
		.local_port = udp ? htons(PORT) : 0,
		.kind_and_flags = (uint8_t)(kind << MIP_BPF_KIND_SHIFT | MIP_BPF_HAS_TUNNEL |
					    MIP_BPF_HAS_PEER | MIP_BPF_LED),
	};

	if (visited)
		slot.kind_and_flags |= MIP_BPF_VISITED;
	return mip_bpf_table_put(table, &slot);
}

static bool is_same(const struct frame *out)
{
	struct frame wanted = plain_packet();

	wanted.octets[ETH_HLEN + TTL_PLACE] = TTL - 1;
	mip_inner_finish_ip(wanted.octets + ETH_HLEN, MIP_IP_HEADER);
	return out->length == wanted.length &&
	       memcmp(out->octets + ETH_HLEN, wanted.octets + ETH_HLEN, wanted.length - ETH_HLEN) == 0;
}

static int try_kind(int program, struct mip_bpf_table *table, enum mip_bpf_kind kind)
{
	struct frame frame = plain_packet();
	int error = put(table, kind, false);

	if (!error)
		error = run(program, &frame);
	mip_bpf_table_remove(table, htonl(HOME), 0);
	if (!error && frame.length <= ETH_HLEN + INNER)
		error = -EPROTO;
	/* To this host again, wherever the routing sent it. */
	memset(frame.octets, 0, LINK_ADDRESSES);
	if (!error)
		error = put(table, kind, true);
	if (!error)
		error = run(program, &frame);
	mip_bpf_table_remove(table, htonl(HOME), MIP_BPF_VISITED);
	return error ? error : is_same(&frame) ? 0 : -EPROTO;
}

int mip_bpf_try(int link_ethernet, struct mip_bpf_table *table, struct mip_bpf_shared *shared)
{
	uint16_t port = shared->settings.udp_port;
	int error = 0;

	shared->settings.trial = 1;
	shared->settings.udp_port = htons(PORT);
	for (enum mip_bpf_kind kind = 0; kind < MIP_BPF_KINDS && !error; kind++)
		error = try_kind(link_ethernet, table, kind);
	shared->settings.trial = 0;
	shared->settings.udp_port = port;
	shared->settings.first = UINT32_MAX;
	shared->settings.last = 0;
	memset(shared->counters, 0, sizeof(shared->counters));
	return error;
}
