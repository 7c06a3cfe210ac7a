/*
 * Batches to the network.
 *
 * Each datagram is two parts that lie where they are: what is made here (outer headers, a segment's header), and
 * a payload. Datagrams of one message share the outer header; by UDP consecutive ones of the same size for the
 * same tunnel become one message, that the kernel cuts with UDP_SEGMENT. By a raw socket each is a message, with
 * its outer IP header. All messages leave with sendmmsg().
 *
 * By UDP "Don't Fragment" is an option of the socket and not of a message, so a batch has one value, and a
 * change sends what there is: order is kept. After the batch the socket is left with path MTU discovery off, as
 * the registration messages want it. A raw packet has it in its header, and the kernel compares its size with
 * the path's all the same.
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
	HEADER_ROOM = 160,
	QUOTE = 548, /* octets of a packet that an ICMP error may quote: RFC 1812 4.3.2.3 */
};

struct message {
	struct mip_plane_home *home;
	size_t first; /* datagram */
	size_t count;
	size_t size; /* octets of the first datagram, and of all but the last */
	size_t octets;
	size_t around; /* octets of each that are not the inner packet's */
	uint8_t tos;
	bool dont_fragment;
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
	uint8_t rooms[DATAGRAMS][HEADER_ROOM];
};

/* A room begins with place for outer headers, the last octets of which are the tunnel data header, for UDP. */
_Static_assert((int)MIP_OUTER_ROOM >= (int)MIP_TUNNEL_DATA_HEADER, "the tunnel data header is an outer one");
_Static_assert(
	(int)HEADER_ROOM >= (int)MIP_OUTER_ROOM + (int)MIP_INNER_HEADER_MAX, "a header must fit in its room");

