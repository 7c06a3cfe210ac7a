/*
 * UDP sockets. One socket carries both signalling and tunnel data (RFC 3519 puts both on port 434), so it is
 * read in batches with buffers that hold what UDP GRO joins, and each joined run is cut again at the segment
 * size that the kernel tells.
 *
 *   readable ──> recvmmsg, 32 at a time ──> cut ──> datagram()…  ──> batch_end()
 *                    └─ nothing there, or an error is pending ──> error queue ──> icmp_error()
 *
 * With IP_RECVERR an ICMP error also stands as the socket's pending error, which any later call on the
 * socket takes away, also a send to somebody else. A send that fails is therefore tried once more.
 */
#include "udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/errqueue.h> /* wants <time.h> before it */
#include <linux/filter.h>

enum {
	BATCH = 32,
	BUFFER = 65536,
	BATCHES_AT_ONCE = 8, /* then the loop's other descriptors have their turn */
	ERRORS_AT_ONCE = 64,
	RECEIVE_BUFFER = 4 << 20,
	CONTROL = 256,
};

/* sizeof-compatible with what the kernel puts in the control message: two ints a message would do, rounded.
 */
struct slot {
	struct sockaddr_in peer;
	struct iovec vector;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL];
};

struct mip_udp_socket {
	int descriptor;
	int sink; /* -1: none */
	uint16_t port;
	struct mip_watch *watch;
	struct mip_udp_functions functions;
	uint8_t *buffers; /* BATCH of BUFFER */
	struct slot slots[BATCH];
	struct mmsghdr messages[BATCH];
};

static int set_option(int descriptor, int level, int option, int value)
{
	return setsockopt(descriptor, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_options(int descriptor)
{
	static const struct {
		int level, option, value;
		bool required;
	} options[] = {
		{SOL_SOCKET, SO_BROADCAST, 1, true}, {IPPROTO_IP, IP_PKTINFO, 1, true},
		{IPPROTO_IP, IP_RECVTTL, 1, true}, {IPPROTO_IP, IP_RECVTOS, 1, true},
		{IPPROTO_IP, IP_RECVERR, 1, true}, {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, true},
		{IPPROTO_IP, IP_FREEBIND, 1, true}, {IPPROTO_IP, IP_RECVFRAGSIZE, 1, false}, /* Linux 4.11 */
		{SOL_UDP, UDP_GRO, 1, false},						     /* Linux 5.0 */
	};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(options); i++) {
		int result = set_option(descriptor, options[i].level, options[i].option, options[i].value);

		if (result < 0 && options[i].required)
			return result;
	}
	/* Beyond net.core.rmem_max where we may; else as far as that lets us. */
	if (set_option(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0)
		(void)set_option(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	return 0;
}

/* What the control messages of a received message say. Sets everything but the payload. */
static void read_control(struct msghdr *message, struct mip_input_datagram *datagram, size_t *ret_segment)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		struct in_pktinfo info;
		int value = 0;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			datagram->link = info.ipi_ifindex;
			datagram->destination.value = info.ipi_addr.s_addr;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) {
			memcpy(&value, CMSG_DATA(c), sizeof(value));
			datagram->ttl = (uint8_t)value;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			datagram->tos = *CMSG_DATA(c); /* one octet, unlike the others */
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVFRAGSIZE) {
			datagram->unframed = true;
		} else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&value, CMSG_DATA(c), sizeof(value));
			*ret_segment = value > 0 ? (size_t)value : 0;
			datagram->unframed = true;
		}
	}
}

