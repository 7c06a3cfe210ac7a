/*
 * Whole packets and the headers of tunnels: payloads lie within them, and what is read and written again is read the same. Checksums are
 * put right in a copy.
 */
#include <errno.h>

#include "address.h"
#include "fuzz.h"
#include "packet.h"
#include "tunnel.h"

static void udp_fuzz(const uint8_t *octets, size_t length, bool skip_checksum)
{
	struct mip_reader payload, payload_again;
	struct mip_udp udp, udp_again;
	struct mip_ip ip, ip_again;
	struct mip_writer writer;
	uint8_t *written;
	size_t left;

	if (mip_udp_packet_read(octets, length, skip_checksum, &ip, &udp, &payload) < 0)
		return;
	left = mip_reader_left(&payload);
	FUZZ_CHECK(ip.total_length <= length && left + MIP_UDP_HEADER + ip.header_length <= ip.total_length);
	FUZZ_CHECK(left == 0 || (payload.octets >= octets && payload.octets + left <= octets + length));
	written = malloc(MIP_IP_HEADER + MIP_UDP_HEADER + left);
	FUZZ_CHECK(written);
	writer = mip_writer_of(written, MIP_IP_HEADER + MIP_UDP_HEADER + left);
	mip_udp_packet_write(&writer, &ip, &udp, payload.octets, left);
	FUZZ_CHECK(!mip_writer_failed(&writer) && writer.length == writer.size);
	FUZZ_CHECK(mip_udp_packet_read(
			   written, writer.length, false, &ip_again, &udp_again, &payload_again) == 0);
	FUZZ_CHECK(mip_address_equal(ip_again.source, ip.source) && ip_again.ttl == ip.ttl &&
		   ip_again.dont_fragment == ip.dont_fragment &&
		   ip_again.identification == ip.identification);
	FUZZ_CHECK(udp_again.source_port == udp.source_port &&
		   udp_again.destination_port == udp.destination_port);
	FUZZ_CHECK(mip_reader_left(&payload_again) == left);
	FUZZ_CHECK(memcmp(payload_again.octets, payload.octets, left) == 0);
	free(written);
}

static void ip_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader payload, reader = mip_reader_of(octets, length);
	struct mip_ip ip;

	if (mip_ip_read(&reader, &ip, &payload) < 0) {
		FUZZ_CHECK(reader.position == 0);
		return;
	}
	FUZZ_CHECK(reader.position == ip.header_length);
	FUZZ_CHECK(mip_reader_left(&payload) == (size_t)ip.total_length - ip.header_length);
}

static void arp_fuzz(const uint8_t *octets, size_t length)
{
	uint8_t written[MIP_ARP_PACKET];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));
	struct mip_arp arp;

	if (mip_arp_read(octets, length, &arp) < 0)
		return;
	mip_arp_write(&writer, &arp);
	FUZZ_CHECK(writer.length == MIP_ARP_PACKET && memcmp(written, octets, MIP_ARP_PACKET) == 0);
}

static void echo_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_icmp_echo echo;

	if (mip_icmp_echo_read(&reader, &echo) == 0)
		FUZZ_CHECK(reader.position == 8 && mip_reader_left(&reader) == length - 8);
}

static void gre_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	uint16_t type;

	if (mip_gre_read(&reader, &type) < 0) {
		FUZZ_CHECK(reader.position == 0);
		return;
	}
	FUZZ_CHECK(reader.position >= MIP_GRE_HEADER && reader.position <= MIP_GRE_HEADER_MAX);
	FUZZ_CHECK(mip_reader_left(&reader) == length - reader.position);
	FUZZ_CHECK(type == (octets[2] << 8 | octets[3]));
}

static void minimal_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	uint8_t written[MIP_MINIMAL_HEADER_MAX];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));
	struct mip_minimal minimal, again;

	if (mip_minimal_read(&reader, &minimal) < 0) {
		FUZZ_CHECK(reader.position == 0);
		return;
	}
	FUZZ_CHECK(reader.position == mip_minimal_length(&minimal));
	mip_minimal_write(&writer, &minimal);
	FUZZ_CHECK(!mip_writer_failed(&writer) && writer.length == reader.position);
	reader = mip_reader_of(written, writer.length);
	FUZZ_CHECK(mip_minimal_read(&reader, &again) == 0 && again.protocol == minimal.protocol &&
		   mip_address_equal(again.destination, minimal.destination) &&
		   mip_address_equal(again.source, minimal.source));
}

static void sum_at(uint8_t *octets, size_t length, size_t place)
{
	uint16_t checksum;

	octets[place] = octets[place + 1] = 0;
	checksum = mip_checksum_finish(mip_checksum_add(0, octets, length));
	octets[place] = (uint8_t)(checksum >> 8);
	octets[place + 1] = (uint8_t)checksum;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	uint8_t *copy = fuzz_copy(octets, length);

	arp_fuzz(octets, length);
	ip_fuzz(octets, length);
	udp_fuzz(octets, length, false);
	echo_fuzz(octets, length);
	gre_fuzz(octets, length);
	minimal_fuzz(octets, length);
	if (length >= 8) {
		size_t header = (octets[0] & 0x0f) * 4u;

		sum_at(copy, length, 4);
		gre_fuzz(copy, length);
		memcpy(copy, octets, length);
		sum_at(copy, length, 2);
		echo_fuzz(copy, length);
		memcpy(copy, octets, length);
		sum_at(copy, length >= 12 && octets[1] & 0x80 ? 12 : 8, 2);
		minimal_fuzz(copy, length);
		memcpy(copy, octets, length);
		if (header >= MIP_IP_HEADER && header <= length) {
			sum_at(copy, header, 10);
			ip_fuzz(copy, length);
			udp_fuzz(copy, length, true);
		}
	}
	free(copy);
	return 0;
}
