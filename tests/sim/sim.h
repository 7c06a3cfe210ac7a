/*
 * The simulator: the real cores of mobile nodes, home and foreign agents in one process and in virtual time, over
 * links that lose, delay, repeat, reorder and corrupt, among an attacker and under a fate that is drawn from a
 * seed. One seed is one run, the same every time.
 *
 *                  attacker (hears all, says anything)
 *   mn0 ─ visited link ─ fa0 ─┐            ┌─ ha0 ─ home link ─ mn2
 *   mn1 ─ open link ─ NAT ────┴─ internet ─┴─ ha1 (virtual home network)
 *
 *   sim_scenario.c     what there is, drawn from the seed
 *   sim_run.c          the run: events in their order; turmoil and calm in turn
 *   sim_fate.c         what befalls: moves, sleep, restarts, clocks, links
 *   sim_attacker.c     what was heard, again and otherwise
 *   sim_net.c          links, NATs, the internet
 *   sim_host.c         a machine: its clock, its core, what it is told and what it says
 *   sim_home_agent.c, sim_foreign_agent.c, sim_node.c   the three roles
 *   sim_kernel.c       a kernel and a data plane that do what the wants say
 *   sim_store.c        the records of a home agent, and what of them is on the disk
 *   sim_ledger.c       every request that a node has made, and what became of it
 *   sim_property.c     what must hold, always
 *   sim_memory.c       how much the cores hold
 *
 * Nothing here knows the inside of a core: what is judged is what goes in and what comes out.
 */
#ifndef MIP_TESTS_SIM_H
#define MIP_TESTS_SIM_H

#include "address.h"
#include "fa_core.h"
#include "ha_core.h"
#include "mn_core.h"
#include "packet.h"
#include "registration.h"
#include "sim_random.h"

enum {
	SIM_NODES = 5,
	SIM_HOME_AGENTS = 3,
	SIM_FOREIGN_AGENTS = 4,
	SIM_HOSTS = SIM_NODES + SIM_HOME_AGENTS + SIM_FOREIGN_AGENTS,
	SIM_LINKS = SIM_HOME_AGENTS + SIM_FOREIGN_AGENTS + 3,
	SIM_INTERFACES = 2,
	SIM_WANTS = 192, /* of one host at a time */
	SIM_MAPPINGS = 16,
	SIM_BOUND = 32, /* bindings of one home agent */
	SIM_RECORDS = 64,
	SIM_COMMITS = 64, /* changes that may not be on the disk yet */
	SIM_REQUESTS = 4096,
	SIM_HEARD = 32, /* messages that the attacker remembers */
	SIM_SIMULTANEOUS = 3,
	SIM_NONE = -1,
};

enum sim_role {
	SIM_NODE,
	SIM_HOME_AGENT,
	SIM_FOREIGN_AGENT,
};

/* --- deliberate breaks: a simulator that cannot fail shows nothing ---------------------------------------------- */

enum sim_break {
	SIM_BREAK_NONE,
	SIM_BREAK_DEAF,	       /* the last node hears no reply: it never registers */
	SIM_BREAK_FADES,       /* … or none after it has registered */
	SIM_BREAK_SPY,	       /* the attacker has the keys: bindings that nobody asked for */
	SIM_BREAK_IMPOSTOR,    /* … and he answers in the place of home agents */
	SIM_BREAK_LATE,	       /* a home agent is never told that a lifetime is over */
	SIM_BREAK_EARLY,       /* a home agent drops a binding that has time left */
	SIM_BREAK_LOST_RECORD, /* the records of bindings are gone after a restart */
	SIM_BREAK_FORGETFUL,   /* the replay state is gone after a restart */
	SIM_BREAK_WRONG_CARD,  /* a foreign agent takes a node's frames for another node's */
	SIM_BREAK_LOST_UNWANT, /* a kernel keeps what is no longer wanted */
	SIM_BREAK_LOST_WANT,   /* a kernel does not get what is wanted */
	SIM_BREAK_LEAK,	       /* memory of a core is never given back */
	SIM_BREAK_COUNT,
};

/* --- links and what is between them ----------------------------------------------------------------------------- */

/* How messages fare on a way: parts of a thousand, and times. */
struct sim_way {
	unsigned loss, repeat, corrupt;
	mip_time delay_least, delay_most; /* when these differ, messages overtake one another */
};

