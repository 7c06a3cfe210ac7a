/*
 * Visitors of a foreign agent that have one home address, of different home agents (RFC 3024 A.2 to A.4). Nothing that goes
 * by the address alone is of use for them: not the routing, not the neighbours, not the tables of tunnels and peers. So
 * their packets go past the host's stack, by a packet socket on each link where there are some:
 *
 *   raw and UDP sockets ──> outer source, inner destination ──> visitor ──> frame to its link address      (A.2)
 *   frame ──> link, link address, source ──> visitor ──> into its tunnel                                   (A.3)
 *
 * A router has its duties also here: the TTL goes down by one, what is too large for the link is cut or told to its sender.
 * The stack gets a copy of each such frame. What is for the host itself it takes as ever; the rest it finds led into a black
 * hole (the machine sees to that), for it is taken here.
 *
 * The machine makes sure that no two visitors have the same key, nor the same place.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "address.h"
#include "octets.h"
#include "user.h"
#include "user_vnet.h"

enum {
	FRAMES_AT_ONCE = 64, /* of a link in one turn */
	LINKS_AT_ONCE = 16,
	SOCKET_BUFFER = 4 * 1024 * 1024,
	/* Addresses that a filter lists, two instructions each; with more, all packets for the host come up. */
	FILTERED_MOST = 1024,
	FILTER_HEAD = 10,
	TTL_PLACE = 8, /* in the IP header */
};

/* A link where there are such visitors. */
struct mip_user_visited {
	mip_link link;
	int descriptor;
	unsigned visitors;
	struct mip_user_visited *next;
};

/* Packets of one visitor at a time are gathered: those of another may have the same addresses and ports. */
struct mip_user_visits {
	struct mip_user *user;
	struct mip_user_visitor *receiver; /* that `out` is for */
	struct mip_coalescer out;	   /* to the visitor */
	struct mip_user_visitor *sender;   /* that `in` is from */
	struct mip_coalescer in;	   /* from the visitor's own tunnel into the reverse tunnel */
	uint8_t frame[MIP_INNER_MAX];	   /* one that has come, or a packet that is too large for the link */
};

/* --- the table -------------------------------------------------------------------------------- */

struct mip_user_visitor *mip_user_visitor_find(const struct mip_user *user, struct mip_address home_address,
	struct mip_address remote, uint16_t remote_port)
{
	struct mip_user_visitor_key key = {home_address, remote, remote_port};
	struct mip_user_visitor *visitor;

	HASH_FIND(hh, user->visitors, &key, sizeof(key), visitor);
	return visitor;
}

static struct mip_user_visitor *find_by_place(
	const struct mip_user *user, const struct mip_user_visitor_place *place)
{
	struct mip_user_visitor *visitor;

	HASH_FIND(hh_place, user->visitors_by_place, place, sizeof(*place), visitor);
	return visitor;
}

static struct mip_user_visitor_place place_of(const struct mip_want_visitor *want)
{
	struct mip_user_visitor_place place = {.home_address = want->tunnel.home_address, .link = want->link};

	memcpy(place.link_address, want->link_address.octets, sizeof(place.link_address));
	return place;
}

bool mip_user_is_visitors_own(
	const struct mip_user *user, const struct mip_plane_arrival *arrival, struct mip_address source)
{
	const struct mip_user_visitor *visitor = user->visitors;

	if (!mip_address_equal(arrival->remote, source) || arrival->encapsulation == MIP_ENCAPSULATION_UDP)
		return false;
	while (visitor && !mip_address_equal(visitor->key.home_address, source))
		visitor = visitor->hh.next;
	return visitor != NULL;
}

/* --- the links' sockets ----------------------------------------------------------------------- */

/* Offsets from the start of the frame. */
enum {
	AT_SOURCE = ETH_HLEN + MIP_IP_SOURCE,
};

