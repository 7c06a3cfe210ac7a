/*
 * What the mobile node tells people: its states, events, counters.
 */
#include "mn_machine.h"

#include <string.h>
#include "event.h"
#include "name.h"

const struct mip_name mn_state_names[] = {
	{MN_STATE_SEARCHING, "searching"},
	{MN_STATE_HOME, "home"},
	{MN_STATE_REGISTERING, "registering"},
	{MN_STATE_REGISTERED, "registered"},
	{MN_STATE_UNREACHABLE, "unreachable"},
	{0, NULL},
};

const struct mip_name mn_mode_names[] = {
	{MN_MODE_HOME, "home"},
	{MN_MODE_FOREIGN_AGENT, "foreign-agent"},
	{MN_MODE_CO_LOCATED, "co-located"},
	{0, NULL},
};

const struct mip_name mn_care_of_names[] = {
	{MN_CARE_OF_ANY, "any"},
	{MN_CARE_OF_FOREIGN_AGENT, "foreign-agent"},
	{MN_CARE_OF_CO_LOCATED, "co-located"},
	{0, NULL},
};

const struct mip_name mn_move_detection_names[] = {
	{MN_MOVE_DETECTION_LIFETIME, "lifetime"},
	{MN_MOVE_DETECTION_PREFIX, "prefix"},
	{MN_MOVE_DETECTION_EAGER, "eager"},
	{0, NULL},
};

/* The codes that somebody has defined (see wire/registration.h); all others are counted together. */
/* Formatting by the tool shifts the rows further to the right each time. */
/* clang-format off */
#define REPLY_CODES(ROW) \
	ROW(0) ROW(1) ROW(64) ROW(65) ROW(66) ROW(67) ROW(68) ROW(69) ROW(70) \
	ROW(71) ROW(72) ROW(74) ROW(75) ROW(76) ROW(77) ROW(78) ROW(79) ROW(80) \
	ROW(81) ROW(82) ROW(88) ROW(90) ROW(96) ROW(97) ROW(98) ROW(99) ROW(100) \
	ROW(101) ROW(104) ROW(105) ROW(106) ROW(107) ROW(108) ROW(109) ROW(110) ROW(111) \
	ROW(112) ROW(113) ROW(114) ROW(115) ROW(128) ROW(129) ROW(130) ROW(131) ROW(132) \
	ROW(133) ROW(134) ROW(135) ROW(136) ROW(137) ROW(138) ROW(139) ROW(140) ROW(141) \
	ROW(142) ROW(143) ROW(144) ROW(145) ROW(146) ROW(147) ROW(193) ROW(194)
/* clang-format on */

#define CODE(code) code,
static const uint8_t reply_codes[] = {REPLY_CODES(CODE)};
_Static_assert(sizeof(reply_codes) == MN_REPLY_CODES, "a counter for each code");

