/*
 * A packet socket on one Ethernet link, behind a filter.
 *
 * It is bound to all protocols, not to IPv4: a tap for all stands before the IP layer, so that what the
 * filter refuses goes on untouched, while a tap for IPv4 stands beside it, and each data packet would have to
 * be cloned for the two of them. Outgoing packets are excluded at the device (PACKET_IGNORE_OUTGOING).
 *
 *   driver ──> GRO ──> [filter ──> this socket] ──> IP ──> UDP socket
 *
 * GRO stands before: datagrams of one flow may come as one large packet, tunnel data with a reply at its
 * end among them. Such a packet is left to the UDP socket, which gets the sizes of the parts and says so by
 * `unframed`; here it is known by its virtio_net_hdr (kernels before 6.2 cannot express it and drop it with
 * EINVAL, which comes to the same).
 */
#include "link_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	BUFFER = 65536 + ETH_HLEN,
	FRAMES_AT_ONCE = 64,
	RECEIVE_BUFFER = 2 << 20,
	REGISTRATION_PORT = 434,
	TUNNEL_DATA = 4,
	ICMP_ADVERTISEMENT = 9,
	ICMP_SOLICITATION = 10,
};

struct mip_link_socket {
	int descriptor;
	mip_link link;
	struct mip_watch *watch;
	mip_frame_function *function;
	void *context;
	bool arp;
	struct virtio_net_hdr offload;
	uint8_t buffer[BUFFER];
};

/* Offsets from the start of the frame. What lies behind the IP header is loaded relative to its length (X).
 */
enum {
	AT_IP = ETH_HLEN,
	AT_FRAGMENT = AT_IP + 6,
	AT_PROTOCOL = AT_IP + 9,
	AT_SOURCE_PORT = AT_IP,
	AT_DESTINATION_PORT = AT_IP + 2,
	AT_UDP_LENGTH = AT_IP + 4,
	AT_UDP_PAYLOAD = AT_IP + 8,
	AT_ICMP_TYPE = AT_IP,
	FRAGMENT_BITS = 0x3fff, /* more fragments, and the offset */
	UDP_HEADER = 8,
};

/* The places in the filter that are jumped to. */
enum {
	IPV4 = 7,
	WHOLE = 9,
	ICMP = 15,
	UDP = 18,
	REGISTRATION = 22,
	ACCEPT = 26,
	REFUSE = 27,
};

#define LOAD(size, at)	      BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(at))
#define LOAD_BEHIND(size, at) BPF_STMT(BPF_LD | (size) | BPF_IND, (uint32_t)(at))
#define IF(test, place, value, yes, no)                                                                      \
	[place] = BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (yes) - (place)-1, (no) - (place)-1)

