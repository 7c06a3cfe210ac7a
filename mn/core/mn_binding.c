/*
 * The binding in use: taken over when its request is accepted, renewed before it ends, kept alive through a
 * NAT (RFC 3519 4.9), and let go when its link goes. What it replaces stays for a time of grace, so that
 * packets that are still on the old way arrive.
 */
#include "mn_machine.h"

#include "event.h"

static mip_time smaller(mip_time a, mip_time b)
{
	return a < b ? a : b;
}

static mip_time larger(mip_time a, mip_time b)
{
	return a > b ? a : b;
}

static void set(struct mn_core *core, struct mip_deadline *deadline, enum mn_deadline kind, mip_time at)
{
	deadline->kind = kind;
	(void)mip_deadline_set(&core->deadlines, deadline, at);
}

bool mn_binding_is_live(const struct mn_core *core)
{
	return core->binding.place.mode != MN_MODE_NONE && !core->binding.lost;
}

static void clear(struct mn_core *core)
{
	mip_deadline_cancel(&core->deadlines, &core->binding.renew);
	mip_deadline_cancel(&core->deadlines, &core->binding.expire);
	mip_deadline_cancel(&core->deadlines, &core->binding.keepalive);
	core->binding = (struct mn_binding){0};
	core->astray = false;
}

void mn_binding_drop(struct mn_core *core)
{
	clear(core);
}

void mn_binding_grace_over(struct mn_core *core)
{
	mip_deadline_cancel(&core->deadlines, &core->grace);
	core->old = (struct mn_binding){0};
}

/* Packets by the old way are welcome for a while; if the home agent goes on sending them there, for that
 * while after it has ceased to. A binding that was lost with its link has nothing to keep. */
static void begin_grace(struct mn_core *core, bool retained, struct mip_now now)
{
	const struct mn_binding *binding = &core->binding;
	bool moves = !mn_place_same(&binding->place, &core->attempt.place);

	if (core->others && !retained && core->old.place.mode != MN_MODE_NONE)
		set(core, &core->grace, MN_DEADLINE_GRACE, now.boot + core->settings.grace);
	if (!moves || (binding->place.mode != MN_MODE_CO_LOCATED && !retained))
		return;
	core->old = *binding;
	core->old.lost = false;
	core->old.keepalive_unanswered = 0;
	core->old.renew = core->old.expire = core->old.keepalive = (struct mip_deadline){0};
	mip_deadline_cancel(&core->deadlines, &core->grace);
	if (!retained)
		set(core, &core->grace, MN_DEADLINE_GRACE, now.boot + core->settings.grace);
}

/* In time for a few repetitions, and for no more than a minute of a long lifetime. */
static mip_time margin_of(const struct mn_binding *binding)
{
	return smaller(binding->lifetime * MIP_SECOND / 3, MN_RENEWAL_MARGIN * MIP_SECOND);
}

static mip_time renewal_of(const struct mn_binding *binding)
{
	return binding->expires - margin_of(binding);
}

/* From then on so little is left that a move, which may come to nothing, has to wait. Requests are a second apart, and so are the
 * looks at what is left: a short lifetime leaves no less than two of them. */
static mip_time end_of_leisure(const struct mn_binding *binding)
{
	mip_time margin = margin_of(binding);

	return binding->expires - smaller(margin, larger(margin / 3, 2 * MIP_SECOND));
}

static bool ends_soon(const struct mn_core *core, struct mip_now now)
{
	const struct mn_binding *binding = &core->binding;

	return mn_binding_is_live(core) && binding->expires != MIP_NEVER &&
	       now.boot >= end_of_leisure(binding);
}

bool mn_binding_is_urgent(const struct mn_core *core, struct mip_now now)
{
	const struct mn_attempt *attempt = &core->attempt;
	const struct mn_backoff *backoff = mn_place_backoff(core, &core->binding.place);

	/* Once it is repeated or denied, what else there is has its turn. */
	return attempt->active && attempt->unanswered <= 1 && !(backoff && backoff->failures > 0) &&
	       mn_place_same(&attempt->place, &core->binding.place) && ends_soon(core, now);
}

/* … and then it has the attempt to itself, for a second of every two. */
static void renew_first(struct mn_core *core, struct mip_now now)
{
	struct mn_place place = core->binding.place;

	mn_attempt_begin(core, &place, false, now);
	set(core, &core->binding.renew, MN_DEADLINE_RENEW, now.boot + 2 * MIP_SECOND);
}

