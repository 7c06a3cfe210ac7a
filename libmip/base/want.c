/*
 * The kernel state that a machine wants: what makes two items the same thing (the key), what makes them equal
 * (the value too), and how they read.
 *
 * The key is written with the bounded cursor, kind first, so that it has no padding and compares as octets.
 * Values are compared field by field, for the same reason.
 */
#include "want.h"

#include <string.h>
#include "address.h"
#include "cursor.h"
#include "name.h"
#include "text.h"

static uint32_t table_of(uint32_t table)
{
	return table == 0 ? MIP_TABLE_MAIN : table;
}

static void write_prefix(struct mip_writer *key, struct mip_prefix prefix)
{
	mip_write_address(key, mip_prefix_of(prefix.address, prefix.length).address);
	mip_write8(key, prefix.length);
}

static void write_link_and_address(struct mip_writer *key, mip_link link, struct mip_address address)
{
	mip_write32(key, (uint32_t)link);
	mip_write_address(key, address);
}

static void write_rule(struct mip_writer *key, const struct mip_want_rule *rule)
{
	mip_write32(key, rule->priority);
	write_prefix(key, rule->from);
	write_prefix(key, rule->to);
	mip_write32(key, (uint32_t)rule->incoming);
	mip_write8(key, rule->local_only);
	mip_write32(key, table_of(rule->table));
	mip_write32(key, (uint32_t)rule->suppress_prefix_length);
}

static void write_route(struct mip_writer *key, const struct mip_want_route *route)
{
	mip_write32(key, table_of(route->table));
	write_prefix(key, route->destination);
	mip_write32(key, route->metric);
}

size_t mip_want_key(const struct mip_want *want, uint8_t key[static MIP_WANT_KEY])
{
	struct mip_writer writer = mip_writer_of(key, MIP_WANT_KEY);

	mip_write8(&writer, (uint8_t)want->kind);
	switch (want->kind) {
	case MIP_WANT_NONE:
		break;
	case MIP_WANT_ADDRESS:
		write_link_and_address(&writer, want->address.link, want->address.address);
		mip_write8(&writer, want->address.prefix_length);
		break;
	case MIP_WANT_ROUTE:
		write_route(&writer, &want->route);
		break;
	case MIP_WANT_RULE:
		write_rule(&writer, &want->rule);
		break;
	case MIP_WANT_NEIGHBOUR:
		write_link_and_address(&writer, want->neighbour.link, want->neighbour.address);
		break;
	case MIP_WANT_PROXY:
		write_link_and_address(&writer, want->proxy.link, want->proxy.address);
		break;
	case MIP_WANT_SETTING:
		mip_write32(&writer, (uint32_t)want->setting.link);
		mip_write8(&writer, (uint8_t)want->setting.setting);
		break;
	case MIP_WANT_GROUP:
		write_link_and_address(&writer, want->group.link, want->group.address);
		break;
	case MIP_WANT_TUNNEL:
		mip_write_address(&writer, want->tunnel.home_address);
		mip_write8(&writer, (uint8_t)want->tunnel.end);
		break;
	case MIP_WANT_COPY:
		mip_write_address(&writer, want->tunnel.home_address);
		mip_write_address(&writer, want->tunnel.remote);
		mip_write16(&writer, want->tunnel.remote_port);
		break;
	case MIP_WANT_PEER:
		mip_write_address(&writer, want->peer.home_address);
		mip_write_address(&writer, want->peer.remote);
		mip_write16(&writer, want->peer.remote_port);
		break;
	case MIP_WANT_GROUPS:
		mip_write_address(&writer, want->groups.home_address);
		mip_write8(&writer, (uint8_t)want->groups.end);
		mip_write_address(&writer, want->groups.remote);
		mip_write16(&writer, want->groups.remote_port);
		break;
	case MIP_WANT_RELAY:
		mip_write_address(&writer, want->relay.home_address);
		break;
	case MIP_WANT_BROADCAST:
		mip_write_address(&writer, want->broadcast.address);
		break;
	case MIP_WANT_LISTEN:
		mip_write32(&writer, (uint32_t)want->listen.link);
		break;
	}
	return writer.length;
}

