/*
 * The names of what the home agent counts. Every message in, every reply code out, and every reason for a
 * silent drop has a row (rfc5944-1.7-1: SHOULD record the event in a statistics counter).
 */
#include "ha_counter.h"

#include "registration.h"

const struct mip_counter_name ha_counter_names[HA_COUNTER_COUNT] = {
	[HA_COUNTER_REQUESTS_RECEIVED] = {"requests_received", "Registration Requests for this home agent"},
	[HA_COUNTER_DEREGISTRATIONS_RECEIVED] = {"deregistrations_received",
		"Registration Requests with lifetime 0 among them"},
	[HA_COUNTER_REPLIES_SENT] = {"replies_sent", "Registration Replies"},
	[HA_COUNTER_SOLICITATIONS_RECEIVED] = {"solicitations_received", "Agent Solicitations on home links"},
	[HA_COUNTER_ADVERTISEMENTS_SENT] = {"advertisements_sent", "Agent Advertisements on home links"},
	[HA_COUNTER_GRATUITOUS_ARPS_SENT] = {"gratuitous_arps_sent", "gratuitous ARP packets on home links"},
	[HA_COUNTER_BINDINGS_ADDED] = {"bindings_added", "bindings of nodes that had none"},
	[HA_COUNTER_BINDINGS_ADDED_SIMULTANEOUS] = {"bindings_added_simultaneous",
		"bindings of nodes that had one already, and keep it (S)"},
	[HA_COUNTER_BINDINGS_MOVED] = {"bindings_moved",
		"bindings that got another care-of address or source"},
	[HA_COUNTER_BINDINGS_RENEWED] = {"bindings_renewed", "bindings that got a new lifetime only"},
	[HA_COUNTER_BINDINGS_EXPIRED] = {"bindings_expired", "bindings whose lifetime ran out"},
	[HA_COUNTER_BINDINGS_RESTORED] = {"bindings_restored", "bindings taken over from before the start"},
	[HA_COUNTER_DUPLICATES_ANSWERED] = {"duplicates_answered",
		"retransmitted requests that were answered again"},
	[HA_COUNTER_REVOCATIONS_RECEIVED] = {"revocations_received", "revocations by foreign agents"},
	[HA_COUNTER_REVOCATIONS_SENT] = {"revocations_sent",
		"revocations to foreign agents and co-located nodes, repetitions included"},
	[HA_COUNTER_REVOCATION_ACKS_RECEIVED] = {"revocation_acknowledgments_received",
		"revocations acknowledged"},
	[HA_COUNTER_REVOCATION_ACKS_SENT] = {"revocation_acknowledgments_sent",
		"acknowledgments of revocations"},
	[HA_COUNTER_REVOCATIONS_UNANSWERED] = {"revocations_unanswered",
		"revocations that were never acknowledged"},
	[HA_COUNTER_BINDINGS_REVOKED] = {"bindings_revoked", "bindings that a foreign agent has revoked"},
	[HA_COUNTER_BROADCASTS_TAKEN] = {"broadcasts_taken",
		"broadcasts that nodes away from home asked for"},
	[HA_COUNTER_MULTICASTS_TAKEN] = {"multicasts_taken",
		"multicasts to groups with members among the nodes"},
	[HA_COUNTER_COPIES_SENT] = {"copies_sent", "copies of these to nodes"},
	[HA_COUNTER_COPIES_WITHHELD] = {"copies_withheld",
		"packets to everyone or to a group that are the home link's own (DHCP, IGMP)"},
	[HA_COUNTER_GROUP_PACKETS_FORWARDED] = {"group_packets_forwarded",
		"broadcasts and multicasts of nodes away from home, sent on the home link"},
	[HA_COUNTER_GROUPS_JOINED] = {"groups_joined", "multicast groups that nodes became members of"},
	[HA_COUNTER_GROUPS_EXPIRED] = {"groups_expired", "memberships that ended in silence"},
	[HA_COUNTER_GROUPS_REFUSED] = {"groups_refused", "memberships beyond what is allowed"},
	[HA_COUNTER_IGMP_REPORTS_RECEIVED] = {"igmp_reports_received", "IGMP reports and leaves of nodes"},
	[HA_COUNTER_IGMP_QUERIES_SENT] = {"igmp_queries_sent", "IGMP queries to nodes"},
	[HA_COUNTER_REPLY_0] = {"reply_0", "replies: accepted"},
	[HA_COUNTER_REPLY_1] = {"reply_1", "replies: accepted, no simultaneous bindings"},
	[HA_COUNTER_REPLY_128] = {"reply_128", "replies: reason unspecified"},
	[HA_COUNTER_REPLY_129] = {"reply_129", "replies: administratively prohibited"},
	[HA_COUNTER_REPLY_130] = {"reply_130", "replies: insufficient resources"},
	[HA_COUNTER_REPLY_131] = {"reply_131", "replies: mobile node failed authentication"},
	[HA_COUNTER_REPLY_132] = {"reply_132", "replies: foreign agent failed authentication"},
	[HA_COUNTER_REPLY_133] = {"reply_133", "replies: identification mismatch"},
	[HA_COUNTER_REPLY_134] = {"reply_134", "replies: poorly formed request"},
	[HA_COUNTER_REPLY_135] = {"reply_135", "replies: too many simultaneous bindings"},
	[HA_COUNTER_REPLY_136] = {"reply_136", "replies: unknown home agent address"},
	[HA_COUNTER_REPLY_137] = {"reply_137", "replies: reverse tunnel unavailable"},
	[HA_COUNTER_REPLY_138] = {"reply_138", "replies: reverse tunnel is mandatory"},
	[HA_COUNTER_REPLY_139] = {"reply_139", "replies: encapsulation unavailable"},
	[HA_COUNTER_REPLY_140] = {"reply_140", "replies: the node's extension of an unknown vendor"},
	[HA_COUNTER_REPLY_141] = {"reply_141", "replies: a foreign agent's extension of an unknown vendor"},
	[HA_COUNTER_REPLY_142] = {"reply_142", "replies: UDP tunnel encapsulation unavailable"},
	[HA_COUNTER_REPLY_143] = {"reply_143", "replies: another home agent is to be asked"},
	[HA_COUNTER_REPLY_144] = {"reply_144", "replies: Mobile-AAA authentication failed"},
	[HA_COUNTER_DROP_MALFORMED] = {"drop_malformed", "packets that do not parse, or with a bad checksum"},
	[HA_COUNTER_DROP_NOT_A_REQUEST] = {"drop_not_a_request", "messages of another type"},
	[HA_COUNTER_DROP_NOT_FOR_US] = {"drop_not_for_us", "messages to other addresses"},
	[HA_COUNTER_DROP_BAD_SOURCE] = {"drop_bad_source", "messages from addresses that no host can have"},
	[HA_COUNTER_DROP_UNKNOWN_EXTENSION] = {"drop_unknown_extension",
		"requests with an unknown extension that must not be skipped"},
	[HA_COUNTER_DROP_NO_AUTHENTICATION] = {"drop_no_authentication",
		"requests without an authorization-enabling extension"},
	[HA_COUNTER_DROP_UNKNOWN_NODE] = {"drop_unknown_node", "requests of nodes without an association"},
	[HA_COUNTER_DROP_AUTHENTICATION_FAILED] = {"drop_authentication_failed",
		"requests whose node and whose foreign agent both failed authentication"},
	[HA_COUNTER_DROP_UNEXPECTED_FOREIGN_HOME] = {"drop_unexpected_foreign_home",
		"requests with a Foreign-Home authentication that no association is for"},
	[HA_COUNTER_DROP_REVOCATION_AUTHENTICATION] = {"drop_revocation_authentication",
		"revocation messages without a valid authenticator"},
	[HA_COUNTER_DROP_REVOCATION_REPLAY] = {"drop_revocation_replay",
		"revocations that are replayed or reflected"},
	[HA_COUNTER_DROP_REVOCATION_UNKNOWN] = {"drop_revocation_unknown",
		"revocation messages about nothing that is bound or revoked here"},
	[HA_COUNTER_DROP_GROUP] = {"drop_group", "packets of nodes to everyone or to a group that go no "
						 "further: signalling, or IGMP that is no report"},
	[HA_COUNTER_DROP_COPY_LIMIT] = {"drop_copy_limit", "copies not sent, for there were too many"},
	[HA_COUNTER_DROP_FAILED] = {"drop_failed", "requests lost for want of memory"},
};

enum ha_counter ha_counter_of_code(uint8_t code)
{
	if (code == MIP_CODE_ACCEPTED)
		return HA_COUNTER_REPLY_0;
	if (code == MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)
		return HA_COUNTER_REPLY_1;
	if (code >= MIP_CODE_HA_UNSPECIFIED && code <= MIP_CODE_HA_BAD_AAA_AUTHENTICATION)
		return (enum ha_counter)(HA_COUNTER_REPLY_128 + code - MIP_CODE_HA_UNSPECIFIED);
	return HA_COUNTER_COUNT;
}
