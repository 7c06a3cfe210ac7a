/*
 * ICMP around the tunnels: errors to the senders of inner packets, made here or relayed from within a tunnel
 * (RFC 2003 4), and the MTU of the outer path as the kernel knows it.
 *
 * Path MTU soft state (rfc2003-5.1-1) is the kernel's: it learns from each Datagram Too Big about our outer
 * packets, for UDP and for the raw socket, and lets it age. A message too large for what is known is refused
 * when it is sent, and then the inner sender is told.
 *
 * Errors leave by a raw ICMP socket with the tunnel's own address as source. Written to mip0 they would come
 * in to the host with one of its own addresses as source, which it drops.
 */
#include <errno.h>
#include <time.h> /* linux/errqueue.h needs it */
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "octets.h"
#include "user.h"

enum {
	ICMP_HEADER = 8,
	ICMP_ERROR_MAX =
		576 - MIP_IP_HEADER, /* RFC 1812 4.3.2.3: what the whole datagram may be, less its header */
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_PARAMETER_PROBLEM = 12,
	TRANSPORT_QUOTE = 8, /* octets after the IP header that every error quotes */
	RATE = 100,	     /* errors a second, where nothing else is set */
	ERRORS = 32,	     /* taken from the socket in one turn */
	PATH_MTU_AGE = 1,    /* seconds for which a path's MTU is believed */
};

/* --- the outer path --------------------------------------------------------------------------- */

static int connect_like(int probe, const struct mip_want_tunnel *tunnel)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr = {.s_addr = tunnel->local.value}};
	struct sockaddr_in remote = {
		.sin_family = AF_INET,
		.sin_port = mip_swap16(MIP_REGISTRATION_PORT),
		.sin_addr = {.s_addr = tunnel->remote.value},
	};

	if (tunnel->link > 0 &&
		setsockopt(probe, SOL_SOCKET, SO_BINDTOIFINDEX, &tunnel->link, sizeof(tunnel->link)) < 0)
		return -errno;
	if (bind(probe, (struct sockaddr *)&local, sizeof(local)) < 0)
		return -errno;
	return connect(probe, (struct sockaddr *)&remote, sizeof(remote)) < 0 ? -errno : 0;
}

uint32_t mip_user_path_mtu(const struct mip_want_tunnel *tunnel)
{
	int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int mtu = 0;
	socklen_t size = sizeof(mtu);

	if (probe < 0)
		return 0;
	if (connect_like(probe, tunnel) != 0 || getsockopt(probe, IPPROTO_IP, IP_MTU, &mtu, &size) < 0)
		mtu = 0;
	close(probe);
	return mtu < MIP_FRAGMENT_MTU_MIN ? 0 : (uint32_t)mtu;
}

size_t mip_user_inner_mtu(
	struct mip_user *user, struct mip_plane_home *home, enum mip_encapsulation encapsulation)
{
	if (!home->path_mtu_asked || user->now - home->path_mtu_asked > PATH_MTU_AGE * MIP_SECOND) {
		home->path_mtu = mip_user_path_mtu(&home->tunnel);
		home->path_mtu_asked = user->now;
	}
	return home->path_mtu ? home->path_mtu - mip_outer_overhead(encapsulation) : SIZE_MAX;
}

bool mip_user_mss(struct mip_user *user, struct mip_plane_home *home, uint16_t *ret_most)
{
	size_t headers = MIP_IP_HEADER + MIP_TCP_HEADER, mtu = mip_user_mtu(user);

	if (!user->options.clamp_mss || !home->has_tunnel)
		return false;
	/* Of simultaneous bindings the narrowest counts. */
	for (; home; home = home->copies) {
		size_t each = mip_user_inner_mtu(user, home, home->tunnel.encapsulation);

		mtu = each < mtu ? each : mtu;
	}
	if (mtu <= headers || mtu > MIP_INNER_MAX)
		return false;
	*ret_most = (uint16_t)(mtu - headers);
	return true;
}

/* --- errors of our own ------------------------------------------------------------------------ */

static bool within_limit(struct mip_user *user)
{
	return mip_rate_take(&user->icmp_limit, user->icmp_rate > 0 ? user->icmp_rate : RATE, user->now);
}

static bool is_icmp_error(const uint8_t *icmp, size_t length)
{
	if (length == 0)
		return true;
	return icmp[0] == MIP_ICMP_UNREACHABLE || icmp[0] == ICMP_SOURCE_QUENCH || icmp[0] == ICMP_REDIRECT ||
	       icmp[0] == MIP_ICMP_TIME_EXCEEDED || icmp[0] == ICMP_PARAMETER_PROBLEM;
}