struct sim_mapping {
	int host;
	struct mip_address address; /* inside */
	uint16_t port;
	uint16_t outer_port;
	mip_time used;
};

/* A NAT for UDP, endpoint-independent; everything else ends there. */
struct sim_nat {
	struct mip_address outer; /* 0.0.0.0: there is none */
	mip_time timeout;
	uint16_t next_port;
	struct sim_mapping mappings[SIM_MAPPINGS];
	size_t count;
};

enum sim_link_kind {
	SIM_LINK_HOME,
	SIM_LINK_VISITED,
	SIM_LINK_OPEN,
};

struct sim_link {
	enum sim_link_kind kind;
	int agent; /* the host that serves it, SIM_NONE for an open one */
	struct mip_prefix prefix;
	bool leases; /* gives visitors addresses of its own, and a default route */
	bool down;   /* nothing comes through */
	struct sim_way way;
	struct sim_nat nat;
};

/* A message under way: on a link (a frame), or between hosts (UDP over the internet). */
enum sim_packet_kind {
	SIM_FRAME,
	SIM_DATAGRAM,
};

struct sim_packet {
	enum sim_packet_kind kind;
	bool attackers; /* in a calm it does not arrive any more */
	/* Frames: for one host's interface. */
	int host, interface, link;
	struct mip_link_address card_source, card_destination;
	uint16_t ethertype;
	/* Datagrams. */
	struct mip_address source, destination;
	uint16_t source_port, destination_port;
	uint8_t ttl;
	size_t length;
	uint8_t octets[];
};

/* --- the queue of what is to happen ----------------------------------------------------------------------------- */

enum sim_event_kind {
	SIM_EVENT_ARRIVES, /* a packet */
	SIM_EVENT_WAKES,   /* a host that sleeps, or was dead */
	SIM_EVENT_LEASES,
	SIM_EVENT_FATE,
	SIM_EVENT_ATTACK,
	SIM_EVENT_LINK_UP,
	SIM_EVENT_UNREACHABLE, /* an ICMP error comes back about a datagram */
};

struct sim_event {
	mip_time at;
	uint64_t order; /* of two at the same time, the one that was put in first */
	enum sim_event_kind kind;
	int host, interface, link;
	struct sim_packet *packet;
};

struct sim_queue {
	struct sim_event *heap;
	size_t count, size;
	uint64_t order;
};

/* --- a kernel ---------------------------------------------------------------------------------------------------- */

struct sim_kernel {
	struct mip_want wants[SIM_WANTS];
	size_t count;
	bool overflowed;
};

/* --- records ----------------------------------------------------------------------------------------------------- */

struct sim_record {
	char key[MIP_RECORD_KEY];
	uint8_t *octets;
	size_t length;
};

struct sim_records {
	struct sim_record records[SIM_RECORDS];
	size_t count;
};

/* --- requests, and the bindings that they should have made ------------------------------------------------------ */

struct sim_request {
	uint64_t digest; /* of what the node's own authenticator covers, and that */
	int node;
	struct mip_registration_request fields;
	mip_time made;
	int accepted_by; /* a home agent's host, SIM_NONE */
	mip_time accepted;
	bool told; /* the node has heard of it */
};

struct sim_ledger {
	struct sim_request requests[SIM_REQUESTS];
	size_t count; /* in all; the oldest are overwritten */
};

struct sim_bound {
	int node;
	struct mip_address home_address, care_of_address;
	uint64_t identification;
	uint16_t lifetime;
	mip_time expires;   /* on the home agent's boot clock; MIP_NEVER */
	mip_time granted;   /* simulated time */
	bool clock_stepped; /* since then: the wall time in its record is another one's */
};

/* --- hosts ------------------------------------------------------------------------------------------------------- */

struct sim_interface {
	mip_link index;
	char name[MIP_LINK_NAME];
	int link; /* SIM_NONE: not attached; SIM_UPLINK: the internet */
	bool up;
	struct mip_link_address card;
	struct mip_address address; /* its own, or leased; 0.0.0.0: none */
	uint8_t length;
	unsigned attachments; /* how often it was attached: a lease for an earlier one comes too late */
};