static void set_lifetime(struct mn_core *core, mip_time sent_at)
{
	struct mn_binding *binding = &core->binding;

	binding->expires = MIP_NEVER;
	if (binding->place.mode == MN_MODE_HOME || binding->lifetime == MIP_LIFETIME_INFINITE)
		return;
	/* rfc5944-3.6.2.2-5: as if a timer for the granted lifetime were started when the request was sent.
	 */
	binding->expires = sent_at + binding->lifetime * MIP_SECOND;
	set(core, &binding->renew, MN_DEADLINE_RENEW, renewal_of(binding));
	set(core, &binding->expire, MN_DEADLINE_EXPIRE, binding->expires);
}

/* RFC 3519 4.10: a shortened interval holds while the node stays behind the same NAT. */
static mip_time keepalive_interval_of(
	const struct mn_core *core, uint16_t assigned, bool same_place, mip_time last)
{
	/* rfc3519-3.2-1: the home agent's interval, -3: or the configured one if the field is 0. */
	mip_time interval = assigned > 0 ? assigned * MIP_SECOND : core->settings.keepalive_interval;

	/* rfc3519-4.10-2: MUST NOT use a keepalive less than 10 seconds. */
	interval = larger(interval, MN_KEEPALIVE_LEAST * MIP_SECOND);
	/* rfc3519-4.10-3: behind another NAT SHOULD return to the original interval. */
	return same_place && last > 0 ? smaller(interval, last) : interval;
}

static void begin_keepalive(struct mn_core *core, mip_time sent_at, struct mip_now now)
{
	struct mn_binding *binding = &core->binding;

	if (binding->encapsulation != MIP_ENCAPSULATION_UDP)
		return;
	/* rfc3519-4.4-7: through an agent that insists, the home agent learns the NAT's port from the first
	 * keep-alive: at once. Otherwise the request itself was the first packet. */
	if (!mip_address_is_none(binding->place.agent))
		mn_binding_keepalive(core, now);
	else
		/* rfc3519-3.2-2: "A keepalive packet SHOULD be sent if Keepalive Interval seconds have elapsed without any …" */
		set(core, &binding->keepalive, MN_DEADLINE_KEEPALIVE, sent_at + binding->keepalive_interval);
}

static void report(struct mn_core *core, mip_time began, bool renewal, struct mip_now now)
{
	const struct mn_binding *binding = &core->binding;
	struct mip_event event = mn_place_event(core, "registered", &binding->place);
	bool home = binding->place.mode == MN_MODE_HOME;

	mip_event_number(&event, "lifetime", binding->lifetime);
	if (home)
		mip_event_null(&event, "encapsulation");
	else
		mip_event_string(&event, "encapsulation", mip_encapsulation_name(binding->encapsulation));
	mip_event_boolean(&event, "renewal", renewal);
	mip_event_boolean(&event, "simultaneous", core->others);
	mip_event_number(&event, "milliseconds", (now.boot - began) / MIP_MILLISECOND);
	mn_report(core, &event);
	mip_log(core->log, MIP_LOG_INFO, "%s on %s, care-of address %s, for %u s",
		home ? "at home" : "registered", mn_interface_name(core, binding->place.link),
		MIP_TEXT(binding->place.care_of_address), binding->lifetime);
}

/* rfc3024-4.1.2-1: MUST employ whatever delivery style was requested. rfc3024-5.2.2-1: to "the address of the agent as
 * learned from the IP source address of the agent's most recent successful registration reply". */
static struct mip_address delivery_agent_of(const struct mn_attempt *attempt, const struct mn_grant *grant)
{
	if (!attempt->encapsulating || attempt->place.mode != MN_MODE_FOREIGN_AGENT)
		return (struct mip_address){0};
	return mip_address_is_unicast(grant->source) ? grant->source : attempt->place.agent;
}

