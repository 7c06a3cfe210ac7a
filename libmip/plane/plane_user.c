/*
 * The user plane: the daemon itself carries the packets.
 *
 * One TUN device on one side; on the other raw sockets of protocols 4, 47 and 55 and the daemon's own UDP
 * socket. It runs wherever there are TUN and raw sockets, and is the slow path of faster planes. What makes it bearable
 * is that large packets stay whole as long as they can (TSO and USO from the device, GRO to it, UDP_SEGMENT
 * and UDP_GRO at the socket) and that everything else goes in batches.
 *
 * Nothing here waits for long: each call does a bounded amount of work, and what the network or the device does
 * not take within a few milliseconds is dropped and counted, as in any router.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "registration.h"
#include "user.h"

enum {
	SOCKET_BUFFER = 8 * 1024 * 1024, /* octets each way */
};

#define FIRST_GROUP 0xe0000000U /* 224.0.0.0; what is greater is everyone's, or nobody's */

static const struct mip_counter_name counter_names[] = {
	[MIP_USER_PACKETS_OUT] = {"tunnel_packets_out", "inner packets sent into tunnels"},
	[MIP_USER_PACKETS_IN] = {"tunnel_packets_in", "inner packets taken out of tunnels"},
	[MIP_USER_COPIES_OUT] = {"tunnel_copies_out",
		"copies of packets to groups or to everyone, sent into tunnels to mobile nodes"},
	[MIP_USER_GROUPS_IN] = {"tunnel_groups_in", "packets to groups or to everyone, taken out of tunnels"},
	[MIP_USER_RELAYED] = {"tunnel_relayed",
		"packets of visitors in the encapsulating delivery style, passed on into their tunnels"},
	[MIP_USER_FRAGMENTED] = {"tunnel_fragmented", "inner packets fragmented for a narrow outer path"},
	[MIP_USER_ICMP_SENT] = {"tunnel_icmp_sent", "ICMP errors sent to the senders of inner packets"},
	[MIP_USER_ICMP_WITHHELD] = {"tunnel_icmp_withheld",
		"ICMP errors from within tunnels that are none of the senders' business"},
	[MIP_USER_DROP_NO_TUNNEL] = {"drop_no_tunnel",
		"packets led to the tunnel device without a tunnel for them"},
	[MIP_USER_DROP_NO_PEER] = {"drop_no_peer", "tunnelled packets of a home address that is not known"},
	[MIP_USER_DROP_SPOOFED] = {"drop_spoofed",
		"tunnelled packets by another way than the home address's own"},
	[MIP_USER_DROP_MALFORMED] = {"drop_inner_malformed", "inner packets with a broken header"},
	[MIP_USER_DROP_NEXT_HEADER] = {"drop_next_header",
		"tunnel data messages of another kind than the tunnel's"},
	[MIP_USER_DROP_BROADCAST] = {"drop_broadcast",
		"inner packets to a group or to everyone, where none is wanted"},
	[MIP_USER_DROP_LOOP] = {"drop_loop", "packets that would go round in a tunnel"},
	[MIP_USER_DROP_TTL] = {"drop_ttl", "inner packets with a TTL of zero"},
	[MIP_USER_DROP_CONGESTION_MARK] = {"drop_congestion_mark",
		"packets marked in the tunnel whose ends know no marks"},
	[MIP_USER_DROP_TOO_BIG] = {"drop_too_big", "packets too large for the outer path"},
	[MIP_USER_DROP_SEND] = {"drop_send", "packets that the network refused"},
	[MIP_USER_DROP_BUSY] = {"drop_busy", "packets that found the outgoing queue full"},
	[MIP_USER_DROP_DEVICE] = {"drop_device", "packets that the tunnel device did not take"},
	[MIP_USER_DROP_ICMP_LIMIT] = {"drop_icmp_limit", "ICMP errors not sent, for there were too many"},
};
_Static_assert(MIP_ARRAY_SIZE(counter_names) == MIP_USER_COUNTERS, "each counter has a name");

void mip_user_clock(struct mip_user *user)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	user->now = now.tv_sec * MIP_SECOND + now.tv_nsec;
}

void mip_user_free(struct mip_user *user)
{
	if (!user)
		return;
	mip_user_sender_free(user->udp_sender);
	mip_user_sender_free(user->raw_sender);
	mip_user_receiver_free(user->receiver);
	mip_coalescer_clear(&user->coalescer);
	mip_coalescer_clear(&user->relay_coalescer);
	mip_user_group_clear(user);
	mip_plane_table_clear(&user->table);
	mip_user_tun_close(&user->tun);
	if (user->icmp_descriptor >= 0)
		close(user->icmp_descriptor);
	for (size_t i = 0; i < MIP_USER_RAWS; i++) {
		if (user->raw_descriptors[i] >= 0)
			close(user->raw_descriptors[i]);
	}
	free(user->scratch);
	free(user->arena);
	free(user);
}