/* One message of a batch: one datagram, or as many as the kernel joined. */
static void take_message(struct mip_udp_socket *socket, size_t place)
{
	struct msghdr *message = &socket->messages[place].msg_hdr;
	const struct slot *slot = &socket->slots[place];
	const uint8_t *octets = socket->buffers + place * BUFFER;
	size_t left = socket->messages[place].msg_len;
	size_t segment = 0;
	struct mip_input_datagram datagram = {
		.source.value = slot->peer.sin_addr.s_addr,
		.source_port = ntohs(slot->peer.sin_port),
		.destination_port = socket->port,
	};

	if (message->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return;
	read_control(message, &datagram, &segment);
	do {
		datagram.octets = octets;
		datagram.length = segment > 0 && segment < left ? segment : left;
		octets += datagram.length;
		left -= datagram.length;
		socket->functions.datagram(socket->functions.context, &datagram);
	} while (left > 0);
}

static void prepare_batch(struct mip_udp_socket *socket)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct slot *slot = &socket->slots[i];

		slot->vector = (struct iovec){socket->buffers + i * BUFFER, BUFFER};
		socket->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &slot->peer,
			.msg_namelen = sizeof(slot->peer),
			.msg_iov = &slot->vector,
			.msg_iovlen = 1,
			.msg_control = slot->control,
			.msg_controllen = sizeof(slot->control),
		};
	}
}

/* How many messages there were; negative errno. */
static int take_batch(struct mip_udp_socket *socket)
{
	int count;

	prepare_batch(socket);
	count = recvmmsg(socket->descriptor, socket->messages, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++)
		take_message(socket, (size_t)i);
	if (count > 0 && socket->functions.batch_end != NULL)
		socket->functions.batch_end(socket->functions.context);
	return count;
}

static void tell_error(struct mip_udp_socket *socket, struct msghdr *message, size_t length)
{
	const struct sockaddr_in *destination = message->msg_name;
	struct mip_input_icmp_error error = {
		.destination.value = destination->sin_addr.s_addr,
		.destination_port = ntohs(destination->sin_port),
		.octets = message->msg_iov->iov_base,
		.length = length,
	};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		struct sock_extended_err extended;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR)
			continue;
		memcpy(&extended, CMSG_DATA(c), sizeof(extended));
		if (extended.ee_origin != SO_EE_ORIGIN_ICMP)
			continue;
		error.type = extended.ee_type;
		error.code = extended.ee_code;
		if (socket->functions.icmp_error != NULL)
			socket->functions.icmp_error(socket->functions.context, &error);
	}
}

static void take_errors(struct mip_udp_socket *socket)
{
	for (int i = 0; i < ERRORS_AT_ONCE; i++) {
		struct slot *slot = &socket->slots[0];
		struct msghdr message = {
			.msg_name = &slot->peer,
			.msg_namelen = sizeof(slot->peer),
			.msg_iov = &slot->vector,
			.msg_iovlen = 1,
			.msg_control = slot->control,
			.msg_controllen = sizeof(slot->control),
		};
		ssize_t length;

		slot->peer = (struct sockaddr_in){0};
		slot->vector = (struct iovec){socket->buffers, BUFFER};
		length = recvmsg(socket->descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (length < 0)
			return;
		tell_error(socket, &message, (size_t)length);
	}
}

static void on_event(void *context, int descriptor, unsigned events)
{
	struct mip_udp_socket *socket = context;

	(void)descriptor;
	(void)events;
	for (int i = 0; i < BATCHES_AT_ONCE; i++) {
		int count = take_batch(socket);

		/* A queued error keeps the descriptor readable, so it must be taken even when no call failed.
		 */
		if (count < 0 && count != -EINTR)
			take_errors(socket);
		if (count == -EAGAIN || (count >= 0 && count < BATCH))
			return;
	}
}

static int bind_to(int descriptor, struct mip_address address, uint16_t port)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_addr.s_addr = address.value, .sin_port = htons(port)};

	return bind(descriptor, (struct sockaddr *)&name, sizeof(name)) < 0 ? -errno : 0;
}

/*
 * What comes to the port at other addresses goes nowhere, without an ICMP error to a node that is served on
 * its link. Somebody else's socket for any address does as well, and one that comes later is found before
 * this one, as the kernel looks at the latest first. Only after it has been bound is it said to share, so
 * that there is one.
 */
static int open_sink(uint16_t port)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {.len = 1, .filter = &nothing};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (descriptor < 0)
		return -1;
	if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 &&
		bind_to(descriptor, (struct mip_address){0}, port) == 0 &&
		set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) == 0)
		return descriptor;
	close(descriptor);
	return -1;
}

