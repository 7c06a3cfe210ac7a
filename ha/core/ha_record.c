/*
 * What survives a restart, as records: bindings ("binding/10.1.0.50", one after another if there are several),
 * replay state ("replay/10.1.0.50" or "replay/nai/alice@example.org"), addresses given out ("pool/alice@example.org")
 * and revocations that wait for their acknowledgment ("revocation/…"). Times in them are wall times, since the
 * boot-time clock starts anew with the machine. What no longer fits the configuration is forgotten.
 */
#include "ha_internal.h"

#include <errno.h>
#include <string.h>

#include "text.h"

enum {
	VERSION = 2,
	BINDING_REVERSE_TUNNEL = 1,
	BINDING_INFINITE = 2,
	BINDING_HALF_BOUND = 4,
	BINDING_BROADCAST = 8,
	BINDING_CO_LOCATED = 16,
	BINDING_AGREED = 32, /* what was agreed on for revocation stands at the end */
	BINDING_DIRECT = 1,  /* of what was agreed on for revocation */
	BINDING_INFORM = 2,
	REVOCATION_DIRECT = 1,
	REVOCATION_INFORM = 2,
	REVOCATION_INFINITE = 4,
	REPLAY_ACCEPTED_ANY = 1,
	REPLAY_HAS_NONCE = 2,
	RECORD_MAX = 512, /* octets of one binding, or of another record */
};

static const char binding_prefix[] = "binding/";
static const char replay_prefix[] = "replay/";
static const char pool_prefix[] = "pool/";
static const char revocation_prefix[] = "revocation/";

static void make_key(char key[static MIP_RECORD_KEY], const char *prefix, const char *name)
{
	struct mip_text text = mip_text_of(key, MIP_RECORD_KEY);

	mip_text_add(&text, prefix);
	mip_text_add(&text, name);
}

static void keep(struct ha_core *core, const char *prefix, const char *name, const struct mip_writer *record)
{
	char key[MIP_RECORD_KEY];

	make_key(key, prefix, name);
	if (!mip_writer_failed(record))
		mip_outbox_keep(&core->outbox, key, record->octets, record->length);
}

static void forget(struct ha_core *core, const char *prefix, const char *name)
{
	char key[MIP_RECORD_KEY];

	make_key(key, prefix, name);
	mip_outbox_forget(&core->outbox, key);
}

/* --- bindings --------------------------------------------------------------------------------- */

static void write_binding(struct mip_writer *record, const struct ha_binding *binding, struct mip_now now)
{
	bool infinite = binding->expires == MIP_NEVER;
	char identity[MIP_RECORD_KEY];

	ha_node_identity(binding->node, identity);
	mip_write8(record, VERSION);
	mip_write8(record,
		(uint8_t)((binding->reverse_tunnel ? BINDING_REVERSE_TUNNEL : 0) |
			  (infinite ? BINDING_INFINITE : 0) | (binding->half_bound ? BINDING_HALF_BOUND : 0) |
			  (binding->broadcast ? BINDING_BROADCAST : 0) |
			  (binding->co_located ? BINDING_CO_LOCATED : 0) |
			  (binding->revocation.negotiated ? BINDING_AGREED : 0)));
	mip_write8(record, (uint8_t)binding->encapsulation);
	mip_write16(record, binding->lifetime);
	mip_write64(record, infinite ? 0 : (uint64_t)(now.wall + (binding->expires - now.boot)));
	mip_write_address(record, binding->care_of_address);
	mip_write_address(record, binding->home_agent);
	mip_write_address(record, binding->source);
	mip_write16(record, binding->source_port);
	mip_write_address(record, binding->local);
	mip_write16(record, binding->local_port);
	mip_write16(record, binding->tunnel_port);
	mip_write64(record, binding->identification);
	mip_write64(record, binding->reply_identification);
	mip_write16(record, (uint16_t)strlen(identity));
	mip_write_octets(record, identity, strlen(identity));
	if (binding->revocation.negotiated) {
		mip_write8(record, (uint8_t)((binding->direct ? BINDING_DIRECT : 0) |
					     (binding->revocation.inform ? BINDING_INFORM : 0)));
		mip_write32(record, binding->revocation.own);
		mip_write32(record, binding->revocation.theirs);
	}
}