/* IPv4 packets for this host, without a VLAN's tag, from one of these addresses. */
static int attach_filter(const struct mip_user *user, const struct mip_user_visited *visited)
{
	struct sock_filter filter[FILTER_HEAD + 2 * FILTERED_MOST + 1] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT_SOURCE),
	};
	struct sock_fprog program = {.len = FILTER_HEAD, .filter = filter};
	bool all = visited->visitors > FILTERED_MOST;

	for (const struct mip_user_visitor *visitor = user->visitors; visitor && !all;
		visitor = visitor->hh.next) {
		uint32_t address = mip_address_number(visitor->key.home_address);

		if (visitor->visited != visited)
			continue;
		filter[program.len++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address, 0, 1);
		filter[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	}
	filter[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, all ? UINT32_MAX : 0);
	return setsockopt(visited->descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0
		       ? -errno
		       : 0;
}

/* The link's own address, as it is now. 0, -ENODEV, -ENOTSUP: it is no Ethernet. */
static int read_link_address(const struct mip_user_visited *visited, uint8_t address[static ETH_ALEN])
{
	struct sockaddr_ll device = {0};
	socklen_t length = sizeof(device);

	if (getsockname(visited->descriptor, (struct sockaddr *)&device, &length) < 0)
		return -errno;
	if (device.sll_halen == 0 && device.sll_hatype == 0)
		return -ENODEV;
	if (device.sll_hatype != ARPHRD_ETHER || device.sll_halen != ETH_ALEN)
		return -ENOTSUP;
	memcpy(address, device.sll_addr, ETH_ALEN);
	return 0;
}

/* A tap for all protocols, so that it stands before the programs at the link and what they may do with the packet. */
static int prepare(struct mip_user *user, const struct mip_user_visited *visited)
{
	const struct sockaddr_ll name = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = visited->link};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)visited};
	const int one = 1, size = SOCKET_BUFFER;
	uint8_t ignored[ETH_ALEN];

	if (setsockopt(visited->descriptor, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		return -errno;
	(void)setsockopt(visited->descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	(void)setsockopt(visited->descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(visited->descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(visited->descriptor, (const struct sockaddr *)&name, sizeof(name)) < 0)
		return -errno;
	if (epoll_ctl(user->visit_descriptor, EPOLL_CTL_ADD, visited->descriptor, &event) < 0)
		return -errno;
	return read_link_address(visited, ignored);
}

static void close_visited(struct mip_user *user, struct mip_user_visited *visited)
{
	struct mip_user_visited **place = &user->visited;

	while (*place != visited)
		place = &(*place)->next;
	*place = visited->next;
	if (visited->descriptor >= 0)
		close(visited->descriptor); /* which takes it out of the epoll, too */
	free(visited);
}

static int open_visited(struct mip_user *user, mip_link link, struct mip_user_visited **ret_visited)
{
	struct mip_user_visited *visited = link > 0 ? calloc(1, sizeof(*visited)) : NULL;
	int error;

	if (!visited)
		return link > 0 ? -ENOMEM : -ENODEV;
	visited->link = link;
	visited->next = user->visited;
	user->visited = visited;
	/* Protocol 0 takes nothing until it is bound: the filter is there first. */
	visited->descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	error = visited->descriptor < 0 ? -errno : attach_filter(user, visited);
	if (!error)
		error = prepare(user, visited);
	if (error) {
		close_visited(user, visited);
		return error;
	}
	*ret_visited = visited;
	return 0;
}

static void leave_link(struct mip_user *user, struct mip_user_visitor *visitor)
{
	struct mip_user_visited *visited = visitor->visited;

	visitor->visited = NULL;
	if (!visited)
		return;
	if (--visited->visitors == 0)
		close_visited(user, visited);
	else
		(void)attach_filter(user, visited);
}

static int join_link(struct mip_user *user, struct mip_user_visitor *visitor, mip_link link)
{
	struct mip_user_visited *visited = user->visited;
	int error = 0;

	while (visited && visited->link != link)
		visited = visited->next;
	if (!visited)
		error = open_visited(user, link, &visited);
	if (error)
		return error;
	visitor->visited = visited;
	visited->visitors++;
	error = attach_filter(user, visited);
	if (error)
		leave_link(user, visitor);
	return error;
}

/* --- visitors come and go --------------------------------------------------------------------- */

static mip_coalesce_emit emit_out;
static mip_coalesce_emit emit_in;

static int begin_visits(struct mip_user *user)
{
	struct mip_user_visits *visits = calloc(1, sizeof(*visits));
	int error;

	if (!visits)
		return -ENOMEM;
	visits->user = user;
	error = mip_coalescer_init(&visits->out, emit_out, visits, user->tun.udp_offload);
	if (!error)
		error = mip_coalescer_init(&visits->in, emit_in, visits, true);
	if (error) {
		mip_coalescer_clear(&visits->out);
		free(visits);
		return error;
	}
	user->visits = visits;
	return 0;
}

static void free_visitor(struct mip_user *user, struct mip_user_visitor *visitor)
{
	mip_user_visitor_flush(user);
	HASH_DEL(user->visitors, visitor);
	if (visitor->hh_place.tbl)
		HASH_DELETE(hh_place, user->visitors_by_place, visitor);
	leave_link(user, visitor);
	free(visitor);
}

static struct mip_user_visitor *add_visitor(struct mip_user *user, const struct mip_want_tunnel *tunnel)
{
	struct mip_user_visitor *visitor = calloc(1, sizeof(*visitor));

	if (!visitor)
		return NULL;
	visitor->key =
		(struct mip_user_visitor_key){tunnel->home_address, tunnel->remote, tunnel->remote_port};
	visitor->home.key =
		(struct mip_plane_home_key){.home_address = tunnel->home_address, .end = MIP_TUNNEL_VISITED};
	visitor->home.visitor = visitor;
	HASH_ADD(hh, user->visitors, key, sizeof(visitor->key), visitor);
	if (!visitor->hh.tbl) {
		free(visitor);
		return NULL;
	}
	return visitor;
}

static void set_tunnel(struct mip_plane_home *home, const struct mip_want_tunnel *tunnel)
{
	home->tunnel = *tunnel;
	home->has_tunnel = true;
	home->path_mtu = 0;
	home->path_mtu_asked = 0;
	home->no_offload = false;
}

/* Takes its place on the link, where it was or on another one. */
static int settle(
	struct mip_user *user, struct mip_user_visitor *visitor, const struct mip_want_visitor *want)
{
	if (visitor->hh_place.tbl)
		HASH_DELETE(hh_place, user->visitors_by_place, visitor);
	memset(&visitor->hh_place, 0, sizeof(visitor->hh_place));
	if (visitor->visited && visitor->visited->link != want->link)
		leave_link(user, visitor);
	visitor->want = *want;
	visitor->place = place_of(want);
	HASH_ADD(hh_place, user->visitors_by_place, place, sizeof(visitor->place), visitor);
	if (!visitor->hh_place.tbl)
		return -ENOMEM;
	return visitor->visited ? 0 : join_link(user, visitor, want->link);
}

int mip_user_visitor_want(struct mip_user *user, const struct mip_want_visitor *want)
{
	const struct mip_want_tunnel *tunnel = &want->tunnel;
	struct mip_user_visitor *visitor =
		mip_user_visitor_find(user, tunnel->home_address, tunnel->remote, tunnel->remote_port);
	int error = 0;

	if (tunnel->encapsulation == MIP_ENCAPSULATION_UDP && !user->udp_sender)
		return -EOPNOTSUPP;
	if (want->link_address.length != ETH_ALEN)
		return -ENOTSUP;
	if (!user->visits)
		error = begin_visits(user);
	if (error)
		return error;
	if (visitor)
		mip_user_visitor_flush(user);
	else
		visitor = add_visitor(user, tunnel);
	if (!visitor)
		return -ENOMEM;
	set_tunnel(&visitor->home, tunnel);
	error = settle(user, visitor, want);
	if (error)
		free_visitor(user, visitor);
	return error;
}

void mip_user_visitor_unwant(struct mip_user *user, const struct mip_want_visitor *want)
{
	struct mip_user_visitor *visitor = mip_user_visitor_find(
		user, want->tunnel.home_address, want->tunnel.remote, want->tunnel.remote_port);

	if (visitor)
		free_visitor(user, visitor);
}

void mip_user_visitor_clear(struct mip_user *user)
{
	struct mip_user_visitor *visitor, *next;

	HASH_ITER (hh, user->visitors, visitor, next)
		free_visitor(user, visitor);
	if (!user->visits)
		return;
	mip_coalescer_clear(&user->visits->out);
	mip_coalescer_clear(&user->visits->in);
	free(user->visits);
	user->visits = NULL;
}

/* --- to the visitor, A.2 ---------------------------------------------------------------------- */

/* A frame with this packet, a large one if the offload says so. 0 or negative errno. */
static int send_frame(const struct mip_user_visitor *visitor, const struct mip_offload *offload,
	const struct mip_piece *piece)
{
	struct virtio_net_hdr header = mip_vnet_of(offload, ETH_HLEN);
	struct ethhdr ethernet = {.h_proto = htons(ETH_P_IP)};
	struct iovec parts[] = {{&header, sizeof(header)}, {&ethernet, sizeof(ethernet)},
		{(void *)(uintptr_t)piece->header, piece->header_length},
		{(void *)(uintptr_t)piece->payload, piece->payload_length}};
	int error = read_link_address(visitor->visited, ethernet.h_source);
	ssize_t sent;

	if (error)
		return error;
	memcpy(ethernet.h_dest, visitor->want.link_address.octets, ETH_ALEN);
	do
		sent = writev(visitor->visited->descriptor, parts, MIP_ARRAY_SIZE(parts));
	while (sent < 0 && errno == EINTR);
	/* A link that was down in between stands as the socket's pending error, which that call took away. */
	if (sent < 0 && errno == ENETDOWN)
		sent = writev(visitor->visited->descriptor, parts, MIP_ARRAY_SIZE(parts));
	return sent < 0 ? -errno : 0;
}

int mip_user_visitor_tell(
	struct mip_user *user, struct mip_user_visitor *visitor, const uint8_t *packet, size_t length)
{
	struct mip_offload nothing = {0};
	struct mip_piece piece = {.payload = packet, .payload_length = length};
	int error = visitor->visited ? send_frame(visitor, &nothing, &piece) : -ENODEV;

	if (error)
		user->counters[MIP_USER_DROP_SEND]++;
	return error;
}

/* rfc3024-A.4-7: "When delivering packets to or receiving packets from mobile nodes, foreign agents MUST disambiguate":
 * to the link address of the one whose tunnel it came by. */
/* One packet, or a large one for the card to cut: its header as it leaves, and what is behind it. */
static void send_piece(struct mip_user *user, struct mip_user_visitor *visitor, const struct mip_piece *piece,
	const struct mip_offload *offload)
{
	int error = send_frame(visitor, offload, piece);

	if (error == -EAGAIN || error == -ENOBUFS)
		user->counters[MIP_USER_DROP_BUSY]++;
	else if (error == -EMSGSIZE)
		user->counters[MIP_USER_DROP_TOO_BIG]++;
	else if (error)
		user->counters[MIP_USER_DROP_SEND]++;
	else
		user->counters[MIP_USER_VISITORS_OUT]++;
}

static void send_fragments(
	struct mip_user *user, struct mip_user_visitor *visitor, const struct mip_inner *inner, size_t mtu)
{
	uint8_t header[MIP_INNER_HEADER_MAX];
	struct mip_fragmenter fragmenter;
	struct mip_offload nothing = {0};
	struct mip_piece piece;

	user->counters[MIP_USER_FRAGMENTED]++;
	mip_fragmenter_begin(&fragmenter, inner, mtu);
	while (mip_fragmenter_next(&fragmenter, header, &piece))
		send_piece(user, visitor, &piece, &nothing);
}

/* Segments that are too large for the link are put together one by one, to be cut as any other packet. */
static void send_segments_fragmented(struct mip_user *user, struct mip_user_visitor *visitor,
	const struct mip_inner *inner, const struct mip_offload *offload, size_t mtu)
{
	uint8_t header[MIP_INNER_HEADER_MAX], *place = user->visits->frame;
	struct mip_segmenter segmenter;
	struct mip_inner segment;
	struct mip_piece piece;

	if (mip_segmenter_begin(&segmenter, inner, offload) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	while (mip_segmenter_next(&segmenter, header, &piece)) {
		memcpy(place, piece.header, piece.header_length);
		memcpy(place + piece.header_length, piece.payload, piece.payload_length);
		if (mip_inner_read(place, piece.header_length + piece.payload_length, &segment) == 0)
			send_fragments(user, visitor, &segment, mtu);
	}
}

/* Of the link; 0: it is gone. */
static size_t link_mtu(const struct mip_user_visited *visited)
{
	struct ifreq request = {.ifr_ifindex = visited->link};

	if (ioctl(visited->descriptor, SIOCGIFNAME, &request) < 0 ||
		ioctl(visited->descriptor, SIOCGIFMTU, &request) < 0)
		return 0;
	return (size_t)request.ifr_mtu;
}

static void send_too_big(struct mip_user *user, struct mip_user_visitor *visitor,
	const struct mip_inner *inner, const struct mip_offload *offload, size_t mtu)
{
	uint8_t *whole = user->visits->frame;

	if (inner->ip.dont_fragment) {
		user->counters[MIP_USER_DROP_TOO_BIG]++;
		mip_user_send_error(user, &visitor->home, MIP_ICMP_FRAGMENTATION_NEEDED, (uint32_t)mtu,
			inner->octets, inner->length);
		return;
	}
	if (offload->kind != MIP_OFFLOAD_NONE) {
		send_segments_fragmented(user, visitor, inner, offload, mtu);
		return;
	}
	memcpy(whole, inner->octets, inner->length);
	if (offload->needs_checksum)
		(void)mip_complete_checksum(whole, inner->length, offload);
	send_fragments(user, visitor,
		&(struct mip_inner){whole, inner->length, inner->ip, inner->transport_header}, mtu);
}

/* From the coalescer, which has gathered packets of this visitor alone. */
static void emit_out(void *context, const uint8_t *packet, size_t length, const struct mip_offload *offload)
{
	struct mip_user_visits *visits = context;
	struct mip_user_visitor *visitor = visits->receiver;
	size_t largest = length, mtu;
	struct mip_inner inner;

	if (mip_inner_read(packet, length, &inner) != 0 || !visitor->visited)
		return;
	if (offload->kind != MIP_OFFLOAD_NONE)
		largest = (size_t)offload->header_length + offload->segment_size;
	mtu = link_mtu(visitor->visited);
	if (largest > mtu && mtu >= MIP_FRAGMENT_MTU_MIN)
		send_too_big(visits->user, visitor, &inner, offload, mtu);
	else
		send_piece(visits->user, visitor,
			&(struct mip_piece){packet, inner.ip.header_length, packet + inner.ip.header_length,
				inner.length - inner.ip.header_length},
			offload);
}

/* RFC 1812 5.3.1: what a router forwards has one hop less to go. False: it had none left. */
static bool lower_ttl(uint8_t *packet, struct mip_inner *inner)
{
	if (inner->ip.ttl <= 1)
		return false;
	packet[TTL_PLACE] = --inner->ip.ttl;
	mip_inner_finish_ip(packet, inner->ip.header_length);
	return true;
}

void mip_user_visitor_flush(struct mip_user *user)
{
	struct mip_user_visits *visits = user->visits;

	if (!visits)
		return;
	mip_coalescer_flush(&visits->out);
	mip_coalescer_flush(&visits->in);
	visits->receiver = NULL;
	visits->sender = NULL;
}

void mip_user_visitor_deliver(
	struct mip_user *user, struct mip_user_visitor *visitor, const struct mip_inner *inner)
{
	struct mip_user_visits *visits = user->visits;
	struct mip_inner lowered = *inner;

	if (visits->receiver != visitor)
		mip_coalescer_flush(&visits->out);
	visits->receiver = visitor;
	if (inner->octets != user->scratch)
		memcpy(user->scratch, inner->octets, inner->length);
	lowered.octets = user->scratch;
	if (lower_ttl(user->scratch, &lowered)) {
		mip_coalescer_add(&visits->out, &lowered);
		return;
	}
	user->counters[MIP_USER_DROP_TTL]++;
	mip_user_send_time_exceeded(user, &visitor->home, inner->octets, inner->length);
}

/* --- from the visitor, A.3 -------------------------------------------------------------------- */

/* From the coalescer, likewise. Nothing of mip0's is in the arena now. */
static void emit_in(void *context, const uint8_t *packet, size_t length, const struct mip_offload *offload)
{
	struct mip_user_visits *visits = context;
	struct mip_user *user = visits->user;

	memcpy(user->arena, packet, length);
	user->counters[MIP_USER_RELAYED]++;
	mip_user_send_into(user, &visits->sender->home, user->arena, length, offload);
}

static bool is_own(const struct mip_user *user, struct mip_address address)
{
	return user->is_own && user->is_own(user->own_context, address);
}

/* As user_group.c has it of those that are not told apart. */
static bool is_negotiated(const struct mip_want_visitor *want, enum mip_encapsulation encapsulation)
{
	return want->delivery == encapsulation ||
	       (want->delivery == MIP_ENCAPSULATION_MINIMAL && encapsulation == MIP_ENCAPSULATION_IPIP);
}

/* rfc3024-5.2.1: the foreign agent "decapsulates to recover the inner packet, re-encapsulates, and sends it to the home
 * agent". What is in no tunnel is the host's to route. */
static void take_encapsulated(struct mip_user *user, struct mip_user_visitor *visitor, uint8_t *octets,
	const struct mip_inner *whole)
{
	struct mip_user_visits *visits = user->visits;
	enum mip_encapsulation encapsulation;
	struct mip_outer outer;
	struct mip_inner inner;

	if (!is_own(user, whole->ip.destination) ||
		!mip_outer_encapsulation(whole->ip.protocol, &encapsulation))
		return;
	/* The stack would have put fragments together, but by addresses that are not one node's. */
	if (whole->ip.more_fragments || whole->ip.fragment_offset ||
		mip_outer_open(octets, whole->length, &outer) != 0 ||
		mip_inner_read(outer.inner, outer.length, &inner) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	/* rfc3024-5.2.2-1: "IP Source Address: the mobile node's home address", in both headers. */
	if (!mip_address_equal(inner.ip.source, visitor->key.home_address) ||
		!is_negotiated(&visitor->want, encapsulation)) {
		user->counters[MIP_USER_DROP_SPOOFED]++;
		return;
	}
	if (visits->sender != visitor)
		mip_coalescer_flush(&visits->in);
	visits->sender = visitor;
	user->counters[MIP_USER_VISITORS_IN]++;
	mip_coalescer_add(&visits->in, &inner);
}

/* RFC 3024 5.1: what the node sends to others, this agent tunnels. */
static void take_direct(struct mip_user *user, struct mip_user_visitor *visitor, uint8_t *octets,
	struct mip_inner *inner, const struct mip_offload *offload)
{
	if (is_own(user, inner->ip.destination) || mip_user_is_group(user, inner->ip.destination))
		return; /* the stack's */
	user->counters[MIP_USER_VISITORS_IN]++;
	if (!lower_ttl(octets, inner)) {
		user->counters[MIP_USER_DROP_TTL]++;
		mip_user_send_time_exceeded(user, &visitor->home, octets, inner->length);
		return;
	}
	mip_user_send_into(user, &visitor->home, octets, inner->length, offload);
}

static void take_frame(struct mip_user *user, const struct mip_user_visited *visited,
	const struct ethhdr *ethernet, size_t length, const struct mip_offload *offload)
{
	uint8_t *octets = user->visits->frame;
	struct mip_user_visitor_place place = {.link = visited->link};
	struct mip_user_visitor *visitor;
	struct mip_inner inner;

	if (mip_inner_read(octets, length, &inner) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	/* rfc3024-A.4-7: … and from them, "by using link-layer information". */
	place.home_address = inner.ip.source;
	memcpy(place.link_address, ethernet->h_source, ETH_ALEN);
	visitor = find_by_place(user, &place);
	if (visitor && visitor->want.encapsulating)
		take_encapsulated(user, visitor, octets, &inner);
	else if (visitor)
		take_direct(user, visitor, octets, &inner, offload);
	else if (!is_own(user, inner.ip.destination)) /* not the request of one that has just come */
		user->counters[MIP_USER_DROP_SPOOFED]++;
}

/* One frame. False: there is none. */
static bool receive_frame(struct mip_user *user, const struct mip_user_visited *visited)
{
	struct virtio_net_hdr header;
	struct ethhdr ethernet;
	struct iovec parts[] = {
		{&header, sizeof(header)},
		{&ethernet, sizeof(ethernet)},
		{user->visits->frame, sizeof(user->visits->frame)},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = MIP_ARRAY_SIZE(parts)};
	ssize_t length = recvmsg(visited->descriptor, &message, MSG_DONTWAIT);
	struct mip_offload offload;

	if (length < 0)
		return errno != EAGAIN; /* the link went down, or what cannot be expressed */
	if ((size_t)length < sizeof(header) + sizeof(ethernet) || (message.msg_flags & MSG_TRUNC) ||
		ethernet.h_proto != htons(ETH_P_IP) || mip_vnet_read(&header, ETH_HLEN, &offload) != 0)
		return true;
	take_frame(user, visited, &ethernet, (size_t)length - sizeof(header) - sizeof(ethernet), &offload);
	return true;
}

void mip_user_visitor_receive(struct mip_user *user)
{
	struct epoll_event events[LINKS_AT_ONCE];
	int count = epoll_wait(user->visit_descriptor, events, LINKS_AT_ONCE, 0);

	for (int i = 0; i < count; i++) {
		for (int frames = 0; frames < FRAMES_AT_ONCE; frames++) {
			if (!receive_frame(user, events[i].data.ptr))
				break;
		}
	}
	mip_user_visitor_flush(user);
}