static void take_over(struct mn_core *core, const struct mn_grant *grant, struct mip_now now)
{
	struct mn_attempt *attempt = &core->attempt;
	bool same_place = mn_place_same(&core->binding.place, &attempt->place);
	mip_time last_interval = core->binding.keepalive_interval;
	mip_time sent_at = attempt->sent_at, began = attempt->began;
	bool has_t = attempt->flags & MIP_REQUEST_T;

	begin_grace(core, grant->retained, now);
	mn_simultaneous_accepted(core, grant->retained, !same_place, now);
	clear(core);
	core->binding = (struct mn_binding){
		.place = attempt->place,
		.lifetime = grant->lifetime,
		.reverse_tunnel = has_t || grant->encapsulation == MIP_ENCAPSULATION_UDP,
		.encapsulation = grant->encapsulation,
		.revocable = grant->revocable,
		.home_agent_timestamp = grant->home_agent_timestamp,
		.delivery_agent = delivery_agent_of(attempt, grant),
		.keepalive_interval =
			keepalive_interval_of(core, grant->keepalive_interval, same_place, last_interval),
	};
	core->bound_once = true;
	mn_revocation_registered(core, &core->binding.place);
	mn_attempt_end(core);
	set_lifetime(core, sent_at);
	mn_home_agent_session(core, core->binding.expires, now);
	begin_keepalive(core, sent_at, now);
	/* There is a NAT, so all goes by the tunnel: the home agent is told that too. */
	if (core->binding.reverse_tunnel && !has_t && !core->reverse_refused)
		set(core, &core->binding.renew, MN_DEADLINE_RENEW, now.boot);
	report(core, began, same_place, now);
}

void mn_binding_resume(struct mn_core *core, struct mip_now now)
{
	struct mn_binding old = core->old;

	mn_binding_grace_over(core);
	clear(core);
	core->binding = old;
	/* As it was granted then. */
	set_lifetime(core, old.expires - old.lifetime * MIP_SECOND);
	if (old.encapsulation == MIP_ENCAPSULATION_UDP)
		set(core, &core->binding.keepalive, MN_DEADLINE_KEEPALIVE, now.boot + old.keepalive_interval);
}

void mn_binding_accept(struct mn_core *core, const struct mn_grant *grant, struct mip_now now)
{
	mn_place_served(core, &core->attempt.place);
	mn_solicit_registered(core);
	if (core->attempt.ending) {
		mn_simultaneous_accepted(core, false, false, now);
		mn_attempt_end(core);
		clear(core);
		mn_home_agent_session_over(core);
	} else {
		take_over(core, grant, now);
	}
	mn_decide(core, now);
}

/* In a second, but not past the moment from which it is urgent. */
static mip_time next_look(const struct mn_binding *binding, struct mip_now now)
{
	mip_time urgent = end_of_leisure(binding), second = now.boot + MIP_SECOND;

	return urgent > now.boot ? smaller(urgent, second) : second;
}

/* rfc5944-3.6.2.2-3: before it expires. Also when its agent has restarted, or a person asks.
 * rfc5944-3.8.2.2-6: the granted Lifetime indicates when it SHOULD re-register. */
void mn_binding_renew(struct mn_core *core, struct mip_now now)
{
	const struct mn_binding *binding = &core->binding;
	struct mn_place place = binding->place;

	if (!mn_binding_is_live(core) || place.mode == MN_MODE_HOME || core->resting)
		return;
	if (!core->attempt.active)
		mn_attempt_begin(core, &place, false, now);
	else if (mn_place_same(&core->attempt.place, &place))
		mn_attempt_hurry(core, now);
	else if (!core->attempt.ending && ends_soon(core, now))
		renew_first(core, now);
	else /* something better is being tried; if that does not work out, there is still time */
		set(core, &core->binding.renew, MN_DEADLINE_RENEW, next_look(binding, now));
}

/* A renewal that gave way to a move, which came to nothing, is due again. */
void mn_binding_watch(struct mn_core *core, struct mip_now now)
{
	struct mn_binding *binding = &core->binding;

	if (!mn_binding_is_live(core) || core->attempt.active || core->resting ||
		binding->expires == MIP_NEVER || mip_deadline_is_set(&binding->renew))
		return;
	set(core, &binding->renew, MN_DEADLINE_RENEW, larger(renewal_of(binding), now.boot + MIP_SECOND));
}

void mn_binding_expired(struct mn_core *core, struct mip_now now)
{
	mip_log(core->log, MIP_LOG_WARNING, "the registration has expired");
	clear(core);
	/* What was to be ended has ended; a home agent that was found and does not answer, or refuses, is looked for
	 * anew. */
	if (core->attempt.ending)
		mn_attempt_end(core);
	if (core->silent || mn_home_agent_refuses(core->last_code))
		mn_home_agent_forget(core, now);
	mn_decide(core, now);
}

/* --- keep-alives ------------------------------------------------------------------------------ */