/* What is quoted of an inner packet: its IP header, which may say more than there is. */
struct quoted {
	struct mip_address source;
	struct mip_address destination;
	size_t header_length;
	bool answerable;
};

/*
 * RFC 1122 3.2.2: no error about an ICMP error, about a datagram to a group or to everyone, about a fragment
 * other than the first, or to a source that is no single host.
 */
static int read_quoted(const uint8_t *octets, size_t length, struct quoted *ret_quoted)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct quoted quoted;
	uint8_t first = mip_read8(&reader), protocol;
	uint16_t fragment;

	mip_read_skip(&reader, 5);
	fragment = mip_read16(&reader);
	mip_read_skip(&reader, 1);
	protocol = mip_read8(&reader);
	mip_read_skip(&reader, 2);
	quoted.source = mip_read_address(&reader);
	quoted.destination = mip_read_address(&reader);
	quoted.header_length = (size_t)(first & 0x0f) * 4;
	if (mip_reader_failed(&reader) || first >> 4 != 4 || quoted.header_length < MIP_IP_HEADER ||
		length < quoted.header_length + TRANSPORT_QUOTE)
		return -EBADMSG;
	quoted.answerable =
		(fragment & 0x1fff) == 0 && mip_address_is_unicast(quoted.source) &&
		mip_address_is_unicast(quoted.destination) &&
		(protocol != MIP_PROTOCOL_ICMP || !is_icmp_error(octets + quoted.header_length, 1));
	*ret_quoted = quoted;
	return 0;
}

/* What an error of our own says. */
struct saying {
	uint8_t type, code;
	uint32_t mtu;
};

static void write_error(
	struct mip_writer *writer, const struct saying *saying, const uint8_t *inner, size_t length)
{
	size_t room = ICMP_ERROR_MAX - ICMP_HEADER;
	uint32_t mtu = saying->mtu;

	mip_write8(writer, saying->type);
	mip_write8(writer, saying->code);
	mip_write16(writer, 0);
	mip_write16(writer, 0);
	/* RFC 1191 4: the MTU of the next hop. */
	mip_write16(writer, (uint16_t)(mtu > UINT16_MAX ? UINT16_MAX : mtu));
	mip_write_octets(writer, inner, length < room ? length : room);
	mip_write16_at(writer, 2, mip_checksum_finish(mip_checksum_add(0, writer->octets, writer->length)));
}