enum {
	SIM_UPLINK = -2,
};

struct sim_home_agent {
	struct ha_core *core;
	struct ha_settings settings;
	struct ha_network_settings network;
	char realm[24];
	struct ha_node_settings nodes[SIM_NODES];
	struct ha_foreign_agent_settings foreign_agents[SIM_FOREIGN_AGENTS];
	struct sim_records records; /* what is on the disk */
	struct sim_bound bound[SIM_BOUND];
	size_t bound_count;
	/* What the input at hand accounts for, until it has been dealt with. */
	struct sim_request *request;
	bool may_revoke;  /* a person, or an authentic revocation of a foreign agent */
	mip_time changed; /* the last time that bindings came or went, on its boot clock */
};

struct sim_foreign_agent {
	struct fa_core *core;
	struct mip_outbox outbox;
	struct fa_core_settings settings;
	struct fa_link_settings link_settings;
	struct fa_home_agent_settings home_agents[SIM_HOME_AGENTS];
	struct fa_mobile_node_settings mobile_nodes[SIM_NODES];
	struct sim_nat nat;
	uint64_t revocations[8]; /* digests of those that it has sent last */
	size_t revocation_count;
};

struct sim_node {
	struct mn_core *core;
	struct mn_settings settings;
	struct mn_interface_settings interfaces[SIM_INTERFACES];
	struct mn_foreign_agent_settings foreign_agents[SIM_FOREIGN_AGENTS];
	int home_agent; /* the host */
	bool nonces;
	uint16_t port;
	char nai[48];
	/* Of the home agent's: the latest timestamp that it has accepted from this node. */
	uint64_t latest;
	bool latest_any;
	bool had_home;		  /* its home address has been on some interface since it began */
	mip_time calm_bound;	  /* by then it is to be registered, in this calm; MIP_NEVER */
	mip_time calm_registered; /* MIP_NEVER: not yet */
};

struct sim_host {
	enum sim_role role;
	int number;	/* in the world */
	unsigned index; /* of its role */
	char name[16];
	struct sim_interface interfaces[SIM_INTERFACES];
	size_t interface_count;
	struct sim_kernel kernel;
	bool kernel_changed;
	bool running;
	bool asleep;
	int dies_after;		   /* so many outputs of those that come next; SIM_NONE: it does not */
	bool power_lost;	   /* … and it is the power that fails */
	mip_time boot_base;	   /* simulated time at which its boot clock began … */
	mip_time boot_base_before; /* … and that of the boot before, until its daemon begins again */
	mip_time wall_ahead;	   /* its wall clock minus the world's */
	struct mip_random random;
	struct sim_random random_state;
	union {
		struct sim_home_agent *home_agent;
		struct sim_foreign_agent *foreign_agent;
		struct sim_node *node;
	};
};

/* --- the attacker ------------------------------------------------------------------------------------------------ */

struct sim_heard {
	struct sim_packet *packet; /* as it was sent */
	int link;		   /* where; SIM_UPLINK: on the internet */
};

struct sim_attacker {
	bool active;
	struct sim_heard heard[SIM_HEARD];
	size_t count;			 /* in all; the oldest are overwritten */
	struct mip_association *own_key; /* of his own making, with the SPI of others */
	uint16_t sequence;		 /* of his advertisements */
};

/* --- the whole --------------------------------------------------------------------------------------------------- */

struct sim_options {
	enum sim_break broken;
	unsigned verbose; /* 1: the last things that happened are told in the end, 2: all, as they happen */
	/* 0: drawn; else every message is lost with so many parts of a thousand each way between node and agents, nothing else
	 * befalls, and it is over when the first node is registered: for the table of losses. */
	bool loss_only;
	unsigned loss;
};

struct sim_failure {
	bool failed;
	char property[64];
	char text[320];
};

struct sim_scenario {
	bool turmoil; /* something befalls; else calm from the beginning */
	unsigned rounds;
	mip_time turmoil_most;
	mip_time fate_interval; /* between two things that befall, on average */
	mip_time attack_interval;
	unsigned calm_loss; /* parts of a thousand, each way, in a calm */
	struct sim_way internet;
	mip_time advertise_interval;
	mip_time grace;
	bool challenges;      /* foreign agents give them */
	bool revocation;      /* home agents take part in it, and most foreign agents */
	bool without_reverse; /* home agents refuse reverse tunnels, so nobody insists on one */
	bool sleeps, moves, restarts, power_losses, clocks, flaps, attacks, commands, partitions, reloads;
};

