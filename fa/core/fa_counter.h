/*
 * What the foreign agent counts: messages in and out, replies by code, drops by reason.
 */
#ifndef FA_COUNTER_H
#define FA_COUNTER_H

#include "counter.h"

/* name, help */
#define FA_COUNTERS(ROW)                                                                                     \
	ROW(ADVERTISEMENTS_SENT, "advertisements_sent", "agent advertisements sent")                         \
	ROW(SOLICITATIONS_RECEIVED, "solicitations_received", "agent solicitations received")                \
	ROW(SOLICITATIONS_LIMITED, "solicitations_limited",                                                  \
		"of these, not answered by a unicast, for there were too many")                              \
	ROW(REQUESTS_RECEIVED, "requests_received", "registration requests received from nodes")             \
	ROW(REQUESTS_RELAYED, "requests_relayed", "registration requests relayed to home agents")            \
	ROW(REQUESTS_DENIED, "requests_denied", "registration requests denied by this agent")                \
	ROW(REPLIES_RECEIVED, "replies_received", "registration replies received from home agents")          \
	ROW(REPLIES_RELAYED, "replies_relayed", "registration replies relayed to nodes")                     \
	ROW(REPLIES_SENT, "replies_sent", "registration replies sent to nodes, relayed or not")              \
	ROW(REPLIES_REFUSED, "replies_refused",                                                              \
		"replies of home agents passed on with an error of this agent (RFC 4636)")                   \
	ROW(CHALLENGES_MADE, "challenges_made", "challenges made, for advertisements and replies")           \
	ROW(REQUESTS_REPEATED, "requests_repeated",                                                          \
		"requests with the challenge of one that was on its way, relayed again")                     \
	ROW(ICMP_ERRORS_RECEIVED, "icmp_errors_received", "ICMP errors about relayed requests")              \
	ROW(REQUESTS_TIMED_OUT, "requests_timed_out", "relayed requests without a reply in time")            \
	ROW(REQUESTS_DISPLACED, "requests_displaced", "requests whose place was given to a node with fewer") \
	ROW(VISITORS_ADDED, "visitors_added", "visitors that came")                                          \
	ROW(VISITORS_RENEWED, "visitors_renewed", "registrations of visitors renewed")                       \
	ROW(VISITORS_EXPIRED, "visitors_expired", "visitors whose lifetime ended")                           \
	ROW(VISITORS_DEREGISTERED, "visitors_deregistered", "visitors that deregistered")                    \
	ROW(VISITORS_REVOKED, "visitors_revoked", "visitors whose registration was revoked")                 \
	ROW(VISITORS_INFORMED, "visitors_informed",                                                          \
		"visitors told by an advertisement that they are revoked")                                   \
	ROW(VISITORS_MOVED, "visitors_moved",                                                                \
		"visitors that came again on another link, or for another home agent")                       \
	ROW(KEEPALIVES_SENT, "keepalives_sent", "keep-alives sent through tunnels in UDP")                   \
	ROW(KEEPALIVES_ANSWERED, "keepalives_answered", "keep-alives that were answered")                    \
	ROW(KEEPALIVES_LOST, "nat_mappings_lost", "times that a NAT has lost the mapping of a tunnel")       \
	ROW(REVOCATIONS_RECEIVED, "revocations_received", "revocations by home agents")                      \
	ROW(REVOCATIONS_SENT, "revocations_sent", "revocations to home agents, repetitions included")        \
	ROW(REVOCATION_ACKS_RECEIVED, "revocation_acknowledgments_received", "revocations acknowledged")     \
	ROW(REVOCATION_ACKS_SENT, "revocation_acknowledgments_sent", "acknowledgments of revocations")       \
	ROW(REVOCATIONS_UNANSWERED, "revocations_unanswered", "revocations that were never acknowledged")    \
	ROW(SECURITY_EXCEPTIONS, "security_exceptions", "authenticators missing or wrong")                   \
	ROW(DROP_MALFORMED, "drop_malformed", "packets that are no well-formed message")                     \
	ROW(DROP_OTHER_TYPE, "drop_other_type", "messages of a type that is not for a foreign agent")        \
	ROW(DROP_OFF_LINK, "drop_off_link", "requests that came by no visited link")                         \
	ROW(DROP_LINK_ADDRESS, "drop_link_address", "requests without a usable link address")                \
	ROW(DROP_UNKNOWN_EXTENSION, "drop_unknown_extension",                                                \
		"messages with an unknown extension below 128")                                              \
	ROW(DROP_NOT_AUTHORIZED, "drop_not_authorized",                                                      \
		"requests without an authorization-enabling extension")                                      \
	ROW(DROP_CHALLENGE_ALONE, "drop_challenge_alone",                                                    \
		"requests with a challenge and no authentication after it")                                  \
	ROW(DROP_REQUEST_LIMIT, "drop_request_limit", "requests of a link address that sends too many")      \
	ROW(DROP_DENIAL_LIMIT, "drop_denial_limit",                                                          \
		"denials withheld: more than one a second to a node, or too many in all")                    \
	ROW(DROP_UNEXPECTED_REPLY, "drop_unexpected_reply", "replies that no pending request matches")       \
	ROW(DROP_REPLY_SOURCE, "drop_reply_source", "replies that did not come from the home agent")         \
	ROW(DROP_UNEXPECTED_ICMP, "drop_unexpected_icmp", "ICMP errors that no pending request matches")     \
	ROW(DROP_ICMP_ERROR_LIMIT, "drop_icmp_error_limit",                                                  \
		"ICMP errors not looked at, for there were too many")                                        \
	ROW(DROP_REVOCATION_SUPPORT, "drop_revocation_support",                                              \
		"requests of nodes that must not offer revocation")                                          \
	ROW(DROP_REVOCATION_AUTHENTICATION, "drop_revocation_authentication",                                \
		"revocation messages without a valid authenticator")                                         \
	ROW(DROP_REVOCATION_REPLAY, "drop_revocation_replay", "revocations that are replayed or reflected")  \
	ROW(DROP_REVOCATION_UNKNOWN, "drop_revocation_unknown",                                              \
		"revocation messages about nothing that is registered or revoked here")                      \
	ROW(DROP_REVOCATION_LIMIT, "drop_revocation_limit",                                                  \
		"revocations not acknowledged: too many of their home agent")                                \
	ROW(LOG_LINES_WITHHELD, "log_lines_withheld",                                                        \
		"lines about what strangers did that are not in the log, for there were too many")           \
	ROW(DROP_NO_MEMORY, "drop_no_memory", "messages lost for want of memory")