int mip_user_sender_new(struct mip_user *user, int descriptor, bool udp, struct mip_user_sender **ret_sender)
{
	struct mip_user_sender *sender = calloc(1, sizeof(*sender));

	if (!sender)
		return -ENOMEM;
	sender->user = user;
	sender->descriptor = descriptor;
	sender->udp = udp;
	for (size_t i = 0; udp && i < DATAGRAMS; i++) {
		uint8_t *place = sender->rooms[i] + MIP_OUTER_ROOM - MIP_TUNNEL_DATA_HEADER;
		struct mip_writer writer = mip_writer_of(place, MIP_TUNNEL_DATA_HEADER);

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
	return sender->rooms[sender->datagram_count] + MIP_OUTER_ROOM;
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
static void assign(
	struct mip_user_sender *sender, struct mip_plane_home *home, const struct mip_ip *ip, size_t around)
{
	size_t datagram = sender->datagram_count - 1;
	size_t size = datagram_size(sender, datagram);
	struct message *last = &sender->messages[sender->message_count];

	if (sender->message_count > 0 && fits(sender, last - 1, home, ip->tos, size)) {
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
		.around = around,
		.tos = ip->tos,
		.dont_fragment = ip->dont_fragment,
	};
	sender->message_count++;
}

void mip_user_sender_add(struct mip_user_sender *sender, struct mip_plane_home *home,
	enum mip_encapsulation encapsulation, const struct mip_ip *ip, const struct mip_piece *piece)
{
	struct mip_piece whole = *piece;
	uint8_t *header;
	struct iovec *parts;

	if (sender->datagram_count == DATAGRAMS ||
		(sender->udp && sender->datagram_count > 0 && sender->dont_fragment != ip->dont_fragment))
		mip_user_sender_flush(sender);
	header = sender->rooms[sender->datagram_count] + MIP_OUTER_ROOM;
	if (piece->header_length && piece->header != header)
		memmove(header, piece->header, piece->header_length);
	if (sender->udp) {
		whole.header = header - MIP_TUNNEL_DATA_HEADER;
		whole.header_length += MIP_TUNNEL_DATA_HEADER;
	} else {
		mip_outer_put(&home->tunnel, encapsulation, ip, header, piece, &whole);
	}
	parts = &sender->parts[sender->datagram_count * PARTS];
	parts[0] = (struct iovec){(void *)(uintptr_t)whole.header, whole.header_length};
	parts[1] = (struct iovec){(void *)(uintptr_t)whole.payload, whole.payload_length};
	sender->dont_fragment = ip->dont_fragment;
	sender->datagram_count++;
	assign(sender, home, ip,
		whole.header_length + whole.payload_length - piece->header_length - piece->payload_length);
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

/* What the outer header cannot say, or by UDP all of it. */
static void set_controls(
	const struct mip_user_sender *sender, const struct message *message, struct msghdr *header)
{
	const struct mip_want_tunnel *tunnel = &message->home->tunnel;
	/* rfc5944-4.2.3-4: "the source address in the outer IP header … MUST be the address sent to the
	 * mobile node in the Home Agent field of the Registration Reply". */
	struct in_pktinfo source = {
		.ipi_ifindex = tunnel->link,
		.ipi_spec_dst = {.s_addr = tunnel->local.value},
	};
	/* RFC 2003 3.1: "The Type of Service (TOS) is copied from the inner IP header"; its two ECN bits too,
	 * as RFC 6040 4.1 has it in normal mode. Routing may go by it. */
	int tos = message->tos;
	int ttl = MIP_OUTER_TTL;

	header->msg_controllen = 0;
	add_control(header, IPPROTO_IP, IP_PKTINFO, &source, sizeof(source));
	if (tos || sender->udp)
		add_control(header, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	if (sender->udp)
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
	set_controls(sender, message, header);
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

static void count_sent(struct mip_user_sender *sender, const struct message *message)
{
	struct mip_plane_traffic *traffic = &message->home->traffic;
	uint64_t octets = message->octets - message->count * message->around;

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

/* The beginning of a message's first inner packet, for an ICMP error to quote. 0 or -EBADMSG. */
static int quote(const struct mip_user_sender *sender, const struct message *message,
	uint8_t octets[static QUOTE], struct mip_outer *ret_outer)
{
	const struct iovec *parts = &sender->parts[message->first * PARTS];
	size_t header = parts[0].iov_len;
	size_t payload = parts[1].iov_len < QUOTE - header ? parts[1].iov_len : QUOTE - header;

	memcpy(octets, parts[0].iov_base, header);
	memcpy(octets + header, parts[1].iov_base, payload);
	if (!sender->udp)
		return mip_outer_open(octets, header + payload, ret_outer);
	*ret_outer = (struct mip_outer){
		.encapsulation = MIP_ENCAPSULATION_UDP,
		.inner = octets + message->around,
		.length = header + payload - message->around,
	};
	return 0;
}

/*
 * RFC 2003 5.1: "the MTU that is conveyed to the original sender by the encapsulator SHOULD be the MTU of the
 * tunnel minus the size of the encapsulating IP header".
 */
static void tell_too_big(struct mip_user_sender *sender, const struct message *message)
{
	uint32_t mtu = mip_user_path_mtu(&message->home->tunnel);
	uint8_t octets[QUOTE];
	struct mip_outer outer;
	size_t overhead;

	if (quote(sender, message, octets, &outer) != 0)
		return;
	overhead = mip_outer_overhead(outer.encapsulation);
	if (mtu < overhead + MIP_FRAGMENT_MTU_MIN)
		return;
	mip_user_send_error(sender->user, message->home, MIP_ICMP_FRAGMENTATION_NEEDED,
		mtu - (uint32_t)overhead, outer.inner, outer.length);
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

	set_controls(sender, whole, &header);
	header.msg_iovlen = PARTS;
	for (size_t i = 0; i < whole->count; i++) {
		struct message message = *whole;
		int error;

		message.first += i;
		message.count = 1;
		message.octets = datagram_size(sender, message.first);
		header.msg_iov = &sender->parts[message.first * PARTS];
		error = send_one(sender, &header);
		if (error == -EMSGSIZE && message.dont_fragment && !told) {
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

	if (error == -EMSGSIZE && message->dont_fragment) {
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
	if (sender->udp)
		set_dont_fragment(sender, sender->dont_fragment);
	sender->waits = 0;
	send_all(sender);
	if (sender->udp && sender->dont_fragment)
		set_dont_fragment(sender, false);
	sender->datagram_count = 0;
	sender->message_count = 0;
}
