/*
 * The TUN device.
 *
 * Offloads are asked for from the most to the least: a kernel refuses the whole set when it does not know one
 * of them. Without any, packets come one by one and with their checksums; all else works the same.
 */
#include "user_tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "user_vnet.h"

/* Of Linux 6.2; older headers do not have them. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

enum {
	MARK_SIZE = 80,
};

static void set_offloads(struct mip_user_tun *tun)
{
	/* The kernel takes the two USO flags together or not at all. */
	static const unsigned sets[] = {
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6,
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN,
		TUN_F_CSUM | TUN_F_TSO4,
		TUN_F_CSUM,
	};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(sets); i++) {
		if (ioctl(tun->descriptor, TUNSETOFFLOAD, (unsigned long)sets[i]) == 0) {
			tun->udp_offload = sets[i] & TUN_F_USO4;
			return;
		}
	}
}

/* --- a device that stays ------------------------------------------------------------------------- */

/* The device's alias, which ip link shows: whose it is while nobody has it open. */
static void make_mark(uint8_t owner, char mark[static MARK_SIZE])
{
	(void)snprintf(mark, MARK_SIZE, "Mobile IP (protocol %u): stays for the next start", owner);
}

static bool is_marked(const char *name, uint8_t owner)
{
	char mark[MARK_SIZE];
	struct nl_sock *socket = nl_socket_alloc();
	struct rtnl_link *link = NULL;
	bool marked = false;

	if (socket && nl_connect(socket, NETLINK_ROUTE) == 0 &&
		rtnl_link_get_kernel(socket, 0, name, &link) == 0) {
		const char *alias = rtnl_link_get_ifalias(link);

		make_mark(owner, mark);
		marked = alias && strcmp(alias, mark) == 0;
	}
	rtnl_link_put(link);
	nl_socket_free(socket);
	return marked;
}

static int set_mark(mip_link index, uint8_t owner)
{
	char mark[MARK_SIZE];
	struct nl_sock *socket = nl_socket_alloc();
	struct rtnl_link *link = rtnl_link_alloc();
	struct rtnl_link *change = rtnl_link_alloc();
	int error = -ENOMEM;

	if (socket && link && change && nl_connect(socket, NETLINK_ROUTE) == 0) {
		rtnl_link_set_ifindex(link, index);
		rtnl_link_set_ifindex(change, index);
		make_mark(owner, mark);
		rtnl_link_set_ifalias(change, mark);
		error = rtnl_link_change(socket, link, change, 0) < 0 ? -EIO : 0;
	}
	rtnl_link_put(change);
	rtnl_link_put(link);
	nl_socket_free(socket);
	return error;
}

/* Without the mark a device that stays would be nobody's, so that comes first. A kernel that takes neither
 * has a device that goes with the process. */
static void make_it_stay(struct mip_user_tun *tun, uint8_t owner)
{
	tun->stays = set_mark(tun->link, owner) == 0 && ioctl(tun->descriptor, TUNSETPERSIST, 1) == 0;
}

/* --- made ----------------------------------------------------------------------------------------- */

/* EXCL: a device of this name that somebody else made to stay is not ours to take away at the end. */
static int attach(struct mip_user_tun *tun, uint8_t owner, struct ifreq *request)
{
	const short flags = (short)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR);

	request->ifr_flags = (short)(flags | IFF_TUN_EXCL);
	if (ioctl(tun->descriptor, TUNSETIFF, request) == 0)
		return 0;
	if (errno != EBUSY)
		return -1;
	if (!is_marked(request->ifr_name, owner)) {
		errno = EBUSY;
		return -1;
	}
	request->ifr_flags = flags;
	if (ioctl(tun->descriptor, TUNSETIFF, request) < 0)
		return -1;
	tun->adopted = true;
	return 0;
}

static int create(struct mip_user_tun *tun, uint8_t owner, struct ifreq *request, const char **ret_reason)
{
	tun->descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun->descriptor < 0) {
		*ret_reason = "/dev/net/tun cannot be opened";
		return errno == ENOENT || errno == ENODEV || errno == ENXIO ? -EOPNOTSUPP : -errno;
	}
	if (attach(tun, owner, request) < 0) {
		*ret_reason = errno == EBUSY ? "the tunnel device is there already"
					     : "the tunnel device cannot be made";
		return -errno;
	}
	set_offloads(tun);
	return 0;
}

