/*
 * The TUN device: the kernel's packets come out of its descriptor, packets written to it come in to the
 * kernel, both with what a network card would be told about large ones (IFF_VNET_HDR).
 */
#ifndef MIP_PLANE_USER_TUN_H
#define MIP_PLANE_USER_TUN_H

#include "offload.h"

struct mip_user_tun {
	int descriptor; /* non-blocking */
	mip_link link;
	bool udp_offload; /* large packets of UDP both ways: Linux 6.2 */
	bool stays;	  /* it outlives this process unless it is closed */
	bool adopted;	  /* a predecessor's, with all that leads to it */
};

/* Makes the device and raises it, without an address and without IPv6. 0, or negative errno and a reason. One
 * that `stays` outlives the process that is killed, and carries a mark with the number of its
 * `owner` by which the successor knows it and takes it over. */
int mip_user_tun_open(const char *name, uint32_t mtu, bool stays, uint8_t owner, struct mip_user_tun *ret_tun,
	const char **ret_reason);
/* The device goes with it. Once. */
void mip_user_tun_close(struct mip_user_tun *tun);
/* The descriptor goes, and a device that stays is left to a successor. Once. */
void mip_user_tun_leave(struct mip_user_tun *tun);

/* Whether the device is still there: somebody may have deleted it. */
bool mip_user_tun_is_there(const struct mip_user_tun *tun);

/* One packet: its length, -EAGAIN when there is none, -EBADFD when the device is gone,
 * other negative errno. */
int mip_user_tun_read(
	const struct mip_user_tun *tun, uint8_t *octets, size_t size, struct mip_offload *ret_offload);
/* 0 or negative errno. */
int mip_user_tun_write(const struct mip_user_tun *tun, const uint8_t *octets, size_t length,
	const struct mip_offload *offload);

#endif