static int attach_filter(int descriptor, bool arp, bool groups)
{
	struct sock_filter filter[] = {
		[0] = LOAD(BPF_W, SKF_AD_OFF + SKF_AD_PKTTYPE),
		IF(BPF_JGT, 1, PACKET_MULTICAST, REFUSE, 2), /* for another host */
		[2] = LOAD(BPF_W, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
		IF(BPF_JEQ, 3, 0, 4, REFUSE),
		[4] = LOAD(BPF_W, SKF_AD_OFF + SKF_AD_PROTOCOL),
		IF(BPF_JEQ, 5, ETH_P_IP, IPV4, 6),
		IF(BPF_JEQ, 6, ETH_P_ARP, arp ? ACCEPT : REFUSE, REFUSE),
		/* PACKET_BROADCAST and PACKET_MULTICAST are the ones that are left. */
		[IPV4] = LOAD(BPF_W, SKF_AD_OFF + SKF_AD_PKTTYPE),
		IF(BPF_JGT, 8, PACKET_HOST, groups ? ACCEPT : WHOLE, WHOLE),
		[WHOLE] = LOAD(BPF_H, AT_FRAGMENT),
		IF(BPF_JSET, 10, FRAGMENT_BITS, REFUSE, 11),
		[11] = BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, AT_IP),
		[12] = LOAD(BPF_B, AT_PROTOCOL),
		IF(BPF_JEQ, 13, IPPROTO_UDP, UDP, 14),
		IF(BPF_JEQ, 14, IPPROTO_ICMP, ICMP, REFUSE),
		[ICMP] = LOAD_BEHIND(BPF_B, AT_ICMP_TYPE),
		IF(BPF_JEQ, 16, ICMP_ADVERTISEMENT, ACCEPT, 17),
		IF(BPF_JEQ, 17, ICMP_SOLICITATION, ACCEPT, REFUSE),
		[UDP] = LOAD_BEHIND(BPF_H, AT_DESTINATION_PORT),
		IF(BPF_JEQ, 19, REGISTRATION_PORT, REGISTRATION, 20),
		[20] = LOAD_BEHIND(BPF_H, AT_SOURCE_PORT),
		IF(BPF_JEQ, 21, REGISTRATION_PORT, REGISTRATION, REFUSE),
		[REGISTRATION] = LOAD_BEHIND(BPF_H, AT_UDP_LENGTH),
		IF(BPF_JGT, 23, UDP_HEADER, 24, ACCEPT), /* an empty one is malformed, and counted as such */
		[24] = LOAD_BEHIND(BPF_B, AT_UDP_PAYLOAD),
		IF(BPF_JEQ, 25, TUNNEL_DATA, REFUSE, ACCEPT),
		[ACCEPT] = BPF_STMT(BPF_RET | BPF_K, BUFFER),
		[REFUSE] = BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = MIP_ARRAY_SIZE(filter), .filter = filter};

	return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
												   : 0;
}

static void tell_frame(struct mip_link_socket *socket, const struct sockaddr_ll *from, size_t length)
{
	struct mip_input_frame frame = {
		.link = socket->link,
		.unicast = from->sll_pkttype == PACKET_HOST,
		.checksum_unfilled = socket->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.octets = socket->buffer + ETH_HLEN,
	};
	struct ethhdr header;

	if (length < sizeof(header))
		return;
	memcpy(&header, socket->buffer, sizeof(header));
	frame.ethertype = ntohs(header.h_proto);
	frame.length = length - sizeof(header);
	frame.source.length = MIP_ETHERNET_ADDRESS;
	memcpy(frame.source.octets, header.h_source, MIP_ETHERNET_ADDRESS);
	socket->function(socket->context, &frame);
}

/* One frame; a negative errno when there is none. */
static int take_frame(struct mip_link_socket *socket)
{
	struct sockaddr_ll from;
	struct iovec vectors[] = {
		{&socket->offload, sizeof(socket->offload)},
		{socket->buffer, sizeof(socket->buffer)},
	};
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = vectors,
		.msg_iovlen = MIP_ARRAY_SIZE(vectors),
	};
	ssize_t length = recvmsg(socket->descriptor, &message, MSG_DONTWAIT);

	if (length < 0)
		return errno == EAGAIN ? -EAGAIN : 0; /* the link went down, or what cannot be expressed */
	if ((size_t)length <= sizeof(socket->offload) || (message.msg_flags & MSG_TRUNC))
		return 0;
	if (socket->offload.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		tell_frame(socket, &from, (size_t)length - sizeof(socket->offload));
	return 0;
}

static void on_readable(void *context, int descriptor, unsigned events)
{
	struct mip_link_socket *socket = context;

	(void)descriptor;
	(void)events;
	for (int i = 0; i < FRAMES_AT_ONCE; i++)
		if (take_frame(socket) < 0)
			return;
}

/* The device behind the socket, with its link address as it is now. 0, -ENODEV, -ENOTSUP. */
static int read_device(int descriptor, struct sockaddr_ll *ret_device)
{
	struct sockaddr_ll device = {0};
	socklen_t length = sizeof(device);

	if (getsockname(descriptor, (struct sockaddr *)&device, &length) < 0)
		return -errno;
	if (device.sll_halen == 0 && device.sll_hatype == 0)
		return -ENODEV;
	if (device.sll_hatype != ARPHRD_ETHER || device.sll_halen != MIP_ETHERNET_ADDRESS)
		return -ENOTSUP;
	*ret_device = device;
	return 0;
}