/* Without this the kernel gives the device a link-local address and solicits routers into the tunnel. A
 * kernel without IPv6 refuses, and needs none of it. */
static void disable_ipv6(mip_link index)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct rtnl_link *link = rtnl_link_alloc();
	struct rtnl_link *change = rtnl_link_alloc();

	if (socket && link && change && nl_connect(socket, NETLINK_ROUTE) == 0) {
		rtnl_link_set_ifindex(link, index);
		rtnl_link_set_ifindex(change, index);
		if (rtnl_link_inet6_set_addr_gen_mode(change, IN6_ADDR_GEN_MODE_NONE) == 0)
			(void)rtnl_link_change(socket, link, change, 0);
	}
	rtnl_link_put(change);
	rtnl_link_put(link);
	nl_socket_free(socket);
}

static int configure(struct mip_user_tun *tun, struct ifreq *request, uint32_t mtu, const char **ret_reason)
{
	int error = 0;
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (control < 0)
		return -errno;
	*ret_reason = "the tunnel device cannot be configured";
	if (ioctl(control, SIOCGIFINDEX, request) < 0)
		goto failed;
	tun->link = request->ifr_ifindex;
	disable_ipv6(tun->link);
	request->ifr_mtu = (int)mtu;
	if (ioctl(control, SIOCSIFMTU, request) < 0)
		goto failed;
	if (ioctl(control, SIOCGIFFLAGS, request) < 0)
		goto failed;
	request->ifr_flags |= IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, request) < 0)
		goto failed;
	goto out;
failed:
	error = -errno;
out:
	close(control);
	return error;
}

int mip_user_tun_open(const char *name, uint32_t mtu, bool stays, uint8_t owner, struct mip_user_tun *ret_tun,
	const char **ret_reason)
{
	struct mip_user_tun tun = {.descriptor = -1};
	struct ifreq request = {0};
	int error;

	if (strlen(name) >= sizeof(request.ifr_name)) {
		*ret_reason = "the name of the tunnel device is too long";
		return -EINVAL;
	}
	memcpy(request.ifr_name, name, strlen(name));
	error = create(&tun, owner, &request, ret_reason);
	if (!error)
		error = configure(&tun, &request, mtu, ret_reason);
	if (error) {
		mip_user_tun_close(&tun);
		return error;
	}
	if (stays)
		make_it_stay(&tun, owner);
	else if (tun.adopted)
		(void)ioctl(tun.descriptor, TUNSETPERSIST, 0);
	*ret_tun = tun;
	return 0;
}

void mip_user_tun_close(struct mip_user_tun *tun)
{
	if (tun->descriptor >= 0 && tun->stays)
		(void)ioctl(tun->descriptor, TUNSETPERSIST, 0);
	mip_user_tun_leave(tun);
}

void mip_user_tun_leave(struct mip_user_tun *tun)
{
	if (tun->descriptor >= 0)
		close(tun->descriptor);
	tun->descriptor = -1;
}

bool mip_user_tun_is_there(const struct mip_user_tun *tun)
{
	struct ifreq request = {0};

	return tun->descriptor >= 0 && ioctl(tun->descriptor, TUNGETIFF, &request) == 0;
}

int mip_user_tun_read(
	const struct mip_user_tun *tun, uint8_t *octets, size_t size, struct mip_offload *ret_offload)
{
	struct virtio_net_hdr header;
	struct iovec parts[] = {{&header, sizeof(header)}, {octets, size}};
	ssize_t length;
	int error;

	do
		length = readv(tun->descriptor, parts, MIP_ARRAY_SIZE(parts));
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	if ((size_t)length < sizeof(header))
		return -EBADMSG;
	error = mip_vnet_read(&header, 0, ret_offload);
	return error ? error : (int)((size_t)length - sizeof(header));
}

int mip_user_tun_write(const struct mip_user_tun *tun, const uint8_t *octets, size_t length,
	const struct mip_offload *offload)
{
	struct virtio_net_hdr header = mip_vnet_of(offload, 0);
	struct iovec parts[] = {{&header, sizeof(header)}, {(void *)(uintptr_t)octets, length}};
	ssize_t written;

	do
		written = writev(tun->descriptor, parts, MIP_ARRAY_SIZE(parts));
	while (written < 0 && errno == EINTR);
	return written < 0 ? -errno : 0;
}