/* From the tunnel's own address, which the routing might not choose. */
static int send_from(int descriptor, struct mip_address source, struct mip_address destination,
	const void *octets, size_t length)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {.s_addr = destination.value}};
	struct iovec part = {(void *)(uintptr_t)octets, length};
	struct in_pktinfo info = {.ipi_spec_dst = {.s_addr = source.value}};
	union {
		struct cmsghdr header;
		uint8_t octets[CMSG_SPACE(sizeof(info))];
	} control = {.header = {
			     .cmsg_level = IPPROTO_IP,
			     .cmsg_type = IP_PKTINFO,
			     .cmsg_len = CMSG_LEN(sizeof(info)),
		     }};
	struct msghdr message = {
		.msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
	return sendmsg(descriptor, &message, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* To a visitor that is told apart: the routing knows no way to it. */
static int send_to_visitor(
	struct mip_user *user, const struct mip_plane_home *home, const uint8_t *octets, size_t length)
{
	uint8_t packet[MIP_IP_HEADER + ICMP_ERROR_MAX];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {
		.ttl = MIP_OUTER_TTL,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = home->tunnel.local,
		.destination = home->key.home_address,
	};

	mip_ip_packet_write(&writer, &ip, octets, length);
	return mip_user_visitor_tell(user, home->visitor, packet, writer.length);
}

static void send_error(struct mip_user *user, const struct mip_plane_home *home, const struct saying *saying,
	const uint8_t *inner, size_t length)
{
	uint8_t octets[ICMP_ERROR_MAX];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct quoted quoted;
	int error;

	if (read_quoted(inner, length, &quoted) != 0 || !quoted.answerable)
		return;
	if (!within_limit(user)) {
		user->counters[MIP_USER_DROP_ICMP_LIMIT]++;
		return;
	}
	write_error(&writer, saying, inner, length);
	if (home->visitor && mip_address_equal(quoted.source, home->key.home_address))
		error = send_to_visitor(user, home, octets, writer.length);
	else
		error = send_from(
			user->icmp_descriptor, home->tunnel.local, quoted.source, octets, writer.length);
	if (error == 0)
		user->counters[MIP_USER_ICMP_SENT]++;
}

void mip_user_send_error(struct mip_user *user, const struct mip_plane_home *home, uint8_t code, uint32_t mtu,
	const uint8_t *inner, size_t length)
{
	send_error(user, home, &(struct saying){MIP_ICMP_UNREACHABLE, code, mtu}, inner, length);
}

void mip_user_send_time_exceeded(
	struct mip_user *user, const struct mip_plane_home *home, const uint8_t *inner, size_t length)
{
	send_error(user, home, &(struct saying){.type = MIP_ICMP_TIME_EXCEEDED}, inner, length);
}

/* --- errors from within a tunnel -------------------------------------------------------------- */

/*
 * RFC 2003 4.1 to 4.6: what an error from within the tunnel is to the sender outside. The code of Destination
 * Unreachable, or -ENOENT for what is not relayed. Codes that RFC 2003 does not know yet (RFC 1812 5.2.7.1: a
 * filter that lets no tunnel through, say) mean to the sender what Protocol Unreachable does: that its packet does
 * not reach the node.
 */
static int relayed_code(uint8_t type, uint8_t code)
{
	/* rfc2003-4.4-1: Time Exceeded "MUST be reported … as Host Unreachable (Type 3, Code 1)". */
	if (type == MIP_ICMP_TIME_EXCEEDED)
		return MIP_ICMP_HOST_UNREACHABLE;
	if (type != MIP_ICMP_UNREACHABLE)
		/* rfc2003-4.2-1: "The encapsulator SHOULD NOT relay ICMP Source Quench messages to the sender of the original …" */
		/* rfc2003-4.3-1: "It MUST NOT not relay the Redirect to the sender of the original unencapsulated datagram." */
		/* rfc2003-4.5-1: "… by the encapsulator, then the encapsulator MUST NOT relay the ICMP message to the original …" */
		/* rfc2003-5.2-2: "However, the encapsulator SHOULD NOT send ICMP Source Quench messages to the original sender of …" */
		return -ENOENT;
	switch (code) {
	/* rfc2003-4.1-1: "An ICMP Destination Unreachable message SHOULD be returned to the original sender." */
	/* rfc2003-4.1-2: "Otherwise […] the Code field MUST be set to 0". */
	case MIP_ICMP_NETWORK_UNREACHABLE:
	/* rfc2003-4.1-6: "The encapsulator MUST relay ICMP Datagram Too Big messages to the sender of the original …" */
	case MIP_ICMP_FRAGMENTATION_NEEDED:
		return code;
	/* rfc2003-4.1-5, -8: they "MUST NOT be relayed". */
	case MIP_ICMP_PORT_UNREACHABLE:
	case MIP_ICMP_SOURCE_ROUTE_FAILED:
		return -ENOENT;
	default:
		/* rfc2003-4.1-4: "Since the original sender did not use protocol 4 … it would be meaningless to
		 * return Code 2". */
		/* rfc2003-4.1-3: "The encapsulator SHOULD relay Host Unreachable messages to the sender of the original …" */
		return MIP_ICMP_HOST_UNREACHABLE;
	}
}

/* The tunnel that an outer packet was in, by what is quoted of the inner one and where it went. NULL: none. */
static struct mip_plane_home *tunnel_of(
	struct mip_user *user, const struct mip_user_error *error, const struct quoted *quoted)
{
	uint16_t port = error->encapsulation == MIP_ENCAPSULATION_UDP ? MIP_REGISTRATION_PORT : 0;
	struct mip_user_visitor *visitor = mip_user_visitor_find(user, quoted->source, error->remote, port);
	struct mip_plane_home *home;

	if (visitor)
		return &visitor->home;
	home = mip_plane_table_tunnel(&user->table, quoted->source, quoted->destination);
	return home ? mip_plane_home_toward(home, error->remote) : NULL;
}

/* rfc5944-4.2.3-5: "Nodes implementing tunneling SHOULD also implement the "tunnel soft state" …" */
void mip_user_relay_error(struct mip_user *user, const struct mip_user_error *error)
{
	int code = relayed_code(error->type, error->code);
	struct mip_plane_home *home;
	struct quoted quoted;
	uint32_t mtu = 0;
	size_t overhead;

	/* rfc2003-4.1-7: Source Route Failed, and the like, "SHOULD be handled by the encapsulator itself": no outer header
	 * of ours has a source route, so there is nothing to try without, and it is counted for who looks after the path. */
	if (code < 0)
		user->counters[MIP_USER_ICMP_WITHHELD]++;
	if (code < 0 || read_quoted(error->octets, error->length, &quoted) != 0)
		return;
	home = tunnel_of(user, error, &quoted);
	/* Not about a tunnel that there is now: old, or forged. */
	if (!home)
		return;
	home->path_mtu_asked = 0;
	if (code == MIP_ICMP_FRAGMENTATION_NEEDED) {
		overhead = mip_outer_overhead(error->encapsulation);
		mtu = error->mtu ? error->mtu : mip_user_path_mtu(&home->tunnel);
		if (mtu < overhead + MIP_FRAGMENT_MTU_MIN)
			return;
		/* rfc2003-5.1-2: "… the original sender by the encapsulator SHOULD be the MTU of the tunnel minus the size of the …" */
		mtu -= (uint32_t)overhead;
	}
	mip_user_send_error(user, home, (uint8_t)code, mtu, error->octets, error->length);
}

static const struct sock_extended_err *extended_error(struct msghdr *message)
{
	struct cmsghdr *control;

	for (control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR)
			return (const struct sock_extended_err *)(const void *)CMSG_DATA(control);
	}
	return NULL;
}

/*
 * What one of the network's errors says about an outer packet, which it quotes from the IP header on. One of this
 * host's own, about a packet larger than the path, came with the attempt to send, and the sender was told then.
 */
static void take_error(struct mip_user *user, struct mip_address offender,
	const struct mip_user_error *reason, const struct mip_outer *outer)
{
	struct mip_user_error error = *reason;

	if (mip_address_equal(offender, outer->source))
		return;
	error.remote = outer->destination;
	error.encapsulation = outer->encapsulation;
	error.octets = outer->inner;
	error.length = outer->length;
	mip_user_relay_error(user, &error);
}

static void take_extended(
	struct mip_user *user, const struct sock_extended_err *reason, uint8_t *octets, size_t length)
{
	const struct sockaddr_in *offender =
		(const struct sockaddr_in *)(const void *)(reason + 1); /* SO_EE_OFFENDER */
	const struct mip_user_error error = {
		.type = reason->ee_type, .code = reason->ee_code, .mtu = reason->ee_info};
	struct mip_outer outer;

	if (mip_outer_open(octets, length, &outer) == 0)
		take_error(user, (struct mip_address){offender->sin_addr.s_addr}, &error, &outer);
}

void mip_user_receive_errors(struct mip_user *user, int descriptor)
{
	for (unsigned i = 0; i < ERRORS; i++) {
		uint8_t octets[ICMP_ERROR_MAX];
		uint64_t control[32];
		struct iovec part = {octets, sizeof(octets)};
		struct msghdr message = {
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t length = recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
		const struct sock_extended_err *reason;

		if (length < 0)
			break;
		reason = extended_error(&message);
		if (reason && reason->ee_origin == SO_EE_ORIGIN_ICMP)
			take_extended(user, reason, octets, (size_t)length);
	}
}

/* A whole packet as it came in: the kernel has looked at its IP header only. */
static void take_icmp(struct mip_user *user, uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length), payload;
	struct mip_user_error error = {0};
	struct mip_outer outer;
	struct mip_ip ip;
	uint8_t *message;
	size_t left;

	if (mip_ip_read(&reader, &ip, &payload) != 0 || ip.protocol != MIP_PROTOCOL_ICMP)
		return;
	left = mip_reader_left(&payload);
	message = octets + ip.header_length;
	if (left < ICMP_HEADER || mip_checksum_finish(mip_checksum_add(0, message, left)) != 0)
		return;
	error.type = mip_read8(&payload);
	error.code = mip_read8(&payload);
	mip_read_skip(&payload, 4); /* checksum, and what is not used */
	error.mtu = mip_read16(&payload);
	if (mip_outer_open(message + ICMP_HEADER, left - ICMP_HEADER, &outer) != 0 ||
		!user->is_silent[outer.encapsulation])
		return;
	take_error(user, ip.source, &error, &outer);
}

void mip_user_receive_icmp(struct mip_user *user)
{
	uint8_t octets[2 * ICMP_ERROR_MAX]; /* with options, and more quoted than one needs */

	for (unsigned i = 0; i < ERRORS; i++) {
		ssize_t length =
			recv(user->icmp_descriptor, octets, sizeof(octets), MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0)
			break;
		if ((size_t)length <= sizeof(octets))
			take_icmp(user, octets, (size_t)length);
	}
}
