/*
 * What strangers send to a mobility agent, at a fixed rate and from many addresses.
 *
 *   strangers DESTINATION RATE SECONDS SOURCES COUNT HOME-ADDRESS HOME-AGENT SPI [MESSAGE]
 *
 * Sends RATE packets a second to DESTINATION, UDP port 434, with source addresses drawn at random from SOURCES up to
 * SOURCES + COUNT - 1, in equal parts of the kinds below; MESSAGE, in hex, is a request of the node's own that was captured
 * and is replayed (without one, forged ones take its place). What falls behind for want of processor time is caught up,
 * so that the rate holds on the whole. At the end a line for each kind, "KIND PACKETS", and then "sent PACKETS SECONDS".
 *
 * It needs a raw socket, and is for network namespaces that are made for it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cursor.h"
#include "extension.h"
#include "packet.h"
#include "registration.h"
#include "replay.h"

enum {
	HEADERS = sizeof(struct iphdr) + sizeof(struct udphdr),
	MESSAGE_MAX = 512,
	BATCH = 64,
	PORTS_FROM = 1024,
	TTL = 64,
	CARE_OF = 0x0a090909, /* 10.9.9.9 */
};

/* The rows of `kinds` stand in this order. */
enum kind {
	FORGED,	      /* the node's name, the right SPI, an authenticator out of thin air */
	OTHER_SPI,    /* … and another SPI */
	OTHER_LENGTH, /* … and the length of another algorithm */
	REPLAYED,     /* a request of the node's own, once more */
	NOBODY,	      /* of a node that there is not */
	UNSIGNED,     /* without an authentication extension */
	CUT,	      /* a request that ends in the middle */
	NOISE,	      /* octets at random */
	KINDS,
};
static const char *const kind_names[KINDS] = {
	"forged", "other-spi", "other-length", "replayed", "nobody", "unsigned", "cut", "noise"};

struct strangers {
	struct in_addr destination, home_address, home_agent;
	uint32_t sources, count, spi;
	double rate, seconds;
	uint8_t captured[MESSAGE_MAX];
	size_t captured_length;
	uint64_t state; /* of the random numbers */
	uint64_t sent[KINDS];
};

struct junk {
	uint8_t octets[HEADERS + MESSAGE_MAX];
	size_t length;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* xorshift64*: quick, and the same each time. */
static uint32_t random32(struct strangers *strangers)
{
	strangers->state ^= strangers->state >> 12;
	strangers->state ^= strangers->state << 25;
	strangers->state ^= strangers->state >> 27;
	return (uint32_t)((strangers->state * 0x2545f4914f6cdd1dULL) >> 32);
}

static void fill(struct strangers *strangers, uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		octets[i] = (uint8_t)random32(strangers);
}

/* --- messages ------------------------------------------------------------------------------------ */

static uint64_t identification_now(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return mip_ntp_of(wall.tv_sec * MIP_SECOND + wall.tv_nsec);
}

static void write_request(struct strangers *strangers, struct mip_writer *writer, bool nobody)
{
	struct mip_registration_request request = {
		.lifetime = 600,
		.home_address.value = strangers->home_address.s_addr,
		.home_agent.value = strangers->home_agent.s_addr,
		.care_of_address.value = htonl(CARE_OF),
		.identification = identification_now(),
	};

	if (nobody)
		request.home_address.value = random32(strangers);
	mip_request_write(writer, &request);
}

static void write_authentication(
	struct strangers *strangers, struct mip_writer *writer, uint32_t spi, size_t length)
{
	uint8_t *room =
		mip_authentication_write(writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, spi, length);

	if (room)
		fill(strangers, room, length);
}

/* Its length; `octets` has room for MESSAGE_MAX. */
static size_t make_message(struct strangers *strangers, enum kind kind, uint8_t *octets)
{
	struct mip_writer writer = mip_writer_of(octets, MESSAGE_MAX);
	size_t length = 1 + random32(strangers) % (MESSAGE_MAX - 1);

	if (kind == REPLAYED && strangers->captured_length > 0) {
		memcpy(octets, strangers->captured, strangers->captured_length);
		return strangers->captured_length;
	}
	if (kind == NOISE) {
		fill(strangers, octets, length);
		return length;
	}
	write_request(strangers, &writer, kind == NOBODY);
	if (kind != UNSIGNED)
		write_authentication(strangers, &writer,
			kind == OTHER_SPI ? strangers->spi + 1 : strangers->spi,
			kind == OTHER_LENGTH ? 20 : 16);
	return kind == CUT ? 1 + length % (writer.length - 1) : writer.length;
}

/* --- packets ------------------------------------------------------------------------------------- */

static void make_packet(struct strangers *strangers, enum kind kind, struct junk *packet)
{
	size_t length = make_message(strangers, kind, packet->octets + HEADERS);
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(strangers->sources + random32(strangers) % strangers->count),
		.daddr = strangers->destination.s_addr,
	};
	/* RFC 768: a checksum of zero is none. The kernel fills in that of the IP header, and its length. */
	struct udphdr udp = {
		.source = htons((uint16_t)(PORTS_FROM + random32(strangers) % (UINT16_MAX - PORTS_FROM))),
		.dest = htons(MIP_REGISTRATION_PORT),
		.len = htons((uint16_t)(sizeof(udp) + length)),
	};

