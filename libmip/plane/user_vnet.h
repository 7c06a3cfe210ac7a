/*
 * struct virtio_net_hdr, in which TUN devices and packet sockets say what a packet still needs before it can go on a wire.
 */
#ifndef MIP_PLANE_USER_VNET_H
#define MIP_PLANE_USER_VNET_H

#include <linux/virtio_net.h>

#include "offload.h"

/* `before`: octets of a link header, from which the kernel counts; the offload counts from the IP header. 0, or -EBADMSG:
 * a large packet of a kind that is not known. */
int mip_vnet_read(const struct virtio_net_hdr *header, size_t before, struct mip_offload *ret_offload);
struct virtio_net_hdr mip_vnet_of(const struct mip_offload *offload, size_t before);

#endif
