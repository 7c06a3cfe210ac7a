/*
 * IPv4, UDP, ICMP and ARP headers as bytes and as structs, and the Internet checksum (RFC 791, 768, 792, 826,
 * 1071). The pure machines build and take apart whole packets with these when they speak on a link itself.
 */
#ifndef MIP_WIRE_PACKET_H
#define MIP_WIRE_PACKET_H

#include "cursor.h"
#include "types.h"

enum {
	MIP_IP_HEADER = 20, /* octets, without options */
	MIP_IP_HEADER_MAX = 60,
	MIP_UDP_HEADER = 8,
	MIP_PROTOCOL_ICMP = 1,
	MIP_PROTOCOL_IPIP = 4,
	MIP_PROTOCOL_TCP = 6,
	MIP_PROTOCOL_UDP = 17,
	MIP_PROTOCOL_GRE = 47,
	MIP_PROTOCOL_MINIMAL = 55,
	MIP_REGISTRATION_PORT = 434,
	MIP_ARP_PACKET = 28, /* Ethernet and IPv4 */
	MIP_ARP_REQUEST = 1,
	MIP_ARP_REPLY = 2,
};

struct mip_ip {
	uint8_t tos;
	uint16_t total_length; /* octets, header and payload */
	uint16_t identification;
	bool dont_fragment;
	bool more_fragments;
	uint16_t fragment_offset; /* in 8-octet units */
	uint8_t ttl;
	uint8_t protocol;
	struct mip_address source;
	struct mip_address destination;
	size_t header_length; /* octets; options are in between */
};

/*
 * Reads a header with its checksum checked; the reader is left at the payload's first octet and
 * `*ret_payload` covers exactly the payload that total_length names (link padding is cut off). Returns 0, or
 * -EBADMSG.
 */
int mip_ip_read(struct mip_reader *reader, struct mip_ip *ret_ip, struct mip_reader *ret_payload);
/* Writes a header of 20 octets with its checksum; total_length must be filled in, header_length is ignored.
 */
void mip_ip_write(struct mip_writer *writer, const struct mip_ip *ip);

struct mip_udp {
	uint16_t source_port;
	uint16_t destination_port;
};

/*
 * A whole UDP datagram inside IPv4. Reading checks the IP header, that it is no fragment, the UDP length and,
 * unless `skip_checksum` or it is zero, the UDP checksum. Returns 0, -EBADMSG when malformed,
 * -EPROTONOSUPPORT when it is something else than UDP, -EAGAIN when a fragment. `*ret_payload` is a view.
 */
int mip_udp_packet_read(const uint8_t *octets, size_t length, bool skip_checksum, struct mip_ip *ret_ip,
	struct mip_udp *ret_udp, struct mip_reader *ret_payload);
/* IP header, UDP header with its checksum, payload. From `ip`: tos, identification, ttl, source, destination,
 * dont_fragment. */
void mip_udp_packet_write(struct mip_writer *writer, const struct mip_ip *ip, const struct mip_udp *udp,
	const void *payload, size_t length);
/* IP header around a payload that is ready (ICMP with its checksum, an inner packet). From `ip` as above, and
 * protocol. */
void mip_ip_packet_write(
	struct mip_writer *writer, const struct mip_ip *ip, const void *payload, size_t length);

/* The Internet checksum: a running sum over octets (any alignment), and its folded complement as it goes on
 * the wire. `sum` starts at 0; only the last part may be of odd length. Host byte order. */
uint64_t mip_checksum_add(uint64_t sum, const void *octets, size_t length);
uint64_t mip_checksum_pseudo_header(
	struct mip_address source, struct mip_address destination, uint8_t protocol, uint16_t length);
uint16_t mip_checksum_finish(uint64_t sum);

struct mip_arp {
	uint16_t operation;
	struct mip_link_address sender_link;
	struct mip_address sender;
	struct mip_link_address target_link; /* none is written as zeros */
	struct mip_address target;
};

/* Returns 0, or -EBADMSG when it is not ARP for IPv4 over Ethernet. */
int mip_arp_read(const uint8_t *octets, size_t length, struct mip_arp *ret_arp);
void mip_arp_write(struct mip_writer *writer, const struct mip_arp *arp);
/* RFC 5944 4.6: a gratuitous ARP: request or reply, sender and target address both `address`. */
void mip_arp_write_gratuitous(struct mip_writer *writer, uint16_t operation, struct mip_address address,
	struct mip_link_address link_address);

/* ICMP echo (RFC 3519 4.9 uses it for keep-alives): the ICMP message alone, with its checksum. */
enum {
	MIP_ICMP_ECHO_REPLY = 0,
	MIP_ICMP_UNREACHABLE = 3,
	MIP_ICMP_ECHO_REQUEST = 8,
	MIP_ICMP_ROUTER_ADVERTISEMENT = 9,
	MIP_ICMP_ROUTER_SOLICITATION = 10,
	MIP_ICMP_TIME_EXCEEDED = 11,
};
struct mip_icmp_echo {
	uint8_t type;
	uint16_t identifier;
	uint16_t sequence;
};
/* Reads to the reader's end (the checksum covers all) and leaves it at the payload. Returns 0, -EBADMSG when
 * malformed, -ENOMSG when it is another ICMP message. */
int mip_icmp_echo_read(struct mip_reader *reader, struct mip_icmp_echo *ret_echo);
void mip_icmp_echo_write(
	struct mip_writer *writer, const struct mip_icmp_echo *echo, const void *payload, size_t length);

#endif