/* Codes that this agent sends of itself, and the home agent's that it relays. */
/* Formatting by the tool shifts the rows further to the right each time. */
/* clang-format off */
#define FA_CODES(ROW) \
	ROW(0) ROW(1) ROW(64) ROW(65) ROW(66) ROW(67) ROW(68) ROW(69) ROW(70) \
	ROW(71) ROW(72) ROW(74) ROW(75) ROW(76) ROW(77) ROW(78) ROW(79) ROW(80) \
	ROW(81) ROW(82) ROW(88) ROW(90) ROW(96) ROW(97) ROW(98) ROW(99) ROW(100) ROW(101) ROW(104) \
	ROW(105) ROW(106) ROW(108) ROW(109) ROW(128) ROW(129) \
	ROW(130) ROW(131) ROW(132) ROW(133) ROW(134) ROW(135) ROW(136) ROW(137) ROW(138) \
	ROW(139) ROW(140) ROW(141) ROW(142) ROW(143) ROW(144) ROW(145) ROW(146) \
	ROW(147) ROW(194)
/* clang-format on */

enum fa_counter {
#define FA_COUNTER_ROW(name, text, help) FA_COUNT_##name,
	FA_COUNTERS(FA_COUNTER_ROW)
#undef FA_COUNTER_ROW
#define FA_CODE_ROW(code) FA_COUNT_REPLY_##code,
		FA_CODES(FA_CODE_ROW)
#undef FA_CODE_ROW
			FA_COUNT_REPLY_OTHER,
	FA_COUNTER_COUNT,
};

extern const struct mip_counter_name fa_counter_names[FA_COUNTER_COUNT];
/* The counter of replies with this code. */
enum fa_counter fa_counter_of_code(uint8_t code);

#endif