struct sim_world {
	uint64_t seed;
	struct sim_options options;
	struct sim_random random;
	mip_time now, wall_base;
	bool calm;
	mip_time calm_began;
	bool internet_down;
	struct sim_scenario scenario;
	struct sim_host hosts[SIM_HOSTS];
	int host_count;
	int node_count, home_agent_count, foreign_agent_count;
	struct sim_link links[SIM_LINKS];
	int link_count;
	struct mip_association *agents[SIM_HOME_AGENTS][SIM_FOREIGN_AGENTS]; /* NULL: they share none */
	struct sim_queue queue;
	struct sim_ledger ledger;
	struct sim_attacker attacker;
	struct sim_failure failure;
	size_t memory_base;
	unsigned standing; /* events since time went on */
	struct mip_log log;
	/* What is told at the end. */
	uint64_t events, messages, registrations;
	mip_time first_registered;     /* MIP_NEVER */
	struct sim_timeline *timeline; /* NULL: not wanted */
};

/* sim_run.c */
struct sim_result {
	struct sim_failure failure;
	uint64_t events, messages, registrations;
	mip_time simulated;
	mip_time first_registered;
};
struct sim_result sim_run(uint64_t seed, const struct sim_options *options);
void sim_at(struct sim_world *world, struct sim_event event);
/* The first failure counts. */
void sim_fail(struct sim_world *world, const char *property, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* sim_timeline.c: what happened last, for people. Costs nothing unless it is wanted. */
void sim_timeline_begin(struct sim_world *world);
void sim_timeline_end(struct sim_world *world);
void sim_note(struct sim_world *world, const struct sim_host *host, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void sim_note_event(struct sim_world *world, const struct sim_host *host, const struct mip_event *event);
void sim_note_message(struct sim_world *world, const struct sim_host *host, const char *what,
	const uint8_t *octets, size_t length);

/* sim_scenario.c */
void sim_scenario_draw(struct sim_world *world);
void sim_scenario_clear(struct sim_world *world);

/* sim_fate.c */
void sim_fate(struct sim_world *world);
void sim_attach(struct sim_world *world, struct sim_host *host, int interface, int link);
void sim_lease(struct sim_world *world, struct sim_host *host, int interface, unsigned attachment);
/* It has been killed in the middle of what it was to say. */
void sim_fate_dies(struct sim_world *world, struct sim_host *host);
/* Everything works again: links up, nobody asleep, the attacker gone. */
void sim_calm_down(struct sim_world *world);

/* sim_attacker.c */
void sim_attack(struct sim_world *world);
void sim_overhear(struct sim_world *world, const struct sim_packet *packet, int link);
void sim_attacker_clear(struct sim_world *world);

/* sim_net.c */
struct sim_packet *sim_packet_new(const struct sim_packet *like, const void *octets, size_t length);
void sim_packet_free(struct sim_packet *packet);
void sim_send_frame(struct sim_world *world, struct sim_host *host, const struct mip_output_frame *frame,
	const uint8_t *octets, size_t length);
void sim_send_datagram(struct sim_world *world, struct sim_host *host,
	const struct mip_output_datagram *datagram, const uint8_t *octets, size_t length);
/* Puts a packet on a link, or on the internet (SIM_UPLINK), whoever sends it. */
void sim_put(struct sim_world *world, int link, const struct sim_packet *packet);
void sim_arrive(struct sim_world *world, struct sim_packet *packet);
/* Who would take a datagram for this address and port, behind which NAT ever: host, and the address inside. */
struct sim_host *sim_owner_of(
	struct sim_world *world, struct mip_address address, uint16_t port, struct mip_address *ret_inside);

/* sim_host.c */
struct mip_now sim_now(const struct sim_world *world, const struct sim_host *host);
struct sim_interface *sim_interface_at(struct sim_host *host, mip_link index);
void sim_host_start(struct sim_world *world, struct sim_host *host);
/* Its daemon is gone, without a word. */
void sim_host_kill(struct sim_world *world, struct sim_host *host);
/* Its daemon ends as it is asked to, with a good-bye. */
void sim_host_stop(struct sim_world *world, struct sim_host *host);
/* Its daemon reads its configuration again, which is the same. */
void sim_host_reload(struct sim_world *world, struct sim_host *host);
void sim_host_hears_error(struct sim_world *world, struct sim_host *host, const struct sim_packet *packet);
void sim_host_tell_link(struct sim_world *world, struct sim_host *host, int interface);
void sim_host_tell_address(struct sim_world *world, struct sim_host *host, int interface, bool present);
void sim_host_hears_frame(struct sim_world *world, struct sim_host *host, const struct sim_packet *packet);
void sim_host_hears_datagram(struct sim_world *world, struct sim_host *host, const struct sim_packet *packet);
mip_time sim_host_deadline(const struct sim_world *world, const struct sim_host *host); /* simulated time */
void sim_host_advance(struct sim_world *world, struct sim_host *host);
/* Carries out what the core has said. */
void sim_host_settle(struct sim_world *world, struct sim_host *host);

/* sim_home_agent.c */
void sim_home_agent_expects(
	struct sim_world *world, struct sim_host *host, const uint8_t *octets, size_t length);
void sim_home_agent_replied(
	struct sim_world *world, struct sim_host *host, const uint8_t *octets, size_t length);
void sim_home_agent_event(struct sim_world *world, struct sim_host *host, const struct mip_event *event);
void sim_home_agent_restarted(struct sim_world *world, struct sim_host *host, mip_time boot_before);
void sim_home_agent_check(struct sim_world *world, struct sim_host *host);
struct sim_bound *sim_bound_find(
	struct sim_home_agent *agent, struct mip_address home_address, struct mip_address care_of_address);

/* sim_kernel.c */
void sim_kernel_want(struct sim_kernel *kernel, const struct mip_want *want, bool wanted);
const struct mip_want *sim_kernel_find(const struct sim_kernel *kernel, const struct mip_want *like);
/* The visitor of this home agent's that is told apart from others of its home address; NULL: there is none. */
const struct mip_want *sim_kernel_visitor(
	const struct sim_host *host, struct mip_address home_address, struct mip_address home_agent);
/* UDP tunnel data has come: keep-alives are answered, and answers handed to the core. */
void sim_kernel_tunnel_data(struct sim_world *world, struct sim_host *host, const struct sim_packet *packet);
/* Where a packet for the home address, which is `whom`'s, would end up: the host, NULL if nowhere. `*ret_tunnelled` says
 * whether the home agent tunnels it at all. */
struct sim_host *sim_walk(struct sim_world *world, struct sim_host *agent, struct mip_address home_address,
	const struct sim_host *whom, bool *ret_tunnelled);

/* sim_store.c */
void sim_store_write(struct sim_records *records, const struct mip_outbox *outbox);
void sim_store_read(struct sim_world *world, struct sim_host *host);
void sim_store_clear(struct sim_records *records);

/* sim_ledger.c */
uint64_t sim_digest(const void *octets, size_t length);
/* A node has sent this. */
void sim_ledger_sent(
	struct sim_world *world, const struct sim_host *host, const uint8_t *octets, size_t length);
/* The request that this is, as some node has made it; NULL: none. */
struct sim_request *sim_ledger_find(struct sim_world *world, const uint8_t *octets, size_t length);
struct mip_address sim_home_address(const struct sim_world *world, const struct sim_host *node);

/* sim_property.c: each says in its name what must hold, and fails the world where it does not */
void sim_check_host(struct sim_world *world, struct sim_host *host);
void sim_check_world(struct sim_world *world);
/* In a calm: the time by which the node must be registered. MIP_NEVER: it cannot reach its home agent. */
mip_time sim_registration_bound(struct sim_world *world, struct sim_host *node);
bool sim_node_is_registered(struct sim_world *world, struct sim_host *node);

/* The node says that it is registered: its home agent has accepted a request that it has not heard about yet. */
void sim_node_registered(struct sim_world *world, struct sim_host *host);

/* sim_break.c */
bool sim_is_deaf(const struct sim_world *world, const struct sim_host *host);
extern const struct sim_break_row {
	const char *name, *property, *help;
} sim_breaks[SIM_BREAK_COUNT];

#endif