int mip_user_want(struct mip_user *user, const struct mip_want *want)
{
	if (want->kind == MIP_WANT_PEER)
		return mip_plane_table_set_peer(&user->table, &want->peer);
	if (want->kind != MIP_WANT_TUNNEL && want->kind != MIP_WANT_COPY)
		return mip_user_group_want(user, want);
	if (want->tunnel.encapsulation == MIP_ENCAPSULATION_UDP && !user->udp_sender)
		return -EOPNOTSUPP;
	return want->kind == MIP_WANT_COPY ? mip_plane_table_set_copy(&user->table, &want->tunnel)
					   : mip_plane_table_set_tunnel(&user->table, &want->tunnel);
}

int mip_user_unwant(struct mip_user *user, const struct mip_want *want)
{
	if (want->kind == MIP_WANT_TUNNEL)
		mip_plane_table_remove_tunnel(&user->table, &want->tunnel);
	else if (want->kind == MIP_WANT_COPY)
		mip_plane_table_remove_copy(&user->table, &want->tunnel);
	else if (want->kind == MIP_WANT_PEER)
		mip_plane_table_remove_peer(&user->table, &want->peer);
	else
		mip_user_group_unwant(user, want);
	return 0;
}

size_t mip_user_descriptors(const struct mip_user *user, int *descriptors, size_t size)
{
	if (size > 0)
		descriptors[0] = user->tun.descriptor;
	for (size_t i = 0; i < MIP_USER_RAWS && i + 1 < size; i++)
		descriptors[i + 1] = user->raw_descriptors[i];
	return MIP_USER_RAWS + 1;
}

void mip_user_service(struct mip_user *user, int descriptor)
{
	mip_user_clock(user);
	if (descriptor == user->tun.descriptor)
		mip_user_encapsulate(user);
	for (size_t i = 0; i < MIP_USER_RAWS; i++) {
		if (descriptor == user->raw_descriptors[i]) {
			mip_user_receive(user, descriptor);
			mip_user_receive_errors(user, descriptor);
		}
	}
}

void mip_user_udp_input(struct mip_user *user, const struct mip_input_datagram *datagram)
{
	struct mip_reader reader = mip_reader_of(datagram->octets, datagram->length);
	struct mip_plane_arrival arrival = {
		.remote = datagram->source,
		.remote_port = datagram->source_port,
		.local = datagram->destination,
		.encapsulation = MIP_ENCAPSULATION_UDP,
	};
	uint8_t next_header;

	if (mip_tunnel_data_read(&reader, &next_header) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	/* rfc3519-3.3-2, -3: "the receiver of a tunnelled packet MUST check that the Next Header value
	 * matches the tunnelling mode established for the mobility binding … If a discrepancy is detected,
	 * the packet MUST be dropped". IP is the only mode so far. */
	if (next_header != MIP_PROTOCOL_IPIP) {
		/* rfc3519-3.3-4: a log entry MAY be written; a counter cannot be excessive. */
		user->counters[MIP_USER_DROP_NEXT_HEADER]++;
		return;
	}
	mip_user_decapsulate(user, &arrival, datagram->tos, datagram->octets + MIP_TUNNEL_DATA_HEADER,
		mip_reader_left(&reader));
}

void mip_user_udp_error(struct mip_user *user, const struct mip_input_icmp_error *error)
{
	struct mip_reader reader = mip_reader_of(error->octets, error->length);
	uint8_t next_header;

	if (mip_tunnel_data_read(&reader, &next_header) != 0 || next_header != MIP_PROTOCOL_IPIP)
		return;
	mip_user_clock(user);
	mip_user_relay_error(user, &(struct mip_user_error){
					   .remote = error->destination,
					   .type = error->type,
					   .code = error->code,
					   .encapsulation = MIP_ENCAPSULATION_UDP,
					   .octets = error->octets + MIP_TUNNEL_DATA_HEADER,
					   .length = mip_reader_left(&reader),
				   });
}

void mip_user_batch_end(struct mip_user *user)
{
	mip_coalescer_flush(&user->coalescer);
	mip_coalescer_flush(&user->relay_coalescer);
}

struct mip_counter_table mip_user_counters(const struct mip_user *user)
{
	return (struct mip_counter_table){
		.names = counter_names,
		.values = user->counters,
		.count = MIP_USER_COUNTERS,
	};
}

static void enlarge_buffers(int descriptor)
{
	int size = SOCKET_BUFFER;

	if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Sends errors, hears nothing. */
static int open_icmp(struct mip_user *user)
{
	struct icmp_filter nothing = {.data = UINT32_MAX};

	user->icmp_descriptor = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (user->icmp_descriptor < 0)
		return -errno;
	if (setsockopt(user->icmp_descriptor, SOL_RAW, ICMP_FILTER, &nothing, sizeof(nothing)) < 0)
		return -errno;
	return 0;
}

/* One that hears a protocol. With IP_HDRINCL an error quotes the outer packet with its header. */
static int open_raw(enum mip_encapsulation encapsulation, int *ret_descriptor)
{
	int on = 1;
	int descriptor =
		socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, mip_outer_protocol(encapsulation));

	if (descriptor < 0)
		return -errno;
	*ret_descriptor = descriptor;
	if (setsockopt(descriptor, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)) < 0 ||
		setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) < 0)
		return -errno;
	enlarge_buffers(descriptor);
	return 0;
}