void ha_record_keep_binding(struct ha_core *core, const struct ha_binding *binding, struct mip_now now)
{
	uint8_t octets[RECORD_MAX * HA_SIMULTANEOUS_MOST];
	struct mip_writer record = mip_writer_of(octets, sizeof(octets));
	const struct ha_binding *each;

	for (each = binding->node->binding; each; each = each->sibling)
		write_binding(&record, each, now);
	keep(core, binding_prefix, MIP_TEXT(binding->home_address), &record);
}

void ha_record_forget_binding(struct ha_core *core, struct mip_address home_address)
{
	forget(core, binding_prefix, MIP_TEXT(home_address));
}

struct kept_binding {
	struct ha_binding binding;
	mip_time expires_wall;
	bool infinite;
	char identity[MIP_RECORD_KEY];
};

static void read_agreement(struct mip_reader *reader, struct ha_binding *binding)
{
	uint8_t flags = mip_read8(reader);

	binding->direct = flags & BINDING_DIRECT;
	binding->revocation = (struct mip_revocation_terms){
		.negotiated = true,
		.inform = flags & BINDING_INFORM,
		.own = mip_read32(reader),
	};
	binding->revocation.theirs = mip_read32(reader);
}

static int read_binding(struct mip_reader *reader, struct kept_binding *kept)
{
	struct ha_binding *binding = &kept->binding;
	uint8_t version = mip_read8(reader), flags = mip_read8(reader);
	const uint8_t *identity;
	uint8_t encapsulation;
	uint16_t length;

	binding->reverse_tunnel = flags & BINDING_REVERSE_TUNNEL;
	kept->infinite = flags & BINDING_INFINITE;
	binding->half_bound = flags & BINDING_HALF_BOUND;
	binding->broadcast = flags & BINDING_BROADCAST;
	binding->co_located = flags & BINDING_CO_LOCATED;
	encapsulation = mip_read8(reader);
	binding->lifetime = mip_read16(reader);
	kept->expires_wall = (mip_time)mip_read64(reader);
	binding->care_of_address = mip_read_address(reader);
	binding->home_agent = mip_read_address(reader);
	binding->source = mip_read_address(reader);
	binding->source_port = mip_read16(reader);
	binding->local = mip_read_address(reader);
	binding->local_port = mip_read16(reader);
	binding->tunnel_port = mip_read16(reader);
	binding->identification = mip_read64(reader);
	binding->reply_identification = mip_read64(reader);
	length = mip_read16(reader);
	identity = mip_read_octets(reader, length);
	if (flags & BINDING_AGREED)
		read_agreement(reader, binding);
	if (mip_reader_failed(reader) || version != VERSION || length >= sizeof(kept->identity))
		return -EBADMSG;
	memcpy(kept->identity, identity, length);
	kept->identity[length] = '\0';
	binding->encapsulation = (enum mip_encapsulation)encapsulation;
	return encapsulation <= MIP_ENCAPSULATION_UDP ? 0 : -EBADMSG;
}

/* When it ends on the clock of this boot: as the node was promised, whatever the most is by now; but one
 * without end gets the end that a new one would have. A wall clock that was set back must not lengthen it. */
static mip_time expiry(const struct ha_core *core, const struct kept_binding *kept, struct mip_now now)
{
	uint16_t most = core->settings.max_lifetime;
	mip_time granted = (kept->infinite ? most : kept->binding.lifetime) * MIP_SECOND;

	if (kept->infinite && most == MIP_LIFETIME_INFINITE)
		return MIP_NEVER;
	if (kept->infinite || kept->expires_wall > now.wall + granted)
		return now.boot + granted;
	return kept->expires_wall > now.wall ? now.boot + (kept->expires_wall - now.wall) : now.boot;
}

