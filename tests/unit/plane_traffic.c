/* What flows between the two hosts. */
#include "plane_world.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A correspondent's socket towards the mobile node. */
int plane_correspondent(const struct world *world)
{
	return plane_socket(world, AT_HOME, SOCK_DGRAM, CORRESPONDENT, PLANE_CORRESPONDENT_PORT, HOME_ADDRESS,
		PLANE_PORT);
}
int plane_mobile_node(const struct world *world)
{
	return plane_socket(
		world, AWAY, SOCK_DGRAM, HOME_ADDRESS, PLANE_PORT, CORRESPONDENT, PLANE_CORRESPONDENT_PORT);
}

struct arrival {
	int descriptor;
	uint8_t octets[65536];
	ssize_t length;
};

static bool has_arrived(void *context)
{
	struct arrival *arrival = context;

	arrival->length = recv(arrival->descriptor, arrival->octets, sizeof(arrival->octets), 0);
	return arrival->length >= 0;
}

/* The next datagram that a socket gets; its length. */
size_t plane_received(struct world *world, int descriptor, uint8_t *octets)
{
	static struct arrival arrival;

	arrival.descriptor = descriptor;
	assert_true(plane_run(world, has_arrived, &arrival));
	memcpy(octets, arrival.octets, (size_t)arrival.length);
	return (size_t)arrival.length;
}

bool plane_nothing_arrives(struct world *world, int descriptor)
{
	uint8_t octet;

	plane_settle(world);
	return recv(descriptor, &octet, 1, 0) < 0 && errno == EAGAIN;
}

/* Sends one datagram with TOS and DF as given, and gives what goes over the wire. */
size_t plane_outer_packet(struct world *world, enum mip_encapsulation encapsulation, int tos, int discovery,
	uint8_t octets[static 2000])
{
	int socket;
	size_t length;

	world->hold_away = true;
	plane_join(world, encapsulation);
	socket = plane_correspondent(world);
	plane_set_option(socket, IPPROTO_IP, IP_TOS, tos);
	plane_set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, discovery);
	assert_int_equal(send(socket, "hello", 5, 0), 5);
	length = plane_captured(world, plane_encapsulations[encapsulation].protocol, octets, 2000);
	close(socket);
	return length;
}

struct mip_ip plane_ip(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length), payload;
	struct mip_ip ip;

	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	return ip;
}

uint8_t plane_octet(size_t place)
{
	return (uint8_t)((place * 2654435761u) >> 13);
}

static void stream_send(struct plane_stream *stream)
{
	static uint8_t octets[65536];
	size_t length =
		PLANE_STREAM - stream->sent < sizeof(octets) ? PLANE_STREAM - stream->sent : sizeof(octets);
	ssize_t sent;

	for (size_t i = 0; i < length; i++)
		octets[i] = plane_octet(stream->sent + i);
	sent = send(stream->from, octets, length, 0);
	if (sent > 0)
		stream->sent += (size_t)sent;
}

bool plane_stream_is_through(void *context)
{
	static uint8_t octets[65536];
	struct plane_stream *stream = context;
	ssize_t length;

	stream_send(stream);
	while ((length = recv(stream->to, octets, sizeof(octets), 0)) > 0) {
		for (ssize_t i = 0; i < length; i++)
			assert_int_equal(octets[i], plane_octet(stream->got + (size_t)i));
		stream->got += (size_t)length;
	}
	return stream->got == PLANE_STREAM;
}

struct accepting {
	int listener, accepted;
};

static bool has_connected(void *context)
{
	struct accepting *accepting = context;

	accepting->accepted = accept4(accepting->listener, NULL, NULL, SOCK_NONBLOCK);
	return accepting->accepted >= 0;
}

/* A TCP connection from the correspondent to the node. */
void plane_connect_stream(struct world *world, int *ret_near, int *ret_far)
{
	struct accepting accepting = {.accepted = -1};

	accepting.listener = plane_socket(world, AWAY, SOCK_STREAM, HOME_ADDRESS, PLANE_PORT, "", 0);
	assert_int_equal(listen(accepting.listener, 1), 0);
	*ret_near = plane_socket(world, AT_HOME, SOCK_STREAM, CORRESPONDENT, PLANE_CORRESPONDENT_PORT,
		HOME_ADDRESS, PLANE_PORT);
	assert_true(plane_run(world, has_connected, &accepting));
	*ret_far = accepting.accepted;
	close(accepting.listener);
}
