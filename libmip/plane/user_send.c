/*
 * Batches to the network.
 *
 * Each inner packet is a datagram of up to three parts that lie where they are: the tunnel's own four octets
 * (UDP only), a header, a payload. Datagrams of one message share the outer header; by UDP consecutive ones
 * of the same size for the same tunnel become one message, that the kernel cuts with UDP_SEGMENT, by IP-in-IP
 * each is a message. All messages leave with sendmmsg().
 *
 * "Don't Fragment" is an option of the socket and not of a message, so a batch has one value, and a change
 * sends what there is: order is kept. After the batch the socket is left with path MTU discovery off, as the
 * registration messages want it.
 *
 * Errors: an ICMP error that came in makes one unrelated sendmmsg() fail, so each message is tried twice. A
 * message too large for the path is answered with ICMP when its packets may not be fragmented; others go out
 * one by one, as all do where the kernel cannot cut for the outgoing link (EIO: a link without checksum
 * offload on older kernels).
 */
#include "user_send.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "registration.h"
#include "user.h"

enum {
	DATAGRAMS = 512,
	PARTS = 2,		/* of a datagram */
	MESSAGE_DATAGRAMS = 64, /* UDP_MAX_SEGMENTS of every kernel */
	MESSAGE_OCTETS = 65507, /* that IPv4 and UDP headers leave */
	WAIT_MILLISECONDS = 2,	/* for a full socket, … */
	WAITS = 4,		/* … so often in a batch */
	OUTER_TTL = 64,
	HEADER_ROOM = 128,
	QUOTE = 548, /* octets of a packet that an ICMP error may quote: RFC 1812 4.3.2.3 */
};

struct message {
	struct mip_plane_home *home;
	size_t first; /* datagram */
	size_t count;
	size_t size; /* octets of the first datagram, and of all but the last */
	size_t octets;
	uint8_t tos;
	bool closed; /* a smaller datagram was the last */
};

/* Aligned for cmsghdr. */
union control {
	struct cmsghdr align;
	uint8_t octets[CMSG_SPACE(sizeof(struct in_pktinfo)) + 2 * CMSG_SPACE(sizeof(int)) +
		       CMSG_SPACE(sizeof(uint16_t))];
};

struct mip_user_sender {
	struct mip_user *user;
	int descriptor;
	bool udp;
	bool dont_fragment; /* of what is gathered */
	size_t datagram_count;
	size_t message_count;
	unsigned waits; /* in this batch */
	struct iovec parts[DATAGRAMS * PARTS];
	struct message messages[DATAGRAMS];
	struct mmsghdr headers[DATAGRAMS];
	struct sockaddr_in destinations[DATAGRAMS];
	union control controls[DATAGRAMS];
	/* Each begins with the tunnel data header, for UDP. */
	uint8_t rooms[DATAGRAMS][HEADER_ROOM];
};

_Static_assert(HEADER_ROOM >= MIP_TUNNEL_DATA_HEADER + MIP_INNER_HEADER_MAX, "a header must fit in its room");

int mip_user_sender_new(struct mip_user *user, int descriptor, bool udp, struct mip_user_sender **ret_sender)
{
	struct mip_user_sender *sender = calloc(1, sizeof(*sender));

	if (!sender)
		return -ENOMEM;
	sender->user = user;
	sender->descriptor = descriptor;
	sender->udp = udp;
	for (size_t i = 0; i < DATAGRAMS; i++) {
		struct mip_writer writer = mip_writer_of(sender->rooms[i], HEADER_ROOM);

		mip_tunnel_data_write(&writer, MIP_PROTOCOL_IPIP);
	}
	*ret_sender = sender;
	return 0;
}

void mip_user_sender_free(struct mip_user_sender *sender)
{
	free(sender);
}

uint8_t *mip_user_sender_header(struct mip_user_sender *sender)
{
	if (sender->datagram_count == DATAGRAMS)
		mip_user_sender_flush(sender);
	return sender->rooms[sender->datagram_count] + MIP_TUNNEL_DATA_HEADER;
}

/* --- gathering -------------------------------------------------------------------------------- */

static size_t datagram_size(const struct mip_user_sender *sender, size_t datagram)
{
	const struct iovec *parts = &sender->parts[datagram * PARTS];

	return parts[0].iov_len + parts[1].iov_len;
}

static bool fits(const struct mip_user_sender *sender, const struct message *message,
	const struct mip_plane_home *home, uint8_t tos, size_t size)
{
	return sender->udp && !home->no_offload && message->home == home && message->tos == tos &&
	       !message->closed && size <= message->size && message->count < MESSAGE_DATAGRAMS &&
	       message->octets + size <= MESSAGE_OCTETS;
}