bool mip_want_same_key(const struct mip_want *a, const struct mip_want *b)
{
	uint8_t key_a[MIP_WANT_KEY];
	uint8_t key_b[MIP_WANT_KEY];
	size_t length;

	if (a->kind != b->kind)
		return false;
	length = mip_want_key(a, key_a);
	return length == mip_want_key(b, key_b) && memcmp(key_a, key_b, length) == 0;
}

static bool same_route(const struct mip_want_route *a, const struct mip_want_route *b)
{
	return a->type == b->type && a->link == b->link && mip_address_equal(a->gateway, b->gateway) &&
	       mip_address_equal(a->source, b->source) && a->mtu == b->mtu && a->onlink == b->onlink &&
	       a->nexthop == b->nexthop;
}

static bool same_tunnel(const struct mip_want_tunnel *a, const struct mip_want_tunnel *b)
{
	return mip_address_equal(a->local, b->local) && mip_address_equal(a->remote, b->remote) &&
	       a->encapsulation == b->encapsulation && a->local_port == b->local_port &&
	       a->remote_port == b->remote_port && a->link == b->link && a->delivery == b->delivery;
}

bool mip_want_equal(const struct mip_want *a, const struct mip_want *b)
{
	if (!mip_want_same_key(a, b))
		return false;
	switch (a->kind) {
	case MIP_WANT_ADDRESS:
		return a->address.no_prefix_route == b->address.no_prefix_route;
	case MIP_WANT_ROUTE:
		return same_route(&a->route, &b->route);
	case MIP_WANT_NEIGHBOUR:
		return a->neighbour.seed == b->neighbour.seed &&
		       mip_link_address_equal(a->neighbour.link_address, b->neighbour.link_address);
	case MIP_WANT_SETTING:
		return a->setting.value == b->setting.value;
	case MIP_WANT_TUNNEL:
	case MIP_WANT_COPY:
		return same_tunnel(&a->tunnel, &b->tunnel);
	case MIP_WANT_PEER:
		return a->peer.end == b->peer.end && mip_address_equal(a->peer.local, b->peer.local);
	case MIP_WANT_GROUPS:
		return mip_address_equal(a->groups.local, b->groups.local);
	case MIP_WANT_RELAY:
		return mip_address_equal(a->relay.local, b->relay.local) && a->relay.link == b->relay.link &&
		       a->relay.encapsulation == b->relay.encapsulation;
	default: /* the key is all there is */
		return true;
	}
}

/* --- in words --------------------------------------------------------------------------------- */

static const struct mip_name encapsulation_names[] = {
	{MIP_ENCAPSULATION_IPIP, "ipip"},
	{MIP_ENCAPSULATION_GRE, "gre"},
	{MIP_ENCAPSULATION_MINIMAL, "minimal"},
	{MIP_ENCAPSULATION_UDP, "udp"},
	{0, NULL},
};

static const struct mip_name route_type_names[] = {
	{MIP_ROUTE_UNICAST, ""},
	{MIP_ROUTE_BLACKHOLE, "blackhole "},
	{MIP_ROUTE_UNREACHABLE, "unreachable "},
	{MIP_ROUTE_LOCAL, "local "},
	{MIP_ROUTE_THROW, "throw "},
	{MIP_ROUTE_BROADCAST, "broadcast "},
	{0, NULL},
};

static const struct mip_name setting_names[] = {
	{MIP_SETTING_FORWARDING, "forwarding"},
	{MIP_SETTING_RP_FILTER, "rp_filter"},
	{MIP_SETTING_PROXY_ARP, "proxy_arp"},
	{MIP_SETTING_ARP_IGNORE, "arp_ignore"},
	{MIP_SETTING_ARP_ANNOUNCE, "arp_announce"},
	{MIP_SETTING_ARP_NOTIFY, "arp_notify"},
	{MIP_SETTING_ACCEPT_LOCAL, "accept_local"},
	{MIP_SETTING_ACCEPT_REDIRECTS, "accept_redirects"},
	{MIP_SETTING_SEND_REDIRECTS, "send_redirects"},
	{MIP_SETTING_PROXY_DELAY, "proxy_delay"},
	{0, NULL},
};