/* rfc3519-4.9-1: a properly UDP-encapsulated ICMP echo request directed to the home agent. */
static void send_keepalive(struct mn_core *core)
{
	struct mn_binding *binding = &core->binding;
	struct mip_icmp_echo echo = {
		.type = MIP_ICMP_ECHO_REQUEST,
		.identifier = core->port,
		.sequence = ++binding->keepalive_sequence,
	};
	struct mip_ip ip = {
		.identification = core->ip_identification++,
		.ttl = 64,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = core->home_address,
		.destination = core->home_agent,
	};
	struct mip_output_datagram datagram = {
		.link = binding->place.link,
		.source = binding->place.care_of_address,
		.destination = core->home_agent,
		.destination_port = MIP_REGISTRATION_PORT,
	};
	uint8_t message[8], octets[MIP_TUNNEL_DATA_HEADER + MIP_IP_HEADER + sizeof(message)];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	mip_icmp_echo_write(&writer, &echo, NULL, 0);
	writer = mip_writer_of(octets, sizeof(octets));
	mip_tunnel_data_write(&writer, MIP_PROTOCOL_IPIP);
	mip_ip_packet_write(&writer, &ip, message, sizeof(message));
	if (mip_writer_failed(&writer))
		return;
	(void)mip_outbox_datagram(&core->outbox, &datagram, octets, writer.length);
	mn_count(core, MN_COUNT_KEEPALIVES_SENT);
}

/* RFC 3519 4.10: no answer after a number of retransmissions: the NAT has lost its mapping. Register again,
 * which makes a new one, and be quicker from now on. */
static void mapping_lost(struct mn_core *core, struct mip_now now)
{
	struct mn_binding *binding = &core->binding;

	mn_warn(core, now, "no answer to keep-alives, registering again", core->home_agent);
	mn_count(core, MN_COUNT_KEEPALIVES_LOST);
	binding->keepalive_unanswered = 0;
	binding->keepalive_interval =
		larger(binding->keepalive_interval / 2, MN_KEEPALIVE_LEAST * MIP_SECOND);
	set(core, &binding->keepalive, MN_DEADLINE_KEEPALIVE, now.boot + binding->keepalive_interval);
	/* rfc3519-4.10-1: "… current mobility binding, the mobile node SHOULD re-register with the home agent by sending an …" */
	mn_binding_renew(core, now);
}

void mn_binding_keepalive(struct mn_core *core, struct mip_now now)
{
	struct mn_binding *binding = &core->binding;
	mip_time wait;

	if (!mn_binding_is_live(core) || binding->encapsulation != MIP_ENCAPSULATION_UDP)
		return;
	if (binding->keepalive_unanswered >= MN_KEEPALIVE_ATTEMPTS) {
		mapping_lost(core, now);
		return;
	}
	/* rfc3519-4.9-2: "… endpoint of the Mobile-IP UDP tunnel MUST send a keepalive packet if no other packet to the HA …" */
	send_keepalive(core);
	wait = MIP_SECOND << binding->keepalive_unanswered++;
	set(core, &binding->keepalive, MN_DEADLINE_KEEPALIVE, now.boot + wait);
}

bool mn_core_tunnelled(struct mn_core *core, const uint8_t *packet, size_t length, struct mip_now now)
{
	struct mn_binding *binding = &core->binding;
	struct mip_reader reader = mip_reader_of(packet, length), payload;
	struct mip_icmp_echo echo;
	struct mip_ip ip;

	if (binding->encapsulation != MIP_ENCAPSULATION_UDP || mip_ip_read(&reader, &ip, &payload) < 0 ||
		ip.protocol != MIP_PROTOCOL_ICMP || !mip_address_equal(ip.source, core->home_agent) ||
		!mip_address_equal(ip.destination, core->home_address) ||
		mip_icmp_echo_read(&payload, &echo) < 0)
		return false;
	/* rfc3519-4.9-4: "The remote UDP tunnel endpoint MUST use two-way keepalives consisting of UDP encapsulated ICMP …" */
	if (echo.type != MIP_ICMP_ECHO_REPLY || echo.identifier != core->port)
		return false; /* the host's own ping */
	if (binding->keepalive_unanswered == 0 || echo.sequence != binding->keepalive_sequence) {
		mn_count(core, MN_COUNT_DROP_KEEPALIVE);
		return true;
	}
	mn_count(core, MN_COUNT_KEEPALIVES_ANSWERED);
	binding->keepalive_unanswered = 0;
	set(core, &binding->keepalive, MN_DEADLINE_KEEPALIVE, now.boot + binding->keepalive_interval);
	return true;
}
