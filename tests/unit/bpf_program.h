/*
 * What the tests of the bpf programs share: programs loaded without links, and packets for the kernel to run them on.
 */
#ifndef TESTS_UNIT_BPF_PROGRAM_H
#define TESTS_UNIT_BPF_PROGRAM_H

#include <linux/if_ether.h>

#include "bpf_programs.h"
#include "bpf_table.h"
#include "inner.h"

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

struct bench {
	struct mip_bpf_programs programs;
	struct mip_bpf_table table;
};

struct frame {
	uint8_t octets[ROOM];
	size_t length;
};

extern const uint8_t this_host[ETH_ALEN], other_host[ETH_ALEN];

/* Group and test fixtures: the programs are loaded once, in a namespace of their own; each test has an empty table. */
int program_setup_all(void **state);
int program_teardown_all(void **state);
int program_setup(void **state);
int program_teardown(void **state);
/* An inner packet of TCP after a link header, and those of the correspondent and the node. */
struct frame program_packet(uint32_t source, uint32_t destination, size_t payload);
struct frame program_to_node(void);
struct frame program_from_node(void);
/* A frame's IP header; and an octet or a number in it, with the checksum right again. */
uint8_t *program_ip(struct frame *frame);
void program_set(struct frame *frame, size_t place, uint8_t value);
void program_set16(struct frame *frame, size_t place, uint16_t value);
/* What an encapsulation puts around a packet. */
size_t program_header(enum mip_bpf_kind kind);
uint8_t program_protocol(enum mip_bpf_kind kind);
/* A packet put into a tunnel by hand, to the home agent; not for minimal encapsulation. */
struct frame program_tunnelled(
	const struct frame *inner, enum mip_bpf_kind kind, uint32_t source, uint8_t tos);
/* The node of these tests has its tunnel; "whole" with all that a home agent says of one. */
void program_register(struct bench *bench, enum mip_bpf_kind kind, uint8_t flags);
void program_register_whole(struct bench *bench, enum mip_bpf_kind kind);
const struct mip_bpf_slot *program_slot(const struct bench *bench);
/* The program's answer to a frame that came in by a link, and what the frame has become. */
int program_run_at(const struct bench *bench, const char *link, const char *program, struct frame *frame);
int program_run(const struct bench *bench, const char *program, struct frame *frame);
/* It was redirected. Left: it is untouched. */
void program_taken(const struct bench *bench, struct frame *frame);
void program_left_by(const struct bench *bench, const char *program, const struct frame *frame);
void program_left(const struct bench *bench, const struct frame *frame);
struct mip_ip program_read_ip(const uint8_t *octets, size_t length);

#endif
