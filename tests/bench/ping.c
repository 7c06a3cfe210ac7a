/*
 * Round trips one after the other: ICMP echo, a millisecond apart.
 *
 *   ping ADDRESS COUNT
 *
 * Writes the median and the 99th percentile in microseconds, and how many answers never came.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	PAYLOAD = 56,
	GAP_NANOSECONDS = 1000000,
	PATIENCE_SECONDS = 1,
	SAMPLES_MAX = 1000000,
};

struct echo {
	struct icmphdr header;
	uint8_t payload[PAYLOAD];
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static uint16_t checksum(const struct echo *echo)
{
	uint16_t words[sizeof(*echo) / 2];
	uint32_t sum = 0;

	memcpy(words, echo, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* Microseconds, or a negative number when no answer came. */
static double round_trip(int descriptor, uint16_t identifier, uint16_t sequence)
{
	struct echo echo = {.header = {.type = ICMP_ECHO}};
	uint8_t answer[2048];
	double began;

	echo.header.un.echo.id = identifier;
	echo.header.un.echo.sequence = sequence;
	echo.header.checksum = checksum(&echo);
	began = now();
	if (send(descriptor, &echo, sizeof(echo), 0) < 0)
		return -1;
	for (;;) {
		ssize_t length = recv(descriptor, answer, sizeof(answer), 0);
		struct icmphdr header;

		if (length < (ssize_t)(sizeof(struct iphdr) + sizeof(header)))
			return -1;
		memcpy(&header, answer + sizeof(struct iphdr), sizeof(header));
		if (header.type == ICMP_ECHOREPLY && header.un.echo.id == identifier &&
			header.un.echo.sequence == sequence)
			return now() - began;
	}
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static int measure(int descriptor, size_t count)
{
	const struct timespec gap = {.tv_nsec = GAP_NANOSECONDS};
	double *times = calloc(count, sizeof(*times));
	size_t answered = 0;

	if (!times)
		return -1;
	for (size_t i = 0; i < count; i++) {
		double time = round_trip(descriptor, (uint16_t)getpid(), (uint16_t)i);

		if (time >= 0)
			times[answered++] = time;
		nanosleep(&gap, NULL);
	}
	qsort(times, answered, sizeof(*times), compare);
	if (answered)
		printf("%.3f %.3f %zu\n", times[answered / 2], times[answered * 99 / 100], count - answered);
	free(times);
	return answered ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	int descriptor;

	if (count < 1 || count > SAMPLES_MAX || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: %s ADDRESS COUNT\n", argv[0]);
		return 2;
	}
	descriptor = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (descriptor < 0 ||
		setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
		connect(descriptor, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		return 1;
	}
	if (measure(descriptor, (size_t)count)) {
		fprintf(stderr, "%s: nothing was answered\n", argv[0]);
		return 1;
	}
	return 0;
}
