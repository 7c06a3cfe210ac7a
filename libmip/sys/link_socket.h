/*
 * A socket on a link itself (AF_PACKET): takes the few packets that a mobility agent or node must see with
 * their link addresses, and sends frames to link addresses that it knows. A BPF filter in the kernel keeps
 * all else out:
 *
 *   IPv4, UDP, to or from port 434 (not fragments)     IPv4, ICMP types 9 and 10     ARP, if asked for
 *
 * and, while that is asked for, IPv4 packets in frames to a group or to everyone, fragments too.
 *
 * Frames that this host sends, and those for other hosts (promiscuous), do not come through. When the link
 * goes and comes back, make a new socket.
 */
#ifndef MIP_SYS_LINK_SOCKET_H
#define MIP_SYS_LINK_SOCKET_H

#include "input.h"
#include "loop.h"
#include "output.h"

struct mip_link_socket;
typedef void mip_frame_function(void *context, const struct mip_input_frame *frame);

enum {
	MIP_LINK_SOCKET_ARP = 1, /* ARP packets too */
};

/* 0 or negative errno (-ENODEV: no such link; -ENOTSUP: it is not Ethernet). */
int mip_link_socket_new(struct mip_loop *loop, mip_link link, unsigned flags, mip_frame_function *function,
	void *context, struct mip_link_socket **ret_socket);
void mip_link_socket_free(struct mip_link_socket *socket);
/* Whether what comes to groups and to everyone is taken too; at first it is not. 0 or negative errno. */
int mip_link_socket_hear_groups(struct mip_link_socket *socket, bool wanted);
/* frame->link must be the socket's. 0 or negative errno. */
int mip_link_socket_send(struct mip_link_socket *socket, const struct mip_output_frame *frame,
	const void *octets, size_t length);

#endif