/* Whether the node may have this home address as it is configured now. */
static bool may_have(const struct ha_core *core, const struct ha_node *node, struct mip_address home_address)
{
	const struct ha_node *holder = ha_node_by_address(&core->tables, home_address);

	if (!ha_network_of(&core->tables, home_address) || (holder && holder != node))
		return false;
	if (!mip_address_is_none(node->home_address))
		return mip_address_equal(node->home_address, home_address);
	return ha_pool_contains(&core->settings, home_address);
}

/* Of another home address than the node has bindings of, the same once more, or one more than there may be.
 */
static bool is_surplus(const struct ha_core *core, const struct ha_node *node, const struct ha_binding *kept,
	struct mip_address home_address)
{
	return node->binding && (!mip_address_equal(node->binding->home_address, home_address) ||
					ha_binding_at(node, kept->care_of_address) ||
					ha_binding_count_of(node) >= ha_binding_limit(core));
}

/* It ends here, and whom it was agreed on with is to know: rfc3543-4.2.2.1-1, "the home agent MUST notify the
 * foreign domain address it is terminating the tunnel entry point". */
static void leave_out(
	struct ha_core *core, const struct ha_node *node, struct ha_binding *binding, struct mip_now now)
{
	if (!binding->revocation.negotiated || binding->expires <= now.boot || (binding->direct && !node) ||
		(node && ha_binding_at(node, binding->care_of_address)))
		return;
	ha_revocation_begin(core, binding, true, now);
}

static int restore_one(
	struct ha_core *core, struct mip_address home_address, struct mip_reader *reader, struct mip_now now)
{
	struct kept_binding kept = {0};
	struct ha_binding *binding;
	struct ha_node *node;
	mip_time expires;

	if (read_binding(reader, &kept) < 0)
		return -EBADMSG;
	node = ha_node_by_identity(&core->tables, kept.identity);
	expires = expiry(core, &kept, now);
	kept.binding.node = node;
	kept.binding.home_address = home_address;
	kept.binding.expires = expires;
	/* When the last message left is not known: now at the latest. */
	kept.binding.revocation.sent = now.boot;
	if (!node || is_surplus(core, node, &kept.binding, home_address) ||
		!may_have(core, node, home_address) || expires <= now.boot) {
		leave_out(core, node, &kept.binding, now);
		return -ESTALE;
	}
	if (mip_address_is_none(node->home_address) && !mip_address_equal(node->assigned, home_address) &&
		ha_pool_put(&core->tables, node, home_address) < 0)
		return -ENOMEM;
	binding = ha_binding_new(core, node, home_address, expires);
	if (!binding)
		return -ENOMEM;
	binding->reverse_tunnel = kept.binding.reverse_tunnel;
	binding->broadcast = kept.binding.broadcast;
	binding->co_located = kept.binding.co_located;
	binding->encapsulation = kept.binding.encapsulation;
	binding->lifetime =
		kept.infinite && expires != MIP_NEVER ? core->settings.max_lifetime : kept.binding.lifetime;
	binding->care_of_address = kept.binding.care_of_address;
	binding->home_agent = kept.binding.home_agent;
	binding->source = kept.binding.source;
	binding->source_port = kept.binding.source_port;
	binding->local = kept.binding.local;
	binding->local_port = kept.binding.local_port;
	binding->tunnel_port = kept.binding.tunnel_port;
	ha_binding_set_half_bound(core, binding, kept.binding.half_bound);
	binding->identification = kept.binding.identification;
	binding->reply_identification = kept.binding.reply_identification;
	binding->revocation = kept.binding.revocation;
	binding->direct = kept.binding.direct;
	ha_count(core, HA_COUNTER_BINDINGS_RESTORED);
	return 0;
}

/* The record is good for as long as one of its bindings is. */
static int restore_bindings(
	struct ha_core *core, const char *name, struct mip_reader *reader, struct mip_now now)
{
	struct mip_address home_address;
	bool restored = false;
	int status;

	if (mip_address_read(name, &home_address) < 0)
		return -EBADMSG;
	do {
		status = restore_one(core, home_address, reader, now);
		restored = restored || status == 0;
	} while ((status == 0 || status == -ESTALE) && mip_reader_left(reader) > 0);
	return restored ? 0 : status;
}

