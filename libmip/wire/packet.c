/*
 * IPv4, UDP, ARP and ICMP echo as bytes and as structs.
 *
 * A machine that speaks on a link itself (an agent answering a node whose address does not belong to the
 * link, a node asking an agent that it cannot resolve) builds whole packets and takes whole packets apart.
 * What comes in is checked in the order of its layers and nothing of it is believed before its length and its
 * checksum are known to be right: RFC 5944 3.7.2.1, 3.7.3.1 and 3.8.2.1 have registration messages with an
 * invalid, non-zero UDP checksum discarded in silence.
 *
 * Checksums (RFC 1071) are sums of 32 bit words held in 64 bits: 2^16 is 1 modulo 2^16 - 1, so the two halves
 * of a word may be added as one number and folded at the end.
 */
#include <errno.h>
#include <string.h>

#include "address.h"
#include "packet.h"

enum {
	IP_VERSION = 4,
	IP_DONT_FRAGMENT = 0x4000,
	IP_MORE_FRAGMENTS = 0x2000,
	IP_OFFSET = 0x1fff,
	IP_TOTAL_MAX = 0xffff,
	IP_CHECKSUM_PLACE = 10, /* octets from the header's first */
	UDP_CHECKSUM_PLACE = 6,
	ICMP_CHECKSUM_PLACE = 2,
	ARP_HARDWARE_ETHERNET = 1,
	ARP_PROTOCOL_IPV4 = 0x0800,
};

static uint32_t word_at(const uint8_t *octets)
{
	uint32_t word;

	memcpy(&word, octets, sizeof(word));
	return word;
}

/*
 * The data plane runs every octet that it carries through this, so it goes in strides that compilers make
 * vector additions of, and in the machine's own byte order: "the sum of 16-bit integers can be computed in
 * either byte order" (RFC 1071 2 (B)), swapped once at the end.
 */
uint64_t mip_checksum_add(uint64_t sum, const void *octets, size_t length)
{
	enum { LANES = 4, LANE = 4, STRIDE = 2 * LANES * LANE };
	const uint8_t *next = octets;
	uint64_t lanes[LANES] = {0}, native = 0;
	uint8_t last[LANE] = {0};

	for (; length >= STRIDE; length -= STRIDE, next += STRIDE) {
		for (size_t i = 0; i < LANES; i++)
			lanes[i] += (uint64_t)word_at(next + i * LANE) + word_at(next + (LANES + i) * LANE);
	}
	for (size_t i = 0; i < LANES; i++)
		native += lanes[i];
	for (; length >= LANE; length -= LANE, next += LANE)
		native += word_at(next);
	if (length) {
		memcpy(last, next, length);
		native += word_at(last);
	}
	while (native >> 16)
		native = (native & 0xffff) + (native >> 16);
	return sum + mip_swap16((uint16_t)native);
}

uint64_t mip_checksum_pseudo_header(
	struct mip_address source, struct mip_address destination, uint8_t protocol, uint16_t length)
{
	return (uint64_t)mip_address_number(source) + mip_address_number(destination) + protocol + length;
}

