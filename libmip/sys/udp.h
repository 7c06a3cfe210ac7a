/*
 * UDP sockets of a daemon: received in batches with where each datagram came in and to which of our
 * addresses, sent with the source address and interface of choice, ICMP errors told.
 */
#ifndef MIP_SYS_UDP_H
#define MIP_SYS_UDP_H

#include "input.h"
#include "loop.h"
#include "output.h"

struct mip_udp_socket;

struct mip_udp_functions {
	void (*datagram)(void *context, const struct mip_input_datagram *datagram);
	void (*icmp_error)(void *context, const struct mip_input_icmp_error *error); /* may be NULL */
	/* Called after each batch, may be NULL: the data plane writes out what it gathered. */
	void (*batch_end)(void *context);
	void *context;
};

/* Bound to `address` (0.0.0.0: any) and `port` (0: the kernel's choice), with SO_BROADCAST, IP_PKTINFO,
 * IP_RECVTTL, IP_RECVTOS, IP_RECVERR, UDP_GRO; datagrams that the kernel joined are given one by one. Path
 * MTU discovery is off for what is sent (signalling may be fragmented). 0 or negative errno.
 *
 * One socket for any address and others for single addresses can share a port, in whatever order they come:
 * those have theirs, it has the rest. The address need not be there yet. While nobody has the rest, a socket
 * for a single address keeps the kernel from answering it with ICMP errors. */
int mip_udp_socket_new(struct mip_loop *loop, struct mip_address address, uint16_t port,
	const struct mip_udp_functions *functions, struct mip_udp_socket **ret_socket);
void mip_udp_socket_free(struct mip_udp_socket *socket);
uint16_t mip_udp_socket_port(const struct mip_udp_socket *socket);
int mip_udp_socket_descriptor(const struct mip_udp_socket *socket);
/* 0 or negative errno (-ENETUNREACH, -EAGAIN …): the datagram is lost, which the protocol survives. */
int mip_udp_socket_send(struct mip_udp_socket *socket, const struct mip_output_datagram *datagram,
	const void *octets, size_t length);

#endif