const char *mip_encapsulation_name(enum mip_encapsulation encapsulation)
{
	return mip_name_of(encapsulation_names, (int)encapsulation, "unknown");
}

/* The pure layers know an interface by its index only. */
static void add_link(struct mip_text *text, const char *word, mip_link link)
{
	if (link == MIP_LINK_NONE)
		return;
	mip_text_add(text, word);
	if (link == MIP_LINK_TUNNEL) {
		mip_text_add(text, "tunnel");
	} else {
		mip_text_add_character(text, '#');
		mip_text_add_signed(text, link);
	}
}

static void add_address(struct mip_text *text, const char *word, struct mip_address address)
{
	mip_text_add(text, word);
	mip_text_add_address(text, address);
}

static void add_prefix(struct mip_text *text, const char *word, struct mip_prefix prefix)
{
	add_address(text, word, prefix.address);
	mip_text_add_character(text, '/');
	mip_text_add_number(text, prefix.length);
}

static void add_number(struct mip_text *text, const char *word, int64_t number)
{
	mip_text_add(text, word);
	mip_text_add_signed(text, number);
}

static void add_route(struct mip_text *text, const struct mip_want_route *route)
{
	mip_text_add(text, "route ");
	mip_text_add(text, mip_name_of(route_type_names, (int)route->type, ""));
	if (route->destination.length == 0)
		mip_text_add(text, "default");
	else
		add_prefix(text, "", route->destination);
	if (!mip_address_is_none(route->gateway))
		add_address(text, " via ", route->gateway);
	add_link(text, " dev ", route->link);
	add_number(text, " table ", table_of(route->table));
	if (route->metric != 0)
		add_number(text, " metric ", route->metric);
	if (!mip_address_is_none(route->source))
		add_address(text, " src ", route->source);
	if (route->mtu != 0)
		add_number(text, " mtu ", route->mtu);
	if (route->onlink)
		mip_text_add(text, " onlink");
	if (route->nexthop != 0)
		add_number(text, " nhid ", route->nexthop);
}

static void add_rule(struct mip_text *text, const struct mip_want_rule *rule)
{
	add_number(text, "rule ", rule->priority);
	mip_text_add(text, ":");
	if (rule->from.length > 0)
		add_prefix(text, " from ", rule->from);
	else
		mip_text_add(text, " from all");
	if (rule->to.length > 0)
		add_prefix(text, " to ", rule->to);
	if (rule->local_only)
		mip_text_add(text, " iif lo");
	else
		add_link(text, " iif ", rule->incoming);
	add_number(text, " lookup ", table_of(rule->table));
	if (rule->suppress_prefix_length >= 0)
		add_number(text, " suppress_prefixlength ", rule->suppress_prefix_length);
}

static void add_neighbour(struct mip_text *text, const struct mip_want_neighbour *neighbour)
{
	add_address(text, "neighbour ", neighbour->address);
	mip_text_add(text, " lladdr ");
	mip_text_add(text, MIP_LINK_TEXT(neighbour->link_address));
	add_link(text, " dev ", neighbour->link);
	mip_text_add(text, neighbour->seed ? " reachable" : " permanent");
}

static void add_setting(struct mip_text *text, const struct mip_want_setting *setting)
{
	mip_text_add(text, "setting ");
	mip_text_add(text, mip_name_of(setting_names, (int)setting->setting, "unknown"));
	add_number(text, " = ", setting->value);
	add_link(text, " dev ", setting->link);
}