static int open_socket(struct mip_link_socket *link_socket)
{
	struct sockaddr_ll name = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = link_socket->link};
	const int one = 1;
	const int size = RECEIVE_BUFFER;
	int result;

	/* Protocol 0 takes nothing until it is bound: the filter is there first. */
	link_socket->descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link_socket->descriptor < 0)
		return -errno;
	result = attach_filter(link_socket->descriptor, link_socket->arp, false);
	if (result < 0)
		return result;
	if (setsockopt(link_socket->descriptor, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		return -errno;
	/* Linux 4.20; before, the filter's test of the packet's type does it, at some cost. */
	(void)setsockopt(link_socket->descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	(void)setsockopt(link_socket->descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(link_socket->descriptor, (struct sockaddr *)&name, sizeof(name)) < 0)
		return -errno;
	return read_device(link_socket->descriptor, &name);
}

int mip_link_socket_new(struct mip_loop *loop, mip_link link, unsigned flags, mip_frame_function *function,
	void *context, struct mip_link_socket **ret_socket)
{
	struct mip_link_socket *link_socket;
	int result;

	if (link <= 0) /* 0 would be every link */
		return -ENODEV;
	link_socket = calloc(1, sizeof(*link_socket));
	if (link_socket == NULL)
		return -ENOMEM;
	link_socket->descriptor = -1;
	link_socket->link = link;
	link_socket->function = function;
	link_socket->context = context;
	link_socket->arp = flags & MIP_LINK_SOCKET_ARP;
	result = open_socket(link_socket);
	if (result < 0)
		goto fail;
	result = mip_loop_watch(
		loop, link_socket->descriptor, MIP_WATCH_READ, on_readable, link_socket, &link_socket->watch);
	if (result < 0)
		goto fail;
	*ret_socket = link_socket;
	return 0;
fail:
	mip_link_socket_free(link_socket);
	return result;
}

int mip_link_socket_hear_groups(struct mip_link_socket *socket, bool wanted)
{
	/* In place of the filter before, in one step. */
	return attach_filter(socket->descriptor, socket->arp, wanted);
}

void mip_link_socket_free(struct mip_link_socket *socket)
{
	if (socket == NULL)
		return;
	mip_watch_free(socket->watch);
	if (socket->descriptor >= 0)
		close(socket->descriptor);
	free(socket);
}

/* The device's own address as the source: it is asked for each time, since it may be changed at any time. */
static int make_header(
	struct mip_link_socket *socket, const struct mip_output_frame *frame, struct ethhdr *ret_header)
{
	struct sockaddr_ll device;
	int result = read_device(socket->descriptor, &device);

	if (result < 0)
		return result;
	if (frame->destination.length == 0)
		memset(ret_header->h_dest, 0xff, sizeof(ret_header->h_dest));
	else if (frame->destination.length == MIP_ETHERNET_ADDRESS)
		memcpy(ret_header->h_dest, frame->destination.octets, sizeof(ret_header->h_dest));
	else
		return -EINVAL;
	memcpy(ret_header->h_source, device.sll_addr, sizeof(ret_header->h_source));
	ret_header->h_proto = htons(frame->ethertype);
	return 0;
}

int mip_link_socket_send(struct mip_link_socket *socket, const struct mip_output_frame *frame,
	const void *octets, size_t length)
{
	struct virtio_net_hdr offload = {0};
	struct ethhdr header;
	struct iovec vectors[] = {
		{&offload, sizeof(offload)},
		{&header, sizeof(header)},
		{(void *)(uintptr_t)octets, length},
	};
	struct msghdr message = {.msg_iov = vectors, .msg_iovlen = MIP_ARRAY_SIZE(vectors)};
	ssize_t sent;
	int result;

	if (frame->link != socket->link)
		return -EINVAL;
	result = make_header(socket, frame, &header);
	if (result < 0)
		return result;
	do
		sent = sendmsg(socket->descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	/* A link that was down in between stands as the socket's pending error, which that call took away. */
	if (sent < 0 && errno == ENETDOWN)
		sent = sendmsg(socket->descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent < 0 ? -errno : 0;
}