/* --- replay state ----------------------------------------------------------------------------- */

void ha_record_keep_replay(struct ha_core *core, const struct ha_node *node)
{
	uint8_t octets[RECORD_MAX];
	struct mip_writer record = mip_writer_of(octets, sizeof(octets));
	char identity[MIP_RECORD_KEY];

	mip_write8(&record, VERSION);
	mip_write8(&record, (uint8_t)((node->replay.accepted_any ? REPLAY_ACCEPTED_ANY : 0) |
				      (node->replay.has_nonce ? REPLAY_HAS_NONCE : 0)));
	mip_write64(&record, node->replay.last_accepted);
	mip_write32(&record, node->replay.nonce);
	keep(core, replay_prefix, ha_node_identity(node, identity), &record);
}

static int restore_replay(struct ha_core *core, const char *name, struct mip_reader *reader)
{
	uint8_t version = mip_read8(reader), flags = mip_read8(reader);
	struct mip_replay_state state = {
		.last_accepted = mip_read64(reader),
		.accepted_any = flags & REPLAY_ACCEPTED_ANY,
		.has_nonce = flags & REPLAY_HAS_NONCE,
	};
	struct ha_node *node = ha_node_by_identity(&core->tables, name);

	state.nonce = mip_read32(reader);
	if (mip_reader_failed(reader) || version != VERSION)
		return -EBADMSG;
	if (!node)
		return -ESTALE;
	/* What was accepted stays accepted: the state never moves back. */
	if (node->replay.accepted_any &&
		(!state.accepted_any ||
			mip_ntp_difference(node->replay.last_accepted, state.last_accepted) >= 0))
		return 0;
	node->replay = state;
	return 0;
}

/* --- addresses given out ---------------------------------------------------------------------- */

void ha_record_keep_pool(struct ha_core *core, const struct ha_node *node)
{
	uint8_t octets[RECORD_MAX];
	struct mip_writer record = mip_writer_of(octets, sizeof(octets));

	mip_write8(&record, VERSION);
	mip_write_address(&record, node->assigned);
	keep(core, pool_prefix, node->nai, &record);
}

void ha_record_forget_pool(struct ha_core *core, const struct ha_node *node)
{
	if (node->nai)
		forget(core, pool_prefix, node->nai);
}

static int restore_pool(struct ha_core *core, const char *name, struct mip_reader *reader)
{
	uint8_t version = mip_read8(reader);
	struct mip_address address = mip_read_address(reader);
	struct ha_node *node = ha_node_by_nai(&core->tables, (const uint8_t *)name, strlen(name));

	if (mip_reader_failed(reader) || version != VERSION)
		return -EBADMSG;
	if (!node || !mip_address_is_none(node->home_address) || !may_have(core, node, address))
		return -ESTALE;
	/* A binding that was restored before says the same. */
	return mip_address_is_none(node->assigned) ? ha_pool_put(&core->tables, node, address) : 0;
}

/* --- revocations under way -------------------------------------------------------------------- */

static void revocation_name(const struct mip_revoked *revoked, char name[static MIP_RECORD_KEY])
{
	struct mip_text text = mip_text_of(name, MIP_RECORD_KEY);

	mip_text_add_address(&text, revoked->key.home_address);
	mip_text_add(&text, "/");
	mip_text_add_address(&text, revoked->key.peer);
	mip_text_add(&text, "/");
	mip_text_add_address(&text, revoked->message.foreign_domain);
}

