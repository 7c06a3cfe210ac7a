/* Probes over a veth. */
#include "link_path.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

enum {
	PROBE = 0x88b5, /* IEEE 802 local experimental */
	FRAME = 60,
	AT_NUMBER = ETH_HLEN,
	PATIENCE = 10, /* milliseconds */
};

int link_probe(const char *link)
{
	const struct sockaddr_ll name = {.sll_family = AF_PACKET,
		.sll_protocol = htons(PROBE),
		.sll_ifindex = (int)if_nametoindex(link)};
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(descriptor >= 0);
	assert_int_equal(bind(descriptor, (const struct sockaddr *)&name, sizeof(name)), 0);
	return descriptor;
}

/* Each probe has a number of its own: one that was on its way for long is not taken for the last. */
void link_await_path(int from, int to)
{
	uint8_t probe[FRAME] = {255, 255, 255, 255, 255, 255, 2, [12] = PROBE >> 8, PROBE & 255};
	uint8_t seen[FRAME] = {0};
	struct pollfd receiver = {.fd = to, .events = POLLIN};

	while (seen[AT_NUMBER] == 0 || seen[AT_NUMBER] != probe[AT_NUMBER]) {
		if (poll(&receiver, 1, PATIENCE) > 0) {
			assert_int_equal(recv(to, seen, sizeof(seen), 0), sizeof(seen));
			continue;
		}
		assert_true(++probe[AT_NUMBER] < UINT8_MAX);
		assert_int_equal(send(from, probe, sizeof(probe), 0), sizeof(probe));
	}
}