static int open_sockets(struct mip_user *user, const char **ret_reason)
{
	int error = 0;

	*ret_reason = "raw sockets cannot be had (CAP_NET_RAW)";
	for (size_t i = 0; i < MIP_USER_RAWS && !error; i++)
		error = open_raw((enum mip_encapsulation)i, &user->raw_descriptors[i]);
	return error ? error : open_icmp(user);
}

static int allocate(struct mip_user *user)
{
	int error;

	user->arena = malloc(MIP_USER_ARENA);
	user->scratch = malloc(MIP_INNER_MAX);
	if (!user->arena || !user->scratch)
		return -ENOMEM;
	error = mip_user_receiver_new(&user->receiver);
	if (!error)
		error = mip_coalescer_init(&user->coalescer, mip_user_deliver, user, user->tun.udp_offload);
	if (!error)
		error = mip_coalescer_init(&user->relay_coalescer, mip_user_relay, user, true);
	if (!error)
		error = mip_user_sender_new(
			user, user->raw_descriptors[MIP_ENCAPSULATION_IPIP], false, &user->raw_sender);
	if (!error && user->options.udp_descriptor >= 0)
		error = mip_user_sender_new(user, user->options.udp_descriptor, true, &user->udp_sender);
	return error;
}

uint32_t mip_user_mtu(const struct mip_user *user)
{
	return user->options.mtu ? user->options.mtu : MIP_TUNNEL_MTU;
}

static int open_device(struct mip_user *user, const char **ret_reason)
{
	return mip_user_tun_open(user->device, mip_user_mtu(user), &user->tun, ret_reason);
}

int mip_user_renew_device(struct mip_user *user, const char **ret_reason)
{
	int error;

	mip_user_tun_close(&user->tun);
	error = open_device(user, ret_reason);
	user->lost = error != 0;
	return error;
}

/*
 * What a device of the kernel's does not do for us, of a protocol that it has taken over: packets to groups and to
 * everyone (user_group.c), and those of visitors in the Encapsulating Delivery Style, which are from the home address
 * within and without. All else the raw socket leaves alone. Offsets are from the end of the outer IP header.
 */
static int filter_rest(int descriptor, uint32_t inner_source, uint32_t inner_destination)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_W | BPF_IND, inner_destination),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_GROUP, 5, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, inner_source), BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, MIP_IP_SOURCE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0), BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), /* taken */
	};
	struct sock_fprog program = {.len = MIP_ARRAY_SIZE(filter), .filter = filter};

	return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
												   : 0;
}

int mip_user_set_receiving(struct mip_user *user, enum mip_encapsulation encapsulation, bool receiving)
{
	static const struct {
		uint32_t source, destination;
	} inner[MIP_USER_RAWS] = {
		[MIP_ENCAPSULATION_IPIP] = {MIP_IP_SOURCE, MIP_IP_DESTINATION},
		[MIP_ENCAPSULATION_GRE] = {MIP_GRE_HEADER + MIP_IP_SOURCE,
			MIP_GRE_HEADER + MIP_IP_DESTINATION},
		[MIP_ENCAPSULATION_MINIMAL] = {8, 4}, /* RFC 2004 3.1 */
	};
	int descriptor = user->raw_descriptors[encapsulation];
	int ignored = 0;

	if (!receiving)
		return filter_rest(descriptor, inner[encapsulation].source, inner[encapsulation].destination);
	if (setsockopt(descriptor, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof(ignored)) < 0)
		return errno == ENOENT ? 0 : -errno;
	return 0;
}

int mip_user_new(const struct mip_plane_options *options, struct mip_user **ret_user, const char **ret_reason)
{
	struct mip_user *user = calloc(1, sizeof(*user));
	size_t length = strlen(options->device);
	int error;

	*ret_reason = "there is no memory";
	if (!user)
		return -ENOMEM;
	user->options = *options;
	user->options.device = user->device;
	user->tun.descriptor = -1;
	for (size_t i = 0; i < MIP_USER_RAWS; i++)
		user->raw_descriptors[i] = -1;
	user->icmp_descriptor = -1;
	if (length >= sizeof(user->device)) {
		*ret_reason = "the name of the tunnel device is too long";
		error = -EINVAL;
		goto failed;
	}
	memcpy(user->device, options->device, length);
	error = open_sockets(user, ret_reason);
	if (!error)
		error = open_device(user, ret_reason);
	if (!error) {
		*ret_reason = "there is no memory";
		error = allocate(user);
	}
	if (error)
		goto failed;
	mip_user_clock(user);
	*ret_user = user;
	return 0;

failed:
	mip_user_free(user);
	return error;
}
