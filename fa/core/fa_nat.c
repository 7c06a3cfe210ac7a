/*
 * A foreign agent behind a NAT (RFC 3519 4.5, 4.9): what it asks of the home agent, what it is granted, and the
 * keep-alives that hold the NAT's mapping for each visitor's tunnel.
 *
 *   request ── UDP Tunnel Request appended ──> home agent, which sees the NAT's address in place of ours
 *   reply  <── UDP Tunnel Reply: assent ──     the visitor's tunnel is in UDP, both ways, between our port and its
 *                declined, or none             the tunnel is as the M and G bits say
 *
 * The port of the tunnel is the one that requests are relayed from: the NAT has its mapping from them.
 */
#include "fa_private.h"

enum {
	UDP_TUNNEL_DECLINED = 64, /* RFC 3519 3.2: codes from here on */
	KEEPALIVE_LEAST = 10,	  /* seconds; rfc3519-4.10-2, for any end that sends them */
	KEEPALIVE_ATTEMPTS = 4,	  /* unanswered, until the mapping counts as lost */
	KEEPALIVE_TTL = 64,
	ECHO_HEADER = 8,
};

bool fa_nat_requires_reverse_tunnel(const struct fa_core_settings *settings)
{
	return settings->reverse_tunnel_required || (settings->behind_nat && !settings->nat_keeps_sources);
}

bool fa_nat_asks(const struct fa_core *core, const struct mip_registration_request *request)
{
	/* rfc3519-4.5-1: MUST NOT add it to a request with a co-located care-of address. rfc3519-4.5-4: REQUIRED that the
	 * request's source is the care-of address; a request that leaves a binding asks for no tunnel. */
	return core->settings.values.behind_nat && !(request->flags & MIP_REQUEST_D) &&
	       request->lifetime > 0 &&
	       mip_address_equal(request->care_of_address, core->settings.values.care_of_address);
}

void fa_nat_write_request(const struct mip_registration_request *request, struct mip_writer *writer)
{
	/* RFC 3519 3.1.4: zero means what the M and G bits say, which speak of a tunnel without UDP. Within UDP it shall be
	 * IP in any case, which every home agent has. */
	const struct mip_udp_tunnel_request tunnel = {
		.encapsulation = request->flags & MIP_REQUEST_ENCAPSULATIONS ? MIP_PROTOCOL_IPIP : 0,
	};

	mip_udp_tunnel_request_write(writer, &tunnel);
}

bool fa_nat_is_granted(
	const struct mip_extensions *extensions, size_t authorized, struct mip_udp_tunnel_reply *ret_reply)
{
	const struct mip_extension *extension = mip_extension_of(extensions, MIP_SLOT_UDP_TUNNEL_REPLY);
	struct mip_udp_tunnel_reply reply;

	/* Ours stands behind the Mobile-Home Authentication Extension; one before it is the node's. */
	if (!extension || extension->offset < authorized ||
		mip_udp_tunnel_reply_read(extension, &reply) < 0 || reply.code >= UDP_TUNNEL_DECLINED)
		return false;
	*ret_reply = reply;
	return true;
}

/* --- keep-alives ------------------------------------------------------------------------------ */

static mip_time interval_of(const struct fa_core *core, uint16_t assigned)
{
	/* rfc3519-3.2-3: if the field is 0, MUST use the configured interval. And no longer one than that in any case: it
	 * is for the NAT here (RFC 3519 4.10), which the home agent does not know. */
	mip_time interval = core->settings.values.keepalive_interval;

	if (assigned > 0 && assigned * MIP_SECOND < interval)
		interval = assigned * MIP_SECOND;
	return interval < KEEPALIVE_LEAST * MIP_SECOND ? KEEPALIVE_LEAST * MIP_SECOND : interval;
}

static void set(struct fa_core *core, struct fa_visitor *visitor, mip_time at)
{
	visitor->keepalive.deadline.kind = FA_DEADLINE_KEEPALIVE;
	if (mip_deadline_set(&core->deadlines, &visitor->keepalive.deadline, at) < 0)
		fa_count(core, FA_COUNT_DROP_NO_MEMORY);
}

void fa_nat_begin(struct fa_core *core, struct fa_visitor *visitor, uint16_t assigned, struct mip_now now)
{
	visitor->keepalive.interval = interval_of(core, assigned);
	visitor->keepalive.unanswered = 0;
	/* RFC 3519 4.9: the first one at the earliest K seconds after the request was sent. */
	set(core, visitor, now.boot + visitor->keepalive.interval);
}