static int open_socket(struct mip_udp_socket *udp, struct mip_address address, uint16_t port)
{
	struct sockaddr_in name = {0};
	socklen_t length = sizeof(name);
	int result;

	if (port != 0 && address.value != 0)
		udp->sink = open_sink(port);
	udp->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (udp->descriptor < 0)
		return -errno;
	result = set_options(udp->descriptor);
	/* A port of the kernel's choice is for that socket alone. */
	if (result == 0 && port != 0)
		result = set_option(udp->descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
	if (result == 0)
		result = bind_to(udp->descriptor, address, port);
	if (result < 0)
		return result;
	if (getsockname(udp->descriptor, (struct sockaddr *)&name, &length) < 0)
		return -errno;
	udp->port = ntohs(name.sin_port);
	return 0;
}

int mip_udp_socket_new(struct mip_loop *loop, struct mip_address address, uint16_t port,
	const struct mip_udp_functions *functions, struct mip_udp_socket **ret_socket)
{
	struct mip_udp_socket *udp = calloc(1, sizeof(*udp));
	int result = -ENOMEM;

	if (udp == NULL)
		return -ENOMEM;
	udp->descriptor = -1;
	udp->sink = -1;
	udp->functions = *functions;
	udp->buffers = malloc((size_t)BATCH * BUFFER);
	if (udp->buffers == NULL)
		goto fail;
	result = open_socket(udp, address, port);
	if (result < 0)
		goto fail;
	result = mip_loop_watch(loop, udp->descriptor, MIP_WATCH_READ, on_event, udp, &udp->watch);
	if (result < 0)
		goto fail;
	*ret_socket = udp;
	return 0;
fail:
	mip_udp_socket_free(udp);
	return result;
}

void mip_udp_socket_free(struct mip_udp_socket *socket)
{
	if (socket == NULL)
		return;
	mip_watch_free(socket->watch);
	if (socket->descriptor >= 0)
		close(socket->descriptor);
	if (socket->sink >= 0)
		close(socket->sink);
	free(socket->buffers);
	free(socket);
}

uint16_t mip_udp_socket_port(const struct mip_udp_socket *socket)
{
	return socket->port;
}

int mip_udp_socket_descriptor(const struct mip_udp_socket *socket)
{
	return socket->descriptor;
}

static void put_control(struct msghdr *message, int type, const void *data, size_t length)
{
	struct cmsghdr *c =
		(struct cmsghdr *)(void *)((uint8_t *)message->msg_control + message->msg_controllen);

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(c), data, length);
	message->msg_controllen += CMSG_SPACE(length);
}

static int try_send(int descriptor, const struct msghdr *message, size_t length)
{
	ssize_t sent;

	do
		sent = sendmsg(descriptor, message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == length ? 0 : -EMSGSIZE;
}

int mip_udp_socket_send(struct mip_udp_socket *socket, const struct mip_output_datagram *datagram,
	const void *octets, size_t length)
{
	_Alignas(struct cmsghdr)
		uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int))];
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = datagram->destination.value,
		.sin_port = htons(datagram->destination_port),
	};
	struct iovec vector = {(void *)(uintptr_t)octets, length};
	struct msghdr message = {.msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control};
	struct in_pktinfo info = {
		.ipi_ifindex = datagram->link, .ipi_spec_dst.s_addr = datagram->source.value};
	int ttl = datagram->ttl;
	int result;

	if (datagram->link < 0)
		return -ENODEV;
	if (datagram->source_port != 0 && datagram->source_port != socket->port)
		return -EADDRNOTAVAIL;
	memset(control, 0, sizeof(control));
	put_control(&message, IP_PKTINFO, &info, sizeof(info));
	if (ttl > 0)
		put_control(&message, IP_TTL, &ttl, sizeof(ttl));
	result = try_send(socket->descriptor, &message, length);
	/* It may have been the error of an earlier datagram that this call took away. */
	return result < 0 && result != -EAGAIN ? try_send(socket->descriptor, &message, length) : result;
}
