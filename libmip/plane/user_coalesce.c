/*
 * Coalescing, what the kernel's GRO does for packets that come in by a card.
 *
 * A flow under way has a buffer that holds the packet as it will be emitted. A segment joins it when cutting
 * the result would give that segment again: the same addresses, ports, TOS, TTL and options (the timestamp
 * option among them), for TCP the next sequence number, the same acknowledgment and window, no flag but ACK
 * and PSH; as much payload as the first segment has, or less, and then it is the last. Its checksum must
 * hold, for the joined packet gets a new one: what arrived broken must stay broken and goes through as it is.
 *
 * Identifications have to count on where a segment may be fragmented later; with DF they mean nothing (RFC
 * 6864 4.1).
 *
 * A segment of the flow that cannot join first pushes out what is held back, so that order is kept.
 */
#include "user_coalesce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "octets.h"

enum {
	TTL_PLACE = 8,	      /* in the IP header */
	ADDRESSES_PLACE = 12, /* source and destination */
};

int mip_coalescer_init(struct mip_coalescer *coalescer, mip_coalesce_emit *emit, void *context, bool join_udp)
{
	struct mip_coalescer made = {.emit = emit, .context = context, .join_udp = join_udp};

	for (size_t i = 0; i < MIP_COALESCE_FLOWS; i++) {
		made.flows[i].buffer = malloc(MIP_INNER_MAX);
		if (!made.flows[i].buffer) {
			mip_coalescer_clear(&made);
			return -ENOMEM;
		}
	}
	*coalescer = made;
	return 0;
}

void mip_coalescer_clear(struct mip_coalescer *coalescer)
{
	for (size_t i = 0; i < MIP_COALESCE_FLOWS; i++)
		free(coalescer->flows[i].buffer);
	*coalescer = (struct mip_coalescer){0};
}

static size_t payload_of(const struct mip_inner *inner)
{
	return inner->length - inner->ip.header_length - inner->transport_header;
}

static struct mip_offload offload_of(
	uint8_t protocol, size_t ip_header, size_t transport_header, size_t segment_size)
{
	bool tcp = protocol == MIP_PROTOCOL_TCP;
	struct mip_offload offload = {
		.header_length = (uint16_t)(ip_header + transport_header),
		.segment_size = (uint16_t)segment_size,
		.needs_checksum = true,
		.checksum_start = (uint16_t)ip_header,
		.checksum_offset = tcp ? MIP_TCP_CHECKSUM : MIP_UDP_CHECKSUM,
	};

	if (segment_size)
		offload.kind = tcp ? MIP_OFFLOAD_TCP : MIP_OFFLOAD_UDP;
	return offload;
}

/* The header of a joined packet: its whole length, the pseudo header's sum where the checksum will be. */
static void finish_joined(const struct mip_coalesce_flow *flow, uint8_t *packet)
{
	uint8_t *transport = packet + flow->ip_header;
	size_t length = flow->length - flow->ip_header;
	struct mip_address source, destination;
	uint64_t sum;

	memcpy(&source.value, packet + ADDRESSES_PLACE, sizeof(source.value));
	memcpy(&destination.value, packet + ADDRESSES_PLACE + 4, sizeof(destination.value));
	mip_octets_put16(packet + MIP_IP_LENGTH, (uint16_t)flow->length);
	mip_inner_finish_ip(packet, flow->ip_header);
	sum = mip_checksum_pseudo_header(source, destination, flow->protocol, (uint16_t)length);
	if (flow->protocol == MIP_PROTOCOL_TCP) {
		transport[MIP_TCP_FLAGS] |= flow->psh;
		mip_octets_put16(transport + MIP_TCP_CHECKSUM, (uint16_t)~mip_checksum_finish(sum));
	} else {
		mip_octets_put16(transport + MIP_UDP_LENGTH, (uint16_t)length);
		mip_octets_put16(transport + MIP_UDP_CHECKSUM, (uint16_t)~mip_checksum_finish(sum));
	}
}

static void emit_flow(struct mip_coalescer *coalescer, struct mip_coalesce_flow *flow)
{
	uint8_t *packet = flow->buffer;
	struct mip_offload offload = {0};

	if (flow->count > 1)
		finish_joined(flow, packet);
	if (flow->count > 1 || flow->partial)
		offload = offload_of(flow->protocol, flow->ip_header, flow->transport_header,
			flow->count > 1 ? flow->segment_size : 0);
	flow->used = false;
	coalescer->emit(coalescer->context, packet, flow->length, &offload);
}

static void emit_place(struct mip_coalescer *coalescer, unsigned place)
{
	unsigned flow = coalescer->order[place];

	coalescer->count--;
	memmove(&coalescer->order[place], &coalescer->order[place + 1],
		(coalescer->count - place) * sizeof(coalescer->order[0]));
	emit_flow(coalescer, &coalescer->flows[flow]);
}

void mip_coalescer_flush(struct mip_coalescer *coalescer)
{
	while (coalescer->count > 0)
		emit_place(coalescer, 0);
}