uint16_t mip_checksum_finish(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void ip_fields_read(struct mip_reader *reader, struct mip_ip *ip)
{
	uint16_t fragment;

	ip->header_length = (size_t)(mip_read8(reader) & 0x0f) * 4;
	ip->tos = mip_read8(reader);
	ip->total_length = mip_read16(reader);
	ip->identification = mip_read16(reader);
	fragment = mip_read16(reader);
	ip->dont_fragment = fragment & IP_DONT_FRAGMENT;
	ip->more_fragments = fragment & IP_MORE_FRAGMENTS;
	ip->fragment_offset = fragment & IP_OFFSET;
	ip->ttl = mip_read8(reader);
	ip->protocol = mip_read8(reader);
	mip_read_skip(reader, 2);
	ip->source = mip_read_address(reader);
	ip->destination = mip_read_address(reader);
}

int mip_ip_read(struct mip_reader *reader, struct mip_ip *ret_ip, struct mip_reader *ret_payload)
{
	struct mip_reader payload, whole = *reader, fields = *reader;
	struct mip_ip ip = {0};
	const uint8_t *header;

	ip_fields_read(&fields, &ip);
	if (mip_reader_failed(&fields) || ip.header_length < MIP_IP_HEADER ||
		ip.total_length < ip.header_length)
		return -EBADMSG;
	header = mip_read_octets(&whole, ip.header_length);
	payload = whole;
	payload = mip_read_sub(&payload, ip.total_length - ip.header_length);
	if (!header || header[0] >> 4 != IP_VERSION || mip_reader_failed(&payload))
		return -EBADMSG;
	if (mip_checksum_finish(mip_checksum_add(0, header, ip.header_length)) != 0)
		return -EBADMSG;
	*reader = whole;
	*ret_ip = ip;
	*ret_payload = payload;
	return 0;
}

void mip_ip_write(struct mip_writer *writer, const struct mip_ip *ip)
{
	size_t start = writer->length;
	uint16_t fragment = ip->fragment_offset & IP_OFFSET;

	if (ip->dont_fragment)
		fragment |= IP_DONT_FRAGMENT;
	if (ip->more_fragments)
		fragment |= IP_MORE_FRAGMENTS;
	mip_write8(writer, IP_VERSION << 4 | MIP_IP_HEADER / 4);
	mip_write8(writer, ip->tos);
	mip_write16(writer, ip->total_length);
	mip_write16(writer, ip->identification);
	mip_write16(writer, fragment);
	mip_write8(writer, ip->ttl);
	mip_write8(writer, ip->protocol);
	mip_write16(writer, 0);
	mip_write_address(writer, ip->source);
	mip_write_address(writer, ip->destination);
	if (mip_writer_failed(writer))
		return;
	mip_write16_at(writer, start + IP_CHECKSUM_PLACE,
		mip_checksum_finish(mip_checksum_add(0, writer->octets + start, MIP_IP_HEADER)));
}

/* RFC 768: a checksum of zero means that the sender made none. rfc5944-3.1-5: MUST be checked by the
 * recipient; rfc5944-3.1-6: a zero UDP checksum SHOULD be accepted. */
static bool udp_checksum_holds(const struct mip_ip *ip, const uint8_t *datagram, uint16_t length)
{
	uint64_t sum = mip_checksum_pseudo_header(ip->source, ip->destination, MIP_PROTOCOL_UDP, length);

	if (datagram[UDP_CHECKSUM_PLACE] == 0 && datagram[UDP_CHECKSUM_PLACE + 1] == 0)
		return true;
	return mip_checksum_finish(mip_checksum_add(sum, datagram, length)) == 0;
}

static int udp_read(struct mip_reader *reader, const struct mip_ip *ip, bool skip_checksum,
	struct mip_udp *ret_udp, struct mip_reader *ret_payload)
{
	struct mip_reader whole = *reader;
	struct mip_udp udp;
	const uint8_t *datagram;
	uint16_t length;

	udp.source_port = mip_read16(reader);
	udp.destination_port = mip_read16(reader);
	length = mip_read16(reader);
	mip_read_skip(reader, 2);
	if (mip_reader_failed(reader) || length < MIP_UDP_HEADER)
		return -EBADMSG;
	datagram = mip_read_octets(&whole, length);
	if (!datagram || (!skip_checksum && !udp_checksum_holds(ip, datagram, length)))
		return -EBADMSG;
	*ret_udp = udp;
	*ret_payload = mip_reader_of(datagram + MIP_UDP_HEADER, length - MIP_UDP_HEADER);
	return 0;
}

int mip_udp_packet_read(const uint8_t *octets, size_t length, bool skip_checksum, struct mip_ip *ret_ip,
	struct mip_udp *ret_udp, struct mip_reader *ret_payload)
{
	struct mip_reader payload, packet = mip_reader_of(octets, length);
	struct mip_ip ip;
	int r;

	r = mip_ip_read(&packet, &ip, &payload);
	if (r < 0)
		return r;
	if (ip.protocol != MIP_PROTOCOL_UDP)
		return -EPROTONOSUPPORT;
	if (ip.more_fragments || ip.fragment_offset)
		return -EAGAIN;
	r = udp_read(&payload, &ip, skip_checksum, ret_udp, ret_payload);
	if (r < 0)
		return r;
	*ret_ip = ip;
	return 0;
}

static void headed_write(struct mip_writer *writer, const struct mip_ip *ip, uint8_t protocol, size_t length)
{
	struct mip_ip header = {
		.tos = ip->tos,
		.total_length = (uint16_t)(MIP_IP_HEADER + length),
		.identification = ip->identification,
		.dont_fragment = ip->dont_fragment,
		.ttl = ip->ttl,
		.protocol = protocol,
		.source = ip->source,
		.destination = ip->destination,
	};

	if (length > IP_TOTAL_MAX - MIP_IP_HEADER) {
		writer->failed = true;
		return;
	}
	mip_ip_write(writer, &header);
}

void mip_udp_packet_write(struct mip_writer *writer, const struct mip_ip *ip, const struct mip_udp *udp,
	const void *payload, size_t length)
{
	uint16_t datagram_length = (uint16_t)(MIP_UDP_HEADER + length), checksum;
	uint64_t sum;
	size_t start;

	headed_write(writer, ip, MIP_PROTOCOL_UDP, MIP_UDP_HEADER + length);
	start = writer->length;
	mip_write16(writer, udp->source_port);
	mip_write16(writer, udp->destination_port);
	mip_write16(writer, datagram_length);
	mip_write16(writer, 0);
	mip_write_octets(writer, payload, length);
	if (mip_writer_failed(writer))
		return;
	sum = mip_checksum_pseudo_header(ip->source, ip->destination, MIP_PROTOCOL_UDP, datagram_length);
	checksum = mip_checksum_finish(mip_checksum_add(sum, writer->octets + start, datagram_length));
	/* RFC 768: a computed checksum of zero is sent as all ones, for zero means that there is none. */
	mip_write16_at(writer, start + UDP_CHECKSUM_PLACE, checksum ? checksum : 0xffff);
}

void mip_ip_packet_write(
	struct mip_writer *writer, const struct mip_ip *ip, const void *payload, size_t length)
{
	headed_write(writer, ip, ip->protocol, length);
	mip_write_octets(writer, payload, length);
}

static struct mip_link_address ethernet_read(struct mip_reader *reader)
{
	struct mip_link_address address = {.length = MIP_ETHERNET_ADDRESS};
	const uint8_t *octets = mip_read_octets(reader, MIP_ETHERNET_ADDRESS);

	if (octets)
		memcpy(address.octets, octets, MIP_ETHERNET_ADDRESS);
	return address;
}

int mip_arp_read(const uint8_t *octets, size_t length, struct mip_arp *ret_arp)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	uint8_t hardware_length, protocol_length;
	uint16_t hardware, protocol;
	struct mip_arp arp = {0};

	/* RFC 826: hardware and protocol space and their lengths say how to read what follows. */
	hardware = mip_read16(&reader);
	protocol = mip_read16(&reader);
	hardware_length = mip_read8(&reader);
	protocol_length = mip_read8(&reader);
	if (hardware != ARP_HARDWARE_ETHERNET || protocol != ARP_PROTOCOL_IPV4 ||
		hardware_length != MIP_ETHERNET_ADDRESS || protocol_length != sizeof(struct mip_address))
		return -EBADMSG;
	arp.operation = mip_read16(&reader);
	arp.sender_link = ethernet_read(&reader);
	arp.sender = mip_read_address(&reader);
	arp.target_link = ethernet_read(&reader);
	arp.target = mip_read_address(&reader);
	if (mip_reader_failed(&reader))
		return -EBADMSG;
	*ret_arp = arp;
	return 0;
}