static void add_tunnel(struct mip_text *text, const struct mip_want_tunnel *tunnel)
{
	add_address(
		text, tunnel->end == MIP_TUNNEL_HOME ? "tunnel to " : "tunnel from ", tunnel->home_address);
	mip_text_add_character(text, ' ');
	mip_text_add(text, mip_encapsulation_name(tunnel->encapsulation));
	add_address(text, " local ", tunnel->local);
	if (tunnel->encapsulation == MIP_ENCAPSULATION_UDP)
		add_number(text, ":", tunnel->local_port);
	add_address(text, " remote ", tunnel->remote);
	if (tunnel->encapsulation == MIP_ENCAPSULATION_UDP)
		add_number(text, ":", tunnel->remote_port);
	add_link(text, " dev ", tunnel->link);
	mip_text_add(text, tunnel->delivery ? " delivery" : "");
}

static void add_peer(struct mip_text *text, const struct mip_want_peer *peer)
{
	add_address(text, peer->end == MIP_TUNNEL_HOME ? "peer of " : "peer for ", peer->home_address);
	add_address(text, " remote ", peer->remote);
	if (peer->remote_port != 0)
		add_number(text, ":", peer->remote_port);
	if (!mip_address_is_none(peer->local))
		add_address(text, " local ", peer->local);
}

static void add_groups(struct mip_text *text, const struct mip_want_groups *groups)
{
	add_address(
		text, groups->end == MIP_TUNNEL_HOME ? "groups of " : "groups for ", groups->home_address);
	add_address(text, " remote ", groups->remote);
	if (groups->remote_port != 0)
		add_number(text, ":", groups->remote_port);
	if (!mip_address_is_none(groups->local))
		add_address(text, " local ", groups->local);
}

static void add_relay(struct mip_text *text, const struct mip_want_relay *relay)
{
	add_address(text, "relay of ", relay->home_address);
	mip_text_add_character(text, ' ');
	mip_text_add(text, mip_encapsulation_name(relay->encapsulation));
	if (!mip_address_is_none(relay->local))
		add_address(text, " local ", relay->local);
	add_link(text, " dev ", relay->link);
}

const char *mip_want_text(const struct mip_want *want, char text[static MIP_WANT_TEXT])
{
	struct mip_text out = mip_text_of(text, MIP_WANT_TEXT);

	switch (want->kind) {
	case MIP_WANT_NONE:
		mip_text_add(&out, "nothing");
		break;
	case MIP_WANT_ADDRESS:
		add_address(&out, "address ", want->address.address);
		add_number(&out, "/", want->address.prefix_length);
		add_link(&out, " dev ", want->address.link);
		mip_text_add(&out, want->address.no_prefix_route ? " noprefixroute" : "");
		break;
	case MIP_WANT_ROUTE:
		add_route(&out, &want->route);
		break;
	case MIP_WANT_RULE:
		add_rule(&out, &want->rule);
		break;
	case MIP_WANT_NEIGHBOUR:
		add_neighbour(&out, &want->neighbour);
		break;
	case MIP_WANT_PROXY:
		add_address(&out, "neighbour proxy ", want->proxy.address);
		add_link(&out, " dev ", want->proxy.link);
		break;
	case MIP_WANT_SETTING:
		add_setting(&out, &want->setting);
		break;
	case MIP_WANT_GROUP:
		add_address(&out, "group ", want->group.address);
		add_link(&out, " dev ", want->group.link);
		break;
	case MIP_WANT_COPY:
		mip_text_add(&out, "copy by ");
		add_tunnel(&out, &want->tunnel);
		break;
	case MIP_WANT_TUNNEL:
		add_tunnel(&out, &want->tunnel);
		break;
	case MIP_WANT_PEER:
		add_peer(&out, &want->peer);
		break;
	case MIP_WANT_GROUPS:
		add_groups(&out, &want->groups);
		break;
	case MIP_WANT_RELAY:
		add_relay(&out, &want->relay);
		break;
	case MIP_WANT_BROADCAST:
		add_address(&out, "broadcast address ", want->broadcast.address);
		break;
	case MIP_WANT_LISTEN:
		mip_text_add(&out, "groups heard");
		add_link(&out, " dev ", want->listen.link);
		break;
	}
	return text;
}