/* The last datagram becomes part of the last message, or one of its own. */
static void assign(struct mip_user_sender *sender, struct mip_plane_home *home, uint8_t tos)
{
	size_t datagram = sender->datagram_count - 1;
	size_t size = datagram_size(sender, datagram);
	struct message *last = &sender->messages[sender->message_count];

	if (sender->message_count > 0 && fits(sender, last - 1, home, tos, size)) {
		last--;
		last->count++;
		last->octets += size;
		last->closed = size < last->size;
		return;
	}
	*last = (struct message){
		.home = home,
		.first = datagram,
		.count = 1,
		.size = size,
		.octets = size,
		.tos = tos,
	};
	sender->message_count++;
}

void mip_user_sender_add(struct mip_user_sender *sender, struct mip_plane_home *home, uint8_t tos,
	bool dont_fragment, const struct mip_piece *piece)
{
	size_t own = sender->udp ? MIP_TUNNEL_DATA_HEADER : 0;
	uint8_t *room;
	struct iovec *parts;

	if (sender->datagram_count == DATAGRAMS ||
		(sender->datagram_count > 0 && sender->dont_fragment != dont_fragment))
		mip_user_sender_flush(sender);
	room = sender->rooms[sender->datagram_count] + MIP_TUNNEL_DATA_HEADER;
	if (piece->header_length && piece->header != room)
		memmove(room, piece->header, piece->header_length);
	parts = &sender->parts[sender->datagram_count * PARTS];
	parts[0] = (struct iovec){room - own, own + piece->header_length};
	parts[1] = (struct iovec){(void *)(uintptr_t)piece->payload, piece->payload_length};
	sender->dont_fragment = dont_fragment;
	sender->datagram_count++;
	assign(sender, home, tos);
}

/* --- the kernel's form of a message ----------------------------------------------------------- */

static void add_control(struct msghdr *header, int level, int type, const void *data, size_t length)
{
	uint8_t *octets = header->msg_control;
	struct cmsghdr *control = (struct cmsghdr *)(void *)(octets + header->msg_controllen);

	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(control), data, length);
	header->msg_controllen += CMSG_SPACE(length);
}