void mip_arp_write(struct mip_writer *writer, const struct mip_arp *arp)
{
	mip_write16(writer, ARP_HARDWARE_ETHERNET);
	mip_write16(writer, ARP_PROTOCOL_IPV4);
	mip_write8(writer, MIP_ETHERNET_ADDRESS);
	mip_write8(writer, sizeof(struct mip_address));
	mip_write16(writer, arp->operation);
	mip_write_octets(writer, arp->sender_link.octets, MIP_ETHERNET_ADDRESS);
	mip_write_address(writer, arp->sender);
	mip_write_octets(writer, arp->target_link.octets, MIP_ETHERNET_ADDRESS);
	mip_write_address(writer, arp->target);
}

/*
 * RFC 5944 4.6: "In either case, the ARP Sender Protocol Address and ARP Target Protocol Address are both set
 * to the IP address of the cache entry to be updated … When using an ARP Reply packet, the Target Hardware
 * Address is also set to the link-layer address to which this cache entry should be updated (this field is
 * not used in an ARP Request packet)."
 */
void mip_arp_write_gratuitous(struct mip_writer *writer, uint16_t operation, struct mip_address address,
	struct mip_link_address link_address)
{
	struct mip_arp arp = {
		.operation = operation,
		.sender_link = link_address,
		.sender = address,
		.target = address,
	};

	if (operation == MIP_ARP_REPLY)
		arp.target_link = link_address;
	mip_arp_write(writer, &arp);
}

int mip_icmp_echo_read(struct mip_reader *reader, struct mip_icmp_echo *ret_echo)
{
	struct mip_reader fields = *reader, whole = *reader;
	struct mip_icmp_echo echo;
	size_t length = mip_reader_left(reader);
	const uint8_t *octets = mip_read_octets(&whole, length);
	uint8_t code;

	echo.type = mip_read8(&fields);
	code = mip_read8(&fields);
	mip_read_skip(&fields, 2);
	echo.identifier = mip_read16(&fields);
	echo.sequence = mip_read16(&fields);
	/* Unreachable branch: without octets the fields have failed. */
	if (mip_reader_failed(&fields) || !octets ||
		mip_checksum_finish(mip_checksum_add(0, octets, length)) != 0)
		return -EBADMSG;
	if (echo.type != MIP_ICMP_ECHO_REQUEST && echo.type != MIP_ICMP_ECHO_REPLY)
		return -ENOMSG;
	if (code != 0)
		return -EBADMSG;
	*reader = fields;
	*ret_echo = echo;
	return 0;
}

void mip_icmp_echo_write(
	struct mip_writer *writer, const struct mip_icmp_echo *echo, const void *payload, size_t length)
{
	size_t start = writer->length;

	mip_write8(writer, echo->type);
	mip_write8(writer, 0);
	mip_write16(writer, 0);
	mip_write16(writer, echo->identifier);
	mip_write16(writer, echo->sequence);
	mip_write_octets(writer, payload, length);
	if (mip_writer_failed(writer))
		return;
	mip_write16_at(writer, start + ICMP_CHECKSUM_PLACE,
		mip_checksum_finish(mip_checksum_add(0, writer->octets + start, writer->length - start)));
}