#define REPLY(code) {"reply_" #code, "Registration Replies with code " #code},
static const struct mip_counter_name counter_names[MN_COUNT_COUNT] = {
	[MN_COUNT_SOLICITATIONS_SENT] = {"solicitations_sent", "Agent Solicitations sent"},
	[MN_COUNT_ADVERTISEMENTS_RECEIVED] = {"advertisements_received", "Agent Advertisements taken in"},
	[MN_COUNT_REQUESTS_SENT] = {"requests_sent", "Registration Requests sent, repetitions included"},
	[MN_COUNT_REQUESTS_SIMULTANEOUS] = {"requests_simultaneous",
		"Registration Requests for a binding beside those that there are (S)"},
	[MN_COUNT_REQUESTS_REPEATED] = {"requests_repeated", "Registration Requests sent again unanswered"},
	[MN_COUNT_REPLIES_RECEIVED] = {"replies_received", "Registration Replies believed"},
	[MN_COUNT_REVOCATIONS_RECEIVED] = {"revocations_received", "revocations by the home agent"},
	[MN_COUNT_REVOCATION_ACKS_SENT] = {"revocation_acknowledgments_sent",
		"acknowledgments of revocations"},
	[MN_COUNT_KEEPALIVES_SENT] = {"keepalives_sent", "keep-alives sent through a UDP tunnel"},
	[MN_COUNT_KEEPALIVES_ANSWERED] = {"keepalives_answered", "keep-alives answered by the home agent"},
	[MN_COUNT_KEEPALIVES_LOST] = {"nat_mappings_lost", "times that keep-alives stayed unanswered"},
	[MN_COUNT_GRATUITOUS_ARPS_SENT] = {"gratuitous_arps_sent", "gratuitous ARP packets at home"},
	[MN_COUNT_ARP_REPLIES_SENT] = {"arp_replies_sent", "unicast ARP replies to a foreign agent"},
	[MN_COUNT_HANDOVERS] = {"handovers", "moves to another place begun"},
	[MN_COUNT_RESUMED] = {"bindings_resumed",
		"times that the link of a handover died and the binding before it was gone back to (S)"},
	[MN_COUNT_AGENTS_FOUND] = {"agents_found", "agents heard that were not known"},
	[MN_COUNT_AGENTS_LOST] = {"agents_lost", "agents not heard for their lifetime"},
	[MN_COUNT_AGENTS_DISPLACED] = {"agents_displaced",
		"agents forgotten for others, for there were too many on their link"},
	[MN_COUNT_LOG_LINES_WITHHELD] = {"log_lines_withheld",
		"lines about what strangers did that are not in the log, for there were too many"},
	[MN_COUNT_AGENTS_RESTARTED] = {"agents_restarted", "agents whose sequence numbers began anew"},
	[MN_COUNT_ICMP_ERRORS] = {"icmp_errors_received", "ICMP errors about requests"},
	[MN_COUNT_REDIRECTIONS] = {"redirections", "times that a home agent named another one (code 143)"},
	[MN_COUNT_REDIRECTION_LOOPS] = {"redirection_loops", "times that home agents did so in a circle"},
	[MN_COUNT_CHALLENGES_AWAITED] = {"challenges_awaited",
		"requests put off until their agent gives a new challenge"},
	[MN_COUNT_FOREIGN_AGENT_ERRORS] = {"foreign_agent_errors",
		"registrations that the home agent accepted and the foreign agent did not (RFC 4636)"},
	[MN_COUNT_DROP_MALFORMED] = {"drop_malformed", "malformed packets"},
	[MN_COUNT_DROP_NOT_FOR_US] = {"drop_not_for_us", "packets for another address"},
	[MN_COUNT_DROP_NOT_AN_AGENT] = {"drop_not_an_agent", "router advertisements of no agent"},
	[MN_COUNT_DROP_UNKNOWN_LINK] = {"drop_unknown_link", "packets from an interface that is not managed"},
	[MN_COUNT_DROP_TYPE] = {"drop_type", "messages that are none for a mobile node"},
	[MN_COUNT_DROP_UNKNOWN_EXTENSION] = {"drop_unknown_extension",
		"replies with an unknown extension that must not be skipped"},
	[MN_COUNT_DROP_UNMATCHED] = {"drop_unmatched", "replies to no request that waits for one"},
	[MN_COUNT_DROP_WRONG_SENDER] = {"drop_wrong_sender",
		"denials in a foreign agent's name from somebody else"},
	[MN_COUNT_DROP_UNAUTHENTICATED] = {"drop_unauthenticated", "replies without the authenticator due"},
	[MN_COUNT_DROP_AUTHENTICATOR] = {"drop_authenticator", "replies with a wrong authenticator"},
	[MN_COUNT_DROP_KEEPALIVE] = {"drop_keepalive", "answers to keep-alives that came too late"},
	[MN_COUNT_DROP_ADVERTISEMENT] = {"drop_advertisement",
		"advertisements with another TTL than 1, or from another link address than before"},
	[MN_COUNT_DROP_REVOCATION_REPLAY] = {"drop_revocation_replay",
		"revocations that are replayed or reflected"},
	[MN_COUNT_DROP_REVOCATION_UNKNOWN] = {"drop_revocation_unknown",
		"revocations of nothing that is bound here"},
	[MN_COUNT_REPLY_OTHER] = {"replies_other", "Registration Replies with a code that nobody defined"},
	[MN_COUNT_REPLY_FIRST] = REPLY_CODES(REPLY)};

struct mip_counter_table mn_core_counters(const struct mn_core *core)
{
	return (struct mip_counter_table){
		.names = counter_names,
		.values = core->counters,
		.count = MN_COUNT_COUNT,
	};
}

void mn_count(struct mn_core *core, enum mn_counter counter)
{
	core->counters[counter]++;
}

void mn_count_reply(struct mn_core *core, uint8_t code)
{
	const uint8_t *known = memchr(reply_codes, code, sizeof(reply_codes));

	core->counters[known ? MN_COUNT_REPLY_FIRST + (known - reply_codes) : MN_COUNT_REPLY_OTHER]++;
}

void mn_report(struct mn_core *core, const struct mip_event *event)
{
	(void)mip_outbox_event(&core->outbox, event);
}

void mn_state_set(struct mn_core *core, enum mn_state state)
{
	const char *from = mip_name_of(mn_state_names, core->state, "?");
	const char *to = mip_name_of(mn_state_names, state, "?");
	struct mip_event event = mip_event_of("state");

	if (state == core->state)
		return;
	core->state = state;
	mip_log(core->log, MIP_LOG_NOTICE, "%s -> %s", from, to);
	mip_event_string(&event, "from", from);
	mip_event_string(&event, "to", to);
	mn_report(core, &event);
}

struct mip_event mn_place_event(const struct mn_core *core, const char *name, const struct mn_place *place)
{
	struct mip_event event = mip_event_of(name);
	const char *interface = mn_interface_name(core, place->link);

	if (interface)
		mip_event_string(&event, "interface", interface);
	else
		mip_event_null(&event, "interface");
	mip_event_string(&event, "mode", mip_name_of(mn_mode_names, place->mode, "?"));
	mip_event_address(&event, "care_of_address", place->care_of_address);
	mip_event_address(&event, "agent", place->agent);
	return event;
}

void mn_warn(struct mn_core *core, struct mip_now now, const char *text, struct mip_address about)
{
	uint64_t missed;

	if (!mip_log_allowed(&core->log_limit, now.boot, &missed))
		return;
	if (missed > 0)
		mip_log(core->log, MIP_LOG_WARNING, "%llu warnings like the next were left out",
			(unsigned long long)missed);
	mip_log(core->log, MIP_LOG_WARNING, "%s (%s)", text, MIP_TEXT(about));
}