void ha_record_keep_revocation(struct ha_core *core, const struct mip_revoked *revoked, struct mip_now now)
{
	uint8_t octets[RECORD_MAX];
	struct mip_writer record = mip_writer_of(octets, sizeof(octets));
	bool infinite = revoked->expires == MIP_NEVER;
	bool direct = revoked->authentication == MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION;
	char name[MIP_RECORD_KEY];

	revocation_name(revoked, name);
	mip_write8(&record, VERSION);
	mip_write8(&record, (uint8_t)((direct ? REVOCATION_DIRECT : 0) |
				      (revoked->message.inform ? REVOCATION_INFORM : 0) |
				      (infinite ? REVOCATION_INFINITE : 0)));
	mip_write64(&record, infinite ? 0 : (uint64_t)(now.wall + (revoked->expires - now.boot)));
	mip_write_address(&record, revoked->key.home_address);
	mip_write_address(&record, revoked->key.peer);
	mip_write_address(&record, revoked->message.home_domain);
	mip_write_address(&record, revoked->message.foreign_domain);
	mip_write16(&record, revoked->way.destination_port);
	/* No identifier that has been used may be used again. */
	mip_write32(
		&record, revoked->attempts > 0 ? revoked->sent[revoked->attempts - 1] : revoked->terms.own);
	mip_write32(&record, revoked->terms.theirs);
	keep(core, revocation_prefix, name, &record);
}

void ha_record_forget_revocation(struct ha_core *core, const struct mip_revoked *revoked)
{
	char name[MIP_RECORD_KEY];

	revocation_name(revoked, name);
	forget(core, revocation_prefix, name);
}

static int restore_revocation(
	struct ha_core *core, const char *name, struct mip_reader *reader, struct mip_now now)
{
	uint8_t version = mip_read8(reader), flags = mip_read8(reader);
	mip_time expires_wall = (mip_time)mip_read64(reader);
	struct mip_revoked revoked = {.terms = {.negotiated = true, .sent = now.boot}};
	char own_name[MIP_RECORD_KEY];

	revoked.key.home_address = mip_read_address(reader);
	revoked.key.peer = mip_read_address(reader);
	revoked.message.from_home_agent = true;
	revoked.message.inform = flags & REVOCATION_INFORM;
	revoked.message.home_address = revoked.key.home_address;
	revoked.message.home_domain = mip_read_address(reader);
	revoked.message.foreign_domain = mip_read_address(reader);
	revoked.way.source = revoked.message.home_domain;
	revoked.way.destination = revoked.key.peer;
	revoked.way.destination_port = mip_read16(reader);
	revoked.terms.own = mip_read32(reader);
	revoked.terms.theirs = mip_read32(reader);
	revoked.authentication = flags & REVOCATION_DIRECT ? MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION
							   : MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION;
	revocation_name(&revoked, own_name);
	if (mip_reader_failed(reader) || version != VERSION || strcmp(name, own_name) != 0)
		return -EBADMSG;
	revoked.expires = MIP_NEVER;
	if (!(flags & REVOCATION_INFINITE)) {
		if (expires_wall <= now.wall || expires_wall > now.wall + MIP_LIFETIME_INFINITE * MIP_SECOND)
			return -ESTALE;
		revoked.expires = now.boot + (expires_wall - now.wall);
	}
	return ha_revocation_restore(core, &revoked, now);
}

/* --- all -------------------------------------------------------------------------------------- */

void ha_record_forget_node(struct ha_core *core, const struct ha_node *node)
{
	char identity[MIP_RECORD_KEY];

	forget(core, replay_prefix, ha_node_identity(node, identity));
	ha_record_forget_pool(core, node);
}

static const char *after(const char *key, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(key, prefix, length) == 0 ? key + length : NULL;
}

void ha_core_record(
	struct ha_core *core, const char *key, const uint8_t *octets, size_t length, struct mip_now now)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	const char *name;
	int status = -EBADMSG;

	if ((name = after(key, binding_prefix)))
		status = restore_bindings(core, name, &reader, now);
	else if ((name = after(key, replay_prefix)))
		status = restore_replay(core, name, &reader);
	else if ((name = after(key, pool_prefix)))
		status = restore_pool(core, name, &reader);
	else if ((name = after(key, revocation_prefix)))
		status = restore_revocation(core, name, &reader, now);
	if (status == 0 || status == -ENOMEM)
		return;
	mip_log(core->log, status == -ESTALE ? MIP_LOG_INFO : MIP_LOG_WARNING,
		"the record %s is %s: forgotten", key,
		status == -ESTALE ? "no longer wanted" : "not understood");
	mip_outbox_forget(&core->outbox, key);
}