/* Addresses and protocol are those of the flow; with ports, the ports too. */
static bool same_flow(const struct mip_coalesce_flow *flow, const struct mip_inner *inner, bool with_ports)
{
	const uint8_t *packet = flow->buffer;

	if (memcmp(packet + ADDRESSES_PLACE, inner->octets + ADDRESSES_PLACE, 8) != 0)
		return false;
	if (flow->protocol != inner->ip.protocol)
		return false;
	return !with_ports ||
	       memcmp(packet + flow->ip_header, inner->octets + inner->ip.header_length, 4) == 0;
}

/* The place of the packet's flow among those in use, or their number. */
static unsigned find_flow(
	const struct mip_coalescer *coalescer, const struct mip_inner *inner, bool with_ports)
{
	unsigned place = 0;

	while (place < coalescer->count &&
		!same_flow(&coalescer->flows[coalescer->order[place]], inner, with_ports))
		place++;
	return place;
}

static bool only_acknowledges(uint8_t tcp_flags)
{
	return (tcp_flags & ~MIP_TCP_FLAG_PSH) == MIP_TCP_FLAG_ACK;
}

static bool same_ip_header(const struct mip_coalesce_flow *flow, const struct mip_inner *inner)
{
	const uint8_t *first = flow->buffer;
	uint16_t identification = mip_octets_get16(first + MIP_IP_IDENTIFICATION);

	if (first[MIP_IP_TOS] != inner->ip.tos || first[TTL_PLACE] != inner->ip.ttl)
		return false;
	if (memcmp(first + MIP_IP_FLAGS, inner->octets + MIP_IP_FLAGS, 2) != 0)
		return false;
	return inner->ip.dont_fragment ||
	       inner->ip.identification == (uint16_t)(identification + flow->count);
}

static bool same_tcp_header(const struct mip_coalesce_flow *flow, const struct mip_inner *inner)
{
	const uint8_t *first = flow->buffer + flow->ip_header;
	const uint8_t *next = inner->octets + inner->ip.header_length;

	return flow->transport_header == inner->transport_header &&
	       mip_octets_get32(next + MIP_TCP_SEQUENCE) == flow->next_sequence &&
	       memcmp(first + MIP_TCP_ACKNOWLEDGMENT, next + MIP_TCP_ACKNOWLEDGMENT, 5) == 0 &&
	       memcmp(first + MIP_TCP_WINDOW, next + MIP_TCP_WINDOW, 2) == 0 &&
	       memcmp(first + MIP_TCP_HEADER, next + MIP_TCP_HEADER,
		       flow->transport_header - MIP_TCP_HEADER) == 0;
}

static bool joins(const struct mip_coalesce_flow *flow, const struct mip_inner *inner)
{
	size_t payload = payload_of(inner);

	if (flow->closed || payload > flow->segment_size || flow->length + payload > MIP_INNER_MAX)
		return false;
	if (!same_ip_header(flow, inner))
		return false;
	return flow->protocol == MIP_PROTOCOL_UDP || same_tcp_header(flow, inner);
}

static void append(struct mip_coalesce_flow *flow, const struct mip_inner *inner)
{
	size_t headers = inner->ip.header_length + inner->transport_header;
	size_t payload = inner->length - headers;
	const uint8_t *transport = inner->octets + inner->ip.header_length;

	memcpy(flow->buffer + flow->length, inner->octets + headers, payload);
	flow->length += payload;
	flow->count++;
	flow->next_sequence += (uint32_t)payload;
	if (flow->protocol == MIP_PROTOCOL_TCP)
		flow->psh = transport[MIP_TCP_FLAGS] & MIP_TCP_FLAG_PSH;
	flow->closed = payload < flow->segment_size || flow->psh;
}

static void begin(struct mip_coalescer *coalescer, const struct mip_inner *inner, bool partial)
{
	const uint8_t *transport = inner->octets + inner->ip.header_length;
	unsigned place = 0;
	struct mip_coalesce_flow *flow;

	while (coalescer->flows[place].used)
		place++;
	coalescer->order[coalescer->count++] = place;
	flow = &coalescer->flows[place];
	*flow = (struct mip_coalesce_flow){
		.buffer = flow->buffer,
		.used = true,
		.partial = partial,
		.protocol = inner->ip.protocol,
		.ip_header = inner->ip.header_length,
		.transport_header = inner->transport_header,
		.headers = inner->ip.header_length + inner->transport_header,
		.length = inner->length,
		.count = 1,
	};
	flow->segment_size = inner->length - flow->headers;
	memcpy(flow->buffer, inner->octets, inner->length);
	if (flow->protocol == MIP_PROTOCOL_TCP) {
		flow->next_sequence =
			mip_octets_get32(transport + MIP_TCP_SEQUENCE) + (uint32_t)flow->segment_size;
		flow->psh = transport[MIP_TCP_FLAGS] & MIP_TCP_FLAG_PSH;
		flow->closed = flow->psh;
	}
}

