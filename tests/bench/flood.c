/*
 * Small packets as fast as one processor makes them, as if a network card had received them.
 *
 *   flood LINK SOURCE DESTINATION
 *
 * Makes the TAP device LINK and says "ready". For each line "SECONDS COUNT" on standard input it sends UDP
 * packets of 64 octets (with the IP header) for that long, to addresses drawn at random from DESTINATION up to
 * DESTINATION + COUNT - 1, and answers with a line "PACKETS SECONDS".
 *
 * The packets are not sent by a socket, which would cost more than forwarding them: the kernel's own traffic
 * generator for XDP programs (BPF_PROG_RUN with BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18) makes frames that have
 * come in by LINK, in batches of 64 as a card's driver would, has a program look at each, which here writes the
 * packet, and hands it to the stack. The stack sees it as any received packet, and programs at the ingress of
 * LINK do too. The frames' memory is used again and again, as a card's is; so the program writes all of the
 * headers each time.
 *
 * Making a packet is part of the work of the processor that forwards it (some 50 ns).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	ETHERNET = 14,
	PACKET = 64,
	FRAME = ETHERNET + PACKET,
	HEADERS = ETHERNET + sizeof(struct iphdr) + sizeof(struct udphdr),
	CHECKSUM_AT = ETHERNET + offsetof(struct iphdr, check),
	DESTINATION_AT = ETHERNET + offsetof(struct iphdr, daddr),
	TTL = 64,
	DISCARD_PORT = 9,
	BATCH = 64,	     /* frames between two turns of the stack: what a driver takes at once */
	REPEAT_LEAST = 4096, /* frames in a call */
	REPEAT_MOST = 1 << 24,
	PROGRAM_MAX = 80,
};

struct flood {
	uint8_t frame[FRAME]; /* without destination and checksum */
	uint32_t sum;	      /* of the IP header as it is there */
	uint32_t destination; /* host byte order */
	int link;
};

static long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* --- the program that writes a packet into each frame -------------------------------------------- */

struct program {
	struct bpf_insn code[PROGRAM_MAX];
	uint32_t length;
};

static void add(
	struct program *program, uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value)
{
	program->code[program->length++] = (struct bpf_insn){
		.code = code, .dst_reg = to & 0xf, .src_reg = from & 0xf, .off = offset, .imm = value};
}

