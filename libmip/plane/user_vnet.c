/*
 * From and to struct virtio_net_hdr.
 */
#include "user_vnet.h"

#include <errno.h>

/* Of Linux 6.2; older headers do not have it. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

int mip_vnet_read(const struct virtio_net_hdr *header, size_t before, struct mip_offload *ret_offload)
{
	struct mip_offload offload = {0};

	switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		break;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		offload.kind = MIP_OFFLOAD_TCP;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		offload.kind = MIP_OFFLOAD_UDP;
		break;
	default:
		return -EBADMSG;
	}
	offload.segment_size = header->gso_size;
	if (header->hdr_len > before)
		offload.header_length = (uint16_t)(header->hdr_len - before);
	offload.needs_checksum = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (offload.needs_checksum && header->csum_start < before)
		return -EBADMSG;
	if (offload.needs_checksum) {
		offload.checksum_start = (uint16_t)(header->csum_start - before);
		offload.checksum_offset = header->csum_offset;
	}
	*ret_offload = offload;
	return 0;
}

struct virtio_net_hdr mip_vnet_of(const struct mip_offload *offload, size_t before)
{
	static const uint8_t types[] = {
		[MIP_OFFLOAD_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[MIP_OFFLOAD_TCP] = VIRTIO_NET_HDR_GSO_TCPV4,
		[MIP_OFFLOAD_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	struct virtio_net_hdr header = {0};

	if (offload->needs_checksum) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = (uint16_t)(offload->checksum_start + before);
		header.csum_offset = offload->checksum_offset;
	}
	if (offload->kind != MIP_OFFLOAD_NONE) {
		header.gso_type = types[offload->kind];
		header.gso_size = offload->segment_size;
		header.hdr_len = (uint16_t)(offload->header_length + before);
	}
	return header;
}
