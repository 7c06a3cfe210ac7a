/*
 * The configuration of mip-mn as a struct; mn_schema.c has the table of its settings.
 */
#ifndef MN_SCHEMA_H
#define MN_SCHEMA_H

#include "config.h"
#include "mn_core.h"
#include "security_schema.h"

struct mn_config_interface {
	char *name;
	int64_t priority;
	bool optional;
};

struct mn_config_limits {
	int64_t agents_per_link;
	int64_t log_lines;
};

struct mn_config_node {
	struct mip_address home_address;
	char *nai;
	struct mip_prefix home_prefix;
	struct mip_address home_agent;
	int dynamic_home_agent; /* enum mn_assignment */
	struct mn_config_interface *interfaces;
	size_t interface_count;
	int care_of;	    /* enum mn_care_of */
	int move_detection; /* enum mn_move_detection */
	bool reverse_tunnel;
	int delivery; /* enum mn_delivery */
	bool broadcast;
	int encapsulation; /* enum mip_encapsulation, without UDP */
	bool nat_traversal;
	bool force_udp;
	bool revocation;
	bool simultaneous;
	bool newest_first;
	bool deregister_on_exit;
	mip_time lifetime;
	mip_time agent_wait;
	mip_time keepalive_interval;
	mip_time grace;
	struct mn_config_limits limits;
	int64_t port;
	int64_t rule_priority;
	int64_t routing_table;
	struct mip_security_config security;
	struct mip_security_config aaa;
};

struct mn_config_foreign_agent {
	struct mip_address address;
	struct mip_security_config security;
};

struct mn_config_home_agent {
	struct mip_address address;
	struct mip_security_config security;
};

struct mn_config {
	char *control;
	char *state;
	char *user;	/* NULL: not named */
	int data_plane; /* enum mip_plane_kind */
	bool clamp_mss;
	int64_t icmp_rate;
	char *tunnel_interface;
	int64_t tunnel_mtu; /* octets */
	struct mn_config_node node;
	struct mn_config_foreign_agent *foreign_agents;
	size_t foreign_agent_count;
	struct mn_config_home_agent *home_agents;
	size_t home_agent_count;
};

extern const struct mip_schema mn_schema;

/* What only the system can tell: are the interfaces there. As in mip_daemon_role. */
int mn_schema_check_system(struct mip_config *config, void *configuration);

#endif