/* REGISTER = REGISTER operation VALUE, or operation REGISTER */
static void compute(struct program *program, uint8_t operation, uint8_t to, int32_t value)
{
	add(program, BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
}
static void combine(struct program *program, uint8_t operation, uint8_t to, uint8_t from)
{
	add(program, BPF_ALU64 | operation | BPF_X, to, from, 0, 0);
}

/* The headers, eight octets at a time; r7 points at the frame. */
static void add_headers(struct program *program, const struct flood *flood)
{
	for (int16_t at = 0; at < (int16_t)HEADERS; at += 8) {
		uint32_t words[2];

		memcpy(words, flood->frame + at, sizeof(words));
		add(program, BPF_LD | BPF_DW, BPF_REG_1, 0, 0, (int32_t)words[0]);
		add(program, 0, 0, 0, 0, (int32_t)words[1]);
		add(program, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_1, at, 0);
	}
}

/* r0 = destination + random % count; r1 = the checksum with it; both into the frame. */
static void add_destination(struct program *program, const struct flood *flood, uint32_t count)
{
	add(program, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32);
	compute(program, BPF_MOD, BPF_REG_0, (int32_t)count);
	compute(program, BPF_ADD, BPF_REG_0, (int32_t)flood->destination);
	combine(program, BPF_MOV, BPF_REG_1, BPF_REG_0);
	compute(program, BPF_RSH, BPF_REG_1, 16);
	combine(program, BPF_MOV, BPF_REG_2, BPF_REG_0);
	compute(program, BPF_AND, BPF_REG_2, 0xffff);
	combine(program, BPF_ADD, BPF_REG_1, BPF_REG_2);
	compute(program, BPF_ADD, BPF_REG_1, (int32_t)flood->sum);
	for (int fold = 0; fold < 2; fold++) {
		combine(program, BPF_MOV, BPF_REG_2, BPF_REG_1);
		compute(program, BPF_RSH, BPF_REG_2, 16);
		compute(program, BPF_AND, BPF_REG_1, 0xffff);
		combine(program, BPF_ADD, BPF_REG_1, BPF_REG_2);
	}
	compute(program, BPF_XOR, BPF_REG_1, 0xffff);
	add(program, BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_1, 0, 0, 16);
	add(program, BPF_STX | BPF_MEM | BPF_H, BPF_REG_7, BPF_REG_1, CHECKSUM_AT, 0);
	add(program, BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_0, 0, 0, 32);
	add(program, BPF_STX | BPF_MEM | BPF_W, BPF_REG_7, BPF_REG_0, DESTINATION_AT, 0);
}

static int load(const struct flood *flood, uint32_t count)
{
	static char complaint[4096];
	struct program program = {0};
	union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_XDP};
	uint32_t bounds;
	int descriptor;

	add(&program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_7, BPF_REG_1, offsetof(struct xdp_md, data), 0);
	add(&program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_8, BPF_REG_1, offsetof(struct xdp_md, data_end), 0);
	combine(&program, BPF_MOV, BPF_REG_2, BPF_REG_7);
	compute(&program, BPF_ADD, BPF_REG_2, FRAME);
	bounds = program.length;
	add(&program, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_2, BPF_REG_8, 0, 0);
	add_headers(&program, flood);
	add_destination(&program, flood, count);
	compute(&program, BPF_MOV, BPF_REG_0, XDP_PASS);
	add(&program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	program.code[bounds].off = (int16_t)(program.length - bounds - 1);
	compute(&program, BPF_MOV, BPF_REG_0, XDP_DROP);
	add(&program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

	attributes.insns = (uintptr_t)program.code;
	attributes.insn_cnt = program.length;
	attributes.license = (uintptr_t) "Dual MIT/GPL";
	attributes.log_buf = (uintptr_t)complaint;
	attributes.log_size = sizeof(complaint);
	attributes.log_level = 1;
	descriptor = (int)bpf(BPF_PROG_LOAD, &attributes);
	if (descriptor < 0)
		fprintf(stderr, "flood: program: %s\n%s\n", strerror(errno), complaint);
	return descriptor;
}

/* --- sending --------------------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Sends that many packets. Seconds that it took, or a negative number. */
static double inject(struct flood *flood, int program, uint32_t packets)
{
	struct xdp_md context = {.data_end = FRAME, .ingress_ifindex = (uint32_t)flood->link};
	union bpf_attr attributes = {0};
	double began = now();

	attributes.test.prog_fd = (uint32_t)program;
	attributes.test.data_in = (uintptr_t)flood->frame;
	attributes.test.data_size_in = FRAME;
	attributes.test.ctx_in = (uintptr_t)&context;
	attributes.test.ctx_size_in = sizeof(context);
	attributes.test.repeat = packets;
	attributes.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	attributes.test.batch_size = BATCH;
	if (bpf(BPF_PROG_RUN, &attributes))
		return -1;
	return now() - began;
}

/*
 * The first call is to learn the pace; the second takes the time that is left. A call waits some 20 ms for the kernel's
 * preparations: what one with a single packet takes is taken off. (The kernel's own measure of a call leaves out the
 * time that others had the processor, so the user plane's daemons would work for nothing.)
 */
static int send_for(struct flood *flood, double seconds, uint32_t count)
{
	int program = load(flood, count);
	double elapsed = 0, took, preparation;
	uint32_t packets = REPEAT_LEAST, sent = 1;

	if (program < 0)
		return -1;
	took = preparation = inject(flood, program, 1);
	while (elapsed < seconds && took >= 0) {
		took = inject(flood, program, packets);
		elapsed += took > preparation ? took - preparation : 0;
		sent += packets;
		packets = elapsed > 0 ? (uint32_t)(sent * (seconds - elapsed) / elapsed) : REPEAT_LEAST;
		if (packets < REPEAT_LEAST)
			packets = REPEAT_LEAST;
		if (packets > REPEAT_MOST)
			packets = REPEAT_MOST;
	}
	if (took < 0)
		fprintf(stderr, "flood: %s\n", strerror(errno));
	else
		printf("%u %.6f\n", sent, elapsed);
	fflush(stdout);
	close(program);
	return took < 0 ? -1 : 0;
}

/* --- the device and the packet ------------------------------------------------------------------ */

/* The device is there as long as this descriptor. */
static int make_link(const char *name, uint8_t ret_address[static 6])
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = tap < 0 || control < 0 ? -1 : 0;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (!error)
		error = ioctl(tap, TUNSETIFF, &request);
	if (!error)
		error = ioctl(control, SIOCGIFHWADDR, &request);
	if (!error) {
		memcpy(ret_address, request.ifr_hwaddr.sa_data, 6);
		request.ifr_flags = IFF_UP;
		error = ioctl(control, SIOCSIFFLAGS, &request);
	}
	close(control);
	return error;
}

static void write_frame(struct flood *flood, const uint8_t link_address[static 6], struct in_addr source)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(PACKET),
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
		.saddr = source.s_addr,
	};
	/* RFC 768: a checksum of zero is none. */
	struct udphdr udp = {
		.source = htons(DISCARD_PORT),
		.dest = htons(DISCARD_PORT),
		.len = htons(PACKET - sizeof(ip)),
	};
	uint16_t words[sizeof(ip) / 2];

	memcpy(flood->frame, link_address, 6);
	flood->frame[6] = 2;  /* a sender: 02:00:00:00:00:00 */
	flood->frame[12] = 8; /* IPv4 */
	memcpy(flood->frame + ETHERNET, &ip, sizeof(ip));
	memcpy(flood->frame + ETHERNET + sizeof(ip), &udp, sizeof(udp));
	memcpy(words, &ip, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		flood->sum += ntohs(words[i]);
}

int main(int argc, char **argv)
{
	struct flood flood = {0};
	struct in_addr source, destination;
	uint8_t link_address[6];
	char line[64];
	int error = 0;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &source) != 1 ||
		inet_pton(AF_INET, argv[3], &destination) != 1) {
		fprintf(stderr, "usage: %s LINK SOURCE DESTINATION\n", argv[0]);
		return 2;
	}
	if (make_link(argv[1], link_address)) {
		fprintf(stderr, "flood: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	flood.link = (int)if_nametoindex(argv[1]);
	flood.destination = ntohl(destination.s_addr);
	write_frame(&flood, link_address, source);
	puts("ready");
	fflush(stdout);
	while (!error && fgets(line, sizeof(line), stdin)) {
		char *rest;
		double seconds = strtod(line, &rest);

		error = send_for(&flood, seconds, (uint32_t)strtoul(rest, NULL, 10));
	}
	return error ? 1 : 0;
}