/*
 * The kernel joins the TCP segments inside of IP-in-IP packets too (GRO of a network card), and a raw socket
 * gets the result without being told what the segments' size was. They have to be cut again, for the way
 * ahead may take no larger ones, and the sender, whose own are small enough, could not be told that ours are
 * not. What the kernel joined has an unfinished checksum; so a whole one tells the size of an unjoined
 * segment, and a segment without PSH was as large as its sender makes them. Until one is seen a size does
 * that every path takes.
 */
static struct mip_coalesce_size *size_place(struct mip_coalescer *coalescer, const uint8_t *flow)
{
	uint32_t hash = mip_octets_get32(flow) * 2654435761u;

	hash = (hash ^ mip_octets_get32(flow + 4)) * 2654435761u;
	hash = (hash ^ mip_octets_get32(flow + 8)) * 2654435761u;
	return &coalescer->sizes[(hash >> 16) % MIP_COALESCE_SIZES];
}

static void identify_flow(const struct mip_inner *inner, uint8_t flow[static 12])
{
	memcpy(flow, inner->octets + ADDRESSES_PLACE, 8);
	memcpy(flow + 8, inner->octets + inner->ip.header_length, 4);
}

static void learn_size(struct mip_coalescer *coalescer, const struct mip_inner *inner)
{
	const uint8_t *tcp = inner->octets + inner->ip.header_length;
	struct mip_coalesce_size *size;
	uint8_t flow[12];

	if (payload_of(inner) == 0)
		return;
	identify_flow(inner, flow);
	size = size_place(coalescer, flow);
	if (memcmp(size->flow, flow, sizeof(flow)) == 0 && tcp[MIP_TCP_FLAGS] & MIP_TCP_FLAG_PSH &&
		payload_of(inner) <= size->payload)
		return;
	memcpy(size->flow, flow, sizeof(flow));
	size->payload = (uint16_t)payload_of(inner);
}

/* The segment size to cut a packet with an unfinished checksum to; 0: it is no larger. */
static size_t cut_size(struct mip_coalescer *coalescer, const struct mip_inner *inner)
{
	size_t size = MIP_COALESCE_SAFE_MTU - inner->ip.header_length - inner->transport_header;
	const struct mip_coalesce_size *known;
	uint8_t flow[12];

	if (inner->ip.protocol != MIP_PROTOCOL_TCP)
		return 0;
	identify_flow(inner, flow);
	known = size_place(coalescer, flow);
	if (memcmp(known->flow, flow, sizeof(flow)) == 0 && known->payload > size)
		size = known->payload;
	return payload_of(inner) > size ? size : 0;
}

/* As it is, after everything of the same flow; what has no ports (a fragment) after all of its addresses. */
static void pass(
	struct mip_coalescer *coalescer, const struct mip_inner *inner, bool partial, size_t segment_size)
{
	bool with_ports = inner->transport_header != 0;
	struct mip_offload offload = {0};
	unsigned place;

	while ((place = find_flow(coalescer, inner, with_ports)) < coalescer->count)
		emit_place(coalescer, place);
	if (partial)
		offload = offload_of(
			inner->ip.protocol, inner->ip.header_length, inner->transport_header, segment_size);
	coalescer->emit(coalescer->context, inner->octets, inner->length, &offload);
}

/* May this packet be part of a joined one at all? */
static bool joinable(const struct mip_coalescer *coalescer, const struct mip_inner *inner,
	enum mip_inner_checksum checksum)
{
	const uint8_t *transport = inner->octets + inner->ip.header_length;

	if (checksum != MIP_CHECKSUM_VALID && checksum != MIP_CHECKSUM_PARTIAL)
		return false;
	if (inner->ip.header_length != MIP_IP_HEADER ||
		inner->length == inner->ip.header_length + inner->transport_header)
		return false;
	if (inner->ip.protocol == MIP_PROTOCOL_UDP)
		return coalescer->join_udp;
	return only_acknowledges(transport[MIP_TCP_FLAGS]);
}

void mip_coalescer_add(struct mip_coalescer *coalescer, const struct mip_inner *inner)
{
	enum mip_inner_checksum checksum = mip_inner_check(inner);
	bool partial = checksum == MIP_CHECKSUM_PARTIAL;
	size_t segment_size = partial ? cut_size(coalescer, inner) : 0;
	unsigned place;

	if (checksum == MIP_CHECKSUM_VALID && inner->ip.protocol == MIP_PROTOCOL_TCP)
		learn_size(coalescer, inner);
	if (segment_size || !joinable(coalescer, inner, checksum)) {
		pass(coalescer, inner, partial, segment_size);
		return;
	}
	place = find_flow(coalescer, inner, true);
	if (place < coalescer->count && joins(&coalescer->flows[coalescer->order[place]], inner)) {
		append(&coalescer->flows[coalescer->order[place]], inner);
		return;
	}
	if (place == coalescer->count && coalescer->count == MIP_COALESCE_FLOWS)
		place = 0;
	if (place < coalescer->count)
		emit_place(coalescer, place);
	begin(coalescer, inner, partial);
}