void fa_nat_end(struct fa_core *core, struct fa_visitor *visitor)
{
	mip_deadline_cancel(&core->deadlines, &visitor->keepalive.deadline);
}

/* rfc3519-4.9-1: "MUST consist of a properly UDP encapsulated ICMP echo request directed to the home agent"; in the
 * visitor's name, for no other inner source comes out of its tunnel. rfc3519-4.9-3: by the port of its requests. */
static void send_keepalive(struct fa_core *core, struct fa_visitor *visitor)
{
	struct mip_icmp_echo echo = {
		.type = MIP_ICMP_ECHO_REQUEST,
		.identifier = core->keepalive_identifier,
		.sequence = ++visitor->keepalive.sequence,
	};
	struct mip_ip ip = {
		.identification = visitor->keepalive.sequence,
		.ttl = KEEPALIVE_TTL,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = visitor->home_address,
		.destination = visitor->home_agent,
	};
	struct mip_output_datagram datagram = {
		.source = visitor->registration.request.care_of_address,
		.destination = visitor->home_agent,
		.destination_port = MIP_REGISTRATION_PORT,
	};
	uint8_t message[ECHO_HEADER], octets[MIP_TUNNEL_DATA_HEADER + MIP_IP_HEADER + sizeof(message)];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	mip_icmp_echo_write(&writer, &echo, NULL, 0);
	writer = mip_writer_of(octets, sizeof(octets));
	mip_tunnel_data_write(&writer, MIP_PROTOCOL_IPIP);
	mip_ip_packet_write(&writer, &ip, message, sizeof(message));
	if (!mip_writer_failed(&writer) &&
		mip_outbox_datagram(core->environment.outbox, &datagram, octets, writer.length) == 0)
		fa_count(core, FA_COUNT_KEEPALIVES_SENT);
}

/* RFC 3519 4.10: of a foreign agent the section only says that its interval is to be configured below the NAT's; so a
 * person is told. The node's renewal makes the home agent know the new mapping. */
static void mapping_lost(struct fa_core *core, struct fa_visitor *visitor, struct mip_now now)
{
	fa_count(core, FA_COUNT_KEEPALIVES_LOST);
	if (mip_log_allowed(&core->denial_log, now.boot, NULL))
		mip_log(core->environment.log, MIP_LOG_WARNING,
			"home agent %s does not answer the keep-alives for %s: is keepalive_interval too "
			"long for the NAT?",
			MIP_TEXT(visitor->home_agent), MIP_TEXT(visitor->home_address));
	visitor->keepalive.unanswered = 0;
	set(core, visitor, now.boot + visitor->keepalive.interval);
}

void fa_nat_due(struct fa_core *core, struct fa_visitor *visitor, struct mip_now now)
{
	if (visitor->keepalive.unanswered >= KEEPALIVE_ATTEMPTS) {
		mapping_lost(core, visitor, now);
		return;
	}
	send_keepalive(core, visitor);
	set(core, visitor, now.boot + (MIP_SECOND << visitor->keepalive.unanswered++));
}

bool fa_core_tunnelled(struct fa_core *core, const uint8_t *packet, size_t length, struct mip_now now)
{
	struct mip_reader reader = mip_reader_of(packet, length), payload;
	struct fa_visitor *visitor;
	struct mip_icmp_echo echo;
	struct mip_ip ip;

	if (mip_ip_read(&reader, &ip, &payload) < 0 || ip.protocol != MIP_PROTOCOL_ICMP ||
		mip_icmp_echo_read(&payload, &echo) < 0 || echo.type != MIP_ICMP_ECHO_REPLY ||
		echo.identifier != core->keepalive_identifier)
		return false;
	visitor = fa_visitor_find(core, ip.destination);
	/* The node's own ping may have the same identifier by chance; it waits for no answer of ours then. */
	if (!visitor || visitor->encapsulation != MIP_ENCAPSULATION_UDP ||
		visitor->keepalive.unanswered == 0 || !mip_address_equal(ip.source, visitor->home_agent) ||
		echo.sequence != visitor->keepalive.sequence)
		return false;
	fa_count(core, FA_COUNT_KEEPALIVES_ANSWERED);
	visitor->keepalive.unanswered = 0;
	set(core, visitor, now.boot + visitor->keepalive.interval);
	return true;
}
