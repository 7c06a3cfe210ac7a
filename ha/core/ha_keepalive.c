/*
 * Keep-alives that tell where a tunnel goes (RFC 3519 4.6, 4.11).
 *
 * A node that has a co-located care-of address behind a NAT, and registers through a foreign agent all the
 * same (the 'R' bit of its advertisements), sends its tunnelled packets by another way than its requests: the
 * NAT gives them a port of their own. So its binding is half bound, without a tunnel, until the node's first
 * keep-alive comes and shows that port; a later one by another port (the NAT has forgotten) moves the tunnel.
 */
#include "ha_internal.h"

#include "packet.h"

/* 4.9: "a properly UDP encapsulated ICMP echo request directed to the home agent". */
static bool is_echo_request(const struct mip_ip *ip, struct mip_reader *payload)
{
	return ip->protocol == MIP_PROTOCOL_ICMP && !ip->more_fragments && ip->fragment_offset == 0 &&
	       mip_read8(payload) == MIP_ICMP_ECHO_REQUEST && !mip_reader_failed(payload);
}

static int read_keepalive(const struct mip_input_datagram *datagram, struct mip_ip *ret_ip)
{
	struct mip_reader reader = mip_reader_of(datagram->octets, datagram->length), payload;
	uint8_t next_header;

	if (mip_tunnel_data_read(&reader, &next_header) < 0 || next_header != MIP_PROTOCOL_IPIP ||
		mip_ip_read(&reader, ret_ip, &payload) < 0 || !is_echo_request(ret_ip, &payload))
		return -1;
	return 0;
}

/* … and the outer source address, but not the port, that of the request (rfc3519-4.6-8, rfc3519-6.1.2-1). */
static bool is_of(
	const struct ha_binding *binding, const struct mip_ip *ip, const struct mip_input_datagram *datagram)
{
	return binding->half_bound && mip_address_equal(ip->destination, binding->home_agent) &&
	       mip_address_equal(datagram->source, binding->source) &&
	       mip_address_equal(datagram->destination, binding->local);
}

bool ha_core_tunnel_data(struct ha_core *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	struct ha_binding *binding;
	struct mip_ip ip;

	if (core->half_bound_count == 0 || read_keepalive(datagram, &ip) < 0)
		return false;
	/* rfc3519-4.6-9: the inner source MUST be the home address, the inner destination the home agent's …
	 */
	binding = ha_binding_find(core, ip.source);
	while (binding && !is_of(binding, &ip, datagram))
		binding = binding->sibling;
	if (!binding || datagram->source_port == binding->tunnel_port)
		return false;
	/* rfc3519-4.6-10. */
	ha_binding_set_port(core, binding, datagram->source_port, now);
	return true;
}