	memcpy(packet->octets, &ip, sizeof(ip));
	memcpy(packet->octets + sizeof(ip), &udp, sizeof(udp));
	packet->length = HEADERS + length;
	strangers->sent[kind]++;
}

static int send_batch(int descriptor, struct strangers *strangers, unsigned count, uint64_t before)
{
	static struct junk packets[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec vectors[BATCH];
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = strangers->destination};

	for (unsigned i = 0; i < count; i++) {
		make_packet(strangers, (enum kind)((before + i) % KINDS), &packets[i]);
		vectors[i] = (struct iovec){packets[i].octets, packets[i].length};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &name,
			.msg_namelen = sizeof(name),
			.msg_iov = &vectors[i],
			.msg_iovlen = 1};
	}
	for (unsigned done = 0; done < count;) {
		int sent = sendmmsg(descriptor, messages + done, count - done, 0);

		if (sent < 0 && errno != EINTR && errno != ENOBUFS)
			return -errno;
		done += sent > 0 ? (unsigned)sent : 0;
	}
	return 0;
}

static int send_all(int descriptor, struct strangers *strangers)
{
	const struct timespec tick = {.tv_nsec = 500000};
	double began = now(), elapsed = 0;
	uint64_t sent = 0;
	int error = 0;

	while (!error && elapsed < strangers->seconds) {
		uint64_t due = (uint64_t)(elapsed * strangers->rate);

		if (due == sent)
			nanosleep(&tick, NULL);
		while (!error && sent < due) {
			unsigned count = due - sent < BATCH ? (unsigned)(due - sent) : BATCH;

			error = send_batch(descriptor, strangers, count, sent);
			sent += count;
		}
		elapsed = now() - began;
	}
	for (int kind = 0; kind < KINDS; kind++)
		printf("%s %llu\n", kind_names[kind], (unsigned long long)strangers->sent[kind]);
	printf("sent %llu %.3f\n", (unsigned long long)sent, elapsed);
	return error;
}

/* --- arguments ----------------------------------------------------------------------------------- */

static bool read_hex(const char *text, struct strangers *strangers)
{
	for (; text[0] && text[1] && strangers->captured_length < MESSAGE_MAX; text += 2) {
		const char digits[] = {text[0], text[1], 0};
		char *end;

		strangers->captured[strangers->captured_length++] = (uint8_t)strtoul(digits, &end, 16);
		if (*end)
			return false;
	}
	return *text == 0;
}

static bool read_arguments(int argc, char **argv, struct strangers *strangers)
{
	struct in_addr sources;

	if (argc < 9 || argc > 10 || inet_pton(AF_INET, argv[1], &strangers->destination) != 1 ||
		inet_pton(AF_INET, argv[4], &sources) != 1 ||
		inet_pton(AF_INET, argv[6], &strangers->home_address) != 1 ||
		inet_pton(AF_INET, argv[7], &strangers->home_agent) != 1)
		return false;
	strangers->rate = strtod(argv[2], NULL);
	strangers->seconds = strtod(argv[3], NULL);
	strangers->sources = ntohl(sources.s_addr);
	strangers->count = (uint32_t)strtoul(argv[5], NULL, 10);
	strangers->spi = (uint32_t)strtoul(argv[8], NULL, 10);
	return strangers->rate > 0 && strangers->count > 0 && (argc == 9 || read_hex(argv[9], strangers));
}

int main(int argc, char **argv)
{
	struct strangers strangers = {.state = 1};
	int descriptor, error;

	if (!read_arguments(argc, argv, &strangers)) {
		fprintf(stderr,
			"usage: %s DESTINATION RATE SECONDS SOURCES COUNT HOME-ADDRESS HOME-AGENT SPI "
			"[MESSAGE]\n",
			argv[0]);
		return 2;
	}
	descriptor = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (descriptor < 0) {
		fprintf(stderr, "strangers: %s\n", strerror(errno));
		return 1;
	}
	error = send_all(descriptor, &strangers);
	if (error)
		fprintf(stderr, "strangers: %s\n", strerror(-error));
	close(descriptor);
	return error ? 1 : 0;
}