static void set_controls(const struct mip_want_tunnel *tunnel, uint8_t message_tos, struct msghdr *header)
{
	/* rfc5944-4.2.3-4: "the source address in the outer IP header … MUST be the address sent to the
	 * mobile node in the Home Agent field of the Registration Reply". */
	struct in_pktinfo source = {
		.ipi_ifindex = tunnel->link,
		.ipi_spec_dst = {.s_addr = tunnel->local.value},
	};
	/* RFC 2003 3.1: "The Type of Service (TOS) is copied from the inner IP header"; its two ECN bits too,
	 * as RFC 6040 4.1 has it in normal mode. */
	int tos = message_tos;
	int ttl = OUTER_TTL;

	header->msg_controllen = 0;
	add_control(header, IPPROTO_IP, IP_PKTINFO, &source, sizeof(source));
	add_control(header, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	add_control(header, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
}

static void prepare(struct mip_user_sender *sender, size_t place)
{
	const struct message *message = &sender->messages[place];
	const struct mip_want_tunnel *tunnel = &message->home->tunnel;
	struct msghdr *header = &sender->headers[place].msg_hdr;
	uint16_t segment = (uint16_t)message->size;

	sender->destinations[place] = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port =
			mip_swap16(tunnel->encapsulation == MIP_ENCAPSULATION_UDP ? tunnel->remote_port : 0),
		.sin_addr = {.s_addr = tunnel->remote.value},
	};
	*header = (struct msghdr){
		.msg_name = &sender->destinations[place],
		.msg_namelen = sizeof(sender->destinations[place]),
		.msg_iov = &sender->parts[message->first * PARTS],
		.msg_iovlen = message->count * PARTS,
		.msg_control = sender->controls[place].octets,
	};
	set_controls(tunnel, message->tos, header);
	if (message->count > 1)
		add_control(header, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
}

static void set_dont_fragment(const struct mip_user_sender *sender, bool on)
{
	/* rfc2003-3.1-1: "if the "Don't Fragment" bit is set in the inner IP header, it MUST be set in the
	 * outer IP header". */
	int value = on ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;

	(void)setsockopt(sender->descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &value, sizeof(value));
}

/* --- what became of it ------------------------------------------------------------------------ */

static size_t own_octets(const struct mip_user_sender *sender, size_t datagrams)
{
	return sender->udp ? datagrams * MIP_TUNNEL_DATA_HEADER : 0;
}

static void count_sent(struct mip_user_sender *sender, const struct message *message)
{
	struct mip_plane_traffic *traffic = &message->home->traffic;
	uint64_t octets = message->octets - own_octets(sender, message->count);

	sender->user->counters[MIP_USER_PACKETS_OUT] += message->count;
	traffic->last_sent = sender->user->now;
	if (message->home->key.end == MIP_TUNNEL_HOME) {
		traffic->packets_to += message->count;
		traffic->bytes_to += octets;
	} else {
		traffic->packets_from += message->count;
		traffic->bytes_from += octets;
	}
}

static void count_lost(struct mip_user_sender *sender, const struct message *message, int error)
{
	enum mip_user_counter counter = MIP_USER_DROP_SEND;

	if (error == -EAGAIN || error == -ENOBUFS)
		counter = MIP_USER_DROP_BUSY;
	else if (error == -EMSGSIZE)
		counter = MIP_USER_DROP_TOO_BIG;
	sender->user->counters[counter] += message->count;
}

/* The beginning of the inner packet, for an ICMP error to quote. */
static size_t quote(const struct mip_user_sender *sender, size_t datagram, uint8_t octets[static QUOTE])
{
	const struct iovec *parts = &sender->parts[datagram * PARTS];
	size_t own = own_octets(sender, 1);
	size_t header = parts[0].iov_len - own;
	size_t payload = parts[1].iov_len < QUOTE - header ? parts[1].iov_len : QUOTE - header;

	memcpy(octets, (const uint8_t *)parts[0].iov_base + own, header);
	memcpy(octets + header, parts[1].iov_base, payload);
	return header + payload;
}

/*
 * RFC 2003 5.1: "the MTU that is conveyed to the original sender by the encapsulator SHOULD be the MTU of the
 * tunnel minus the size of the encapsulating IP header".
 */
static void tell_too_big(struct mip_user_sender *sender, const struct message *message)
{
	const struct mip_want_tunnel *tunnel = &message->home->tunnel;
	size_t overhead = mip_user_overhead(tunnel);
	uint32_t mtu = mip_user_path_mtu(tunnel);
	uint8_t octets[QUOTE];
	size_t length;

	if (mtu < overhead + MIP_FRAGMENT_MTU_MIN)
		return;
	length = quote(sender, message->first, octets);
	mip_user_send_error(sender->user, message->home, MIP_ICMP_FRAGMENTATION_NEEDED,
		mtu - (uint32_t)overhead, octets, length);
}

/* One message alone. 0 or negative errno. The second try is for what is left of an error of another's. */
static int send_one(struct mip_user_sender *sender, const struct msghdr *header)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (sendmsg(sender->descriptor, header, MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EAGAIN || errno == ENOBUFS)
			break;
	}
	return -errno;
}

/* Each datagram of a message by itself. */
static void send_separately(struct mip_user_sender *sender, size_t place)
{
	const struct message *whole = &sender->messages[place];
	struct msghdr header = sender->headers[place].msg_hdr;
	bool told = false;

	set_controls(&whole->home->tunnel, whole->tos, &header);
	header.msg_iovlen = PARTS;
	for (size_t i = 0; i < whole->count; i++) {
		struct message message = {.home = whole->home, .first = whole->first + i, .count = 1};
		int error;

		message.octets = datagram_size(sender, message.first);
		header.msg_iov = &sender->parts[message.first * PARTS];
		error = send_one(sender, &header);
		if (error == -EMSGSIZE && sender->dont_fragment && !told) {
			tell_too_big(sender, &message);
			told = true;
		}
		if (error)
			count_lost(sender, &message, error);
		else
			count_sent(sender, &message);
	}
}

static void handle_failure(struct mip_user_sender *sender, size_t place, int error)
{
	const struct message *message = &sender->messages[place];

	if (error == -EMSGSIZE && sender->dont_fragment) {
		tell_too_big(sender, message);
		count_lost(sender, message, error);
		return;
	}
	if (message->count > 1 && (error == -EIO || error == -EINVAL || error == -EMSGSIZE)) {
		if (error == -EIO)
			message->home->no_offload = true;
		send_separately(sender, place);
		return;
	}
	count_lost(sender, message, error);
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool waited(struct mip_user_sender *sender)
{
	struct pollfd wait = {.fd = sender->descriptor, .events = POLLOUT};

	if (sender->waits >= WAITS)
		return false;
	sender->waits++;
	(void)poll(&wait, 1, WAIT_MILLISECONDS);
	return true;
}

static void send_all(struct mip_user_sender *sender)
{
	size_t done = 0;
	bool tried = false;

	while (done < sender->message_count) {
		int sent = sendmmsg(sender->descriptor, &sender->headers[done],
			(unsigned)(sender->message_count - done), MSG_DONTWAIT);
		int error = sent < 0 ? -errno : 0;

		if (sent > 0) {
			for (size_t end = done + (size_t)sent; done < end; done++)
				count_sent(sender, &sender->messages[done]);
			tried = false;
			continue;
		}
		if (error == -EINTR || (error == -EAGAIN && waited(sender)))
			continue;
		if (!tried && error != -EAGAIN && error != -ENOBUFS) {
			tried = true;
			continue;
		}
		handle_failure(sender, done++, error);
		tried = false;
	}
}

void mip_user_sender_flush(struct mip_user_sender *sender)
{
	if (sender->datagram_count == 0)
		return;
	for (size_t i = 0; i < sender->message_count; i++)
		prepare(sender, i);
	set_dont_fragment(sender, sender->dont_fragment);
	sender->waits = 0;
	send_all(sender);
	if (sender->dont_fragment)
		set_dont_fragment(sender, false);
	sender->datagram_count = 0;
	sender->message_count = 0;
}
