/*
 * What a machine gives back: packets to send, kernel state that it wants or no longer wants, events, records
 * to keep. The machine puts them in its outbox in the order in which they must take effect (the route before
 * the reply that promises it); the shell, the test or the simulator takes them out one by one.
 *
 * How each kind of packet leaves:
 *
 *   DATAGRAM  a UDP datagram by the host's routing, from the daemon's UDP socket
 *   FRAME     an IPv4 packet or an ARP packet in a frame of the link, to a link address that the machine
 *             knows: no routing, no ARP. So one talks to a node whose home address is not the link's.
 *   COPY      an IPv4 packet to a group or to everyone, by the tunnel to a mobile node
 */
#ifndef MIP_BASE_OUTPUT_H
#define MIP_BASE_OUTPUT_H

#include "event.h"
#include "want.h"

enum mip_output_kind {
	MIP_OUTPUT_NONE,
	MIP_OUTPUT_DATAGRAM,
	MIP_OUTPUT_FRAME,
	MIP_OUTPUT_COPY,
	MIP_OUTPUT_WANT,   /* the item shall be so from now on */
	MIP_OUTPUT_UNWANT, /* the item (by its key) shall be as it was before the daemon came */
	MIP_OUTPUT_EVENT,
	MIP_OUTPUT_KEEP,   /* a record that shall survive a restart: `key` and `octets` */
	MIP_OUTPUT_FORGET, /* the record under `key` is no longer needed */
};

enum {
	MIP_ETHERTYPE_IPV4 = 0x0800,
	MIP_ETHERTYPE_ARP = 0x0806,
	MIP_RECORD_KEY = 272, /* the longest NAI, 253 octets (RFC 4282), and what stands before it */
};

/* A UDP datagram; its payload are the output's octets. Ports in host byte order. */
struct mip_output_datagram {
	mip_link link;		   /* leaves by this interface; MIP_LINK_NONE: as the routing says */
	struct mip_address source; /* 0.0.0.0: as the routing says */
	uint16_t source_port;	   /* 0: the shell's own port */
	struct mip_address destination;
	uint16_t destination_port;
	uint8_t ttl; /* 0: the host's default */
};

/* A frame; the output's octets are the packet after the link header (from the IPv4 or ARP header on). */
struct mip_output_frame {
	mip_link link;
	struct mip_link_address destination; /* length 0: link broadcast */
	uint16_t ethertype;
};

/* A copy for a mobile node away from home; the output's octets are the packet. */
struct mip_output_copy {
	struct mip_address home_address; /* the tunnel is that of its HOME end … */
	/* … and of several (simultaneous bindings) the TUNNEL or COPY whose other end this is; none: each of them. */
	struct mip_address remote;
	uint16_t remote_port;
	/* RFC 5944 4.3: encapsulated twice, first in a packet from `source` to the home address, so that the foreign
	 * agent knows whom it is for. */
	bool nested;
	struct mip_address source;
	bool checksum_unfilled; /* its sender left a checksum to a card; it is completed */
};

struct mip_output {
	enum mip_output_kind kind;
	union {
		struct mip_output_datagram datagram;
		struct mip_output_frame frame;
		struct mip_output_copy copy;
		struct mip_want want;
		struct mip_event event;
		char key[MIP_RECORD_KEY]; /* KEEP, FORGET: a text, "binding/10.1.0.50" */
	};
	uint8_t *octets; /* DATAGRAM, FRAME, COPY, KEEP; owned by the output */
	size_t length;
};

/* A queue. All zero is an empty one. */
struct mip_outbox {
	struct mip_output *items;
	size_t first; /* the next to take */
	size_t count; /* waiting */
	size_t size;
	uint64_t lost; /* outputs that found no memory */
};

enum {
	/* More than a machine says at once to anything but a change of a whole network. */
	MIP_OUTBOX_USUAL = 128,
};

/* Room for so many outputs at once, so that what has no octets (WANT, UNWANT, EVENT, FORGET) finds its place whatever
 * memory there is later. 0 or -ENOMEM. */
int mip_outbox_reserve(struct mip_outbox *outbox, size_t count);
/* Frees what is waiting, and the queue. */
void mip_outbox_clear(struct mip_outbox *outbox);
/* Takes out the first; the caller frees it with mip_output_clear(). False when there is none. */
bool mip_outbox_take(struct mip_outbox *outbox, struct mip_output *ret_output);
void mip_output_clear(struct mip_output *output);

/* Each copies what it is given. Without memory it counts the loss in `lost` and returns -ENOMEM. */
int mip_outbox_datagram(struct mip_outbox *outbox, const struct mip_output_datagram *datagram,
	const void *octets, size_t length);
int mip_outbox_frame(
	struct mip_outbox *outbox, const struct mip_output_frame *frame, const void *octets, size_t length);
int mip_outbox_copy(
	struct mip_outbox *outbox, const struct mip_output_copy *copy, const void *octets, size_t length);
int mip_outbox_want(struct mip_outbox *outbox, const struct mip_want *want);
int mip_outbox_unwant(struct mip_outbox *outbox, const struct mip_want *want);
int mip_outbox_event(struct mip_outbox *outbox, const struct mip_event *event);
int mip_outbox_keep(struct mip_outbox *outbox, const char *key, const void *octets, size_t length);
int mip_outbox_forget(struct mip_outbox *outbox, const char *key);

#endif
